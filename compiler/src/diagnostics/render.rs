//! How a diagnostic looks: the line it is about, and a caret under the words meant.
//!
//! Plain text, at most 100 columns wide whatever the file holds: sentences are wrapped, and of a
//! long line only the part around the place is shown.

use super::{Diagnostic, Place, Severity, Sources};

/// Columns of everything printed.
const WIDTH: usize = 100;

/// Terminal escapes, or nothing.
struct Style {
    red: &'static str,
    yellow: &'static str,
    blue: &'static str,
    bold: &'static str,
    plain: &'static str,
}

const COLOR: Style = Style {
    red: "\x1b[1;31m",
    yellow: "\x1b[1;33m",
    blue: "\x1b[1;34m",
    bold: "\x1b[1m",
    plain: "\x1b[0m",
};

const NO_COLOR: Style = Style { red: "", yellow: "", blue: "", bold: "", plain: "" };

/// A place as a person counts.
struct Spot<'a> {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// Characters meant on this line, at least 1.
    length: usize,
    /// The line without its end.
    text: &'a str,
}

impl Sources {
    /// One diagnostic as text that ends in a line break.
    pub fn render(&self, diagnostic: &Diagnostic, color: bool) -> String {
        let style = if color { COLOR } else { NO_COLOR };
        let Style { red, yellow, blue, bold, plain } = style;
        let (tone, word) = match diagnostic.severity {
            Severity::Error => (red, "error"),
            Severity::Warning => (yellow, "warning"),
        };
        let message = wrap(&diagnostic.message, word.len() + 2, "    ");
        let mut out = format!("{tone}{word}{plain}{bold}: {message}{plain}\n");
        let located = diagnostic.place.and_then(|place| {
            self.files.get(place.file as usize).map(|(path, text)| (path, spot(text, place)))
        });
        let gutter = match &located {
            Some((_, spot)) => spot.line.to_string().len(),
            None => 1,
        };
        if let Some((path, spot)) = &located {
            let (line, caret) = cut(spot, WIDTH - gutter - 4);
            let (number, column, path) = (spot.line, spot.column, path.display());
            out.push_str(&format!("{:gutter$}{blue}-->{plain} {path}:{number}:{column}\n", ""));
            out.push_str(&format!("{:gutter$} {blue} |{plain}\n", ""));
            out.push_str(format!(" {blue}{number} |{plain} {line}").trim_end());
            out.push_str(&format!("\n{:gutter$} {blue} |{plain} {tone}{caret}{plain}\n", ""));
        }
        if let Some(help) = &diagnostic.help {
            let indent = " ".repeat(gutter + 10);
            let help = wrap(help, gutter + 10, &indent);
            out.push_str(&format!("{:gutter$} {blue} ={plain} help: {help}\n", ""));
        }
        out
    }

    /// All of them, an empty line between.
    pub fn render_all(&self, diagnostics: &[Diagnostic], color: bool) -> String {
        let rendered: Vec<String> =
            diagnostics.iter().map(|diagnostic| self.render(diagnostic, color)).collect();
        rendered.join("\n")
    }
}

/// Finds a place in its text. Bytes that are no character boundary count as the character before.
fn spot(text: &str, place: Place) -> Spot<'_> {
    let start = text.floor_char_boundary(place.start as usize);
    let end = text.floor_char_boundary(place.end as usize).max(start);
    let before = &text[..start];
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let length = text[start..end.min(to)].trim_end().chars().count().max(1);
    Spot {
        line: before.matches('\n').count() + 1,
        column: text[from..start].chars().filter(|character| *character != '\u{feff}').count() + 1,
        length,
        text: text[from..to].trim_end_matches('\r').trim_start_matches('\u{feff}'),
    }
}

/// At most `width` characters of the line around the spot, and the carets below them.
fn cut(spot: &Spot<'_>, width: usize) -> (String, String) {
    // A control character would take the terminal elsewhere.
    let shown = |character: char| if character.is_control() { ' ' } else { character };
    let line: Vec<char> = spot.text.chars().map(shown).collect();
    // What was trimmed off the end may have been the spot.
    let (start, length) = ((spot.column - 1).min(line.len()), spot.length);
    if line.len() <= width {
        let caret = format!("{}{}", " ".repeat(start), "^".repeat(length.min(width - start)));
        return (line.into_iter().collect(), caret);
    }
    let from = (start + length.min(width / 2) + 8).saturating_sub(width).min(line.len() - width);
    let to = from + width;
    let mut window: Vec<char> = line[from..to].to_vec();
    if from > 0 {
        window[0] = '…';
    }
    if to < line.len() {
        window[width - 1] = '…';
    }
    let start = start - from;
    let caret = format!("{}{}", " ".repeat(start), "^".repeat(length.min(width - start)));
    (window.into_iter().collect(), caret)
}

/// Breaks a sentence at blanks so that lines stay within the width; the first one begins at
/// column `used`, the others after `indent`.
fn wrap(sentence: &str, used: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut column = used;
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if !out.is_empty() && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            column = indent.len();
        } else if !out.is_empty() {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}
