//! `date_trunc` and `date_bin`: the beginning of the part of time a moment is in.

use super::field::{Field, day_of_week};
use super::{Civil, DAY, HOUR, MINUTE, SECOND, is_finite, zone};
use crate::eval::error::{EvalError, Evaluated, MOMENT_OUT_OF_RANGE};
use crate::eval::interval::Interval;

/// A timestamp cut off to a precision.
pub(crate) fn truncate(name: &str, timestamp: i64) -> Evaluated<i64> {
    if !is_finite(timestamp) {
        return Ok(timestamp);
    }
    let field = precision(name, "timestamp without time zone")?;
    let unit = match field {
        Field::Microseconds => 1,
        Field::Milliseconds => 1000,
        Field::Second => SECOND,
        Field::Minute => MINUTE,
        Field::Hour => HOUR,
        Field::Day => DAY,
        _ => {
            let days = first_day(field, timestamp.div_euclid(DAY));
            return super::timestamp(days.checked_mul(DAY));
        }
    };
    Ok(timestamp - timestamp.rem_euclid(unit))
}

/// Cut off by the clocks of a zone.
pub(crate) fn truncate_in(name: &str, timestamp: i64, zone: &str) -> Evaluated<i64> {
    if !is_finite(timestamp) {
        return Ok(timestamp);
    }
    let field = precision(name, "timestamp with time zone")?;
    let zone = zone::find(zone)?;
    match field {
        // Within a day the offset stays: an hour that clocks show twice is two hours.
        Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour => {
            let local = timestamp + zone.offset(timestamp);
            super::timestamp(Some(timestamp - (local - truncate(name, local)?)))
        }
        _ => zone.to_utc(truncate(name, zone.to_local(timestamp)?)?),
    }
}

/// A span cut off to a precision.
pub(crate) fn truncate_interval(name: &str, span: Interval) -> Evaluated<Interval> {
    let months = |unit: i32| Interval { months: span.months / unit * unit, days: 0, micros: 0 };
    let micros = |unit: i64| Interval { micros: span.micros / unit * unit, ..span };
    Ok(match precision(name, "interval")? {
        Field::Microseconds => span,
        Field::Milliseconds => micros(1000),
        Field::Second => micros(SECOND),
        Field::Minute => micros(MINUTE),
        Field::Hour => micros(HOUR),
        Field::Day => Interval { micros: 0, ..span },
        Field::Month => months(1),
        Field::Quarter => months(3),
        Field::Year => months(12),
        Field::Decade => months(120),
        Field::Century => months(1200),
        Field::Millennium => months(12_000),
        _ => return Err(Field::unsupported(name, "interval")),
    })
}

/// The beginning of the part of a length a moment is in, parts being counted from an origin.
pub(crate) fn bin(stride: Interval, timestamp: i64, origin: i64) -> Evaluated<i64> {
    let wrong = |message| Err(EvalError::new(MOMENT_OUT_OF_RANGE, message));
    if !is_finite(timestamp) {
        return Ok(timestamp);
    }
    if !is_finite(origin) {
        return wrong("origin out of range");
    }
    if stride.months != 0 {
        let message = "timestamps cannot be binned into intervals containing months or years";
        return Err(EvalError::unsupported(message));
    }
    let days = i64::from(stride.days).checked_mul(DAY);
    let Some(length) = days.and_then(|days| days.checked_add(stride.micros)) else {
        return wrong("interval out of range");
    };
    if length <= 0 {
        return wrong("stride must be greater than zero");
    }
    let Some(since) = timestamp.checked_sub(origin) else {
        return wrong("interval out of range");
    };
    super::timestamp(origin.checked_add(since - since.rem_euclid(length)))
}

fn precision(name: &str, ty: &str) -> Evaluated<Field> {
    let field = Field::parse(name)?;
    match field {
        Field::Dow
        | Field::IsoDow
        | Field::Doy
        | Field::IsoYear
        | Field::Julian
        | Field::Epoch
        | Field::Timezone
        | Field::TimezoneHour
        | Field::TimezoneMinute => Err(Field::unsupported(name, ty)),
        Field::Week if ty == "interval" => Err(Field::unsupported(name, ty)),
        _ => Ok(field),
    }
}

/// The first day of the week, month and so on that a day is in.
fn first_day(field: Field, days: i64) -> i64 {
    let Civil { year, month, .. } = Civil::of(days);
    let first = |year, month| Civil { year, month, day: 1 }.days();
    match field {
        Field::Week => days - day_of_week(days) + 1,
        Field::Month => first(year, month),
        Field::Quarter => first(year, (month - 1) / 3 * 3 + 1),
        Field::Decade => first(year.div_euclid(10) * 10, 1),
        // Centuries and millennia begin with year 1.
        Field::Century => first((year - 1).div_euclid(100) * 100 + 1, 1),
        Field::Millennium => first((year - 1).div_euclid(1000) * 1000 + 1, 1),
        _ => first(year, 1),
    }
}
