//! `jsonb` as a tree in the arena, and `json` as the text it is.

pub(crate) mod access;
pub(crate) mod build;
pub(crate) mod change;
pub(crate) mod contain;
mod print;
pub(crate) mod raw;
pub(crate) mod read;

use super::numeric::Numeric;
use super::value::Arena;

/// A `jsonb` value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Json<'a> {
    /// `null`, which is not NULL.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// Digits as `numeric` prints them.
    Number(&'a str),
    /// Unescaped.
    String(&'a str),
    /// In order.
    Array(&'a [Json<'a>]),
    /// Sorted by the length of the key, then by its bytes; each key once.
    Object(&'a [(&'a str, Json<'a>)]),
}

impl<'a> Json<'a> {
    /// What `jsonb_typeof` calls it.
    pub fn kind(self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
    }

    /// Whether both are the same value: numbers go by value, not by digits.
    pub fn equals(self, other: Json<'_>, arena: &'a Arena) -> bool {
        match (self, other) {
            (Json::Null, Json::Null) => true,
            (Json::Bool(a), Json::Bool(b)) => a == b,
            (Json::Number(a), Json::Number(b)) => {
                let number = |text| Numeric::parse(text, arena).unwrap_or(Numeric::NaN);
                a == b || number(a).cmp(&number(arena.alloc_str(b))).is_eq()
            }
            (Json::String(a), Json::String(b)) => a == b,
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(*b, arena))
            }
            (Json::Object(a), Json::Object(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.equals(b.1, arena))
            }
            _ => false,
        }
    }

    /// The value of a key; none when there is none, or this is no object.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        let Json::Object(members) = self else { return None };
        let found = members.binary_search_by(|(name, _)| order(name, key)).ok()?;
        Some(members[found].1)
    }
}

/// The order of keys.
pub(crate) fn order(a: &str, b: &str) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
