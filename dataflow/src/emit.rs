//! What comes out: documents, how far they reach, and the room they take until they are delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use flusso_compiler::plan::IndexId;

use crate::Lsn;

/// A document as it became, or that it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Which index.
    pub index: IndexId,
    /// Its id: the root's primary key.
    pub id: Box<str>,
    /// The commit that made it so; of a fill, the one it was read at. Never less than that of an
    /// earlier version of the document.
    pub at: Lsn,
    /// JSON without line breaks; none when there is no such document any more. Shared, so that
    /// several sinks can hold it.
    pub body: Option<Arc<[u8]>>,
    /// The fill it belongs to: 0 is the first, others have the number they were asked for under.
    /// None for a change.
    pub fill: Option<u32>,
}

impl Document {
    /// Bytes it takes while in flight.
    pub fn size(&self) -> usize {
        size_of::<Document>() + self.id.len() + self.body.as_ref().map_or(0, |body| body.len())
    }
}

/// What a worker says. For each moment first the documents, then that it is closed; and versions
/// of one document in their order, those of fills among those of changes.
#[derive(Debug)]
pub enum Emit {
    /// Documents of one fill, or changes; a later one of the same id replaces an earlier. The
    /// [`Room`] is kept until they are delivered.
    Documents(Vec<Document>, Room),
    /// The worker's share of a fill has been emitted.
    Hydrated(IndexId, u32),
    /// All documents that commits up to and including this one changed have been said.
    Closed(Lsn),
}

/// The bytes that documents in flight take up of what may be; dropped, it makes room for others.
/// Changes have a bound of their own, and each fill another, so that a fill whose taker is slow
/// holds back nothing else.
#[derive(Debug)]
pub struct Room {
    bytes: usize,
    of: Arc<AtomicUsize>,
    /// All changes and fills together, to be told.
    all: Arc<AtomicUsize>,
}

impl Room {
    /// Takes up so many bytes.
    pub fn take(bytes: usize, of: &Arc<AtomicUsize>, all: &Arc<AtomicUsize>) -> Room {
        of.fetch_add(bytes, Relaxed);
        all.fetch_add(bytes, Relaxed);
        Room { bytes, of: Arc::clone(of), all: Arc::clone(all) }
    }

    /// How many.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Relaxed);
        self.all.fetch_sub(self.bytes, Relaxed);
    }
}
