//! Aggregates over a foreign key and through a junction, at the root and inside relations.

use std::fmt::Write;

use crate::follow;

const TABLES: &str = "
CREATE TABLE docs (id int PRIMARY KEY, name text);
CREATE TABLE parts (id bigint PRIMARY KEY, doc_id int, n int, big bigint, d numeric, f float8, day date, at timestamp, s text, kind text);
CREATE TABLE links (doc_id int, part_id bigint, PRIMARY KEY (doc_id, part_id));
INSERT INTO docs SELECT n, 'doc ' || n FROM generate_series(1, 6) n;
INSERT INTO parts SELECT n, 1 + n % 5, CASE WHEN n % 6 > 0 THEN n END, n * 1000000007::bigint, (n % 9)::numeric / 8, n * 0.125,
  date '2024-01-01' + n, timestamp '2024-01-01' + n * interval '1 hour', 's' || n, (array['a','b'])[1 + n % 2]
  FROM generate_series(1, 40) n;
INSERT INTO links SELECT 1 + n % 6, n FROM generate_series(1, 40) n WHERE n % 3 > 0;
INSERT INTO links SELECT 1, n FROM generate_series(1, 8) n ON CONFLICT DO NOTHING";

/// Function, column, declared type.
const AGGREGATES: [(&str, &str, &str); 15] = [
    ("count", "", ""),
    ("ids", "", "long"),
    ("sum", "n", "long"),
    ("sum", "big", "decimal"),
    ("sum", "d", "decimal"),
    ("avg", "n", ""),
    ("avg", "d", ""),
    ("min", "n", "integer"),
    ("max", "n", "integer"),
    ("min", "d", "decimal"),
    ("max", "f", "double"),
    ("min", "day", "date"),
    ("max", "at", "timestamp"),
    ("min", "s", "keyword"),
    ("max", "s", "keyword"),
];

const STEPS: [&str; 9] = [
    "UPDATE parts SET n = 100 WHERE id = 3",
    "UPDATE parts SET n = NULL, d = NULL WHERE doc_id = 2",
    "UPDATE parts SET doc_id = 3 WHERE doc_id = 2",
    "DELETE FROM parts WHERE id IN (40, 1, 17)",
    "UPDATE parts SET kind = 'a' WHERE id = 7",
    "INSERT INTO parts VALUES (900, 1, -5, -1, 0.001, 0, '2000-01-01', '1999-01-01', '', 'a')",
    "INSERT INTO links VALUES (6, 900), (5, 900)",
    "DELETE FROM links WHERE doc_id = 6",
    "UPDATE docs SET id = 60 WHERE id = 5",
];

fn schema(key: &str, filters: &str) -> String {
    let mut schema = "table: docs\nprimary_key: id\nfields:\n".to_owned();
    for (i, (function, column, ty)) in AGGREGATES.iter().enumerate() {
        let _ = write!(schema, "  - {function}: a{i}\n    table: parts\n    {key}\n");
        if !column.is_empty() {
            let _ = writeln!(schema, "    column: {column}");
        }
        match *function {
            "ids" => schema.push_str(&format!("    element_type: {ty}\n")),
            "sum" | "min" | "max" => schema.push_str(&format!("    value_type: {ty}\n")),
            _ => {}
        }
        schema.push_str(filters);
    }
    schema
}

const DIRECT: &str = "foreign_key: doc_id";
const THROUGH: &str = "through: { table: links, left_key: doc_id, right_key: part_id }";
const ONLY_A: &str = "    filters: [{ column: kind, op: eq, value: a }]\n";

#[test]
fn direct() {
    follow("direct", TABLES, &schema(DIRECT, ""), &STEPS);
}

#[test]
fn direct_and_filtered() {
    follow("direct_filtered", TABLES, &schema(DIRECT, ONLY_A), &STEPS);
}

#[test]
fn through_a_junction() {
    follow("through", TABLES, &schema(THROUGH, ""), &STEPS);
}

#[test]
fn through_a_junction_and_filtered() {
    follow("through_filtered", TABLES, &schema(THROUGH, ONLY_A), &STEPS);
}

#[test]
fn inside_relations() {
    let tables = "
CREATE TABLE docs (id int PRIMARY KEY, owner_id int);
CREATE TABLE owners (id int PRIMARY KEY, name text);
CREATE TABLE parts (id int PRIMARY KEY, doc_id int, owner_id int, n int);
CREATE TABLE bits (id int PRIMARY KEY, part_id int, n int);
INSERT INTO owners SELECT n, 'o' || n FROM generate_series(1, 3) n;
INSERT INTO docs SELECT n, 1 + n % 3 FROM generate_series(1, 9) n;
INSERT INTO parts SELECT n, 1 + n % 9, 1 + n % 3, n FROM generate_series(1, 30) n;
INSERT INTO bits SELECT n, 1 + n % 30, n FROM generate_series(1, 70) n";
    let schema = "
table: docs
primary_key: id
fields:
  - belongs_to: owner
    column: owner_id
    table: owners
    primary_key: id
    fields:
      - keyword: name
      - count: parts
        table: parts
        foreign_key: owner_id
      - sum: n
        table: parts
        foreign_key: owner_id
        column: n
        value_type: long
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    order_by: [{ column: n, direction: desc }]
    limit: 2
    fields:
      - object: bits
        fields:
          - max: most
            table: bits
            foreign_key: part_id
            column: n
            value_type: integer
          - ids: all
            table: bits
            foreign_key: part_id
            element_type: integer
";
    let steps = [
        "UPDATE parts SET n = n + 100 WHERE id = 5",
        "UPDATE parts SET owner_id = 2 WHERE id = 6",
        "UPDATE bits SET part_id = 1 WHERE part_id = 2",
        "DELETE FROM bits WHERE n > 60",
        "DELETE FROM owners WHERE id = 3",
    ];
    follow("inside", tables, schema, &steps);
}
