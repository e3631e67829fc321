//! The numbers that capture and dataflow keep anyway, named after the plan and read only when
//! somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flusso_compiler::plan::Plan;
use flusso_dataflow::Lsn;
use flusso_dataflow::busy::OTHERS;
use flusso_dataflow::engine::Engine;
use tokio::sync::mpsc::WeakSender;

use crate::postgres::Captured;
use crate::postgres::progress::{Progress, Retention};

/// A reading of all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The plan's kept things, in its order.
    pub kept: Vec<Kept>,
    /// Time worked by the parts of the dataflow that are no kept thing.
    pub parts: Vec<(&'static str, Duration)>,
    /// By name.
    pub indexes: BTreeMap<String, Made>,
    /// Bytes of documents between workers and sinks.
    pub in_flight: u64,
    /// Rows waiting for the workers.
    pub waiting: u64,
    /// Batches waiting between Postgres and the dataflow, and how many may.
    pub queue: (u64, u64),
    /// Rows left out because a key could not be read.
    pub unkeyed: u64,
    /// The newest position of the server that was heard of.
    pub server: Lsn,
    /// End of the last commit that was read.
    pub received: Lsn,
    /// Documents of the commits up to here are made.
    pub assembled: Lsn,
    /// Postgres has been told that it may forget everything up to here.
    pub confirmed: Lsn,
    /// What the slot keeps Postgres from forgetting, when last looked at.
    pub retention: Option<Retention>,
}

/// One kept thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The plan's name.
    pub name: String,
    /// Rows or groups held.
    pub records: u64,
    /// Bytes held.
    pub bytes: u64,
    /// Time worked on it, all workers together.
    pub busy: Duration,
}

/// What was made of one index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Documents handed on, deletions included.
    pub built: u64,
    /// Documents found to be as before.
    pub suppressed: u64,
    /// Root rows walked by the fill.
    pub filled: u64,
    /// Root rows there are.
    pub roots: u64,
}

/// Where the numbers are.
pub struct Sources {
    /// For the names.
    pub plan: Arc<Plan>,
    /// The dataflow.
    pub engine: Arc<Engine>,
    /// The capture.
    pub captured: Arc<Progress>,
    /// What stands between the two.
    pub queue: WeakSender<Vec<Captured>>,
}

impl Sources {
    /// Reads them.
    pub fn read(&self) -> Reading {
        let measure = self.engine.measure();
        let (busy, others) = measure.busy.split_at(self.plan.kept.len());
        let kept = self.plan.kept.iter().zip(&measure.kept).zip(busy);
        let kept = kept.map(|((kept, (records, bytes)), busy)| Kept {
            name: kept.name.clone(),
            records: *records as u64,
            bytes: *bytes as u64,
            busy: *busy,
        });
        let indexes = self.plan.indexes.iter().zip(&measure.indexes).map(|(index, it)| {
            let (roots, _) = measure.kept[usize::from(index.root.0)];
            let (built, suppressed, filled) = (it.emitted, it.suppressed, it.hydrated);
            (index.name.clone(), Made { built, suppressed, filled, roots: roots as u64 })
        });
        let queue = self.queue.upgrade();
        Reading {
            kept: kept.collect(),
            parts: OTHERS.into_iter().zip(others.iter().copied()).collect(),
            indexes: indexes.collect(),
            in_flight: measure.in_flight as u64,
            waiting: measure.waiting as u64,
            queue: queue.map_or((0, 0), |queue| {
                let may = queue.max_capacity();
                ((may - queue.capacity()) as u64, may as u64)
            }),
            unkeyed: measure.unkeyed,
            server: self.captured.received() + self.captured.lag(),
            received: self.captured.received(),
            assembled: measure.closed,
            confirmed: self.captured.confirmed(),
            retention: self.captured.retention(),
        }
    }
}
