//! The catalog as the compiler gets it.

use flusso_compiler::types::SqlType;
use flusso_runtime::postgres::catalog::catalog;

use crate::support::{Database, table};

#[tokio::test(flavor = "multi_thread")]
async fn types_keys_and_statistics_are_read() {
    let database = Database::new(
        "catalog",
        r#"
        CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TYPE mood ADD VALUE 'bad' BEFORE 'sad';
        CREATE DOMAIN price AS numeric(10, 2) NOT NULL; CREATE DOMAIN net AS price;
        CREATE TYPE pair AS (a int, b int);
        CREATE TABLE "T x" (b int, a text, gone int, m mood, n net, ns numeric(5, 1)[], ms mood[],
            p pair, c char(3), t timestamptz NOT NULL, v varchar(9), i int2vector,
            PRIMARY KEY (a, b));
        ALTER TABLE "T x" DROP gone;
        INSERT INTO "T x" SELECT n, 'a' || n % 10, NULL, 1, NULL, NULL, NULL, 'x', now(), NULL, NULL
            FROM generate_series(1, 1000) n;
        ANALYZE "T x";
        CREATE TABLE never (id int);
        CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (1000);
        INSERT INTO parts SELECT generate_series(0, 99); ANALYZE part;
        "#,
    )
    .await;
    let names = ["T x", "never", "parts", "none"].map(|name| table(name, &[], &[]).name);
    let read = catalog(&database.client, &names).await.unwrap();
    assert_eq!(read.tables.len(), 3);
    assert_eq!(read.names, [names[0].clone(), names[1].clone(), names[2].clone()]);
    let t = read.table(&names[0]).unwrap();
    assert_eq!(t.primary_key, ["a", "b"]);
    assert_eq!((t.kind, t.identity, t.rows), ('r', 'd', Some(1000)));
    let ty = |name: &str| t.column(name).unwrap().ty.clone();
    let mood = SqlType::Enum(vec!["bad".into(), "sad".into(), "ok".into()]);
    assert_eq!(ty("m"), mood);
    assert_eq!(ty("ms"), SqlType::Array(Box::new(mood)));
    assert_eq!(ty("n"), SqlType::Numeric(Some(2)));
    assert_eq!(ty("ns"), SqlType::Array(Box::new(SqlType::Numeric(Some(1)))));
    assert_eq!(ty("p"), SqlType::Other("pair".into()));
    assert_eq!(ty("i"), SqlType::Other("int2vector".into()));
    assert_eq!((ty("c"), ty("v")), (SqlType::Bpchar, SqlType::Text));
    let a = t.column("a").unwrap();
    assert!(a.not_null && a.width.is_some_and(|width| width > 0));
    assert_eq!(a.distinct, Some(10.0));
    assert_eq!(t.column("v").unwrap().type_name, "character varying(9)");
    assert_eq!(t.column("gone"), None);
    assert_eq!(read.table(&names[1]).unwrap().rows, None);
    let parts = read.table(&names[2]).unwrap();
    assert_eq!((parts.kind, parts.rows), ('p', Some(100)));
}
