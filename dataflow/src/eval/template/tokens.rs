//! Templates taken apart: key words with what stands around them, and text to be copied.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'t, K> {
    /// A character that stands for itself.
    Copy(char),
    /// A key word.
    Key {
        /// Which.
        key: K,
        /// As it was written, which says the case of names.
        written: &'t str,
        /// `FM` before it: no filling.
        fill: bool,
        /// `TH` or `th` after it.
        ordinal: Option<&'t str>,
    },
}

/// The parts of a template, given how a key word at the beginning of a text is found (which one,
/// and its length), whether `FM` goes before each key word, and whether `th` goes after them.
pub(super) fn tokens<'t, K: Copy>(
    template: &'t str,
    find: impl Fn(&str) -> Option<(K, usize)>,
    affixes: bool,
) -> Vec<Token<'t, K>> {
    let mut tokens = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let mut fill = true;
        let mut at = rest;
        if affixes {
            while let Some(after) = prefix(at) {
                fill &= !at[..2].eq_ignore_ascii_case("FM");
                at = after;
            }
        }
        if let Some((key, length)) = find(at) {
            let (written, mut after) = at.split_at(length);
            let mut ordinal = None;
            if affixes && after.get(..2).is_some_and(|it| it.eq_ignore_ascii_case("th")) {
                ordinal = Some(&after[..2]);
                after = &after[2..];
            }
            tokens.push(Token::Key { key, written, fill, ordinal });
            rest = after;
            continue;
        }
        if first == '"' {
            rest = quoted(&rest[1..], &mut tokens);
            continue;
        }
        // Outside of quotes a backslash only protects a quote.
        let (copied, length) = match rest.strip_prefix("\\\"") {
            Some(_) => ('"', 2),
            None => (first, first.len_utf8()),
        };
        // Prefixes without a key word after them are gone.
        let from = if affixes && at.len() < rest.len() && at.is_empty() { at } else { rest };
        match from.is_empty() {
            true => rest = from,
            false => {
                tokens.push(Token::Copy(copied));
                rest = &rest[length..];
            }
        }
    }
    tokens
}

/// What follows `FM`, if it is there.
fn prefix(text: &str) -> Option<&str> {
    let two = text.get(..2)?;
    (two.eq_ignore_ascii_case("FM") || two.eq_ignore_ascii_case("FX")).then(|| &text[2..])
}

/// Text between quotes, a backslash taking the next character as it is; what follows it.
fn quoted<'t, K>(text: &'t str, tokens: &mut Vec<Token<'_, K>>) -> &'t str {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return &text[at + 1..],
            '\\' => match characters.next() {
                Some((_, next)) => tokens.push(Token::Copy(next)),
                None => tokens.push(Token::Copy('\\')),
            },
            other => tokens.push(Token::Copy(other)),
        }
    }
    ""
}
