//! Values and their text: what Postgres prints for each type, and back.

use flusso_compiler::types::{SqlType, canonical, float4_text, float8_text};

use super::array;
use super::error::{BAD_BYTES, BAD_TEXT, EvalError, Evaluated};
use super::float;
use super::int::{self, Width};
use super::interval::Interval;
use super::json;
use super::moment::{print as moment, read};
use super::numeric::Numeric;
use super::text::bytes;
use super::value::{Arena, Draft, Value};
use crate::order::hex;

/// What a column or a constant holds.
pub(crate) fn load<'a>(ty: &SqlType, text: &'a [u8], arena: &'a Arena) -> Evaluated<Value<'a>> {
    // The client's encoding is pinned, so anything else is damage.
    let text = std::str::from_utf8(text)
        .map_err(|_| EvalError::new(BAD_BYTES, "invalid byte sequence for encoding \"UTF8\""))?;
    parse(ty, text, arena)
}

/// A value of a type from text, as Postgres takes it. What it would take and we do not know how
/// to read is refused, not guessed.
pub(crate) fn parse<'a>(ty: &SqlType, text: &'a str, arena: &'a Arena) -> Evaluated<Value<'a>> {
    Ok(match ty {
        SqlType::Text
        | SqlType::Bpchar
        | SqlType::Citext
        | SqlType::Money
        | SqlType::Other(_)
        | SqlType::Unknown => Value::Text(text),
        SqlType::Bool => Value::Bool(boolean(text)?),
        SqlType::Int2 => Value::Int(Width::Two.parse(text)?),
        SqlType::Int4 => Value::Int(Width::Four.parse(text)?),
        SqlType::Int8 => Value::Int(Width::Eight.parse(text)?),
        SqlType::Oid => Value::Int(Width::Oid.parse(text)?),
        SqlType::Float4 => Value::Float4(float::parse4(text)?),
        SqlType::Float8 => Value::Float8(float::parse8(text)?),
        SqlType::Numeric(_) => Value::Numeric(Numeric::parse(text, arena)?),
        SqlType::Bytea => Value::Bytes(bytes::parse(text, arena)?),
        SqlType::Date => Value::Date(read::date(text)?),
        SqlType::Time => Value::Time(read::time(text)?),
        SqlType::TimeTz => {
            let (micros, west) = read::time_tz(text)?;
            Value::TimeTz(micros, west)
        }
        SqlType::Timestamp => Value::Timestamp(read::timestamp(text)?),
        SqlType::TimestampTz => Value::TimestampTz(read::timestamp_tz(text)?),
        SqlType::Interval => Value::Interval(Interval::parse(text)?),
        SqlType::Uuid => Value::Uuid(uuid(text)?),
        SqlType::Json => {
            json::read::check(text, arena)?;
            Value::JsonText(text)
        }
        SqlType::Jsonb => Value::Json(json::read::parse(text, arena)?),
        SqlType::Enum(labels) => match labels.iter().any(|label| label == text) {
            true => Value::Text(text),
            false => {
                let message = format!("invalid input value for enum: \"{text}\"");
                return Err(EvalError::new(BAD_TEXT, message));
            }
        },
        SqlType::Array(element) => Value::Array(array::read::parse(text, element, arena)?),
    })
}

/// The text of a value in the arena; a text is its own.
pub(crate) fn text<'a>(value: Value<'a>, arena: &'a Arena) -> &'a str {
    match value {
        Value::Text(text) | Value::JsonText(text) => text,
        Value::Bool(true) => "t",
        Value::Bool(false) => "f",
        other => {
            let mut out = Draft::new_in(arena);
            print(other, &mut out);
            out.into_bump_str()
        }
    }
}

/// Appends the text Postgres prints for a value.
pub(crate) fn print(value: Value<'_>, out: &mut Draft<'_>) {
    match value {
        Value::Bool(truth) => out.push(if truth { 't' } else { 'f' }),
        Value::Int(value) => int::print(value, out),
        Value::Float4(value) => out.push_str(&float4_text(value)),
        Value::Float8(value) => out.push_str(&float8_text(value)),
        Value::Numeric(value) => value.print(out),
        Value::Text(text) | Value::JsonText(text) => out.push_str(text),
        Value::Bytes(given) => bytes::print(given, out),
        Value::Date(days) => moment::date(days, out),
        Value::Time(micros) => moment::time(micros, out),
        Value::TimeTz(micros, west) => moment::time_tz(micros, west, false, out),
        Value::Timestamp(micros) => moment::timestamp(micros, ' ', "", out),
        Value::TimestampTz(micros) => moment::timestamp(micros, ' ', "+00", out),
        Value::Interval(span) => span.print(out),
        Value::Uuid(uuid) => {
            for (position, pair) in uuid.chunks(2).enumerate() {
                if matches!(position, 2..=5) {
                    out.push('-');
                }
                bytes::hex(pair, out);
            }
        }
        Value::Json(json) => json.print(out),
        Value::Array(given) => array::print(given, out),
    }
}

fn boolean(text: &str) -> Evaluated<bool> {
    match text {
        "t" => return Ok(true),
        "f" => return Ok(false),
        _ => {}
    }
    match canonical(&SqlType::Bool, text).as_deref() {
        Ok("t") => Ok(true),
        Ok(_) => Ok(false),
        Err(_) => Err(EvalError::bad_text("boolean", text)),
    }
}

fn uuid(text: &str) -> Evaluated<[u8; 16]> {
    let read = |text: &str| {
        let mut bytes = [0; 16];
        let mut digits = text.bytes().filter(|byte| *byte != b'-');
        for byte in &mut bytes {
            *byte = hex([digits.next()?, digits.next()?])?;
        }
        digits.next().is_none().then_some(bytes)
    };
    let wrong = || EvalError::bad_text("uuid", text);
    match text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-') {
        true => read(text),
        false => read(&canonical(&SqlType::Uuid, text).map_err(|_| wrong())?),
    }
    .ok_or_else(wrong)
}
