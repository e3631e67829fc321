//! Lets every worker read every shard of an arrangement.
//!
//! ```text
//!  arrange ─► trace ─► publish: the batches as they stand ─► Published ─► Shards, on any worker
//!                         │
//!                         └─► downstream: which keys changed
//! ```
//!
//! Batches are immutable, so a list of them behind a lock is all it takes. The list is replaced
//! before anything is said downstream: when an operator further on sees a time closed, each
//! worker has published all of its batches up to that time, because the frontier that tells so
//! has passed through this operator on every worker. Traces are compacted no further than the end
//! of the dataflow has come, so whatever an operator still holds a capability for can be read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use differential_dataflow::operators::arrange::Arranged;
use differential_dataflow::trace::{BatchReader, TraceReader};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::{ProbeHandle, Stream};
use timely::progress::Antichain;

use crate::Lsn;
use crate::lookup::{Shards, size};
use crate::measure::Gauge;
use crate::spine::{Diff, Shared, Trace};

/// The batches of one kept thing as each worker last published them.
pub struct Published<R: Diff> {
    workers: Vec<Mutex<Arc<Vec<Shared<R>>>>>,
}

impl<R: Diff> Published<R> {
    /// Nothing yet, for so many workers.
    pub fn new(workers: usize) -> Published<R> {
        Published { workers: (0..workers).map(|_| Mutex::default()).collect() }
    }

    /// All shards, to be read as of `at`.
    pub fn read(&self, at: Lsn) -> Shards<R> {
        let batches: Vec<_> = (0..self.workers.len()).map(|worker| self.of(worker)).collect();
        Shards::new(batches.iter().map(|batches| batches.as_slice()), at)
    }

    /// One worker's batches. A writer that panicked left the list whole: it replaces it at once.
    fn of(&self, worker: usize) -> Arc<Vec<Shared<R>>> {
        Arc::clone(&self.workers[worker].lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, worker: usize, batches: Vec<Shared<R>>) {
        *self.workers[worker].lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(batches);
    }
}

/// Publishes an arrangement and tells downstream what `changed` makes of each new batch.
pub fn publish<'scope, R: Diff, S: Clone + 'static>(
    arranged: Arranged<'scope, Trace<R>>,
    name: &str,
    published: Arc<Published<R>>,
    done: ProbeHandle<Lsn>,
    gauge: Arc<Gauge>,
    mut changed: impl FnMut(&Shared<R>, &mut dyn FnMut(S)) + 'static,
) -> Stream<'scope, Lsn, Vec<S>> {
    let scope = arranged.stream.scope();
    let worker = scope.index();
    let mut trace = Some(arranged.trace);
    let mut last: Vec<Shared<R>> = Vec::new();
    arranged.stream.unary_frontier(Pipeline, name, move |_, info| {
        let again = scope.activator_for(info.address);
        move |(input, frontier), output| {
            if let Some(trace) = &mut trace {
                let mut batches = Vec::new();
                trace.map_batches(|batch| {
                    if !batch.is_empty() {
                        batches.push(batch.clone());
                    }
                });
                if !same(&batches, &last) {
                    gauge.set(worker, batches.iter().map(size));
                    last.clone_from(&batches);
                    published.replace(worker, batches);
                    // Merges go on while nothing arrives: look again until they have come to rest,
                    // lest the list keep the batches alive that went into them.
                    again.activate_after(Duration::from_millis(100));
                }
                let upper = frontier.frontier().to_owned();
                let since = done.with_frontier(|frontier| frontier.to_owned());
                trace.set_physical_compaction(upper.borrow());
                trace.set_logical_compaction(since.borrow());
            }
            input.for_each(|capability, batches| {
                let mut session = output.session(&capability);
                for batch in batches.drain(..) {
                    changed(&batch, &mut |seed| session.give(seed));
                }
            });
            if frontier.frontier() == Antichain::<Lsn>::new().borrow() {
                trace = None;
            }
        }
    })
}

fn same<R: Diff>(a: &[Shared<R>], b: &[Shared<R>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(&a.0, &b.0))
}
