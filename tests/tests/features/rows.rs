//! What transactions do to rows: truncation, moves, new keys, several changes of one row,
//! savepoints, values that are stored out of line, replica identities, every type of key.

use crate::follow;

const TABLES: &str = "
CREATE TABLE docs (id int PRIMARY KEY, name text, big text);
CREATE TABLE parts (id int PRIMARY KEY, doc_id int, n int, note text);
ALTER TABLE docs ALTER big SET STORAGE EXTERNAL;
ALTER TABLE parts ALTER note SET STORAGE EXTERNAL;
INSERT INTO docs SELECT n, 'doc ' || n, repeat('x' || n, 4000) FROM generate_series(1, 6) n;
INSERT INTO parts SELECT n, 1 + n % 5, n, repeat('y' || n, 4000) FROM generate_series(1, 20) n";

const SCHEMA: &str = "
table: docs
primary_key: id
fields:
  - text: name
  - text: big
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    order_by: [{ column: n }]
    fields: [{ integer: n }, { text: note }]
  - sum: total
    table: parts
    foreign_key: doc_id
    column: n
    value_type: long
";

#[test]
fn truncate() {
    let steps = [
        "TRUNCATE parts",
        "INSERT INTO parts VALUES (1, 1, 1, 'one'), (2, 2, 2, 'two')",
        "BEGIN; INSERT INTO parts VALUES (3, 3, 3, 'gone'); TRUNCATE parts; INSERT INTO parts VALUES (3, 4, 3, 'new'), (1, 1, 1, 'one'); COMMIT",
        "TRUNCATE docs, parts",
        "INSERT INTO docs VALUES (9, 'nine', NULL)",
        "BEGIN; TRUNCATE docs; ROLLBACK",
    ];
    follow("truncate", TABLES, SCHEMA, &steps);
}

#[test]
fn moves_and_new_keys() {
    let steps = [
        "UPDATE parts SET doc_id = 2 WHERE doc_id = 3",
        "UPDATE parts SET doc_id = 99 WHERE id = 1",
        "UPDATE parts SET doc_id = NULL WHERE id = 2",
        "UPDATE docs SET id = 99 WHERE id = 6",
        "UPDATE parts SET id = id + 100",
        "BEGIN; UPDATE docs SET id = 50 WHERE id = 1; UPDATE docs SET id = 1 WHERE id = 2; UPDATE docs SET id = 2 WHERE id = 50; COMMIT",
        "BEGIN; UPDATE docs SET id = -1 WHERE id = 4; UPDATE docs SET id = 4 WHERE id = 5; UPDATE docs SET id = 5 WHERE id = -1; COMMIT",
        "DELETE FROM parts WHERE doc_id = 2",
        "DELETE FROM docs WHERE id = 99",
    ];
    follow("moves", TABLES, SCHEMA, &steps);
}

#[test]
fn several_changes_of_one_row_are_one() {
    let steps = [
        "BEGIN; UPDATE docs SET name = 'a' WHERE id = 1; UPDATE docs SET name = 'b' WHERE id = 1; UPDATE docs SET name = 'c' WHERE id = 1; COMMIT",
        "BEGIN; INSERT INTO docs VALUES (50, 'x', NULL); UPDATE docs SET name = 'y' WHERE id = 50; DELETE FROM docs WHERE id = 50; COMMIT",
        "BEGIN; DELETE FROM docs WHERE id = 2; INSERT INTO docs VALUES (2, 'again', 'short'); COMMIT",
        "BEGIN; UPDATE parts SET doc_id = 1 WHERE id = 3; UPDATE parts SET doc_id = 2 WHERE id = 3; DELETE FROM parts WHERE id = 4; COMMIT",
        "BEGIN; UPDATE docs SET name = 'z' WHERE id = 3; UPDATE docs SET name = 'doc 3' WHERE id = 3; COMMIT",
        "BEGIN; DELETE FROM parts; INSERT INTO parts VALUES (1, 1, 1, NULL); COMMIT",
    ];
    follow("several", TABLES, SCHEMA, &steps);
}

#[test]
fn savepoints_and_rollbacks() {
    let steps = [
        "BEGIN; UPDATE docs SET name = 'kept' WHERE id = 1; SAVEPOINT s; UPDATE docs SET name = 'lost' WHERE id = 2; DELETE FROM parts; ROLLBACK TO s; UPDATE docs SET name = 'kept too' WHERE id = 3; COMMIT",
        "BEGIN; DELETE FROM docs; ROLLBACK",
        "BEGIN; SAVEPOINT a; INSERT INTO parts VALUES (60, 1, 60, NULL); SAVEPOINT b; INSERT INTO parts VALUES (61, 1, 61, NULL); RELEASE b; ROLLBACK TO a; INSERT INTO parts VALUES (62, 1, 62, NULL); COMMIT",
    ];
    follow("savepoints", TABLES, SCHEMA, &steps);
}

/// An update does not carry values stored out of line that it left alone.
#[test]
fn values_out_of_line() {
    let steps = [
        "UPDATE docs SET name = 'renamed' WHERE id < 4",
        "UPDATE parts SET n = n + 1",
        "UPDATE parts SET doc_id = 6 WHERE id = 7",
        "UPDATE docs SET id = 77 WHERE id = 1",
        "UPDATE docs SET big = repeat('z', 9000) WHERE id = 2",
        "BEGIN; UPDATE docs SET big = repeat('w', 9000) WHERE id = 3; UPDATE docs SET name = 'after' WHERE id = 3; COMMIT",
        "UPDATE docs SET big = NULL WHERE id = 3",
    ];
    follow("toast", TABLES, SCHEMA, &steps);
}

#[test]
fn full_replica_identity() {
    let tables = format!(
        "{TABLES}; ALTER TABLE docs REPLICA IDENTITY FULL; ALTER TABLE parts REPLICA IDENTITY FULL"
    );
    let steps = [
        "UPDATE docs SET name = NULL WHERE id = 1",
        "UPDATE parts SET doc_id = 2 WHERE doc_id = 1",
        "UPDATE docs SET id = 70 WHERE id = 2",
        "DELETE FROM docs WHERE id = 1",
        "DELETE FROM parts WHERE id = 5",
    ];
    follow("identity_full", &tables, SCHEMA, &steps);
}

#[test]
fn columns_and_tables_nobody_reads() {
    let tables = format!(
        "{TABLES}; CREATE TABLE \"Odd name $\" (\"id x\" int PRIMARY KEY); ALTER TABLE docs ADD extra int"
    );
    let steps = [
        "UPDATE docs SET extra = 1",
        "INSERT INTO \"Odd name $\" VALUES (1)",
        "ALTER TABLE docs ADD later text DEFAULT 'd'",
        "UPDATE docs SET name = 'after' WHERE id = 1",
        "INSERT INTO docs (id, name) VALUES (40, 'forty')",
    ];
    follow("nobody", &tables, SCHEMA, &steps);
}

/// One table per type of key; ids are the text Postgres prints.
#[test]
fn every_type_of_key() {
    let keys = [
        ("smallint", "1", "2", "3"),
        ("bigint", "9007199254740993", "-5", "0"),
        ("numeric(8,2)", "1.50", "-2", "1000"),
        ("text", "'a b/c'", "'ü'", "'x:y'"),
        ("char(4)", "'ab'", "'abcd'", "'z'"),
        ("uuid", "md5('1')::uuid", "md5('2')::uuid", "md5('3')::uuid"),
        ("boolean", "true", "false", "NOT true"),
        ("date", "'2024-01-02'", "'1999-12-31'", "'2030-06-15'"),
        ("timestamp", "'2024-01-02 03:04:05'", "'2024-01-02 03:04:05.5'", "'1970-01-01'"),
        (
            "timestamptz",
            "'2024-01-02 03:04:05+02'",
            "'2024-07-02 00:00:00+00'",
            "'1970-01-01 00:00+00'",
        ),
        ("bytea", "'\\x00ff'", "'\\x'", "'\\x10'"),
    ];
    for (i, (ty, a, b, c)) in keys.iter().enumerate() {
        let tables = format!(
            "CREATE TABLE docs (id {ty} PRIMARY KEY, n int); CREATE TABLE parts (id int PRIMARY KEY, doc_id {ty}); \
             INSERT INTO docs VALUES ({a}, 1), ({b}, 2); INSERT INTO parts VALUES (1, {a}), (2, {a}), (3, {b})"
        );
        let schema = "
table: docs
primary_key: id
fields:
  - integer: n
  - count: parts
    table: parts
    foreign_key: doc_id
";
        let update = format!("UPDATE docs SET n = 7 WHERE id = {a}");
        let remove = format!("DELETE FROM docs WHERE id = {b}");
        let key = format!("UPDATE docs SET id = {c} WHERE id = {a}");
        let part = format!("UPDATE parts SET doc_id = {c}");
        let steps: &[&str] = match *ty {
            "boolean" => &[&update, &remove, &key, &part],
            _ => &[&update, &key, &part, &remove],
        };
        follow(&format!("key_{i}"), &tables, schema, steps);
    }
}
