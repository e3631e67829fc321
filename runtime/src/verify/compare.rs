//! Where two documents differ.
//!
//! JSON equality, with numbers compared as exact decimals: `1.50` is `1.5`, and `0.1` is not
//! `0.1000000000000001`. Only binary floating point, whose sums depend on the order of the rows,
//! may differ in the last digits.

use std::collections::BTreeSet;

use serde_json::{Number, Value};

/// By how much, relative to the larger, floats may differ.
const NEARLY: f64 = 1e-12;

/// A value that is not the same on both sides; none where there is nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Unequal {
    /// Where: `orders[3].total`.
    pub path: String,
    /// What it should be.
    pub database: Option<Value>,
    /// What it is.
    pub sink: Option<Value>,
}

/// All places where two documents differ. `floats` are dotted paths without places in arrays.
pub fn differences(database: &Value, sink: &Value, floats: &BTreeSet<String>) -> Vec<Unequal> {
    let mut found = Vec::new();
    let at = At { path: String::new(), fields: String::new() };
    walk(&at, Some(database), Some(sink), floats, &mut found);
    found
}

/// A place in a document, for people and for the list of floats.
struct At {
    path: String,
    fields: String,
}

impl At {
    fn field(&self, name: &str) -> At {
        let join = |before: &str| match before {
            "" => name.to_owned(),
            before => format!("{before}.{name}"),
        };
        At { path: join(&self.path), fields: join(&self.fields) }
    }

    fn element(&self, n: usize) -> At {
        At { path: format!("{}[{n}]", self.path), fields: self.fields.clone() }
    }
}

fn walk(
    at: &At,
    database: Option<&Value>,
    sink: Option<&Value>,
    floats: &BTreeSet<String>,
    found: &mut Vec<Unequal>,
) {
    match (database, sink) {
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                walk(&at.field(name), ours.get(name), theirs.get(name), floats, found);
            }
        }
        (Some(Value::Array(ours)), Some(Value::Array(theirs))) => {
            for n in 0..ours.len().max(theirs.len()) {
                walk(&at.element(n), ours.get(n), theirs.get(n), floats, found);
            }
        }
        (Some(Value::Number(ours)), Some(Value::Number(theirs))) => {
            let same = ours == theirs
                || decimal(ours) == decimal(theirs)
                || floats.contains(&at.fields) && nearly(ours, theirs);
            if !same {
                found.push(unequal(at, database, sink));
            }
        }
        (ours, theirs) if ours == theirs => {}
        (_, _) => found.push(unequal(at, database, sink)),
    }
}

fn unequal(at: &At, database: Option<&Value>, sink: Option<&Value>) -> Unequal {
    Unequal { path: at.path.clone(), database: database.cloned(), sink: sink.cloned() }
}

fn nearly(ours: &Number, theirs: &Number) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= NEARLY * a.abs().max(b.abs()),
        _ => false,
    }
}

/// Sign, significant digits and the exponent of the last of them.
fn decimal(number: &Number) -> Option<(bool, String, i64)> {
    let text = number.as_str();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = (digits.len() - significant.len()) as i64;
    let exponent: i64 = exponent.parse().ok()?;
    let exponent = exponent.checked_sub(fraction.len() as i64)?.checked_add(zeros)?;
    match significant.trim_start_matches('0') {
        "" => Some((false, String::new(), 0)),
        significant => Some((negative, significant.to_owned(), exponent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(database: &str, sink: &str, floats: &[&str]) -> Vec<String> {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let floats = floats.iter().map(|path| (*path).to_owned()).collect();
        let found = differences(&read(database), &read(sink), &floats);
        let show = |value: Option<Value>| value.map_or("nothing".to_owned(), |it| it.to_string());
        found
            .into_iter()
            .map(|it| format!("{} {} {}", it.path, show(it.database), show(it.sink)))
            .collect()
    }

    #[test]
    fn numbers_are_compared_as_decimals() {
        for (a, b) in [("1.50", "1.5"), ("15e-1", "1.5"), ("100", "1E+2"), ("-0.0", "0")] {
            assert!(found(a, b, &[]).is_empty(), "{a} {b}");
        }
        for (a, b) in [
            ("0.1", "0.1000000000000001"),
            ("1", "-1"),
            ("9007199254740993", "9007199254740992"),
            ("1e20", "1e21"),
            ("1", "\"1\""),
            ("null", "0"),
        ] {
            assert_eq!(found(a, b, &[]).len(), 1, "{a} {b}");
        }
    }

    #[test]
    fn floats_may_differ_in_the_last_digits_and_nothing_else_may() {
        let documents = [r#"{"a": {"x": 0.30000000000000004}}"#, r#"{"a": {"x": 0.3}}"#];
        assert_eq!(found(documents[0], documents[1], &[]).len(), 1);
        assert!(found(documents[0], documents[1], &["a.x"]).is_empty());
        assert_eq!(found(r#"{"x": 0.3}"#, r#"{"x": 0.3000001}"#, &["x"]).len(), 1);
        let arrays = [
            r#"{"a": [{"x": 0.1}, {"x": 3e0}]}"#,
            r#"{"a": [{"x": 1e-1}, {"x": 3.0000000000000004}]}"#,
        ];
        assert!(found(arrays[0], arrays[1], &["a.x"]).is_empty());
    }

    #[test]
    fn each_difference_is_named_by_its_path() {
        let database = r#"{"id": 1, "user": {"name": "Ann"}, "items": [{"n": 1}, {"n": 2}]}"#;
        let sink = r#"{"id": 1, "user": null, "items": [{"n": 3}], "more": true}"#;
        assert_eq!(
            found(database, sink, &[]),
            [
                "items[0].n 1 3",
                r#"items[1] {"n":2} nothing"#,
                "more nothing true",
                r#"user {"name":"Ann"} null"#,
            ]
        );
    }
}
