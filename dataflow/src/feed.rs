//! What goes in: rows of a copy or of the row store, then the changes of committed transactions.
//!
//! ```text
//!  copied, stored ─── ticks 1, 2, … ────────────────────┐
//!                                                       ├─► Input to each worker ─► closed up to …
//!  change, commit ─► close ─► Upsert: ±rows ─── LSN ────┘
//! ```
//!
//! Rows from before the stream come at small times of their own, below any LSN, so that arrangements
//! absorb them chunk by chunk instead of holding all for one moment. `open` then says of which
//! LSN they are the database. A change waits until its transaction has committed, and is seen by
//! the workers when the feeder closes. All that is closed together has one time, its last LSN: the
//! frontier can stand nowhere but where everything up to a commit, and nothing after, is there.
//!
//! But for a transaction too large to be held: it goes in piece by piece, each at a position within
//! its commit record, and no document is assembled at any of those moments.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flusso_compiler::plan::{Plan, TableId};
use timely::progress::Antichain;
use timely::scheduling::SyncActivator;

use crate::Lsn;
use crate::row::Row;
use crate::rows::{Rows, Unusable};
use crate::upsert::{Inconsistent, Step, Upsert};

/// What a transaction did to one row, as the stream tells it. Rows are packed in the order of the
/// plan's columns of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new row.
    Insert(Row),
    /// A row replaced. `old` when the stream repeats it: the whole row, or its key with the other
    /// columns NULL when only the key changed; `full` says which.
    Update {
        /// The old row or its key.
        old: Option<Row>,
        /// Whether `old` is the whole row.
        full: bool,
        /// The new row; columns may be [`Unchanged`](crate::row::Datum::Unchanged).
        new: Row,
    },
    /// A row gone; at least its key columns are filled in.
    Delete(Row),
    /// All rows gone.
    Truncate,
}

impl Change {
    /// Bytes of its rows.
    fn size(&self) -> usize {
        match self {
            Change::Insert(row) | Change::Delete(row) => row.0.len(),
            Change::Update { old, new, .. } => {
                new.0.len() + old.as_ref().map_or(0, |old| old.0.len())
            }
            Change::Truncate => 0,
        }
    }
}

/// A row as it was and as it is after what was closed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    /// Before.
    pub old: Option<Row>,
    /// After.
    pub new: Option<Row>,
}

/// Changes of one table's rows.
pub(crate) struct Deltas {
    /// The last LSN of what was closed together, or the tick of the copy.
    pub at: Lsn,
    /// Whose rows.
    pub table: TableId,
    /// The changes.
    pub deltas: Vec<Delta>,
}

/// What a worker is told.
pub(crate) enum Input {
    /// Rows of one table changed.
    Deltas(Deltas),
    /// Everything before this time has been said.
    Closed(Lsn),
}

/// Wakes a worker's source, once there is one.
pub(crate) type Wake = Arc<Mutex<Option<SyncActivator>>>;
/// Rows sent to a worker and not yet taken.
pub(crate) type Waiting = Arc<AtomicUsize>;

/// One worker's end of the feed.
#[derive(Clone)]
pub(crate) struct Line {
    pub sender: Sender<Input>,
    pub wake: Wake,
    pub waiting: Waiting,
}

impl Line {
    /// A worker that is gone takes nothing more; its panic is reported where it is joined.
    fn send(&self, input: Input) {
        if let Input::Deltas(sent) = &input {
            self.waiting.fetch_add(sent.deltas.len(), Relaxed);
        }
        let _ = self.sender.send(input);
    }

    fn wake(&self) {
        if let Some(wake) = &*self.wake.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = wake.activate();
        }
    }
}

/// Copied rows that share a tick: enough that there is little left to merge, and few enough to be
/// sorted in memory at once.
const TICK: usize = 128 * 1024;
/// Rows in one message to one worker.
const CHUNK: usize = 4096;
/// Rows waiting for a worker at which the feeder waits too.
const WAITING: usize = 256 * 1024;

/// Changes at which a transaction begins to go in piece by piece, and their bytes. Every few pieces
/// the next are twice as large, since there can be only so many.
const PIECE: (usize, usize) = (256 * 1024, 64 << 20);
/// Pieces of a size.
const ALIKE: u32 = 6;
/// Pieces before the last, which takes what is left. Each has a position of its own within the
/// commit record, which takes 34 bytes at the least.
const PIECES: u32 = 24;

/// Of what moment the rows are, told to the workers before they see it closed.
pub(crate) struct Opening {
    at: AtomicU64,
    readable: AtomicU64,
    told: AtomicU64,
    whole: AtomicU64,
}

impl Opening {
    /// Not yet known: beyond every LSN.
    pub fn new() -> Opening {
        let [at, readable] = [Lsn::MAX; 2].map(AtomicU64::new);
        Opening { at, readable, told: AtomicU64::new(0), whole: AtomicU64::new(0) }
    }

    /// The LSN of the rows once all are there.
    pub fn at(&self) -> Lsn {
        self.at.load(Relaxed)
    }

    /// Before this moment nothing is to be read: the copy, or a transaction, is not whole.
    pub fn readable(&self) -> Lsn {
        self.readable.load(Relaxed)
    }

    /// Up to where an earlier run may have handed on documents.
    pub fn told(&self) -> Lsn {
        self.told.load(Relaxed)
    }

    /// From where on what is to be filled can be read.
    pub fn whole(&self) -> Lsn {
        self.whole.load(Relaxed)
    }

    /// What of a batch that begins at `lower` counts as a change.
    pub fn since(&self, lower: &Antichain<Lsn>) -> Since {
        let (opened, told) = (self.at(), self.told());
        let begins = lower.elements().iter().min().is_some_and(|lower| *lower <= told);
        Since { opened, told: Some(told).filter(|told| *told > opened && begins) }
    }
}

/// Which updates of a batch are changes.
#[derive(Clone, Copy)]
pub(crate) struct Since {
    /// Those after this; rows of the first copy may lie in the same batch.
    pub opened: Lsn,
    /// Up to here an earlier run may have told of them; none when it told of none of these.
    pub told: Option<Lsn>,
}

/// Why no more can be fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedError {
    /// Stream and state do not fit.
    Inconsistent(Inconsistent),
    /// The row store cannot be used.
    Unusable(Unusable),
}

impl From<Inconsistent> for FeedError {
    fn from(error: Inconsistent) -> FeedError {
        FeedError::Inconsistent(error)
    }
}

impl From<Unusable> for FeedError {
    fn from(error: Unusable) -> FeedError {
        FeedError::Unusable(error)
    }
}

/// Feeds the workers. One of it, on one thread: commits have one order.
pub struct Feeder {
    upsert: Upsert,
    lines: Vec<Line>,
    next: usize,
    tick: Lsn,
    /// Rows taken in this tick.
    taken: usize,
    opening: Arc<Opening>,
    committed: Lsn,
    closed: Lsn,
    /// Changes that are not closed: nobody sees them before their transaction has committed.
    changes: Vec<(TableId, Change)>,
    /// How many of them have committed.
    whole: usize,
    /// Where the commit record of the transaction at hand begins.
    record: Lsn,
    /// Pieces of the transaction at hand that the workers have already.
    pieces: u32,
    /// Changes and bytes since the last of them.
    piece: (usize, usize),
    /// What may be in a piece.
    pub(crate) most: (usize, usize),
}

impl Feeder {
    pub(crate) fn new(
        plan: &Plan,
        rows: Box<dyn Rows>,
        opening: Arc<Opening>,
        lines: Vec<Line>,
    ) -> Feeder {
        let upsert = Upsert::new(plan, rows);
        Feeder {
            upsert,
            lines,
            next: 0,
            tick: 1,
            taken: 0,
            opening,
            committed: 0,
            closed: 0,
            changes: Vec::new(),
            whole: 0,
            record: 0,
            pieces: 0,
            piece: (0, 0),
            most: PIECE,
        }
    }

    /// Rows of a table as of the snapshot, for the row store and the workers.
    pub fn copied(&mut self, table: TableId, rows: Vec<Row>) -> Result<(), FeedError> {
        self.upsert.copied(table, &rows)?;
        self.stored(table, rows);
        Ok(())
    }

    /// Rows that the row store has, for the workers.
    pub fn stored(&mut self, table: TableId, rows: Vec<Row>) {
        self.taken += rows.len();
        let deltas = rows.into_iter().map(|row| Delta { old: None, new: Some(row) });
        self.spread(self.tick, table, deltas.collect());
        if self.taken >= TICK {
            self.taken = 0;
            self.tick += 1;
            self.closed_before(self.tick);
        }
    }

    /// All rows are there: they are the database as of `at`. Each index is emitted once from them,
    /// chunk by chunk, while changes flow.
    ///
    /// `told` is `at` when consumers begin with nothing. When they go on from an earlier run, it
    /// is an LSN up to which that run may have handed on documents: where the server's WAL ended
    /// when this run began will do. Of the changes between the two each is taken by itself and
    /// every document it reaches is handed on. Else one that went from A to B and back, and was
    /// handed on as B by the earlier run, would fold into no change at all and stay B.
    ///
    /// `whole` is `at` when all rows are of one moment. When those of some tables are newer, it is
    /// the LSN of the newest: only from there on an index that is filled can be read.
    pub fn open(&mut self, at: Lsn, told: Lsn, whole: Lsn) {
        self.opening.told.store(told, Relaxed);
        self.opening.whole.store(whole, Relaxed);
        self.opening.at.store(at, Relaxed);
        self.opening.readable.store(at, Relaxed);
        self.committed = at;
        self.closed_before(at + 1);
    }

    /// Where the commit record of the transaction at hand begins. That it commits is certain:
    /// Postgres speaks of no other.
    pub fn begin(&mut self, record: Lsn) {
        self.record = record;
    }

    /// A change of the transaction at hand.
    pub fn change(&mut self, table: TableId, change: Change) -> Result<(), FeedError> {
        self.piece.0 += 1;
        self.piece.1 += change.size();
        self.changes.push((table, change));
        let ((changes, bytes), times) = (self.most, self.pieces / ALIKE);
        let full = self.piece.0 >= changes << times || self.piece.1 >= bytes << times;
        if full && self.pieces < PIECES { self.part() } else { Ok(()) }
    }

    /// The workers take in what there is of the transaction at hand.
    fn part(&mut self) -> Result<(), FeedError> {
        if self.pieces == 0 {
            self.close()?;
            // Told before the piece is, and so before any worker can see its moment closed.
            self.opening.readable.store(Lsn::MAX, Relaxed);
        }
        self.pieces += 1;
        self.piece = (0, 0);
        self.whole = self.changes.len();
        self.committed = self.closed.max(self.record) + 1;
        self.close()
    }

    /// The transaction at hand committed and its record ended at `at`, which is greater than any
    /// before.
    pub fn commit(&mut self, at: Lsn) -> Result<(), FeedError> {
        let parted = std::mem::take(&mut self.pieces) > 0;
        if parted {
            debug_assert!(at > self.closed, "a commit record is longer than there are pieces");
            self.opening.readable.store(at, Relaxed);
        }
        self.piece = (0, 0);
        self.whole = self.changes.len();
        self.committed = at;
        // With what follows, the last part would come after the moment that is readable.
        if parted || at <= self.opening.told() {
            self.close()?;
        }
        Ok(())
    }

    /// Lets the workers see all that has been committed.
    pub fn close(&mut self) -> Result<(), FeedError> {
        let at = self.committed;
        if at <= self.closed {
            return Ok(());
        }
        let whole = self.changes.drain(..std::mem::take(&mut self.whole));
        for step in self.upsert.prepare(whole)? {
            match step {
                Step::Empty(table) => self.empty(at, table)?,
                step => self.upsert.take(step, at)?,
            }
        }
        for (table, deltas) in self.upsert.close(at, self.pieces > 0)? {
            self.spread(at, table, deltas);
        }
        self.closed_before(at + 1);
        Ok(())
    }

    /// Nothing was committed up to `at`; lets documents be confirmed up to there.
    pub fn idle(&mut self, at: Lsn) -> Result<(), FeedError> {
        self.committed = self.committed.max(at);
        self.close()
    }

    /// Empties a table, in pieces.
    fn empty(&mut self, at: Lsn, table: TableId) -> Result<(), FeedError> {
        let Feeder { upsert, lines, next, .. } = self;
        let mut gone = Vec::new();
        upsert.empty(table, &mut |row| {
            gone.push(Delta { old: Some(row), new: None });
            if gone.len() == CHUNK {
                send(lines, next, Deltas { at, table, deltas: std::mem::take(&mut gone) });
            }
        })?;
        self.spread(at, table, gone);
        Ok(())
    }

    fn spread(&mut self, at: Lsn, table: TableId, deltas: Vec<Delta>) {
        let mut left = deltas.into_iter();
        while left.len() > 0 {
            let deltas = left.by_ref().take(CHUNK).collect();
            send(&self.lines, &mut self.next, Deltas { at, table, deltas });
        }
    }

    fn closed_before(&mut self, time: Lsn) {
        self.closed = time - 1;
        for line in &self.lines {
            line.send(Input::Closed(time));
            line.wake();
        }
    }
}

/// Sends to one worker after the other, waiting for one that has enough to do.
fn send(lines: &[Line], next: &mut usize, deltas: Deltas) {
    let line = &lines[*next];
    while line.waiting.load(Relaxed) > WAITING && Arc::strong_count(&line.waiting) > 1 {
        line.wake();
        std::thread::sleep(Duration::from_micros(200));
    }
    line.send(Input::Deltas(deltas));
    *next = (*next + 1) % lines.len();
}

impl Drop for Feeder {
    /// Lets the workers find their lines closed.
    fn drop(&mut self) {
        for Line { sender, wake, .. } in self.lines.drain(..) {
            drop(sender);
            if let Some(wake) = &*wake.lock().unwrap_or_else(PoisonError::into_inner) {
                let _ = wake.activate();
            }
        }
    }
}
