//! What comes out: documents, and how far they reach.

use flusso_compiler::plan::IndexId;

use crate::Lsn;

/// A document as it became, or that it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Which index.
    pub index: IndexId,
    /// Its id: the root's primary key.
    pub id: Box<str>,
    /// The commit that made it so. Grows with each version of a document.
    pub at: Lsn,
    /// JSON without line breaks; none when there is no such document any more.
    pub body: Option<Box<[u8]>>,
    /// Part of the first fill of an index, not of a change.
    pub seed: bool,
}

impl Document {
    /// Bytes it takes while in flight.
    pub fn size(&self) -> usize {
        size_of::<Document>() + self.id.len() + self.body.as_ref().map_or(0, |body| body.len())
    }
}

/// What a worker says, in this order for each moment: the documents, then that it is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Documents; a later one of the same id replaces an earlier.
    Documents(Vec<Document>),
    /// The worker's share of an index has been emitted once.
    Hydrated(IndexId),
    /// All documents of the commits up to and including this one have been said.
    Closed(Lsn),
}
