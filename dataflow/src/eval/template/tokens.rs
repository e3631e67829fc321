//! Templates taken apart: key words with what stands around them, and text to be copied.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'t, K> {
    /// A character that stands for itself.
    Copy(char),
    /// A key word.
    Key(Key<'t, K>),
}

/// A key word in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Key<'t, K> {
    /// Which.
    pub key: K,
    /// As it was written, which says the case of names.
    pub written: &'t str,
    /// No `FM` before it.
    pub fill: bool,
    /// `TH` or `th` after it.
    pub ordinal: Option<&'t str>,
    /// `TM` before it or `SP` after it: in another language, or in words.
    pub spelled: bool,
}

const PREFIXES: [&str; 6] = ["FM", "fm", "FX", "fx", "TM", "tm"];
const SUFFIXES: [&str; 4] = ["TH", "th", "SP", "sp"];

/// The parts of a template, given how a key word at the beginning of a text is found (which one,
/// and its length), and whether `FM` and `th` belong to single key words.
pub(super) fn tokens<'t, K>(
    template: &'t str,
    find: impl Fn(&str) -> Option<(K, usize)>,
    affixes: bool,
) -> Vec<Token<'t, K>> {
    let mut tokens = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let prefix = rest.get(..2).filter(|two| affixes && PREFIXES.contains(two));
        // One that no key word follows is gone all the same.
        rest = &rest[prefix.map_or(0, str::len)..];
        if let Some((key, length)) = find(rest) {
            let (written, after) = rest.split_at(length);
            let suffix = after.get(..2).filter(|two| affixes && SUFFIXES.contains(two));
            tokens.push(Token::Key(Key {
                key,
                written,
                fill: !prefix.is_some_and(|two| two.eq_ignore_ascii_case("FM")),
                ordinal: suffix.filter(|two| two.eq_ignore_ascii_case("TH")),
                spelled: prefix.is_some_and(|two| two.eq_ignore_ascii_case("TM"))
                    || suffix.is_some_and(|two| two.eq_ignore_ascii_case("SP")),
            }));
            rest = &after[suffix.map_or(0, str::len)..];
        } else if let Some(text) = rest.strip_prefix('"') {
            rest = quoted(text, &mut tokens);
        } else if let Some(after) = rest.strip_prefix("\\\"") {
            // Outside of quotes a backslash only protects a quote.
            tokens.push(Token::Copy('"'));
            rest = after;
        } else if rest.starts_with(first) {
            tokens.push(Token::Copy(first));
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

/// Text between quotes, a backslash taking the next character as it is; what follows it.
fn quoted<'t, K>(text: &'t str, tokens: &mut Vec<Token<'_, K>>) -> &'t str {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return &text[at + 1..],
            '\\' => tokens.push(Token::Copy(characters.next().map_or('\\', |(_, next)| next))),
            other => tokens.push(Token::Copy(other)),
        }
    }
    ""
}
