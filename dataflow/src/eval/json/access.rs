//! `->`, `#>` and their like: a value inside a `jsonb`.

use super::Json;
use crate::eval::error::{BAD_PARAMETER, EvalError, Evaluated};
use crate::eval::value::{Arena, Array, Draft, Value};

/// As `->` gives it for a position: to it a scalar is an array of one.
pub(crate) fn element(json: Json<'_>, position: i64) -> Option<Json<'_>> {
    match json {
        Json::Object(_) => None,
        Json::Array(_) => at(json, position),
        scalar => matches!(position, 0 | -1).then_some(scalar),
    }
}

/// The element of an array at a position, from the end when negative.
fn at(json: Json<'_>, position: i64) -> Option<Json<'_>> {
    let Json::Array(elements) = json else { return None };
    elements.get(from_end(position, elements.len())?).copied()
}

/// A position that may count from the end.
pub(crate) fn from_end(position: i64, length: usize) -> Option<usize> {
    let position = if position < 0 { length as i64 + position } else { position };
    usize::try_from(position).ok()
}

/// The value at the end of a path of keys and positions; none when a step leads nowhere or is NULL.
pub(crate) fn path<'a>(
    json: Json<'a>,
    steps: impl IntoIterator<Item = Option<&'a str>>,
) -> Option<Json<'a>> {
    steps.into_iter().try_fold(json, |json, step| match json {
        Json::Object(_) => json.get(step?),
        Json::Array(_) => at(json, position(step?)?),
        _ => None,
    })
}

/// A step of a path as a position.
pub(crate) fn position(step: &str) -> Option<i64> {
    let digits = step.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i32>().ok().map(i64::from)
}

/// The texts of a path or a list of keys.
pub(crate) fn texts<'a>(list: Array<'a>) -> impl Iterator<Item = Option<&'a str>> {
    list.elements.iter().map(|element| match element {
        Some(Value::Text(text)) => Some(*text),
        _ => None,
    })
}

/// As `->>` gives it: a string without its quotes, `null` as NULL.
pub(crate) fn text<'a>(json: Json<'a>, arena: &'a Arena) -> Option<&'a str> {
    match json {
        Json::Null => None,
        Json::String(text) | Json::Number(text) => Some(text),
        other => {
            let mut out = Draft::new_in(arena);
            other.print(&mut out);
            Some(out.into_bump_str())
        }
    }
}

/// The number of elements of an array.
pub(crate) fn array_length(json: Json<'_>) -> Evaluated<i64> {
    match json {
        Json::Array(elements) => Ok(elements.len() as i64),
        Json::Object(_) => {
            Err(EvalError::new(BAD_PARAMETER, "cannot get array length of a non-array"))
        }
        _ => Err(EvalError::new(BAD_PARAMETER, "cannot get array length of a scalar")),
    }
}
