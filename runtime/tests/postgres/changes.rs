//! What comes out of a capture equals what the tables hold.

use std::time::Duration;

use flusso_compiler::plan::TableId;
use flusso_dataflow::feed::Change;
use flusso_runtime::postgres::CaptureError;
use tokio::time::sleep;

use crate::support::{Database, connect, plan, table};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_arrives() {
    let database = Database::new(
        "kinds",
        r#"
        CREATE TABLE plain (id int PRIMARY KEY, note text, body text);
        ALTER TABLE plain ALTER body SET STORAGE EXTERNAL;
        CREATE TABLE whole (id int PRIMARY KEY, note text, body text);
        ALTER TABLE whole ALTER body SET STORAGE EXTERNAL;
        ALTER TABLE whole REPLICA IDENTITY FULL;
        CREATE TABLE indexed (id int PRIMARY KEY, code text NOT NULL, note text);
        CREATE UNIQUE INDEX by_code ON indexed (code, id);
        ALTER TABLE indexed REPLICA IDENTITY USING INDEX by_code;
        CREATE TABLE "Mixed Case" ("Id" int, "the ""key""" text, "a b" text,
                                   PRIMARY KEY ("the ""key""", "Id"));
        INSERT INTO plain SELECT n, 'note ' || n, repeat('x', 5000) FROM generate_series(1, 50) n;
        INSERT INTO whole SELECT n, NULL, repeat('y', 5000) FROM generate_series(1, 50) n;
        INSERT INTO indexed SELECT n, 'c' || n, E'tab\tnew\nline \\ end' FROM generate_series(1, 50) n;
        INSERT INTO "Mixed Case" SELECT n, 'k' || n % 7, '' FROM generate_series(1, 50) n;
        "#,
    )
    .await;
    let plan = plan(vec![
        table("plain", &["id"], &["body", "note"]),
        table("whole", &["id"], &["note", "body"]),
        table("indexed", &["id"], &["note"]),
        table("Mixed Case", &["Id"], &["a b"]),
    ]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    assert_eq!(reader.state.tables[&TableId(0)].len(), 50);
    reader.agrees_with(&database).await;
    database
        .run(
            r#"
            INSERT INTO plain VALUES (100, NULL, repeat('z', 9000)), (101, '', '');
            UPDATE plain SET note = 'changed' WHERE id < 10;
            UPDATE plain SET id = id + 1000 WHERE id BETWEEN 10 AND 19;
            DELETE FROM plain WHERE id BETWEEN 20 AND 25;
            UPDATE whole SET note = 'changed' WHERE id < 10;
            UPDATE whole SET id = id + 1000 WHERE id BETWEEN 10 AND 19;
            DELETE FROM whole WHERE id BETWEEN 20 AND 25;
            UPDATE indexed SET code = code || '!', note = NULL WHERE id < 10;
            UPDATE indexed SET id = id + 1000 WHERE id BETWEEN 10 AND 19;
            DELETE FROM indexed WHERE id BETWEEN 20 AND 25;
            UPDATE "Mixed Case" SET "a b" = 'ü' WHERE "Id" < 10;
            UPDATE "Mixed Case" SET "the ""key""" = 'other' WHERE "Id" BETWEEN 10 AND 15;
            DELETE FROM "Mixed Case" WHERE "Id" > 40;
            "#,
        )
        .await;
    reader.agrees_with(&database).await;
    database
        .run(
            "BEGIN; SAVEPOINT a; DELETE FROM plain; ROLLBACK TO a; INSERT INTO plain VALUES (7000);
              TRUNCATE whole, indexed; INSERT INTO whole VALUES (1, 'new', NULL); COMMIT",
        )
        .await;
    reader.agrees_with(&database).await;
    assert!(reader.state.changes.contains(&(TableId(2), Change::Truncate)));
    assert_eq!(reader.state.tables[&TableId(1)].len(), 1);
    // Another column, a dropped one that nobody reads, and a new order are no matter.
    database
        .run(
            "ALTER TABLE plain ADD extra int DEFAULT 5; ALTER TABLE indexed DROP COLUMN code;
              ALTER TABLE indexed REPLICA IDENTITY DEFAULT;
              INSERT INTO plain VALUES (8000, 'n', 'b', 1); INSERT INTO indexed VALUES (1, 'n');",
        )
        .await;
    reader.agrees_with(&database).await;
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_is_of_one_moment_and_nothing_after_it_is_lost() {
    let database = Database::new(
        "moment",
        "CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY, n int);
         INSERT INTO a SELECT n, 1000 FROM generate_series(1, 2000) n;
         INSERT INTO b SELECT n, 1000 FROM generate_series(1, 2000) n;",
    )
    .await;
    let writer = connect(&database.url).await;
    let writing = tokio::spawn(async move {
        for n in 0..3000 {
            let (from, to) = (n % 2000 + 1, (n * 7) % 2000 + 1);
            let sql = format!(
                "BEGIN; UPDATE a SET n = n - 1 WHERE id = {from}; \
                 UPDATE b SET n = n + 1 WHERE id = {to}; COMMIT"
            );
            writer.batch_execute(&sql).await.unwrap();
        }
    });
    let plan = plan(vec![table("a", &["id"], &["n"]), table("b", &["id"], &["n"])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    let number = |text: &Option<String>| text.as_ref().unwrap().parse::<i64>().unwrap();
    let sum: i64 =
        reader.state.tables.values().flat_map(|it| it.values()).map(|row| number(&row[1])).sum();
    assert_eq!(sum, 4_000_000);
    assert!(!writing.is_finished(), "the copy must overlap with the writer");
    writing.await.unwrap();
    reader.agrees_with(&database).await;
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_open_at_the_snapshot_is_not_lost() {
    let database = Database::new("hole", "CREATE TABLE t (id int PRIMARY KEY)").await;
    let other = connect(&database.url).await;
    other.batch_execute("BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
    let ending = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        other.batch_execute("INSERT INTO t VALUES (2); COMMIT").await.unwrap();
    });
    let plan = plan(vec![table("t", &["id"], &[])]);
    let mut reader = database.capture(&plan).await.unwrap();
    ending.await.unwrap();
    reader.open().await;
    reader.agrees_with(&database).await;
    assert_eq!(reader.state.tables[&TableId(0)].len(), 2);
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_print_alike_whatever_the_database_sets() {
    let database = Database::new(
        "pins",
        "CREATE TABLE t (id int PRIMARY KEY, f float8, b bytea, d timestamptz, i interval);
         INSERT INTO t VALUES (1, 0.1::float8 + 0.2, '\\xdeadbeef', '2024-01-31 12:00+00', '1 day -2:03');
         ALTER DATABASE pins SET datestyle = 'German'; ALTER DATABASE pins SET timezone = 'Asia/Tokyo';
         ALTER DATABASE pins SET extra_float_digits = 0; ALTER DATABASE pins SET bytea_output = 'escape';
         ALTER DATABASE pins SET intervalstyle = 'sql_standard';
         ALTER DATABASE pins SET statement_timeout = '1ms';",
    )
    .await;
    let plan = plan(vec![table("t", &["id"], &["f", "b", "d", "i"])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    reader.agrees_with(&database).await;
    database.run("INSERT INTO t SELECT 2, f, b, d, i FROM t").await;
    reader.agrees_with(&database).await;
    let rows = &reader.state.tables[&TableId(0)];
    let texts: Vec<_> = rows.values().map(|row| row[1..].to_vec()).collect();
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0][0].as_deref(), Some("0.30000000000000004"));
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_their_root() {
    let database = Database::new(
        "parts",
        "CREATE TABLE p (id int, day date, n int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
         CREATE TABLE p2 (n int, day date NOT NULL, id int NOT NULL, PRIMARY KEY (id, day));
         ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
         INSERT INTO p SELECT n, '2024-01-01'::date + n % 50, n FROM generate_series(1, 200) n;",
    )
    .await;
    let plan = plan(vec![table("p", &["id", "day"], &["n"])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    reader.agrees_with(&database).await;
    database
        .run(
            "UPDATE p SET n = -n WHERE id < 20; UPDATE p SET day = '2024-02-10' WHERE id = 1;
              CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
              INSERT INTO p VALUES (900, '2024-03-05', 3); DELETE FROM p WHERE id = 5;",
        )
        .await;
    reader.agrees_with(&database).await;
    database.run("TRUNCATE p; INSERT INTO p VALUES (1, '2024-01-05', 1)").await;
    reader.agrees_with(&database).await;
    database.run("TRUNCATE p1").await;
    let error = reader.end().await.unwrap_err();
    assert!(matches!(error, CaptureError::Changed { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_changes_its_type_ends_the_run_by_name() {
    let database =
        Database::new("retype", "CREATE TABLE t (id int PRIMARY KEY, \"the n\" int)").await;
    let plan = plan(vec![table("t", &["id"], &["the n"])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    database.run("ALTER TABLE t ALTER \"the n\" TYPE text; INSERT INTO t VALUES (1, 'x')").await;
    let error = reader.end().await.unwrap_err();
    assert!(!error.is_transient());
    let text = error.to_string();
    assert!(text.contains("table t") && text.contains("`the n`"), "{text}");
}
