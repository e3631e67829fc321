//! Fields of the root's own row.

use serde_json::json;

use flusso_tests::documents::normal;

use crate::{follow, followed};

const TYPED: &str = r#"
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE docs (
  id int PRIMARY KEY, text text, identifier varchar(20), keyword char(4), "enum" mood, uuid uuid,
  boolean boolean, short smallint, "integer" int, long bigint, "float" real, double float8,
  "decimal" numeric, date date, "timestamp" timestamp, instant timestamptz, "binary" bytea,
  json jsonb, written json, map jsonb, lat numeric(9,6), lon float8, spot text, money numeric(12,2),
  ints int[], texts text[], positive positive, address inet);
INSERT INTO docs VALUES
 (1, 'Ünïcode "quoted" \ back	tab', 'AB-12', 'ab', 'cross', '6F9619FF-8B86-D011-B42D-00CF4FC964FF',
  true, -7, 2147483647, 9007199254740993, 0.1, 0.1, 12345678901234567890.123456789, '2024-02-29',
  '2024-01-02 03:04:05.12', '2024-01-02 03:04:05.123456+02', '\x00ff10', '{"b": [1, 2.50, null], "a": {}}',
  '{"z": 1, "a": "x"}', '{"en": "one", "it": "uno"}', 51.507400, -0.1278, '51.5,-0.12', 12.30,
  '{1,NULL,3}', '{"a b","c,d",NULL,"null",""}', 4, '10.0.0.1');
INSERT INTO docs (id) VALUES (2);
INSERT INTO docs (id, double, "float", "decimal", date, "timestamp", instant, json, texts)
 VALUES (3, 'NaN', '-Infinity', 'NaN', 'infinity', '-infinity', 'infinity', 'null', '{}'),
        (4, 1e300, 1e-30, -0.000001, '0044-03-15 BC', '1999-12-31 23:59:59', '1969-07-20 20:17:40+00', '"s"', '{a}')
"#;

const TYPED_SCHEMA: &str = "
table: docs
primary_key: id
fields:
  - text: text
  - identifier: identifier
  - keyword: keyword
  - enum: enum
  - uuid: uuid
  - boolean: boolean
  - short: short
  - integer: integer
  - long: long
  - float: float
  - double: double
  - decimal: decimal
  - date: date
  - timestamp: timestamp
  - timestamp: instant
  - binary: binary
  - json: json
  - json: written
  - map: map
    values: keyword
  - geo: place
    lat: lat
    lon: lon
  - geo: spot
  - custom: money
    postgres: [numeric]
    opensearch: scaled_float
    options: { scaling_factor: 100 }
  - integer: ints
  - keyword: texts
  - integer: positive
  - keyword: address
";

#[test]
fn every_type() {
    let steps = [
        "UPDATE docs SET (text, long, \"decimal\", ints) = ('', -1, 1.50, '{}') WHERE id = 1",
        "UPDATE docs SET \"binary\" = '\\x', keyword = 'abcd', boolean = false, lat = NULL WHERE id = 1",
        "UPDATE docs SET \"decimal\" = 1.5 WHERE id = 4",
        "INSERT INTO docs (id, text) VALUES (5, E'line\\nbreak \\u0001 \\\\ end')",
        "DELETE FROM docs WHERE id = 2",
    ];
    follow("typed", TYPED, TYPED_SCHEMA, &steps);
}

/// Postgres prints the oracle's answer, so once the values stand here in writing.
#[test]
fn every_type_as_json() {
    let (_deployment, flusso) = followed("typed_json", TYPED, TYPED_SCHEMA, &[]);
    let document = |id: &str| flusso.documents[&("docs".to_owned(), id.to_owned())].clone();
    let exact = serde_json::from_str::<serde_json::Value>(
        r#"{"long": 9007199254740993, "decimal": 12345678901234567890.123456789}"#,
    );
    let mut expected = json!({
        "text": "Ünïcode \"quoted\" \\ back\ttab", "identifier": "AB-12", "keyword": "ab  ", "enum": "cross",
        "uuid": "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "boolean": true, "short": -7, "integer": 2147483647_i64,
        "float": 0.1, "double": 0.1, "date": "2024-02-29", "timestamp": "2024-01-02T03:04:05.12",
        "instant": "2024-01-02T01:04:05.123456+00:00", "binary": "AP8Q",
        "json": { "a": {}, "b": [1, 2.5, null] }, "written": { "z": 1, "a": "x" },
        "map": { "en": "one", "it": "uno" }, "place": { "lat": 51.5074, "lon": -0.1278 },
        "spot": "51.5,-0.12", "money": 12.3, "ints": [1, null, 3],
        "texts": ["a b", "c,d", null, "null", ""], "positive": 4, "address": "10.0.0.1"
    });
    for (name, value) in exact.unwrap().as_object().unwrap() {
        expected[name] = value.clone();
    }
    assert_eq!(document("1"), normal(expected));
    let nulls = document("2");
    assert!(nulls.as_object().unwrap().len() >= 26);
    assert!(nulls.as_object().unwrap().values().all(serde_json::Value::is_null), "{nulls}");
    let strange = document("3");
    for field in ["double", "float", "decimal", "date", "timestamp", "instant"] {
        assert!(strange[field].is_null(), "{field} has no JSON form: {strange}");
    }
}

#[test]
fn objects_constants_defaults_and_transforms() {
    let tables = "
CREATE TABLE docs (id int PRIMARY KEY, name text, email text, n int);
INSERT INTO docs VALUES (1, ' Ada ', ' A@B.Example  ', 1), (2, NULL, NULL, NULL), (3, E'\\tÄ', 'x', 0)";
    let schema = "
table: docs
primary_key: id
fields:
  - object: who
    fields:
      - text: name
        transforms: [trim]
      - object: reach
        fields:
          - keyword: email
            transforms: [trim, lowercase]
            default: none
  - object: nothing
    fields: []
  - integer: n
    default: 7
  - constant: kind
    value: person
  - constant: five
    value: 5
  - constant: yes
    value: true
  - constant: list
    value: [1, a, null]
  - constant: none
    value: null
";
    let steps = [
        "UPDATE docs SET email = upper(email) WHERE id = 3",
        "UPDATE docs SET email = 'other' WHERE id = 3",
        "UPDATE docs SET n = 7 WHERE id = 2",
        "UPDATE docs SET name = trim(name)",
    ];
    follow("objects", tables, schema, &steps);
}

/// More fields than one call of Postgres' own JSON functions takes.
#[test]
fn a_wide_object() {
    let columns: Vec<String> = (0..120).map(|n| format!("c{n:03} int")).collect();
    let fields: Vec<String> = (0..120).map(|n| format!("  - integer: c{n:03}")).collect();
    let tables = format!(
        "CREATE TABLE docs (id int PRIMARY KEY, {}); INSERT INTO docs (id, c000, c119) VALUES (1, 1, 119)",
        columns.join(", ")
    );
    let schema = format!("table: docs\nprimary_key: id\nfields:\n{}\n", fields.join("\n"));
    follow("wide", &tables, &schema, &["UPDATE docs SET c060 = 60", "UPDATE docs SET c119 = NULL"]);
}

#[test]
fn soft_delete_and_root_filters() {
    let tables = "
CREATE TABLE docs (id int PRIMARY KEY, gone timestamptz, hidden bool, kind text, n int);
INSERT INTO docs SELECT n, CASE WHEN n % 3 = 0 THEN now() END, n % 2 = 0, (array['a','b'])[1 + n % 2], n FROM generate_series(1, 12) n";
    let by_time = "
table: docs
primary_key: id
soft_delete:
  column: gone
  when:
    - { column: kind, op: eq, value: a }
filters:
  - { column: n, op: gt, value: 1 }
fields:
  - integer: n
";
    let steps = [
        "UPDATE docs SET gone = now() WHERE id = 2",
        "UPDATE docs SET gone = NULL WHERE id = 6",
        "UPDATE docs SET kind = NULL WHERE id = 9",
        "UPDATE docs SET n = 0 WHERE id = 5",
        "UPDATE docs SET n = 5 WHERE id = 5",
        "UPDATE docs SET kind = 'a'",
    ];
    follow("soft_time", tables, by_time, &steps);
    let by_field = "
table: docs
primary_key: id
soft_delete:
  field: hidden
fields:
  - boolean: hidden
  - keyword: kind
";
    follow(
        "soft_field",
        tables,
        by_field,
        &["UPDATE docs SET hidden = NOT hidden", "UPDATE docs SET hidden = NULL WHERE id < 4"],
    );
}
