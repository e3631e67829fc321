//! Dates and times: from ISO forms to what Postgres prints under `DateStyle = ISO` and UTC.
//!
//! Only ISO forms are taken, with a `T` or blanks between date and time: what `01/02/03` means
//! depends on a setting. Fractions are rounded to microseconds.

const DAY: i64 = 86_400_000_000;
const INFINITE: [&str; 2] = ["infinity", "-infinity"];

/// `2024-01-31`; a time after it is dropped.
pub(super) fn date(word: &str) -> Option<String> {
    if let Some(word) = infinite(word) {
        return Some(word);
    }
    let (days, rest) = day(word)?;
    if !rest.is_empty() {
        clock(rest)?;
    }
    Some(print_day(days))
}

/// `01:02:03.5`.
pub(super) fn time(word: &str) -> Option<String> {
    let (micros, _) = clock(word)?;
    (micros <= DAY).then(|| print_clock(micros))
}

/// `01:02:03.5+02`; without an offset it is UTC.
pub(super) fn time_tz(word: &str) -> Option<String> {
    let (micros, offset) = clock(word)?;
    (micros <= DAY).then(|| format!("{}{}", print_clock(micros), print_offset(offset.unwrap_or(0))))
}

/// `2024-01-31 01:02:03.5`; an offset is passed over, as Postgres does.
pub(super) fn timestamp(word: &str) -> Option<String> {
    if let Some(word) = infinite(word) {
        return Some(word);
    }
    let (days, rest) = day(word)?;
    let (micros, _) = if rest.is_empty() { (0, None) } else { clock(rest)? };
    print_timestamp(days, micros, "")
}

/// `2024-01-31 01:02:03.5+00`, moved to UTC.
pub(super) fn timestamp_tz(word: &str) -> Option<String> {
    if let Some(word) = infinite(word) {
        return Some(word);
    }
    let (days, rest) = day(word)?;
    let (micros, offset) = if rest.is_empty() { (0, None) } else { clock(rest)? };
    print_timestamp(days, micros - offset.unwrap_or(0) * 1_000_000, "+00")
}

fn infinite(word: &str) -> Option<String> {
    let word = word.strip_prefix('+').unwrap_or(word).to_ascii_lowercase();
    INFINITE.contains(&word.as_str()).then_some(word)
}

/// Days since 1970 and what follows the date, without the `T` or blank between.
fn day(word: &str) -> Option<(i64, &str)> {
    let (word, before_christ) =
        match word.len().checked_sub(3).and_then(|at| word.split_at_checked(at)) {
            Some((rest, era)) if era.eq_ignore_ascii_case(" bc") => (rest, true),
            _ => (word, false),
        };
    let (date, rest) = match word.find(['T', 't', ' ']) {
        Some(at) => (&word[..at], word[at + 1..].trim_start()),
        None => (word, ""),
    };
    if rest.is_empty() && date.len() != word.len() {
        return None;
    }
    let (year, month, day) = match date.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] if year.len() >= 3 => (year, month, day),
        [date] if date.len() == 8 && date.is_ascii() => (&date[..4], &date[4..6], &date[6..]),
        _ => return None,
    };
    let year = number(year, 6)?;
    let month = number(month, 2)?;
    let day = number(day, 2)?;
    if year == 0 || !(1..=12).contains(&month) {
        return None;
    }
    let year = if before_christ { 1 - year } else { year };
    // From 4713 BC; the other end is that of `timestamp`.
    if !(-4712..294_277).contains(&year) || !(1..=month_days(year, month)).contains(&day) {
        return None;
    }
    Some((days_from_civil(year, month, day), rest))
}

fn number(digits: &str, most: usize) -> Option<i64> {
    let well = (1..=most).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit());
    if well { digits.parse().ok() } else { None }
}

fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Microseconds since midnight, and the offset from UTC in seconds east when there is one.
fn clock(text: &str) -> Option<(i64, Option<i64>)> {
    let (text, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(rest) => (rest.trim_end(), Some(0)),
        None => match text.rfind(['+', '-']) {
            Some(at) => (text[..at].trim_end(), Some(zone(&text[at..])?)),
            None => match text.len().checked_sub(4).and_then(|at| text.split_at_checked(at)) {
                Some((rest, zone)) if zone.eq_ignore_ascii_case(" utc") => (rest, Some(0)),
                _ => (text, None),
            },
        },
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, micros(fraction)?),
        None => (text, 0),
    };
    let (hour, minute, second) = match whole.split(':').collect::<Vec<_>>()[..] {
        [hour, minute, second] => (hour, minute, number(second, 2)?),
        [hour, minute] if !text.contains('.') => (hour, minute, 0),
        _ => return None,
    };
    let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
    let at = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction;
    (hour <= 24 && minute < 60 && second <= 60 && at <= DAY).then_some((at, offset))
}

/// Rounded; the seventh digit decides.
fn micros(fraction: &str) -> Option<i64> {
    if fraction.is_empty() {
        return Some(0);
    }
    if !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let head: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let up = fraction.as_bytes().get(6).is_some_and(|digit| *digit >= b'5');
    Some(number(&head, 6)? + i64::from(up))
}

/// `+02`, `-05:30`, `+0530`.
fn zone(text: &str) -> Option<i64> {
    let (east, digits) = (text.starts_with('+'), &text[1..]);
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (number(hours, 2)?, number(minutes, 2)?),
        None if digits.len() == 4 && digits.is_ascii() => {
            (number(&digits[..2], 2)?, number(&digits[2..], 2)?)
        }
        None => (number(digits, 2)?, 0),
    };
    let seconds = hours * 3600 + minutes * 60;
    (hours < 16 && minutes < 60).then_some(if east { seconds } else { -seconds })
}

fn print_timestamp(days: i64, micros: i64, zone: &str) -> Option<String> {
    let (days, micros) = (days + micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let day = print_day(days);
    let clock = print_clock(micros);
    Some(match day.strip_suffix(" BC") {
        Some(day) => format!("{day} {clock}{zone} BC"),
        None => format!("{day} {clock}{zone}"),
    })
}

fn print_day(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} BC", 1 - year),
    }
}

fn print_clock(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match fraction {
        0 => whole,
        _ => format!("{whole}.{}", format!("{fraction:06}").trim_end_matches('0')),
    }
}

fn print_offset(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    match minutes {
        0 => format!("{sign}{hours:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar, year 0 being 1 BC.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
