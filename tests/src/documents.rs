//! Documents by index and id, and when two are the same: JSON equality, with numbers compared
//! as exact decimals, so that `1.50`, `1.5` and `15e-1` are one number and `0.1` and
//! `0.1000000000000001` are two.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Index and id.
pub type Id = (String, String);

/// A state of all indexes.
pub type Documents = BTreeMap<Id, Value>;

/// What happened to documents: the new form, or none when deleted.
pub type Changes = BTreeMap<Id, Option<Value>>;

/// The document with its numbers in one form; equal documents then are equal values.
pub fn normal(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(format!("number {}", decimal(&number.to_string()))),
        Value::Array(items) => Value::Array(items.into_iter().map(normal).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, normal(value))).collect())
        }
        other => other,
    }
}

/// `digits e exponent`, without zeros at either end.
fn decimal(text: &str) -> String {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = (digits.len() - significant.len()) as i64;
    let exponent: i64 = exponent.parse().expect("a JSON number has an integer exponent");
    let exponent = exponent - fraction.len() as i64 + zeros;
    match significant.trim_start_matches('0') {
        "" => "0".to_owned(),
        significant => format!("{sign}{significant}e{exponent}"),
    }
}

/// What must be sent to get from one state to the other.
pub fn difference(before: &Documents, after: &Documents) -> Changes {
    let gone = before.keys().filter(|id| !after.contains_key(*id)).map(|id| (id.clone(), None));
    let new = after
        .iter()
        .filter(|(id, document)| before.get(*id) != Some(*document))
        .map(|(id, document)| (id.clone(), Some(document.clone())));
    gone.chain(new).collect()
}

/// The first few differences, for a person; none when the states are equal.
pub fn explain(expected: &Documents, found: &Documents) -> Option<String> {
    let ids = difference(expected, found);
    if ids.is_empty() {
        return None;
    }
    let mut text = format!("{} documents differ", ids.len());
    let show = |document: Option<&Value>| document.map_or("absent".to_owned(), Value::to_string);
    for id in ids.keys().take(3) {
        let (expected, found) = (show(expected.get(id)), show(found.get(id)));
        let _ = write!(text, "\n{} {}\n  expected {expected}\n  found    {found}", id.0, id.1);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_when_their_values_are() {
        for (a, b) in
            [("1.50", "1.5"), ("15e-1", "1.5"), ("100", "1e2"), ("-0.0", "0"), ("007", "7")]
        {
            assert_eq!(decimal(a), decimal(b));
        }
        for (a, b) in [("0.1", "0.1000000000000001"), ("1", "-1"), ("1e20", "1e21")] {
            assert_ne!(decimal(a), decimal(b));
        }
    }

    #[test]
    fn a_difference_is_what_changed_and_nothing_else() {
        let id = |n: &str| ("i".to_owned(), n.to_owned());
        let before =
            Documents::from([(id("1"), 1.into()), (id("2"), 2.into()), (id("3"), 3.into())]);
        let after =
            Documents::from([(id("1"), 1.into()), (id("2"), 5.into()), (id("4"), 4.into())]);
        let expected =
            Changes::from([(id("2"), Some(5.into())), (id("3"), None), (id("4"), Some(4.into()))]);
        assert_eq!(difference(&before, &after), expected);
    }
}
