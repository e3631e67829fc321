//! JSON as text, as `jsonb` prints it.

use super::Json;
use crate::eval::int;
use crate::eval::value::Draft;

impl Json<'_> {
    /// With a blank after each comma and colon.
    pub fn print(self, out: &mut Draft<'_>) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(digits) => out.push_str(digits),
            Json::String(text) => string(text, out),
            Json::Array(elements) => {
                out.push('[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        out.push_str(", ");
                    }
                    element.print(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (position, (key, value)) in members.iter().enumerate() {
                    if position > 0 {
                        out.push_str(", ");
                    }
                    string(key, out);
                    out.push_str(": ");
                    value.print(out);
                }
                out.push('}');
            }
        }
    }

    /// With line breaks, four blanks for each depth.
    pub fn pretty(self, depth: usize, out: &mut Draft<'_>) {
        let line = |depth: usize, out: &mut Draft<'_>| {
            out.push('\n');
            (0..depth * 4).for_each(|_| out.push(' '));
        };
        match self {
            Json::Array(elements) => {
                out.push('[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    line(depth + 1, out);
                    element.pretty(depth + 1, out);
                }
                line(depth, out);
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (position, (key, value)) in members.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    line(depth + 1, out);
                    string(key, out);
                    out.push_str(": ");
                    value.pretty(depth + 1, out);
                }
                line(depth, out);
                out.push('}');
            }
            scalar => scalar.print(out),
        }
    }
}

/// A string in quotes, with what must be escaped.
pub(super) fn string(text: &str, out: &mut Draft<'_>) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "\\u00",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + 1;
        out.push_str(escape);
        if escape == "\\u00" {
            int::print((byte >> 4).into(), out);
            out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}
