//! `flusso check` against a database: what only a database knows is said, and only what cannot
//! run, or would not do what it says, fails.

use std::sync::LazyLock;

use flusso_tests::deployment::Deployment;
use flusso_tests::flusso::command;
use flusso_tests::server::{Server, repository};

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// Compares with a file beside this one; `UPDATE_GOLDEN=1` writes it instead.
fn golden(name: &str, text: &str) {
    let path = repository().join("tests/tests/check").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the repository can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{name} differs; it is now:\n{text}");
}

/// Exit code, what `check` says of the database, and what stands on stderr.
fn check(deployment: &Deployment) -> (Option<i32>, String, String) {
    let output = command(&deployment.folder, &["check", "--config", "flusso.toml"]);
    let page = String::from_utf8(output.stdout).expect("a report is text");
    let part = page.split_once("Database validation\n").map_or("", |(_, rest)| rest);
    let part = part.split_once("\n\nPublication coverage").map_or("", |(part, _)| part);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), format!("{part}\n"), said)
}

/// Many orders in one shop, many items in one order, nothing indexed but keys. The statistics of a
/// table with five million rows are written by hand.
const DEAR: &str = r#"
CREATE TABLE shops (id int PRIMARY KEY, name text COLLATE "en-x-icu");
CREATE TABLE orders (id int PRIMARY KEY, shop_id int, state text COLLATE "C");
CREATE TABLE items (id int PRIMARY KEY, order_id int, label text COLLATE "en-x-icu");
CREATE TABLE tags (id int PRIMARY KEY, name text COLLATE "C");
CREATE TABLE order_tags (order_id int, tag_id int, PRIMARY KEY (order_id, tag_id));
CREATE TABLE few (id int PRIMARY KEY, shop_id int);
INSERT INTO shops VALUES (1, 'one'), (2, 'two');
INSERT INTO orders SELECT n, 1 + n / 4900, 'open' FROM generate_series(1, 5000) n;
INSERT INTO items SELECT n, CASE WHEN n % 2 = 0 THEN 1 ELSE n END, 'x' FROM generate_series(1, 4000) n;
INSERT INTO tags SELECT n, 't' FROM generate_series(1, 5) n;
INSERT INTO order_tags SELECT n, 1 FROM generate_series(1, 2000) n;
INSERT INTO few SELECT n, 1 FROM generate_series(1, 10) n;
ANALYZE;
UPDATE pg_class SET reltuples = 5000000 WHERE oid = 'items'::regclass;
"#;

const SHOPS: &str = "
table: shops
primary_key: id
fields:
  - text: name
  - has_many: orders
    table: orders
    foreign_key: shop_id
    primary_key: id
    order_by: [{ column: state }]
    fields:
      - keyword: state
      - max: label
        table: items
        foreign_key: order_id
        column: label
        value_type: keyword
  - has_many: last
    table: orders
    foreign_key: shop_id
    primary_key: id
    limit: 5
    fields: [{ keyword: state }]
  - has_many: sold
    select: |
      SELECT i.id, o.state FROM orders o JOIN items i ON i.order_id = o.id
      WHERE o.shop_id = shops.id ORDER BY i.id
    fields: [{ integer: id }, { keyword: state }]
  - has_many: states
    select: |
      SELECT o.state, count(*) AS orders FROM orders o WHERE o.shop_id = shops.id
      GROUP BY o.state ORDER BY o.state
    fields: [{ keyword: state }, { long: orders }]
  - has_many: all
    join: orders o ON o.shop_id = shops.id
    order_by: o.id
    fields: [{ integer: id }]
  - has_many: newest
    join: orders o ON o.shop_id = shops.id
    order_by: o.id DESC
    limit: 5
    fields: [{ integer: id }]
  - integer: ids
    sql: ARRAY(SELECT o.id FROM orders o WHERE o.shop_id = shops.id ORDER BY o.id)
  - count: few
    table: few
    foreign_key: shop_id
";

const ITEMS: &str = "
table: items
primary_key: id
fields:
  - keyword: label
  - belongs_to: order
    table: orders
    column: order_id
    primary_key: id
    fields:
      - belongs_to: shop
        table: shops
        column: shop_id
        primary_key: id
        fields: [{ text: name }]
";

const TAGS: &str = "
table: tags
primary_key: id
fields:
  - many_to_many: orders
    table: orders
    primary_key: id
    through: { table: order_tags, left_key: tag_id, right_key: order_id }
    order_by: [{ column: id }]
    fields: [{ keyword: state }]
  - ids: orderIds
    table: orders
    through: { table: order_tags, left_key: tag_id, right_key: order_id }
    element_type: integer
";

#[test]
fn what_is_right_and_dear_is_told_and_does_not_fail() {
    let indexes = [("shops", SHOPS), ("items", ITEMS), ("tags", TAGS)];
    let deployment = Deployment::new(&SERVER, "check_dear", DEAR, &indexes);
    let (code, found, said) = check(&deployment);
    golden("dear.txt", &found);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(!found.contains("[error]"), "{found}");
}

const WRONG: &str = "
table: orders
primary_key: id
fields:
  - keyword: stat
  - integer: state
  - keyword: name
    column: zzz
  - integer: shop_id
    required: true
  - sum: items
    table: items
    foreign_key: order_id
    column: id
    value_type: long
  - sum: labels
    table: items
    foreign_key: order_id
    column: id
    value_type: date
";

#[test]
fn what_is_wrong_is_told_with_the_nearest_name_and_fails() {
    let right = "table: orders\nprimary_key: id\nfields: [{ integer: id }]\n";
    let deployment = Deployment::new(&SERVER, "check_wrong", DEAR, &[("orders", right)]);
    deployment.write("orders.schema.yml", WRONG);
    let (code, found, said) = check(&deployment);
    golden("wrong.txt", &found);
    assert_eq!(code, Some(1), "{said}");
}

/// What no field by itself is wrong about: keys, tables.
#[test]
fn what_cannot_run_fails_with_its_place() {
    let right = "table: orders\nprimary_key: id\nfields: [{ integer: id }]\n";
    let deployment = Deployment::new(&SERVER, "check_place", DEAR, &[("orders", right)]);
    let wrong = "table: orders\nprimary_key: id\nfields:\n  - count: items\n    table: items\n    \
                 foreign_key: ordr_id\n";
    deployment.write("orders.schema.yml", wrong);
    let (code, _, said) = check(&deployment);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("orders.schema.yml:6:") && said.contains("`order_id`"), "{said}");
    deployment.write("orders.schema.yml", &wrong.replace("table: items", "table: itms"));
    let (code, _, said) = check(&deployment);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("orders.schema.yml:5:") && said.contains("`items`"), "{said}");
}
