//! SQL as it stands in a schema file, and the way back from a byte of it to a byte of the file.
//!
//! YAML takes indentation, quotes and escapes out of a text before we see it. So a text carries
//! the pieces it was put together from; without them a caret under the third line of a block would
//! point somewhere else.

use crate::diagnostics::Place;

/// A text of SQL and where it was written. Equal texts are equal wherever they stand.
#[derive(Clone, Debug)]
pub struct Sql {
    /// The text, as YAML means it.
    pub text: String,
    /// All of it in the file, quotes included.
    pub place: Place,
    /// From which byte of the text on it stands at which byte of the file, one to one.
    pub pieces: Vec<(u32, u32)>,
}

impl PartialEq for Sql {
    fn eq(&self, other: &Sql) -> bool {
        self.text == other.text
    }
}

impl Sql {
    /// Where some bytes of the text stand in the file.
    pub fn at(&self, start: usize, end: usize) -> Place {
        if self.pieces.is_empty() {
            return self.place;
        }
        let (start, end) = (self.byte(start), self.byte(end.saturating_sub(1)).saturating_add(1));
        Place { file: self.place.file, start, end: end.max(start) }
    }

    fn byte(&self, at: usize) -> u32 {
        let at = at as u32;
        let after = self.pieces.partition_point(|(text, _)| *text <= at);
        match self.pieces.get(after.saturating_sub(1)) {
            Some((text, file)) => (file + at.saturating_sub(*text)).min(self.place.end),
            None => self.place.start,
        }
    }

    /// Where a span of lines and columns stands in the file; the whole text for an empty one.
    pub fn span(&self, span: sqlparser::tokenizer::Span) -> Place {
        match self.bytes(span) {
            Some((start, end)) => self.at(start, end),
            None => self.place,
        }
    }

    /// Like [`span`](Sql::span), with the bracket that the parser's spans leave out at the end.
    pub fn whole(&self, span: sqlparser::tokenizer::Span) -> Place {
        let Some((start, mut end)) = self.bytes(span) else { return self.place };
        let opened = |text: &str, open, close| {
            text.matches(open).count().saturating_sub(text.matches(close).count())
        };
        while let Some(text) = self.text.get(start..end) {
            let rest = self.text[end..].trim_start();
            let missing = opened(text, '(', ')') > 0 && rest.starts_with(')')
                || opened(text, '[', ']') > 0 && rest.starts_with(']');
            if !missing {
                break;
            }
            end = self.text.len() - rest.len() + 1;
        }
        self.at(start, end)
    }

    /// The bytes of the text that a span of lines and columns means; none for an empty one.
    pub fn bytes(&self, span: sqlparser::tokenizer::Span) -> Option<(usize, usize)> {
        let start = self.offset(span.start)?;
        Some((start, self.offset(span.end).unwrap_or(start).max(start)))
    }

    fn offset(&self, at: sqlparser::tokenizer::Location) -> Option<usize> {
        let line = usize::try_from(at.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let before: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = self.text.get(before..)?;
        Some(before + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte))
    }
}
