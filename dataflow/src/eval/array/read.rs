//! Arrays from text.

use flusso_compiler::types::SqlType;

use crate::eval::error::{BAD_TEXT, EvalError, Evaluated};
use crate::eval::form;
use crate::eval::value::{Arena, Array, Draft, List, Value};

/// An array of elements of a type from `[1:2]={a,"b c",NULL}`.
pub(crate) fn parse<'a>(
    text: &'a str,
    element: &SqlType,
    arena: &'a Arena,
) -> Evaluated<Array<'a>> {
    let mut reader = Reader { text, at: 0, element, arena, elements: List::new_in(arena) };
    let bounds = reader.bounds()?;
    let mut lengths = Vec::new();
    reader.blanks();
    reader.list(0, &mut lengths)?;
    reader.blanks();
    if reader.at != text.len() {
        return reader.wrong();
    }
    if reader.elements.is_empty() {
        return Ok(Array::EMPTY);
    }
    let dimensions: Vec<(i32, i32)> = match bounds.is_empty() {
        true => lengths.iter().map(|length| (1, length.unwrap_or(0))).collect(),
        false => bounds,
    };
    let agrees = dimensions.len() == lengths.len()
        && dimensions.iter().zip(&lengths).all(|(given, found)| Some(given.1) == *found);
    if !agrees {
        return reader.wrong();
    }
    let dimensions = arena.alloc_slice_copy(&dimensions);
    Ok(Array { dimensions, elements: reader.elements.into_bump_slice() })
}

struct Reader<'a, 't> {
    text: &'a str,
    at: usize,
    element: &'t SqlType,
    arena: &'a Arena,
    elements: List<'a, Option<Value<'a>>>,
}

/// Postgres' limit.
const MOST_DIMENSIONS: usize = 6;

impl<'a> Reader<'a, '_> {
    #[cold]
    fn wrong<T>(&self) -> Evaluated<T> {
        let shown = &self.text[..self.text.floor_char_boundary(64)];
        Err(EvalError::new(BAD_TEXT, format!("malformed array literal: \"{shown}\"")))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte == 0x0b) {
            self.at += 1;
        }
    }

    /// `[lower:upper]` for each dimension and `=`, if they are there.
    fn bounds(&mut self) -> Evaluated<Vec<(i32, i32)>> {
        let mut bounds = Vec::new();
        self.blanks();
        while self.peek() == Some(b'[') {
            let rest = &self.text[self.at + 1..];
            let read = || {
                let (inside, _) = rest.split_once(']')?;
                let (lower, upper) = inside.split_once(':').unwrap_or(("1", inside));
                let (lower, upper) = (lower.parse::<i32>().ok()?, upper.parse::<i32>().ok()?);
                let length = upper.checked_sub(lower)?.checked_add(1)?;
                (length > 0).then_some((inside.len(), (lower, length)))
            };
            let Some((length, bound)) = read() else { return self.wrong() };
            bounds.push(bound);
            self.at += length + 2;
        }
        if !bounds.is_empty() {
            self.blanks();
            if self.peek() != Some(b'=') {
                return self.wrong();
            }
            self.at += 1;
        }
        Ok(bounds)
    }

    /// One pair of braces. `lengths` has the length of each dimension once its first list ended;
    /// all others must agree.
    fn list(&mut self, depth: usize, lengths: &mut Vec<Option<i32>>) -> Evaluated<()> {
        if self.peek() != Some(b'{') || depth >= MOST_DIMENSIONS {
            return self.wrong();
        }
        if lengths.len() == depth {
            // Elements stand at one depth.
            if !self.elements.is_empty() {
                return self.wrong();
            }
            lengths.push(None);
        }
        self.at += 1;
        let mut count = 0;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                self.blanks();
                if self.peek() == Some(b'{') {
                    self.list(depth + 1, lengths)?;
                } else if lengths.len() == depth + 1 {
                    self.value()?;
                } else {
                    return self.wrong();
                }
                count += 1;
                self.blanks();
                self.at += 1;
                match self.text.as_bytes().get(self.at - 1) {
                    Some(b',') => {}
                    Some(b'}') => break,
                    _ => return self.wrong(),
                }
            }
        }
        match lengths[depth] {
            None => lengths[depth] = Some(count),
            Some(length) if length == count => {}
            Some(_) => return self.wrong(),
        }
        Ok(())
    }

    fn value(&mut self) -> Evaluated<()> {
        if self.peek() == Some(b'"') {
            let text = self.quoted()?;
            self.elements.push(Some(form::parse(self.element, text, self.arena)?));
            return Ok(());
        }
        let start = self.at;
        let mut escaped = None;
        loop {
            match self.peek() {
                Some(b',' | b'}') => break,
                // Quotes stand around a whole element.
                None | Some(b'{' | b'"') => return self.wrong(),
                Some(b'\\') => {
                    let out = escaped.get_or_insert_with(|| {
                        Draft::from_str_in(&self.text[start..self.at], self.arena)
                    });
                    self.at += 1;
                    let Some(next) = self.text[self.at..].chars().next() else {
                        return self.wrong();
                    };
                    out.push(next);
                    self.at += next.len_utf8();
                }
                Some(_) => {
                    let next = self.text[self.at..].chars().next().unwrap_or(' ');
                    if let Some(out) = &mut escaped {
                        out.push(next);
                    }
                    self.at += next.len_utf8();
                }
            }
        }
        let plain = escaped.is_none();
        let text = match escaped {
            Some(out) => out.into_bump_str(),
            None => &self.text[start..self.at],
        };
        let text = text.trim_end_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
        if text.is_empty() {
            return self.wrong();
        }
        let value = match plain && text.eq_ignore_ascii_case("null") {
            true => None,
            false => Some(form::parse(self.element, text, self.arena)?),
        };
        self.elements.push(value);
        Ok(())
    }

    /// What stands between quotes, a backslash taking the next character as it is.
    fn quoted(&mut self) -> Evaluated<&'a str> {
        let mut out = Draft::new_in(self.arena);
        let mut characters = self.text[self.at + 1..].chars();
        loop {
            match characters.next() {
                Some('"') => break,
                Some('\\') => match characters.next() {
                    Some(next) => out.push(next),
                    None => return self.wrong(),
                },
                Some(other) => out.push(other),
                None => return self.wrong(),
            }
        }
        self.at = self.text.len() - characters.as_str().len();
        Ok(out.into_bump_str())
    }
}
