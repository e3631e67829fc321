//! Dates and times: days and microseconds counted from the first of January 2000, as Postgres does.
//! The session's zone is UTC.
//!
//! The ends of the ranges of the machine's integers are the infinities; what lies beyond the
//! calendar Postgres knows is an error, never a moment.

pub(crate) mod arithmetic;
pub(crate) mod bins;
pub(crate) mod field;
pub(crate) mod make;
pub(crate) mod print;
pub(crate) mod read;
pub(crate) mod zone;

use super::error::{EvalError, Evaluated};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Days from 1970 to 2000.
pub(crate) const UNIX_DAYS: i64 = 10_957;
/// The Julian day number of the first of January 2000.
pub(crate) const JULIAN: i64 = 2_451_545;

/// The first day of the calendar, in 4714 BC.
const FIRST_DAY: i64 = -JULIAN;
/// The first day beyond the dates.
const END_OF_DATES: i64 = 2_145_031_949;
/// The first day beyond the timestamps, in 294277.
const END_OF_TIMESTAMPS: i64 = 106_751_983;

/// A day of the calendar; the year before 1 is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

/// A moment taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub date: Civil,
    /// Days since 2000.
    pub days: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub micros: i64,
}

impl Civil {
    /// Of a day since 2000. Years begin in March here, so that the leap day is their last; eras of
    /// 400 years repeat.
    pub fn of(days: i64) -> Civil {
        let days = days + 730_425;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil { year, month, day }
    }

    /// The day since 2000.
    pub fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 730_425
    }

    /// So many months later, on the last day of the month at the latest.
    pub fn plus_months(self, months: i64) -> Civil {
        let month = self.year * 12 + self.month - 1 + months;
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        Civil { year, month, day: self.day.min(month_days(year, month)) }
    }
}

impl Parts {
    /// Of a finite timestamp.
    pub fn of(timestamp: i64) -> Parts {
        let days = timestamp.div_euclid(DAY);
        let time = timestamp.rem_euclid(DAY);
        Parts {
            date: Civil::of(days),
            days,
            hour: time / HOUR,
            minute: time / MINUTE % 60,
            second: time / SECOND % 60,
            micros: time % SECOND,
        }
    }
}

/// Days of a month.
pub(crate) fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether it is neither of the infinities.
pub(crate) fn is_finite(timestamp: i64) -> bool {
    timestamp != i64::MIN && timestamp != i64::MAX
}

/// Whether it is neither of the infinities.
pub(crate) fn is_finite_date(date: i32) -> bool {
    date != i32::MIN && date != i32::MAX
}

/// A day, if the calendar has it.
pub(crate) fn date(days: Option<i64>) -> Evaluated<i32> {
    days.filter(|days| (FIRST_DAY..END_OF_DATES).contains(days))
        .map(|days| days as i32)
        .ok_or_else(|| EvalError::moment_out_of_range("date"))
}

/// A timestamp, if the calendar has it.
pub(crate) fn timestamp(micros: Option<i64>) -> Evaluated<i64> {
    micros
        .filter(|micros| (FIRST_DAY * DAY..END_OF_TIMESTAMPS * DAY).contains(micros))
        .ok_or_else(|| EvalError::moment_out_of_range("timestamp"))
}

/// Midnight of a day.
pub(crate) fn midnight(date: i32) -> Evaluated<i64> {
    match date {
        i32::MIN => Ok(i64::MIN),
        i32::MAX => Ok(i64::MAX),
        days if i64::from(days) < END_OF_TIMESTAMPS => Ok(i64::from(days) * DAY),
        _ => Err(EvalError::moment_out_of_range("date out of range for timestamp: date")),
    }
}

/// The day of a timestamp.
pub(crate) fn day_of(timestamp: i64) -> i32 {
    match timestamp {
        i64::MIN => i32::MIN,
        i64::MAX => i32::MAX,
        // Fewer days than microseconds, and those of the calendar fit.
        _ => timestamp.div_euclid(DAY) as i32,
    }
}

/// Microseconds to so many digits of a second, half away from zero.
pub(crate) fn to_fraction(micros: i64, digits: u8) -> i64 {
    if !is_finite(micros) || digits >= 6 {
        return micros;
    }
    let unit = 10i64.pow(u32::from(6 - digits));
    let rounded = (micros.unsigned_abs() + unit as u64 / 2) / unit as u64 * unit as u64;
    if micros < 0 { -(rounded as i64) } else { rounded as i64 }
}
