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
        Holds::Tallies(_) | Holds::Rows { .. } => None,
    });
    assert_eq!(tallies, Some(2), "one for `count`, one for `EXISTS`");
    let again = format!(
        "{FIELDS}  - long: again\n    sql: \"(SELECT count(*) FROM orders x WHERE x.status <> 'gone' AND x.user_id = users.id)\"\n"
    );
    let shared = build("shared", &again).unwrap();
    assert_eq!(shared.kept, plan.kept, "the same question is kept once");
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
