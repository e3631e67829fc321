//! The `flusso.toml` that `flusso init` writes when there is none, and the entry it adds to one.

/// The whole file; `connection` is the value of `connection_url` as TOML writes it.
pub fn config(connection: &str, index: &str, schema: &str) -> String {
    format!(
        "\
# Where rows come from, where documents go, and which documents there are.

[source]
type = \"postgres\"
connection_url = {connection}

# Documents go to standard output, a line each. Once they are right, send them to OpenSearch:
#
# [sinks.search]
# type = \"opensearch\"
# url = \"http://127.0.0.1:9200\"
[sinks.lines]
type = \"stdout\"
{}",
        entry(index, schema)
    )
}

/// One more index, to be put at the end of the file.
pub fn entry(index: &str, schema: &str) -> String {
    format!("\n[[index]]\nname = {}\nschema = {}\n", text(index), text(schema))
}

/// A TOML text: JSON's escapes are TOML's.
pub fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
