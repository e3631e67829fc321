//! `||`, `-`, `#-`, `jsonb_set`, `jsonb_insert`, `jsonb_strip_nulls`: a `jsonb` with a part of it
//! exchanged.

use super::access::{from_end, position};
use super::read::object;
use super::{Json, order};
use crate::eval::error::{BAD_PARAMETER, BAD_TEXT, EvalError, Evaluated, NULL_NOT_ALLOWED};
use crate::eval::value::{Arena, List};

/// Objects put together, anything else as arrays one after the other.
pub(crate) fn concat<'a>(a: Json<'a>, b: Json<'a>, arena: &'a Arena) -> Json<'a> {
    if let (Json::Object(left), Json::Object(right)) = (a, b) {
        let mut members = List::with_capacity_in(left.len() + right.len(), arena);
        members.extend_from_slice(left);
        members.extend_from_slice(right);
        return object(members);
    }
    let mut elements = List::new_in(arena);
    for side in [a, b] {
        match side {
            Json::Array(list) => elements.extend_from_slice(list),
            other => elements.push(other),
        }
    }
    Json::Array(elements.into_bump_slice())
}

/// Without keys of an object or texts of an array.
pub(crate) fn delete_keys<'a>(
    json: Json<'a>,
    gone: impl Fn(&str) -> bool,
    arena: &'a Arena,
) -> Evaluated<Json<'a>> {
    match json {
        Json::Object(members) => {
            let mut kept = List::new_in(arena);
            kept.extend(members.iter().filter(|(key, _)| !gone(key)).copied());
            Ok(Json::Object(kept.into_bump_slice()))
        }
        Json::Array(elements) => {
            let is_gone = |json: &Json<'_>| matches!(json, Json::String(text) if gone(text));
            let mut kept = List::new_in(arena);
            kept.extend(elements.iter().filter(|element| !is_gone(element)).copied());
            Ok(Json::Array(kept.into_bump_slice()))
        }
        _ => Err(EvalError::new(BAD_PARAMETER, "cannot delete from scalar")),
    }
}

/// Without the element at a position.
pub(crate) fn delete_at<'a>(json: Json<'a>, at: i64, arena: &'a Arena) -> Evaluated<Json<'a>> {
    match json {
        Json::Array(elements) => {
            let gone = from_end(at, elements.len());
            let mut kept = List::new_in(arena);
            let other = |(position, _): &(usize, _)| Some(*position) != gone;
            kept.extend(elements.iter().copied().enumerate().filter(other).map(|(_, it)| it));
            Ok(Json::Array(kept.into_bump_slice()))
        }
        Json::Object(_) => {
            Err(EvalError::new(BAD_PARAMETER, "cannot delete from object using integer index"))
        }
        _ => Err(EvalError::new(BAD_PARAMETER, "cannot delete from scalar")),
    }
}

/// Without members whose value is `null`, at any depth.
pub(crate) fn strip_nulls<'a>(json: Json<'a>, arena: &'a Arena) -> Json<'a> {
    match json {
        Json::Object(members) => {
            let mut kept = List::new_in(arena);
            for (key, value) in members {
                if !matches!(value, Json::Null) {
                    kept.push((*key, strip_nulls(*value, arena)));
                }
            }
            Json::Object(kept.into_bump_slice())
        }
        Json::Array(elements) => {
            let mut kept = List::new_in(arena);
            kept.extend(elements.iter().map(|element| strip_nulls(*element, arena)));
            Json::Array(kept.into_bump_slice())
        }
        scalar => scalar,
    }
}

/// What is to be done at the end of a path.
#[derive(Clone, Copy)]
pub(crate) enum Change<'a> {
    /// Take away what is there.
    Delete,
    /// Put a value, if something is there or may be made.
    Set(Json<'a>, bool),
    /// Put a value in before what is there, or after it; a key must be new.
    Insert(Json<'a>, bool),
}

/// The value with the end of a path changed.
pub(crate) fn at_path<'a>(
    json: Json<'a>,
    path: &[Option<&'a str>],
    change: Change<'a>,
    arena: &'a Arena,
) -> Evaluated<Json<'a>> {
    if !matches!(json, Json::Object(_) | Json::Array(_)) {
        let message = match change {
            Change::Delete => "cannot delete path in scalar",
            Change::Set(..) | Change::Insert(..) => "cannot set path in scalar",
        };
        return Err(EvalError::new(BAD_PARAMETER, message));
    }
    let empty = matches!(json, Json::Object([]) | Json::Array([]));
    if empty && matches!(change, Change::Delete | Change::Set(_, false)) {
        return Ok(json);
    }
    walk(json, path, 1, change, arena)
}

fn walk<'a>(
    json: Json<'a>,
    path: &[Option<&'a str>],
    number: usize,
    change: Change<'a>,
    arena: &'a Arena,
) -> Evaluated<Json<'a>> {
    let Some((step, rest)) = path.split_first() else { return Ok(json) };
    let Some(step) = *step else {
        let message = format!("path element at position {number} is null");
        return Err(EvalError::new(NULL_NOT_ALLOWED, message));
    };
    let next = number + 1;
    match json {
        Json::Object(members) => {
            let mut changed = List::with_capacity_in(members.len() + 1, arena);
            let mut found = false;
            for (key, value) in members {
                if *key != step {
                    changed.push((*key, *value));
                    continue;
                }
                found = true;
                match (rest.is_empty(), change) {
                    (false, _) => changed.push((*key, walk(*value, rest, next, change, arena)?)),
                    (true, Change::Delete) => {}
                    (true, Change::Set(new, _)) => changed.push((*key, new)),
                    (true, Change::Insert(..)) => {
                        let message = "cannot replace existing key";
                        return Err(EvalError::new(BAD_PARAMETER, message));
                    }
                }
            }
            if let (false, true, Change::Set(new, true) | Change::Insert(new, _)) =
                (found, rest.is_empty(), change)
            {
                let at = changed.partition_point(|(key, _)| order(key, step).is_lt());
                changed.insert(at, (step, new));
            }
            Ok(Json::Object(changed.into_bump_slice()))
        }
        Json::Array(elements) => {
            let Some(wanted) = position(step) else {
                let message =
                    format!("path element at position {number} is not an integer: \"{step}\"");
                return Err(EvalError::new(BAD_TEXT, message));
            };
            let length = elements.len() as i64;
            let at = if wanted < 0 { length + wanted } else { wanted };
            let mut changed = List::with_capacity_in(elements.len() + 1, arena);
            let makes = |new: &mut List<'a, Json<'a>>| {
                if let Change::Set(json, true) | Change::Insert(json, _) = change
                    && rest.is_empty()
                {
                    new.push(json);
                }
            };
            // Beyond either end there is nothing; a value may be put there.
            if at < 0 {
                makes(&mut changed);
            }
            for (position, element) in elements.iter().enumerate() {
                if position as i64 != at {
                    changed.push(*element);
                    continue;
                }
                match (rest.is_empty(), change) {
                    (false, _) => changed.push(walk(*element, rest, next, change, arena)?),
                    (true, Change::Delete) => {}
                    (true, Change::Set(new, _)) => changed.push(new),
                    (true, Change::Insert(new, false)) => changed.extend([new, *element]),
                    (true, Change::Insert(new, true)) => changed.extend([*element, new]),
                }
            }
            if at >= length {
                makes(&mut changed);
            }
            Ok(Json::Array(changed.into_bump_slice()))
        }
        scalar => Ok(scalar),
    }
}
