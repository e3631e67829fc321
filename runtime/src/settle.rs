//! What a written batch settles: how far the source may forget, and which indexes are seeded.
//!
//! Each worker says, in order, its documents, that its share of an index is hydrated, and up to
//! which commit it has said everything. A mark counts only once everything said before it has
//! been written to every sink; so marks are collected with their batch and given here after the
//! write. Settling earlier would confirm changes to Postgres that a crash then loses.

use flusso_compiler::plan::IndexId;
use flusso_dataflow::Lsn;

/// What a worker said beside documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// All documents of the commits up to and including this one have been said.
    Closed(Lsn),
    /// The worker's share of an index has been emitted once.
    Hydrated(IndexId),
}

/// What a written batch made certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Everything up to and including this commit is in every sink; none when nothing was gained.
    pub durable: Option<Lsn>,
    /// Indexes that have just become complete.
    pub seeded: Vec<IndexId>,
}

/// The marks of all workers up to the last written batch.
#[derive(Debug)]
pub struct Settlement {
    /// By worker: documents of the commits up to here are all out.
    closed: Vec<Lsn>,
    /// By index: workers that have not hydrated their share.
    waiting: Vec<usize>,
    durable: Lsn,
}

impl Settlement {
    /// Nothing settled, for so many workers and indexes.
    pub fn new(workers: usize, indexes: usize) -> Settlement {
        Settlement { closed: vec![0; workers], waiting: vec![workers; indexes], durable: 0 }
    }

    /// A batch has been written; these marks came before its end, each with its worker.
    pub fn written(&mut self, marks: &[(usize, Mark)]) -> Settled {
        let mut settled = Settled::default();
        for &(worker, mark) in marks {
            match mark {
                Mark::Closed(at) => self.closed[worker] = self.closed[worker].max(at),
                Mark::Hydrated(index) => {
                    let waiting = &mut self.waiting[usize::from(index.0)];
                    *waiting = waiting.saturating_sub(1);
                    if *waiting == 0 {
                        settled.seeded.push(index);
                    }
                }
            }
        }
        let durable = self.closed.iter().min().copied().unwrap_or(0);
        if durable > self.durable {
            self.durable = durable;
            settled.durable = Some(durable);
        }
        settled
    }

    /// Whether every index has become complete.
    pub fn all_seeded(&self) -> bool {
        self.waiting.iter().all(|waiting| *waiting == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durable(at: Lsn) -> Settled {
        Settled { durable: Some(at), seeded: vec![] }
    }

    #[test]
    fn the_slowest_worker_decides() {
        let mut settlement = Settlement::new(2, 0);
        assert_eq!(settlement.written(&[(0, Mark::Closed(100))]), Settled::default());
        assert_eq!(settlement.written(&[(1, Mark::Closed(50))]), durable(50));
        assert_eq!(settlement.written(&[(1, Mark::Closed(200))]), durable(100));
    }

    #[test]
    fn the_last_mark_of_a_worker_counts_once() {
        let mut settlement = Settlement::new(1, 0);
        let marks = [(0, Mark::Closed(10)), (0, Mark::Closed(20))];
        assert_eq!(settlement.written(&marks), durable(20));
        assert_eq!(settlement.written(&[]), Settled::default());
        assert_eq!(settlement.written(&[(0, Mark::Closed(20))]), Settled::default());
    }

    #[test]
    fn an_index_is_seeded_when_all_workers_have_said_so() {
        let (one, two) = (IndexId(0), IndexId(1));
        let mut settlement = Settlement::new(2, 2);
        let first = [(0, Mark::Hydrated(one)), (0, Mark::Hydrated(two)), (1, Mark::Hydrated(two))];
        assert_eq!(settlement.written(&first).seeded, [two]);
        assert!(!settlement.all_seeded());
        assert_eq!(settlement.written(&[(1, Mark::Hydrated(one))]).seeded, [one]);
        assert!(settlement.all_seeded());
    }
}
