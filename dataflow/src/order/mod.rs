//! Bytes that compare as the values do: what keys and sort prefixes are made of.
//!
//! An arrangement knows only bytes. So that a lookup finds `5.0` under `5`, and the first rows of
//! a group can be read off in Postgres' order, a value is re-encoded by its [`Class`]: equal
//! values have equal bytes, lesser values lesser bytes, and no encoding is the beginning of
//! another, so that encodings can be strung together and inverted for `DESC`.
//!
//! A `real` is taken by the digits Postgres prints, not by its 32 bits: among reals that is the
//! same order.

mod number;
mod text;
mod time;

use flusso_compiler::plan::{KeyPart, OrderPart};
use flusso_compiler::types::Class;

pub(crate) use self::number::parse_int;
pub(crate) use self::text::{hex, lower, trim_blanks};
use crate::row::{Datum, Row, split};

/// A text that is no value of the class it was to be encoded by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// The class asked for.
    pub class: Class,
    /// The text, shortened when long.
    pub text: Box<str>,
}

impl std::fmt::Display for BadValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.class {
            Class::Enum(_) => write!(
                f,
                "{:?} is not a label of its enum as it was at the start; restart to see new labels",
                self.text
            ),
            class => write!(f, "{:?} cannot be compared as {class:?}", self.text),
        }
    }
}

impl std::error::Error for BadValue {}

/// Appends the encoding of a value. On an error nothing of use has been appended, but something
/// may have been.
pub fn encode(class: &Class, text: &[u8], out: &mut Vec<u8>) -> Result<(), BadValue> {
    let done = match class {
        Class::Bool => number::bool(text, out),
        Class::Int => number::int(text, out),
        Class::Float => number::float(text, out),
        Class::Numeric => number::numeric(text, out),
        Class::Text | Class::Opaque => text::escaped(text, out),
        Class::Bpchar => text::escaped(trim_blanks(text), out),
        Class::Citext => text::folded(text, out),
        Class::Bytes => text::bytes(text, out),
        Class::Date => time::date(text, out),
        Class::Time => time::time(text, out),
        Class::Timestamp => time::timestamp(text, out),
        Class::Uuid => text::uuid(text, out),
        Class::Enum(labels) => text::label(labels, text, out),
    };
    done.ok_or_else(|| bad(class, text))
}

/// Appends a key; the parts name positions in `columns`. False when a part is NULL: `=` finds no
/// such key, and what was appended is of no use.
pub fn key(parts: &[KeyPart], columns: &[Datum<'_>], out: &mut Vec<u8>) -> Result<bool, BadValue> {
    for part in parts {
        match columns[usize::from(part.column.0)] {
            Datum::Text(text) => encode(&part.class, text, out)?,
            Datum::Null | Datum::Unchanged => return Ok(false),
        }
    }
    Ok(true)
}

/// The key of a packed row; none when a part of it is NULL or was left out.
pub fn row_key(parts: &[KeyPart], row: &Row) -> Result<Option<Row>, BadValue> {
    let mut bytes = Vec::new();
    Ok(key(parts, &split(&row.0), &mut bytes)?.then(|| Row::from(bytes.as_slice())))
}

/// Appends a sort prefix; the parts name positions in `columns`. A byte before each value puts
/// NULLs first or last.
pub fn prefix(
    order: &[OrderPart],
    columns: &[Datum<'_>],
    out: &mut Vec<u8>,
) -> Result<(), BadValue> {
    const FIRST: u8 = 0;
    const VALUE: u8 = 1;
    const LAST: u8 = 2;
    for part in order {
        match columns[usize::from(part.column.0)] {
            Datum::Text(text) => {
                out.push(VALUE);
                let start = out.len();
                encode(&part.class, text, out)?;
                if part.descending {
                    out[start..].iter_mut().for_each(|byte| *byte = !*byte);
                }
            }
            Datum::Null | Datum::Unchanged => {
                out.push(if part.nulls_first { FIRST } else { LAST });
            }
        }
    }
    Ok(())
}

#[cold]
fn bad(class: &Class, text: &[u8]) -> BadValue {
    const SHOWN: usize = 64;
    let shown = &text[..text.len().min(SHOWN)];
    BadValue { class: class.clone(), text: String::from_utf8_lossy(shown).into() }
}

#[cfg(test)]
mod tests;
