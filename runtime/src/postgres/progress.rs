//! How far the capture is, read by whoever draws it; written without locks.

use std::sync::atomic::{AtomicU64, Ordering};

use flusso_dataflow::Lsn;

/// Of the whole capture.
#[derive(Debug, Default)]
pub struct Progress {
    /// Per table of the plan, in its order.
    pub tables: Vec<TableProgress>,
    /// End of the last commit that was handed on.
    received: AtomicU64,
    /// Newest position of the server that we have heard of.
    server: AtomicU64,
}

/// Of the copy of one table.
#[derive(Debug, Default)]
pub struct TableProgress {
    /// Rows copied so far.
    copied: AtomicU64,
    /// Rows read from the state so far.
    held: AtomicU64,
    /// Rows Postgres estimates; 0 when it does not know.
    estimate: AtomicU64,
}

impl Progress {
    /// For so many tables.
    pub(crate) fn new(tables: usize) -> Progress {
        let tables = (0..tables).map(|_| TableProgress::default()).collect();
        Progress { tables, ..Progress::default() }
    }

    /// End of the last commit that was handed on.
    pub fn received(&self) -> Lsn {
        self.received.load(Ordering::Relaxed)
    }

    /// WAL between what was handed on and the server's newest, in bytes.
    pub fn lag(&self) -> u64 {
        self.server.load(Ordering::Relaxed).saturating_sub(self.received())
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

    /// Rows read from the state so far.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Rows Postgres estimates; none when the table was never analysed.
    pub fn estimate(&self) -> Option<u64> {
        Some(self.estimate.load(Ordering::Relaxed)).filter(|rows| *rows > 0)
    }

    pub(crate) fn add(&self, rows: u64) {
        self.copied.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn hold(&self, rows: u64) {
        self.held.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn set_estimate(&self, rows: u64) {
        self.estimate.store(rows, Ordering::Relaxed);
    }
}
