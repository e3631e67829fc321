//! Constants of filters and defaults, as Postgres would print them.
//!
//! A row carries the text Postgres printed, so a constant must have that form too before the two
//! are compared by bytes, and a constant that is no value of its type is an error of the files,
//! not of a row years later.
//!
//! What depends on the moment (`now`, `today`) is refused: a plan is made once.

use super::float::{float4_text, float8_text};
use super::{SqlType, moment};

/// The text Postgres prints for the literal `text` of type `ty`, or what is wrong with it.
///
/// Types without a form known here (`interval`, `inet`, arrays and so on) keep the literal as
/// written if it can be one, and so does a type that is not known yet.
pub fn canonical(ty: &SqlType, text: &str) -> Result<String, String> {
    let word = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let made = match ty {
        SqlType::Bool => boolean(word),
        SqlType::Int2 => return integer(ty, word, i16::MIN.into(), i16::MAX.into()),
        SqlType::Int4 => return integer(ty, word, i32::MIN.into(), i32::MAX.into()),
        SqlType::Int8 => return integer(ty, word, i64::MIN, i64::MAX),
        SqlType::Oid => return integer(ty, word, 0, u32::MAX.into()),
        SqlType::Float4 => float4(word),
        SqlType::Float8 => float8(word),
        SqlType::Numeric(_) => numeric(word),
        SqlType::Money => money(word),
        SqlType::Bytea => bytea(text),
        SqlType::Date => moment::date(word),
        SqlType::Time => moment::time(word),
        SqlType::TimeTz => moment::time_tz(word),
        SqlType::Timestamp => moment::timestamp(word),
        SqlType::TimestampTz => moment::timestamp_tz(word),
        SqlType::Uuid => uuid(word),
        SqlType::Enum(labels) => {
            return match labels.iter().any(|label| label == text) {
                true => Ok(text.to_owned()),
                false => Err(format!("`{text}` is not one of {}", labels.join(", "))),
            };
        }
        SqlType::Json | SqlType::Jsonb => {
            serde_json::from_str::<serde_json::Value>(text).ok().map(|_| text.to_owned())
        }
        SqlType::Interval => is_span(word).then(|| text.to_owned()),
        SqlType::Array(element) => are_elements(word, element).then(|| text.to_owned()),
        SqlType::Text
        | SqlType::Bpchar
        | SqlType::Citext
        | SqlType::Other(_)
        | SqlType::Unknown => Some(text.to_owned()),
    };
    made.ok_or_else(|| format!("`{text}` is not a value of type {ty}"))
}

/// Units of spans, as Postgres reads them, without the `s` that some may have.
const UNITS: &[&str] = &[
    "ago",
    "c",
    "cent",
    "centurie",
    "century",
    "d",
    "day",
    "dec",
    "decade",
    "h",
    "hour",
    "hr",
    "m",
    "microsecond",
    "mil",
    "millennia",
    "millennium",
    "millisecond",
    "min",
    "minute",
    "mon",
    "month",
    "ms",
    "msec",
    "msecond",
    "s",
    "sec",
    "second",
    "us",
    "usec",
    "usecond",
    "w",
    "week",
    "y",
    "year",
    "yr",
];

/// Whether every word of a span is one, and there is a number. The rest is left to evaluation.
fn is_span(text: &str) -> bool {
    if text.starts_with('P') {
        return true;
    }
    let word = |word: &str| {
        let word = word.to_ascii_lowercase();
        word.is_empty()
            || UNITS.contains(&word.as_str())
            || word.strip_suffix('s').is_some_and(|word| UNITS.contains(&word))
    };
    let number = |token: &str| {
        let unsigned = token.trim_start_matches(['-', '+']);
        let most = if token.contains(':') { 0 } else { 1 };
        unsigned.matches(['-', '+']).count() <= most
    };
    text.contains(|one: char| one.is_ascii_digit())
        && text.split(|one: char| !one.is_ascii_alphabetic()).all(word)
        && text.split_ascii_whitespace().all(number)
}

/// Whether each element of a simple array is a value; one with quotes or of several dimensions is
/// left to evaluation.
fn are_elements(text: &str, element: &SqlType) -> bool {
    if text.starts_with('[') {
        // The bounds of its dimensions, as in `[0:1]={4,5}`.
        let bounds = text.split('{').next().unwrap_or_default();
        let bound = |c: char| c.is_ascii_digit() || c.is_ascii_whitespace() || "[]:+-=".contains(c);
        return bounds.len() < text.len() && bounds.contains('=') && bounds.chars().all(bound);
    }
    let inner = text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
    let Some(inner) = inner.map(str::trim).filter(|inner| !inner.is_empty()) else {
        return true;
    };
    if inner.contains(['{', '}', '"', '\\']) {
        return true;
    }
    let fits = |one: &str| one.eq_ignore_ascii_case("null") || canonical(element, one).is_ok();
    inner.split(',').map(str::trim).all(|one| !one.is_empty() && fits(one))
}

/// The words Postgres takes, and their unambiguous beginnings.
fn boolean(word: &str) -> Option<String> {
    let word = word.to_ascii_lowercase();
    let begins = |whole: &str, least: usize| word.len() >= least && whole.starts_with(&word);
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || word == "1" {
        Some("t".to_owned())
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0" {
        Some("f".to_owned())
    } else {
        None
    }
}

fn integer(ty: &SqlType, word: &str, least: i64, most: i64) -> Result<String, String> {
    let (_, digits) = sign(word);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(format!("`{word}` is not a value of type {ty}"));
    }
    match word.parse::<i64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value.to_string()),
        _ => Err(format!("{word} is out of range for {ty}")),
    }
}

fn sign(word: &str) -> (bool, &str) {
    match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    }
}

/// `NaN` and the infinities, which all three kinds of numbers with fractions know.
fn not_finite(word: &str) -> Option<String> {
    let (negative, rest) = sign(word);
    match rest.to_ascii_lowercase().as_str() {
        "nan" if rest == word => Some("NaN".to_owned()),
        "inf" | "infinity" => Some(if negative { "-Infinity" } else { "Infinity" }.to_owned()),
        _ => None,
    }
}

/// Digits before and after the point and the exponent, as written.
fn decimal(word: &str) -> Option<(bool, &str, &str, i32)> {
    let (negative, rest) = sign(word);
    let (digits, exponent) = match rest.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    let any = !whole.is_empty() || !fraction.is_empty();
    (any && all_digits(whole) && all_digits(fraction))
        .then_some((negative, whole, fraction, exponent))
}

fn float4(word: &str) -> Option<String> {
    if let Some(word) = not_finite(word) {
        return Some(word);
    }
    let (_, whole, fraction, _) = decimal(word)?;
    let value: f32 = word.parse().ok()?;
    let lost = value == 0.0 && [whole, fraction].iter().any(|part| part.contains(|c| c != '0'));
    (value.is_finite() && !lost).then(|| float4_text(value))
}

fn float8(word: &str) -> Option<String> {
    if let Some(word) = not_finite(word) {
        return Some(word);
    }
    let (_, whole, fraction, _) = decimal(word)?;
    let value: f64 = word.parse().ok()?;
    let lost = value == 0.0 && [whole, fraction].iter().any(|part| part.contains(|c| c != '0'));
    (value.is_finite() && !lost).then(|| float8_text(value))
}

/// The digits with the point moved, leading zeros dropped, the scale kept.
fn shifted(whole: &str, fraction: &str, exponent: i32) -> String {
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    let (before, after) = if point <= 0 {
        (String::new(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize)))
    } else if point as usize >= digits.len() {
        (format!("{digits}{}", "0".repeat(point as usize - digits.len())), String::new())
    } else {
        (digits[..point as usize].to_owned(), digits[point as usize..].to_owned())
    };
    let before = match before.trim_start_matches('0') {
        "" => "0",
        before => before,
    };
    if after.is_empty() { before.to_owned() } else { format!("{before}.{after}") }
}

/// Postgres' limits: 131072 digits before the point, 16383 after.
fn numeric(word: &str) -> Option<String> {
    if let Some(word) = not_finite(word) {
        return Some(word);
    }
    let (negative, whole, fraction, exponent) = decimal(word)?;
    let before = whole.len() as i64 + i64::from(exponent);
    let after = fraction.len() as i64 - i64::from(exponent);
    if before > 131_072 || after > 16_383 {
        return None;
    }
    let text = shifted(whole, fraction, exponent);
    let zero = text.bytes().all(|c| matches!(c, b'0' | b'.'));
    Some(if negative && !zero { format!("-{text}") } else { text })
}

/// `1234.5`, `$1,234.50`, `-$3`: 64 bits of cents.
fn money(word: &str) -> Option<String> {
    let (negative, rest) = sign(word);
    let rest = rest.strip_prefix('$').unwrap_or(rest).replace(',', "");
    let (signed, whole, fraction, exponent) = decimal(&rest)?;
    if signed || exponent != 0 || fraction.len() > 2 {
        return None;
    }
    let cents: i64 = format!("0{whole}{fraction:0<2}").parse().ok()?;
    Some(money_text(if negative { -cents } else { cents }))
}

/// `$1,234.50`, of cents.
pub fn money_text(cents: i64) -> String {
    let mut grouped = String::new();
    let units = (cents.unsigned_abs() / 100).to_string();
    for (at, digit) in units.chars().enumerate() {
        if at > 0 && (units.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let minus = if cents < 0 { "-" } else { "" };
    format!("{minus}${grouped}.{:02}", cents.unsigned_abs() % 100)
}

/// `\x…`, or bytes as they are with `\\` and `\ooo` for some.
fn bytea(text: &str) -> Option<String> {
    let mut out = "\\x".to_owned();
    if let Some(hex) = text.strip_prefix("\\x") {
        let hex: String = hex.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let well = hex.len().is_multiple_of(2) && hex.bytes().all(|c| c.is_ascii_hexdigit());
        return well.then(|| out + &hex.to_ascii_lowercase());
    }
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let value = match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                high @ b'0'..=b'3' => {
                    let mut digit = || bytes.next().filter(|c| (b'0'..=b'7').contains(c));
                    (high - b'0') * 64 + (digit()? - b'0') * 8 + (digit()? - b'0')
                }
                _ => return None,
            },
            byte => byte,
        };
        out += &format!("{value:02x}");
    }
    Some(out)
}

/// Braces around and hyphens after any four digits are let pass, as Postgres does.
fn uuid(word: &str) -> Option<String> {
    let inner = match word.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => word,
    };
    let mut digits = String::new();
    let mut hyphen_allowed = false;
    for c in inner.chars() {
        match c {
            '-' if hyphen_allowed => hyphen_allowed = false,
            c if c.is_ascii_hexdigit() => {
                digits.push(c.to_ascii_lowercase());
                hyphen_allowed = digits.len().is_multiple_of(4) && digits.len() < 32;
            }
            _ => return None,
        }
    }
    let d = &digits;
    (d.len() == 32)
        .then(|| format!("{}-{}-{}-{}-{}", &d[..8], &d[8..12], &d[12..16], &d[16..20], &d[20..]))
}
