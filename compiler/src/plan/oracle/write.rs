//! SQL text: quoting, and lines that show the nesting.
//!
//! Text is only ever appended, so that a raw filter or a literal of several lines stays as it is:
//! breaking a line indents what follows, never what is there.

/// The text so far and how deep the next line stands.
#[derive(Default)]
pub(super) struct Out {
    pub(super) text: String,
    depth: usize,
}

/// What follows the select list.
#[derive(Default)]
pub(super) struct Select {
    /// The relations, joined.
    pub(super) from: String,
    /// All must be true.
    pub(super) conditions: Vec<String>,
    /// Sort keys, the tie-break included.
    pub(super) order: Vec<String>,
    /// At most so many rows.
    pub(super) limit: Option<u64>,
}

impl Out {
    /// Appends to the line at hand.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends an expression of several lines, in which no literal breaks one.
    pub(super) fn lines(&mut self, text: &str) {
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                self.line();
            }
            self.push(line);
        }
    }

    /// Begins a line.
    pub(super) fn line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }

    /// Appends `text` and begins a line one deeper.
    pub(super) fn open(&mut self, text: &str) {
        self.push(text);
        self.depth += 1;
        self.line();
    }

    /// Begins a line one less deep with `text`.
    pub(super) fn shut(&mut self, text: &str) {
        self.depth -= 1;
        self.line();
        self.push(text);
    }

    /// `FROM … WHERE … ORDER BY … LIMIT …`, each on a line.
    pub(super) fn tail(&mut self, select: &Select) {
        let Select { from, conditions, order, limit } = select;
        self.push(&format!("FROM {from}"));
        for (i, condition) in conditions.iter().enumerate() {
            self.line();
            self.push(if i == 0 { "WHERE " } else { "  AND " });
            self.push(condition);
        }
        if !order.is_empty() {
            self.line();
            self.push(&format!("ORDER BY {}", order.join(", ")));
        }
        if let Some(limit) = limit {
            self.line();
            self.push(&format!("LIMIT {limit}"));
        }
    }
}

/// A string constant on one line.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    match text.contains(['\n', '\r']) {
        false => format!("'{quoted}'"),
        true => {
            let escaped = quoted.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            format!("E'{escaped}'")
        }
    }
}

/// A name, in quotes where Postgres would read it otherwise.
pub(super) fn name(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    match plain && !RESERVED.split(' ').any(|word| word == text) {
        true => text.to_owned(),
        false => format!("\"{}\"", text.replace('"', "\"\"")),
    }
}

/// The words that are not names of tables and columns in some supported version of Postgres.
const RESERVED: &str = "\
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check \
    collate collation column concurrently constraint create cross current_catalog current_date \
    current_role current_schema current_time current_timestamp current_user default deferrable \
    desc distinct do else end except false fetch for foreign freeze from full grant group having \
    ilike in initially inner intersect into is isnull join lateral leading left like limit \
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps \
    placing primary references returning right select session_user similar some symmetric \
    system_user table tablesample then to trailing true union unique user using variadic verbose \
    when where window with";

#[cfg(test)]
mod tests {
    use super::{literal, name};

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        let quoted = ["users", "_2", "user", "Users", "a b", "2nd", "a\"b"].map(name);
        let expected =
            ["users", "_2", r#""user""#, r#""Users""#, r#""a b""#, r#""2nd""#, r#""a""b""#];
        assert_eq!(quoted, expected);
    }

    #[test]
    fn literals_stay_on_one_line() {
        assert_eq!(literal(r"it's C:\"), r"'it''s C:\'");
        assert_eq!(literal("a\nb\\'"), r"E'a\nb\\'''");
    }
}
