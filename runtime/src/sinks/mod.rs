//! Where documents go, and what a sink promises.
//!
//! A batch handed to [`Sink::write`] comes back settled: each distinct document of it is on
//! durable ground, superseded by a newer version, or rejected under a policy that allows going
//! on. Only then may the run acknowledge the commits behind it, so nothing is lost by a crash at
//! any point: what was not settled is sent again, and sinks take the same document twice.
//!
//! ```text
//!  prepare ─► write* ─► hydrated (once a fill of an index is out) ─► write* ─► close
//!                ▲                                                     │
//!                └────────── begin (a new one beside it) ◄─────────────┘
//! ```

mod error;
pub mod opensearch;
pub mod stdout;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flusso_compiler::files::config::OnError;
use flusso_compiler::plan::IndexId;
use flusso_dataflow::Lsn;
use flusso_dataflow::emit::Document;

use crate::waits::Waits;

pub use error::SinkError;
pub use opensearch::OpenSearch;
pub use stdout::Stdout;

/// An index as sinks see it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which documents it takes.
    pub index: IndexId,
    /// The logical name, without prefix.
    pub name: String,
    /// Of the schema: 8 lower-case hex digits.
    pub hash: String,
    /// The OpenSearch index body: settings and mappings.
    pub body: serde_json::Value,
    /// Keys at the top of each of its documents: a document has them all.
    pub fields: usize,
    /// What a rejected document does.
    pub on_error: OnError,
    /// The state that its documents come from; none when that lasts no longer than the run.
    pub token: Option<String>,
}

/// What became of a batch. Of several operations on one document only the last is sent and
/// counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Documents now as the batch says.
    pub delivered: u64,
    /// Documents the sink already held a newer version of.
    pub superseded: u64,
    /// Documents refused for what they hold; their indexes allow skipping.
    pub rejected: Vec<Rejection>,
    /// Sent, repetitions included.
    pub bytes: u64,
    /// Indexes that are no longer there: their documents were dropped, and a new one is to be
    /// filled.
    pub lost: BTreeSet<IndexId>,
}

impl Written {
    fn add(&mut self, other: Written) {
        self.delivered += other.delivered;
        self.superseded += other.superseded;
        self.rejected.extend(other.rejected);
        self.bytes += other.bytes;
        self.lost.extend(other.lost);
    }
}

/// A document the sink will never take as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its index.
    pub index: IndexId,
    /// Its id.
    pub id: Box<str>,
    /// As of this commit.
    pub at: Lsn,
    /// The field at fault, when the sink says it.
    pub field: Option<String>,
    /// The sink's words, without the document's values.
    pub reason: String,
}

/// One sink.
#[derive(Debug)]
pub enum Sink {
    /// Lines on standard output.
    Stdout(Stdout),
    /// An OpenSearch cluster.
    OpenSearch(Box<OpenSearch>),
}

impl Sink {
    /// The name in the configuration.
    pub fn name(&self) -> &str {
        match self {
            Sink::Stdout(sink) => sink.name(),
            Sink::OpenSearch(sink) => sink.name(),
        }
    }

    /// Where it says what it waits for; none when it never does.
    pub fn waits(&self) -> Option<Arc<Waits>> {
        match self {
            Sink::Stdout(_) => None,
            Sink::OpenSearch(sink) => Some(sink.waits()),
        }
    }

    /// Whether documents stay there, to be searched.
    pub fn keeps(&self) -> bool {
        match self {
            Sink::Stdout(_) => false,
            Sink::OpenSearch(_) => true,
        }
    }

    /// Makes ready for the documents of these indexes, all of them; before the first document.
    /// Returns those that are to be filled: the others are complete, from the state given. Gives
    /// up on a server that is away for so long.
    pub async fn prepare(
        &mut self,
        targets: &[Target],
        patience: Duration,
    ) -> Result<Vec<IndexId>, SinkError> {
        match self {
            Sink::Stdout(sink) => {
                sink.prepare(targets);
                Ok(targets.iter().map(|target| target.index).collect())
            }
            Sink::OpenSearch(sink) => sink.prepare(targets, patience).await,
        }
    }

    /// Begins an index anew, beside a complete one if there is one.
    pub async fn begin(&mut self, index: IndexId) -> Result<(), SinkError> {
        match self {
            Sink::Stdout(_) => Ok(()),
            Sink::OpenSearch(sink) => sink.begin(index).await,
        }
    }

    /// Of the indexes that are complete, those which were made with other settings: beside each
    /// one was begun, to be filled.
    pub fn outdated(&self) -> Vec<IndexId> {
        match self {
            Sink::Stdout(_) => Vec::new(),
            Sink::OpenSearch(sink) => sink.outdated(),
        }
    }

    /// The documents of this fill are for what was begun.
    pub fn filling(&mut self, index: IndexId, fill: u32) {
        match self {
            Sink::Stdout(_) => {}
            Sink::OpenSearch(sink) => sink.filling(index, fill),
        }
    }

    /// Sees to what is done now and then. Returns indexes that are no longer there.
    pub async fn look(&mut self) -> Result<Vec<IndexId>, SinkError> {
        match self {
            Sink::Stdout(_) => Ok(Vec::new()),
            Sink::OpenSearch(sink) => sink.look().await,
        }
    }

    /// Returns when every document is settled, in the order of the batch; batches that are written
    /// at the same time have no document in common. Waits as long as the sink is only busy or away.
    pub async fn write(&self, batch: &[Document]) -> Result<Written, SinkError> {
        match self {
            Sink::Stdout(sink) => sink.write(batch).await,
            Sink::OpenSearch(sink) => sink.write(batch).await,
        }
    }

    /// The last documents of a fill of an index are about to be written: does beside them what else
    /// [`Sink::hydrated`] would have to wait for. May be given up.
    pub async fn ending(&self, index: IndexId) {
        match self {
            Sink::Stdout(_) => {}
            Sink::OpenSearch(sink) => sink.ending(index).await,
        }
    }

    /// A fill of an index has been written: show it to readers. False when it is gone and has to be
    /// begun anew.
    pub async fn hydrated(&mut self, index: IndexId) -> Result<bool, SinkError> {
        match self {
            Sink::Stdout(_) => Ok(true),
            Sink::OpenSearch(sink) => sink.hydrated(index).await,
        }
    }

    /// Nothing more will come. What was written is already settled, so there is nothing to save.
    pub async fn close(&mut self) {
        match self {
            Sink::Stdout(sink) => sink.close().await,
            Sink::OpenSearch(_) => {}
        }
    }
}
