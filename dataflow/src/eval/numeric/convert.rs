//! `numeric` to and from the other numbers.

use super::round::Toward;
use super::{MOST_SCALE, Numeric};
use crate::eval::error::{EvalError, Evaluated, UNSUPPORTED};
use crate::eval::float;
use crate::eval::value::{Arena, Draft};

impl<'a> Numeric<'a> {
    /// The nearest whole number, which the caller holds to the range of `what`.
    pub fn to_int(self, what: &str, arena: &'a Arena) -> Evaluated<i64> {
        let special = match self {
            Numeric::NaN => Some("NaN"),
            Numeric::Infinity | Numeric::NegativeInfinity => Some("infinity"),
            Numeric::Small { .. } | Numeric::Big { .. } => None,
        };
        if let Some(special) = special {
            return Err(EvalError::new(UNSUPPORTED, format!("cannot convert {special} to {what}")));
        }
        match self.round(0, Toward::Nearest, arena)? {
            Numeric::Small { digits, .. } => i64::try_from(digits).ok(),
            _ => None,
        }
        .ok_or_else(|| EvalError::out_of_range(what))
    }

    /// The nearest `double precision`, by way of the digits as Postgres goes.
    pub fn to_float8(self, arena: &'a Arena) -> Evaluated<f64> {
        match self {
            // Both are exact, and so is what one division makes of them, rounded once.
            Numeric::Small { digits, scale }
                if scale <= 22 && digits.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS =>
            {
                Ok(digits as f64 / 10f64.powi(scale.into()))
            }
            _ => float::parse8(self.text(arena)),
        }
    }

    /// The nearest `real`.
    pub fn to_float4(self, arena: &'a Arena) -> Evaluated<f32> {
        float::parse4(self.text(arena))
    }

    /// Fifteen significant digits of a float, as Postgres takes them.
    pub fn from_float8(value: f64, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        Numeric::from_float(value, 15, arena)
    }

    /// Six significant digits of a float.
    pub fn from_float4(value: f32, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        Numeric::from_float(value.into(), 6, arena)
    }

    fn from_float(value: f64, digits: usize, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        if value.is_nan() {
            return Ok(Numeric::NaN);
        }
        if value.is_infinite() {
            return Ok(match value > 0.0 {
                true => Numeric::Infinity,
                false => Numeric::NegativeInfinity,
            });
        }
        let written = format!("{value:.*e}", digits - 1);
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        // `%g`: zeros at the end are not written.
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        Numeric::parse(&format!("{mantissa}e{exponent}"), arena)
    }

    /// As printed.
    pub fn text(self, arena: &'a Arena) -> &'a str {
        let mut out = Draft::new_in(arena);
        self.print(&mut out);
        out.into_bump_str()
    }

    /// Without zeros at the end of what follows the point.
    pub fn trim_scale(self, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        match self.least_scale() {
            Some(scale) => self.round(i64::from(scale).min(MOST_SCALE.into()), Toward::Zero, arena),
            None => Ok(self),
        }
    }
}
