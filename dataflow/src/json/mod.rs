//! Postgres' text to JSON, straight into the document's buffer.
//!
//! One value in, one JSON value out, always valid and never with a line break, whatever the text:
//! a text that is not what its [`Render`] expects becomes a JSON string, so that it can be seen in
//! the document instead of breaking it.

mod array;
mod document;
mod string;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flusso_compiler::types::Render;

pub use self::string::string;
use crate::order::hex;
use crate::row::Datum;

/// Appends a column's JSON; NULL is `null`.
pub fn datum(render: &Render, datum: Datum<'_>, out: &mut Vec<u8>) {
    match datum {
        Datum::Text(text) => write(render, text, out),
        Datum::Null | Datum::Unchanged => null(out),
    }
}

/// Appends the JSON of Postgres' text.
pub fn write(render: &Render, text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let done = match render {
        Render::Bool => bool(text, out),
        Render::Number => number(text, out),
        Render::Money => money(text, out),
        Render::Text => None,
        Render::Json => document::compact(text, out),
        Render::Base64 => base64(text, out),
        Render::Date => date(text, out),
        Render::Timestamp => timestamp(text, "", out),
        Render::TimestampTz => timestamp(text, ":00", out),
        Render::Array(element) => array::array(element, text, out),
    };
    if done.is_none() {
        out.truncate(start);
        string(text, out);
    }
}

/// The id of a document: the key's texts with `:` between, and in a key of several columns `\`
/// before each `:` or `\` of theirs, so that no two keys share an id.
pub fn document_id(key: &[Datum<'_>]) -> Box<str> {
    let texts = key.iter().map(|datum| match datum {
        Datum::Text(text) => String::from_utf8_lossy(text),
        Datum::Null | Datum::Unchanged => "".into(),
    });
    if key.len() == 1 {
        return texts.collect::<String>().into();
    }
    let mut id = String::new();
    for (position, text) in texts.enumerate() {
        if position > 0 {
            id.push(':');
        }
        for character in text.chars() {
            if matches!(character, ':' | '\\') {
                id.push('\\');
            }
            id.push(character);
        }
    }
    id.into()
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

fn bool(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(match text {
        b"t" | b"true" => b"true",
        b"f" | b"false" => b"false",
        _ => return None,
    });
    Some(())
}

/// Postgres' numbers are JSON's, but for those that are none.
fn number(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match text {
        b"NaN" | b"Infinity" | b"-Infinity" => null(out),
        _ if is_number(text) => out.extend_from_slice(text),
        _ => return None,
    }
    Some(())
}

/// Whether a text is a number by JSON's grammar.
fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> Option<&[u8]> {
        let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (length > 0).then(|| &text[length..])
    }
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let Some(mut rest) = digits(unsigned) else { return false };
    if unsigned[0] == b'0' && unsigned.len() - rest.len() > 1 {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let Some(after) = digits(fraction) else { return false };
        rest = after;
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        let unsigned = match exponent.split_first() {
            Some((b'+' | b'-', digits)) => digits,
            _ => exponent,
        };
        return digits(unsigned).is_some_and(<[u8]>::is_empty);
    }
    rest.is_empty()
}

/// `-$1,234.50` without its sign of currency and its commas.
fn money(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    out.extend(text.iter().filter(|byte| !matches!(byte, b'$' | b',')));
    is_number(&out[start..]).then_some(())
}

/// Hexadecimal `\x…` to base64, forty-eight bytes at a time.
fn base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (pairs, odd) = text.strip_prefix(b"\\x")?.as_chunks::<2>();
    out.push(b'"');
    for pairs in pairs.chunks(48) {
        let mut bytes = [0; 48];
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = hex(*pair)?;
        }
        let mut coded = [0; 64];
        let length = BASE64_STANDARD.encode_slice(&bytes[..pairs.len()], &mut coded).ok()?;
        out.extend_from_slice(&coded[..length]);
    }
    out.push(b'"');
    odd.is_empty().then_some(())
}

fn date(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match text {
        b"infinity" | b"-infinity" => null(out),
        _ => string(text, out),
    }
    Some(())
}

/// ISO 8601's `T` between date and time, and the `zone`'s minutes that Postgres leaves off.
fn timestamp(text: &[u8], zone: &str, out: &mut Vec<u8>) -> Option<()> {
    if matches!(text, b"infinity" | b"-infinity") {
        null(out);
        return Some(());
    }
    let (text, era) = match text.strip_suffix(b" BC") {
        Some(text) => (text, &b" BC"[..]),
        None => (text, &b""[..]),
    };
    let at = memchr::memchr(b' ', text)?;
    let plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b':' | b'.');
    let (date, time) = (&text[..at], &text[at + 1..]);
    if !date.iter().all(plain) || !time.iter().all(plain) {
        return None;
    }
    out.push(b'"');
    out.extend_from_slice(date);
    out.push(b'T');
    out.extend_from_slice(time);
    if time.iter().rev().nth(2) == Some(&b'+') {
        out.extend_from_slice(zone.as_bytes());
    }
    out.extend_from_slice(era);
    out.push(b'"');
    Some(())
}

#[cfg(test)]
mod tests;
