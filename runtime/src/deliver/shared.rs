//! What the ways to all sinks share, and how each tells it what was written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use flusso_compiler::plan::{IndexId, Plan};
use flusso_dataflow::emit::Document;
use flusso_dataflow::engine::Engine;

use super::Backlog;
use crate::failpoint;
use crate::quarantine::Quarantine;
use crate::settle::Together;
use crate::sinks::{Sink, SinkError, Written};
use crate::status::Status;
use crate::store::Filled;
use crate::work::Work;

/// What all deliveries share.
#[derive(Clone)]
pub struct Shared {
    /// For the names.
    pub plan: Arc<Plan>,
    /// To be asked for fills.
    pub engine: Arc<Engine>,
    /// Its workers.
    pub workers: usize,
    /// To be told what was written.
    pub status: Arc<Status>,
    /// To be told what was rejected.
    pub quarantine: Arc<Quarantine>,
    /// To be told of which index a sink has been sent all documents.
    pub filled: Arc<Filled>,
    /// To be told how far this sink is.
    pub together: Arc<Together>,
    /// Of all sinks, in their order.
    pub backlogs: Arc<Vec<Arc<Backlog>>>,
}

impl Shared {
    /// Tells of what was written.
    pub fn wrote(
        &self,
        sink: &Sink,
        documents: &[Document],
        took: Duration,
        written: &Written,
    ) -> Result<(), SinkError> {
        failpoint::pass(match documents.first().and_then(|document| document.fill) {
            None => "delivered",
            Some(0) => "fill",
            Some(_) => "reindex",
        });
        let Shared { plan, status, quarantine, .. } = self;
        let name = |index: IndexId| plan.indexes[usize::from(index.0)].name.as_str();
        let settled = quarantine.settle(sink.name(), name, documents, &written.rejected);
        settled.map_err(SinkError::Quarantine)?;
        written.rejected.iter().for_each(|it| status.quarantined(name(it.index)));
        let mut sent: HashMap<IndexId, u64> = HashMap::new();
        documents.iter().for_each(|document| *sent.entry(document.index).or_default() += 1);
        let sent = sent.iter().map(|(index, count)| (name(*index), *count));
        status.wrote(sink.name(), took, sent, written);
        Ok(())
    }
}

/// A fill under way.
pub struct Fill {
    /// Of this index.
    pub index: IndexId,
    /// As the dataflow counts them.
    pub number: u32,
    /// Of the whole index, which is complete with it.
    pub whole: bool,
    /// Workers whose share is not out.
    pub left: usize,
    /// How far it is, if it was asked for and is long.
    pub work: Option<Work>,
}

/// Tells how far the fills are after these documents.
pub fn tell(shared: &Shared, fills: &mut [Fill], documents: &[Document]) {
    let Shared { plan, engine, status, .. } = shared;
    for Fill { index, number, work, .. } in fills {
        let Some(work) = work else { continue };
        let root = plan.indexes[usize::from(index.0)].root;
        let (roots, _) = engine.measure().kept[usize::from(root.0)];
        let more = documents.iter().filter(|it| it.fill == Some(*number)).count();
        work.at(work.done + more as u64, Some(roots as u64));
        status.work(work.clone());
    }
}
