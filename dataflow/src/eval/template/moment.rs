//! Dates, times and spans by a template: `YYYY-MM-DD HH24:MI:SS`, `FMDay, DDth Month`.

use std::fmt::Write;

use super::ordinal;
use super::tokens::{Key, Token, tokens};
use crate::eval::error::{BAD_MOMENT, EvalError, Evaluated};
use crate::eval::interval::Interval;
use crate::eval::moment::field::{day_of_week, day_of_year, iso_week};
use crate::eval::moment::{Civil, HOUR, JULIAN, MINUTE, Parts, SECOND};
use crate::eval::value::{Arena, Draft};

/// The key words. Names of several cases are told apart by how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Era,
    Noon,
    Century,
    DayName,
    DayOfYear,
    Day,
    ShortDayName,
    DayOfWeek,
    Fraction(u8),
    Hour24,
    Hour12,
    IsoDayOfYear,
    IsoDayOfWeek,
    IsoWeek,
    IsoYear(u8),
    Julian,
    Minute,
    Month,
    MonthName,
    ShortMonthName,
    Milliseconds,
    Offset,
    Quarter,
    Roman,
    SecondsOfDay,
    Second,
    ZoneHours,
    ZoneMinutes,
    Zone,
    Microseconds,
    WeekOfYear,
    WeekOfMonth,
    YearWithComma,
    Year(u8),
}

/// Longer ones before those they begin with.
const WORDS: &[(&str, Word)] = &[
    ("A.D.", Word::Era),
    ("A.M.", Word::Noon),
    ("AD", Word::Era),
    ("AM", Word::Noon),
    ("B.C.", Word::Era),
    ("BC", Word::Era),
    ("CC", Word::Century),
    ("DAY", Word::DayName),
    ("DDD", Word::DayOfYear),
    ("DD", Word::Day),
    ("DY", Word::ShortDayName),
    ("D", Word::DayOfWeek),
    ("FF1", Word::Fraction(1)),
    ("FF2", Word::Fraction(2)),
    ("FF3", Word::Fraction(3)),
    ("FF4", Word::Fraction(4)),
    ("FF5", Word::Fraction(5)),
    ("FF6", Word::Fraction(6)),
    ("HH24", Word::Hour24),
    ("HH12", Word::Hour12),
    ("HH", Word::Hour12),
    ("IDDD", Word::IsoDayOfYear),
    ("ID", Word::IsoDayOfWeek),
    ("IW", Word::IsoWeek),
    ("IYYY", Word::IsoYear(4)),
    ("IYY", Word::IsoYear(3)),
    ("IY", Word::IsoYear(2)),
    ("I", Word::IsoYear(1)),
    ("J", Word::Julian),
    ("MI", Word::Minute),
    ("MM", Word::Month),
    ("MONTH", Word::MonthName),
    ("MON", Word::ShortMonthName),
    ("MS", Word::Milliseconds),
    ("OF", Word::Offset),
    ("P.M.", Word::Noon),
    ("PM", Word::Noon),
    ("Q", Word::Quarter),
    ("RM", Word::Roman),
    ("SSSSS", Word::SecondsOfDay),
    ("SSSS", Word::SecondsOfDay),
    ("SS", Word::Second),
    ("TZH", Word::ZoneHours),
    ("TZM", Word::ZoneMinutes),
    ("TZ", Word::Zone),
    ("US", Word::Microseconds),
    ("WW", Word::WeekOfYear),
    ("W", Word::WeekOfMonth),
    ("Y,YYY", Word::YearWithComma),
    ("YYYY", Word::Year(4)),
    ("YYY", Word::Year(3)),
    ("YY", Word::Year(2)),
    ("Y", Word::Year(1)),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const ROMAN: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// What a template is filled from. In a span nothing has a name.
struct Subject {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Days since 2000; none in a span.
    days: Option<i64>,
    day_of_year: i64,
    /// With a zone, which is UTC.
    zoned: bool,
}

/// A finite timestamp written by a template.
pub(crate) fn timestamp<'a>(
    at: i64,
    zoned: bool,
    template: &str,
    arena: &'a Arena,
) -> Evaluated<&'a str> {
    let Parts { date, days, hour, minute, second, micros } = Parts::of(at);
    let Civil { year, month, day } = date;
    let day_of_year = day_of_year(date, days);
    let days = Some(days);
    let subject =
        Subject { year, month, day, hour, minute, second, micros, days, day_of_year, zoned };
    subject.write(template, arena)
}

/// A span written by a template.
pub(crate) fn interval<'a>(span: Interval, template: &str, arena: &'a Arena) -> Evaluated<&'a str> {
    let (months, time) = (i64::from(span.months), span.micros);
    let day = i64::from(span.days);
    let subject = Subject {
        year: months / 12,
        month: months % 12,
        day,
        hour: time / HOUR,
        minute: time / MINUTE % 60,
        second: time / SECOND % 60,
        micros: time % SECOND,
        days: None,
        day_of_year: months * 30 + day,
        zoned: false,
    };
    subject.write(template, arena)
}

impl Subject {
    fn write<'a>(&self, template: &str, arena: &'a Arena) -> Evaluated<&'a str> {
        let mut out = Draft::new_in(arena);
        for token in tokens(template, find, true) {
            match token {
                Token::Copy(character) => out.push(character),
                Token::Key(key) if key.spelled => {
                    return Err(EvalError::unsupported("`TM` and `SP` in a template of to_char"));
                }
                Token::Key(key) => {
                    let start = out.len();
                    let numeric = self.word(key, &mut out)?;
                    if let (true, Some(written)) = (numeric, key.ordinal) {
                        let end = ordinal(&out[start..]);
                        match written.starts_with('T') {
                            true => out.extend(end.chars().map(|c| c.to_ascii_uppercase())),
                            false => out.push_str(end),
                        }
                    }
                }
            }
        }
        Ok(out.into_bump_str())
    }

    /// Appends what a key word stands for; whether it is a number, which `th` may follow.
    fn word(&self, key: Key<'_, Word>, out: &mut Draft<'_>) -> Evaluated<bool> {
        let Key { key: word, written, fill, .. } = key;
        let mut number = |value: i64, width: usize| {
            // A sign takes a place of its own, but for what never has one in a moment.
            let signed = !matches!(word, Word::Day | Word::DayOfYear | Word::WeekOfYear);
            let width = if fill { width + usize::from(signed && value < 0) } else { 0 };
            let _ = write!(out, "{value:0width$}");
            Ok(true)
        };
        match word {
            Word::Hour24 => number(self.hour, 2),
            Word::Hour12 => match self.hour % 12 {
                0 => number(12, if self.hour < 0 { 3 } else { 2 }),
                hour => number(hour, 2),
            },
            Word::Minute => number(self.minute, 2),
            Word::Second => number(self.second, 2),
            Word::Fraction(digits) => {
                let width = usize::from(digits);
                let value = self.micros / 10i64.pow(u32::from(6 - digits));
                let _ = write!(out, "{value:0width$}");
                Ok(true)
            }
            Word::Milliseconds => {
                let _ = write!(out, "{:03}", self.micros / 1000);
                Ok(true)
            }
            Word::Microseconds => {
                let _ = write!(out, "{:06}", self.micros);
                Ok(true)
            }
            Word::SecondsOfDay => {
                let _ = write!(out, "{}", (self.hour * 60 + self.minute) * 60 + self.second);
                Ok(true)
            }
            Word::Month => number(self.month, 2),
            Word::Day => number(self.day, 2),
            Word::DayOfYear => number(self.day_of_year, 3),
            Word::WeekOfYear => number((self.day_of_year - 1) / 7 + 1, 2),
            Word::WeekOfMonth => {
                let _ = write!(out, "{}", (self.day - 1) / 7 + 1);
                Ok(true)
            }
            Word::Quarter => match self.month {
                0 => Ok(false),
                month => {
                    let _ = write!(out, "{}", (month - 1) / 3 + 1);
                    Ok(true)
                }
            },
            Word::Century => {
                let century = match (self.days, self.year) {
                    (None, year) => year / 100,
                    (Some(_), year @ 1..) => (year - 1) / 100 + 1,
                    (Some(_), year) => year / 100 - 1,
                };
                match century {
                    -99..=99 => number(century, 2),
                    _ => number(century, 0),
                }
            }
            Word::YearWithComma => {
                let year = self.year_of(self.year);
                let _ = write!(out, "{},{:03}", year / 1000, year - year / 1000 * 1000);
                Ok(true)
            }
            Word::Year(digits) => self.shortened(self.year_of(self.year), digits, fill, out),
            Word::IsoYear(digits) => {
                let year = self.iso()?.0;
                self.shortened(self.year_of(year), digits, fill, out)
            }
            Word::IsoWeek => number(self.iso()?.1, 2),
            Word::IsoDayOfYear => {
                let (_, week) = self.iso()?;
                number((week - 1) * 7 + self.weekday()?, 3)
            }
            Word::IsoDayOfWeek => number(self.weekday()?, 0),
            Word::DayOfWeek => number(self.weekday()? % 7 + 1, 0),
            Word::Julian => match self.days {
                Some(days) => number(days + JULIAN, 0),
                None => Err(EvalError::unsupported("the Julian day of an interval")),
            },
            Word::Era => {
                self.weekday()?;
                let (early, dotted) = (self.year <= 0, written.contains('.'));
                name(
                    match (early, dotted) {
                        (true, true) => "B.C.",
                        (true, false) => "BC",
                        (false, true) => "A.D.",
                        (false, false) => "AD",
                    },
                    written,
                    0,
                    out,
                )
            }
            Word::Noon => {
                let (late, dotted) = (self.hour % 24 >= 12, written.contains('.'));
                name(
                    match (late, dotted) {
                        (true, true) => "P.M.",
                        (true, false) => "PM",
                        (false, true) => "A.M.",
                        (false, false) => "AM",
                    },
                    written,
                    0,
                    out,
                )
            }
            Word::MonthName | Word::ShortMonthName => {
                self.weekday()?;
                let whole = MONTHS[(self.month - 1) as usize];
                match word {
                    Word::MonthName => name(whole, written, if fill { 9 } else { 0 }, out),
                    _ => name(&whole[..3], written, 0, out),
                }
            }
            Word::DayName | Word::ShortDayName => {
                let whole = DAYS[(self.weekday()? - 1) as usize];
                match word {
                    Word::DayName => name(whole, written, if fill { 9 } else { 0 }, out),
                    _ => name(&whole[..3], written, 0, out),
                }
            }
            Word::Roman => match self.month {
                0 if self.year == 0 => Ok(false),
                0 => name(
                    if self.year > 0 { "XII" } else { "I" },
                    written,
                    if fill { 4 } else { 0 },
                    out,
                ),
                // Counted from the end of the year when negative.
                month => {
                    let at = if month < 0 { month + 12 } else { month - 1 };
                    let width = if fill { 4 } else { 0 };
                    name(ROMAN[at as usize], written, width, out)
                }
            },
            Word::Zone => {
                self.weekday()?;
                if self.zoned {
                    name("UTC", written, 0, out)?;
                }
                Ok(false)
            }
            Word::ZoneHours | Word::Offset => {
                self.weekday()?;
                out.push_str(if word == Word::Offset && !fill { "+0" } else { "+00" });
                Ok(false)
            }
            Word::ZoneMinutes => {
                self.weekday()?;
                out.push_str("00");
                Ok(false)
            }
        }
    }

    /// The last digits of a year.
    fn shortened(&self, year: i64, digits: u8, fill: bool, out: &mut Draft<'_>) -> Evaluated<bool> {
        let value = if digits == 4 { year } else { year % 10i64.pow(digits.into()) };
        let width = match (fill, digits) {
            (_, 1) | (false, _) => 0,
            _ => usize::from(digits) + usize::from(year < 0),
        };
        // Writing into a draft cannot fail.
        let _ = write!(out, "{value:0width$}");
        Ok(true)
    }

    /// There is no year 0 in the calendar; in a span there is.
    fn year_of(&self, year: i64) -> i64 {
        if self.days.is_some() && year <= 0 { 1 - year } else { year }
    }

    fn iso(&self) -> Evaluated<(i64, i64)> {
        self.days.map(iso_week).ok_or_else(not_of_intervals)
    }

    /// Monday is 1; none of a span, which has no day.
    fn weekday(&self) -> Evaluated<i64> {
        self.days.map(day_of_week).ok_or_else(not_of_intervals)
    }
}

#[cold]
fn not_of_intervals() -> EvalError {
    EvalError::new(BAD_MOMENT, "invalid format specification for an interval value")
}

/// A key word at the beginning of a text. Names are written in capitals, with one, or without.
fn find(text: &str) -> Option<(Word, usize)> {
    let found = WORDS.iter().find(|(word, key)| {
        let Some(written) = text.get(..word.len()) else { return false };
        if !written.eq_ignore_ascii_case(word) {
            return false;
        }
        let uniform = !written.contains(|c: char| c.is_ascii_lowercase())
            || !written.contains(|c: char| c.is_ascii_uppercase());
        let capital = written[1..].bytes().all(|byte| byte.is_ascii_lowercase());
        match key {
            Word::DayName | Word::ShortDayName | Word::MonthName | Word::ShortMonthName => {
                uniform || capital
            }
            _ => uniform,
        }
    });
    found.map(|(word, key)| (*key, word.len()))
}

/// Appends a name in the case of the key word, filled with blanks to a width.
fn name(name: &str, written: &str, width: usize, out: &mut Draft<'_>) -> Evaluated<bool> {
    let mut letters = written.chars().filter(char::is_ascii_alphabetic);
    let first = letters.next().is_some_and(|c| c.is_ascii_uppercase());
    let second = letters.next().is_some_and(|c| c.is_ascii_uppercase());
    match (first, second) {
        (true, true) => out.extend(name.chars().map(|c| c.to_ascii_uppercase())),
        (true, false) => out.push_str(name),
        (false, _) => out.extend(name.chars().map(|c| c.to_ascii_lowercase())),
    }
    (name.len()..width).for_each(|_| out.push(' '));
    Ok(false)
}
