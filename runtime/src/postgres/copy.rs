//! The rows as they were at the snapshot, by `COPY … TO STDOUT` over several sessions.
//!
//! A table is cut into ranges of physical blocks, so that one large table keeps all sessions
//! busy; Postgres reads such a range without touching the rest of the table. Lines go straight
//! into packed rows in the order of the plan's columns.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use flusso_compiler::plan::{Plan, TableId};
use flusso_dataflow::row::{Datum, Packer, Row};
use futures_util::{StreamExt, pin_mut};
use tokio::sync::mpsc;
use tokio_postgres::Client;

use super::capture::Captured;
use super::error::CaptureError;
use super::layout::Layout;
use super::progress::Progress;
use super::quote;
use crate::failpoint;

/// Blocks in a range: 64 MB of the usual 8 kB blocks.
const RANGE_BLOCKS: u64 = 8192;
/// A batch is handed on at this many rows,
const BATCH_ROWS: usize = 64 << 10;
/// or at this many bytes of text: the channel to the feed holds about a thousand of them.
const BATCH_BYTES: usize = 256 << 10;

const COPYING: &str = "copying rows";

/// One command of the copy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    table: TableId,
    sql: String,
}

/// What is still to be copied, shared by the sessions.
pub(crate) type Pieces = Arc<Mutex<VecDeque<Piece>>>;

/// Cuts the tables of a plan into pieces. Large tables first: what is last should be small.
pub(crate) fn pieces(plan: &Plan, layout: &Layout) -> VecDeque<Piece> {
    let mut sized = Vec::new();
    for (at, (table, place)) in plan.tables.iter().zip(&layout.tables).enumerate() {
        let columns = quote::idents(table.columns.iter().map(|column| column.name.as_str()));
        for member in place.members.iter().filter(|member| member.stores) {
            let select = format!("SELECT {columns} FROM ONLY {}", member.name);
            for range in ranges(member.blocks) {
                let sql = format!("COPY ({select}{range}) TO STDOUT");
                sized.push((member.blocks, Piece { table: TableId(at as u16), sql }));
            }
        }
    }
    sized.sort_by_key(|(blocks, _)| std::cmp::Reverse(*blocks));
    sized.into_iter().map(|(_, piece)| piece).collect()
}

/// Conditions that together hold for every row once. The last is open, because a table may have
/// grown since its size was read.
fn ranges(blocks: u64) -> Vec<String> {
    let count = blocks.div_ceil(RANGE_BLOCKS).max(1);
    let bound = |range: u64| format!("'({},0)'", range * RANGE_BLOCKS);
    let one = |range: u64| match (range, range + 1 == count) {
        (0, true) => String::new(),
        (_, true) => format!(" WHERE ctid >= {}", bound(range)),
        (0, false) => format!(" WHERE ctid < {}", bound(1)),
        _ => format!(" WHERE ctid >= {} AND ctid < {}", bound(range), bound(range + 1)),
    };
    (0..count).map(one).collect()
}

/// Copies pieces until there are none left. The session's transaction must see the snapshot.
pub(crate) async fn work(
    client: Client,
    plan: Arc<Plan>,
    pieces: Pieces,
    events: mpsc::Sender<Vec<Captured>>,
    progress: Arc<Progress>,
) -> Result<(), CaptureError> {
    loop {
        let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(piece) = next else { return Ok(()) };
        copy(&client, &plan, &piece, &events, &progress).await?;
    }
}

async fn copy(
    client: &Client,
    plan: &Plan,
    piece: &Piece,
    events: &mpsc::Sender<Vec<Captured>>,
    progress: &Progress,
) -> Result<(), CaptureError> {
    let table = &plan.tables[usize::from(piece.table.0)];
    let failed = CaptureError::sql(COPYING);
    let malformed = || CaptureError::Protocol(format!("a malformed COPY line of {}", table.name));
    let chunks = client.copy_out(&piece.sql).await.map_err(&failed)?;
    pin_mut!(chunks);
    let mut lines = Lines::new(table.columns.len());
    let mut rows = Vec::new();
    let mut bytes = 0;
    loop {
        let chunk = chunks.next().await.transpose().map_err(&failed)?;
        if let Some(chunk) = &chunk {
            bytes += chunk.len();
            lines.take(chunk, &mut rows).ok_or_else(malformed)?;
        }
        let full = rows.len() >= BATCH_ROWS || bytes >= BATCH_BYTES;
        if (full || chunk.is_none()) && !rows.is_empty() {
            progress.tables[usize::from(piece.table.0)].add(rows.len() as u64);
            let batch = Captured::Rows { table: piece.table, rows: std::mem::take(&mut rows) };
            events.send(vec![batch]).await.map_err(|_| CaptureError::Abandoned)?;
            failpoint::pass("copy");
            bytes = 0;
        }
        if chunk.is_none() {
            return if lines.is_done() { Ok(()) } else { Err(malformed()) };
        }
    }
}

/// Lines of `COPY` text into packed rows.
pub(crate) struct Lines {
    columns: usize,
    packer: Packer,
    /// A value with its escapes resolved.
    plain: Vec<u8>,
    /// The start of a line whose end has not come. Servers send whole lines; proxies need not.
    partial: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(columns: usize) -> Lines {
        Lines { columns, packer: Packer::default(), plain: Vec::new(), partial: Vec::new() }
    }

    /// Appends the rows of all whole lines; none when a line has the wrong number of values.
    pub(crate) fn take(&mut self, mut chunk: &[u8], rows: &mut Vec<Row>) -> Option<()> {
        // A line break within a value is escaped, so that every one of them ends a line.
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(end);
            if self.partial.is_empty() {
                rows.push(self.row(line)?);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                rows.push(self.row(&whole)?);
            }
            chunk = &rest[1..];
        }
        self.partial.extend_from_slice(chunk);
        Some(())
    }

    fn is_done(&self) -> bool {
        self.partial.is_empty()
    }

    fn row(&mut self, line: &[u8]) -> Option<Row> {
        let mut left = line;
        for at in 0..self.columns {
            // In a value every tab is escaped.
            let end = match memchr::memchr(b'\t', left) {
                Some(end) if at + 1 < self.columns => end,
                None if at + 1 == self.columns => left.len(),
                _ => return None,
            };
            let value = &left[..end];
            left = left.get(end + 1..).unwrap_or_default();
            if value == b"\\N" {
                self.packer.push(Datum::Null);
            } else if let Some(escape) = memchr::memchr(b'\\', value) {
                unescape(value, escape, &mut self.plain);
                self.packer.push(Datum::Text(&self.plain));
            } else {
                self.packer.push(Datum::Text(value));
            }
        }
        Some(self.packer.finish())
    }
}

/// Resolves the escapes that `COPY TO` writes. `first` is where the first of them is.
fn unescape(value: &[u8], first: usize, plain: &mut Vec<u8>) {
    plain.clear();
    plain.extend_from_slice(&value[..first]);
    let mut left = value[first..].iter();
    while let Some(byte) = left.next() {
        plain.push(match byte {
            b'\\' => match left.next() {
                Some(b'b') => 0x08,
                Some(b'f') => 0x0c,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 0x0b,
                Some(other) => *other,
                None => b'\\',
            },
            other => *other,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(values: &[Option<&str>]) -> Row {
        let mut packer = Packer::default();
        for value in values {
            packer.push(value.map_or(Datum::Null, |text| Datum::Text(text.as_bytes())));
        }
        packer.finish()
    }

    #[test]
    fn lines_become_rows_wherever_chunks_end() {
        let text = b"1\tAnn\t\\N\n2\ta\\tb\\nc\\\\N\t\n\\\\N\t\\b\\f\\r\\v\tz\n";
        let expected = [
            packed(&[Some("1"), Some("Ann"), None]),
            packed(&[Some("2"), Some("a\tb\nc\\N"), Some("")]),
            packed(&[Some("\\N"), Some("\u{8}\u{c}\r\u{b}"), Some("z")]),
        ];
        for split in 0..=text.len() {
            let mut lines = Lines::new(3);
            let mut rows = Vec::new();
            lines.take(&text[..split], &mut rows).unwrap();
            lines.take(&text[split..], &mut rows).unwrap();
            assert_eq!(rows, expected, "split at {split}");
            assert!(lines.is_done());
        }
    }

    #[test]
    fn a_line_with_too_few_or_too_many_values_is_refused() {
        for text in [&b"1\t2\n"[..], b"1\t2\t3\t4\n", b"\n"] {
            assert!(Lines::new(3).take(text, &mut Vec::new()).is_none());
        }
    }

    #[test]
    fn ranges_meet_and_the_last_is_open() {
        assert_eq!(ranges(0), [""]);
        assert_eq!(ranges(RANGE_BLOCKS), [""]);
        let expected = [
            " WHERE ctid < '(8192,0)'",
            " WHERE ctid >= '(8192,0)' AND ctid < '(16384,0)'",
            " WHERE ctid >= '(16384,0)'",
        ];
        assert_eq!(ranges(2 * RANGE_BLOCKS + 1), expected);
    }
}
