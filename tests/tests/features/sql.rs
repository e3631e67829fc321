//! SQL in every place it can stand, over rows that change: values, conditions, orders.

use flusso_tests::deployment::Deployment;
use flusso_tests::documents::normal;
use flusso_tests::flusso::{Flusso, command};
use serde_json::json;

use crate::{SERVER, follow};

const TABLES: &str = "
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE docs (id int PRIMARY KEY, name text, code char(6), mood mood, born date, at timestamptz,
  price numeric(10,2), part int, whole int, ratio float8, data jsonb, tags text[], gone bool);
CREATE TABLE parts (id int PRIMARY KEY, doc_id int, label text, size int, at timestamp, gone bool);
INSERT INTO docs SELECT n, (array['Ada',' Žofie ','bob','O''Neil',NULL,''])[1 + n % 6], 'c' || n,
  (array['calm','cross',NULL]::mood[])[1 + n % 3], date '2024-01-30' + n, timestamptz '2024-02-28 23:30+00' + n * interval '7 hours',
  n * 1.25, n, n % 4, n / 8.0, jsonb_build_object('n', n, 'tags', jsonb_build_array('a', n), 'who', jsonb_build_object('name', 'w' || n)),
  array['x', 'y' || n], n % 5 = 4
  FROM generate_series(1, 24) n;
INSERT INTO parts SELECT n, 1 + n % 24, (array['b','A','ä','a',NULL])[1 + n % 5], n % 9, timestamp '2024-01-01' + n * interval '1 hour', n % 7 = 0
  FROM generate_series(1, 120) n";

const SCHEMA: &str = r#"
table: docs
primary_key: id
where: gone IS NOT TRUE AND (price < 28 OR mood = 'calm')
fields:
  - keyword: email
    sql: lower(trim(name)) || '@x.io'
  - keyword: code
    sql: docs.code || '!'
  - keyword: size
    sql: |
      CASE WHEN price < 10 THEN 'small'
           WHEN price < 20 THEN 'medium'
           ELSE 'large'
      END
  - decimal: gross
    sql: round(price * 1.21, 2)
  - double: share
    sql: part / nullif(whole, 0)::numeric
  - integer: quotient
    sql: part / nullif(whole, 0)
  - long: big
    sql: part::bigint * 3000000000
  - boolean: late
    sql: at > '2024-03-02' AND mood IS DISTINCT FROM 'calm'
  - integer: year
    sql: extract(year FROM born)::int
  - date: month
    sql: date_trunc('month', at)::date
  - keyword: shown
    sql: to_char(at AT TIME ZONE 'Europe/Prague', 'YYYY-MM-DD HH24:MI')
  - keyword: who
    sql: data -> 'who' ->> 'name'
  - integer: n
    sql: (data ->> 'n')::int + 1
  - json: made
    sql: jsonb_build_object('id', id, 'tags', data -> 'tags', 'name', name)
  - keyword: tags
    sql: tags || 'z'::text
  - boolean: tagged
    sql: "'x' = ANY (tags) AND data @> '{\"tags\": [\"a\"]}'"
  - keyword: first
    sql: coalesce(nullif(split_part(trim(name), ' ', 1), ''), 'nobody')
    transforms: [lowercase]
  - keyword: least
    sql: least(name, code::text, 'm')
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    where: parts.size BETWEEN 1 AND 7 AND (label LIKE 'a%' OR label >= 'A' OR label IS NULL)
    filters: [{ raw: "NOT gone -- those that are there" }]
    order_by: label DESC NULLS LAST, at
    fields:
      - keyword: label
      - keyword: upper
        sql: upper(parts.label)
      - timestamp: next
        sql: at + interval '1 day' * size
  - count: largeParts
    table: parts
    foreign_key: doc_id
    where: size > 4 AND NOT gone
  - sum: total
    table: parts
    foreign_key: doc_id
    column: size
    value_type: long
    where: label ~ '^[a-b]'
"#;

#[test]
fn everywhere() {
    let steps = [
        "UPDATE docs SET name = 'New Name', price = price + 9 WHERE id % 5 = 0",
        "UPDATE docs SET whole = 1 - whole, mood = 'cross' WHERE id % 3 = 0",
        "UPDATE docs SET data = '{\"n\": 7, \"tags\": [\"a\"], \"who\": null}', tags = NULL WHERE id < 4",
        "UPDATE docs SET gone = NOT gone",
        "UPDATE parts SET label = 'zz', size = size + 2, gone = false WHERE id % 10 = 3",
        "UPDATE parts SET doc_id = 2, at = at + interval '3 days' WHERE id % 13 = 0",
        "DELETE FROM parts WHERE id % 8 = 1",
        "DELETE FROM docs WHERE id > 20",
    ];
    follow("sql", TABLES, SCHEMA, &steps);
}

const AGGREGATES: &str = r#"
table: docs
primary_key: id
fields:
  - count: valued
    table: parts
    foreign_key: doc_id
    sql: nullif(size, 3)
  - sum: weighted
    table: parts
    foreign_key: doc_id
    sql: size * 1.5
    value_type: decimal
    where: NOT gone
  - avg: half
    table: parts
    foreign_key: doc_id
    sql: size / 2
  - min: least
    table: parts
    foreign_key: doc_id
    sql: lower(label)
    value_type: keyword
  - max: last
    table: parts
    foreign_key: doc_id
    sql: at + interval '1 hour' * size
    value_type: timestamp
  - count_distinct: labels
    table: parts
    foreign_key: doc_id
    column: label
  - count_distinct: sizes
    table: parts
    foreign_key: doc_id
    sql: size % 4
    where: label IS NOT NULL
  - bool_and: allGone
    table: parts
    foreign_key: doc_id
    column: gone
  - bool_or: anyLarge
    table: parts
    foreign_key: doc_id
    sql: size > 6
  - string_agg: line
    table: parts
    foreign_key: doc_id
    sql: label || size::text
    separator: ", "
    order_by: size DESC, label
  - array_agg: times
    table: parts
    foreign_key: doc_id
    column: at
    element_type: timestamp
    order_by: [{ column: at, direction: desc }]
  - array_agg: all
    table: parts
    foreign_key: doc_id
    sql: upper(label)
    element_type: keyword
"#;

#[test]
fn aggregates_of_expressions() {
    let steps = [
        "UPDATE parts SET label = NULL, gone = true WHERE id % 4 = 0",
        "UPDATE parts SET size = size + 3, at = at + interval '1 minute' WHERE id % 6 = 1",
        "UPDATE parts SET doc_id = 2 WHERE doc_id IN (3, 4)",
        "DELETE FROM parts WHERE doc_id = 5",
        "INSERT INTO parts VALUES (1000, 5, 'new', NULL, NULL, NULL)",
    ];
    follow("aggregates_sql", TABLES, AGGREGATES, &steps);
}

const FAILING: &str = r#"
table: docs
primary_key: id
fields:
  - integer: part
  - integer: quotient
    sql: part / whole
  - integer: needed
    sql: 100 / (part - 3)
    on_error: skip
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    where: 1 / size > 0
    fields:
      - keyword: label
"#;

/// Where Postgres would refuse the statement: the field is null, the condition not true, the
/// document not there; another row's value never.
#[test]
fn what_cannot_be_computed() {
    let deployment = Deployment::new(&SERVER, "failing_sql", TABLES, &[("docs", FAILING)]);
    let mut flusso = deployment.start(2);
    let found = |flusso: &mut Flusso, id: &str| {
        deployment.settle(flusso);
        deployment.quiet(flusso);
        flusso.documents.get(&("docs".to_owned(), id.to_owned())).cloned()
    };
    assert_eq!(found(&mut flusso, "3"), None, "100 / 0 is needed");
    let four = found(&mut flusso, "4").expect("a document");
    assert_eq!(four["quotient"], json!(null), "4 / 0");
    assert_eq!(four["needed"], normal(json!(100)));
    let five = found(&mut flusso, "5").expect("a document");
    assert_eq!(five["quotient"], normal(json!(5)));

    deployment.session.run(
        "UPDATE docs SET part = 3 WHERE id = 5; UPDATE docs SET part = 5, whole = 2 WHERE id = 3;
         DELETE FROM parts WHERE doc_id = 3; INSERT INTO parts VALUES (500, 3, 'none', 0), (501, 3, 'one', 1)",
    );
    assert_eq!(found(&mut flusso, "5"), None, "it cannot be computed any more");
    let three = found(&mut flusso, "3").expect("a document");
    assert_eq!(three["needed"], normal(json!(50)));
    assert_eq!(three["quotient"], normal(json!(2)));
    assert_eq!(three["parts"], json!([{ "label": "one" }]), "1 / 0 is not true");
}

/// The catalog kept beside the files knows names and types where no database is.
#[test]
fn a_catalog_for_builds_without_a_database() {
    let deployment = Deployment::new(&SERVER, "catalog_sql", TABLES, &[("docs", SCHEMA)]);
    let written = command(&deployment.folder, &["catalog"]);
    assert!(written.status.success(), "{written:?}");
    let catalog = deployment.folder.join("flusso.catalog.json");
    let catalog = std::fs::read_to_string(catalog).expect("it was written");
    assert!(catalog.contains("public.parts"), "{catalog}");

    // Port 1 answers nobody.
    deployment.edit(|text| text.replace(&deployment.url, "postgresql://nobody@127.0.0.1:1/none"));
    let built = command(&deployment.folder, &["build"]);
    assert!(built.status.success(), "{built:?}");
    let wrong = SCHEMA.replace("lower(trim(name))", "lower(trim(nane))");
    deployment.write("docs.schema.yml", &wrong);
    let refused = command(&deployment.folder, &["build"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("did you mean `name`?"), "{said}");
}
