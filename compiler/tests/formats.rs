//! What each format takes and refuses, one line a case.
#![allow(clippy::unwrap_used)]

use flusso_compiler::catalog::TableName;
use flusso_compiler::diagnostics::Diagnostic;
use flusso_compiler::files::schema::{Field, FieldType, Kind, Link, Literal, Schema};
use flusso_compiler::files::{load, read_schema};
use flusso_compiler::{hash, lock};

fn with_field(field: &str) -> Result<Schema, Vec<Diagnostic>> {
    read_schema(0, &format!("table: t\nprimary_key: id\nfields:\n  - {{ {field} }}\n"))
}

fn only_field(field: &str) -> Field {
    with_field(field).unwrap().fields.remove(0)
}

#[test]
fn fields_that_are_right() {
    for field in [
        "keyword: fullName",
        "text: a, required: ~, column: ~, options: ~, transforms: ~, default: ~",
        "enum: a, transforms: [lowercase], variants: []",
        "date: a, default: 2024-01-02",
        "keyword: a, field: b",
        "custom: a, postgres: [], opensearch: ip, default: x",
        "map: a, values: enum",
        "geo: a",
        "geo: a, lat: b, lon: c",
        "object: a, fields: ~",
        "constant: a, value: ~",
        "has_many: a, table: b, foreign_key: c, primary_key: d, limit: 0, order_by: [], fields: []",
        "belongs_to: a, table: b, primary_key: d, filters: [], fields: []",
        "has_one: a, table: b, foreign_key: c, primary_key: d, order_by: [{ column: e }], fields: []",
        "count: a, table: b, foreign_key: c, column: 5, value_type: whatever",
        "avg: a, table: b, foreign_key: c, column: d, value_type: whatever",
        "sum: a, table: b, foreign_key: c, column: d, value_type: json",
        "ids: a, table: b, through: { table: c, left_key: d, right_key: e }, element_type: json",
        "count: a, table: b, foreign_key: c, filters: [{ column: d, op: in, value: [] }]",
        "count: a, table: b, foreign_key: c, filters: [{ column: d, op: eq, value: [1] }]",
        "count: a, table: b, foreign_key: c, filters: [{ raw: '  x ' }]",
    ] {
        assert!(with_field(field).is_ok(), "{field}: {:?}", with_field(field));
    }
}

#[test]
fn fields_that_are_wrong() {
    for field in [
        "keyword: 5",
        "keyword: ~",
        "keyword: a, text: b",
        "keyword: a, variants: [x]",
        "keyword: a, options: { 5: x }",
        "keyword: a, default: [x]",
        "keyword: a, transforms: trim",
        "keyword: a, required: \"true\"",
        "keyword: a, options: { x: 99999999999999999999 }",
        "custom: a, postgres: [], opensearch: ip, transforms: [trim]",
        "enum: a, variants: [' ']",
        "enum: a, variants: ['x => y']",
        "map: a, values: boolean",
        "map: a, values: text, default: x",
        "geo: a, lat: b, lon: c, column: d",
        "object: a, fields: [], required: true",
        "constant: a",
        "constant: a, value: 1, options: {}",
        "has_many: a, table: b, foreign_key: c, primary_key: d, column: e, fields: []",
        "has_many: a, table: b, foreign_key: c, primary_key: d, required: false, fields: []",
        "has_one: a, table: b, foreign_key: c, primary_key: d, limit: 1, fields: []",
        "belongs_to: a, table: b, primary_key: d, order_by: [], fields: []",
        "belongs_to: a, table: b, primary_key: d",
        "count: a, table: b",
        "count: a, table: b, foreign_key: c, element_type: long",
        "count: a, table: b, foreign_key: c, required: true",
        "ids: a, table: b, foreign_key: c, element_type: long, column: d",
        "sum: a, table: b, foreign_key: c, column: d, value_type: geo_point",
        "count: a, table: b, foreign_key: c, filters: [{ raw: ' ' }]",
        "count: a, table: b, foreign_key: c, filters: [{ column: d, op: eq, value: ~ }]",
        "count: a, table: b, foreign_key: c, filters: [{ column: d, op: in, value: 1 }]",
        "count: a, table: b.c.d, foreign_key: c",
        "<<: { keyword: a }",
    ] {
        assert!(with_field(field).is_err(), "{field}");
    }
}

#[test]
fn schemas_that_are_wrong() {
    for text in [
        "[]",
        "table",
        "table: t\nfields: ~",
        "table: t\nfields: []\nversion: 1.0",
        "table: t\nfields: []\nversion: 300",
        "table: t\nfields: []\ndoc_id: x",
        "table: t\nfields: []\nsoft_delete: {}",
        "table: t\nfields: []\nprimary_key: []",
        "table: t\nfields: []\n? [a]\n: b",
        "\u{feff}table: t\nfields: []",
        "table: t\ntable: t\nfields: []",
        &format!("table: {}\nfields: []", "t".repeat(64)),
    ] {
        assert!(read_schema(0, text).is_err(), "{text}");
    }
}

#[test]
fn files_may_be_written_in_many_ways() {
    let plain = read_schema(0, "table: users\nprimary_key: id\nfields: []\n").unwrap();
    for text in [
        "---\r\nversion: 0x1\r\ntable: '  Users '\r\nprimary_key: ID\r\nschema: Public\r\nfields: []\r\n",
        "{\"version\": 1, \"table\": \"users\", \"primary_key\": [\"id\"], \"fields\": []}",
        "table: public.users\nprimary_key: &k id\nschema: ~\nfilters: ~\nfields: []\n...\n",
    ] {
        let schema = read_schema(0, text).unwrap();
        assert_eq!(hash::schema(&schema), hash::schema(&plain), "{text}");
    }
    assert!(read_schema(0, "table: true\nfields: []").is_ok());
}

#[test]
fn yaml_values() {
    let value = |text: &str| match only_field(&format!("constant: a, value: {text}")).kind {
        Kind::Constant(value) => value,
        other => panic!("{other:?}"),
    };
    let text = |text: &str| Literal::String(text.into());
    let decimal = |text: &str| Literal::Decimal(text.into());
    for (written, read) in [
        ("yes", text("yes")),
        ("017", text("017")),
        ("00", text("00")),
        ("1_000", text("1_000")),
        (".", text(".")),
        ("1e", text("1e")),
        ("0x", text("0x")),
        ("inf", text("inf")),
        ("nan", text("nan")),
        ("\"5\"", text("5")),
        ("!!str 5", text("5")),
        ("!own 5", Literal::Int(5)),
        ("+5", Literal::Int(5)),
        ("-0x10", Literal::Int(-16)),
        ("0", Literal::Int(0)),
        ("NULL", Literal::Null),
        ("FALSE", Literal::Bool(false)),
        ("9223372036854775808", decimal("9223372036854775808")),
        ("0.00001", decimal("0.00001")),
        ("-0.0000015", decimal("-0.0000015")),
        ("1e28", decimal("10000000000000000000000000000")),
        ("7.9e28", decimal("79000000000000000000000000000")),
        ("8e28", text("8e28")),
        ("1e-29", text("1e-29")),
        ("-.inf", text("-.inf")),
    ] {
        assert_eq!(value(written), read, "{written}");
    }
}

#[test]
fn keys_of_several_columns_and_other_database_schemas() {
    let text = "table: shop.users\nprimary_key: [tenant, no]\nfields:\n  - belongs_to: team\n    \
                column: [Tenant, team_id]\n    table: hr.teams\n    primary_key: [tenant, id]\n    fields: []\n";
    let schema = read_schema(0, text).unwrap();
    let name = |schema: &str, name: &str| TableName { schema: schema.into(), name: name.into() };
    assert_eq!(schema.table.value, name("shop", "users"));
    let Kind::Join(join) = &schema.fields[0].kind else { panic!("{schema:?}") };
    assert_eq!(join.table.value, name("hr", "teams"));
    let Link::BelongsTo(columns) = &join.link else { panic!("{join:?}") };
    assert_eq!(columns.value, ["tenant", "team_id"]);
    // Each way of writing another thing gives another index.
    let mut hashes: Vec<u32> = ["shop.users", "users"]
        .iter()
        .flat_map(|table| {
            ["[tenant, no]", "[no, tenant]", "no", "tenantno"].map(|key| {
                let text = text.replace("shop.users", table).replace("[tenant, no]", key);
                hash::schema(&read_schema(0, &text).unwrap())
            })
        })
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

#[test]
fn what_is_ours_survives_the_lock() {
    let home = std::env::temp_dir().join(format!("flusso-lock-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let toml = "[source]\ntype = 'postgres'\n[server]\nprivate_address = '[::1]:2'\n[state]\ndir = '/data'\n\
                [[index]]\nname = 'users'\nschema = 'a.yml'\n";
    std::fs::write(home.join("flusso.toml"), toml).unwrap();
    let yaml = "table: shop.users\nschema: hr\nprimary_key: [tenant, no]\nfields:\n  \
                - many_to_many: tags\n    table: tags\n    primary_key: id\n    through: \
                { table: shop.links, left_key: [a, b], right_key: c }\n    fields:\n      \
                - map: m\n        values: text\n        options: { n: [1.5, ~, -3] }\n";
    std::fs::write(home.join("a.yml"), yaml).unwrap();
    let config = load(&home.join("flusso.toml")).1.unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    let bytes = lock::write(&config);
    let mut read = lock::read(&bytes).unwrap();
    assert_eq!(lock::write(&read), bytes);
    // The path and the place of the whole are of no use any more.
    read.indexes[0].path = config.indexes[0].path.clone();
    read.indexes[0].schema.place = config.indexes[0].schema.place;
    assert_eq!(read, config);
    for end in 0..bytes.len() {
        assert!(lock::read(&bytes[..end]).is_err());
    }
}

#[test]
fn a_lock_that_is_none_says_where() {
    let config = serde_json::json!({
        "format_version": 1, "flusso_version": "0.15.1", "more": 1,
        "config": { "source": { "source_type": "postgres" }, "sinks": {}, "indexes": { "a": {
            "enabled": true, "schema": { "version": 1, "table": "t", "db_schema": "public", "fields": [
                { "field": "x", "source": { "column": { "column": "x", "ty": "txt", "nullable": true } } },
            ] } } } },
    });
    let text = serde_json::to_string(&config).unwrap();
    let error = |text: &str| {
        let value: packed::Value = serde_json::from_str(text).unwrap();
        lock::read(&rmp_serde::to_vec_named(&value).unwrap()).map(|_| ())
    };
    assert_eq!(error(&text.replace("txt", "text")), Ok(()));
    let wrong = error(&text).unwrap_err().to_string();
    assert!(wrong.contains("indexes.a.schema.fields.0.source.column.ty"), "{wrong}");
    let version = error(&text.replace("\"format_version\":1", "\"format_version\":2"));
    assert_eq!(version, Err(lock::LockError::Version(2)));
}

#[test]
fn types_are_kept() {
    let Kind::Column(column) = only_field("custom: a, postgres: [x], opensearch: ' y '").kind
    else {
        panic!()
    };
    let custom = FieldType::Custom { postgres: vec!["x".into()], opensearch: " y ".into() };
    assert_eq!((column.ty, column.nullable), (custom, true));
}

/// JSON without serde_json's numbers, which MessagePack would see as maps.
mod packed {
    use std::collections::BTreeMap;

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(untagged)]
    pub enum Value {
        Bool(bool),
        Int(i64),
        Text(String),
        List(Vec<Value>),
        Map(BTreeMap<String, Value>),
    }
}
