//! Texts with parts exchanged: `replace`, `translate`, `repeat`, `reverse`, `chr`, `ascii`.

use super::size;
use crate::eval::error::{BAD_PARAMETER, EvalError, Evaluated, TOO_BIG};
use crate::eval::value::{Arena, Draft};

/// Each occurrence of one text replaced by another; an empty one occurs nowhere.
pub(crate) fn replace<'a>(
    text: &'a str,
    part: &str,
    with: &str,
    arena: &'a Arena,
) -> Evaluated<&'a str> {
    if part.is_empty() || !text.contains(part) {
        return Ok(text);
    }
    if with.len() > part.len() {
        let more = (with.len() - part.len()).checked_mul(text.matches(part).count());
        size(more.and_then(|more| more.checked_add(text.len())))?;
    }
    let mut out = Draft::with_capacity_in(text.len(), arena);
    for (position, between) in text.split(part).enumerate() {
        if position > 0 {
            out.push_str(with);
        }
        out.push_str(between);
    }
    Ok(out.into_bump_str())
}

/// Each character of `from` replaced by that of `to` at its place, or dropped when there is none.
pub(crate) fn translate<'a>(text: &'a str, from: &str, to: &str, arena: &'a Arena) -> &'a str {
    let mut out = Draft::with_capacity_in(text.len(), arena);
    for character in text.chars() {
        match from.chars().position(|one| one == character) {
            None => out.push(character),
            Some(position) => out.extend(to.chars().nth(position)),
        }
    }
    out.into_bump_str()
}

/// So many times.
pub(crate) fn repeat<'a>(text: &str, times: i64, arena: &'a Arena) -> Evaluated<&'a str> {
    let times = usize::try_from(times).unwrap_or(0);
    let length = size(text.len().checked_mul(times))?;
    let mut out = Draft::with_capacity_in(length, arena);
    (0..times).for_each(|_| out.push_str(text));
    Ok(out.into_bump_str())
}

/// From the last character to the first.
pub(crate) fn reverse<'a>(text: &str, arena: &'a Arena) -> &'a str {
    let mut out = Draft::with_capacity_in(text.len(), arena);
    out.extend(text.chars().rev());
    out.into_bump_str()
}

/// The number of the first character; 0 of no text.
pub(crate) fn ascii(text: &str) -> i64 {
    text.chars().next().map_or(0, |first| u32::from(first).into())
}

/// The character with a number.
pub(crate) fn chr(code: i64, arena: &Arena) -> Evaluated<&str> {
    match code {
        0 => return Err(EvalError::new(TOO_BIG, "null character not permitted")),
        ..0 => return Err(EvalError::new(BAD_PARAMETER, "character number must be positive")),
        _ => {}
    }
    let character = u32::try_from(code).ok().and_then(char::from_u32).ok_or_else(|| {
        let message = format!("requested character not valid for encoding: {code}");
        EvalError::new(TOO_BIG, message)
    })?;
    Ok(arena.alloc_str(character.encode_utf8(&mut [0; 4])))
}
