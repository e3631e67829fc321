//! `numeric`: whole digits and a display scale, exact. Nearly all fit in 128 bits; those that do
//! not keep their digits in the arena and go through big integers.
//!
//! `1.0` and `1.00` are equal and print differently, so the scale is part of the value and each
//! operation gives the result the scale that Postgres would.

mod arithmetic;
mod convert;
mod round;

use std::cmp::Ordering;
use std::fmt::Write;

use num_bigint::{BigInt, Sign};

pub(crate) use self::round::Toward;
use super::error::{EvalError, Evaluated, OUT_OF_RANGE};
use super::value::{Arena, Draft};

/// A `numeric`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numeric<'a> {
    /// `-Infinity`.
    NegativeInfinity,
    /// Digits in 128 bits; every number that fits is held so.
    Small {
        /// The value times ten to the scale.
        digits: i128,
        /// Digits after the point.
        scale: u16,
    },
    /// Any other finite number.
    Big {
        /// Below zero.
        negative: bool,
        /// The value times ten to the scale, least significant first.
        limbs: &'a [u32],
        /// Digits after the point.
        scale: u16,
    },
    /// `Infinity`.
    Infinity,
    /// `NaN`: equal to itself, greater than all else.
    NaN,
}

/// Digits after the point that the format holds.
pub(in crate::eval) const MOST_SCALE: u32 = 16_383;
/// Digits before the point that the format holds.
pub(super) const MOST_WHOLE: u64 = 131_072;

impl<'a> Numeric<'a> {
    /// Nothing, without digits after the point.
    pub const ZERO: Numeric<'static> = Numeric::int(0);

    /// A whole number.
    pub const fn int(value: i64) -> Numeric<'static> {
        Numeric::Small { digits: value as i128, scale: 0 }
    }

    /// What Postgres takes: `12.50`, `-1e-3`, `NaN`, `infinity`, blanks around.
    pub fn parse(text: &str, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        if let Some(plain) = plain(text.as_bytes()) {
            return Ok(plain);
        }
        parse(text, arena)
    }

    /// The digits as one whole number; none when not finite.
    pub fn whole(&self) -> Option<(BigInt, u16)> {
        match *self {
            Numeric::Small { digits, scale } => Some((digits.into(), scale)),
            Numeric::Big { negative, limbs, scale } => {
                let sign = if negative { Sign::Minus } else { Sign::Plus };
                Some((BigInt::from_slice(sign, limbs), scale))
            }
            Numeric::NaN | Numeric::Infinity | Numeric::NegativeInfinity => None,
        }
    }

    /// Digits with a scale, if the format holds so many.
    pub fn from_whole(digits: BigInt, scale: u16, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        if let Ok(digits) = i128::try_from(&digits) {
            return Ok(Numeric::Small { digits, scale });
        }
        // Three bits to a digit at least: most numbers are seen to fit without being printed.
        let most = MOST_WHOLE + u64::from(scale);
        if digits.bits() / 4 > most
            || digits.bits() / 3 > most && digits.magnitude().to_str_radix(10).len() as u64 > most
        {
            return Err(overflow());
        }
        let (sign, limbs) = digits.to_u32_digits();
        let limbs = arena.alloc_slice_copy(&limbs);
        Ok(Numeric::Big { negative: sign == Sign::Minus, limbs, scale })
    }

    /// Digits after the point; none when not finite.
    pub fn scale(&self) -> Option<u16> {
        match self {
            Numeric::Small { scale, .. } | Numeric::Big { scale, .. } => Some(*scale),
            Numeric::NaN | Numeric::Infinity | Numeric::NegativeInfinity => None,
        }
    }

    /// −1, 0 or 1; `NaN` is greater than everything.
    pub fn signum(&self) -> i32 {
        match self {
            Numeric::NegativeInfinity | Numeric::Big { negative: true, .. } => -1,
            Numeric::Small { digits, .. } => digits.signum() as i32,
            Numeric::Big { .. } | Numeric::Infinity | Numeric::NaN => 1,
        }
    }

    /// Postgres' order: `NaN` equals itself and is greatest.
    pub fn cmp(&self, other: &Numeric<'_>) -> Ordering {
        if let (
            Numeric::Small { digits: a, scale: left },
            Numeric::Small { digits: b, scale: right },
        ) = (self, other)
        {
            if left == right {
                return a.cmp(b);
            }
            let most = (*left).max(*right);
            if let (Some(a), Some(b)) =
                (raised(*a, (most - left).into()), raised(*b, (most - right).into()))
            {
                return a.cmp(&b);
            }
        }
        match (self.whole(), other.whole()) {
            (Some((a, left)), Some((b, right))) => {
                let most = left.max(right);
                (a * ten((most - left).into())).cmp(&(b * ten((most - right).into())))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Numeric::NegativeInfinity => 0,
            Numeric::Small { .. } | Numeric::Big { .. } => 1,
            Numeric::Infinity => 2,
            Numeric::NaN => 3,
        }
    }

    /// As Postgres prints it.
    pub fn print(&self, out: &mut Draft<'_>) {
        match *self {
            Numeric::NaN => out.push_str("NaN"),
            Numeric::Infinity => out.push_str("Infinity"),
            Numeric::NegativeInfinity => out.push_str("-Infinity"),
            Numeric::Small { digits, scale: 0 } => {
                // Writing into a draft cannot fail.
                let _ = write!(out, "{digits}");
            }
            Numeric::Small { digits, scale } => {
                let minus = if digits < 0 { "-" } else { "" };
                match ten_fits(scale) {
                    Some(unit) => {
                        let (whole, fraction) =
                            (digits.unsigned_abs() / unit, digits.unsigned_abs() % unit);
                        let width = usize::from(scale);
                        let _ = write!(out, "{minus}{whole}.{fraction:0width$}");
                    }
                    None => pointed(&digits.unsigned_abs().to_string(), minus, scale, out),
                }
            }
            Numeric::Big { negative, limbs, scale } => {
                let digits = num_bigint::BigUint::from_slice(limbs).to_str_radix(10);
                pointed(&digits, if negative { "-" } else { "" }, scale, out);
            }
        }
    }
}

/// Digits with the point put in.
fn pointed(digits: &str, minus: &str, scale: u16, out: &mut Draft<'_>) {
    out.push_str(minus);
    let scale = usize::from(scale);
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        out.push('.');
        (fraction.len()..scale).for_each(|_| out.push('0'));
        out.push_str(fraction);
    }
}

/// What columns hold: digits and perhaps a point, few enough for 128 bits.
fn plain(text: &[u8]) -> Option<Numeric<'static>> {
    let (negative, unsigned) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if unsigned.len() > 38 {
        return None;
    }
    let mut value = 0u64;
    let mut high = 0i128;
    let mut count = 0;
    let mut point = None;
    for (at, byte) in unsigned.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                // Eighteen digits at a time fit in a word.
                if count == 18 {
                    high = i128::from(value);
                    value = 0;
                } else if count == 36 {
                    return None;
                }
                value = value * 10 + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    if count == 0 {
        return None;
    }
    let digits = match u32::saturating_sub(count, 18) {
        0 => i128::from(value),
        low => high * 10i128.pow(low) + i128::from(value),
    };
    let scale = point.map_or(0, |at| unsigned.len() - at - 1) as u16;
    Some(Numeric::Small { digits: if negative { -digits } else { digits }, scale })
}

fn parse<'a>(given: &str, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
    let bad = || EvalError::bad_text("numeric", given);
    let text = given.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if text.eq_ignore_ascii_case("nan") {
        return Ok(Numeric::NaN);
    }
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Ok(if negative { Numeric::NegativeInfinity } else { Numeric::Infinity });
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(bad());
            }
            // Postgres takes no exponent beyond half the range of an integer.
            let exponent = exponent.parse::<i32>().ok().filter(|e| e.abs() < i32::MAX / 2);
            (mantissa, exponent.ok_or_else(overflow)?)
        }
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let written = fraction.len() as i64 - i64::from(exponent);
    let scale = u16::try_from(written.max(0)).ok().filter(|s| u32::from(*s) <= MOST_SCALE);
    let significant = digits.trim_start_matches('0');
    let scale = match scale {
        Some(scale) => scale,
        // Digits beyond the format are rounded away.
        None => return Err(overflow()),
    };
    if significant.is_empty() {
        return Ok(Numeric::Small { digits: 0, scale });
    }
    if significant.len() as i64 - written > MOST_WHOLE as i64 {
        return Err(overflow());
    }
    let value: BigInt = significant.parse().map_err(|_| bad())?;
    let value = if written < 0 { value * ten(written.unsigned_abs() as u32) } else { value };
    Numeric::from_whole(if negative { -value } else { value }, scale, arena)
}

#[cold]
pub(super) fn overflow() -> EvalError {
    EvalError::new(OUT_OF_RANGE, "value overflows numeric format")
}

/// Ten to a power that fits in 128 bits.
pub(super) fn ten_fits(power: u16) -> Option<u128> {
    (power <= 38).then(|| 10u128.pow(power.into()))
}

/// The digits with so many zeros after them, if they fit.
pub(super) fn raised(digits: i128, zeros: u32) -> Option<i128> {
    match zeros {
        0 => Some(digits),
        1..=38 => digits.checked_mul(10i128.pow(zeros)),
        _ => (digits == 0).then_some(0),
    }
}

/// Ten to a power.
pub(super) fn ten(power: u32) -> BigInt {
    BigInt::from(10).pow(power)
}

#[cfg(test)]
mod tests;
