//! Filters of every operator, as counts and as rows, over types that compare differently.

use std::fmt::Write;

use crate::follow;

const TABLES: &str = "
CREATE TABLE docs (id int PRIMARY KEY);
CREATE TABLE parts (id int PRIMARY KEY, doc_id int, s text, n int, d numeric, f float8, b bool, day date, at timestamptz);
INSERT INTO docs SELECT generate_series(1, 4);
INSERT INTO parts SELECT n, 1 + n % 4,
  (array['alpha','Beta','ALPHA','be_ta','50%','',NULL,'beta'])[1 + n % 8], CASE WHEN n % 7 > 0 THEN n % 12 END,
  (n % 10)::numeric / 4, n % 5 * 0.5, (array[true,false,NULL])[1 + n % 3], date '2024-01-01' + n, '2024-01-01 00:00+00'::timestamptz + n * interval '6 hours'
  FROM generate_series(1, 60) n";

/// Column, operator, value as written in YAML.
const FILTERS: [(&str, &str, &str); 32] = [
    ("s", "eq", "beta"),
    ("s", "neq", "beta"),
    ("s", "lt", "b"),
    ("s", "lte", "alpha"),
    ("s", "gt", "alpha"),
    ("s", "gte", "beta"),
    ("s", "like", "'%lph%'"),
    ("s", "like", "'be\\_ta'"),
    ("s", "like", "'be_ta'"),
    ("s", "like", "'50\\%'"),
    ("s", "ilike", "'ALP%'"),
    ("s", "in", "[beta, '', nothing]"),
    ("s", "not_in", "[beta, alpha]"),
    ("s", "between", "[a, c]"),
    ("s", "is_null", ""),
    ("s", "is_not_null", ""),
    ("n", "eq", "5"),
    ("n", "neq", "5"),
    ("n", "gt", "9"),
    ("n", "lte", "-1"),
    ("n", "in", "[1, 11, 2]"),
    ("n", "not_in", "[1, 11, 2]"),
    ("n", "between", "[3, 10]"),
    ("n", "between", "[10, 3]"),
    ("d", "eq", "1.50"),
    ("d", "gt", "1.5"),
    ("d", "in", "[0.25, 2.250]"),
    ("f", "lte", "0.5"),
    ("b", "eq", "true"),
    ("b", "neq", "true"),
    ("day", "gte", "'2024-02-01'"),
    ("at", "between", "['2024-01-05T00:00:00Z', '2024-01-08 00:00:00+02']"),
];

fn filter(column: &str, op: &str, value: &str) -> String {
    match value {
        "" => format!("{{ column: {column}, op: {op} }}"),
        value => format!("{{ column: {column}, op: {op}, value: {value} }}"),
    }
}

#[test]
fn every_operator() {
    let mut schema = "table: docs\nprimary_key: id\nfields:\n".to_owned();
    for (i, (column, op, value)) in FILTERS.iter().enumerate() {
        let filter = filter(column, op, value);
        let _ = write!(
            schema,
            "  - count: n{i}\n    table: parts\n    foreign_key: doc_id\n    filters: [{filter}]\n\
             \x20 - has_many: r{i}\n    table: parts\n    foreign_key: doc_id\n    primary_key: id\n    \
             order_by: [{{ column: id }}]\n    filters: [{filter}]\n    fields: [{{ integer: id }}]\n"
        );
    }
    let steps = [
        "UPDATE parts SET s = 'alpha' WHERE id % 9 = 0",
        "UPDATE parts SET s = NULL, n = NULL WHERE id % 11 = 0",
        "UPDATE parts SET n = n + 1, d = d + 0.25, f = f - 0.5 WHERE id % 5 = 0",
        "UPDATE parts SET b = NOT b, day = day + 20, at = at + interval '3 days'",
        "DELETE FROM parts WHERE id % 4 = 1",
    ];
    follow("operators", TABLES, &schema, &steps);
}

#[test]
fn several_filters_are_a_conjunction() {
    let schema = "
table: docs
primary_key: id
fields:
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    filters:
      - { column: s, op: neq, value: beta }
      - { column: n, op: gt, value: 2 }
      - { column: b, op: is_not_null }
    order_by: [{ column: d, direction: desc }, { column: id }]
    limit: 4
    fields: [{ integer: id }, { decimal: d }]
";
    let steps = [
        "UPDATE parts SET d = 100 WHERE id = 9",
        "UPDATE parts SET s = 'beta' WHERE id = 9",
        "UPDATE parts SET n = NULL WHERE doc_id = 2",
        "UPDATE parts SET d = NULL WHERE doc_id = 4",
    ];
    follow("conjunction", TABLES, schema, &steps);
}
