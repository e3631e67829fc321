//! Moments moved by spans, and the spans between moments.

use super::{Civil, DAY, HOUR, MINUTE, Parts, SECOND, is_finite, is_finite_date, month_days};
use crate::eval::error::{EvalError, Evaluated, MOMENT_OUT_OF_RANGE};
use crate::eval::interval::Interval;

/// So many days later.
pub(crate) fn date_plus(date: i32, days: i64) -> Evaluated<i32> {
    match is_finite_date(date) {
        true => super::date(i64::from(date).checked_add(days)),
        false => Ok(date),
    }
}

/// The days from the second to the first.
pub(crate) fn date_minus(a: i32, b: i32) -> Evaluated<i64> {
    if !is_finite_date(a) || !is_finite_date(b) {
        return Err(EvalError::new(MOMENT_OUT_OF_RANGE, "cannot subtract infinite dates"));
    }
    Ok(i64::from(a) - i64::from(b))
}

/// A day at a time; `west` are the seconds of the time's zone.
pub(crate) fn date_at(date: i32, micros: i64, west: i32) -> Evaluated<i64> {
    let midnight = super::midnight(date)?;
    if !is_finite(midnight) {
        return Ok(midnight);
    }
    super::timestamp(midnight.checked_add(micros + i64::from(west) * SECOND))
}

/// First the months, on the last day of the month at the latest, then the days, then the time.
pub(crate) fn plus(timestamp: i64, span: Interval) -> Evaluated<i64> {
    if !is_finite(timestamp) {
        return Ok(timestamp);
    }
    let mut at = timestamp;
    if span.months != 0 {
        let civil = Civil::of(at.div_euclid(DAY)).plus_months(span.months.into());
        let days = civil.days().checked_mul(DAY);
        at = super::timestamp(days.and_then(|days| days.checked_add(at.rem_euclid(DAY))))?;
    }
    if span.days != 0 {
        let days = i64::from(span.days).checked_mul(DAY);
        at = super::timestamp(days.and_then(|days| at.checked_add(days)))?;
    }
    super::timestamp(at.checked_add(span.micros))
}

/// Days and time between.
pub(crate) fn minus(a: i64, b: i64) -> Evaluated<Interval> {
    if !is_finite(a) || !is_finite(b) {
        return Err(EvalError::new(MOMENT_OUT_OF_RANGE, "cannot subtract infinite timestamps"));
    }
    // Postgres 15 goes on with what is left of it in 64 bits.
    let micros = a.checked_sub(b);
    let micros = micros.ok_or_else(|| EvalError::unsupported("an interval out of range"))?;
    Interval { micros, ..Interval::default() }.justify_hours()
}

/// A time of day so much later, over midnight.
pub(crate) fn time_plus(time: i64, span: i64) -> i64 {
    // Both are far from overflow once the days are taken off.
    (time + span % DAY).rem_euclid(DAY)
}

/// Years, months, days and time between, counted down the calendar.
pub(crate) fn age(a: i64, b: i64) -> Evaluated<Interval> {
    if !is_finite(a) || !is_finite(b) {
        // Postgres 15 counts from the ends of the machine's integers here.
        return Err(EvalError::unsupported("the age of an infinite timestamp"));
    }
    let (later, earlier) = if a < b { (b, a) } else { (a, b) };
    let (x, y) = (Parts::of(later), Parts::of(earlier));
    let mut micros = x.micros - y.micros
        + (x.second - y.second) * SECOND
        + (x.minute - y.minute) * MINUTE
        + (x.hour - y.hour) * HOUR;
    let mut days = x.date.day - y.date.day;
    let mut months = (x.date.year - y.date.year) * 12 + x.date.month - y.date.month;
    if micros < 0 {
        micros += DAY;
        days -= 1;
    }
    // Days are borrowed from the month of the second argument, or the first when that is earlier:
    // of the earlier of both.
    while days < 0 {
        days += month_days(y.date.year, y.date.month);
        months -= 1;
    }
    let sign = if a < b { -1 } else { 1 };
    // No two moments of the calendar are more than 300000 years apart.
    Ok(Interval {
        months: (sign * months) as i32,
        days: (sign * days) as i32,
        micros: sign * micros,
    })
}
