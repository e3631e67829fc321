//! What goes in: copied rows, then the changes of committed transactions.
//!
//! ```text
//!  copied ── ticks 1, 2, … ──┐
//!                            ├─► Upsert: ±rows ─► Input to each worker ─► closed up to …
//!  change, commit ── LSNs ───┘
//! ```
//!
//! Rows of the first copy come at small times of their own, below any LSN, so that arrangements
//! absorb them chunk by chunk instead of holding all for one moment. `open` then says of which
//! LSN they are the database. A change waits until its transaction has committed, and is seen by
//! the workers when the feeder closes. All that is closed together has one time, its last LSN: the
//! frontier can stand nowhere but where everything up to a commit, and nothing after, is there.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flusso_compiler::plan::{Plan, TableId};
use timely::progress::Antichain;
use timely::scheduling::SyncActivator;

use crate::Lsn;
use crate::row::Row;
use crate::upsert::{Inconsistent, Rows, Upsert};

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

/// Of what moment the copy is, told to the workers before they see it closed.
pub(crate) struct Opening {
    at: AtomicU64,
    told: AtomicU64,
}

impl Opening {
    /// Not yet known: beyond every LSN.
    pub fn new() -> Opening {
        Opening { at: AtomicU64::new(Lsn::MAX), told: AtomicU64::new(0) }
    }

    /// The LSN of the copy once it is complete.
    pub fn at(&self) -> Lsn {
        self.at.load(Relaxed)
    }

    /// Up to where an earlier run may have handed on documents.
    pub fn told(&self) -> Lsn {
        self.told.load(Relaxed)
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

/// Feeds the workers. One of it, on one thread: commits have one order.
pub struct Feeder {
    upsert: Upsert,
    lines: Vec<Line>,
    next: usize,
    tick: Lsn,
    /// Rows copied in this tick.
    copied: usize,
    opening: Arc<Opening>,
    committed: Lsn,
    closed: Lsn,
    /// Changes of the transaction at hand: nobody sees them before it has committed.
    open: Vec<(TableId, Change)>,
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
            copied: 0,
            opening,
            committed: 0,
            closed: 0,
            open: Vec::new(),
        }
    }

    /// Rows of a table as of the snapshot.
    pub fn copied(&mut self, table: TableId, rows: Vec<Row>) -> Result<(), Inconsistent> {
        let mut deltas = Vec::with_capacity(rows.len());
        for row in rows {
            self.upsert.load(table, &row)?;
            deltas.push(Delta { old: None, new: Some(row) });
        }
        self.copied += deltas.len();
        self.spread(self.tick, table, deltas);
        if self.copied >= TICK {
            self.copied = 0;
            self.tick += 1;
            self.closed_before(self.tick);
        }
        Ok(())
    }

    /// The copy is complete: it is the database as of `at`. Each index is emitted once from it,
    /// chunk by chunk, while changes flow.
    ///
    /// `told` is `at` when consumers begin with nothing. When they go on from an earlier run, it
    /// is an LSN up to which that run may have handed on documents: where the server's WAL ended
    /// when this run began will do. Of the changes between the two each is taken by itself and
    /// every document it reaches is handed on. Else one that went from A to B and back, and was
    /// handed on as B by the earlier run, would fold into no change at all and stay B.
    pub fn open(&mut self, at: Lsn, told: Lsn) {
        self.opening.told.store(told, Relaxed);
        self.opening.at.store(at, Relaxed);
        self.committed = at;
        self.closed_before(at + 1);
    }

    /// A change of the transaction at hand.
    pub fn change(&mut self, table: TableId, change: Change) {
        self.open.push((table, change));
    }

    /// The transaction at hand committed and ended at `at`, which is greater than any before.
    pub fn commit(&mut self, at: Lsn) -> Result<(), Inconsistent> {
        for (table, change) in self.open.drain(..) {
            self.upsert.change(table, change)?;
        }
        self.committed = at;
        if at <= self.opening.told() {
            self.close();
        }
        Ok(())
    }

    /// Lets the workers see all that has been committed.
    pub fn close(&mut self) {
        if self.committed > self.closed {
            for (table, deltas) in self.upsert.drain() {
                self.spread(self.committed, table, deltas);
            }
            self.closed_before(self.committed + 1);
        }
    }

    /// Nothing was committed up to `at`; lets documents be confirmed up to there.
    pub fn idle(&mut self, at: Lsn) {
        self.committed = self.committed.max(at);
        self.close();
    }

    fn spread(&mut self, at: Lsn, table: TableId, mut deltas: Vec<Delta>) {
        while !deltas.is_empty() {
            let rest = deltas.split_off(deltas.len().min(CHUNK));
            let line = &self.lines[self.next];
            while line.waiting.load(Relaxed) > WAITING && Arc::strong_count(&line.waiting) > 1 {
                line.wake();
                std::thread::sleep(Duration::from_micros(200));
            }
            line.send(Input::Deltas(Deltas { at, table, deltas }));
            self.next = (self.next + 1) % self.lines.len();
            deltas = rest;
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
