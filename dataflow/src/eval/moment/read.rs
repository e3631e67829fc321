//! Moments from text. What Postgres prints is read here; what people write goes through the forms
//! that literals of the files may have.

use flusso_compiler::types::{SqlType, canonical};

use super::SECOND;
use crate::eval::error::{EvalError, Evaluated};
use crate::order::time;

/// A date; the infinities at the ends.
pub(crate) fn date(text: &str) -> Evaluated<i32> {
    let days = match time::days_of(text.as_bytes()) {
        Some(days) => Some(days),
        None => time::days_of(written(&SqlType::Date, text)?.as_bytes()),
    };
    match days {
        Some(i64::MIN) => Ok(i32::MIN),
        Some(i64::MAX) => Ok(i32::MAX),
        Some(days) => super::date(Some(days)),
        None => Err(EvalError::bad_moment("date", text)),
    }
}

/// A time of day in microseconds.
pub(crate) fn time(text: &str) -> Evaluated<i64> {
    let read = |text: &str| time::micros_of_day(text.as_bytes());
    match read(text) {
        Some(micros) => Some(micros),
        None => read(&written(&SqlType::Time, text)?),
    }
    .ok_or_else(|| EvalError::bad_moment("time", text))
}

/// A time of day and the seconds its zone is west of UTC.
pub(crate) fn time_tz(text: &str) -> Evaluated<(i64, i32)> {
    let read = |text: &str| {
        let at = text.find(['+', '-'])?;
        let micros = time::micros_of_day(&text.as_bytes()[..at])?;
        let east = time::offset(&text.as_bytes()[at..])?;
        Some((micros, i32::try_from(-east / SECOND).ok()?))
    };
    match read(text) {
        Some(read) => Some(read),
        None => read(&written(&SqlType::TimeTz, text)?),
    }
    .ok_or_else(|| EvalError::bad_moment("time with time zone", text))
}

/// A timestamp without a zone; the infinities at the ends.
pub(crate) fn timestamp(text: &str) -> Evaluated<i64> {
    moment(&SqlType::Timestamp, text)
}

/// A timestamp in UTC; the infinities at the ends.
pub(crate) fn timestamp_tz(text: &str) -> Evaluated<i64> {
    moment(&SqlType::TimestampTz, text)
}

fn moment(ty: &SqlType, text: &str) -> Evaluated<i64> {
    // A zone in a text for a type without one is passed over, which the written forms see to.
    let zoned = *ty == SqlType::TimestampTz;
    let printed = match text.as_bytes() {
        [.., b'+', _, _] => zoned,
        [.., _] => !zoned && !text.contains(['+', 'Z']),
        [] => false,
    };
    let read = match printed.then(|| time::micros_of(text.as_bytes())).flatten() {
        Some(micros) => Some(micros),
        None => time::micros_of(written(ty, text)?.as_bytes()),
    };
    match read {
        Some(infinite @ (i64::MIN | i64::MAX)) => Ok(infinite),
        Some(micros) => super::timestamp(Some(micros)),
        None => Err(EvalError::bad_moment(&ty.to_string(), text)),
    }
}

fn written(ty: &SqlType, text: &str) -> Evaluated<String> {
    canonical(ty, text).map_err(|_| EvalError::bad_moment(&ty.to_string(), text))
}
