//! What the dataflow holds and has done, in numbers named after the plan.
//!
//! Operators add integers to shared atomics and nothing else; whoever asks gets a [`Measure`],
//! summed over workers. Bytes are exact: the containers are ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::Lsn;
use crate::busy::OTHERS;

/// Records and bytes of one kept thing, by worker.
pub struct Gauge(Vec<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    /// Zero, for so many workers.
    pub fn new(workers: usize) -> Gauge {
        Gauge((0..workers).map(|_| Default::default()).collect())
    }

    /// What one worker holds now, batch by batch.
    pub fn set(&self, worker: usize, batches: impl Iterator<Item = (usize, usize)>) {
        let (records, bytes) = batches.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        self.0[worker].0.store(records, Relaxed);
        self.0[worker].1.store(bytes, Relaxed);
    }

    fn sum(&self) -> (usize, usize) {
        let each = self.0.iter().map(|(a, b)| (a.load(Relaxed), b.load(Relaxed)));
        each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

/// Counts of one index.
#[derive(Default)]
pub struct Counts {
    /// Documents handed on.
    pub emitted: AtomicU64,
    /// Documents assembled and found to be as before.
    pub suppressed: AtomicU64,
    /// Root keys walked by fills.
    pub hydrated: AtomicU64,
}

/// The live numbers, shared by all workers.
pub struct Live {
    /// By kept thing.
    pub kept: Vec<Arc<Gauge>>,
    /// By index.
    pub indexes: Vec<Counts>,
    /// Values that could not be a key or a sort prefix; their rows are left out.
    pub unkeyed: AtomicU64,
    /// Bytes of changed documents handed on and not yet delivered.
    pub changes: Arc<AtomicUsize>,
    /// The same of all documents, those of fills included.
    pub in_flight: Arc<AtomicUsize>,
    /// By worker: documents of the commits up to here have been handed on.
    pub closed: Vec<AtomicU64>,
    /// Nanoseconds worked, by kept thing and then by [`OTHERS`].
    pub busy: Vec<AtomicU64>,
}

impl Live {
    /// Zeroes for a plan of so many kept things and indexes.
    pub fn new(kept: usize, indexes: usize, workers: usize) -> Live {
        Live {
            kept: (0..kept).map(|_| Arc::new(Gauge::new(workers))).collect(),
            indexes: (0..indexes).map(|_| Counts::default()).collect(),
            unkeyed: AtomicU64::new(0),
            changes: Arc::default(),
            in_flight: Arc::default(),
            closed: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            busy: (0..kept + OTHERS.len()).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The numbers as they stand.
    pub fn measure(&self) -> Measure {
        let index = |counts: &Counts| IndexMeasure {
            emitted: counts.emitted.load(Relaxed),
            suppressed: counts.suppressed.load(Relaxed),
            hydrated: counts.hydrated.load(Relaxed),
        };
        Measure {
            kept: self.kept.iter().map(|gauge| gauge.sum()).collect(),
            indexes: self.indexes.iter().map(index).collect(),
            unkeyed: self.unkeyed.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            waiting: 0,
            closed: self.closed.iter().map(|at| at.load(Relaxed)).min().unwrap_or(0),
            busy: self.busy.iter().map(|it| Duration::from_nanos(it.load(Relaxed))).collect(),
        }
    }
}

/// A reading of all numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Records and bytes, in the order of the plan's kept things.
    pub kept: Vec<(usize, usize)>,
    /// In the order of the plan's indexes.
    pub indexes: Vec<IndexMeasure>,
    /// Rows left out of an arrangement because a key value could not be read.
    pub unkeyed: u64,
    /// Bytes of documents between the workers and the sinks.
    pub in_flight: usize,
    /// Rows sent to the workers and not yet taken.
    pub waiting: usize,
    /// Documents of the commits up to here have been handed on by every worker.
    pub closed: Lsn,
    /// Time worked, all workers together: in the order of the plan's kept things, then [`OTHERS`].
    pub busy: Vec<Duration>,
}

/// A reading of one index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexMeasure {
    /// Documents handed on.
    pub emitted: u64,
    /// Documents assembled and found to be as before.
    pub suppressed: u64,
    /// Root keys walked by fills.
    pub hydrated: u64,
}
