//! What Postgres would have refused at run time: its SQLSTATE and its words.

use std::borrow::Cow;

/// An expression has no value for this row. Never what Postgres would have computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// SQLSTATE, five characters.
    pub state: &'static str,
    /// As Postgres words it.
    pub message: Cow<'static, str>,
}

pub(crate) const DIVISION_BY_ZERO: &str = "22012";
pub(crate) const OUT_OF_RANGE: &str = "22003";
pub(crate) const BAD_TEXT: &str = "22P02";
pub(crate) const BAD_MOMENT: &str = "22007";
pub(crate) const MOMENT_OUT_OF_RANGE: &str = "22008";
pub(crate) const BAD_PARAMETER: &str = "22023";
pub(crate) const UNSUPPORTED: &str = "0A000";
pub(crate) const BAD_LENGTH: &str = "22011";
pub(crate) const BAD_ESCAPE: &str = "22025";
pub(crate) const BAD_SUBSCRIPT: &str = "2202E";
pub(crate) const BAD_REGEX: &str = "2201B";
pub(crate) const TOO_BIG: &str = "54000";
pub(crate) const NULL_NOT_ALLOWED: &str = "22004";
pub(crate) const BAD_ROOT: &str = "2201F";
pub(crate) const BAD_BYTES: &str = "22021";

/// A result, NULL being none.
pub(crate) type Evaluated<T> = Result<T, EvalError>;

impl EvalError {
    /// An error in Postgres' words.
    #[cold]
    pub fn new(state: &'static str, message: impl Into<Cow<'static, str>>) -> EvalError {
        EvalError { state, message: message.into() }
    }

    /// `x / 0`.
    pub fn division_by_zero() -> EvalError {
        EvalError::new(DIVISION_BY_ZERO, "division by zero")
    }

    /// `integer out of range` and the like.
    pub fn out_of_range(what: &str) -> EvalError {
        EvalError::new(OUT_OF_RANGE, format!("{what} out of range"))
    }

    /// A text that is no value of its type.
    pub fn bad_text(ty: &str, text: &str) -> EvalError {
        EvalError::new(BAD_TEXT, format!("invalid input syntax for type {ty}: \"{}\"", short(text)))
    }

    /// A text that is no moment.
    pub fn bad_moment(ty: &str, text: &str) -> EvalError {
        let text = short(text);
        EvalError::new(BAD_MOMENT, format!("invalid input syntax for type {ty}: \"{text}\""))
    }

    /// A date or time with a part out of its range.
    pub fn field_out_of_range(text: &str) -> EvalError {
        let text = short(text);
        let message = format!("date/time field value out of range: \"{text}\"");
        EvalError::new(MOMENT_OUT_OF_RANGE, message)
    }

    /// `date out of range` and the like.
    pub fn moment_out_of_range(what: &str) -> EvalError {
        EvalError::new(MOMENT_OUT_OF_RANGE, format!("{what} out of range"))
    }

    /// Something Postgres has a value for, and we have not.
    pub fn unsupported(what: impl Into<Cow<'static, str>>) -> EvalError {
        EvalError::new(UNSUPPORTED, what)
    }
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.state)
    }
}

impl std::error::Error for EvalError {}

/// Values are quoted no longer than this.
fn short(text: &str) -> &str {
    const SHOWN: usize = 64;
    &text[..text.floor_char_boundary(SHOWN)]
}
