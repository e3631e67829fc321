//! YAML values as the reference keeps them: in options, constants, defaults and filters.
//!
//! Index names carry a hash over these, so their text is a format: `1.50` is the decimal `1.5`,
//! `1e3` is `1000.0`, and what does not fit 28 decimal digits stays the text it was.

use std::collections::BTreeMap;

use super::node::{Node, Scalar, ScalarKind, Value};
use super::schema::Literal;
use crate::diagnostics::Diagnostic;

/// Digits after the point that a decimal may have.
const MAX_SCALE: i32 = 28;

/// Decimals are 96 bits wide.
const MAX_DECIMAL: u128 = (1 << 96) - 1;

/// Any value.
pub fn literal(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Literal> {
    match &node.value {
        Value::Scalar(scalar) => scalar_literal(node, scalar, found),
        Value::List(items) => {
            super::read::each(items, |item| literal(item, found)).map(Literal::Array)
        }
        Value::Map(_) => text_map(node, found).map(Literal::Map),
    }
}

/// A map with text keys.
pub fn text_map(node: &Node, found: &mut Vec<Diagnostic>) -> Option<BTreeMap<String, Literal>> {
    let Value::Map(entries) = &node.value else {
        found.push(super::read::wrong(node, "`options`", "a map of keys and values"));
        return None;
    };
    let mut map = BTreeMap::new();
    let mut whole = true;
    for entry in entries {
        if !entry.key_is_text {
            let error = Diagnostic::error(entry.key_place, "a key here must be a text");
            found.push(error.help(format!("write \"{}\"", entry.key)));
            whole = false;
        }
        match literal(&entry.node, found) {
            Some(value) => drop(map.insert(entry.key.clone(), value)),
            None => whole = false,
        }
    }
    whole.then_some(map)
}

fn scalar_literal(node: &Node, scalar: &Scalar, found: &mut Vec<Diagnostic>) -> Option<Literal> {
    Some(match scalar.kind {
        ScalarKind::Null => Literal::Null,
        ScalarKind::Bool(value) => Literal::Bool(value),
        ScalarKind::Text | ScalarKind::Datetime => Literal::String(scalar.text.clone()),
        ScalarKind::Int(value) => match i64::try_from(value) {
            Ok(value) => Literal::Int(value),
            Err(_) => Literal::Decimal(value.to_string()),
        },
        ScalarKind::Float(value) => match decimal_text(value) {
            Some(text) => Literal::Decimal(text),
            None => Literal::String(float_text(value)),
        },
        ScalarKind::HugeInt => {
            let message = format!("the number `{}` does not fit 64 bits", scalar.text);
            found.push(Diagnostic::error(node.place, message).help("write it as a text"));
            return None;
        }
    })
}

/// The text of a constant in a filter; empty for a list or a map, as the reference has it.
pub fn operand(node: &Node, found: &mut Vec<Diagnostic>) -> Option<String> {
    let Value::Scalar(scalar) = &node.value else {
        return Some(String::new());
    };
    Some(match scalar.kind {
        ScalarKind::Null => "null".into(),
        ScalarKind::Bool(value) => value.to_string(),
        ScalarKind::Text | ScalarKind::Datetime => scalar.text.clone(),
        ScalarKind::Int(value) => value.to_string(),
        ScalarKind::Float(value) => float_text(value),
        ScalarKind::HugeInt => {
            let message = format!("the number `{}` does not fit 64 bits", scalar.text);
            found.push(Diagnostic::error(node.place, message).help("write it as a text"));
            return None;
        }
    })
}

/// Shortest digits of a finite number, without the point, and the exponent of the first one.
fn digits(value: f64) -> (String, i32) {
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// The shortest text that reads back as the number: `2.0`, `0.00001`, `1e30`.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        return ".nan".into();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}.inf");
    }
    let (digits, exponent) = digits(value);
    if (-5..16).contains(&exponent) {
        return format!("{sign}{}", plain(&digits, exponent, true));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{exponent}")
}

/// The exact decimal that the number's shortest text says; none when it takes more than 28
/// digits after the point or 96 bits.
fn decimal_text(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let (digits, exponent) = digits(value);
    let scale = digits.len() as i32 - 1 - exponent;
    let fits = match scale {
        ..=0 => {
            plain(&digits, exponent, false).parse().is_ok_and(|whole: u128| whole <= MAX_DECIMAL)
        }
        _ => scale <= MAX_SCALE,
    };
    let sign = if value < 0.0 { "-" } else { "" };
    let point = (-5..16).contains(&exponent);
    fits.then(|| format!("{sign}{}", plain(&digits, exponent, point)))
}

/// Digits with the point put in. A whole number gets `.0` when `point` asks for it.
fn plain(digits: &str, exponent: i32, point: bool) -> String {
    let before = exponent + 1;
    let length = digits.len() as i32;
    if before <= 0 {
        format!("0.{}{digits}", "0".repeat(-before as usize))
    } else if before < length {
        let (whole, fraction) = digits.split_at(before as usize);
        format!("{whole}.{fraction}")
    } else {
        let zeros = "0".repeat((before - length) as usize);
        format!("{digits}{zeros}{}", if point { ".0" } else { "" })
    }
}
