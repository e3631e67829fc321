//! Queries inside SQL as plans: where each phrase went, what it keeps, and which are refused.
#![allow(clippy::unwrap_used)]

mod golden;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::files::load;
use flusso_compiler::plan::verbose::verbose;
use flusso_compiler::plan::{self, Holds, text};
use flusso_compiler::types::SqlType;

const TABLES: &str = "
CREATE TABLE users (id int PRIMARY KEY, name text, boss int, tenant int);
CREATE TABLE orders (id int PRIMARY KEY, status text, user_id int, tenant int);
CREATE TABLE items (id int PRIMARY KEY, note text, order_id int, price int);
";

/// The tables of these statements, one a line.
fn catalog(statements: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for line in statements.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")) {
        let (name, columns) = line.trim_end_matches(");").split_once(" (").unwrap();
        let column = |text: &str| {
            let (name, ty) = text.split_once(' ').unwrap();
            let (type_name, null) = ty.split_once(' ').unwrap_or((ty, ""));
            let ty = match type_name {
                "int" => SqlType::Int4,
                "numeric" => SqlType::Numeric(None),
                "date" => SqlType::Date,
                "timestamp" => SqlType::Timestamp,
                "text[]" => SqlType::Array(Box::new(SqlType::Text)),
                _ => SqlType::Text,
            };
            let (name, type_name) = (name.to_owned(), type_name.to_owned());
            let not_null = !null.is_empty();
            Column { name, type_name, ty, not_null, width: None, distinct: None }
        };
        let columns = columns.split(", ").map(column).collect();
        let (name, key) =
            (TableName { schema: "public".into(), name: name.into() }, vec!["id".to_owned()]);
        let table =
            Table { oid: 1, kind: 'r', columns, primary_key: key, identity: 'd', rows: None };
        catalog.names.push(name.clone());
        catalog.tables.insert(name, table);
    }
    catalog
}

/// The plan of one index of users, or what is wrong, as it is printed.
fn build(name: &str, fields: &str) -> Result<plan::Plan, String> {
    let schema = format!("table: users\nprimary_key: id\nfields:\n  - keyword: name\n{fields}");
    build_schema(name, &schema, TABLES)
}

fn build_schema(name: &str, schema: &str, tables: &str) -> Result<plan::Plan, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("queries-{name}"));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("users.yml"), schema).unwrap();
    let config =
        "[source]\ntype = \"postgres\"\n[[index]]\nname = \"users\"\nschema = \"users.yml\"\n";
    std::fs::write(home.join("flusso.toml"), config).unwrap();
    let (mut sources, config) = load(&home.join("flusso.toml"));
    for (path, _) in &mut sources.files {
        *path = path.file_name().unwrap().into();
    }
    let built = config.and_then(|config| plan::build(&config, Some(&catalog(tables))));
    built.map_err(|errors| sources.render_all(&errors, false))
}

const FIELDS: &str = "
  - long: orders
    sql: (SELECT count(*) FROM orders o WHERE o.user_id = users.id AND o.status <> 'gone')
  - boolean: buyer
    sql: EXISTS (SELECT 1 FROM orders o WHERE o.user_id = users.id)
  - long: spent
    sql: |
      (SELECT sum(i.price) FROM items i JOIN orders o ON o.id = i.order_id
        WHERE o.user_id = users.id)
  - keyword: last
    sql: (SELECT status FROM orders WHERE user_id = users.id ORDER BY id DESC LIMIT 1)
  - keyword: bossName
    sql: (SELECT b.name FROM users b WHERE b.id = users.boss AND b.tenant = users.tenant)
  - has_many: bought
    join: orders o ON o.user_id = users.id JOIN items i ON i.order_id = o.id
    where: o.status = 'paid'
    order_by: i.price DESC
    limit: 3
    fields:
      - keyword: status
      - integer: price
        sql: i.price
  - has_many: facets
    select: |
      SELECT status, count(*) AS n FROM orders WHERE user_id = users.id
       GROUP BY status ORDER BY n DESC
    fields:
      - keyword: status
      - long: n
";

#[test]
fn a_plan_says_where_each_phrase_went() {
    let plan = build("plan", FIELDS).unwrap();
    insta::assert_snapshot!(text::text(&plan, None, None, false));
    insta::assert_snapshot!("operators", verbose(&plan, false));
}

#[test]
fn what_is_counted_in_one_table_is_kept_as_numbers() {
    let plan = build("tallies", FIELDS).unwrap();
    let tallies = plan.kept.iter().find_map(|kept| match &kept.holds {
        Holds::Tallies(tallies) if kept.name.starts_with("orders[user_id]") => Some(tallies.len()),
        Holds::Tallies(_) | Holds::Joined(_) | Holds::Rows { .. } => None,
    });
    assert_eq!(tallies, Some(2), "one for `count`, one for `EXISTS`");
    let again = format!(
        "{FIELDS}  - long: again\n    sql: \"(SELECT count(*) FROM orders x WHERE x.status <> 'gone' AND x.user_id = users.id)\"\n"
    );
    let shared = build("shared", &again).unwrap();
    assert_eq!(shared.kept, plan.kept, "the same question is kept once");
}

/// The reductions of joins, each with how many numbers it keeps.
fn joins(plan: &plan::Plan) -> Vec<(&str, usize)> {
    let join = |kept: &'_ plan::Kept| match &kept.holds {
        Holds::Joined(join) => Some(join.tallies.len()),
        Holds::Tallies(_) | Holds::Rows { .. } => None,
    };
    plan.kept.iter().filter_map(|kept| Some((kept.name.as_str(), join(kept)?))).collect()
}

#[test]
fn what_is_counted_over_a_join_is_kept_as_numbers() {
    let plan = build("joined", FIELDS).unwrap();
    assert_eq!(joins(&plan), [("orders[user_id] join items sum(items.price)", 1)]);
    let again = format!(
        "{FIELDS}
  - double: mean
    sql: |
      (SELECT avg(x.price) FROM orders y, items x WHERE x.order_id = y.id AND users.id = y.user_id)
  - long: sold
    sql: (SELECT count(*) FROM orders o JOIN items i ON i.order_id = o.id WHERE o.user_id = users.id)
  - sum: total
    join: orders o ON o.user_id = users.id JOIN items i ON o.id = i.order_id
    sql: i.price
    value_type: long
"
    );
    let shared = build("joined-once", &again).unwrap();
    assert_eq!(joins(&shared), [("orders[user_id] join items count, sum(items.price)", 2)]);
    let other = "
  - boolean: dear
    sql: |
      EXISTS (SELECT 1 FROM orders o JOIN items i ON i.order_id = o.id
               WHERE o.user_id = users.id AND i.price > 100)
  - long: kin
    sql: |
      (SELECT count(*) FROM users a JOIN users b ON b.boss = a.id JOIN orders o ON o.user_id = b.id
        WHERE a.boss = users.id AND a.tenant < b.tenant)
";
    let plan = build("joined-others", other).unwrap();
    let kept = ["orders[user_id] join items count", "users[boss] join orders, users_2 count"];
    assert_eq!(joins(&plan).iter().map(|(name, _)| *name).collect::<Vec<_>>(), kept);
    insta::assert_snapshot!("joins", text::text(&plan, None, None, false));
    insta::assert_snapshot!("walks", verbose(&plan, false));
}

#[test]
fn what_no_number_can_be_kept_of_is_gathered() {
    let of = "FROM orders o JOIN items i ON i.order_id = o.id WHERE o.user_id = users.id";
    let gathered = [
        "SELECT sum(i.price) FROM orders o LEFT JOIN items i ON i.order_id = o.id WHERE o.user_id = users.id".into(),
        format!("SELECT sum(i.price) {of} AND i.price > users.tenant"),
        format!("SELECT max(i.price) {of}"),
        format!("SELECT count(DISTINCT i.price) {of}"),
        format!("SELECT sum(i.price) {of} AND EXISTS (SELECT 1 FROM items x WHERE x.price = i.id)"),
        "SELECT count(*) FROM users b JOIN users c ON c.id = b.boss WHERE b.id = users.boss".into(),
    ];
    for (n, sql) in gathered.into_iter().enumerate() {
        let plan = build(&format!("gathered-{n}"), &format!("  - long: x\n    sql: ({sql})\n"));
        assert_eq!(joins(&plan.unwrap()), [], "{sql}");
    }
}

#[test]
fn what_cannot_be_answered_by_key_is_refused() {
    let refused = [
        ("uncorrelated", "(SELECT string_agg(status, ',') FROM orders)"),
        ("of all", "(SELECT o.id FROM orders o WHERE o.id > users.id ORDER BY o.id LIMIT 1)"),
        ("inequality", "(SELECT count(*) FROM orders o WHERE o.user_id > users.id)"),
        (
            "derived",
            "(SELECT x.n FROM (SELECT user_id, count(*) AS n FROM orders GROUP BY user_id) x WHERE x.user_id = users.id)",
        ),
        ("second", "(SELECT count(*) FROM orders o, items i WHERE o.user_id = users.id)"),
        ("limit", "(SELECT status FROM orders WHERE user_id = users.id LIMIT 1)"),
        ("columns", "(SELECT id, status FROM orders WHERE user_id = users.id)"),
        ("types", "EXISTS (SELECT 1 FROM orders o WHERE o.status = users.id)"),
    ];
    let said = refused.map(|(name, sql)| {
        let said = build(name, &format!("  - keyword: x\n    sql: {sql}\n")).unwrap_err();
        format!("-- {name}\n{said}")
    });
    let relation = "  - has_many: x\n    join: orders o ON o.status = 'paid'\n    filters: []\n    fields: []\n";
    let unordered = "  - has_many: x\n    select: SELECT status FROM orders WHERE user_id = users.id\n    fields: [{ keyword: status }]\n";
    let both = [
        format!("-- words beside\n{}", build("beside", relation).unwrap_err()),
        format!("-- unordered\n{}", build("unordered", unordered).unwrap_err()),
    ];
    insta::assert_snapshot!(said.into_iter().chain(both).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_page_of_queries_is_current() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docs/queries");
    let tables = std::fs::read_to_string(home.join("tables.sql")).unwrap();
    let refused = "table: users\nprimary_key: id\nfields:\n  - keyword: latest\n    sql: (SELECT string_agg(o.status, ',') FROM orders o)\n";
    let refused = build_schema("page", refused, &tables).unwrap_err();
    let mut page = include_str!("docs/queries.md").replace("{refused}", &refused);
    let mut examples: Vec<PathBuf> =
        std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()).collect();
    examples.retain(|path| path.extension().is_some_and(|kind| kind == "yml"));
    examples.sort();
    for path in examples {
        let text = std::fs::read_to_string(&path).unwrap();
        let (said, schema) = text.split_at(text.find("table:").unwrap());
        let mut said = said.lines().map(|line| line.trim_start_matches('#').trim());
        let title = said.next().unwrap();
        let said: Vec<&str> = said.skip(1).collect();
        let plan = build_schema("page", schema, &tables).unwrap_or_else(|error| panic!("{error}"));
        let plan = text::text(&plan, None, None, false);
        write!(page, "\n## {title}\n\n{}\n\n", said.join("\n")).unwrap();
        write!(page, "```yaml\n{schema}```\n\n```text\n{plan}```\n").unwrap();
    }
    golden::page("queries.md", &page);
}
