//! Ties the capture together: what must hold before the first row, then rows, then stream.
//!
//! ```text
//!  no state        ─► copy ──────────────────────► dataflow
//!  state, empty    ─► copy ─► state and dataflow
//!  state with gaps ─► copy ─► state ─► load ─────► dataflow
//!  state           ─────────────────► load ──────► dataflow
//! ```
//!
//! Order matters. The publication must exist before the slot, or decoding meets changes from
//! before it; the slot must exist before the snapshot, or changes between them are lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use flusso_compiler::plan::{Plan, TableId};
use flusso_dataflow::Lsn;
use flusso_dataflow::feed::Change;
use flusso_dataflow::row::Row;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tokio_postgres::Client;
use tracing::{info, warn};

use super::connect::Connection;
use super::copy::{self, Outlet};
use super::error::{CaptureError, Gap};
use super::layout::Layout;
use super::progress::Progress;
use super::snapshot::Snapshot;
use super::stream::Stream;
use super::{origin, preflight, publication, slot};
use crate::lag::lsn;
use crate::store::{Opening, Start, Store, Todo};

/// How long the database may be away once it was there, and the first pause before it is tried
/// again.
const START_UP: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

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

/// What is captured, in this order: all rows, of the tables or of the state, `Opened`, then changes and commits.
#[derive(Clone, Debug, PartialEq)]
pub enum Captured {
    /// Rows as of the snapshot.
    Rows {
        /// Their table.
        table: TableId,
        /// Packed in the order of the plan's columns.
        rows: Vec<Row>,
    },
    /// All rows are there.
    Opened {
        /// Of which commit; every commit that follows ends after it.
        at: Lsn,
        /// Where the server's WAL ended when the capture began, or `at` when nothing was known
        /// before: up to there an earlier run may have read.
        told: Lsn,
        /// From this commit on all tables are of one moment; before, some are newer than others.
        whole: Lsn,
    },
    /// Changes of the transaction whose `Commit` comes next. A transaction may
    /// be told in several of these.
    Changes {
        /// Where its commit record begins.
        record: Lsn,
        /// In their order.
        changes: Vec<(TableId, Change)>,
    },
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

/// Prepares the database, compares it with the state, and starts copying what lacks. An error here
/// is about settings, rights, tables or the state; nothing has been copied then. May be dropped
/// while it waits; once it has returned, `stop` becoming true ends the capture soon.
pub async fn start(
    plan: Arc<Plan>,
    settings: Settings,
    store: Option<Arc<Store>>,
    stop: watch::Receiver<bool>,
) -> Result<Capture, CaptureError> {
    let (client, begun) = prepared(&plan, &settings, store).await?;

    let progress = Arc::new(Progress::new(plan.tables.len()));
    let (events_in, events) = mpsc::channel(settings.queue.max(1));
    let (durable, confirmed) = watch::channel(0);
    let queue = events_in.downgrade();
    let run = Run { plan, settings, events: events_in, progress: progress.clone(), client, begun };
    let task = tokio::spawn(run.run(confirmed, stop));
    Ok(Capture { events, queue, durable, progress, task })
}

/// Prepares the database, again when the way to it breaks meanwhile: it was there a moment ago. One
/// that is not there at all is perhaps not the one that was meant.
async fn prepared(
    plan: &Arc<Plan>,
    settings: &Settings,
    store: Option<Arc<Store>>,
) -> Result<(Client, Option<Begun>), CaptureError> {
    let (since, mut pause) = (Instant::now(), PAUSE);
    let mut tried = prepare(plan, settings, store.clone()).await;
    while let Err(error) = &tried
        && (error.is_broken() || pause > PAUSE && error.is_transient())
        && since.elapsed() < START_UP
    {
        warn!(%error, ?pause, "the connection broke at the start and is made again");
        sleep(pause).await;
        pause = (pause * 2).min(START_UP / 10);
        tried = prepare(plan, settings, store.clone()).await;
    }
    tried
}

async fn prepare(
    plan: &Arc<Plan>,
    settings: &Settings,
    store: Option<Arc<Store>>,
) -> Result<(Client, Option<Begun>), CaptureError> {
    let client = settings.connection.client().await?;
    slot::lock(&client, &settings.slot).await?;
    preflight::check(&client, plan, settings).await?;
    let wanted: Vec<_> = plan.tables.iter().map(|table| table.name.clone()).collect();
    publication::ensure(&client, &settings.publication, &wanted, settings.manage_publication)
        .await?;
    let begun = match store {
        None => {
            slot::ensure(&client, &settings.connection, &settings.slot, false).await?;
            None
        }
        Some(store) => Some(begin(&client, plan, settings, store).await?),
    };
    Ok((client, begun))
}

/// Compares the state with the database.
async fn begin(
    client: &Client,
    plan: &Arc<Plan>,
    settings: &Settings,
    store: Arc<Store>,
) -> Result<Begun, CaptureError> {
    let (connection, slot) = (&settings.connection, &settings.slot);
    let before = store.origin()?;
    let (origin, end) = origin::origin(client, connection, slot, before).await?;
    store.check(&origin)?;
    let watermark = store.watermark()?;
    let confirmed = slot::ensure(client, connection, slot, watermark.is_some()).await?;
    if let (Some(watermark), Some(confirmed)) = (watermark, confirmed)
        && confirmed > watermark
    {
        return Err(CaptureError::Gap(Gap::SlotMoved { slot: slot.clone() }));
    }
    let layout = Layout::read_whole(client, plan, &settings.publication).await?;
    let (forms, files) = (origin::forms(plan, &layout), origin::files(&layout));
    let (of, kept) = (plan.clone(), store.clone());
    let start = copy::blocking(move || kept.begin(&of, &origin, forms, &files, confirmed)).await?;
    Ok(Begun { store, start, layout, end })
}

/// What the state said.
struct Begun {
    store: Arc<Store>,
    start: Start,
    layout: Layout,
    /// Where the server's WAL ended.
    end: Lsn,
}

struct Run {
    plan: Arc<Plan>,
    settings: Settings,
    events: mpsc::Sender<Vec<Captured>>,
    progress: Arc<Progress>,
    /// Holds the slot's lock.
    client: Client,
    /// None without state.
    begun: Option<Begun>,
}

impl Run {
    async fn run(
        self,
        confirmed: watch::Receiver<Lsn>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), CaptureError> {
        let (opening, layout) = tokio::select! {
            opened = self.open() => opened?,
            () = stopped(&mut stop) => return Ok(()),
        };
        let Run { plan, settings, events, progress, client, begun } = self;
        let store = begun.map(|begun| begun.store);
        let stream = Stream { plan, layout, settings, events, progress, client, store };
        match stream.run(&opening, confirmed, stop).await {
            Err(CaptureError::Abandoned) => Ok(()),
            ended => ended,
        }
    }

    /// Gets all rows into the dataflow, and says from where changes are to follow.
    async fn open(&self) -> Result<(Opening, Layout), CaptureError> {
        let (opening, layout, told) = match &self.begun {
            None => {
                let tables = vec![Todo::Copy; self.plan.tables.len()];
                let (at, layout) = self.copy(&tables, None, true).await?;
                let from = vec![at; tables.len()];
                (Opening { at, whole: at, from }, layout, at)
            }
            Some(Begun { store, start: Start { watermark, tables }, layout, end }) => {
                let held = tables.iter().all(|todo| *todo == Todo::Held);
                // With nothing there before, rows need not go by way of the disk.
                let all = watermark.is_none() && tables.iter().all(|todo| *todo == Todo::Copy);
                let (opening, layout) = match watermark.filter(|_| held) {
                    Some(watermark) => (store.resume(watermark), layout.clone()),
                    None => {
                        let (at, copied) = self.copy(tables, Some(store), all).await?;
                        if origin::forms(&self.plan, &copied) != origin::forms(&self.plan, layout) {
                            let cause = "tables were altered meanwhile".to_owned();
                            return Err(CaptureError::Lost { during: "copying rows", cause });
                        }
                        let kept = store.clone();
                        (copy::blocking(move || kept.complete(at)).await?, copied)
                    }
                };
                if !all {
                    self.load(store).await?;
                }
                let told = if watermark.is_some() { *end } else { opening.at };
                (opening, layout, told)
            }
        };
        let Opening { at, whole, .. } = opening;
        let opened = vec![Captured::Opened { at, told: told.max(at), whole }];
        self.events.send(opened).await.map_err(|_| CaptureError::Abandoned)?;
        Ok((opening, layout))
    }

    /// Copies what tables lack as of one moment and gives it.
    async fn copy(
        &self,
        tables: &[Todo],
        store: Option<&Arc<Store>>,
        flows: bool,
    ) -> Result<(Lsn, Layout), CaptureError> {
        let connection = &self.settings.connection;
        let snapshot = Snapshot::take(&self.client, connection).await?;
        let first = snapshot.session(connection).await?;
        let layout = Layout::read_whole(&first, &self.plan, &self.settings.publication).await?;
        let mut commands = Vec::new();
        for (at, todo) in tables.iter().enumerate() {
            let (place, table) = (&layout.tables[at], TableId(at as u16));
            let pieces = match todo {
                Todo::Held => continue,
                Todo::Resume(pieces) => pieces.clone(),
                Todo::Copy => {
                    let pieces = copy::cut(place);
                    if let Some(store) = store.cloned() {
                        let pieces = pieces.clone();
                        copy::blocking(move || store.cut(table, pieces)).await?;
                    }
                    pieces.into_iter().enumerate().collect()
                }
            };
            self.progress.tables[at].set_estimate(place.estimate);
            commands.extend(copy::commands(&self.plan, &layout, table, pieces.into_iter()));
        }
        if let Some(store) = store.cloned() {
            let at = snapshot.at;
            copy::blocking(move || store.snapshot(at)).await?;
        }
        let workers = self.settings.copy_workers.clamp(1, commands.len().max(1));
        let mut clients = vec![first];
        while clients.len() < workers {
            clients.push(snapshot.session(connection).await?);
        }
        let (at, pieces) = (lsn(snapshot.at), commands.len());
        let tables = tables.iter().filter(|todo| **todo != Todo::Held).count();
        info!(at, tables, pieces, sessions = workers, "copying the tables");
        let commands = Arc::new(Mutex::new(copy::queue(commands)));
        let outlet = Outlet {
            plan: self.plan.clone(),
            events: flows.then(|| self.events.clone()),
            store: store.cloned(),
            progress: self.progress.clone(),
        };
        let mut running = JoinSet::new();
        for client in clients {
            running.spawn(copy::work(client, commands.clone(), outlet.clone()));
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| CaptureError::Lost {
                during: "copying rows",
                cause: error.to_string(),
            })??;
        }
        let at = snapshot.at;
        snapshot.release().await;
        Ok((at, layout))
    }

    /// Reads all rows from the state, several tables side by side.
    async fn load(&self, store: &Arc<Store>) -> Result<(), CaptureError> {
        let began = Instant::now();
        let tables: VecDeque<_> =
            (0..self.plan.tables.len()).map(|at| TableId(at as u16)).collect();
        let workers = self.settings.copy_workers.clamp(1, tables.len().max(1));
        let tables = Arc::new(Mutex::new(tables));
        let mut running = JoinSet::new();
        for _ in 0..workers {
            let (tables, store) = (tables.clone(), store.clone());
            let events = self.events.clone();
            running.spawn(copy::blocking(move || {
                let mut count = 0;
                loop {
                    let next = tables.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(table) = next else { return Ok(count) };
                    count += store.load(table, |rows| {
                        events.blocking_send(vec![Captured::Rows { table, rows }]).is_ok()
                    })?;
                }
            }));
        }
        let mut rows = 0;
        while let Some(ended) = running.join_next().await {
            rows += ended.map_err(|_| CaptureError::Abandoned)??;
        }
        info!(rows, took = ?began.elapsed(), "read the rows of the state; nothing was copied again");
        Ok(())
    }
}

/// Waits until `stop` is true; its sender being gone means the same.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that nobody can ever ask to go on or to stop: so it is a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
