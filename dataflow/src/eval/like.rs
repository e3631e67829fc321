//! `LIKE`: `%` any text, `_` any one character, `\` takes the next as it is. A `\` at the end
//! stands for itself.

/// A pattern, read once.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    Byte(u8),
    One,
    Any,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut bytes = pattern.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' if tokens.last() == Some(&Token::Any) => {}
                b'%' => tokens.push(Token::Any),
                b'_' => tokens.push(Token::One),
                b'\\' => tokens.push(Token::Byte(bytes.next().unwrap_or(byte))),
                byte => tokens.push(Token::Byte(byte)),
            }
        }
        Pattern(tokens)
    }

    /// Whether the whole text is like the pattern. Only the last `%` met is ever tried again: what
    /// an earlier one could take, the last can.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let tokens = self.0.as_slice();
        let (mut at, mut token) = (0, 0);
        let mut retry = None;
        loop {
            let step = match tokens.get(token) {
                Some(Token::Any) if token + 1 == tokens.len() => return true,
                Some(Token::Any) => {
                    token += 1;
                    retry = Some((at, token));
                    continue;
                }
                Some(Token::Byte(byte)) => (text.get(at) == Some(byte)).then_some(1),
                Some(Token::One) => text.get(at).map(|first| width(*first)),
                None if at >= text.len() => return true,
                None => None,
            };
            if let Some(bytes) = step {
                at += bytes;
                token += 1;
                continue;
            }
            // The last `%` takes one character more, or as many as up to the byte after it.
            let Some((from, after)) = retry else { return false };
            let Some(first) = text.get(from) else { return false };
            let next = from + width(*first);
            at = match tokens[after] {
                Token::Byte(byte) => match text.get(next..).and_then(|t| memchr::memchr(byte, t)) {
                    Some(skipped) => next + skipped,
                    None => return false,
                },
                Token::One | Token::Any => next,
            };
            token = after;
            retry = Some((at, after));
        }
    }
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
