//! Moments made of numbers.

use super::{Civil, DAY, HOUR, MINUTE, SECOND, UNIX_DAYS, month_days};
use crate::eval::error::{EvalError, Evaluated, MOMENT_OUT_OF_RANGE};
use crate::eval::interval::Interval;

/// Of year, month and day; years before 1 are negative, and there is no year 0.
pub(crate) fn date(year: i64, month: i64, day: i64) -> Evaluated<i32> {
    super::date(Some(days(year, month, day)?))
}

fn days(year: i64, month: i64, day: i64) -> Evaluated<i64> {
    let astronomical = if year < 0 { year + 1 } else { year };
    if year == 0
        || !(1..=12).contains(&month)
        || !(1..=month_days(astronomical, month)).contains(&day)
    {
        let message = format!("date field value out of range: {year}-{month:02}-{day:02}");
        return Err(EvalError::new(MOMENT_OUT_OF_RANGE, message));
    }
    Ok(Civil { year: astronomical, month, day }.days())
}

/// Of hour, minute and second; 24:00:00 and second 60 are let pass.
pub(crate) fn time(hour: i64, minute: i64, second: f64) -> Evaluated<i64> {
    let wrong = || {
        let message = format!("time field value out of range: {hour}:{minute:02}:{second:02}");
        EvalError::new(MOMENT_OUT_OF_RANGE, message)
    };
    let micros = (second * 1e6).round_ties_even();
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..=60e6).contains(&micros) {
        return Err(wrong());
    }
    let time = hour * HOUR + minute * MINUTE + micros as i64;
    if time > DAY { Err(wrong()) } else { Ok(time) }
}

/// Of all of them.
pub(crate) fn timestamp(
    [year, month, day]: [i64; 3],
    [hour, minute]: [i64; 2],
    second: f64,
) -> Evaluated<i64> {
    let days = days(year, month, day)?;
    let time = time(hour, minute, second)?;
    super::timestamp(days.checked_mul(DAY).and_then(|days| days.checked_add(time)))
}

/// Of years, months, weeks, days, hours and minutes, and seconds.
pub(crate) fn interval(parts: [i64; 6], seconds: f64) -> Evaluated<Interval> {
    let [years, months, weeks, days, hours, minutes] = parts;
    let micros = (seconds * 1e6).round_ties_even();
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros);
    let made = || {
        Some(Interval {
            months: i32::try_from(years * 12 + months).ok()?,
            days: i32::try_from(weeks * 7 + days).ok()?,
            micros: (hours * HOUR + minutes * MINUTE)
                .checked_add(fits.then_some(micros as i64)?)?,
        })
    };
    if seconds.is_nan() || seconds.is_infinite() {
        return Err(EvalError::moment_out_of_range("interval"));
    }
    // Postgres 15 wraps around here.
    made().ok_or_else(|| EvalError::unsupported("an interval of this length"))
}

/// So many seconds after 1970.
pub(crate) fn from_epoch(seconds: f64) -> Evaluated<i64> {
    let wrong = || EvalError::moment_out_of_range("timestamp");
    if seconds.is_nan() {
        return Err(EvalError::new(MOMENT_OUT_OF_RANGE, "timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(if seconds > 0.0 { i64::MAX } else { i64::MIN });
    }
    let since_2000 = seconds - (UNIX_DAYS * DAY / SECOND) as f64;
    let micros = (since_2000 * 1e6).round_ties_even();
    // What does not fit in 64 bits is beyond the calendar too.
    if !(-9.2e18..9.223_371_4e18).contains(&micros) {
        return Err(wrong());
    }
    super::timestamp(Some(micros as i64))
}
