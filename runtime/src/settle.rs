//! What is written settles: how far the source may forget, and which indexes are complete.
//!
//! Each worker says, in order, its documents, up to which commit it has said everything, and that
//! its share of a fill is out. A mark counts only once everything said before it has been written;
//! so marks wait in line with the documents. Each sink settles for itself, and the source may
//! forget what all of them have: settling earlier would confirm changes to Postgres that a crash
//! then loses.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flusso_compiler::plan::{IndexId, Plan};
use flusso_dataflow::Lsn;
use tokio::sync::watch;

use crate::failpoint;
use crate::status::{IndexState, Phase, Status};

/// What a worker said beside documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// All documents of the commits up to and including this one have been said.
    Closed(Lsn),
    /// The worker's share of a fill has been emitted.
    Hydrated(IndexId, u32),
}

/// How far one sink has come.
#[derive(Debug)]
pub struct Settlement {
    /// By worker: documents of the commits up to here are all out.
    closed: Vec<Lsn>,
    all: Lsn,
}

impl Settlement {
    /// Nothing settled, for so many workers.
    pub fn new(workers: usize) -> Settlement {
        Settlement { closed: vec![0; workers], all: 0 }
    }

    /// All that a worker said up to this commit has been written. The commit up to which that is
    /// now so of all workers, when it has moved.
    pub fn closed(&mut self, worker: usize, at: Lsn) -> Option<Lsn> {
        self.closed[worker] = self.closed[worker].max(at);
        let all = self.closed.iter().min().copied().unwrap_or(0);
        (all > self.all).then(|| {
            self.all = all;
            all
        })
    }
}

/// All sinks together.
pub struct Together {
    plan: Arc<Plan>,
    status: Arc<Status>,
    durable: watch::Sender<Lsn>,
    each: Mutex<Vec<Came>>,
}

/// How far a sink came.
#[derive(Clone, Debug)]
struct Came {
    upto: Lsn,
    incomplete: BTreeSet<IndexId>,
}

impl Together {
    /// So many sinks, all of them empty. `durable` is told up to where Postgres may forget.
    pub fn new(
        sinks: usize,
        plan: Arc<Plan>,
        status: Arc<Status>,
        durable: watch::Sender<Lsn>,
    ) -> Together {
        let all = (0..plan.indexes.len()).map(|index| IndexId(index as u16));
        let came = Came { upto: 0, incomplete: all.collect() };
        Together { plan, status, durable, each: Mutex::new(vec![came; sinks]) }
    }

    /// Everything up to and including this commit is in a sink.
    pub fn delivered(&self, sink: usize, at: Lsn) {
        let mut each = self.lock();
        each[sink].upto = at;
        let all = each.iter().map(|came| came.upto).min().unwrap_or(0);
        if all > *self.durable.borrow() {
            failpoint::pass("settled");
            self.status.durable(all);
            self.durable.send_replace(all);
        }
    }

    /// An index is complete in a sink, or has to be filled.
    pub fn complete(&self, sink: usize, index: IndexId, complete: bool) {
        let mut each = self.lock();
        match complete {
            true => each[sink].incomplete.remove(&index),
            false => each[sink].incomplete.insert(index),
        };
        let everywhere = each.iter().all(|came| !came.incomplete.contains(&index));
        let state = if everywhere { IndexState::Seeded } else { IndexState::Backfilling };
        self.status.index(&self.plan.indexes[usize::from(index.0)].name, state);
        let all = each.iter().all(|came| came.incomplete.is_empty());
        if all && self.status.phase() == Phase::Backfilling {
            self.status.enter(Phase::Live);
            tracing::info!("live: following changes");
        }
    }

    /// Every operation leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Vec<Came>> {
        self.each.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_worker_decides() {
        let mut settlement = Settlement::new(2);
        assert_eq!(settlement.closed(0, 100), None);
        assert_eq!(settlement.closed(1, 50), Some(50));
        assert_eq!(settlement.closed(1, 50), None);
        assert_eq!(settlement.closed(1, 200), Some(100));
    }

    #[test]
    fn the_slowest_sink_decides() {
        let plan = Arc::new(Plan { tables: vec![], kept: vec![], indexes: vec![] });
        let (durable, seen) = watch::channel(0);
        let together = Together::new(2, plan, Arc::new(Status::new([])), durable);
        together.delivered(0, 100);
        assert_eq!(*seen.borrow(), 0);
        together.delivered(1, 70);
        assert_eq!(*seen.borrow(), 70);
        together.delivered(1, 170);
        assert_eq!(*seen.borrow(), 100);
    }
}
