//! Starts the workers, and ends them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use flusso_compiler::plan::Plan;
use timely::worker::Worker;

use crate::emit::Emit;
use crate::feed::{Feeder, Input, Line};
use crate::measure::{Live, Measure};
use crate::render::{Common, Kept, render};
use crate::rows::Rows;
use crate::{gather, shape};

/// How it runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads; the results are the same for any number.
    pub workers: usize,
    /// Bytes of documents handed on and not yet given back at which assembling waits.
    pub in_flight: usize,
}

/// The running dataflow.
pub struct Engine {
    live: Arc<Live>,
    guards: timely::communication::WorkerGuards<()>,
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
const IDLE_MERGE_EFFORT: isize = 4096;

/// Starts the workers of a plan over an empty row store. `emit` is called by worker threads, with
/// the worker's number, and must not wait.
pub fn start(
    plan: Arc<Plan>,
    settings: Settings,
    rows: Box<dyn Rows>,
    emit: Arc<dyn Fn(usize, Emit) + Send + Sync>,
) -> Result<(Engine, Feeder), Panicked> {
    let workers = settings.workers.max(1);
    let live = Arc::new(Live::new(plan.kept.len(), plan.indexes.len(), workers));
    let opened = Arc::new(AtomicU64::new(u64::MAX));
    let kept = Arc::new(Kept::new(&plan, workers));
    let views = Arc::clone(&kept);
    let gather = Arc::new(gather::Shared {
        documents: plan.indexes.iter().map(|index| shape::document(&plan, index)).collect(),
        views: Box::new(move |at| views.read(at)),
        opened: Arc::clone(&opened),
        emit,
        live: Arc::clone(&live),
        in_flight: settings.in_flight,
    });
    let (lines, receivers): (Vec<Line>, Vec<Mutex<Option<Receiver<Input>>>>) = (0..workers)
        .map(|_| {
            let (sender, receiver) = channel();
            let line = Line { sender, wake: Arc::default(), waiting: Arc::default() };
            (line, Mutex::new(Some(receiver)))
        })
        .unzip();
    let feeder = Feeder::new(&plan, rows, Arc::clone(&opened), lines.clone());
    let common = Common { plan, kept, gather, opened, live: Arc::clone(&live) };
    let ends: Vec<_> = lines.into_iter().map(|line| (line.wake, line.waiting)).collect();
    let run = move |worker: &mut Worker| {
        let taken = receivers[worker.index()].lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(receiver) = taken else { return };
        let (wake, waiting) = ends[worker.index()].clone();
        worker.dataflow_named("flusso", |scope| {
            render(scope, &common, &wake, &waiting, receiver);
        });
        while worker.step_or_park(None) {}
    };
    let guards = timely::execute(config(workers), run).map_err(Panicked)?;
    Ok((Engine { live, guards }, feeder))
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
    /// Gives back the size of documents that were handed on and have been delivered.
    pub fn delivered(&self, bytes: usize) {
        self.live.in_flight.fetch_sub(bytes, Relaxed);
    }

    /// The numbers as they stand.
    pub fn measure(&self) -> Measure {
        self.live.measure()
    }

    /// Waits until all workers have ended, which they do once the feeder is dropped.
    pub fn join(self) -> Result<(), Panicked> {
        self.guards.join().into_iter().try_for_each(|worker| worker.map_err(Panicked))
    }
}
