//! One run: Postgres, the dataflow and the sinks tied together, from start to end.
//!
//! ```text
//!  capture ═► feed (thread) ═► engine (workers) ═┬═► deliver ═► sink
//!     ▲             └─ rows ─► state              └═► deliver ═► sink
//!     └── durable up to ─────────┘ ◄── delivered up to ─┘
//! ```
//!
//! The slot is taken before a sink is touched: of two flussos on one slot the second must not
//! write a word. Whatever ends a run, nothing needs saving: what was not confirmed comes again.

use std::sync::Arc;
use std::time::Duration;

use flusso_compiler::plan::{IndexId, Plan};
use flusso_dataflow::engine::{self, Fill, Panicked};
use flusso_dataflow::feed::FeedError;
use flusso_dataflow::rows::{Memory, Rows};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::deliver::{Ask, Backlog, Delivery, Shared, spread};
use crate::feed::{Fault, feed};
use crate::memory::{Exhausted, Guard};
use crate::postgres::{self, Capture, CaptureError};
use crate::quarantine::{Quarantine, QuarantineError};
use crate::reading::Sources;
use crate::rebuild::Rebuilds;
use crate::report::Report;
use crate::settle::Together;
use crate::sinks::{Sink, SinkError, Target};
use crate::status::{Phase, Status};
use crate::store::{self, Behind, Filled, Overlaid, StateError, Store};

/// Bytes of documents between the workers and the sinks: several batches.
const IN_FLIGHT: usize = 16 << 20;
/// How long a sink may be away at the start.
const START_UP: Duration = Duration::from_secs(60);
/// The same when there are others to begin with.
const COURTESY: Duration = Duration::from_secs(3);
/// How long after the capture it may be seen that writing has failed.
const NOTICE: Duration = Duration::from_secs(1);
/// How long an ending run waits for what is under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// What runs, and how.
pub struct Settings {
    /// The enabled indexes.
    pub plan: Arc<Plan>,
    /// Each with the indexes as it sees them, in the plan's order.
    pub sinks: Vec<(Sink, Vec<Target>)>,
    /// The source.
    pub source: postgres::Settings,
    /// Where rows outlive the process; without, every start copies the tables.
    pub state: Option<store::Settings>,
    /// Bytes of memory the process may take; none leaves that to the system.
    pub memory: Option<u64>,
    /// Threads of the dataflow.
    pub workers: usize,
    /// Between two samples of the slot's lag.
    pub lag_poll: Duration,
    /// Follow changes only. Of use to sinks that keep nothing: every other starts empty.
    pub skip_fill: bool,
    /// What sinks rejected.
    pub quarantine: Arc<Quarantine>,
    /// What is asked to be built anew.
    pub rebuilds: Arc<Rebuilds>,
    /// What is told of it.
    pub status: Arc<Status>,
}

/// Why a run ended by itself.
#[derive(Debug)]
pub enum RunError {
    /// The source.
    Capture(CaptureError),
    /// A sink.
    Sink(SinkError),
    /// The dataflow cannot be fed any more.
    Feed(FeedError),
    /// The memory budget is used up.
    Memory(Exhausted),
    /// The state.
    State(StateError),
    /// What keeps rejected documents, beside the state.
    Quarantine(QuarantineError),
    /// A defect of ours.
    Panicked(Panicked),
    /// The operating system refused a thread.
    Thread(std::io::Error),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RunError::Capture(error) => write!(f, "{error}"),
            RunError::Sink(error) => match error.cure() {
                Some(cure) => write!(f, "{error}; {cure}"),
                None => write!(f, "{error}"),
            },
            RunError::Feed(FeedError::Inconsistent(error)) => {
                write!(f, "{error}; start again to copy the table anew")
            }
            RunError::Feed(FeedError::Unusable(error)) => write!(f, "{error}"),
            RunError::Memory(error) => write!(f, "{error}"),
            RunError::State(error) => write!(f, "{error}"),
            RunError::Quarantine(error) => write!(f, "{error}"),
            RunError::Panicked(error) => write!(f, "{error}"),
            RunError::Thread(error) => write!(f, "no thread for the feed: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Runs until `stop` becomes true, which is the good end, or until something cannot go on.
pub async fn run(settings: Settings, stop: watch::Receiver<bool>) -> Result<(), RunError> {
    let status = settings.status.clone();
    let ended = follow(settings, stop).await;
    status.enter(Phase::Stopped);
    if let Err(error) = &ended {
        status.error(error.to_string());
    }
    ended
}

async fn follow(settings: Settings, mut stop: watch::Receiver<bool>) -> Result<(), RunError> {
    let Settings { plan, mut sinks, source, state, memory, workers, .. } = settings;
    let Settings { lag_poll, skip_fill, quarantine, rebuilds, status, .. } = settings;
    let open = |state| Store::open(&state).map(Arc::new);
    let store = state.map(|state| tokio::task::block_in_place(|| open(state))).transpose();
    let store = store.map_err(RunError::State)?;
    if let Some(store) = &store {
        let file = store.path().join("quarantine");
        quarantine.keep_in(&file).map_err(RunError::Quarantine)?;
    }
    let starting = postgres::capture::start(plan.clone(), source, store.clone(), stop.clone());
    let started = tokio::select! {
        started = starting => started,
        () = stopped(&mut stop) => return Ok(()),
    };
    let Capture { events, queue, durable, progress, mut task } =
        started.map_err(RunError::Capture)?;
    for (sink, _) in &sinks {
        status.sink(sink.name());
        if let Some(waits) = sink.waits() {
            status.watch(format!("sink {}", sink.name()), waits);
        }
    }
    let filled = store.clone().map(|store| Filled::new(store, &sinks)).transpose();
    let filled = Arc::new(filled.map_err(RunError::State)?.unwrap_or_default());
    for (sink, targets) in &mut sinks {
        targets.iter_mut().for_each(|target| target.token = filled.token(sink, target.index));
    }
    let watermark = store.as_ref().map(|store| store.watermark()).transpose();
    let fresh = watermark.map_err(RunError::State)?.flatten().is_none();
    let prepared = tokio::select! {
        prepared = prepare(sinks, &filled, fresh) => prepared,
        () = stopped(&mut stop) => return Ok(()),
    };
    let sinks = prepared.map_err(RunError::Sink)?;

    let backlogs: Arc<Vec<Arc<Backlog>>> = Arc::new(sinks.iter().map(|_| Arc::default()).collect());
    let to = Arc::clone(&backlogs);
    let emit = Arc::new(move |worker, said| spread(&to, worker, said));
    let how = engine::Settings { workers, in_flight: IN_FLIGHT * sinks.len().max(1) };
    let fills: Vec<Fill> = (0..plan.indexes.len())
        .map(|index| first_fill(&sinks, IndexId(index as u16), skip_fill))
        .collect();
    // The first sink takes the first fill; each other asks for its own.
    if let Some(first) = backlogs.first() {
        first.expect(|| 0);
    }
    let behind = store.clone().map(Behind::new);
    let rows: Box<dyn Rows> = match &behind {
        Some(behind) => Box::new(Overlaid(behind.clone())),
        None => Box::new(Memory::default()),
    };
    let (engine, feeder) =
        engine::start(plan.clone(), how, rows, &fills, emit).map_err(RunError::Panicked)?;
    status.watch("postgres", progress.waits.clone());
    let (engine, captured) = (Arc::new(engine), progress.clone());
    let (engine_too, store_too) = (engine.clone(), store.clone());
    let sources =
        Sources { plan: plan.clone(), engine: engine_too, captured, store: store_too, queue };
    status.attach(move || sources.read());
    status.enter(Phase::Backfilling);

    let (fed, feed_ended) = tokio::sync::oneshot::channel();
    let (feeding, kept) = (status.clone(), store.is_some());
    std::thread::Builder::new()
        .name("feed".to_owned())
        .spawn(move || drop(fed.send(feed(events, feeder, kept, feeding, memory.map(Guard::new)))))
        .map_err(RunError::Thread)?;
    // With state, what is delivered is durable only once the rows are.
    let (durable, mut writing) = match behind {
        Some(behind) => {
            let (delivered, following) = watch::channel(0);
            (delivered, Some(tokio::spawn(store::follow(behind, following, durable))))
        }
        None => (durable, None),
    };
    let report =
        Report { plan: plan.clone(), status: status.clone(), captured: progress, lag_poll };
    let report = tokio::spawn(report.run());

    let together = Together::new(sinks.len(), plan.clone(), status.clone(), durable);
    let (of, together) = (plan.clone(), Arc::new(together));
    let shared = Shared { plan, engine, workers, status, quarantine, filled, together, backlogs };
    let ending = watch::Sender::new(false);
    let mut deliveries = JoinSet::new();
    let mut ways = Vec::new();
    for (me, Prepared { sink, targets, stands }) in sinks.into_iter().enumerate() {
        let (ask, asked) = mpsc::unbounded_channel();
        ways.push(ask);
        let mut delivery = Delivery::new(shared.clone(), me, sink, asked);
        let fills = fills.clone();
        let mut ends = ending.subscribe();
        deliveries.spawn(async move {
            let work = async {
                let first = |index: IndexId| me == 0 && fills[usize::from(index.0)] == Fill::Emit;
                match stands {
                    Stands::Ready(_) if skip_fill => delivery.ready(&[], first),
                    Stands::Ready(empty) => delivery.ready(&empty, first),
                    Stands::Empty => delivery.prepare(&targets, Some(START_UP), first).await?,
                    Stands::Away => delivery.prepare(&targets, None, |_| false).await?,
                }
                delivery.run().await
            };
            let ended = tokio::select! {
                ended = work => ended,
                () = stopped(&mut ends) => Ok(()),
            };
            delivery.close().await;
            ended
        });
    }
    listen(&shared, ways, &rebuilds);

    let ended = tokio::select! {
        Some(ended) = deliveries.join_next() => match ended {
            Ok(ended) => ended.map_err(RunError::Sink),
            // It panicked, and the process is ending.
            Err(_) => Ok(()),
        },
        // Without an error it has ended because the capture has, which knows why.
        ended = &mut task => match ended {
            // Nobody takes what is captured: the feed has ended, and it knows why.
            Ok(Err(CaptureError::Abandoned) | Ok(())) if !*stop.borrow() => match feed_ended.await {
                Ok(Err(Fault::Feed(error))) => Err(RunError::Feed(error)),
                Ok(Err(Fault::Memory(error))) => Err(RunError::Memory(error)),
                // Nor is anything confirmed when nothing can be written.
                Ok(Ok(())) | Err(_) => match timeout(NOTICE, written(&mut writing)).await {
                    Ok(failed) => Err(RunError::State(failed)),
                    Err(_) => Ok(()),
                },
            },
            Ok(ended) => ended.map_err(RunError::Capture),
            // It panicked, and the process is ending.
            Err(_) => Ok(()),
        },
        failed = written(&mut writing) => Err(RunError::State(failed)),
        () = stopped(&mut stop) => Ok(()),
    };
    report.abort();
    let close = async {
        ending.send_replace(true);
        while deliveries.join_next().await.is_some() {}
        // What has been delivered is written before the end.
        drop(shared);
        if let Some(writing) = writing {
            drop(writing.await);
        }
        if !task.is_finished() && ended.is_ok() {
            // It confirms what is durable, then lets the slot go.
            drop(task.await);
        }
    };
    if timeout(PATIENCE, close).await.is_err() {
        tracing::warn!("the connections did not close in time and were dropped");
    }
    if let (Some(store), Err(error)) = (&store, &ended) {
        doubt(store, &of, error).map_err(RunError::State)?;
    }
    ended
}

/// Has the state forget a table whose rows are not what the stream goes on from.
fn doubt(store: &Store, plan: &Plan, error: &RunError) -> Result<(), StateError> {
    match error {
        RunError::Feed(FeedError::Inconsistent(doubt)) => store.doubt(doubt.table),
        RunError::Capture(CaptureError::Changed { table, .. }) => store.doubt_named(plan, table),
        RunError::Feed(_)
        | RunError::Capture(_)
        | RunError::Sink(_)
        | RunError::Memory(_)
        | RunError::State(_)
        | RunError::Quarantine(_)
        | RunError::Panicked(_)
        | RunError::Thread(_) => Ok(()),
    }
}

/// How writing behind failed; never returns while it does not.
async fn written(writing: &mut Option<JoinHandle<Result<(), StateError>>>) -> StateError {
    if let Some(task) = writing
        && let Ok(Err(error)) = task.await
    {
        *writing = None;
        return error;
    }
    std::future::pending().await
}

/// A sink as it is when the run begins.
struct Prepared {
    sink: Sink,
    targets: Vec<Target>,
    stands: Stands,
}

/// How far a sink is when the run begins.
enum Stands {
    /// Ready, with these indexes to be filled.
    Ready(Vec<IndexId>),
    /// The only one, and it has nothing of a state that is new: made ready while rows are copied.
    /// With others, one that is away would keep the first fill from them.
    Empty,
    /// Not there yet.
    Away,
}

/// Asks every sink that may have something of the state to make ready, one after the other, so that
/// one at fault is named alone. One that is away is waited for later if there are others to begin
/// with.
async fn prepare(
    sinks: Vec<(Sink, Vec<Target>)>,
    filled: &Filled,
    fresh: bool,
) -> Result<Vec<Prepared>, SinkError> {
    let alone = sinks.len() == 1;
    let mut ready: Vec<Prepared> = Vec::with_capacity(sinks.len());
    for (mut sink, targets) in sinks {
        let stands = if fresh && alone && sink.keeps() {
            Stands::Empty
        } else {
            match sink.prepare(&targets, if alone { START_UP } else { COURTESY }).await {
                Ok(mut empty) => {
                    empty.retain(|index| !filled.is(&sink, *index));
                    Stands::Ready(empty)
                }
                Err(SinkError::Down { .. }) if !alone => Stands::Away,
                Err(error) => return Err(error),
            }
        };
        ready.push(Prepared { sink, targets, stands });
    }
    Ok(ready)
}

/// An index of which no sink has a document is emitted once and remembered; where some sink goes
/// on from an earlier run, or may do so, nothing is known of what it has.
fn first_fill(sinks: &[Prepared], index: IndexId, skip: bool) -> Fill {
    let new = |sink: &Prepared| match &sink.stands {
        Stands::Ready(empty) => empty.contains(&index),
        Stands::Empty => true,
        Stands::Away => false,
    };
    if !skip && sinks.iter().all(new) { Fill::Emit } else { Fill::Silent }
}

/// Takes what is asked for over HTTP to the sinks.
fn listen(shared: &Shared, ways: Vec<mpsc::UnboundedSender<Ask>>, rebuilds: &Rebuilds) {
    let ask = move |plan: &Plan, name: &str, make: &dyn Fn(IndexId) -> Ask| {
        let index = plan.indexes.iter().position(|index| index.name == name);
        let Some(index) = index.map(|index| IndexId(index as u16)) else { return false };
        // A sink that has ended has ended the run.
        ways.iter().for_each(|way| drop(way.send(make(index))));
        true
    };
    let ask = Arc::new(ask);
    let (plan, again) = (shared.plan.clone(), ask.clone());
    shared.quarantine.attach(move |name, ids| {
        again(&plan, name, &|index| Ask::Again(index, ids.clone()));
    });
    let plan = shared.plan.clone();
    rebuilds.attach(move |name| ask(&plan, name, &Ask::Rebuild));
}

/// Waits until `stop` is true; its sender being gone means the same.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
