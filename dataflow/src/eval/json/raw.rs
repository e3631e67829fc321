//! `json` is the text that was written: what is taken out of it is a part of that text.

use super::read::Reader;
use crate::eval::error::{BAD_PARAMETER, EvalError, Evaluated};
use crate::eval::json::access::from_end;
use crate::eval::value::{Arena, Draft};

fn reader<'a>(text: &'a str, arena: &'a Arena) -> Reader<'a> {
    Reader { text, at: 0, depth: 0, arena }
}

/// The text of the value of a key, the last of equal ones.
pub(crate) fn get<'a>(text: &'a str, key: &str, arena: &'a Arena) -> Evaluated<Option<&'a str>> {
    let mut found = None;
    for (name, value) in members(text, arena)?.unwrap_or_default() {
        if name == key {
            found = Some(value);
        }
    }
    Ok(found)
}

/// The text of the element at a position, from the end when negative.
pub(crate) fn at<'a>(text: &'a str, position: i64, arena: &'a Arena) -> Evaluated<Option<&'a str>> {
    let Some(elements) = elements(text, arena)? else { return Ok(None) };
    Ok(from_end(position, elements.len()).and_then(|at| elements.get(at).copied()))
}

/// The text of the value at the end of a path.
pub(crate) fn path<'a>(
    text: &'a str,
    steps: impl IntoIterator<Item = Option<&'a str>>,
    arena: &'a Arena,
) -> Evaluated<Option<&'a str>> {
    let mut text = text;
    let mut whole = true;
    for step in steps {
        let Some(step) = step else { return Ok(None) };
        whole = false;
        let found = match kind(text) {
            "object" => get(text, step, arena)?,
            "array" => match super::access::position(step) {
                Some(position) => at(text, position, arena)?,
                None => None,
            },
            _ => None,
        };
        let Some(found) = found else { return Ok(None) };
        text = found;
    }
    let text = text.trim_end_matches([' ', '\t', '\n', '\r']);
    // Of all that was written a scalar keeps the blanks before it.
    Ok(Some(match whole && !matches!(kind(text), "object" | "array") {
        true => text,
        false => text.trim_start_matches([' ', '\t', '\n', '\r']),
    }))
}

/// As `->>` gives it: a string without its quotes, `null` as NULL.
pub(crate) fn text<'a>(json: &'a str, arena: &'a Arena) -> Evaluated<Option<&'a str>> {
    match kind(json) {
        "null" => Ok(None),
        "string" => {
            let mut reader = reader(json, arena);
            reader.peek();
            reader.string().map(Some)
        }
        _ => Ok(Some(json)),
    }
}

/// What `json_typeof` calls it.
pub(crate) fn kind(text: &str) -> &'static str {
    match text.trim_start_matches([' ', '\t', '\n', '\r']).as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

/// The number of elements of an array.
pub(crate) fn array_length(text: &str, arena: &Arena) -> Evaluated<i64> {
    match (elements(text, arena)?, kind(text)) {
        (Some(elements), _) => Ok(elements.len() as i64),
        (None, "object") => {
            Err(EvalError::new(BAD_PARAMETER, "cannot get array length of a non-array"))
        }
        (None, _) => Err(EvalError::new(BAD_PARAMETER, "cannot get array length of a scalar")),
    }
}

/// Without members whose value is `null`, and without blanks.
pub(crate) fn strip_nulls(text: &str, arena: &Arena, out: &mut Draft<'_>) -> Evaluated<()> {
    if let Some(members) = members(text, arena)? {
        out.push('{');
        let kept = members.iter().filter(|(_, value)| kind(value) != "null");
        for (position, (key, value)) in kept.enumerate() {
            if position > 0 {
                out.push(',');
            }
            super::print::string(key, out);
            out.push(':');
            strip_nulls(value, arena, out)?;
        }
        out.push('}');
    } else if let Some(elements) = elements(text, arena)? {
        out.push('[');
        for (position, element) in elements.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            strip_nulls(element, arena, out)?;
        }
        out.push(']');
    } else if kind(text) == "string" {
        let string = self::text(text, arena)?;
        super::print::string(string.unwrap_or(""), out);
    } else {
        out.push_str(text.trim_matches([' ', '\t', '\n', '\r']));
    }
    Ok(())
}

/// Keys with the texts of their values; none when it is no object.
fn members<'a>(text: &'a str, arena: &'a Arena) -> Evaluated<Option<Vec<(&'a str, &'a str)>>> {
    let mut reader = reader(text, arena);
    if reader.peek() != Some(b'{') {
        return Ok(None);
    }
    reader.expect(b'{')?;
    let mut members = Vec::new();
    if !reader.empty(b'}') {
        loop {
            reader.peek();
            let key = reader.string()?;
            reader.expect(b':')?;
            members.push((key, reader.skip()?));
            if !reader.more(b'}')? {
                break;
            }
        }
    }
    Ok(Some(members))
}

/// The texts of elements; none when it is no array.
fn elements<'a>(text: &'a str, arena: &'a Arena) -> Evaluated<Option<Vec<&'a str>>> {
    let mut reader = reader(text, arena);
    if reader.peek() != Some(b'[') {
        return Ok(None);
    }
    reader.expect(b'[')?;
    let mut elements = Vec::new();
    if !reader.empty(b']') {
        loop {
            elements.push(reader.skip()?);
            if !reader.more(b']')? {
                break;
            }
        }
    }
    Ok(Some(elements))
}
