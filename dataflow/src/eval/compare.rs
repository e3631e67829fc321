//! How values compare. Typing has made both sides one type; the class says what a value alone does
//! not: whether blanks at the end count, whether case does, in which order labels stand.

use std::cmp::Ordering;

use flusso_compiler::types::Class;

use super::error::{EvalError, Evaluated};
use super::float;
use super::moment::SECOND;
use super::numeric::Numeric;
use super::value::{Arena, Array, Value};
use crate::order::{lower, trim_blanks};

/// Whether two values of a class are equal.
pub(crate) fn equal_by(
    class: &Class,
    a: Value<'_>,
    b: Value<'_>,
    arena: &Arena,
) -> Evaluated<bool> {
    match (class, a, b) {
        (Class::Bpchar | Class::Citext, Value::Text(_), Value::Text(_)) => {
            Ok(order_by(class, a, b, arena)?.is_eq())
        }
        _ => equal(a, b, arena),
    }
}

/// How two values of a class stand to one another.
pub(crate) fn order_by(
    class: &Class,
    a: Value<'_>,
    b: Value<'_>,
    arena: &Arena,
) -> Evaluated<Ordering> {
    let (Value::Text(left), Value::Text(right)) = (a, b) else { return order(a, b, arena) };
    Ok(match class {
        Class::Bpchar => trim_blanks(left.as_bytes()).cmp(trim_blanks(right.as_bytes())),
        Class::Citext => {
            let folded = |text: &str| {
                let mut out = Vec::with_capacity(text.len());
                lower(text.as_bytes(), &mut out);
                out
            };
            folded(left).cmp(&folded(right))
        }
        Class::Enum(labels) => {
            let position = |text| labels.iter().position(|label| label == text);
            position(left).cmp(&position(right))
        }
        _ => left.cmp(right),
    })
}

/// Whether two values of one type are equal.
pub(crate) fn equal(a: Value<'_>, b: Value<'_>, arena: &Arena) -> Evaluated<bool> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Json(a), Value::Json(b)) => Ok(a.equals(b, arena)),
        (Value::Array(a), Value::Array(b)) => {
            if a.dimensions != b.dimensions {
                return Ok(false);
            }
            for (a, b) in a.elements.iter().zip(b.elements) {
                if !super::array::inspect::same(*a, *b, arena)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(order(a, b, arena)?.is_eq()),
    }
}

/// How two values of one type stand to one another. Numbers of two types meet as the wider one.
pub(crate) fn order(a: Value<'_>, b: Value<'_>, arena: &Arena) -> Evaluated<Ordering> {
    Ok(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(&b),
        (Value::Int(a), Value::Int(b)) => a.cmp(&b),
        (Value::Numeric(a), Value::Numeric(b)) => a.cmp(&b),
        (Value::Int(a), Value::Numeric(b)) => Numeric::int(a).cmp(&b),
        (Value::Numeric(a), Value::Int(b)) => a.cmp(&Numeric::int(b)),
        (
            Value::Float4(_) | Value::Float8(_) | Value::Int(_) | Value::Numeric(_),
            Value::Float4(_) | Value::Float8(_) | Value::Int(_) | Value::Numeric(_),
        ) => float::cmp(to_float(a, arena)?, to_float(b, arena)?),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(&b),
        (Value::Time(a), Value::Time(b)) => a.cmp(&b),
        (Value::TimeTz(a, west), Value::TimeTz(b, other)) => {
            let utc = |time: i64, west: i32| time + i64::from(west) * SECOND;
            utc(a, west).cmp(&utc(b, other)).then(west.cmp(&other))
        }
        (
            Value::Timestamp(a) | Value::TimestampTz(a),
            Value::Timestamp(b) | Value::TimestampTz(b),
        ) => a.cmp(&b),
        (Value::Interval(a), Value::Interval(b)) => a.length().cmp(&b.length()),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(&b),
        (Value::Array(a), Value::Array(b)) => arrays(a, b, arena)?,
        (Value::Json(a), Value::Json(b)) if a.equals(b, arena) => Ordering::Equal,
        (Value::Json(_), Value::Json(_)) => {
            return Err(EvalError::unsupported("the order of jsonb values"));
        }
        _ => return Err(EvalError::unsupported("comparing values of two types")),
    })
}

fn to_float(value: Value<'_>, arena: &Arena) -> Evaluated<f64> {
    Ok(match value {
        Value::Float4(value) => value.into(),
        Value::Float8(value) => value,
        Value::Int(value) => value as f64,
        Value::Numeric(value) => float::parse8(value.text(arena))?,
        _ => f64::NAN,
    })
}

/// Element by element, NULL being greatest, then by the number of elements, then by the bounds.
fn arrays(a: Array<'_>, b: Array<'_>, arena: &Arena) -> Evaluated<Ordering> {
    for pair in a.elements.iter().zip(b.elements) {
        let ordering = match pair {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => order(*a, *b, arena)?,
        };
        if ordering.is_ne() {
            return Ok(ordering);
        }
    }
    let lengths = a.elements.len().cmp(&b.elements.len());
    let dimensions = a.dimensions.len().cmp(&b.dimensions.len());
    let bounds = |array: Array<'_>| -> Vec<(i32, i32)> {
        array.dimensions.iter().map(|(lower, length)| (*length, *lower)).collect()
    };
    Ok(lengths.then(dimensions).then_with(|| bounds(a).cmp(&bounds(b))))
}
