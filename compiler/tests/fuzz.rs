//! Whatever a user writes, nothing panics: bytes as files, words and signs as SQL, with and without
//! a catalog. What parses, prints, and is parsed again, prints alike.
#![allow(clippy::unwrap_used)]

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::diagnostics::{Place, Sources};
use flusso_compiler::files::{load, read_schema};
use flusso_compiler::sql::scope::{Named, Scope};
use flusso_compiler::sql::{self, Ground, Sql, parse, rewrite};
use flusso_compiler::types::SqlType;
use proptest::prelude::*;
use sqlparser::ast::Expr;

const WORDS: [&str; 96] = [
    "id",
    "name",
    "t",
    "t.id",
    "t.name",
    "x.y",
    "tags",
    "at",
    "data",
    "1",
    "2.5",
    "1e3",
    "'a'",
    "'1'",
    "''",
    "NULL",
    "TRUE",
    "ARRAY",
    "[",
    "]",
    "(",
    ")",
    "(",
    ")",
    ",",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "||",
    "=",
    "<>",
    "<",
    ">=",
    "~",
    "!~*",
    "->",
    "->>",
    "#>>",
    "@>",
    "?",
    "?|",
    "&&",
    "::",
    "int",
    "text",
    "numeric(10,2)",
    "text[]",
    "AND",
    "OR",
    "NOT",
    "IS",
    "NULL",
    "IN",
    "LIKE",
    "ILIKE",
    "ESCAPE",
    "BETWEEN",
    "ANY",
    "ALL",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "AS",
    "COLLATE",
    "\"C\"",
    "coalesce(",
    "lower(",
    "sum(",
    "count(*)",
    "now()",
    "EXTRACT(",
    "FROM",
    "day",
    "INTERVAL",
    "'1 day'",
    "DATE",
    "'2024-01-31'",
    "SELECT",
    "FROM t o",
    "WHERE",
    "EXISTS",
    "GROUP BY",
    "ORDER BY",
    "LIMIT 1",
    "AT TIME ZONE",
    "DISTINCT",
    "JOIN",
    "ON",
    ";",
];

fn catalog() -> Catalog {
    let name = TableName { schema: "public".into(), name: "t".into() };
    let columns = [
        ("id", SqlType::Int4),
        ("name", SqlType::Text),
        ("tags", SqlType::Array(Box::new(SqlType::Text))),
        ("at", SqlType::TimestampTz),
        ("data", SqlType::Jsonb),
    ];
    let columns = columns.into_iter().map(|(name, ty)| Column {
        name: name.into(),
        type_name: ty.to_string(),
        ty,
        not_null: false,
        width: None,
        distinct: None,
    });
    let (columns, primary_key) = (columns.collect(), vec!["id".into()]);
    let table = Table { oid: 1, kind: 'r', columns, primary_key, identity: 'd', rows: None };
    Catalog { tables: [(name.clone(), table)].into(), names: vec![name] }
}

fn sql(text: &str) -> Sql {
    let place = Place { file: 0, start: 0, end: text.len() as u32 };
    Sql { text: text.into(), place, pieces: vec![(0, 0)] }
}

/// Reads a text in every way there is, and prints what is wrong with it.
fn read(text: &str) {
    let catalog = catalog();
    let piece = sql(text);
    let name = TableName { schema: "public".into(), name: "t".into() };
    let sources = Sources { files: vec![("x.yml".into(), text.to_owned())] };
    for catalog in [None, Some(&catalog)] {
        let scopes = [Scope { relations: vec![Named::table("t", &name, catalog)] }];
        let ground = Ground { catalog, home: "public", scopes: &scopes };
        let found = [
            sql::value(&piece, ground).err(),
            sql::condition(&piece, "`where`", ground).err(),
            sql::order(&piece, ground).err(),
            sql::joins(&piece, ground).err(),
            sql::query(&piece, ground).err(),
        ];
        for found in found.into_iter().flatten() {
            assert!(!sources.render_all(&found, false).is_empty());
        }
        let _ = rewrite::expression(&piece, ground, &|_| "a".into());
        let _ = rewrite::order(&piece, ground, &|_| "a".into());
    }
    sql::tables(&piece, "public");
    if let Ok(tree) = parse::expression(&piece) {
        reads_as_printed(text, &tree);
    }
    if let Ok(tree) = parse::query(&piece) {
        let printed = tree.to_string();
        assert_eq!(parse::query(&sql(&printed)).as_ref(), Ok(&tree), "{text} is {printed}");
    }
}

/// What is printed means the same.
fn reads_as_printed(text: &str, tree: &Expr) {
    let printed = tree.to_string();
    let again = parse::expression(&sql(&printed)).unwrap_or_else(|error| {
        panic!("{text} is printed as {printed}, which is no SQL: {}", error.message)
    });
    assert_eq!(again, *tree, "{text} is printed as {printed}");
    assert_eq!(again.to_string(), printed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_words_as_sql(words in prop::collection::vec(0..WORDS.len(), 0..24)) {
        let words: Vec<&str> = words.into_iter().map(|at| WORDS[at]).collect();
        read(&words.join(" "));
    }

    #[test]
    fn any_text_as_sql(text in "\\PC{0,60}") {
        read(&text);
    }

    #[test]
    fn any_bytes_as_files(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let path = std::env::temp_dir().join(format!("flusso-fuzz-{}.toml", std::process::id()));
        std::fs::write(&path, &bytes).unwrap();
        let (sources, config) = load(&path);
        if let Err(found) = config {
            sources.render_all(&found, false);
        }
        std::fs::remove_file(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        if let Err(found) = read_schema(0, &text) {
            Sources { files: vec![("x.yml".into(), text.into_owned())] }.render_all(&found, false);
        }
    }

    #[test]
    fn any_lines_as_a_schema(lines in prop::collection::vec(0..LINES.len(), 0..12)) {
        let text: String = lines.into_iter().map(|at| format!("{}\n", LINES[at])).collect();
        if let Err(found) = read_schema(0, &text) {
            for one in &found {
                let place = one.place.unwrap();
                prop_assert!(place.start <= place.end && place.end as usize <= text.len() + 1);
            }
            Sources { files: vec![("x.yml".into(), text)] }.render_all(&found, false);
        }
    }
}

const LINES: [&str; 24] = [
    "table: users",
    "primary_key: id",
    "primary_key: [a, b]",
    "where: |",
    "  id > 1 AND",
    "  name = 'ž' ||",
    "where: id = 1",
    "filters:",
    "  - raw: \"a = \\\"b\\\" AND\"",
    "  - { column: a, op: eq, value: 1 }",
    "fields:",
    "  - keyword: name",
    "    sql: lower(name)",
    "    sql: >-",
    "      lower(",
    "      name)",
    "    column: x",
    "  - has_many: orders",
    "    table: orders",
    "    order_by: at DESC NULLS LAST, id",
    "    order_by: [{ column: id }]",
    "    fields: []",
    "    where: 'it''s'",
    "    sql: 'lower(''a'')'",
];

#[test]
fn deep_and_long_sql_ends_with_a_word() {
    let deep = |open: &str, close: &str, levels: usize| {
        format!("{}1{}", open.repeat(levels), close.repeat(levels))
    };
    read(&deep("(", ")", 30));
    read(&deep("(", ")", 5000));
    read(&deep("abs(", ")", 35));
    read(&deep("(SELECT ", ")", 20));
    read(&deep("CASE WHEN TRUE THEN ", " END", 300));
    read(&deep("NOT ", "", 1500));
    read(&deep("- ", "", 1500));
    read(&format!("1{}", " + 1".repeat(1900)));
    read(&format!("TRUE{}", " AND id = 1".repeat(900)));
    read(&format!("1{}", "::int".repeat(1300)));
    read(&format!("1{}", " + 1".repeat(20_000)));
    read(&format!("id IN (1{})", ", 1".repeat(1900)));
}

#[test]
fn what_is_printed_means_the_same() {
    for line in include_str!("sql/types.txt").lines() {
        let Ok(tree) = parse::expression(&sql(line)) else { continue };
        reads_as_printed(line, &tree);
    }
}
