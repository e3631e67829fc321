//! `format`: `%s`, `%I`, `%L`, `%%`, with a position `n$`, a flag `-` and a width.

use super::{length, quote};
use crate::eval::error::{BAD_PARAMETER, EvalError, Evaluated, NULL_NOT_ALLOWED};
use crate::eval::int::Width as Integer;
use crate::eval::value::{Arena, Draft};

/// The template filled with arguments, which are given as text.
pub(crate) fn format<'a>(
    template: &str,
    args: &[Option<&str>],
    arena: &'a Arena,
) -> Evaluated<&'a str> {
    let wrong = |message: &str| EvalError::new(BAD_PARAMETER, message.to_owned());
    let mut out = Draft::with_capacity_in(template.len(), arena);
    let mut next = 0;
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let spec = Spec::parse(&mut rest)?;
        let width = match spec.width {
            Width::None => 0,
            Width::Is(width) => width,
            Width::Argument(position) => {
                let position = position.map_or(next, |position| position);
                next = position + 1;
                let width =
                    args.get(position).ok_or_else(|| wrong("too few arguments for format()"))?;
                match width {
                    None => 0,
                    Some(width) => Integer::Four.parse(width)?,
                }
            }
        };
        let kind =
            rest.chars().next().ok_or_else(|| wrong("unterminated format() type specifier"))?;
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(EvalError::new(
                BAD_PARAMETER,
                format!("unrecognized format() type specifier \"{kind}\""),
            ));
        }
        rest = &rest[1..];
        let position = spec.position.unwrap_or(next);
        next = position + 1;
        let value = *args.get(position).ok_or_else(|| wrong("too few arguments for format()"))?;
        let mut one = Draft::new_in(arena);
        match (kind, value) {
            ('s', value) => one.push_str(value.unwrap_or("")),
            ('I', Some(value)) => quote::ident(value, &mut one),
            ('I', None) => {
                let message = "null values cannot be formatted as an SQL identifier";
                return Err(EvalError::new(NULL_NOT_ALLOWED, message));
            }
            (_, Some(value)) => quote::literal(value, &mut one),
            (_, None) => one.push_str("NULL"),
        }
        if width == i64::from(i32::MIN) {
            return Err(EvalError::out_of_range("number is"));
        }
        let left = spec.left || width < 0;
        let blanks = (width.abs() - length(&one)).max(0);
        let blanks = usize::try_from(blanks).unwrap_or(usize::MAX);
        super::size(blanks.checked_add(out.len() + one.len()))?;
        if left {
            out.push_str(&one);
        }
        (0..blanks).for_each(|_| out.push(' '));
        if !left {
            out.push_str(&one);
        }
    }
    out.push_str(rest);
    Ok(out.into_bump_str())
}

/// What stands between `%` and the letter; positions from 0.
struct Spec {
    position: Option<usize>,
    left: bool,
    width: Width,
}

enum Width {
    None,
    Is(i64),
    /// In an argument, by default the next.
    Argument(Option<usize>),
}

impl Spec {
    fn parse(rest: &mut &str) -> Evaluated<Spec> {
        let wrong = |message: &'static str| EvalError::new(BAD_PARAMETER, message);
        let zero = || wrong("format specifies argument 0, but arguments are numbered from 1");
        let mut spec = Spec { position: None, left: false, width: Width::None };
        let before = *rest;
        if let Some(number) = digits(rest)? {
            match rest.strip_prefix('$') {
                Some(after) => {
                    *rest = after;
                    spec.position = Some(number.checked_sub(1).ok_or_else(zero)?);
                }
                // A width without a flag before it.
                None => *rest = before,
            }
        }
        while let Some(after) = rest.strip_prefix('-') {
            spec.left = true;
            *rest = after;
        }
        if let Some(after) = rest.strip_prefix('*') {
            *rest = after;
            let position = digits(rest)?;
            spec.width = Width::Argument(match position {
                None => None,
                Some(number) => {
                    let after = rest
                        .strip_prefix('$')
                        .ok_or_else(|| wrong("width argument position must be ended by \"$\""))?;
                    *rest = after;
                    Some(number.checked_sub(1).ok_or_else(zero)?)
                }
            });
        } else if let Some(width) = digits(rest)? {
            spec.width = Width::Is(width as i64);
        }
        Ok(spec)
    }
}

fn digits(rest: &mut &str) -> Evaluated<Option<usize>> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if end == 0 {
        return Ok(None);
    }
    let number: i32 = rest[..end].parse().map_err(|_| EvalError::out_of_range("number is"))?;
    *rest = &rest[end..];
    Ok(Some(number as usize))
}
