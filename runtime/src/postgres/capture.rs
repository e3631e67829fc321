//! Ties the capture together: what must hold before the first row, then copy, then stream.
//!
//! Order matters. The publication must exist before the slot, or decoding meets changes from
//! before it; the slot must exist before the snapshot, or changes between them are lost.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use flusso_compiler::plan::{Plan, TableId};
use flusso_dataflow::Lsn;
use flusso_dataflow::feed::Change;
use flusso_dataflow::row::Row;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::Client;
use tracing::info;

use super::connect::Connection;
use super::copy;
use super::error::CaptureError;
use super::layout::Layout;
use super::progress::Progress;
use super::snapshot::Snapshot;
use super::stream::Stream;
use super::{preflight, publication, slot};
use crate::lag::lsn;

/// What a capture goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub connection: Connection,
    /// The permanent replication slot.
    pub slot: String,
    /// The publication.
    pub publication: String,
    /// Whether the publication may be made and extended.
    pub manage_publication: bool,
    /// Sessions that copy side by side, at least one.
    pub copy_workers: usize,
    /// Batches that may wait for the consumer; with the sizes of batches this bounds memory.
    pub queue: usize,
}

/// What is captured, in this order: all rows, `Opened`, then changes and commits.
#[derive(Clone, Debug, PartialEq)]
pub enum Captured {
    /// Rows as of the snapshot.
    Rows {
        /// Their table.
        table: TableId,
        /// Packed in the order of the plan's columns.
        rows: Vec<Row>,
    },
    /// The copy is complete.
    Opened {
        /// The snapshot's position; every commit that follows ends after it.
        at: Lsn,
    },
    /// Changes of the transaction whose `Commit` comes next, in their order. A transaction may
    /// be told in several of these.
    Changes(Vec<(TableId, Change)>),
    /// A transaction is complete.
    Commit {
        /// Where its commit record ends.
        at: Lsn,
        /// When it was committed, by the server's clock.
        time: SystemTime,
    },
    /// The server has got this far, and nothing more of ours was there.
    Idle {
        /// No commit that ends before or at this position will follow.
        upto: Lsn,
    },
}

/// A running capture. It ends when `stop` says so, when `events` is dropped, or with an error.
pub struct Capture {
    /// What is captured, in batches; closed at the end.
    pub events: mpsc::Receiver<Vec<Captured>>,
    /// To be told up to which commit everything is durable; the slot is confirmed to there.
    pub durable: watch::Sender<Lsn>,
    /// Where they wait.
    pub queue: mpsc::WeakSender<Vec<Captured>>,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// How it ended.
    pub task: JoinHandle<Result<(), CaptureError>>,
}

/// Prepares the database and starts copying. An error here is about settings, rights or tables;
/// nothing has been copied then. May be dropped while it waits; once it has returned, `stop` becoming
/// true ends the capture soon.
pub async fn start(
    plan: Arc<Plan>,
    settings: Settings,
    stop: watch::Receiver<bool>,
) -> Result<Capture, CaptureError> {
    let client = settings.connection.client().await?;
    slot::lock(&client, &settings.slot).await?;
    preflight::check(&client, &plan, &settings).await?;
    let wanted: Vec<_> = plan.tables.iter().map(|table| table.name.clone()).collect();
    publication::ensure(&client, &settings.publication, &wanted, settings.manage_publication)
        .await?;
    slot::ensure(&client, &settings.connection, &settings.slot).await?;

    let progress = Arc::new(Progress::new(plan.tables.len()));
    let (events_in, events) = mpsc::channel(settings.queue.max(1));
    let (durable, confirmed) = watch::channel(0);
    let queue = events_in.downgrade();
    let run = Run { plan, settings, events: events_in, progress: progress.clone(), client };
    let task = tokio::spawn(run.run(confirmed, stop));
    Ok(Capture { events, queue, durable, progress, task })
}

struct Run {
    plan: Arc<Plan>,
    settings: Settings,
    events: mpsc::Sender<Vec<Captured>>,
    progress: Arc<Progress>,
    /// Holds the slot's lock.
    client: Client,
}

impl Run {
    async fn run(
        self,
        confirmed: watch::Receiver<Lsn>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), CaptureError> {
        let (at, layout) = tokio::select! {
            copied = self.copy() => copied?,
            () = stopped(&mut stop) => return Ok(()),
        };
        let Run { plan, settings, events, progress, client } = self;
        let stream = Stream { plan, layout, settings, events, progress, client };
        match stream.run(at, confirmed, stop).await {
            Err(CaptureError::Abandoned) => Ok(()),
            ended => ended,
        }
    }

    /// Copies all tables as of one moment and gives it.
    async fn copy(&self) -> Result<(Lsn, Layout), CaptureError> {
        let connection = &self.settings.connection;
        let snapshot = Snapshot::take(&self.client, connection).await?;
        let first = snapshot.session(connection).await?;
        let layout = Layout::read_whole(&first, &self.plan, &self.settings.publication).await?;
        for (place, progress) in layout.tables.iter().zip(&self.progress.tables) {
            progress.set_estimate(place.estimate);
        }
        let pieces = copy::pieces(&self.plan, &layout);
        let workers = self.settings.copy_workers.clamp(1, pieces.len().max(1));
        let mut clients = vec![first];
        while clients.len() < workers {
            clients.push(snapshot.session(connection).await?);
        }
        let (at, tables) = (lsn(snapshot.at), self.plan.tables.len());
        info!(at, tables, pieces = pieces.len(), sessions = workers, "copying the tables");
        let pieces = Arc::new(Mutex::new(pieces));
        let mut running = JoinSet::new();
        for client in clients {
            let (plan, pieces) = (self.plan.clone(), pieces.clone());
            running.spawn(copy::work(
                client,
                plan,
                pieces,
                self.events.clone(),
                self.progress.clone(),
            ));
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| CaptureError::Lost {
                during: "copying rows",
                cause: error.to_string(),
            })??;
        }
        let at = snapshot.at;
        snapshot.release().await;
        let opened = vec![Captured::Opened { at }];
        self.events.send(opened).await.map_err(|_| CaptureError::Abandoned)?;
        Ok((at, layout))
    }
}

/// Waits until `stop` is true; its sender being gone means the same.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that nobody can ever ask to go on or to stop: so it is a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
