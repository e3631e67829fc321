//! How far the capture is, read by whoever draws it; written without locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

    pub(crate) fn note_received(&self, lsn: Lsn) {
        self.received.fetch_max(lsn, Ordering::Relaxed);
    }

    pub(crate) fn note_server(&self, lsn: Lsn) {
        self.server.fetch_max(lsn, Ordering::Relaxed);
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
