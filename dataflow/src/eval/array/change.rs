//! Arrays made of arrays: slices, elements added, taken out, exchanged.

use super::inspect::same;
use crate::eval::error::{BAD_SUBSCRIPT, EvalError, Evaluated, UNSUPPORTED};
use crate::eval::value::{Arena, Array, List, Value};

/// The elements between two subscripts of the first dimension, as far as it has them. Counted from
/// 1 again.
pub(crate) fn slice<'a>(array: Array<'a>, from: i64, to: i64, arena: &'a Arena) -> Array<'a> {
    let Some(((lower, length), inner)) = array.dimensions.split_first() else {
        return Array::EMPTY;
    };
    let (lower, length) = (i64::from(*lower), i64::from(*length));
    let start = from.max(lower) - lower;
    let end = to.min(lower + length - 1) + 1 - lower;
    if start >= end {
        return Array::EMPTY;
    }
    let each = array.elements.len() / length as usize;
    let mut dimensions = List::with_capacity_in(array.dimensions.len(), arena);
    dimensions.push((1, (end - start) as i32));
    dimensions.extend(inner.iter().map(|(_, length)| (1, *length)));
    let elements = &array.elements[start as usize * each..end as usize * each];
    Array { dimensions: dimensions.into_bump_slice(), elements }
}

/// Without so many elements at the end.
pub(crate) fn trim<'a>(array: Array<'a>, count: i64, arena: &'a Arena) -> Evaluated<Array<'a>> {
    let (lower, length) = array.dimensions.first().copied().unwrap_or((1, 0));
    if !(0..=i64::from(length)).contains(&count) {
        let message = format!("number of elements to trim must be between 0 and {length}");
        return Err(EvalError::new(BAD_SUBSCRIPT, message));
    }
    let last = i64::from(lower) + i64::from(length) - 1 - count;
    Ok(slice(array, i64::MIN, last, arena))
}

/// With an element at an end; the first subscript stays.
pub(crate) fn add<'a>(
    array: Option<Array<'a>>,
    element: Option<Value<'a>>,
    front: bool,
    arena: &'a Arena,
) -> Evaluated<Array<'a>> {
    let array = array.unwrap_or(Array::EMPTY);
    let lower = match array.dimensions {
        [] => 1,
        [(lower, _)] => *lower,
        _ => {
            let message = "argument must be empty or one-dimensional array";
            return Err(EvalError::new("22000", message));
        }
    };
    let mut elements = List::with_capacity_in(array.elements.len() + 1, arena);
    if front {
        elements.push(element);
    }
    elements.extend_from_slice(array.elements);
    if !front {
        elements.push(element);
    }
    let dimensions = arena.alloc_slice_copy(&[(lower, elements.len() as i32)]);
    Ok(Array { dimensions, elements: elements.into_bump_slice() })
}

/// One after the other: arrays of as many dimensions, or one as the first or last part of the
/// other.
pub(crate) fn concat<'a>(a: Array<'a>, b: Array<'a>, arena: &'a Arena) -> Evaluated<Array<'a>> {
    let wrong = || Err(EvalError::new(BAD_SUBSCRIPT, "cannot concatenate incompatible arrays"));
    let ((outer, added), inner, other) = match (a.dimensions, b.dimensions) {
        ([], _) => return Ok(b),
        (_, []) => return Ok(a),
        ([first, inner @ ..], [second, other @ ..]) if inner.len() == other.len() => {
            ((first, second.1), inner, other)
        }
        ([first, inner @ ..], part) if inner.len() == part.len() => ((first, 1), inner, part),
        (part, [first, inner @ ..]) if inner.len() == part.len() => ((first, 1), inner, part),
        _ => return wrong(),
    };
    if inner != other {
        return wrong();
    }
    let mut dimensions = List::with_capacity_in(inner.len() + 1, arena);
    dimensions.push((outer.0, outer.1 + added));
    dimensions.extend_from_slice(inner);
    let mut elements = List::with_capacity_in(a.elements.len() + b.elements.len(), arena);
    elements.extend_from_slice(a.elements);
    elements.extend_from_slice(b.elements);
    Ok(Array { dimensions: dimensions.into_bump_slice(), elements: elements.into_bump_slice() })
}

/// Without elements not distinct from this.
pub(crate) fn remove<'a>(
    array: Array<'a>,
    gone: Option<Value<'a>>,
    arena: &'a Arena,
) -> Evaluated<Array<'a>> {
    if array.dimensions.len() > 1 {
        return Err(EvalError::new(
            UNSUPPORTED,
            "removing elements from multidimensional arrays is not supported",
        ));
    }
    let mut kept = List::new_in(arena);
    for element in array.elements {
        if !same(*element, gone, arena)? {
            kept.push(*element);
        }
    }
    let (Some((lower, _)), false) = (array.dimensions.first(), kept.is_empty()) else {
        return Ok(Array::EMPTY);
    };
    let dimensions = arena.alloc_slice_copy(&[(*lower, kept.len() as i32)]);
    Ok(Array { dimensions, elements: kept.into_bump_slice() })
}

/// With another in place of each element not distinct from this.
pub(crate) fn replace<'a>(
    array: Array<'a>,
    part: Option<Value<'a>>,
    with: Option<Value<'a>>,
    arena: &'a Arena,
) -> Evaluated<Array<'a>> {
    let mut elements = List::with_capacity_in(array.elements.len(), arena);
    for element in array.elements {
        elements.push(if same(*element, part, arena)? { with } else { *element });
    }
    Ok(Array { elements: elements.into_bump_slice(), ..array })
}

/// The parts of a text between separators, each character without one; those equal to `null` as
/// NULL.
pub(crate) fn split<'a>(
    text: &'a str,
    separator: Option<&str>,
    null: Option<&str>,
    arena: &'a Arena,
) -> Array<'a> {
    let mut elements = List::new_in(arena);
    let mut push = |part: &'a str| {
        elements.push((null != Some(part)).then_some(Value::Text(part)));
    };
    match separator {
        _ if text.is_empty() => {}
        Some("") => push(text),
        Some(separator) => text.split(separator).for_each(push),
        None => {
            let ends = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
            ends.for_each(push);
        }
    }
    Array::flat(elements.into_bump_slice(), arena)
}

/// `ARRAY[…]` of arrays, which must be of one shape.
pub(crate) fn stack<'a>(parts: &[Option<Value<'a>>], arena: &'a Arena) -> Evaluated<Array<'a>> {
    let wrong = || {
        let message =
            "multidimensional arrays must have array expressions with matching dimensions";
        Err(EvalError::new(BAD_SUBSCRIPT, message))
    };
    let mut shape: Option<&[(i32, i32)]> = None;
    let mut elements = List::new_in(arena);
    let mut empty = false;
    for part in parts {
        // A part that is NULL counts as empty.
        let Some(Value::Array(array)) = part else {
            empty = true;
            continue;
        };
        if array.dimensions.is_empty() {
            empty = true;
            continue;
        }
        match shape {
            None => shape = Some(array.dimensions),
            Some(shape) if shape == array.dimensions => {}
            Some(_) => return wrong(),
        }
        elements.extend_from_slice(array.elements);
    }
    let Some(shape) = shape else { return Ok(Array::EMPTY) };
    if empty {
        return wrong();
    }
    let mut dimensions = List::with_capacity_in(shape.len() + 1, arena);
    dimensions.push((1, parts.len() as i32));
    dimensions.extend_from_slice(shape);
    Ok(Array { dimensions: dimensions.into_bump_slice(), elements: elements.into_bump_slice() })
}
