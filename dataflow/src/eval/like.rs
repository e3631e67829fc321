//! `LIKE`: `%` any text, `_` any one character, the escape character takes the next as it is.

use super::error::{BAD_ESCAPE, EvalError, Evaluated};
use super::text::case::lower_char;

/// A pattern, read once.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    Byte(u8),
    One,
    Any,
    /// An escape character with nothing after it.
    Cut,
}

impl Pattern {
    /// With `fold` for texts in lower case.
    pub(super) fn new(pattern: &str, escape: Option<char>, fold: bool) -> Self {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                it if Some(it) == escape => match characters.next() {
                    Some(next) => next,
                    None => {
                        tokens.push(Token::Cut);
                        break;
                    }
                },
                '%' => {
                    if tokens.last() != Some(&Token::Any) {
                        tokens.push(Token::Any);
                    }
                    continue;
                }
                '_' => {
                    tokens.push(Token::One);
                    continue;
                }
                other => other,
            };
            let literal = if fold { lower_char(literal) } else { literal };
            tokens.extend(literal.encode_utf8(&mut [0; 4]).bytes().map(Token::Byte));
        }
        Pattern(tokens)
    }

    /// Whether the whole text is like the pattern. Only the last `%` met is ever tried again: what
    /// an earlier one could take, the last can. A pattern cut off is an error where text is left
    /// to be compared with what is missing.
    pub(super) fn matches(&self, text: &[u8]) -> Evaluated<bool> {
        let tokens = self.0.as_slice();
        let (mut at, mut token) = (0, 0);
        let mut retry = None;
        loop {
            let step = match tokens.get(token) {
                Some(Token::Any) if token + 1 == tokens.len() => return Ok(true),
                Some(Token::Any) => {
                    token += 1;
                    if tokens[token] == Token::Cut && at < text.len() {
                        return Err(cut());
                    }
                    retry = Some((at, token));
                    continue;
                }
                Some(Token::Byte(byte)) => (text.get(at) == Some(byte)).then_some(1),
                Some(Token::One) => text.get(at).map(|first| width(*first)),
                Some(Token::Cut) if at < text.len() => return Err(cut()),
                Some(Token::Cut) => None,
                None if at >= text.len() => return Ok(true),
                None => None,
            };
            if let Some(bytes) = step {
                at += bytes;
                token += 1;
                continue;
            }
            // The last `%` takes one character more, or as many as up to the byte after it.
            let Some((from, after)) = retry else { return Ok(false) };
            let Some(first) = text.get(from) else { return Ok(false) };
            let next = from + width(*first);
            at = match tokens[after] {
                Token::Byte(byte) => match text.get(next..).and_then(|t| memchr::memchr(byte, t)) {
                    Some(skipped) => next + skipped,
                    None => return Ok(false),
                },
                Token::One | Token::Any | Token::Cut => next,
            };
            token = after;
            retry = Some((at, after));
        }
    }
}

#[cold]
fn cut() -> EvalError {
    EvalError::new(BAD_ESCAPE, "LIKE pattern must not end with escape character")
}

/// The bytes of the character that begins with this one.
fn width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}
