//! No text makes the readers panic, and what they report can be printed.

mod json_schemas;

use proptest::prelude::*;

use super::config_read;
use super::{read_schema, toml};
use crate::diagnostics::{Diagnostic, Sources};

const CONFIG: &str = r#"prefix = "é_"
[source]
type = "postgres"
connection_url = { host = "db", port = 5432, database = "d", password = { env = "P" } }
[sinks.search]
type = "opensearch"
url = "http://localhost:9200"
batch_size = 0x10
[[index]]
name = "users"
schema = "users.schema.yml"
"#;

const SCHEMA: &str = r#"table: &t users # é
schema: shop
primary_key: [tenant, id]
soft_delete: { column: gone, when: [{ raw: "x" }] }
filters:
  - { column: age, op: between, value: [1.50, 0x10] }
fields:
  - keyword: size # größe
    column: size
    options: { boost: 1e3, a: [~, .inf, *t] }
  - enum: tier
    variants: [a, "b\n"]
  - has_many: orders
    table: other.orders
    foreign_key: [tenant, user_id]
    primary_key: id
    order_by: [{ column: id, direction: desc }]
    fields:
      - constant: c
        value: |
          x
"#;

/// A text with a few stretches replaced by others.
fn broken(text: &'static str) -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "\\PC{0,6}",
        "[\\-\\[\\]{}:,&*!|>'\"%#?~ \\n\\t.=0-9éa-c]{0,8}",
        Just(String::new()),
        Just("*t".to_string()),
        Just("\r\n".to_string()),
        Just("\u{feff}".to_string()),
    ];
    let edits = prop::collection::vec((0..text.len(), 0..12_usize, pieces), 1..6);
    edits.prop_map(|edits| {
        let mut text = text.to_string();
        for (at, length, piece) in edits {
            let from = text.floor_char_boundary(at.min(text.len()));
            let to = text.floor_char_boundary((from + length).min(text.len()));
            text.replace_range(from..to, &piece);
        }
        text
    })
}

/// Prints diagnostics, whose places must lie in the text.
fn print(text: &str, found: &[Diagnostic]) {
    let sources = Sources { files: vec![("file".into(), text.into())] };
    for diagnostic in found {
        let place = diagnostic.place.unwrap();
        assert!(place.start <= place.end && place.end as usize <= text.len(), "{place:?}");
        let (before, after) = (place.start as usize, place.end as usize);
        assert!(text.is_char_boundary(before) && text.is_char_boundary(after), "{diagnostic:?}");
    }
    sources.render_all(found, true);
}

fn read_config(text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let root = toml::parse(0, text, &mut found);
    config_read::config(&root, &mut found);
    found
}

#[test]
fn the_texts_are_right_before_they_are_broken() {
    assert_eq!(read_config(CONFIG), []);
    // The line break in a variant is the one mistake.
    assert_eq!(read_schema(0, SCHEMA).unwrap_err().len(), 1);
}

#[test]
fn aliases_do_not_grow_without_bound() {
    let mut text = String::from("a: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        text += &format!("b{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "));
    }
    let found = read_schema(0, &text).unwrap_err();
    assert!(found[0].message.contains("aliases"), "{found:?}");
    let deep = read_schema(0, &"- ".repeat(1000)).unwrap_err();
    assert!(deep[0].message.contains("128 levels"), "{deep:?}");
    assert_eq!(read_schema(0, &"[".repeat(100_000)).unwrap_err().len(), 1);
    let cyclic = read_schema(0, "table: &a [*a]").unwrap_err();
    assert!(cyclic[0].message.contains("anchor"), "{cyclic:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_schema_panics(text in prop_oneof![broken(SCHEMA), "\\PC{0,80}"]) {
        if let Err(found) = read_schema(0, &text) {
            assert!(!found.is_empty());
            print(&text, &found);
        }
    }

    #[test]
    fn no_config_panics(text in prop_oneof![broken(CONFIG), "\\PC{0,80}"]) {
        print(&text, &read_config(&text));
    }

    #[test]
    fn no_lock_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(crate::lock::read(&bytes).is_err());
    }
}
