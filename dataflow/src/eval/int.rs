//! Integers: 64 bits in the machine, held to the range of their type.

use super::error::{EvalError, Evaluated};
use super::numeric::Numeric;
use super::value::{Arena, Draft};
use crate::order::parse_int;

/// Which integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// `smallint`.
    Two,
    /// `integer`.
    Four,
    /// `bigint`.
    Eight,
    /// `oid`, unsigned 32 bits.
    Oid,
}

impl Width {
    fn name(self) -> &'static str {
        match self {
            Width::Two => "smallint",
            Width::Four => "integer",
            Width::Eight => "bigint",
            Width::Oid => "oid",
        }
    }

    fn holds(self, value: i64) -> bool {
        match self {
            Width::Two => i16::try_from(value).is_ok(),
            Width::Four => i32::try_from(value).is_ok(),
            Width::Eight => true,
            Width::Oid => u32::try_from(value).is_ok(),
        }
    }

    /// The value if the type holds it.
    pub fn checked(self, value: Option<i64>) -> Evaluated<i64> {
        value.filter(|value| self.holds(*value)).ok_or_else(|| EvalError::out_of_range(self.name()))
    }

    /// The integer a text says, blanks around it let pass.
    pub fn parse(self, text: &str) -> Evaluated<i64> {
        let word = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        if let Some(value) = parse_int(word.as_bytes()).filter(|value| self.holds(*value)) {
            return Ok(value);
        }
        if let (Width::Oid, Ok(signed)) = (self, word.parse::<i32>()) {
            // The same 32 bits.
            return Ok((signed as u32).into());
        }
        let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(EvalError::bad_text(self.name(), text));
        }
        let name = self.name();
        let message = format!("value \"{word}\" is out of range for type {name}");
        Err(EvalError::new(super::error::OUT_OF_RANGE, message))
    }

    /// The nearest integer, halves to the even one.
    pub fn nearest_to_float(self, value: f64) -> Evaluated<i64> {
        // The bounds are floats, the upper one the first that does not fit.
        let rounded = value.round_ties_even();
        let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
        self.checked(fits.then_some(rounded as i64))
    }

    /// The nearest integer, halves away from zero.
    pub fn nearest_to_numeric<'a>(self, value: Numeric<'a>, arena: &'a Arena) -> Evaluated<i64> {
        self.checked(Some(value.to_int(self.name(), arena)?))
    }

    /// `left / right` towards zero.
    pub fn divide(self, left: i64, right: i64) -> Evaluated<i64> {
        if right == 0 {
            return Err(EvalError::division_by_zero());
        }
        self.checked(left.checked_div(right))
    }

    /// What a division leaves; the sign of the dividend.
    pub fn modulo(self, left: i64, right: i64) -> Evaluated<i64> {
        if right == 0 {
            return Err(EvalError::division_by_zero());
        }
        Ok(left.wrapping_rem(right))
    }
}

/// Appends the digits.
pub(crate) fn print(value: i64, out: &mut Draft<'_>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    digits[at..].iter().for_each(|digit| out.push(char::from(*digit)));
}

/// Appends at least two digits of a part of a date or time.
pub(crate) fn print_two(value: i64, out: &mut Draft<'_>) {
    if (0..10).contains(&value) {
        out.push('0');
    }
    print(value, out);
}
