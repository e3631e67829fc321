//! Takes documents from the workers to the sinks, and settles what was written.
//!
//! ```text
//!  workers ─► queue ─► batch ─► every sink at once ─► settle ─► slot confirmed, index shown
//! ```
//!
//! A batch is what is there, up to a limit: a lone document goes at once, a flood goes in large
//! requests. The queue itself needs no bound, because the dataflow waits when more bytes are in
//! flight than it was given.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use flusso_compiler::plan::{IndexId, Plan};
use flusso_dataflow::Lsn;
use flusso_dataflow::emit::{Document, Emit, Room};
use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};

use crate::failpoint;
use crate::quarantine::Quarantine;
use crate::settle::{Mark, Settlement};
use crate::sinks::{Sink, SinkError};
use crate::status::{IndexState, Phase, Status};
use crate::store::Filled;

/// Documents in a batch.
const DOCUMENTS: usize = 10_000;
/// Bytes in a batch, but for the document that goes beyond.
const BYTES: usize = 8 << 20;

/// What workers say, each with its number.
pub type Emitted = mpsc::UnboundedReceiver<(usize, Emit)>;

/// The way out.
pub struct Delivery {
    /// For the names.
    pub plan: Arc<Plan>,
    /// All of them take every document.
    pub sinks: Vec<Sink>,
    /// To be told what was written.
    pub status: Arc<Status>,
    /// To be told up to where Postgres may forget.
    pub durable: watch::Sender<Lsn>,
    /// What sinks rejected.
    pub quarantine: Arc<Quarantine>,
    /// To be told of which index a sink has been sent all documents.
    pub filled: Filled,
    /// What has been written so far.
    pub settlement: Settlement,
}

/// What goes to the sinks together.
#[derive(Default)]
struct Batch {
    documents: Vec<Document>,
    marks: Vec<(usize, Mark)>,
    /// What the documents take up until they are written.
    rooms: Vec<Room>,
    bytes: usize,
}

impl Delivery {
    /// Delivers until the workers have ended or a sink can take no more.
    pub async fn run(&mut self, emitted: &mut Emitted) -> Result<(), SinkError> {
        let all: Vec<IndexId> = (0..self.plan.indexes.len()).map(|n| IndexId(n as u16)).collect();
        all.iter().for_each(|it| self.status.index(self.name(*it), IndexState::Backfilling));
        while let Some(first) = emitted.recv().await {
            let mut batch = Batch::default();
            self.add(&mut batch, first);
            while batch.documents.len() < DOCUMENTS && batch.bytes < BYTES {
                let Ok(next) = emitted.try_recv() else { break };
                self.add(&mut batch, next);
            }
            if !batch.documents.is_empty() {
                self.write(&batch.documents).await?;
            }
            batch.rooms.clear();
            self.settle(&batch.marks).await?;
        }
        Ok(())
    }

    /// Nothing more will be written.
    pub async fn close(&mut self) {
        join_all(self.sinks.iter_mut().map(Sink::close)).await;
    }

    fn add(&self, batch: &mut Batch, (worker, emit): (usize, Emit)) {
        match emit {
            Emit::Documents(documents, room) => {
                batch.bytes += room.bytes();
                batch.documents.extend(documents);
                batch.rooms.push(room);
            }
            Emit::Hydrated(index, 0) => batch.marks.push((worker, Mark::Hydrated(index))),
            // Documents asked for once more complete nothing.
            Emit::Hydrated(..) => {}
            Emit::Closed(at) => batch.marks.push((worker, Mark::Closed(at))),
        }
    }

    async fn write(&mut self, documents: &[Document]) -> Result<(), SinkError> {
        let timed = async |sink: &mut Sink| {
            let began = Instant::now();
            (sink.write(documents).await, began.elapsed())
        };
        let written = join_all(self.sinks.iter_mut().map(timed)).await;
        failpoint::pass(match documents.first().and_then(|document| document.fill) {
            None => "delivered",
            Some(0) => "fill",
            Some(_) => "reindex",
        });
        let mut sent: HashMap<IndexId, u64> = HashMap::new();
        documents.iter().for_each(|document| *sent.entry(document.index).or_default() += 1);
        for (sink, (written, took)) in self.sinks.iter().zip(written) {
            let written = written?;
            let (name, rejected) = (sink.name(), &written.rejected);
            let settled = self.quarantine.settle(name, |it| self.name(it), documents, rejected);
            settled.map_err(SinkError::Quarantine)?;
            for rejection in rejected {
                self.status.quarantined(self.name(rejection.index));
            }
            let sent = sent.iter().map(|(index, count)| (self.name(*index), *count));
            self.status.wrote(sink.name(), took, sent, &written);
        }
        Ok(())
    }

    async fn settle(&mut self, marks: &[(usize, Mark)]) -> Result<(), SinkError> {
        let settled = self.settlement.written(marks);
        for index in &settled.seeded {
            for sink in &mut self.sinks {
                sink.hydrated(*index).await?;
                if self.filled.is(sink, *index) {
                    // It was filled by an earlier run, and nothing was sent.
                    continue;
                }
                let name = &self.plan.indexes[usize::from(index.0)].name;
                let filled = self.quarantine.filled(sink.name(), name);
                filled.map_err(SinkError::Quarantine)?;
                self.filled.note(sink, *index);
            }
            self.status.index(self.name(*index), IndexState::Seeded);
            tracing::info!(index = self.name(*index), "the index is complete");
        }
        if self.settlement.all_seeded() && self.status.phase() == Phase::Backfilling {
            self.status.enter(Phase::Live);
            tracing::info!("live: following changes");
        }
        if let Some(at) = settled.durable {
            failpoint::pass("settled");
            self.sinks.iter().for_each(|sink| self.status.delivered(sink.name(), at));
            self.status.durable(at);
            self.durable.send_replace(at);
        }
        Ok(())
    }

    fn name(&self, index: IndexId) -> &str {
        &self.plan.indexes[usize::from(index.0)].name
    }
}
