//! `to_char` and its inverses.

use flusso_compiler::sql::functions::Format;

use super::Args;
use crate::eval::error::{EvalError, Evaluated};
use crate::eval::value::Value;

pub(super) fn call<'a>(_: Format, _: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    Err(EvalError::unsupported("templates"))
}
