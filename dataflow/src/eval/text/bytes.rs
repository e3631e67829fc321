//! `bytea`: what it is written as, and hashes of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::Digest;

use crate::eval::error::{BAD_BYTES, BAD_PARAMETER, BAD_TEXT, EvalError, Evaluated};
use crate::eval::value::{Arena, Draft, List};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes from `\x…` or from text with `\ooo` and `\\` for some of them.
pub(crate) fn parse<'a>(text: &str, arena: &'a Arena) -> Evaluated<&'a [u8]> {
    match text.strip_prefix("\\x") {
        Some(hex) => from_hex(hex, arena),
        None => from_escape(text, arena),
    }
}

/// Appends `\x…`.
pub(crate) fn print(bytes: &[u8], out: &mut Draft<'_>) {
    out.push_str("\\x");
    hex(bytes, out);
}

/// Appends two digits for each byte.
pub(crate) fn hex(bytes: &[u8], out: &mut Draft<'_>) {
    for byte in bytes {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

/// Bytes as text in a format.
pub(crate) fn encode(bytes: &[u8], format: &str, out: &mut Draft<'_>) -> Evaluated<()> {
    match known(format)? {
        Format::Hex => hex(bytes, out),
        Format::Base64 => {
            let coded = BASE64_STANDARD.encode(bytes);
            for (position, line) in coded.as_bytes().chunks(76).enumerate() {
                if position > 0 {
                    out.push('\n');
                }
                line.iter().for_each(|byte| out.push(char::from(*byte)));
            }
            // A full last line has its line break too, unless it was filled up.
            if !coded.is_empty() && coded.len().is_multiple_of(76) && !coded.ends_with('=') {
                out.push('\n');
            }
        }
        Format::Escape => {
            for byte in bytes {
                match byte {
                    b'\\' => out.push_str("\\\\"),
                    0 | 0x80.. => {
                        out.push('\\');
                        [byte >> 6, byte >> 3 & 7, byte & 7]
                            .iter()
                            .for_each(|digit| out.push(char::from(b'0' + digit)));
                    }
                    plain => out.push(char::from(*plain)),
                }
            }
        }
    }
    Ok(())
}

/// Bytes from text in a format.
pub(crate) fn decode<'a>(text: &str, format: &str, arena: &'a Arena) -> Evaluated<&'a [u8]> {
    match known(format)? {
        Format::Hex => from_hex(text, arena),
        Format::Escape => from_escape(text, arena),
        Format::Base64 => {
            let packed: String =
                text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')).collect();
            let wrong = || EvalError::new(BAD_PARAMETER, "invalid base64 end sequence");
            let bytes = BASE64_STANDARD.decode(packed).map_err(|_| wrong())?;
            Ok(arena.alloc_slice_copy(&bytes))
        }
    }
}

/// A format of bytes in text.
enum Format {
    Hex,
    Base64,
    Escape,
}

fn known(format: &str) -> Evaluated<Format> {
    match format {
        _ if format.eq_ignore_ascii_case("hex") => Ok(Format::Hex),
        _ if format.eq_ignore_ascii_case("base64") => Ok(Format::Base64),
        _ if format.eq_ignore_ascii_case("escape") => Ok(Format::Escape),
        _ => {
            let message = format!("unrecognized encoding: \"{format}\"");
            Err(EvalError::new(BAD_PARAMETER, message))
        }
    }
}

fn from_hex<'a>(text: &str, arena: &'a Arena) -> Evaluated<&'a [u8]> {
    let mut out = List::with_capacity_in(text.len() / 2, arena);
    let wrong = |message: String| EvalError::new(BAD_PARAMETER, message);
    let mut characters = text.chars();
    while let Some(first) = characters.next() {
        // Blanks stand between bytes, not inside one.
        if matches!(first, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let digit = |character: char| {
            let message = format!("invalid hexadecimal digit: \"{character}\"");
            character.to_digit(16).ok_or_else(|| wrong(message))
        };
        let high = digit(first)?;
        let second = characters.next();
        let odd = || wrong("invalid hexadecimal data: odd number of digits".to_owned());
        out.push((high << 4 | digit(second.ok_or_else(odd)?)?) as u8);
    }
    Ok(out.into_bump_slice())
}

fn from_escape<'a>(text: &str, arena: &'a Arena) -> Evaluated<&'a [u8]> {
    let wrong = || EvalError::new(BAD_TEXT, "invalid input syntax for type bytea");
    let mut out = List::with_capacity_in(text.len(), arena);
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        rest = match rest {
            [b'\\', after @ ..] => {
                out.push(b'\\');
                after
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                after
            }
            _ => return Err(wrong()),
        };
    }
    Ok(out.into_bump_slice())
}

/// The MD5 hash in hexadecimal.
pub(crate) fn md5<'a>(bytes: &[u8], arena: &'a Arena) -> &'a str {
    let mut out = Draft::with_capacity_in(32, arena);
    hex(&md5::Md5::digest(bytes), &mut out);
    out.into_bump_str()
}

/// A hash of the SHA-2 family.
pub(crate) fn sha<'a, H: Digest>(bytes: &[u8], arena: &'a Arena) -> &'a [u8] {
    arena.alloc_slice_copy(&H::digest(bytes))
}

/// Bytes as text, when they are UTF-8 without a zero.
pub(crate) fn utf8(bytes: &[u8]) -> Evaluated<&str> {
    let wrong = || EvalError::new(BAD_BYTES, "invalid byte sequence for encoding \"UTF8\"");
    match bytes.contains(&0) {
        true => Err(wrong()),
        false => std::str::from_utf8(bytes).map_err(|_| wrong()),
    }
}

/// Holds the name of an encoding to the one there is.
pub(crate) fn only_utf8(name: &str) -> Evaluated<()> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" => Ok(()),
        _ => Err(EvalError::unsupported(format!("encoding \"{name}\""))),
    }
}
