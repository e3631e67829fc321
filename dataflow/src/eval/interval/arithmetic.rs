//! Spans added, multiplied and brought into shape, part by part, as Postgres does.

use super::Interval;
use crate::eval::error::{EvalError, Evaluated};
use crate::eval::moment::DAY;

const SECONDS_OF_DAY: f64 = 86_400.0;
const DAYS_OF_MONTH: f64 = 30.0;

impl Interval {
    /// Both together.
    pub fn plus(self, other: Interval) -> Evaluated<Interval> {
        made(
            self.months.checked_add(other.months),
            self.days.checked_add(other.days),
            self.micros.checked_add(other.micros),
        )
    }

    /// The first without the second.
    pub fn minus(self, other: Interval) -> Evaluated<Interval> {
        made(
            self.months.checked_sub(other.months),
            self.days.checked_sub(other.days),
            self.micros.checked_sub(other.micros),
        )
    }

    /// Backwards.
    pub fn negate(self) -> Evaluated<Interval> {
        made(self.months.checked_neg(), self.days.checked_neg(), self.micros.checked_neg())
    }

    /// So many times as long. What a part loses as a fraction goes to the parts below it.
    pub fn times(self, factor: f64) -> Evaluated<Interval> {
        self.scaled(|part| part * factor)
    }

    /// A part of it.
    pub fn over(self, divisor: f64) -> Evaluated<Interval> {
        if divisor == 0.0 {
            return Err(EvalError::division_by_zero());
        }
        self.scaled(|part| part / divisor)
    }

    fn scaled(self, scale: impl Fn(f64) -> f64) -> Evaluated<Interval> {
        let whole = |value: f64| {
            let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value);
            // Cut off, not rounded.
            fits.then_some(value as i32).ok_or_else(out_of_range)
        };
        let (month_part, day_part) = (scale(self.months.into()), scale(self.days.into()));
        let (months, mut days) = (whole(month_part)?, whole(day_part)?);
        let rest_days = to_micros((month_part - f64::from(months)) * DAYS_OF_MONTH);
        let rest_day = day_part - f64::from(days) + rest_days - rest_days.trunc();
        let mut seconds = to_micros(rest_day * SECONDS_OF_DAY);
        if seconds.abs() >= SECONDS_OF_DAY {
            let more = (seconds / SECONDS_OF_DAY).trunc();
            days = days.checked_add(more as i32).ok_or_else(out_of_range)?;
            seconds -= more * SECONDS_OF_DAY;
        }
        days = days.checked_add(rest_days as i32).ok_or_else(out_of_range)?;
        let micros = (scale(self.micros as f64) + seconds * 1e6).round_ties_even();
        let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros);
        let micros = fits.then_some(micros as i64).ok_or_else(out_of_range)?;
        Ok(Interval { months, days, micros })
    }

    /// 24 hours become a day.
    pub fn justify_hours(self) -> Evaluated<Interval> {
        let more = i32::try_from(self.micros / DAY).ok();
        let days = more.and_then(|more| self.days.checked_add(more)).ok_or_else(out_of_range)?;
        Ok(Interval { days, micros: self.micros % DAY, ..self }.hours_to_sign_of_days())
    }

    /// 30 days become a month.
    pub fn justify_days(self) -> Evaluated<Interval> {
        let months = self.months.checked_add(self.days / 30).ok_or_else(out_of_range)?;
        let mut justified = Interval { months, days: self.days % 30, ..self };
        if justified.months > 0 && justified.days < 0 {
            justified.days += 30;
            justified.months -= 1;
        } else if justified.months < 0 && justified.days > 0 {
            justified.days -= 30;
            justified.months += 1;
        }
        Ok(justified)
    }

    /// Both, and all parts of one sign.
    pub fn justify(self) -> Evaluated<Interval> {
        let mut it = self;
        // First, lest the days overflow.
        if it.days > 0 && it.micros > 0 || it.days < 0 && it.micros < 0 {
            it.months = it.months.checked_add(it.days / 30).ok_or_else(out_of_range)?;
            it.days %= 30;
        }
        // The microseconds of a span are fewer days than an integer holds.
        it.days = it.days.checked_add((it.micros / DAY) as i32).ok_or_else(out_of_range)?;
        it.micros %= DAY;
        it.months = it.months.checked_add(it.days / 30).ok_or_else(out_of_range)?;
        it.days %= 30;
        if it.months > 0 && (it.days < 0 || it.days == 0 && it.micros < 0) {
            it.days += 30;
            it.months -= 1;
        } else if it.months < 0 && (it.days > 0 || it.days == 0 && it.micros > 0) {
            it.days -= 30;
            it.months += 1;
        }
        Ok(it.hours_to_sign_of_days())
    }

    fn hours_to_sign_of_days(mut self) -> Interval {
        if self.days > 0 && self.micros < 0 {
            self.micros += DAY;
            self.days -= 1;
        } else if self.days < 0 && self.micros > 0 {
            self.micros -= DAY;
            self.days += 1;
        }
        self
    }
}

fn made(months: Option<i32>, days: Option<i32>, micros: Option<i64>) -> Evaluated<Interval> {
    match (months, days, micros) {
        (Some(months), Some(days), Some(micros)) => Ok(Interval { months, days, micros }),
        _ => Err(out_of_range()),
    }
}

/// Rounded to six digits after the point, where floats have lost the rest anyway.
fn to_micros(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}

#[cold]
pub(super) fn out_of_range() -> EvalError {
    EvalError::moment_out_of_range("interval")
}
