//! Arrays as they stand in rows: their elements from text to text.

use bumpalo::Bump;
use flusso_compiler::types::SqlType;

use super::array::{print, read};
use super::error::{BAD_TEXT, EvalError};
use super::form;
use super::value::{Array, Draft, Value};
use crate::row::Datum;

/// The elements, those of inner dimensions one after another.
pub fn of<'a>(array: &'a [u8], bump: &'a Bump) -> Result<Vec<Datum<'a>>, EvalError> {
    let array = read::parse(utf8(array)?, &SqlType::Text, bump)?;
    let datum = |element: &Option<Value<'a>>| match element {
        None => Datum::Null,
        Some(value) => Datum::Text(form::text(*value, bump).as_bytes()),
    };
    Ok(array.elements.iter().map(datum).collect())
}

/// The array of these elements; `nested` when they are arrays themselves.
pub fn array<'a>(
    elements: impl Iterator<Item = Datum<'a>>,
    nested: bool,
    bump: &'a Bump,
) -> &'a [u8] {
    let mut out = Draft::new_in(bump);
    if nested {
        let mut texts = elements.filter_map(|element| match element {
            Datum::Text(text) => std::str::from_utf8(text).ok(),
            Datum::Null | Datum::Unchanged => None,
        });
        out.push('{');
        out.push_str(texts.next().unwrap_or_default());
        for text in texts {
            out.push(',');
            out.push_str(text);
        }
        out.push('}');
    } else {
        let values: Vec<Option<Value<'a>>> = elements
            .map(|element| match element {
                // Rows hold what the server sent, which is UTF-8.
                Datum::Text(text) => std::str::from_utf8(text).ok().map(Value::Text),
                Datum::Null | Datum::Unchanged => None,
            })
            .collect();
        print(Array::flat(bump.alloc_slice_copy(&values), bump), &mut out);
    }
    out.into_bump_str().as_bytes()
}

fn utf8(text: &[u8]) -> Result<&str, EvalError> {
    std::str::from_utf8(text).map_err(|_| EvalError::new(BAD_TEXT, "invalid byte sequence"))
}
