//! What is in an array: bounds, elements, whether one has those of another.

use std::fmt::Write;

use crate::eval::compare::equal;
use crate::eval::error::{EvalError, Evaluated, NULL_NOT_ALLOWED, UNSUPPORTED};
use crate::eval::form;
use crate::eval::text::size;
use crate::eval::value::{Arena, Array, Draft, List, Value};

/// Lower bound and length of a dimension, counted from 1.
pub(crate) fn dimension(array: Array<'_>, number: i64) -> Option<(i32, i32)> {
    let position = usize::try_from(number.checked_sub(1)?).ok()?;
    array.dimensions.get(position).copied()
}

/// `[1:3][0:1]`.
pub(crate) fn dims<'a>(array: Array<'_>, arena: &'a Arena) -> Option<&'a str> {
    if array.dimensions.is_empty() {
        return None;
    }
    let mut out = Draft::new_in(arena);
    for (lower, length) in array.dimensions {
        // Writing into a draft cannot fail.
        let _ = write!(out, "[{}:{}]", lower, lower + length - 1);
    }
    Some(out.into_bump_str())
}

/// The element at subscripts; none beyond the bounds, or with another number of them.
pub(crate) fn element<'a>(
    array: Array<'a>,
    subscripts: impl ExactSizeIterator<Item = i64>,
) -> Option<Value<'a>> {
    if subscripts.len() != array.dimensions.len() || array.dimensions.is_empty() {
        return None;
    }
    let mut at = 0;
    for ((lower, length), subscript) in array.dimensions.iter().zip(subscripts) {
        let within = subscript - i64::from(*lower);
        if !(0..i64::from(*length)).contains(&within) {
            return None;
        }
        at = at * i64::from(*length) + within;
    }
    array.elements.get(usize::try_from(at).ok()?).copied().flatten()
}

/// The first subscript, from one on, of an element not distinct from this.
pub(crate) fn position(
    array: Array<'_>,
    wanted: Option<Value<'_>>,
    from: Option<Option<i64>>,
    arena: &Arena,
) -> Evaluated<Option<i64>> {
    let [(lower, _)] = flat(array)? else { return Ok(None) };
    if wanted.is_none() && array.elements.iter().all(Option::is_some) {
        return Ok(None);
    }
    let from = match from {
        None => i64::from(*lower),
        Some(Some(from)) => from,
        Some(None) => {
            return Err(EvalError::new(NULL_NOT_ALLOWED, "initial position must not be null"));
        }
    };
    for (subscript, element) in (i64::from(*lower)..).zip(array.elements) {
        if subscript >= from && same(*element, wanted, arena)? {
            return Ok(Some(subscript));
        }
    }
    Ok(None)
}

/// The subscripts of all elements not distinct from this.
pub(crate) fn positions<'a>(
    array: Array<'_>,
    wanted: Option<Value<'_>>,
    arena: &'a Arena,
) -> Evaluated<Array<'a>> {
    let [(lower, _)] = flat(array)? else { return Ok(Array::EMPTY) };
    let mut found = List::new_in(arena);
    for (subscript, element) in (i64::from(*lower)..).zip(array.elements) {
        if same(*element, wanted, arena)? {
            found.push(Some(Value::Int(subscript)));
        }
    }
    Ok(Array::flat(found.into_bump_slice(), arena))
}

fn flat<'a>(array: Array<'a>) -> Evaluated<&'a [(i32, i32)]> {
    match array.dimensions.len() {
        0 | 1 => Ok(array.dimensions),
        _ => Err(EvalError::new(
            UNSUPPORTED,
            "searching for elements in multidimensional arrays is not supported",
        )),
    }
}

/// Whether two elements are not distinct.
pub(crate) fn same(a: Option<Value<'_>>, b: Option<Value<'_>>, arena: &Arena) -> Evaluated<bool> {
    match (a, b) {
        (None, None) => Ok(true),
        (Some(a), Some(b)) => equal(a, b, arena),
        _ => Ok(false),
    }
}

/// Whether the first has each element of the second; NULL is no one's equal.
pub(crate) fn contains(a: Array<'_>, b: Array<'_>, arena: &Arena) -> Evaluated<bool> {
    for wanted in b.elements {
        if !has(a, *wanted, arena)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether they have an element in common.
pub(crate) fn overlaps(a: Array<'_>, b: Array<'_>, arena: &Arena) -> Evaluated<bool> {
    for wanted in b.elements {
        if has(a, *wanted, arena)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has(array: Array<'_>, wanted: Option<Value<'_>>, arena: &Arena) -> Evaluated<bool> {
    let Some(wanted) = wanted else { return Ok(false) };
    for element in array.elements.iter().flatten() {
        if equal(*element, wanted, arena)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The elements as text with a separator between them; NULLs as another text, or left out.
pub(crate) fn to_text<'a>(
    array: Array<'_>,
    separator: &str,
    null: Option<&str>,
    arena: &'a Arena,
) -> Evaluated<&'a str> {
    let mut out = Draft::new_in(arena);
    let mut first = true;
    for element in array.elements {
        if element.is_none() && null.is_none() {
            continue;
        }
        if !first {
            out.push_str(separator);
        }
        first = false;
        match element {
            Some(value) => form::print(*value, &mut out),
            None => out.push_str(null.unwrap_or("")),
        }
        size(Some(out.len() + separator.len()))?;
    }
    Ok(out.into_bump_str())
}
