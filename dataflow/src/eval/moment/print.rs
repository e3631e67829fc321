//! Moments as Postgres prints them under `DateStyle = ISO` and UTC.

use super::{Civil, DAY, HOUR, MINUTE, SECOND};
use crate::eval::int::{print as number, print_two as two};
use crate::eval::value::Draft;

/// `2024-01-31`, ` BC` after it before year 1.
pub(crate) fn date(days: i32, out: &mut Draft<'_>) {
    match days {
        i32::MIN => out.push_str("-infinity"),
        i32::MAX => out.push_str("infinity"),
        days => {
            let civil = Civil::of(days.into());
            calendar(civil, out);
            era(civil, out);
        }
    }
}

/// `2024-01-31 01:02:03.5`, a letter `T` in JSON, `+00` or `+00:00` where there is a zone.
pub(crate) fn timestamp(micros: i64, between: char, zone: &str, out: &mut Draft<'_>) {
    match micros {
        i64::MIN => out.push_str("-infinity"),
        i64::MAX => out.push_str("infinity"),
        micros => {
            let civil = Civil::of(micros.div_euclid(DAY));
            calendar(civil, out);
            out.push(between);
            time(micros.rem_euclid(DAY), out);
            out.push_str(zone);
            era(civil, out);
        }
    }
}

/// `01:02:03.5`.
pub(crate) fn time(micros: i64, out: &mut Draft<'_>) {
    two(micros / HOUR, out);
    out.push(':');
    two(micros / MINUTE % 60, out);
    out.push(':');
    two(micros / SECOND % 60, out);
    fraction(micros % SECOND, out);
}

/// `01:02:03.5+02:30`, the zone given in seconds west.
pub(crate) fn time_tz(micros: i64, west: i32, minutes: bool, out: &mut Draft<'_>) {
    time(micros, out);
    offset(west, minutes, out);
}

/// `+02`, `-03:30`, `+01:02:03`; minutes always when asked for.
pub(crate) fn offset(west: i32, minutes: bool, out: &mut Draft<'_>) {
    out.push(if west > 0 { '-' } else { '+' });
    let seconds = i64::from(west.unsigned_abs());
    two(seconds / 3600, out);
    if minutes || seconds % 3600 != 0 {
        out.push(':');
        two(seconds / 60 % 60, out);
    }
    if seconds % 60 != 0 {
        out.push(':');
        two(seconds % 60, out);
    }
}

/// `.5`, nothing for a whole second.
pub(crate) fn fraction(micros: i64, out: &mut Draft<'_>) {
    if micros == 0 {
        return;
    }
    out.push('.');
    let mut unit = SECOND / 10;
    let mut rest = micros;
    while rest > 0 {
        number(rest / unit, out);
        rest %= unit;
        unit /= 10;
    }
}

fn calendar(civil: Civil, out: &mut Draft<'_>) {
    let year = if civil.year > 0 { civil.year } else { 1 - civil.year };
    if year < 1000 {
        out.push('0');
    }
    if year < 100 {
        out.push('0');
    }
    two(year, out);
    out.push('-');
    two(civil.month, out);
    out.push('-');
    two(civil.day, out);
}

fn era(civil: Civil, out: &mut Draft<'_>) {
    if civil.year <= 0 {
        out.push_str(" BC");
    }
}
