//! Arrays.

use flusso_compiler::sql::functions::Array as Function;

use super::Args;
use crate::eval::array::{change, inspect};
use crate::eval::error::Evaluated;
use crate::eval::value::{Array, Value};

pub(super) fn call<'a>(function: Function, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    use Function::*;
    let arena = args.arena;
    let int = |value: Option<i64>| Ok(value.map(Value::Int));
    Ok(Some(match function {
        Subscript => {
            let mut subscripts = Vec::with_capacity(args.values.len() - 1);
            for at in 1..args.values.len() {
                subscripts.push(args.int(at)?);
            }
            return Ok(inspect::element(args.array(0)?, subscripts.into_iter()));
        }
        Slice => Value::Array(change::slice(args.array(0)?, args.int(1)?, args.int(2)?, arena)),
        Length => {
            let found = inspect::dimension(args.array(0)?, args.int(1)?);
            return int(found.map(|(_, length)| length.into()));
        }
        Lower => {
            let found = inspect::dimension(args.array(0)?, args.int(1)?);
            return int(found.map(|(lower, _)| lower.into()));
        }
        Upper => {
            let found = inspect::dimension(args.array(0)?, args.int(1)?);
            return int(found.map(|(lower, length)| i64::from(lower) + i64::from(length) - 1));
        }
        Ndims => {
            let count = args.array(0)?.dimensions.len() as i64;
            return int((count > 0).then_some(count));
        }
        Dims => return Ok(inspect::dims(args.array(0)?, arena).map(Value::Text)),
        Cardinality => Value::Int(args.array(0)?.elements.len() as i64),
        Position => {
            let Some(array) = given(args, 0) else { return Ok(None) };
            return int(inspect::position(array, args.any(1), None, arena)?);
        }
        PositionFrom => {
            let Some(array) = given(args, 0) else { return Ok(None) };
            return int(inspect::position(array, args.any(1), Some(bound(args, 2)), arena)?);
        }
        Positions => {
            let Some(array) = given(args, 0) else { return Ok(None) };
            Value::Array(inspect::positions(array, args.any(1), arena)?)
        }
        Append => Value::Array(change::add(given(args, 0), args.any(1), false, arena)?),
        Prepend => Value::Array(change::add(given(args, 1), args.any(0), true, arena)?),
        Concat => match (given(args, 0), given(args, 1)) {
            (Some(a), Some(b)) => Value::Array(change::concat(a, b, arena)?),
            (Some(one), None) | (None, Some(one)) => Value::Array(one),
            (None, None) => return Ok(None),
        },
        Remove => {
            let Some(array) = given(args, 0) else { return Ok(None) };
            Value::Array(change::remove(array, args.any(1), arena)?)
        }
        Replace => {
            let Some(array) = given(args, 0) else { return Ok(None) };
            Value::Array(change::replace(array, args.any(1), args.any(2), arena)?)
        }
        ToText => Value::Text(inspect::to_text(args.array(0)?, args.text(1)?, None, arena)?),
        ToTextNull => {
            let (Some(array), Some(Value::Text(separator))) = (given(args, 0), args.any(1)) else {
                return Ok(None);
            };
            Value::Text(inspect::to_text(array, separator, text(args, 2), arena)?)
        }
        FromText | FromTextNull => {
            let Some(Value::Text(given)) = args.any(0) else { return Ok(None) };
            Value::Array(change::split(given, text(args, 1), text(args, 2), arena))
        }
        Trim => Value::Array(change::trim(args.array(0)?, args.int(1)?, arena)?),
        Contains => Value::Bool(inspect::contains(args.array(0)?, args.array(1)?, arena)?),
        Contained => Value::Bool(inspect::contains(args.array(1)?, args.array(0)?, arena)?),
        Overlaps => Value::Bool(inspect::overlaps(args.array(0)?, args.array(1)?, arena)?),
    }))
}

/// An array that may be NULL.
fn given<'a>(args: Args<'_, 'a>, at: usize) -> Option<Array<'a>> {
    match args.any(at) {
        Some(Value::Array(array)) => Some(array),
        _ => None,
    }
}

/// A subscript that may be NULL.
fn bound(args: Args<'_, '_>, at: usize) -> Option<i64> {
    match args.any(at) {
        Some(Value::Int(value)) => Some(value),
        _ => None,
    }
}

/// A text that may be NULL, or missing.
fn text<'a>(args: Args<'_, 'a>, at: usize) -> Option<&'a str> {
    match args.any(at) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}
