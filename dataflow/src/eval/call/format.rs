//! `to_char`.

use flusso_compiler::sql::functions::Format as Function;

use super::Args;
use crate::eval::error::Evaluated;
use crate::eval::moment::is_finite;
use crate::eval::template::{moment, number};
use crate::eval::value::Value;

pub(super) fn call<'a>(function: Function, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    let (template, arena) = (args.text(1)?, args.arena);
    let written = match function {
        // No moment, or no template, gives nothing at all.
        Function::TimestampToChar | Function::TimestampTzToChar
            if template.is_empty() || !is_finite(args.timestamp(0)?) =>
        {
            return Ok(None);
        }
        Function::IntervalToChar if template.is_empty() => return Ok(None),
        Function::TimestampToChar => moment::timestamp(args.timestamp(0)?, false, template, arena)?,
        Function::TimestampTzToChar => {
            moment::timestamp(args.timestamp(0)?, true, template, arena)?
        }
        Function::IntervalToChar => moment::interval(args.interval(0)?, template, arena)?,
        Function::NumericToChar
        | Function::Int4ToChar
        | Function::Int8ToChar
        | Function::Float4ToChar
        | Function::Float8ToChar => number::number(args.value(0)?, template, arena)?,
    };
    Ok(Some(Value::Text(written)))
}
