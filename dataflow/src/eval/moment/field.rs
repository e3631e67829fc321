//! `extract` and `date_part`: one field of a moment.
//!
//! `extract` gives a `numeric` with as many digits as the field can have; `date_part` a float,
//! computed on its own way.

use super::{Civil, DAY, HOUR, JULIAN, MINUTE, Parts, SECOND, UNIX_DAYS, is_finite};
use crate::eval::error::{BAD_PARAMETER, EvalError, Evaluated};
use crate::eval::interval::Interval;
use crate::eval::numeric::Numeric;
use crate::eval::value::Arena;

/// The fields by their nature, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Field {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Dow,
    IsoDow,
    Doy,
    IsoYear,
    Julian,
    Epoch,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

impl Field {
    /// By any of its names, in any case.
    pub fn parse(name: &str) -> Evaluated<Field> {
        let mut lowered = [0; 16];
        let lowered = match lowered.get_mut(..name.len()) {
            Some(buffer) => {
                buffer.copy_from_slice(name.as_bytes());
                buffer.make_ascii_lowercase();
                &*buffer
            }
            None => b"",
        };
        Ok(match lowered {
            b"us" | b"usec" | b"usecs" | b"usecond" | b"useconds" | b"microsecond"
            | b"microseconds" => Field::Microseconds,
            b"ms" | b"msec" | b"msecs" | b"msecond" | b"mseconds" | b"millisecond"
            | b"milliseconds" => Field::Milliseconds,
            b"s" | b"sec" | b"secs" | b"second" | b"seconds" => Field::Second,
            b"m" | b"min" | b"mins" | b"minute" | b"minutes" => Field::Minute,
            b"h" | b"hr" | b"hrs" | b"hour" | b"hours" => Field::Hour,
            b"d" | b"day" | b"days" => Field::Day,
            b"w" | b"week" | b"weeks" => Field::Week,
            b"mon" | b"mons" | b"month" | b"months" => Field::Month,
            b"qtr" | b"quarter" => Field::Quarter,
            b"y" | b"yr" | b"yrs" | b"year" | b"years" => Field::Year,
            b"dec" | b"decs" | b"decade" | b"decades" => Field::Decade,
            b"c" | b"cent" | b"century" | b"centuries" => Field::Century,
            b"mil" | b"mils" | b"millennium" | b"millennia" => Field::Millennium,
            b"dow" => Field::Dow,
            b"isodow" => Field::IsoDow,
            b"doy" => Field::Doy,
            b"isoyear" => Field::IsoYear,
            b"j" | b"jd" | b"julian" => Field::Julian,
            b"epoch" => Field::Epoch,
            b"timezone" => Field::Timezone,
            b"timezone_h" | b"timezone_hour" => Field::TimezoneHour,
            b"timezone_m" | b"timezone_minute" => Field::TimezoneMinute,
            _ => {
                let message = format!("unit \"{name}\" not recognized");
                return Err(EvalError::new(BAD_PARAMETER, message));
            }
        })
    }

    /// What all types but one have.
    pub fn unsupported(name: &str, ty: &str) -> EvalError {
        EvalError::unsupported(format!("unit \"{name}\" not supported for type {ty}"))
    }

    /// Whether it grows with time, so that it is infinite when the moment is.
    fn grows(self) -> bool {
        use Field::{Century, Decade, Epoch, IsoYear, Julian, Millennium, Year};
        matches!(self, Year | Decade | Century | Millennium | Julian | IsoYear | Epoch)
    }
}

/// What a field of a moment is: whole, or with digits after the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    /// A whole number.
    Whole(i64),
    /// Microseconds of a unit: the value, and the power of ten that the unit has.
    Micros(i64, u16),
    /// The seconds of a span.
    Epoch(Interval),
    /// A day and the microseconds since its beginning.
    Julian(i64, i64),
    /// Beyond all.
    Infinite(bool),
    /// NULL.
    Nothing,
}

impl Found {
    /// As `extract` gives it.
    pub fn numeric<'a>(self, arena: &'a Arena) -> Evaluated<Option<Numeric<'a>>> {
        Ok(Some(match self {
            Found::Whole(value) => Numeric::int(value),
            Found::Micros(digits, scale) => Numeric::Small { digits: digits.into(), scale },
            Found::Epoch(span) => Numeric::Small { digits: epoch(span)?.into(), scale: 6 },
            Found::Julian(day, micros) => {
                let part = Numeric::int(micros).divide(Numeric::int(DAY), arena)?;
                Numeric::int(day).add(part, arena)?
            }
            Found::Infinite(true) => Numeric::Infinity,
            Found::Infinite(false) => Numeric::NegativeInfinity,
            Found::Nothing => return Ok(None),
        }))
    }

    /// As `date_part` gives it.
    pub fn float(self) -> Option<f64> {
        Some(match self {
            Found::Whole(value) => value as f64,
            // Seconds are added up of whole ones and a fraction there; the sum is the same.
            Found::Micros(value, scale) => match scale {
                6 if (0..60 * SECOND).contains(&value) => {
                    (value / SECOND) as f64 + (value % SECOND) as f64 / 1e6
                }
                3 => (value / SECOND) as f64 * 1000.0 + (value % SECOND) as f64 / 1000.0,
                _ => value as f64 / 1e6,
            },
            // Part by part, as the sum of floats depends on their order.
            Found::Epoch(span) => {
                let (years, months) = (span.months / 12, span.months % 12);
                let mut seconds = span.micros as f64 / 1e6;
                seconds += 365.25 * 86_400.0 * f64::from(years);
                seconds += 30.0 * 86_400.0 * f64::from(months);
                seconds + 86_400.0 * f64::from(span.days)
            }
            Found::Julian(day, micros) => {
                let seconds = (micros / SECOND) as f64 + (micros % SECOND) as f64 / 1e6;
                day as f64 + seconds / 86_400.0
            }
            Found::Infinite(true) => f64::INFINITY,
            Found::Infinite(false) => f64::NEG_INFINITY,
            Found::Nothing => return None,
        })
    }
}

/// Of a timestamp; with a zone, the one of UTC.
pub(crate) fn of_timestamp(name: &str, timestamp: i64, zoned: bool) -> Evaluated<Found> {
    let field = Field::parse(name)?;
    if !zoned && matches!(field, Field::Timezone | Field::TimezoneHour | Field::TimezoneMinute) {
        return Err(Field::unsupported(name, "timestamp without time zone"));
    }
    if !is_finite(timestamp) {
        let whole = if field.grows() { Found::Infinite(timestamp > 0) } else { Found::Nothing };
        return Ok(whole);
    }
    let parts = Parts::of(timestamp);
    Ok(match field {
        Field::Microseconds => Found::Whole(parts.second * SECOND + parts.micros),
        Field::Milliseconds => Found::Micros(parts.second * SECOND + parts.micros, 3),
        Field::Second => Found::Micros(parts.second * SECOND + parts.micros, 6),
        Field::Minute => Found::Whole(parts.minute),
        Field::Hour => Found::Whole(parts.hour),
        Field::Julian => Found::Julian(parts.days + JULIAN, timestamp.rem_euclid(DAY)),
        Field::Epoch => {
            let micros = timestamp.checked_add(UNIX_DAYS * DAY);
            let late = || EvalError::unsupported("the epoch of so late a timestamp");
            Found::Micros(micros.ok_or_else(late)?, 6)
        }
        Field::Timezone | Field::TimezoneHour | Field::TimezoneMinute => Found::Whole(0),
        calendar => Found::Whole(of_calendar(calendar, parts.date, parts.days)),
    })
}

/// Of a date; only fields of the calendar.
pub(crate) fn of_date(name: &str, date: i32) -> Evaluated<Found> {
    let field = Field::parse(name)?;
    let days = i64::from(date);
    match field {
        Field::Microseconds
        | Field::Milliseconds
        | Field::Second
        | Field::Minute
        | Field::Hour
        | Field::Timezone
        | Field::TimezoneHour
        | Field::TimezoneMinute => Err(Field::unsupported(name, "date")),
        _ if !super::is_finite_date(date) => {
            Ok(if field.grows() { Found::Infinite(date > 0) } else { Found::Nothing })
        }
        Field::Epoch => Ok(Found::Whole((days + UNIX_DAYS) * 86_400)),
        Field::Julian => Ok(Found::Whole(days + JULIAN)),
        calendar => Ok(Found::Whole(of_calendar(calendar, Civil::of(days), days))),
    }
}

/// Of a time of day, its zone so many seconds west when it has one.
pub(crate) fn of_time(name: &str, micros: i64, west: Option<i32>) -> Evaluated<Found> {
    let ty = match west {
        None => "time without time zone",
        Some(_) => "time with time zone",
    };
    let east = -i64::from(west.unwrap_or(0));
    Ok(match (Field::parse(name)?, west) {
        (Field::Microseconds, _) => Found::Whole(micros % MINUTE),
        (Field::Milliseconds, _) => Found::Micros(micros % MINUTE, 3),
        (Field::Second, _) => Found::Micros(micros % MINUTE, 6),
        (Field::Minute, _) => Found::Whole(micros / MINUTE % 60),
        (Field::Hour, _) => Found::Whole(micros / HOUR),
        (Field::Epoch, _) => Found::Micros(micros - east * SECOND, 6),
        (Field::Timezone, Some(_)) => Found::Whole(east),
        (Field::TimezoneHour, Some(_)) => Found::Whole(east / 3600),
        (Field::TimezoneMinute, Some(_)) => Found::Whole(east / 60 % 60),
        _ => return Err(Field::unsupported(name, ty)),
    })
}

/// Of a span.
pub(crate) fn of_interval(name: &str, span: Interval) -> Evaluated<Found> {
    let months = i64::from(span.months);
    let years = months / 12;
    Ok(match Field::parse(name)? {
        Field::Microseconds => Found::Whole(span.micros % MINUTE),
        Field::Milliseconds => Found::Micros(span.micros % MINUTE, 3),
        Field::Second => Found::Micros(span.micros % MINUTE, 6),
        Field::Minute => Found::Whole(span.micros / MINUTE % 60),
        Field::Hour => Found::Whole(span.micros / HOUR),
        Field::Day => Found::Whole(span.days.into()),
        Field::Month => Found::Whole(months % 12),
        Field::Quarter => Found::Whole(months % 12 / 3 + 1),
        Field::Year => Found::Whole(years),
        Field::Decade => Found::Whole(years / 10),
        Field::Century => Found::Whole(years / 100),
        Field::Millennium => Found::Whole(years / 1000),
        Field::Epoch => Found::Epoch(span),
        _ => return Err(Field::unsupported(name, "interval")),
    })
}

/// The microseconds of a span. A year has 365.25 days here, a month beyond it thirty.
fn epoch(span: Interval) -> Evaluated<i64> {
    let (years, months) = (i64::from(span.months / 12), i64::from(span.months % 12));
    let quarter_days = 1461 * years + 120 * months + 4 * i64::from(span.days);
    let seconds = i128::from(quarter_days) * (86_400 / 4);
    let micros = seconds * i128::from(SECOND) + i128::from(span.micros);
    i64::try_from(micros).map_err(|_| EvalError::unsupported("the epoch of so long an interval"))
}

fn of_calendar(field: Field, date: Civil, days: i64) -> i64 {
    let Civil { year, month, day } = date;
    match field {
        Field::Day => day,
        Field::Week => iso_week(days).1,
        Field::Month => month,
        Field::Quarter => (month - 1) / 3 + 1,
        // There is no year 0: the year before 1 is −1.
        Field::Year => before_christ(year),
        Field::Decade => year.div_euclid(10),
        Field::Century => ordinal(year, 100),
        Field::Millennium => ordinal(year, 1000),
        Field::Dow => day_of_week(days) % 7,
        Field::IsoDow => day_of_week(days),
        Field::Doy => day_of_year(date, days),
        Field::IsoYear => before_christ(iso_week(days).0),
        _ => 0,
    }
}

fn before_christ(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

/// Which century or millennium a year is in; they begin with year 1.
fn ordinal(year: i64, length: i64) -> i64 {
    match year {
        1.. => (year + length - 1) / length,
        _ => -((length - year) / length),
    }
}

/// Monday is 1, Sunday 7; the first of January 2000 was a Saturday.
pub(crate) fn day_of_week(days: i64) -> i64 {
    (days + 5).rem_euclid(7) + 1
}

/// From 1.
pub(crate) fn day_of_year(date: Civil, days: i64) -> i64 {
    days - Civil { month: 1, day: 1, ..date }.days() + 1
}

/// The year and the week of ISO 8601: the week is of the year its Thursday is in.
pub(crate) fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - day_of_week(days) + 4;
    let year = Civil::of(thursday).year;
    let first = Civil { year, month: 1, day: 1 }.days();
    (year, (thursday - first) / 7 + 1)
}
