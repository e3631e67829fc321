//! `count`, `sum` and `avg` off a tally, as Postgres would print them.

use flusso_compiler::plan::AggregateFunction;
use flusso_compiler::types::{SqlType, float4_text, float8_text};
use num_bigint::{BigInt, Sign};

use super::Tallies;
use super::term::{Counted, Term, decimals, floats};

/// Appends the JSON of an aggregate over the tally in a slot; no tally is an empty group. A sum or
/// average that is no number, or too large for its float, is `null`.
pub fn finish(
    tallies: Option<&Tallies>,
    slot: u16,
    function: AggregateFunction,
    ty: &SqlType,
    out: &mut Vec<u8>,
) {
    let text = Group::of(tallies, slot).text(function, ty);
    out.extend_from_slice(text.as_deref().unwrap_or("null").as_bytes());
}

/// The same as Postgres prints it: what is no number has a word, and NULL is none.
pub fn value(
    tallies: Option<&Tallies>,
    slot: u16,
    function: AggregateFunction,
    ty: &SqlType,
) -> Option<String> {
    let group = Group::of(tallies, slot);
    match function {
        AggregateFunction::Sum | AggregateFunction::Avg => {
            group.word().map(str::to_owned).or_else(|| group.text(function, ty))
        }
        _ => group.text(function, ty),
    }
}

/// How many rows a tally counts.
pub fn rows(tallies: Option<&Tallies>, slot: u16) -> i64 {
    Group::of(tallies, slot).rows()
}

/// The terms of one tally.
struct Group<'a>(&'a [(Term, i64)]);

impl<'a> Group<'a> {
    fn of(tallies: Option<&'a Tallies>, slot: u16) -> Group<'a> {
        Group(tallies.map_or(&[], |tallies| tallies.slot(slot)))
    }

    fn text(&self, function: AggregateFunction, ty: &SqlType) -> Option<String> {
        match function {
            AggregateFunction::Count => Some(self.rows().to_string()),
            AggregateFunction::Sum => self.sum(ty),
            AggregateFunction::Avg => self.avg(ty),
            // Not kept in tallies.
            AggregateFunction::Min
            | AggregateFunction::Max
            | AggregateFunction::Ids
            | AggregateFunction::CountDistinct
            | AggregateFunction::BoolAnd
            | AggregateFunction::BoolOr
            | AggregateFunction::StringAgg
            | AggregateFunction::ArrayAgg => None,
        }
    }

    /// A sum that is no number.
    fn word(&self) -> Option<&'static str> {
        let any =
            |counted: fn(&Counted) -> bool| self.0.iter().any(|(term, _)| counted(&term.counted()));
        let above = any(|counted| matches!(counted, Counted::Above));
        let below = any(|counted| matches!(counted, Counted::Below));
        match (any(|counted| matches!(counted, Counted::NaN)), above, below) {
            (true, ..) | (_, true, true) => Some("NaN"),
            (_, true, false) => Some("Infinity"),
            (_, false, true) => Some("-Infinity"),
            (false, false, false) => None,
        }
    }

    /// How many rows, or values that are not NULL.
    fn rows(&self) -> i64 {
        let count = |(term, units): &(Term, i64)| match term.counted() {
            Counted::Digits(..) | Counted::Bits(_) => 0,
            Counted::Rows
            | Counted::NaN
            | Counted::Above
            | Counted::Below
            | Counted::Decimals(_) => *units,
        };
        self.0.iter().map(count).sum()
    }

    fn sum(&self, ty: &SqlType) -> Option<String> {
        if !self.is_number() {
            return None;
        }
        match ty {
            SqlType::Float4 => {
                let sum = floats(self.0) as f32;
                sum.is_finite().then(|| float4_text(sum))
            }
            SqlType::Float8 => {
                let sum = floats(self.0);
                sum.is_finite().then(|| float8_text(sum))
            }
            _ => {
                let scale = self.scale()?;
                Some(decimal(&decimals(self.0, scale), scale.into()))
            }
        }
    }

    fn avg(&self, ty: &SqlType) -> Option<String> {
        if !self.is_number() {
            return None;
        }
        if matches!(ty, SqlType::Float4 | SqlType::Float8) {
            let avg = floats(self.0) / self.rows() as f64;
            return avg.is_finite().then(|| float8_text(avg));
        }
        let scale = self.scale()?;
        Some(quotient(&decimals(self.0, scale), scale.into(), self.rows()))
    }

    /// Whether there is a sum and it is a number.
    fn is_number(&self) -> bool {
        let odd = |(term, _): &(Term, i64)| {
            matches!(term.counted(), Counted::NaN | Counted::Above | Counted::Below)
        };
        !self.0.is_empty() && !self.0.iter().any(odd)
    }

    /// The digits after the point that a sum of decimals is printed with: the most of any. None
    /// when they are no decimals.
    fn scale(&self) -> Option<u16> {
        let scale = |(term, _): &(Term, i64)| match term.counted() {
            Counted::Decimals(scale) => Some(scale),
            _ => None,
        };
        self.0.iter().filter_map(scale).max()
    }
}

/// A number scaled by a power of ten, with its point.
fn decimal(scaled: &BigInt, scale: u32) -> String {
    let scale = scale as usize;
    let mut text = format!("{:0>width$}", scaled.magnitude().to_string(), width = scale + 1);
    if scale > 0 {
        text.insert(text.len() - scale, '.');
    }
    if scaled.sign() == Sign::Minus {
        text.insert(0, '-');
    }
    text
}

/// `sum / rows` by Postgres' numeric division: at least sixteen significant digits and at least
/// the scale of the sum, rounded half away from zero.
fn quotient(sum: &BigInt, scale: u32, rows: i64) -> String {
    const SIGNIFICANT: i64 = 16;
    const LARGEST_SCALE: i64 = 1000;
    let (sum_weight, sum_first) = leading(&sum.magnitude().to_string(), scale);
    let (rows_weight, rows_first) = leading(&rows.to_string(), 0);
    let weight = sum_weight - rows_weight - i64::from(sum_first <= rows_first);
    let wanted = (SIGNIFICANT - weight * 4).max(scale.into()).clamp(0, LARGEST_SCALE) as u32;

    let rows = BigInt::from(rows);
    let (up, down) = (wanted.saturating_sub(scale), scale.saturating_sub(wanted));
    let dividend: BigInt = sum * BigInt::from(10).pow(up) * 2;
    let divisor = rows * BigInt::from(10).pow(down);
    // Half of the divisor is added away from zero; the division then cuts off.
    let rounded = match dividend.sign() {
        Sign::Minus => (dividend - &divisor) / (divisor * 2),
        Sign::NoSign | Sign::Plus => (dividend + &divisor) / (divisor * 2),
    };
    decimal(&rounded, wanted)
}

/// The first digit to the base 10000 of a number, which Postgres computes with, and its power.
fn leading(digits: &str, scale: u32) -> (i64, u32) {
    if digits == "0" {
        return (0, 0);
    }
    let before_point = digits.len() as i64 - i64::from(scale);
    let power = (before_point - 1).div_euclid(4);
    let length = (before_point - 1).rem_euclid(4) + 1;
    let first = (0..length as usize)
        .map(|at| digits.as_bytes().get(at).map_or(0, |digit| u32::from(digit - b'0')))
        .fold(0, |first, digit| first * 10 + digit);
    (power, first)
}
