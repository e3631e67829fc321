//! Starts the workers, and ends them.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use flusso_compiler::plan::{IndexId, Plan};
use timely::worker::Worker;

use crate::emit::Emit;
use crate::feed::{Feeder, Input, Line, Opening};
pub use crate::fill::Fill;
use crate::fill::{Mailbox, Order, What, root_key};
use crate::measure::{Live, Measure};
use crate::render::{Common, Kept, render};
use crate::rows::Rows;
use crate::spine::home;
use crate::{busy, gather, shape};

/// How it runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads; the results are the same for any number.
    pub workers: usize,
    /// Bytes of documents in flight at which assembling waits: of changed documents, and again of
    /// the documents of each fill.
    pub in_flight: usize,
}

/// The running dataflow.
pub struct Engine {
    live: Arc<Live>,
    /// Weak, because a feeder knows from the count of owners that a worker is gone.
    waiting: Vec<Weak<AtomicUsize>>,
    gather: Arc<gather::Shared>,
    /// Of the next fill.
    number: AtomicU32,
    /// Behind a lock for no other reason than that an engine can be shared.
    guards: Mutex<timely::communication::WorkerGuards<()>>,
}

/// A worker panicked: a defect, and the message is where it was found.
#[derive(Debug)]
pub struct Panicked(pub String);

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a worker of the dataflow panicked: {}", self.0)
    }
}

impl std::error::Error for Panicked {}

/// Work done on merging batches while nothing arrives, in updates per scheduling.
const IDLE_MERGE_EFFORT: isize = 1024;

/// Starts the workers of a plan over an empty row store, with one [`Fill`] for each index. `emit`
/// is called by worker threads, with the worker's number, and must not wait.
pub fn start(
    plan: Arc<Plan>,
    settings: Settings,
    rows: Box<dyn Rows>,
    fills: &[Fill],
    emit: Arc<dyn Fn(usize, Emit) + Send + Sync>,
) -> Result<(Engine, Feeder), Panicked> {
    let workers = settings.workers.max(1);
    let live = Arc::new(Live::new(plan.kept.len(), plan.indexes.len(), workers));
    let opening = Arc::new(Opening::new());
    let kept = Arc::new(Kept::new(&plan, workers));
    let views = Arc::clone(&kept);
    let gather = Arc::new(gather::Shared {
        documents: plan.indexes.iter().map(|index| shape::document(&plan, index)).collect(),
        views: Box::new(move |at| views.read(at)),
        opening: Arc::clone(&opening),
        emit,
        live: Arc::clone(&live),
        in_flight: settings.in_flight,
        mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
    });
    let taken = Arc::new(AtomicUsize::new(0));
    for (index, fill) in fills.iter().enumerate() {
        let what = match fill {
            Fill::Emit => What::All(None),
            Fill::Silent => What::These(Vec::new()),
        };
        let order = Order { number: 0, index, what, taken: Arc::clone(&taken) };
        gather.mailboxes.iter().for_each(|mailbox| mailbox.leave(order.clone()));
    }
    let (lines, receivers): (Vec<Line>, Vec<Mutex<Option<Receiver<Input>>>>) = (0..workers)
        .map(|_| {
            let (sender, receiver) = channel();
            let line = Line { sender, wake: Arc::default(), waiting: Arc::default() };
            (line, Mutex::new(Some(receiver)))
        })
        .unzip();
    let feeder = Feeder::new(&plan, rows, Arc::clone(&opening), lines.clone());
    let all = Arc::clone(&gather);
    let common = Common { plan, kept, gather, opening, live: Arc::clone(&live) };
    let waiting = lines.iter().map(|line| Arc::downgrade(&line.waiting)).collect();
    let ends: Vec<_> = lines.into_iter().map(|line| (line.wake, line.waiting)).collect();
    let run = move |worker: &mut Worker| {
        let taken = receivers[worker.index()].lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(receiver) = taken else { return };
        let (wake, waiting) = ends[worker.index()].clone();
        let parts = busy::follow(worker, Arc::clone(&common.live));
        worker.dataflow_named("flusso", |scope| {
            render(scope, &common, &parts, &wake, &waiting, receiver);
        });
        while worker.step_or_park(None) {}
    };
    let guards = timely::execute(config(workers), run).map_err(Panicked)?;
    let (number, guards) = (AtomicU32::new(1), Mutex::new(guards));
    Ok((Engine { live, waiting, gather: all, number, guards }, feeder))
}

fn config(workers: usize) -> timely::Config {
    let mut config = timely::Config::process(workers);
    let differential = differential_dataflow::Config::default();
    differential_dataflow::configure(
        &mut config.worker,
        &differential.idle_merge_effort(Some(IDLE_MERGE_EFFORT)),
    );
    config
}

impl Engine {
    /// Has every document of an index emitted, beside the changes that go on; returns the number
    /// the documents carry, and by which each worker says that it has emitted its share. May be
    /// asked again at any time.
    pub fn refill(&self, index: IndexId) -> u32 {
        let (number, taken) = self.next();
        for mailbox in &self.gather.mailboxes {
            let (index, taken) = (usize::from(index.0), Arc::clone(&taken));
            mailbox.leave(Order { number, index, what: What::All(None), taken });
        }
        number
    }

    /// The same for documents of an index by their ids; of an id without a document it is emitted
    /// that there is none.
    pub fn again(&self, index: IndexId, ids: Vec<Box<str>>) -> u32 {
        let (number, taken) = self.next();
        let index = usize::from(index.0);
        let mailboxes = &self.gather.mailboxes;
        let mut parts = vec![Vec::new(); mailboxes.len()];
        for id in ids.into_iter().rev() {
            let key = root_key(&self.gather.documents[index], &id);
            parts[home(&key.0, mailboxes.len())].push((id, key));
        }
        for (mailbox, ids) in mailboxes.iter().zip(parts) {
            let taken = Arc::clone(&taken);
            mailbox.leave(Order { number, index, what: What::These(ids), taken });
        }
        number
    }

    fn next(&self) -> (u32, Arc<AtomicUsize>) {
        (self.number.fetch_add(1, Relaxed), Arc::default())
    }

    /// The numbers as they stand.
    pub fn measure(&self) -> Measure {
        let waiting = self.waiting.iter().filter_map(Weak::upgrade);
        let waiting = waiting.map(|rows| rows.load(Relaxed)).sum();
        Measure { waiting, ..self.live.measure() }
    }

    /// Waits until all workers have ended, which they do once the feeder is dropped.
    pub fn join(self) -> Result<(), Panicked> {
        let guards = self.guards.into_inner().unwrap_or_else(PoisonError::into_inner);
        guards.join().into_iter().try_for_each(|worker| worker.map_err(Panicked))
    }
}
