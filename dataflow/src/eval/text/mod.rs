//! Text by characters, as `UTF8` databases count them.

pub(crate) mod bytes;
pub(crate) mod case;
pub(crate) mod cut;
pub(crate) mod format;
pub(crate) mod quote;
pub(crate) mod replace;

use super::error::{EvalError, Evaluated, TOO_BIG};

/// No text that an expression makes is longer: a few letters of SQL could ask for any number.
const MOST_BYTES: usize = 64 << 20;

/// No text of Postgres is longer, behind the four bytes that say its length.
const MOST_BYTES_OF_POSTGRES: usize = 0x3fff_ffff - 4;

/// Characters of a text.
pub(crate) fn length(text: &str) -> i64 {
    match text.is_ascii() {
        true => text.len() as i64,
        false => text.chars().count() as i64,
    }
}

/// The byte a character begins at, by its number from 0; the end when there are not so many.
pub(crate) fn offset(text: &str, characters: usize) -> usize {
    if text.is_ascii() {
        return characters.min(text.len());
    }
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

/// Where one text begins in another, in characters from 1; 0 when it does not.
pub(crate) fn position(text: &str, part: &str) -> i64 {
    text.find(part).map_or(0, |at| length(&text[..at]) + 1)
}

/// A length a text may have; none is one that no integer holds.
pub(crate) fn size(bytes: Option<usize>) -> Evaluated<usize> {
    match bytes {
        Some(bytes) if bytes <= MOST_BYTES => Ok(bytes),
        Some(bytes) if bytes <= MOST_BYTES_OF_POSTGRES => {
            Err(EvalError::unsupported("a text of more than 64 MB"))
        }
        _ => Err(EvalError::new(TOO_BIG, "requested length too large")),
    }
}
