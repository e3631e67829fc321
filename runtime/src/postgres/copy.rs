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
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_postgres::Client;

use super::capture::Captured;
use super::error::CaptureError;
use super::layout::{Layout, Member, Place};
use super::progress::Progress;
use super::quote;
use crate::store::{Piece, StateError, Store};

/// Blocks in a range: 64 MB of the usual 8 kB blocks.
const RANGE_BLOCKS: u64 = 8192;
/// A batch is handed on at this many rows,
const BATCH_ROWS: usize = 64 << 10;
/// or at this many bytes of text: the channel to the feed holds about a thousand of them.
const BATCH_BYTES: usize = 256 << 10;

const COPYING: &str = "copying rows";

/// Bytes of rows that go to the row store together: a sorted run on disk.
const RUN_BYTES: usize = 32 << 20;

/// One command of the copy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    table: TableId,
    /// Of the piece, among those of its table.
    number: usize,
    sql: String,
    blocks: u64,
}

/// What is still to be copied, shared by the sessions.
pub(crate) type Commands = Arc<Mutex<VecDeque<Command>>>;

/// Where rows go.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) plan: Arc<Plan>,
    /// To the dataflow at once; without, they are read from the row store when all are there.
    pub(crate) events: Option<mpsc::Sender<Vec<Captured>>>,
    /// To the row store.
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) progress: Arc<Progress>,
}

/// Cuts a table into pieces.
pub(crate) fn cut(place: &Place) -> Vec<Piece> {
    let stores = place.members.iter().filter(|member| member.stores);
    let piece = |member: &Member, (first, end)| Piece {
        relation: member.oid,
        file: member.file,
        first,
        end,
    };
    stores.flat_map(|member| ranges(member.blocks).map(move |range| piece(member, range))).collect()
}

/// The commands for some pieces of a table.
pub(crate) fn commands(
    plan: &Plan,
    layout: &Layout,
    table: TableId,
    pieces: impl Iterator<Item = (usize, Piece)>,
) -> Vec<Command> {
    let at = usize::from(table.0);
    let columns = plan.tables[at].columns.iter().map(|column| column.name.as_str());
    let columns = quote::idents(columns);
    let members = &layout.tables[at].members;
    let command = |(number, piece): (usize, Piece)| {
        let member = members.iter().find(|member| member.oid == piece.relation)?;
        let sql = format!(
            "COPY (SELECT {columns} FROM ONLY {}{}) TO STDOUT",
            member.name,
            condition(&piece)
        );
        Some(Command { table, number, sql, blocks: member.blocks })
    };
    pieces.filter_map(command).collect()
}

/// In the order they are best begun: large tables first, because what is last should be small.
pub(crate) fn queue(mut commands: Vec<Command>) -> VecDeque<Command> {
    commands.sort_by_key(|command| std::cmp::Reverse(command.blocks));
    commands.into()
}

/// Ranges that together hold every row once. The last is open, because a table may have grown
/// since its size was read.
fn ranges(blocks: u64) -> impl Iterator<Item = (u64, Option<u64>)> {
    let count = blocks.div_ceil(RANGE_BLOCKS).max(1);
    let end = move |range| (range + 1 < count).then_some((range + 1) * RANGE_BLOCKS);
    (0..count).map(move |range| (range * RANGE_BLOCKS, end(range)))
}

fn condition(piece: &Piece) -> String {
    match (piece.first, piece.end) {
        (0, None) => String::new(),
        (first, None) => format!(" WHERE ctid >= '({first},0)'"),
        (0, Some(end)) => format!(" WHERE ctid < '({end},0)'"),
        (first, Some(end)) => format!(" WHERE ctid >= '({first},0)' AND ctid < '({end},0)'"),
    }
}

/// Copies pieces until there are none left. The session's transaction must see the snapshot.
pub(crate) async fn work(
    client: Client,
    commands: Commands,
    outlet: Outlet,
) -> Result<(), CaptureError> {
    loop {
        let next = commands.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(command) = next else { return Ok(()) };
        copy(&client, &command, &outlet).await?;
        if let Some(store) = outlet.store.clone() {
            blocking(move || store.copied(command.table, command.number)).await?;
        }
    }
}

async fn copy(client: &Client, command: &Command, outlet: &Outlet) -> Result<(), CaptureError> {
    let Command { table, sql, .. } = command;
    let Outlet { plan, events, store, progress } = outlet;
    let named = plan.table(*table);
    let failed = CaptureError::sql(COPYING);
    let malformed = || CaptureError::Protocol(format!("a malformed COPY line of {}", named.name));
    let chunks = client.copy_out(sql).await.map_err(&failed)?;
    pin_mut!(chunks);
    let mut lines = Lines::new(named.columns.len());
    let mut rows = Vec::new();
    let mut bytes = 0;
    let mut run = Run { outlet, table: *table, rows: Vec::new(), bytes: 0, writing: None };
    loop {
        let chunk = chunks.next().await.transpose().map_err(&failed)?;
        if let Some(chunk) = &chunk {
            bytes += chunk.len();
            lines.take(chunk, &mut rows).ok_or_else(malformed)?;
        }
        let full = rows.len() >= BATCH_ROWS || bytes >= BATCH_BYTES;
        if (full || chunk.is_none()) && !rows.is_empty() {
            progress.tables[usize::from(table.0)].add(rows.len() as u64);
            if store.is_some() {
                run.take(&rows, bytes).await?;
            }
            let rows = std::mem::take(&mut rows);
            if let Some(events) = events {
                let batch = vec![Captured::Rows { table: *table, rows }];
                events.send(batch).await.map_err(|_| CaptureError::Abandoned)?;
            }
            bytes = 0;
        }
        if chunk.is_none() {
            run.end().await?;
            return if lines.is_done() { Ok(()) } else { Err(malformed()) };
        }
    }
}

/// Rows on their way to the row store: one run is gathered while the one before is written.
struct Run<'a> {
    outlet: &'a Outlet,
    table: TableId,
    rows: Vec<Row>,
    bytes: usize,
    writing: Option<JoinHandle<Result<(), StateError>>>,
}

impl Run<'_> {
    async fn take(&mut self, rows: &[Row], bytes: usize) -> Result<(), CaptureError> {
        self.rows.extend_from_slice(rows);
        self.bytes += bytes;
        if self.bytes >= RUN_BYTES { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), CaptureError> {
        self.settle().await?;
        self.bytes = 0;
        let (rows, table) = (std::mem::take(&mut self.rows), self.table);
        let Some(store) = self.outlet.store.clone().filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let plan = self.outlet.plan.clone();
        let writing = spawn_blocking(move || store.ingest(&plan, table, &rows));
        self.writing = Some(writing);
        Ok(())
    }

    async fn end(&mut self) -> Result<(), CaptureError> {
        self.write().await?;
        self.settle().await
    }

    async fn settle(&mut self) -> Result<(), CaptureError> {
        match self.writing.take() {
            Some(writing) => joined(writing).await,
            None => Ok(()),
        }
    }
}

/// Runs what waits for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Result<T, CaptureError> {
    joined(spawn_blocking(work)).await
}

async fn joined<T>(work: JoinHandle<Result<T, StateError>>) -> Result<T, CaptureError> {
    match work.await {
        Ok(done) => Ok(done?),
        // It panicked, and the process is ending.
        Err(_) => Err(CaptureError::Abandoned),
    }
}

/// Lines of `COPY` text into packed rows.
struct Lines {
    columns: usize,
    packer: Packer,
    /// A value with its escapes resolved.
    plain: Vec<u8>,
    /// The start of a line whose end has not come. Servers send whole lines; proxies need not.
    partial: Vec<u8>,
}

impl Lines {
    fn new(columns: usize) -> Lines {
        Lines { columns, packer: Packer::default(), plain: Vec::new(), partial: Vec::new() }
    }

    /// Appends the rows of all whole lines; none when a line has the wrong number of values.
    fn take(&mut self, mut chunk: &[u8], rows: &mut Vec<Row>) -> Option<()> {
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
        let conditions = |blocks| -> Vec<String> {
            let piece = |(first, end)| Piece { relation: 1, file: 1, first, end };
            ranges(blocks).map(|range| condition(&piece(range))).collect()
        };
        assert_eq!(conditions(0), [""]);
        assert_eq!(conditions(RANGE_BLOCKS), [""]);
        let expected = [
            " WHERE ctid < '(8192,0)'",
            " WHERE ctid >= '(8192,0)' AND ctid < '(16384,0)'",
            " WHERE ctid >= '(16384,0)'",
        ];
        assert_eq!(conditions(2 * RANGE_BLOCKS + 1), expected);
    }
}
