//! Spans from text: what Postgres prints, the words people write, ISO 8601 and SQL's own form.
//!
//! ```text
//!  1 year -2 mons 3 days 04:05:06.7     1.5 hours ago     P1Y2M3DT4H5M6S     1-2 3 4:05:06
//! ```

use super::Interval;
use super::arithmetic::out_of_range;
use crate::eval::error::{EvalError, Evaluated};
use crate::eval::moment::{DAY, HOUR, MINUTE, SECOND};

/// Parts added up; a number is kept in whole and millionths, as fractions of a unit go down to
/// lesser units.
#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    micros: i64,
}

/// A number as written: its sign is in both parts.
#[derive(Clone, Copy)]
struct Amount {
    whole: i64,
    fraction: f64,
}

/// What an amount counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millennium,
    Century,
    Decade,
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

impl Interval {
    /// A span of any of the forms.
    pub fn parse(text: &str) -> Evaluated<Interval> {
        let bad = || EvalError::bad_moment("interval", text);
        let word = text.trim_matches(|c: char| c.is_ascii_whitespace());
        let sum = match word.strip_prefix('P') {
            Some(iso) => iso8601(iso).ok_or_else(bad)?,
            None => words(&word.to_ascii_lowercase()).ok_or_else(bad)?,
        };
        let range = |value: i64| i32::try_from(value).map_err(|_| out_of_range());
        Ok(Interval { months: range(sum.months)?, days: range(sum.days)?, micros: sum.micros })
    }
}

/// Numbers with units after them, a time of day, `years-months`; `ago` turns all around.
fn words(text: &str) -> Option<Sum> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let mut sum = Sum::default();
    let mut tokens = tokens(text).peekable();
    let mut any = false;
    // Each unit is said once; a time of day says three.
    let mut said = Vec::new();
    while let Some(token) = tokens.next() {
        if token == "ago" {
            return (any && tokens.next().is_none()).then_some(Sum {
                months: sum.months.checked_neg()?,
                days: sum.days.checked_neg()?,
                micros: sum.micros.checked_neg()?,
            });
        }
        any = true;
        if token.contains(':') {
            sum.micros = sum.micros.checked_add(clock(token)?)?;
            for unit in [Unit::Hour, Unit::Minute, Unit::Second] {
                say(&mut said, unit)?;
            }
            continue;
        }
        let unsigned = token.strip_prefix(['-', '+']).unwrap_or(token);
        if let Some((years, months)) = unsigned.split_once('-') {
            let negative = token.starts_with('-');
            let whole = number(years)?.checked_mul(12)?.checked_add(number(months)?)?;
            sum.months = sum.months.checked_add(if negative { -whole } else { whole })?;
            say(&mut said, Unit::Month)?;
            continue;
        }
        // A sign before a bare fraction is nothing, though the fraction alone is something.
        if unsigned.starts_with('.') && unsigned.len() < token.len() {
            return None;
        }
        let amount = Amount::parse(token)?;
        let unit = match tokens.peek() {
            Some(unit) if unit.starts_with(|c: char| c.is_ascii_alphabetic()) && *unit != "ago" => {
                let unit = unit_of(unit)?;
                tokens.next();
                unit
            }
            // A number before a time of day counts days, one at the end seconds.
            Some(next) if next.contains(':') => Unit::Day,
            None => Unit::Second,
            Some(_) => return None,
        };
        sum.add(amount, unit)?;
        say(&mut said, unit)?;
    }
    any.then_some(sum)
}

/// A unit by any of its spellings.
fn unit_of(word: &str) -> Option<Unit> {
    Some(match word {
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        "dec" | "decs" | "decade" | "decades" => Unit::Decade,
        "c" | "cent" | "century" | "centuries" => Unit::Century,
        "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "w" | "week" | "weeks" => Unit::Week,
        "d" | "day" | "days" => Unit::Day,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecond" | "milliseconds" => {
            Unit::Millisecond
        }
        "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecond" | "microseconds" => {
            Unit::Microsecond
        }
        _ => return None,
    })
}

/// Notes a unit; none when it was said before.
fn say(said: &mut Vec<Unit>, unit: Unit) -> Option<()> {
    if said.contains(&unit) {
        return None;
    }
    said.push(unit);
    Some(())
}

/// Runs of letters and runs of anything else, between blanks: `1h30m` is four.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_ascii_whitespace().flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let letter = rest.chars().next()?.is_ascii_alphabetic();
            let end = rest.find(|c: char| c.is_ascii_alphabetic() != letter);
            let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            Some(token)
        })
    })
}

/// `[-]h:mm[:ss[.f]]`.
fn clock(token: &str) -> Option<i64> {
    let negative = token.starts_with('-');
    let unsigned = token.strip_prefix(['-', '+']).unwrap_or(token);
    let (hours, rest) = unsigned.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let (minutes, whole) = (number(minutes)?, number(whole)?);
    if minutes > 59 || whole > 60 {
        return None;
    }
    let fraction = match fraction {
        "" => 0,
        digits => {
            number(digits)?;
            (format!("0.{digits}").parse::<f64>().ok()? * 1e6).round_ties_even() as i64
        }
    };
    let time = number(hours)?.checked_mul(HOUR)?.checked_add(minutes * MINUTE)?;
    let time = time.checked_add(whole * SECOND + fraction)?;
    Some(if negative { -time } else { time })
}

/// `1Y2M3W4DT5H6M7.8S`, each with a sign of its own.
fn iso8601(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut rest = text;
    let mut in_time = false;
    let mut any = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if in_time {
                return None;
            }
            in_time = true;
            rest = after;
            continue;
        }
        let at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let unit = match (rest.as_bytes()[at], in_time) {
            (b'Y', false) => Unit::Year,
            (b'M', false) => Unit::Month,
            (b'W', false) => Unit::Week,
            (b'D', false) => Unit::Day,
            (b'H', true) => Unit::Hour,
            (b'M', true) => Unit::Minute,
            (b'S', true) => Unit::Second,
            _ => return None,
        };
        sum.add(Amount::parse(&rest[..at])?, unit)?;
        rest = &rest[at + 1..];
        any = true;
    }
    any.then_some(sum)
}

impl Amount {
    fn parse(token: &str) -> Option<Amount> {
        let negative = token.starts_with('-');
        let unsigned = token.strip_prefix(['-', '+']).unwrap_or(token);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let sign = if negative { -1 } else { 1 };
        let whole = if whole.is_empty() { 0 } else { number(whole)? };
        let fraction = match fraction {
            "" => 0.0,
            digits => {
                number(digits)?;
                format!("0.{digits}").parse::<f64>().ok()?
            }
        };
        Some(Amount { whole: sign * whole, fraction: sign as f64 * fraction })
    }
}

impl Sum {
    /// Adds an amount of a unit; its fraction goes down to the next lesser kind of part.
    fn add(&mut self, amount: Amount, unit: Unit) -> Option<()> {
        let Amount { whole, fraction } = amount;
        match unit {
            Unit::Millennium => self.add_years(amount, 1000),
            Unit::Century => self.add_years(amount, 100),
            Unit::Decade => self.add_years(amount, 10),
            Unit::Year => self.add_years(amount, 1),
            Unit::Month => {
                self.months = self.months.checked_add(whole)?;
                self.part_of_days(fraction, 30)
            }
            Unit::Week => {
                self.days = self.days.checked_add(whole.checked_mul(7)?)?;
                self.part_of_days(fraction, 7)
            }
            Unit::Day => {
                self.days = self.days.checked_add(whole)?;
                self.part_of(fraction, DAY)
            }
            Unit::Hour => self.add_micros(amount, HOUR),
            Unit::Minute => self.add_micros(amount, MINUTE),
            Unit::Second => self.add_micros(amount, SECOND),
            Unit::Millisecond => self.add_micros(amount, SECOND / 1000),
            Unit::Microsecond => self.add_micros(amount, 1),
        }
    }

    fn add_years(&mut self, Amount { whole, fraction }: Amount, years: i64) -> Option<()> {
        let months = 12 * years;
        self.months = self.months.checked_add(whole.checked_mul(months)?)?;
        let part = (fraction * months as f64).round_ties_even() as i64;
        self.months = self.months.checked_add(part)?;
        Some(())
    }

    fn add_micros(&mut self, Amount { whole, fraction }: Amount, micros: i64) -> Option<()> {
        self.micros = self.micros.checked_add(whole.checked_mul(micros)?)?;
        self.part_of(fraction, micros)
    }

    /// A fraction of so many days: whole days, and microseconds for the rest.
    fn part_of_days(&mut self, fraction: f64, days: i64) -> Option<()> {
        let scaled = fraction * days as f64;
        self.days = self.days.checked_add(scaled.trunc() as i64)?;
        self.part_of(scaled - scaled.trunc(), DAY)
    }

    fn part_of(&mut self, fraction: f64, unit: i64) -> Option<()> {
        let scaled = (fraction * unit as f64).round_ties_even() as i64;
        self.micros = self.micros.checked_add(scaled)?;
        Some(())
    }
}

fn number(digits: &str) -> Option<i64> {
    let well = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if well { digits.parse().ok() } else { None }
}
