//! `@>` and `?`: what is in a `jsonb`.

use super::Json;
use crate::eval::value::Arena;

/// Whether the first contains the second. At the top an array may contain a scalar.
pub(crate) fn contains<'a>(a: Json<'a>, b: Json<'a>, arena: &'a Arena) -> bool {
    match (a, b) {
        (Json::Array(_), Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => {
            within(a, Json::Array(&[b]), arena)
        }
        _ => within(a, b, arena),
    }
}

fn within<'a>(a: Json<'a>, b: Json<'_>, arena: &'a Arena) -> bool {
    match (a, b) {
        (Json::Object(_), Json::Object(members)) => members
            .iter()
            .all(|(key, value)| a.get(key).is_some_and(|found| within(found, *value, arena))),
        (Json::Array(elements), Json::Array(wanted)) => wanted
            .iter()
            .all(|wanted| elements.iter().any(|element| within(*element, *wanted, arena))),
        _ => a.equals(b, arena),
    }
}

/// Whether a key of an object, a text of an array, or the text itself is this one.
pub(crate) fn has(json: Json<'_>, key: &str) -> bool {
    match json {
        Json::Object(_) => json.get(key).is_some(),
        Json::Array(elements) => {
            elements.iter().any(|element| matches!(element, Json::String(text) if *text == key))
        }
        Json::String(text) => text == key,
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}
