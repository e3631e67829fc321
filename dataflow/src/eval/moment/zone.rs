//! `AT TIME ZONE`: clocks of the zones of the tz database, which is compiled in.
//!
//! Beyond the years the library counts, the rules of the last 400 years go on, as they do in
//! Postgres: the calendar repeats after that.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::{Civil, DAY, Parts, SECOND, UNIX_DAYS, is_finite};
use crate::eval::error::{BAD_PARAMETER, EvalError, Evaluated};
use crate::eval::interval::Interval;

/// A zone of clocks.
pub(crate) enum Zone {
    /// So many microseconds ahead of UTC all the time.
    Fixed(i64),
    /// By rules.
    Rules(TimeZone),
}

/// 400 years, after which the calendar repeats.
const CYCLE: i64 = 146_097 * DAY;
/// Names that Postgres takes as abbreviations of a fixed offset first, in hours, where the tz
/// database has a zone with changing clocks of that name, or one by another rule.
const FIXED: [(&str, i64); 13] = [
    ("UTC", 0),
    ("GMT", 0),
    ("UCT", 0),
    ("UT", 0),
    ("Z", 0),
    ("ZULU", 0),
    ("EST", -5),
    ("MST", -7),
    ("HST", -10),
    ("CET", 1),
    ("EET", 2),
    ("MET", 1),
    ("WET", 0),
];

/// The zone of a name, in any case.
pub(crate) fn find(name: &str) -> Evaluated<Zone> {
    let fixed = FIXED.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    if let Some((_, hours)) = fixed {
        return Ok(Zone::Fixed(hours * 3600 * SECOND));
    }
    match jiff::tz::db().get(name) {
        Ok(zone) => Ok(Zone::Rules(zone)),
        // Postgres knows more abbreviations, and rules written out: `CEST`, `UTC+3`.
        Err(_) if !name.contains('/') || name.contains(|c: char| c.is_ascii_digit()) => {
            Err(EvalError::unsupported(format!("time zone \"{name}\"")))
        }
        Err(_) => {
            let message = format!("time zone \"{name}\" not recognized");
            Err(EvalError::new(BAD_PARAMETER, message))
        }
    }
}

/// The zone of an offset.
pub(crate) fn at(offset: Interval) -> Evaluated<Zone> {
    if offset.months != 0 || offset.days != 0 {
        let message = "interval time zone must not include months or days";
        return Err(EvalError::new(BAD_PARAMETER, message));
    }
    if i32::try_from(offset.micros / SECOND).is_err() {
        // Postgres goes on with what is left of it in 32 bits.
        return Err(EvalError::unsupported("a zone is no more than 68 years from UTC"));
    }
    Ok(Zone::Fixed(offset.micros / SECOND * SECOND))
}

impl Zone {
    /// What its clocks show at a moment of UTC.
    pub fn to_local(&self, utc: i64) -> Evaluated<i64> {
        if !is_finite(utc) {
            return Ok(utc);
        }
        super::timestamp(utc.checked_add(self.offset(utc)))
    }

    /// When its clocks show a time. One they leave out is taken by the offset before the gap, one
    /// they show twice by the offset after it.
    pub fn to_utc(&self, local: i64) -> Evaluated<i64> {
        if !is_finite(local) {
            return Ok(local);
        }
        let ahead = match self {
            Zone::Fixed(ahead) => *ahead,
            Zone::Rules(zone) => {
                let (near, _) = nearer(local);
                match civil(near).map(|near| zone.to_ambiguous_zoned(near).offset()) {
                    Some(AmbiguousOffset::Unambiguous { offset }) => micros(offset),
                    Some(AmbiguousOffset::Gap { before, .. }) => micros(before),
                    Some(AmbiguousOffset::Fold { after, .. }) => micros(after),
                    None => 0,
                }
            }
        };
        super::timestamp(local.checked_sub(ahead))
    }

    /// How far its clocks are ahead of UTC, in microseconds, at a moment that is finite.
    pub fn offset(&self, utc: i64) -> i64 {
        match self {
            Zone::Fixed(ahead) => *ahead,
            Zone::Rules(zone) => {
                let (near, _) = nearer(utc);
                let since_1970 = near + UNIX_DAYS * DAY;
                let found = Timestamp::from_microsecond(since_1970);
                // Years that near are counted by the library.
                found.map_or(0, |at| micros(zone.to_offset(at)))
            }
        }
    }
}

/// The same moment so many cycles of the calendar before or after, where the library counts.
fn nearer(timestamp: i64) -> (i64, i64) {
    const AHEAD: i64 = 7000 * 365 * DAY;
    const BEHIND: i64 = -11_000 * 365 * DAY;
    let cycles = match timestamp {
        AHEAD.. => (timestamp - AHEAD) / CYCLE + 1,
        ..BEHIND => (timestamp - BEHIND) / CYCLE - 1,
        _ => 0,
    };
    (timestamp - cycles * CYCLE, cycles)
}

fn micros(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * SECOND
}

fn civil(local: i64) -> Option<DateTime> {
    let parts = Parts::of(local);
    let Civil { year, month, day } = parts.date;
    DateTime::new(
        i16::try_from(year).ok()?,
        month as i8,
        day as i8,
        parts.hour as i8,
        parts.minute as i8,
        parts.second as i8,
        parts.micros as i32 * 1000,
    )
    .ok()
}
