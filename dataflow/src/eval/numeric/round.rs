//! Rounding, half away from zero, and roots.

use num_bigint::{BigInt, Sign};

use super::{MOST_SCALE, MOST_WHOLE, Numeric, overflow, raised, ten};
use crate::eval::error::{BAD_ROOT, EvalError, Evaluated, OUT_OF_RANGE};
use crate::eval::value::Arena;

/// Which way a fraction goes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Toward {
    /// To the nearest, halves away from zero.
    Nearest,
    /// Towards zero.
    Zero,
    /// Down.
    Floor,
    /// Up.
    Ceiling,
}

/// Digits after the point that `round` and `trunc` know.
const MOST_PLACES: i64 = MOST_SCALE as i64;

impl<'a> Numeric<'a> {
    /// At so many digits after the point, or before it when negative.
    pub fn round(self, places: i64, toward: Toward, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        // Nothing is left of a number rounded to more places than it can have.
        let places = places.clamp(-(MOST_WHOLE as i64 + 1), MOST_PLACES) as i32;
        let Some(scale) = self.scale() else { return Ok(self) };
        let shown = places.max(0) as u16;
        let drop = i32::from(scale) - places;
        if let Numeric::Small { digits, .. } = self {
            if drop <= 0 {
                if let Some(digits) = raised(digits, drop.unsigned_abs()) {
                    return Ok(Numeric::Small { digits, scale: shown });
                }
            } else if drop <= 37 {
                let unit = 10i128.pow(drop as u32);
                let back = i32::from(shown) - places;
                let rounded = round_small(digits, unit, toward);
                if let Some(digits) = raised(rounded, back as u32) {
                    return Ok(Numeric::Small { digits, scale: shown });
                }
            }
        }
        let Some((digits, _)) = self.whole() else { return Ok(self) };
        if drop <= 0 {
            let digits = digits * ten(drop.unsigned_abs());
            return Numeric::from_whole(digits, shown, arena);
        }
        // Far fewer digits than are dropped leave nothing, without a unit of that size.
        if toward == Toward::Nearest && digits.bits() < u64::from(drop as u32) * 3 {
            return Ok(Numeric::Small { digits: 0, scale: shown });
        }
        let unit = ten(drop as u32);
        let rounded = match toward {
            Toward::Nearest => divide(digits, unit),
            Toward::Zero => digits / unit,
            Toward::Floor if digits.sign() == Sign::Minus => (digits + 1u8) / unit - 1u8,
            Toward::Ceiling if digits.sign() == Sign::Plus => (digits - 1u8) / unit + 1u8,
            Toward::Floor | Toward::Ceiling => digits / unit,
        };
        let back = ten((i32::from(shown) - places) as u32);
        Numeric::from_whole(rounded * back, shown, arena)
    }

    /// As a `numeric(precision, scale)` holds it.
    pub fn fit(self, precision: u16, scale: i16, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        let fits = || EvalError::new(OUT_OF_RANGE, "numeric field overflow");
        match self {
            Numeric::NaN => return Ok(self),
            Numeric::Infinity | Numeric::NegativeInfinity => return Err(fits()),
            Numeric::Small { .. } | Numeric::Big { .. } => {}
        }
        let rounded = self.round(scale.into(), Toward::Nearest, arena)?;
        let (digits, shown) = rounded.whole().ok_or_else(overflow)?;
        // A negative scale leaves zeros before the point, which count as no digits.
        let whole = i32::from(precision) - i32::from(scale) + i32::from(shown);
        let most = ten(whole.max(0) as u32);
        if digits.magnitude() >= most.magnitude() && digits.sign() != Sign::NoSign {
            return Err(fits());
        }
        Ok(rounded)
    }

    /// The square root to sixteen significant digits, or to the scale when that is more.
    pub fn sqrt(self, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        if self.signum() < 0 {
            let message = "cannot take square root of a negative number";
            return Err(EvalError::new(BAD_ROOT, message));
        }
        let Some((digits, scale)) = self.whole() else { return Ok(self) };
        let log = digits.magnitude().to_str_radix(10).len() as i32 - 1;
        let zero = digits.sign() == Sign::NoSign;
        // In groups of four digits, as Postgres estimates the size of the root.
        let weight = if zero { 0 } else { (log - i32::from(scale)).div_euclid(4) };
        let root = if weight >= 0 { weight * 4 / 2 + 1 } else { 1 - (1 - weight * 4) / 2 };
        let places = (16 - root).max(scale.into()).clamp(0, 1000) as u16;
        // One digit more than asked for, to round by.
        let power = 2 * (i32::from(places) + 1) - i32::from(scale);
        let found = (digits * ten(power as u32)).sqrt();
        let rounded = (found + 5u8) / 10u8;
        Numeric::from_whole(rounded, places, arena)
    }

    /// The least scale that loses nothing.
    pub fn least_scale(self) -> Option<u16> {
        let (mut digits, mut scale) = self.whole()?;
        if digits.sign() == Sign::NoSign {
            return Some(0);
        }
        while scale > 0 && &digits % 10u8 == BigInt::default() {
            digits /= 10u8;
            scale -= 1;
        }
        Some(scale)
    }
}

fn round_small(digits: i128, unit: i128, toward: Toward) -> i128 {
    let (quotient, rest) = (digits / unit, digits % unit);
    match toward {
        // `unit` is at least ten, so twice the rest is less than 2·10^37.
        Toward::Nearest if 2 * rest.abs() >= unit => quotient + digits.signum(),
        Toward::Floor if rest < 0 => quotient - 1,
        Toward::Ceiling if rest > 0 => quotient + 1,
        _ => quotient,
    }
}

/// The quotient rounded half away from zero.
pub(super) fn divide(a: BigInt, b: BigInt) -> BigInt {
    if let (Ok(a), Ok(b)) = (i128::try_from(&a), i128::try_from(&b)) {
        let (quotient, rest) = (a / b, a.wrapping_rem(b));
        let up = rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs();
        let away = if (a < 0) == (b < 0) { 1 } else { -1 };
        return BigInt::from(quotient) + if up && rest != 0 { away } else { 0 };
    }
    let negative = (a.sign() == Sign::Minus) != (b.sign() == Sign::Minus);
    let (a, b) = (a.into_parts().1, b.into_parts().1);
    let quotient = (a * 2u8 + &b) / (b * 2u8);
    let quotient = BigInt::from(quotient);
    if negative { -quotient } else { quotient }
}
