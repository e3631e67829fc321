//! The JSON Schemas that editors use know the same keys as the readers do.
//!
//! The readers are asked: a key that nobody knows is refused with the list of those there are.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use flusso_compiler::files::{load, read_schema};
use serde_json::Value;

/// A schema file of the repository.
fn json_schema(name: &str) -> Value {
    let path = format!("{}/../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Keys of `properties`.
fn properties(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

/// The keys in the help of the error about `zzzzzzzz`.
fn known_keys(errors: &[flusso_compiler::diagnostics::Diagnostic]) -> BTreeSet<String> {
    let unknown = errors.iter().find(|error| error.message.contains("`zzzzzzzz`"));
    let help = unknown.unwrap_or_else(|| panic!("{errors:?}")).help.as_ref().unwrap();
    assert!(help.starts_with("its keys are"), "{help}");
    help.split('`').skip(1).step_by(2).map(String::from).collect()
}

#[test]
fn there_are_no_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<_> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names, ["config", "index"].map(|name| format!("{name}.schema.json")).into());
}

#[test]
fn schema_files() {
    let schema = json_schema("index");
    let defs = &schema["$defs"];
    let keys = |text: &str| known_keys(&read_schema(0, text).unwrap_err());
    assert_eq!(keys("zzzzzzzz: 1"), properties(&schema));
    assert_eq!(keys("soft_delete: { zzzzzzzz: 1 }"), properties(&defs["soft_delete"]));
    assert_eq!(keys("filters: [{ zzzzzzzz: 1 }]"), properties(&defs["column_filter"]));
    assert_eq!(keys("filters: [{ raw: x, zzzzzzzz: 1 }]"), properties(&defs["raw_filter"]));
    let order = keys("fields: [{ has_many: a, order_by: [{ zzzzzzzz: 1 }] }]");
    assert_eq!(order, properties(&defs["order_item"]));
    let through = keys("fields: [{ count: a, through: { zzzzzzzz: 1 } }]");
    assert_eq!(through, properties(&defs["through"]));
}

#[test]
fn fields() {
    let schema = json_schema("index");
    let errors = read_schema(0, "fields: [{ zzzzzzzz: 1 }]").unwrap_err();
    let error = errors.iter().find(|error| error.message.contains("`zzzzzzzz`")).unwrap();
    let tags: BTreeSet<&str> = error.help.as_ref().unwrap().split('`').skip(1).step_by(2).collect();
    let listed = schema["$defs"]["field"]["oneOf"].as_array().unwrap();
    let listed: BTreeSet<&str> = listed
        .iter()
        .map(|item| item["$ref"].as_str().unwrap().strip_prefix("#/$defs/field_").unwrap())
        .collect();
    assert_eq!(listed, tags);
    for tag in tags {
        let text = format!("fields: [{{ {tag}: a, zzzzzzzz: 1 }}]");
        let known = known_keys(&read_schema(0, &text).unwrap_err());
        assert_eq!(known, properties(&schema["$defs"][format!("field_{tag}")]), "{tag}");
    }
}

#[test]
fn flusso_toml() {
    let schema = json_schema("config");
    let defs = &schema["$defs"];
    let path = std::env::temp_dir().join(format!("flusso-keys-{}.toml", std::process::id()));
    let keys = |text: &str| {
        std::fs::write(&path, text).unwrap();
        known_keys(&load(&path).1.unwrap_err())
    };
    assert_eq!(keys("zzzzzzzz = 1"), properties(&schema));
    assert_eq!(keys("source = { zzzzzzzz = 1 }"), properties(&defs["source"]));
    let parts = keys("source = { connection_url = { host = 'a', zzzzzzzz = 1 } }");
    assert_eq!(parts, properties(&defs["parts"]));
    assert_eq!(keys("index = [{ zzzzzzzz = 1 }]"), properties(&defs["index"]));
    assert_eq!(keys("server = { zzzzzzzz = 1 }"), properties(&defs["server"]));
    assert_eq!(keys("state = { zzzzzzzz = 1 }"), properties(&defs["state"]));
    for kind in ["opensearch", "stdout"] {
        let sink = keys(&format!("sinks.a = {{ type = '{kind}', zzzzzzzz = 1 }}"));
        assert_eq!(sink, properties(&defs[kind]), "{kind}");
    }
    let aws = keys("sinks.a = { type = 'opensearch', aws = { zzzzzzzz = 1 } }");
    assert_eq!(aws, properties(&defs["aws"]));
    std::fs::remove_file(&path).unwrap();
}
