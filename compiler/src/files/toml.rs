//! TOML text to a [`Node`].
//!
//! The parser recovers from most mistakes, so that several are reported at once. What it makes of
//! the rest of a broken file still names the schema files, and so they are checked too.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Entry, Node, Scalar, ScalarKind, Value};
use crate::diagnostics::{Diagnostic, Place};

/// Reads a file as far as it can be read; what cannot is in `found`.
pub fn parse(file: u32, text: &str, found: &mut Vec<Diagnostic>) -> Node {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        found.push(Diagnostic::error(place(file, span), format!("not TOML: {}", error.message())));
    }
    let span = table.span();
    Node { place: place(file, span), value: map(file, table.get_ref()) }
}

fn place(file: u32, span: std::ops::Range<usize>) -> Place {
    Place { file, start: span.start as u32, end: span.end as u32 }
}

/// The entries in the order written; the parser's table is sorted.
fn map(file: u32, table: &DeTable<'_>) -> Value {
    let entry =
        |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| Entry {
            key: key.get_ref().to_string(),
            key_place: place(file, key.span()),
            key_is_text: true,
            node: node(file, value),
        };
    let mut entries: Vec<Entry> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.key_place.start);
    Value::Map(entries)
}

fn node(file: u32, spanned: &Spanned<DeValue<'_>>) -> Node {
    let (text, kind) = match spanned.get_ref() {
        DeValue::Table(table) => {
            return Node { place: place(file, spanned.span()), value: map(file, table) };
        }
        DeValue::Array(array) => {
            let items = array.iter().map(|item| node(file, item)).collect();
            return Node { place: place(file, spanned.span()), value: Value::List(items) };
        }
        DeValue::String(text) => (text.to_string(), ScalarKind::Text),
        DeValue::Boolean(value) => (value.to_string(), ScalarKind::Bool(*value)),
        DeValue::Integer(integer) => {
            let value = i64::from_str_radix(integer.as_str(), integer.radix());
            let kind = value.map_or(ScalarKind::HugeInt, |value| ScalarKind::Int(value.into()));
            (integer.to_string(), kind)
        }
        DeValue::Float(float) => {
            let kind = float.as_str().parse().map_or(ScalarKind::Text, ScalarKind::Float);
            (float.as_str().to_string(), kind)
        }
        DeValue::Datetime(datetime) => (datetime.to_string(), ScalarKind::Datetime),
    };
    Node {
        place: place(file, spanned.span()),
        value: Value::Scalar(Scalar { text, kind, pieces: Vec::new() }),
    }
}
