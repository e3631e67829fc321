//! One run: Postgres, the dataflow and the sinks tied together, from start to end.
//!
//! ```text
//!  capture ═► feed (thread) ═► engine (workers) ═► deliver ═► sinks
//!     ▲                                               │
//!     └───────────────── durable LSN ─────────────────┘
//! ```
//!
//! The slot is taken before a sink is touched: of two flussos on one slot the second must not
//! write a word. Whatever ends a run, nothing needs saving: what was not confirmed comes again.

use std::sync::Arc;
use std::time::Duration;

use flusso_compiler::plan::Plan;
use flusso_dataflow::engine::{self, Engine, Fill, Panicked};
use flusso_dataflow::upsert::{Inconsistent, Memory};
use tokio::sync::{mpsc, watch};

use crate::deliver::Delivery;
use crate::feed::feed;
use crate::postgres::{self, Capture, CaptureError};
use crate::quarantine::Quarantine;
use crate::report::Report;
use crate::settle::Settlement;
use crate::sinks::{Sink, SinkError, Target};
use crate::status::{Phase, Reading, Status};

/// Bytes of documents between the workers and the sinks: several batches.
const IN_FLIGHT: usize = 16 << 20;
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
    /// Threads of the dataflow.
    pub workers: usize,
    /// Between two samples of the slot's lag.
    pub lag_poll: Duration,
    /// Follow changes only. Of use to sinks that keep nothing: every other starts empty.
    pub skip_fill: bool,
    /// What sinks rejected.
    pub quarantine: Arc<Quarantine>,
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
    /// Stream and state do not fit.
    Inconsistent(Inconsistent),
    /// A defect of ours.
    Panicked(Panicked),
    /// The operating system refused a thread.
    Thread(std::io::Error),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RunError::Capture(error) => write!(f, "{error}"),
            RunError::Sink(error) => write!(f, "{error}"),
            RunError::Inconsistent(error) => {
                write!(f, "{error}; start again to copy the tables anew")
            }
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
    let Settings { plan, sinks, source, workers, lag_poll, skip_fill, quarantine, status } =
        settings;
    let started = tokio::select! {
        started = postgres::capture::start(plan.clone(), source, stop.clone()) => started,
        () = stopped(&mut stop) => return Ok(()),
    };
    let Capture { events, durable, progress, mut task } = started.map_err(RunError::Capture)?;
    let prepared = tokio::select! {
        prepared = prepare(sinks) => prepared,
        () = stopped(&mut stop) => return Ok(()),
    };
    let sinks = prepared.map_err(RunError::Sink)?;

    let (emit, mut emitted) = mpsc::unbounded_channel();
    // After the end of a run nobody receives, and nobody needs to.
    let emit = Arc::new(move |worker, said| drop(emit.send((worker, said))));
    let how = engine::Settings { workers, in_flight: IN_FLIGHT };
    let fills = vec![if skip_fill { Fill::Silent } else { Fill::Emit }; plan.indexes.len()];
    let rows = Box::new(Memory::default());
    let (engine, feeder) =
        engine::start(plan.clone(), how, rows, &fills, emit).map_err(RunError::Panicked)?;
    attach(&status, &plan, Arc::new(engine));
    status.enter(Phase::Backfilling);

    let (fed, feed_ended) = tokio::sync::oneshot::channel();
    let feeding = status.clone();
    std::thread::Builder::new()
        .name("feed".to_owned())
        .spawn(move || drop(fed.send(feed(events, feeder, feeding))))
        .map_err(RunError::Thread)?;
    let report =
        Report { plan: plan.clone(), status: status.clone(), captured: progress, lag_poll };
    let report = tokio::spawn(report.run());

    let settlement = Settlement::new(workers, plan.indexes.len());
    let mut delivery = Delivery { plan, sinks, status, durable, quarantine, settlement };
    let ended = tokio::select! {
        Err(error) = delivery.run(&mut emitted) => Err(RunError::Sink(error)),
        // Without an error it has ended because the capture has, which knows why.
        ended = &mut task => match ended {
            // Nobody takes what is captured: the feed has ended, and it knows why.
            Ok(Err(CaptureError::Abandoned)) => match feed_ended.await {
                Ok(Err(error)) => Err(RunError::Inconsistent(error)),
                Ok(Ok(())) | Err(_) => Ok(()),
            },
            Ok(ended) => ended.map_err(RunError::Capture),
            // It panicked, and the process is ending.
            Err(_) => Ok(()),
        },
        () = stopped(&mut stop) => Ok(()),
    };
    report.abort();
    let close = async {
        delivery.close().await;
        if !task.is_finished() && ended.is_ok() {
            // It confirms what is durable, then lets the slot go.
            drop(task.await);
        }
    };
    if tokio::time::timeout(PATIENCE, close).await.is_err() {
        tracing::warn!("the connections did not close in time and were dropped");
    }
    ended
}

/// Asks every sink to make ready, one after the other, so that one at fault is named alone.
async fn prepare(sinks: Vec<(Sink, Vec<Target>)>) -> Result<Vec<Sink>, SinkError> {
    let mut ready = Vec::with_capacity(sinks.len());
    for (mut sink, targets) in sinks {
        sink.prepare(&targets).await?;
        ready.push(sink);
    }
    Ok(ready)
}

/// Lets the status ask the dataflow for its numbers, under the plan's names.
fn attach(status: &Status, plan: &Arc<Plan>, engine: Arc<Engine>) {
    let plan = plan.clone();
    status.attach(move || {
        let measure = engine.measure();
        let kept = plan.kept.iter().zip(&measure.kept);
        let indexes = || plan.indexes.iter().zip(&measure.indexes);
        Reading {
            kept: kept
                .map(|(kept, (records, bytes))| (kept.name.clone(), *records as u64, *bytes as u64))
                .collect(),
            suppressed: indexes().map(|(index, it)| (index.name.clone(), it.suppressed)).collect(),
            hydrated: indexes().map(|(index, it)| (index.name.clone(), it.hydrated)).collect(),
            in_flight: measure.in_flight as u64,
            unkeyed: measure.unkeyed,
        }
    });
}

/// Waits until `stop` is true; its sender being gone means the same.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
