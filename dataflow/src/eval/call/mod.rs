//! The functions and operators of the language, one family a file, each a `match` over the rows of
//! the compiler's table: a new row is a place the compiler names.

mod arithmetic;
mod array;
mod format;
mod json;
mod pattern;
mod text;
mod time;

use flusso_compiler::sql::functions::Function;

pub(super) use self::pattern::{Compiled, flags};
use super::error::{EvalError, Evaluated};
use super::interval::Interval;
use super::json::Json;
use super::numeric::Numeric;
use super::text::size;
use super::value::{Arena, Array, Value};

/// The arguments of a call. Those of a strict function are not NULL.
#[derive(Clone, Copy)]
pub(super) struct Args<'r, 'a> {
    pub values: &'r [Option<Value<'a>>],
    pub arena: &'a Arena,
    /// The regular expression among them, when it is a constant.
    pub pattern: Option<&'r Compiled>,
}

/// What a function gives for arguments of the types it takes.
pub(super) fn call<'a>(function: Function, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    let value = match function {
        Function::Arithmetic(function) => arithmetic::call(function, args),
        Function::Text(function) => text::call(function, args),
        Function::Pattern(function) => pattern::call(function, args),
        Function::Time(function) => time::call(function, args),
        Function::Format(function) => format::call(function, args),
        Function::Json(function) => json::call(function, args),
        Function::Array(function) => array::call(function, args),
    }?;
    let bytes = match value {
        Some(Value::Text(text) | Value::JsonText(text)) => text.len(),
        Some(Value::Bytes(bytes)) => bytes.len(),
        _ => 0,
    };
    size(Some(bytes)).map(|_| value)
}

/// Typing has given each function what it takes; this tells if it has not.
#[cold]
fn mistyped() -> EvalError {
    EvalError::unsupported("an argument of another type than the plan says")
}

impl<'a> Args<'_, 'a> {
    fn any(self, at: usize) -> Option<Value<'a>> {
        self.values.get(at).copied().flatten()
    }

    fn value(self, at: usize) -> Evaluated<Value<'a>> {
        self.any(at).ok_or_else(mistyped)
    }

    fn int(self, at: usize) -> Evaluated<i64> {
        match self.any(at) {
            Some(Value::Int(value)) => Ok(value),
            _ => Err(mistyped()),
        }
    }

    fn two_ints(self) -> Evaluated<(i64, i64)> {
        Ok((self.int(0)?, self.int(1)?))
    }

    fn float4(self, at: usize) -> Evaluated<f32> {
        match self.any(at) {
            Some(Value::Float4(value)) => Ok(value),
            _ => Err(mistyped()),
        }
    }

    fn float8(self, at: usize) -> Evaluated<f64> {
        match self.any(at) {
            Some(Value::Float8(value)) => Ok(value),
            _ => Err(mistyped()),
        }
    }

    fn numeric(self, at: usize) -> Evaluated<Numeric<'a>> {
        match self.any(at) {
            Some(Value::Numeric(value)) => Ok(value),
            _ => Err(mistyped()),
        }
    }

    fn bool(self, at: usize) -> Evaluated<bool> {
        match self.any(at) {
            Some(Value::Bool(value)) => Ok(value),
            _ => Err(mistyped()),
        }
    }

    fn text(self, at: usize) -> Evaluated<&'a str> {
        match self.any(at) {
            Some(Value::Text(text) | Value::JsonText(text)) => Ok(text),
            _ => Err(mistyped()),
        }
    }

    fn bytes(self, at: usize) -> Evaluated<&'a [u8]> {
        match self.any(at) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(mistyped()),
        }
    }

    fn date(self, at: usize) -> Evaluated<i32> {
        match self.any(at) {
            Some(Value::Date(days)) => Ok(days),
            _ => Err(mistyped()),
        }
    }

    fn time(self, at: usize) -> Evaluated<i64> {
        match self.any(at) {
            Some(Value::Time(micros)) => Ok(micros),
            _ => Err(mistyped()),
        }
    }

    fn time_tz(self, at: usize) -> Evaluated<(i64, i32)> {
        match self.any(at) {
            Some(Value::TimeTz(micros, west)) => Ok((micros, west)),
            _ => Err(mistyped()),
        }
    }

    /// With or without a zone.
    fn timestamp(self, at: usize) -> Evaluated<i64> {
        match self.any(at) {
            Some(Value::Timestamp(micros) | Value::TimestampTz(micros)) => Ok(micros),
            _ => Err(mistyped()),
        }
    }

    fn interval(self, at: usize) -> Evaluated<Interval> {
        match self.any(at) {
            Some(Value::Interval(span)) => Ok(span),
            _ => Err(mistyped()),
        }
    }

    fn json(self, at: usize) -> Evaluated<Json<'a>> {
        match self.any(at) {
            Some(Value::Json(json)) => Ok(json),
            _ => Err(mistyped()),
        }
    }

    fn array(self, at: usize) -> Evaluated<Array<'a>> {
        match self.any(at) {
            Some(Value::Array(array)) => Ok(array),
            _ => Err(mistyped()),
        }
    }
}
