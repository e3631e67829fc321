//! Sums that lose nothing: a few whole numbers, each counting its own unit.
//!
//! Decimals count in 10^(18·k), floats in 2^(32·k). A value always falls apart the same way and
//! limbs are added one by one without carrying, so what was added can be subtracted to exactly
//! nothing. A value puts less than 2^84 into a limb, so 2^43 of them fit.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::order::parse_int;

/// Decimal digits to a limb.
const DIGITS: usize = 18;
/// Bits between the units of floats.
const BITS: i32 = 32;

/// Limbs that are not zero, by the power of their unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Exact(SmallVec<[(i16, i128); 1]>);

impl Exact {
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn negate(&mut self) {
        self.0.iter_mut().for_each(|(_, limb)| *limb = -*limb);
    }

    pub(super) fn add(&mut self, other: &Exact) {
        other.0.iter().for_each(|(power, limb)| self.add_limb(*power, *limb));
    }

    fn add_limb(&mut self, power: i16, limb: i128) {
        if limb == 0 {
            return;
        }
        match self.0.binary_search_by_key(&power, |entry| entry.0) {
            Err(at) => self.0.insert(at, (power, limb)),
            Ok(at) => {
                self.0[at].1 += limb;
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
        }
    }

    /// Adds an integer, a numeric or money as printed, and gives its digits after the point. The
    /// largest numeric Postgres holds needs 7282 powers up and 911 down.
    pub(super) fn add_decimal(&mut self, text: &[u8]) -> u32 {
        if let Some(value) = parse_int(text) {
            self.add_limb(0, value.into());
            return 0;
        }
        let negative = text.starts_with(b"-");
        let point = memchr::memchr(b'.', text).unwrap_or(text.len());
        let digits = |part: &[u8]| -> SmallVec<[u8; 40]> {
            part.iter().copied().filter(u8::is_ascii_digit).collect()
        };
        let whole = digits(&text[..point]);
        let fraction = digits(&text[point..]);
        let number = |digits: &[u8]| {
            let value = digits.iter().fold(0, |n: i128, digit| n * 10 + i128::from(digit - b'0'));
            if negative { -value } else { value }
        };
        for (power, group) in (0..).zip(whole.rchunks(DIGITS)) {
            self.add_limb(power, number(group));
        }
        for (power, group) in (1..).zip(fraction.chunks(DIGITS)) {
            let missing = (DIGITS - group.len()) as u32;
            self.add_limb(-power, number(group) * 10i128.pow(missing));
        }
        fraction.len() as u32
    }

    /// Adds a finite float as printed.
    pub(super) fn add_float(&mut self, text: &[u8]) {
        let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
        let bits = parsed.unwrap_or(0.0).to_bits();
        let fraction = i128::from(bits & ((1 << 52) - 1));
        let exponent = (bits >> 52 & 0x7ff) as i32;
        let (mantissa, exponent) = match exponent {
            0 => (fraction, -1074),
            _ => (fraction | 1 << 52, exponent - 1075),
        };
        let limb = mantissa << exponent.rem_euclid(BITS);
        let power = exponent.div_euclid(BITS) as i16;
        self.add_limb(power, if bits >> 63 == 1 { -limb } else { limb });
    }

    /// The sum of decimals times ten to the scale, exact when none had more digits than that.
    pub(super) fn decimal(&self, scale: u32) -> BigInt {
        let (sum, lowest) = self.whole(|power| BigInt::from(10).pow(u32::from(power) * 18));
        let below = u32::from(lowest.unsigned_abs()) * DIGITS as u32;
        match below.checked_sub(scale) {
            Some(excess) => sum / BigInt::from(10).pow(excess),
            None => sum * BigInt::from(10).pow(scale - below),
        }
    }

    /// The sum of floats, rounded once, to nearest and then even.
    pub(super) fn float(&self) -> f64 {
        let (sum, lowest) = self.whole(|power| BigInt::from(1) << (u32::from(power) * BITS as u32));
        let magnitude = sum.magnitude();
        // The first 64 bits; the last of them also stands for all that are cut off.
        let excess = magnitude.bits().saturating_sub(64);
        let mut first = (magnitude >> excess).iter_u64_digits().next().unwrap_or(0);
        if magnitude.trailing_zeros().is_some_and(|zeros| zeros < excess) {
            first |= 1;
        }
        // Exact: a sum below the least normal float is a multiple of the least float. In two steps,
        // as one of them alone may not be a float.
        let power = i32::from(lowest) * BITS + excess as i32;
        let value = first as f64 * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
        if sum.sign() == num_bigint::Sign::Minus { -value } else { value }
    }

    /// The sum in units of the lowest power, which is not above zero, and that power.
    fn whole(&self, unit: impl Fn(u16) -> BigInt) -> (BigInt, i16) {
        let lowest = self.0.first().map_or(0, |(power, _)| (*power).min(0));
        let sum =
            self.0.iter().map(|(power, limb)| BigInt::from(*limb) * unit(power.abs_diff(lowest)));
        (sum.sum(), lowest)
    }
}
