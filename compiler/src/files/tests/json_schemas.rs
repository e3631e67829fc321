//! The JSON Schemas that editors use accept every file of the repository that loads, and refuse
//! keys and words that the readers refuse.
//!
//! Only the words of JSON Schema that ours are written with are understood; another one fails.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value as Json};

use super::super::node::{Node, Scalar, ScalarKind, Value};
use super::super::{load, read_schema, toml, yaml};

/// A file of the repository.
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One of the JSON Schemas.
fn json_schema(name: &str) -> Json {
    let path = repository().join(format!("schemas/{name}.schema.json"));
    serde_json::from_str(&read(&path)).expect("a JSON Schema is JSON")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files below a folder whose names end so.
fn below(folder: &Path, end: &str, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            below(&path, end, into);
        } else if name.ends_with(end) && !name.starts_with('.') {
            into.push(path);
        }
    }
}

/// The files in the folders of the repository that have any.
fn files(end: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["cli/tests", "compiler/tests", "dev", "tests"] {
        below(&repository().join(folder), end, &mut files);
    }
    files
}

/// A tree as an editor sees it.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.clone(), json(&entry.node)));
            Json::Object(entries.collect())
        }
        Value::Scalar(Scalar { text, kind, .. }) => match kind {
            ScalarKind::Null => Json::Null,
            ScalarKind::Bool(value) => (*value).into(),
            ScalarKind::Int(value) => Json::Number(
                (*value)
                    .try_into()
                    .map_or_else(|_| serde_json::Number::from(0), |value: i64| value.into()),
            ),
            ScalarKind::HugeInt => 0.into(),
            ScalarKind::Float(value) => Json::from(if value.is_finite() { *value } else { 0.5 }),
            ScalarKind::Text | ScalarKind::Datetime => text.as_str().into(),
        },
    }
}

/// What a value is against in a JSON Schema, each with its place.
struct Judge {
    root: Json,
    against: Vec<String>,
}

impl Judge {
    /// What `value` is against in one of the JSON Schemas.
    fn judge(root: Json, value: &Json) -> Vec<String> {
        let mut judge = Judge { root: root.clone(), against: Vec::new() };
        judge.value(&root, value, "");
        judge.against
    }

    fn against(&mut self, at: &str, what: String) {
        self.against.push(format!("{at}: {what}"));
    }

    fn holds(&mut self, schema: &Json, value: &Json) -> bool {
        let before = self.against.len();
        self.value(schema, value, "");
        let holds = self.against.len() == before;
        self.against.truncate(before);
        holds
    }

    fn value(&mut self, schema: &Json, value: &Json, at: &str) {
        let words = schema.as_object().expect("a schema is an object");
        for (word, says) in words {
            let says_so = match word.as_str() {
                "$ref" => {
                    let path = says.as_str().and_then(|path| path.strip_prefix('#'));
                    let path = path.expect("a reference within the file");
                    let target = self.root.pointer(path).expect("it leads somewhere").clone();
                    self.value(&target, value, at);
                    true
                }
                "type" => list(says).iter().any(|kind| is(value, kind)),
                "const" => value == says,
                "enum" => list(says).contains(&value),
                "anyOf" => list(says).iter().any(|schema| self.holds(schema, value)),
                "oneOf" => {
                    let holds = list(says).into_iter().filter(|schema| self.holds(schema, value));
                    holds.count() == 1
                }
                "items" => {
                    for (position, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(says, item, &format!("{at}/{position}"));
                    }
                    true
                }
                "properties" => {
                    for (key, item) in value.as_object().into_iter().flatten() {
                        if let Some(schema) = says.get(key) {
                            self.value(schema, item, &format!("{at}/{key}"));
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let empty = Map::new();
                    let known = words.get("properties").and_then(Json::as_object);
                    let known = known.unwrap_or(&empty);
                    for (key, item) in value.as_object().into_iter().flatten() {
                        match (known.contains_key(key), says) {
                            (true, _) => {}
                            (false, Json::Bool(false)) => self.against(at, format!("key {key}")),
                            (false, says) => self.value(says, item, &format!("{at}/{key}")),
                        }
                    }
                    true
                }
                "required" => value.as_object().is_none_or(|entries| {
                    list(says).iter().all(|key| entries.contains_key(key.as_str().unwrap_or("")))
                }),
                "pattern" => value.as_str().is_none_or(|text| {
                    let pattern = Regex::new(says.as_str().unwrap_or("")).expect("a pattern");
                    pattern.is_match(text)
                }),
                "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= size(says)),
                "maxLength" => value.as_str().is_none_or(|text| text.len() as u64 <= size(says)),
                "minItems" => value.as_array().is_none_or(|it| it.len() as u64 >= size(says)),
                "minimum" => value.as_i64().is_none_or(|number| number >= size(says) as i64),
                "maximum" => value.as_i64().is_none_or(|number| number <= size(says) as i64),
                "uniqueItems" => value.as_array().is_none_or(|items| {
                    (0..items.len()).all(|one| !items[..one].contains(&items[one]))
                }),
                "$schema" | "$defs" | "title" | "description" | "default" | "examples" => true,
                other => panic!("`{other}` is not understood here"),
            };
            if !says_so {
                self.against(at, format!("{word} {says}, not {value}"));
            }
        }
    }
}

/// The items of a list; a single value is a list of it.
fn list(says: &Json) -> Vec<&Json> {
    says.as_array().map_or_else(|| vec![says], |items| items.iter().collect())
}

fn size(says: &Json) -> u64 {
    says.as_u64().expect("a whole number")
}

fn is(value: &Json, kind: &Json) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => panic!("`{other:?}` is no type"),
    }
}

/// Holds the files that end so and load, more than so many, against a schema.
fn accepted(end: &str, schema: &Json, least: usize, loaded: impl Fn(&Path) -> Option<Node>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for path in files(end) {
        let Some(tree) = loaded(&path) else { continue };
        count += 1;
        for against in Judge::judge(schema.clone(), &json(&tree)) {
            wrong.push(format!("{} {against}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > least, "{count} of them loaded");
}

#[test]
fn schema_files_that_load_are_accepted() {
    accepted(".yml", &json_schema("index"), 150, |path| {
        let text = read(path);
        read_schema(0, &text).ok()?;
        Some(yaml::parse(0, &text, &mut Vec::new()).expect("it loads"))
    });
}

#[test]
fn deployments_that_load_are_accepted() {
    accepted("flusso.toml", &json_schema("config"), 50, |path| {
        load(path).1.ok()?;
        Some(toml::parse(0, &read(path), &mut Vec::new()))
    });
}

#[test]
fn mistakes_are_seen_while_they_are_written() {
    let refused = [
        "table: t",
        "table: t\nfields: [{ keyword: a, colum: b }]",
        "table: t\nfields: [{ keyword: a b }]",
        "table: t\nfields: [{ enum: a, variants: [x, x] }]",
        "table: t\nfields: [{ map: a, values: boolean }]",
        "table: t\nfields: [{ sum: a, table: b, foreign_key: c, column: d }]",
        "table: t\nfields: [{ has_many: a, select: SELECT 1, join: b, fields: [] }]",
        "table: t\nfields: [{ has_many: a, fields: [{ text: x }] }]",
        "table: t\nfilters: [{ column: a, op: like }, { column: a, op: near, value: 1 }]\nfields: []",
        "table: t\nversion: 2\nfields: []",
    ];
    for text in refused {
        assert!(read_schema(0, text).is_err(), "{text}");
        let tree = yaml::parse(0, text, &mut Vec::new()).expect("it is YAML");
        assert_ne!(Judge::judge(json_schema("index"), &json(&tree)), [] as [&str; 0], "{text}");
    }
}
