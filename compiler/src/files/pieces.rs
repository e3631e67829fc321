//! Where the parts of a YAML text stand in the file: a caret under the third line of a block of SQL
//! needs to know what was taken out before it.
//!
//! The text is walked beside its source. What the source has more of (indentation, the second of
//! two quotes, a backslash) begins a new piece.

use saphyr_parser::ScalarStyle;

use crate::diagnostics::Place;

/// The pieces of a text that stands at a place of a file, by the byte of the text.
pub fn pieces(file: &str, place: Place, text: &str, style: ScalarStyle) -> Vec<(u32, u32)> {
    let start = place.start as usize;
    let source = file.get(start..).unwrap_or_default();
    let mut at = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        // The first line is the sign of the block.
        ScalarStyle::Literal | ScalarStyle::Folded => match source.starts_with(['|', '>']) {
            true => source.find('\n').map_or(source.len(), |end| end + 1),
            false => 0,
        },
    };
    let mut pieces: Vec<(u32, u32)> = Vec::new();
    for (byte, wanted) in text.char_indices() {
        let mut rest = source.get(at..).unwrap_or_default().chars();
        let mut next = rest.next();
        if wanted.is_whitespace() {
            // A line that was folded is a blank in the text, an empty one a line break.
            match next {
                Some('\r') => {
                    at += 1;
                    next = rest.next();
                }
                // A line break or a tab by its escape.
                Some('\\') if style == ScalarStyle::DoubleQuoted => at += 1,
                _ => {}
            }
        } else {
            while next.is_some_and(|next| next != wanted && next.is_whitespace()) {
                at += next.map_or(0, char::len_utf8);
                next = rest.next();
            }
            let escaped = match style {
                ScalarStyle::DoubleQuoted => next == Some('\\'),
                ScalarStyle::SingleQuoted => wanted == '\'',
                ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => false,
            };
            if escaped {
                at += 1;
            }
        }
        let stands = (start + at) as u32;
        let expected = pieces.last().map(|(text, file)| file + (byte as u32 - text));
        if expected != Some(stands) {
            pieces.push((byte as u32, stands));
        }
        if !wanted.is_whitespace() || next.is_some_and(|next| next.is_whitespace() || next == '\\')
        {
            at += wanted.len_utf8();
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use crate::files::node::{Node, Value};
    use crate::files::yaml;

    /// Each character of the text under `a`, blanks apart, and the one of the file it is said to
    /// stand at.
    fn pairs(file: &str) -> Vec<(char, char)> {
        let mut found = Vec::new();
        let root = yaml::parse(0, file, &mut found).unwrap();
        let Value::Map(entries) = &root.value else { panic!("{file}") };
        let Node { value: Value::Scalar(scalar), .. } = &entries[0].node else { panic!("{file}") };
        let at = |byte: usize| {
            let after = scalar.pieces.partition_point(|(text, _)| *text as usize <= byte);
            let (text, stands) = scalar.pieces[after - 1];
            file[stands as usize + byte - text as usize..].chars().next().unwrap()
        };
        let shown = scalar.text.char_indices().filter(|(_, one)| !one.is_whitespace());
        shown.map(|(byte, one)| (one, at(byte))).collect()
    }

    #[test]
    fn every_character_is_found_in_the_file() {
        let files = [
            "a: lower(name)\n",
            "a: lower(ž,\n   name, b)\n",
            "a: 'it''s ''x'' y'\n",
            "a: \"say \\\"x\\\" and \\\\ z\"\n",
            "a: \"one\\ntwo\\tthree\"\n",
            "a: |\n  CASE WHEN x\n    THEN 'ž'\n\n  END\nb: 1\n",
            "a: >-\n  lower(\n  name,\n\n  x)\n",
            "a: |\r\n  one\r\n  two\r\n",
        ];
        for file in files {
            let pairs = pairs(file);
            assert!(pairs.len() > 4, "{file}");
            for (one, other) in pairs {
                assert_eq!(one, other, "{file}");
            }
        }
    }
}
