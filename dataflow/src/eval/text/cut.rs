//! Parts of texts: `substring`, `left`, `right`, `overlay`, `split_part`, trimming and padding.

use super::{MOST_BYTES_OF_POSTGRES, length, offset, size};
use crate::eval::error::{BAD_LENGTH, BAD_PARAMETER, EvalError, Evaluated, TOO_BIG};
use crate::eval::value::{Arena, Draft};

/// The first and the end position, in units from 0, of `length` units from a 1-based position,
/// which may lie before the beginning; without a length to the end.
pub(crate) fn window(from: i64, length: Option<i64>) -> Evaluated<(usize, usize)> {
    let end = match length {
        None => i64::MAX,
        Some(length) if length < 0 => {
            return Err(EvalError::new(BAD_LENGTH, "negative substring length not allowed"));
        }
        Some(length) => from - 1 + length,
    };
    let start = (from - 1).max(0);
    Ok((start as usize, end.max(start) as usize))
}

/// Characters from a position on.
pub(crate) fn substring(text: &str, from: i64, length: Option<i64>) -> Evaluated<&str> {
    let (start, end) = window(from, length)?;
    let text = &text[offset(text, start)..];
    Ok(&text[..offset(text, end - start)])
}

/// The first characters; all but the last when negative.
pub(crate) fn left(text: &str, count: i64) -> &str {
    let kept = if count < 0 { (length(text) + count).max(0) } else { count };
    &text[..offset(text, kept as usize)]
}

/// The last characters; all but the first when negative.
pub(crate) fn right(text: &str, count: i64) -> &str {
    let dropped = match count {
        // It has no counterpart among integers, and Postgres drops nothing then.
        LEAST => 0,
        ..0 => -count,
        _ => (length(text) - count).max(0),
    };
    &text[offset(text, dropped as usize)..]
}

/// The least `integer`.
const LEAST: i64 = i32::MIN as i64;

/// With `part` in place of `count` characters from a position on.
pub(crate) fn overlay<'a>(
    text: &str,
    part: &str,
    from: i64,
    count: i64,
    arena: &'a Arena,
) -> Evaluated<&'a str> {
    if from <= 0 {
        return Err(EvalError::new(BAD_LENGTH, "negative substring length not allowed"));
    }
    let after = i32::try_from(from + count).map_err(|_| EvalError::out_of_range("integer"))?;
    let before = substring(text, 1, Some(from - 1))?;
    let rest = substring(text, after.into(), None)?;
    joined(&[before, part, rest], arena)
}

/// The part with a number from 1 between separators; from the end when negative.
pub(crate) fn split_part<'a>(text: &'a str, separator: &str, number: i64) -> Evaluated<&'a str> {
    if number == 0 {
        return Err(EvalError::new(BAD_PARAMETER, "field position must not be zero"));
    }
    let nth = number.unsigned_abs() as usize - 1;
    if separator.is_empty() {
        return Ok(if nth == 0 { text } else { "" });
    }
    let part = match number {
        1.. => text.split(separator).nth(nth),
        _ => {
            // Separators are found from the front also when parts are counted from the end.
            let parts = text.split(separator).count();
            parts.checked_sub(nth + 1).and_then(|nth| text.split(separator).nth(nth))
        }
    };
    Ok(part.unwrap_or(""))
}

/// Which ends are trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Both,
    Start,
    End,
}

/// Without characters of a set at the ends.
pub(crate) fn trim<'a>(text: &'a str, set: &str, ends: Ends) -> &'a str {
    let in_set = |character: char| set.contains(character);
    match ends {
        Ends::Both => text.trim_matches(in_set),
        Ends::Start => text.trim_start_matches(in_set),
        Ends::End => text.trim_end_matches(in_set),
    }
}

/// Filled, or cut at the end, to a length in characters.
pub(crate) fn pad<'a>(
    text: &'a str,
    to: i64,
    with: &str,
    front: bool,
    arena: &'a Arena,
) -> Evaluated<&'a str> {
    let to = usize::try_from(to).unwrap_or(0);
    let kept = &text[..offset(text, to)];
    let missing = to.saturating_sub(length(text) as usize);
    if missing == 0 || with.is_empty() {
        return Ok(kept);
    }
    // Postgres makes room for characters of four bytes, whatever they are.
    if to.checked_mul(4).is_none_or(|bytes| bytes > MOST_BYTES_OF_POSTGRES) {
        return Err(EvalError::new(TOO_BIG, "requested length too large"));
    }
    let each = length(with) as usize;
    let filled = missing / each * with.len() + offset(with, missing % each);
    let mut out = Draft::with_capacity_in(size(Some(kept.len() + filled))?, arena);
    if !front {
        out.push_str(kept);
    }
    out.extend(with.chars().cycle().take(missing));
    if front {
        out.push_str(kept);
    }
    Ok(out.into_bump_str())
}

/// One after the other.
pub(crate) fn joined<'a>(parts: &[&str], arena: &'a Arena) -> Evaluated<&'a str> {
    let length = size(Some(parts.iter().map(|part| part.len()).sum()))?;
    let mut out = Draft::with_capacity_in(length, arena);
    parts.iter().for_each(|part| out.push_str(part));
    Ok(out.into_bump_str())
}
