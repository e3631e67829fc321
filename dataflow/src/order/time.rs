//! Dates and times in order, from ISO text: `2024-01-31`, `03:04:05.6`, `2024-01-31 03:04:05+00`,
//! years past 9999, ` BC` at the end, and the two infinities. Counted from 2000 as Postgres does: from
//! 1970 its last timestamps would not fit.

use super::number::signed;

const MICROS_OF_SECOND: i64 = 1_000_000;
const MICROS_OF_DAY: i64 = 86_400 * MICROS_OF_SECOND;

/// Appends a date: days since 2000, the infinities at the ends of the range.
pub(super) fn date(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&signed(days_of(text)?));
    Some(())
}

/// Appends a time of day: microseconds.
pub(super) fn time(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&signed(micros_of_day(text)?));
    Some(())
}

/// Appends a timestamp: microseconds since 2000 in UTC.
pub(super) fn timestamp(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&signed(micros_of(text)?));
    Some(())
}

/// The days of a date since 2000; the infinities are the ends of the range.
pub(crate) fn days_of(text: &[u8]) -> Option<i64> {
    if let Some(end) = infinite(text) {
        return Some(end);
    }
    let (text, before_christ) = era(text);
    let (days, rest) = days(text, before_christ)?;
    rest.is_empty().then_some(days)
}

/// The microseconds of a time of day.
pub(crate) fn micros_of_day(text: &[u8]) -> Option<i64> {
    let (micros, rest) = micros(text)?;
    rest.is_empty().then_some(micros)
}

/// The microseconds of a timestamp since 2000 in UTC; the infinities are the ends of the range.
/// Without a zone UTC is meant, without a time midnight.
pub(crate) fn micros_of(text: &[u8]) -> Option<i64> {
    if let Some(end) = infinite(text) {
        return Some(end);
    }
    let (text, before_christ) = era(text);
    let (days, rest) = days(text, before_christ)?;
    let (time, zone) = match rest.split_first() {
        None => (0, rest),
        Some((b' ' | b'T', rest)) => micros(rest)?,
        Some(_) => return None,
    };
    days.checked_mul(MICROS_OF_DAY)?.checked_add(time - offset(zone)?)
}

fn infinite(text: &[u8]) -> Option<i64> {
    match text {
        b"infinity" => Some(i64::MAX),
        b"-infinity" => Some(i64::MIN),
        _ => None,
    }
}

/// The text without ` BC`, and whether it had it.
fn era(text: &[u8]) -> (&[u8], bool) {
    text.strip_suffix(b" BC").map_or((text, false), |text| (text, true))
}

/// The days since 2000 of the date a text begins with, and what follows it.
fn days(text: &[u8], before_christ: bool) -> Option<(i64, &[u8])> {
    let (year, rest) = digits(text)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if before_christ { 1 - year } else { year };
    // Years from March, so that the leap day is the last; eras of 400 years repeat.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 730_425, rest))
}

/// The microseconds of the time a text begins with, and what follows it. 24:00:00 is a time.
fn micros(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = digits(text)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?)?;
    let (second, mut rest) = match rest.strip_prefix(b":") {
        Some(rest) => digits(rest)?,
        None => (0, rest),
    };
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let (value, after) = digits(fraction)?;
        let places = u32::try_from(fraction.len() - after.len()).ok()?;
        micros = value * 10i64.pow(6u32.checked_sub(places)?);
        rest = after;
    }
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    Some((((hour * 60 + minute) * 60 + second) * MICROS_OF_SECOND + micros, rest))
}

/// The microseconds a zone, `+05:30` or none, is ahead of UTC.
pub(crate) fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone.split_first() {
        None => return Some(0),
        Some((b'Z', [])) => return Some(0),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return None,
    };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in rest.split(|byte| *byte == b':') {
        let (value, after) = digits(part)?;
        if !after.is_empty() || unit == 0 {
            return None;
        }
        seconds += value * unit;
        unit /= 60;
    }
    Some(sign * seconds * MICROS_OF_SECOND)
}

/// The number of at most nine digits a text begins with, and what follows it.
fn digits(text: &[u8]) -> Option<(i64, &[u8])> {
    let mut value = 0;
    let mut length = 0;
    while let Some(digit) = text.get(length).filter(|byte| byte.is_ascii_digit()) {
        value = value * 10 + i64::from(digit - b'0');
        length += 1;
        if length > 9 {
            return None;
        }
    }
    (length > 0).then(|| (value, &text[length..]))
}
