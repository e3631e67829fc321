//! JSON from text: into a tree, or passed over.

use super::{Json, order};
use crate::eval::error::{BAD_TEXT, EvalError, Evaluated};
use crate::eval::numeric::{MOST_SCALE, Numeric};
use crate::eval::value::{Arena, Draft, List};

/// A `jsonb` from text: keys sorted, of equal ones the last kept.
pub(crate) fn parse<'a>(text: &'a str, arena: &'a Arena) -> Evaluated<Json<'a>> {
    let mut reader = Reader { text, at: 0, depth: 0, arena };
    let json = reader.value()?;
    reader.end()?;
    Ok(json)
}

/// Holds a text to the grammar.
pub(crate) fn check(text: &str, arena: &Arena) -> Evaluated<()> {
    let mut reader = Reader { text, at: 0, depth: 0, arena };
    reader.skip()?;
    reader.end()
}

/// Goes through a text.
pub(super) struct Reader<'a> {
    pub text: &'a str,
    pub at: usize,
    pub depth: u32,
    pub arena: &'a Arena,
}

/// Deeper ones would not fit on the stack.
const MOST_DEPTH: u32 = 1000;

impl<'a> Reader<'a> {
    #[cold]
    fn wrong<T>(&self) -> Evaluated<T> {
        Err(EvalError::new(BAD_TEXT, "invalid input syntax for type json"))
    }

    /// The next byte that is no blank.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn end(&mut self) -> Evaluated<()> {
        if self.peek().is_some() { self.wrong() } else { Ok(()) }
    }

    /// Takes one byte.
    pub(super) fn expect(&mut self, byte: u8) -> Evaluated<()> {
        match self.peek() == Some(byte) {
            true => {
                self.at += 1;
                Ok(())
            }
            false => self.wrong(),
        }
    }

    /// Takes a comma, or the end of a list; whether it was the comma.
    pub(super) fn more(&mut self, end: u8) -> Evaluated<bool> {
        let next = self.peek();
        self.at += 1;
        match next {
            Some(b',') => Ok(true),
            Some(byte) if byte == end => Ok(false),
            _ => self.wrong(),
        }
    }

    /// Takes the end of an empty list if it comes next.
    pub(super) fn empty(&mut self, end: u8) -> bool {
        let empty = self.peek() == Some(end);
        self.at += usize::from(empty);
        empty
    }

    fn deeper(&mut self) -> Evaluated<()> {
        self.depth += 1;
        match self.depth > MOST_DEPTH {
            true => Err(EvalError::new("54001", "stack depth limit exceeded")),
            false => Ok(()),
        }
    }

    fn value(&mut self) -> Evaluated<Json<'a>> {
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                self.deeper()?;
                let mut members = List::new_in(self.arena);
                if !self.empty(b'}') {
                    loop {
                        self.peek();
                        let key = self.string()?;
                        self.expect(b':')?;
                        members.push((key, self.value()?));
                        if !self.more(b'}')? {
                            break;
                        }
                    }
                }
                self.depth -= 1;
                Ok(object(members))
            }
            Some(b'[') => {
                self.at += 1;
                self.deeper()?;
                let mut elements = List::new_in(self.arena);
                if !self.empty(b']') {
                    loop {
                        elements.push(self.value()?);
                        if !self.more(b']')? {
                            break;
                        }
                    }
                }
                self.depth -= 1;
                Ok(Json::Array(elements.into_bump_slice()))
            }
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => {
                let digits = self.number()?;
                // A long one may be more than a number can be.
                let canonical = !digits.contains(['e', 'E'])
                    && !digits.starts_with("-0")
                    && digits.len() <= MOST_SCALE as usize;
                Ok(Json::Number(match canonical {
                    true => digits,
                    false => Numeric::parse(digits, self.arena)?.text(self.arena),
                }))
            }
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Evaluated<Json<'a>> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.at += length;
        match &rest[..length] {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            _ => self.wrong(),
        }
    }

    fn number(&mut self) -> Evaluated<&'a str> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |at: usize| bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut at = start + usize::from(bytes[start] == b'-');
        let whole = digits(at);
        let mut well = whole == 1 || whole > 1 && bytes[at] != b'0';
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            well &= fraction > 0;
            at += 1 + fraction;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = digits(at);
            well &= exponent > 0;
            at += exponent;
        }
        // A letter right after is no number's end.
        well &= !bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
        self.at = at;
        if well { Ok(&self.text[start..at]) } else { self.wrong() }
    }

    /// A string, unescaped.
    pub(super) fn string(&mut self) -> Evaluated<&'a str> {
        let start = self.at;
        self.skip_string()?;
        let inner = &self.text[start + 1..self.at - 1];
        let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else { return Ok(inner) };
        let mut out = Draft::with_capacity_in(inner.len(), self.arena);
        out.push_str(&inner[..first]);
        let mut rest = &inner[first..];
        while let Some(after) = rest.strip_prefix('\\') {
            let (escape, mut after) = after.split_at_checked(1).unwrap_or(("", ""));
            match escape {
                "b" => out.push('\x08'),
                "f" => out.push('\x0c'),
                "n" => out.push('\n'),
                "r" => out.push('\r'),
                "t" => out.push('\t'),
                "u" => out.push(self.unicode(&mut after)?),
                other => out.push_str(other),
            }
            let next = memchr::memchr(b'\\', after.as_bytes()).unwrap_or(after.len());
            out.push_str(&after[..next]);
            rest = &after[next..];
        }
        Ok(out.into_bump_str())
    }

    fn unicode(&self, rest: &mut &str) -> Evaluated<char> {
        let mut unit = || {
            let (digits, after) = rest.split_at_checked(4)?;
            *rest = after;
            u32::from_str_radix(digits, 16).ok()
        };
        let first = unit();
        let code = match first {
            Some(0) => {
                return Err(EvalError::new("22P05", "unsupported Unicode escape sequence"));
            }
            Some(high @ 0xd800..0xdc00) => {
                let follows = rest.strip_prefix("\\u");
                *rest = follows.unwrap_or("");
                let mut unit = || {
                    let (digits, after) = rest.split_at_checked(4)?;
                    *rest = after;
                    u32::from_str_radix(digits, 16).ok()
                };
                match unit() {
                    Some(low @ 0xdc00..0xe000) => {
                        Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                    }
                    _ => None,
                }
            }
            other => other,
        };
        match code.and_then(char::from_u32) {
            Some(character) => Ok(character),
            None => self.wrong(),
        }
    }

    fn skip_string(&mut self) -> Evaluated<()> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return self.wrong();
        }
        self.at += 1;
        loop {
            let Some(byte) = bytes.get(self.at) else { return self.wrong() };
            self.at += 1;
            match byte {
                b'"' => return Ok(()),
                0..0x20 => return self.wrong(),
                b'\\' => {
                    let escape = bytes.get(self.at);
                    self.at += 1;
                    match escape {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        Some(b'u') => {
                            let digits = bytes.get(self.at..self.at + 4);
                            if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                                return self.wrong();
                            }
                            self.at += 4;
                        }
                        _ => return self.wrong(),
                    }
                }
                _ => {}
            }
        }
    }

    /// Passes a value over and gives its text.
    pub(super) fn skip(&mut self) -> Evaluated<&'a str> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(open @ (b'{' | b'[')) => {
                let end = if open == b'{' { b'}' } else { b']' };
                self.at += 1;
                self.deeper()?;
                if !self.empty(end) {
                    loop {
                        if open == b'{' {
                            self.peek();
                            self.skip_string()?;
                            self.expect(b':')?;
                        }
                        self.skip()?;
                        if !self.more(end)? {
                            break;
                        }
                    }
                }
                self.depth -= 1;
            }
            Some(b'"') => self.skip_string()?,
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
            }
            _ => {
                self.word()?;
            }
        }
        Ok(&self.text[start..self.at])
    }
}

/// An object of members in any order; of equal keys the last is kept.
pub(super) fn object<'a>(mut members: List<'a, (&'a str, Json<'a>)>) -> Json<'a> {
    let sorted = members.is_sorted_by(|a, b| order(a.0, b.0).is_lt());
    if !sorted {
        // Stable, so that of equal keys the last written is the last.
        members.sort_by(|a, b| order(a.0, b.0));
        members.reverse();
        members.dedup_by(|a, b| a.0 == b.0);
        members.reverse();
    }
    Json::Object(members.into_bump_slice())
}
