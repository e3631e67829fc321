//! `lower`, `upper`, `initcap`: each character by itself, by Unicode, as the C library's `towlower`
//! and `towupper` do in any locale but `C` and the Turkish ones.
//!
//! A character whose other case is several characters stays, as there: `ß`, `ŉ`, `ﬁ`.

use crate::eval::value::{Arena, Draft};
use crate::order::lower as lower_bytes;

/// In lower case.
pub(crate) fn lower<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    if !text.is_ascii() {
        return mapped(text, arena, lower_char);
    }
    if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return text;
    }
    let copy = arena.alloc_str(text);
    copy.make_ascii_lowercase();
    copy
}

/// In upper case.
pub(crate) fn upper<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    if !text.is_ascii() {
        return mapped(text, arena, upper_char);
    }
    let copy = arena.alloc_str(text);
    copy.make_ascii_uppercase();
    copy
}

/// The first letter of each run of letters and digits in upper case, the others in lower case.
pub(crate) fn initcap<'a>(text: &str, arena: &'a Arena) -> &'a str {
    let mut inside = false;
    mapped(text, arena, |character| {
        let cased = if inside { lower_char(character) } else { upper_char(character) };
        inside = cased.is_alphabetic() || cased.is_ascii_digit();
        cased
    })
}

fn mapped<'a>(text: &str, arena: &'a Arena, mut case: impl FnMut(char) -> char) -> &'a str {
    let mut out = Draft::with_capacity_in(text.len(), arena);
    text.chars().for_each(|character| out.push(case(character)));
    out.into_bump_str()
}

/// One character in lower case.
pub(crate) fn lower_char(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    // As keys and filters have it, so that both agree.
    let mut bytes = Vec::with_capacity(4);
    lower_bytes(character.encode_utf8(&mut [0; 4]).as_bytes(), &mut bytes);
    std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()).unwrap_or(character)
}

fn upper_char(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => iota(character),
    }
}

/// Greek letters with an iota below, whose full mapping is two letters but whose simple one is the
/// letter with the iota beside it.
fn iota(character: char) -> char {
    let code = u32::from(character);
    let simple = match code {
        0x1f80..=0x1faf => code | 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => code,
    };
    char::from_u32(simple).unwrap_or(character)
}
