//! The coordinates of a tally, and how a printed value falls apart into them.
//!
//! Decimals are summed apart by the scale they were printed with, in limbs of 10^(9·k) units of
//! that scale, floats in limbs of 2^(24·k). A value always falls apart the same way and limbs are
//! added one by one without carrying, so what was added can be subtracted to exactly nothing. A
//! value puts less than 2^30 into a limb, so eight thousand million of them fit.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::order::parse_int;

/// Decimal digits to a limb.
const DIGITS: usize = 9;
/// Ten to that power.
const BASE: i64 = 1_000_000_000;
/// Bits to a limb of a float,
const BITS: i32 = 24;
/// whose least limb has a power above the negative of this.
const LOWEST: i32 = 64;

/// One coordinate: the tally's place (16 bits), what is counted (8), the scale of decimals (16) and
/// the limb (24), packed in that order, which is the order they sort in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Term(u64);

/// What a term counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Rows, or values that are none of those below.
    Rows,
    /// Values that are NaN.
    NaN,
    /// Infinities.
    Above,
    /// Negative infinities.
    Below,
    /// Decimals printed with so many digits after the point.
    Decimals(u16),
    /// Units of a limb of the sum of decimals of a scale.
    Digits(u16, u32),
    /// Units of a limb of the sum of floats.
    Bits(u32),
}

impl Term {
    pub(super) fn count(slot: u16, counted: Counted) -> Term {
        let (kind, scale, limb) = match counted {
            Counted::Rows => (0, 0, 0),
            Counted::NaN => (1, 0, 0),
            Counted::Above => (2, 0, 0),
            Counted::Below => (3, 0, 0),
            Counted::Decimals(scale) => (4, scale, 0),
            Counted::Digits(scale, limb) => (5, scale, limb),
            Counted::Bits(limb) => (6, 0, limb),
        };
        Term(u64::from(slot) << 48 | kind << 40 | u64::from(scale) << 24 | u64::from(limb))
    }

    pub(super) fn slot(self) -> u16 {
        (self.0 >> 48) as u16
    }

    pub(super) fn counted(self) -> Counted {
        let (scale, limb) = ((self.0 >> 24) as u16, self.0 as u32 & 0xff_ffff);
        match self.0 >> 40 & 0xff {
            0 => Counted::Rows,
            1 => Counted::NaN,
            2 => Counted::Above,
            3 => Counted::Below,
            4 => Counted::Decimals(scale),
            5 => Counted::Digits(scale, limb),
            _ => Counted::Bits(limb),
        }
    }
}

/// Gives the terms of an integer, a numeric or money as printed.
pub(super) fn decimal(slot: u16, text: &[u8], give: &mut dyn FnMut(Term, i64)) {
    let mut limb = |scale, limb, units| {
        if units != 0 {
            give(Term::count(slot, Counted::Digits(scale, limb)), units);
        }
    };
    let scale = match parse_int(text) {
        Some(mut value) => {
            for at in 0.. {
                limb(0, at, value % BASE);
                value /= BASE;
                if value == 0 {
                    break;
                }
            }
            0
        }
        None => {
            let sign = if text.starts_with(b"-") { -1 } else { 1 };
            let point = memchr::memchr(b'.', text).unwrap_or(text.len());
            let digits: SmallVec<[u8; 40]> =
                text.iter().copied().filter(u8::is_ascii_digit).collect();
            let scale = text[point..].iter().filter(|byte| byte.is_ascii_digit()).count() as u16;
            for (at, group) in (0..).zip(digits.rchunks(DIGITS)) {
                let value = group.iter().fold(0, |n: i64, digit| n * 10 + i64::from(digit - b'0'));
                limb(scale, at, sign * value);
            }
            scale
        }
    };
    give(Term::count(slot, Counted::Decimals(scale)), 1);
}

/// Gives the terms of a finite float as printed.
pub(super) fn float(slot: u16, text: &[u8], give: &mut dyn FnMut(Term, i64)) {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    let bits = parsed.unwrap_or(0.0).to_bits();
    let fraction = i128::from(bits & ((1 << 52) - 1));
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let (mantissa, exponent) = match exponent {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, exponent - 1075),
    };
    let sign = if bits >> 63 == 1 { -1 } else { 1 };
    let mut rest = mantissa << exponent.rem_euclid(BITS);
    let mut limb = (exponent.div_euclid(BITS) + LOWEST) as u32;
    while rest != 0 {
        let units = (rest & ((1 << BITS) - 1)) as i64;
        if units != 0 {
            give(Term::count(slot, Counted::Bits(limb)), sign * units);
        }
        rest >>= BITS;
        limb += 1;
    }
}

/// The sum of the decimals among these terms times ten to the scale, which none of them exceeds.
pub(super) fn decimals(terms: &[(Term, i64)], scale: u16) -> BigInt {
    let ten = BigInt::from(10);
    let part = |(term, units): &(Term, i64)| match term.counted() {
        Counted::Digits(of, limb) => {
            let power = limb * DIGITS as u32 + u32::from(scale - of);
            Some(match power {
                // What it comes to is below 2^63 · 10^18.
                0..=18 => BigInt::from(i128::from(*units) * 10i128.pow(power)),
                _ => ten.pow(power) * *units,
            })
        }
        _ => None,
    };
    terms.iter().filter_map(part).sum()
}

/// The sum of the floats among these terms, rounded once, to nearest and then even.
pub(super) fn floats(terms: &[(Term, i64)]) -> f64 {
    let limbs = || {
        terms.iter().filter_map(|(term, units)| match term.counted() {
            Counted::Bits(limb) => Some((limb as i32 - LOWEST, *units)),
            _ => None,
        })
    };
    let lowest = limbs().next().map_or(0, |(power, _)| power.min(0));
    let unit = |power: i32| BigInt::from(1) << ((power - lowest) * BITS);
    let sum: BigInt = limbs().map(|(power, units)| unit(power) * units).sum();
    let magnitude = sum.magnitude();
    // The first 64 bits; the last of them also stands for all that are cut off.
    let excess = magnitude.bits().saturating_sub(64);
    let mut first = (magnitude >> excess).iter_u64_digits().next().unwrap_or(0);
    if magnitude.trailing_zeros().is_some_and(|zeros| zeros < excess) {
        first |= 1;
    }
    // Exact: a sum below the least normal float is a multiple of the least float. In two steps, as
    // one of them alone may not be a float.
    let power = lowest * BITS + excess as i32;
    let value = first as f64 * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
    if sum.sign() == num_bigint::Sign::Minus { -value } else { value }
}
