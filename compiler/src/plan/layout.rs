//! Columns of plain text within 100 characters, and colour where a terminal wants it.
//!
//! Widths are counted before colour is added. The last cell of a row wraps under itself; a first
//! cell that is too long for its column gets a line of its own, so that one long name does not
//! push everything to the right.

/// The widest line.
pub(super) const WIDTH: usize = 100;

/// The widest that a first column grows.
const FIRST: usize = 52;

/// A last cell with less room than this goes to a line of its own.
const NARROW: usize = 32;

/// Where such a line, and what is left of a long first cell, begins.
const HANG: usize = 6;

/// How a cell looks on a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// Headings and names of indexes.
    Strong,
    /// Kept things.
    Kept,
    /// Remarks.
    Faint,
}

/// One cell.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
    /// Numbers stand to the right.
    pub(super) right: bool,
}

/// A cell to the left.
pub(super) fn cell(text: impl Into<String>, style: Style) -> Cell {
    Cell { text: text.into(), style, right: false }
}

/// A cell with a number.
pub(super) fn figure(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), style: Style::Plain, right: true }
}

/// Rows of cells, aligned. A heading is a row too.
#[derive(Default)]
pub(super) struct Grid {
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Appends the rows as text.
    pub(super) fn print(&self, colour: bool, out: &mut String) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (n, cell) in row.iter().enumerate() {
                let width = cell.text.chars().count();
                if n > 0 || width <= FIRST {
                    widths[n] = widths[n].max(width);
                }
            }
        }
        for row in &self.rows {
            print_row(row, &widths, colour, out);
        }
    }
}

fn print_row(row: &[Cell], widths: &[usize], colour: bool, out: &mut String) {
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    let mut at = 0;
    for (n, cell) in row.iter().enumerate().take(last + 1) {
        let width = cell.text.chars().count();
        let mut start: usize = widths[..n].iter().map(|width| width + 2).sum();
        let crowded = n == last && n > 0 && start + width > WIDTH && start + NARROW > WIDTH;
        if crowded {
            start = HANG;
        }
        let after_long = n == 1 && row[0].text.chars().count() > widths[0];
        if at > start || crowded || after_long {
            out.push('\n');
            at = 0;
        }
        out.extend(std::iter::repeat_n(' ', start - at));
        let hang = match n {
            0 => HANG + cell.text.chars().take_while(|c| *c == ' ').count(),
            _ => start,
        };
        let lines = match n == last || (n == 0 && width > widths[0]) {
            true => wrap(&cell.text, WIDTH.saturating_sub(start), WIDTH.saturating_sub(hang)),
            false => vec![cell.text.clone()],
        };
        for (i, line) in lines.iter().enumerate() {
            if i > 0 {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', hang));
            }
            let width = line.chars().count();
            let blanks = if cell.right { widths[n].saturating_sub(width) } else { 0 };
            out.extend(std::iter::repeat_n(' ', blanks));
            paint(line, cell.style, colour, out);
            at = if i > 0 { hang } else { start } + blanks + width;
        }
    }
    out.push('\n');
}

/// Breaks at blanks: the first line within `first`, the others within `rest`.
pub(super) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut lines = vec![indent];
    let mut empty = true;
    for word in text.split_whitespace() {
        let limit = if lines.len() == 1 { first } else { rest };
        let Some(line) = lines.last_mut() else { break };
        if empty {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= limit {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
        empty = false;
    }
    lines
}

fn paint(text: &str, style: Style, colour: bool, out: &mut String) {
    let code = match style {
        _ if !colour || text.is_empty() => None,
        Style::Plain => None,
        Style::Strong => Some("1"),
        Style::Kept => Some("36"),
        Style::Faint => Some("2"),
    };
    match code {
        Some(code) => out.push_str(&format!("\x1b[{code}m{text}\x1b[0m")),
        None => out.push_str(text),
    }
}

/// `1.2 M`, `31 k`, `412`: two figures are enough for an estimate.
pub(super) fn rounded(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{:.1} k", n as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} k", n as f64 / 1e3),
        1_000_000..10_000_000_000 => format!("{:.1} M", n as f64 / 1e6),
        _ => format!("{} M", grouped(n / 1_000_000)),
    }
}

/// `1 798 MB`; one unit from a megabyte up, so that the column adds up by eye.
pub(super) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{} kB", n / 1_000),
        _ => format!("{} MB", grouped(n / 1_000_000)),
    }
}

/// `12 000`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}
