//! How far the capture is and what it waits for, read by whoever draws it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flusso_dataflow::Lsn;

use crate::waits::Waits;

/// Of the whole capture.
#[derive(Debug, Default)]
pub struct Progress {
    /// Per table of the plan, in its order.
    pub tables: Vec<TableProgress>,
    /// Whether the stream waits for the server, or for somebody to take what it has.
    pub waits: Arc<Waits>,
    /// Everything up to here was handed on.
    received: AtomicU64,
    /// Newest position of the server that we have heard of.
    server: AtomicU64,
    /// What the slot has been told that it may forget.
    confirmed: AtomicU64,
    /// The slot as it was last seen.
    retention: Mutex<Option<Retention>>,
}

/// What the slot keeps Postgres from forgetting, in bytes of WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// From what may still be asked for to the newest.
    pub held: Option<i64>,
    /// What may still be written before the slot is given up; none when it never is.
    pub left: Option<i64>,
    /// `max_slot_wal_keep_size`; none when there is no such limit.
    pub limit: Option<i64>,
}

/// Of the copy of one table.
#[derive(Debug, Default)]
pub struct TableProgress {
    /// Rows copied so far.
    copied: AtomicU64,
    /// Rows Postgres estimates; 0 when it does not know.
    estimate: AtomicU64,
}

impl Progress {
    /// For so many tables.
    pub(crate) fn new(tables: usize) -> Progress {
        let tables = (0..tables).map(|_| TableProgress::default()).collect();
        Progress { tables, ..Progress::default() }
    }

    /// Everything up to here was handed on.
    pub fn received(&self) -> Lsn {
        self.received.load(Ordering::Relaxed)
    }

    /// WAL between what was handed on and the server's newest, in bytes.
    pub fn lag(&self) -> u64 {
        self.server.load(Ordering::Relaxed).saturating_sub(self.received())
    }

    /// Postgres has been told that it may forget everything up to here; 0 before the first time.
    pub fn confirmed(&self) -> Lsn {
        self.confirmed.load(Ordering::Relaxed)
    }

    pub(crate) fn note_confirmed(&self, lsn: Lsn) {
        self.confirmed.fetch_max(lsn, Ordering::Relaxed);
    }

    /// The slot as it was last seen.
    pub fn retention(&self) -> Option<Retention> {
        *self.retention.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note, and says whether it has just become worth a warning.
    pub(crate) fn note_retention(&self, now: Retention) -> bool {
        let mut last = self.retention.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(now);
        now.is_short() && !before.is_some_and(Retention::is_short)
    }

    pub(crate) fn note_received(&self, lsn: Lsn) {
        self.received.fetch_max(lsn, Ordering::Relaxed);
    }

    pub(crate) fn note_server(&self, lsn: Lsn) {
        self.server.fetch_max(lsn, Ordering::Relaxed);
    }
}

impl Retention {
    /// Less than a quarter of what the slot may hold is left.
    pub fn is_short(self) -> bool {
        self.limit.zip(self.left).is_some_and(|(limit, left)| left < limit / 4)
    }

    /// The warning about a slot that is short.
    pub fn sentence(self, slot: &str) -> String {
        let [held, left, limit] = [self.held, self.left, self.limit].map(Megabytes);
        format!(
            "the replication slot `{slot}` holds {held} of WAL and Postgres gives it up after \
             {left} more (max_slot_wal_keep_size is {limit}); let what flusso waits for catch \
             up, or run ALTER SYSTEM SET max_slot_wal_keep_size = '{}MB'; SELECT pg_reload_conf();",
            self.limit.unwrap_or(0) / Megabytes::ONE * 2
        )
    }
}

/// Bytes as a person reads them.
struct Megabytes(Option<i64>);

impl Megabytes {
    const ONE: i64 = 1 << 20;
}

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB", self.0.unwrap_or(0).max(0) / Megabytes::ONE)
    }
}

impl TableProgress {
    /// Rows copied so far.
    pub fn copied(&self) -> u64 {
        self.copied.load(Ordering::Relaxed)
    }

    /// Rows Postgres estimates; none when the table was never analysed.
    pub fn estimate(&self) -> Option<u64> {
        Some(self.estimate.load(Ordering::Relaxed)).filter(|rows| *rows > 0)
    }

    pub(crate) fn add(&self, rows: u64) {
        self.copied.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn set_estimate(&self, rows: u64) {
        self.estimate.store(rows, Ordering::Relaxed);
    }
}
