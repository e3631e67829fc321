//! `{1,NULL,"a b",{2,3}}`, bounds before it when they do not begin with 1.

use std::fmt::Write;

use crate::eval::form;
use crate::eval::value::{Array, Draft, Value};

/// Appends an array as Postgres prints it.
pub(crate) fn print(array: Array<'_>, out: &mut Draft<'_>) {
    if array.dimensions.is_empty() {
        return out.push_str("{}");
    }
    if array.dimensions.iter().any(|(lower, _)| *lower != 1) {
        for (lower, length) in array.dimensions {
            // Writing into a draft cannot fail.
            let _ = write!(out, "[{}:{}]", lower, lower + length - 1);
        }
        out.push('=');
    }
    part(array.dimensions, array.elements, out);
}

fn part(dimensions: &[(i32, i32)], elements: &[Option<Value<'_>>], out: &mut Draft<'_>) {
    out.push('{');
    if let [(_, length), inner @ ..] = dimensions {
        let each = elements.len() / (*length).max(1) as usize;
        for (position, elements) in elements.chunks(each.max(1)).enumerate() {
            if position > 0 {
                out.push(',');
            }
            match inner {
                [] => elements.iter().for_each(|one| element(*one, out)),
                inner => part(inner, elements, out),
            }
        }
    }
    out.push('}');
}

fn element(value: Option<Value<'_>>, out: &mut Draft<'_>) {
    let Some(value) = value else { return out.push_str("NULL") };
    let start = out.len();
    form::print(value, out);
    let text = &out[start..];
    let special = |c: char| {
        matches!(c, '{' | '}' | ',' | '"' | '\\' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
    };
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(special) {
        return;
    }
    let mut quoted = Draft::with_capacity_in(text.len() + 2, out.bump());
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    out.truncate(start);
    out.push_str(&quoted);
}
