//! `to_char`: values written by a template.

pub(crate) mod moment;
pub(crate) mod number;
mod tokens;

/// `st`, `nd`, `rd` or `th` for the last digits of a number.
fn ordinal(digits: &str) -> &'static str {
    let last = digits.as_bytes();
    match last {
        [.., b'1', _] => "th",
        [.., b'1'] => "st",
        [.., b'2'] => "nd",
        [.., b'3'] => "rd",
        _ => "th",
    }
}
