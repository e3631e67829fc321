//! `real` and `double precision`: IEEE arithmetic that refuses to overflow.
//!
//! Only what IEEE rounds one way is here. Powers, logarithms and the functions of angles depend on
//! the C library of the server and have no place in an exact language.

use std::cmp::Ordering;

use super::error::{BAD_ROOT, EvalError, Evaluated, OUT_OF_RANGE};

/// Operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Postgres' order: one zero, and `NaN` equal to itself and greatest.
pub(crate) fn cmp(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// In 64 bits.
pub(crate) fn apply8(operator: Arithmetic, a: f64, b: f64) -> Evaluated<f64> {
    let result = match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
    };
    let result = Outcome {
        infinite: result.is_infinite(),
        zero: result == 0.0,
        a: (a.is_nan(), a.is_infinite(), a == 0.0),
        b: (b.is_nan(), b.is_infinite(), b == 0.0),
    }
    .check(operator)
    .map(|()| result)?;
    Ok(result)
}

/// In 32 bits.
pub(crate) fn apply4(operator: Arithmetic, a: f32, b: f32) -> Evaluated<f32> {
    let result = match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
    };
    Outcome {
        infinite: result.is_infinite(),
        zero: result == 0.0,
        a: (a.is_nan(), a.is_infinite(), a == 0.0),
        b: (b.is_nan(), b.is_infinite(), b == 0.0),
    }
    .check(operator)
    .map(|()| result)
}

/// What is to be known of an operation to say whether it left the range: of each operand whether
/// it is not a number, infinite, zero.
struct Outcome {
    infinite: bool,
    zero: bool,
    a: (bool, bool, bool),
    b: (bool, bool, bool),
}

impl Outcome {
    fn check(&self, operator: Arithmetic) -> Evaluated<()> {
        let (a_nan, a_infinite, a_zero) = self.a;
        let (_, b_infinite, b_zero) = self.b;
        if operator == Arithmetic::Divide && b_zero && !a_nan {
            return Err(EvalError::division_by_zero());
        }
        let over = self.infinite && !a_infinite && !b_infinite;
        let under = match operator {
            Arithmetic::Add | Arithmetic::Subtract => false,
            Arithmetic::Multiply => self.zero && !a_zero && !b_zero,
            Arithmetic::Divide => self.zero && !a_zero && !b_infinite,
        };
        match (over, under) {
            (true, _) => Err(overflow()),
            (_, true) => Err(underflow()),
            _ => Ok(()),
        }
    }
}

#[cold]
fn overflow() -> EvalError {
    EvalError::new(OUT_OF_RANGE, "value out of range: overflow")
}

#[cold]
fn underflow() -> EvalError {
    EvalError::new(OUT_OF_RANGE, "value out of range: underflow")
}

/// The square root.
pub(crate) fn sqrt(value: f64) -> Evaluated<f64> {
    if value < 0.0 {
        let message = "cannot take square root of a negative number";
        return Err(EvalError::new(BAD_ROOT, message));
    }
    Ok(value.sqrt())
}

/// -1, 0 or 1.
pub(crate) fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// As a `real` holds it.
pub(crate) fn narrow(value: f64) -> Evaluated<f32> {
    let narrow = value as f32;
    if narrow.is_infinite() && !value.is_infinite() {
        return Err(overflow());
    }
    if narrow == 0.0 && value != 0.0 {
        return Err(underflow());
    }
    Ok(narrow)
}

/// The `double precision` a text says.
pub(crate) fn parse8(text: &str) -> Evaluated<f64> {
    let ty = "double precision";
    let (word, zero) = word(ty, text)?;
    let value: f64 = word.parse().map_err(|_| EvalError::bad_text(ty, text))?;
    let finite = !word.ends_with(['y', 'Y', 'f', 'F']);
    if finite && value.is_infinite() || value == 0.0 && !zero {
        let message = format!("\"{word}\" is out of range for type {ty}");
        return Err(EvalError::new(OUT_OF_RANGE, message));
    }
    Ok(value)
}

/// The `real` a text says.
pub(crate) fn parse4(text: &str) -> Evaluated<f32> {
    let ty = "real";
    let (word, zero) = word(ty, text)?;
    let value: f32 = word.parse().map_err(|_| EvalError::bad_text(ty, text))?;
    let finite = !word.ends_with(['y', 'Y', 'f', 'F']);
    if finite && value.is_infinite() || value == 0.0 && !zero {
        let message = format!("\"{word}\" is out of range for type {ty}");
        return Err(EvalError::new(OUT_OF_RANGE, message));
    }
    Ok(value)
}

/// The number without blanks, and whether all its digits are zero.
fn word<'t>(ty: &str, text: &'t str) -> Evaluated<(&'t str, bool)> {
    let word = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned[1..].starts_with(['x', 'X']) {
        return Err(EvalError::unsupported("hexadecimal floats"));
    }
    let known = matches!(unsigned.as_bytes().first(), Some(b'0'..=b'9' | b'.'))
        || ["nan", "inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name));
    if !known {
        return Err(EvalError::bad_text(ty, text));
    }
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or("");
    Ok((word, mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'))))
}
