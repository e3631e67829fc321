//! The permanent slot's stream: reads it, keeps the server informed, and comes back after a cut.
//!
//! ```text
//!  … known: in the copy or handed on ─┤ floor ├─ an open transaction ─► Batch ─► events
//!  confirmed ≤ durable                          its first n changes were handed on before a cut
//! ```
//!
//! Two rules make a cut harmless. A transaction is known iff its commit record starts before
//! `floor`; strictly, since the next one may start where the last ended. And of a transaction
//! that was cut in the middle, as many changes are passed over as were handed on, since decoding
//! it again gives the same ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flusso_compiler::plan::Plan;
use flusso_dataflow::Lsn;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_postgres::Client;
use tracing::{info, warn};

use super::capture::{Captured, Settings, stopped};
use super::copy::blocking;
use super::error::{CaptureError, Gap};
use super::layout::Layout;
use super::progress::Progress;
use super::quote;
use super::timeline::{self, Identity};
use super::transaction::{Reader, Signal};
use super::watch::{Looking, Watch};
use super::wire::Walsender;
use crate::store::{Opening, Store};

const STREAMING: &str = "streaming";

/// Between status updates. The server gives up after `wal_sender_timeout`, a minute by default.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// Every status update asks for a reply, so that silence this long means a dead connection.
const SILENCE: Duration = Duration::from_secs(30);
/// Between reports of what has become durable: each wakes the walsender.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// Reads that follow each other faster than `RUSH` wait for `GATHER` of the stream to come
/// together: a busy server sends each commit by itself, and waking for each costs both sides more
/// than the commit does.
const RUSH: Duration = Duration::from_micros(200);
const GATHER: Duration = Duration::from_millis(1);
/// How long a consumer may take nothing before the connection is given back: a server that is
/// told to stop waits for us to read what it has. Amid a transaction it may take longer, because
/// the server would begin that again: pieces of a huge one take their time.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_AMID: Duration = Duration::from_secs(60);
/// The first and the longest pause before connecting again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));

/// All a stream needs.
pub(crate) struct Stream {
    pub(crate) plan: Arc<Plan>,
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    pub(crate) events: mpsc::Sender<Vec<Captured>>,
    pub(crate) progress: Arc<Progress>,
    /// Holds the slot's lock.
    pub(crate) client: Client,
    /// Remembers which server was read; none without state.
    pub(crate) store: Option<Arc<Store>>,
}

/// Why a session ended without an error.
enum End {
    /// It was asked to.
    Stopped,
    /// The consumer takes nothing.
    Parked,
}

/// What stays the same from session to session.
struct Follower {
    settings: Settings,
    events: mpsc::Sender<Vec<Captured>>,
    progress: Arc<Progress>,
    confirmed: watch::Receiver<Lsn>,
    stop: watch::Receiver<bool>,
    reader: Reader,
    store: Option<Arc<Store>>,
    /// The server, once it has been seen.
    source: Option<Identity>,
    /// The newest position heard of in this session.
    heard: Lsn,
    /// What this session has confirmed.
    told: Lsn,
}

impl Stream {
    /// Streams everything that the rows lack until `stop` or a definite error.
    pub(crate) async fn run(
        self,
        opening: &Opening,
        confirmed: watch::Receiver<Lsn>,
        stop: watch::Receiver<bool>,
    ) -> Result<(), CaptureError> {
        let Stream { plan, layout, settings, events, progress, client, store } = self;
        let watch = Watch::new(plan.clone(), settings.clone(), progress.clone(), client);
        let reader = Reader::new(plan, layout, Arc::new(watch), opening);
        let (heard, told) = (0, 0);
        let source = None;
        let mut follower = Follower {
            settings,
            events,
            progress,
            confirmed,
            stop,
            reader,
            store,
            source,
            heard,
            told,
        };
        let mut pause = BACKOFF.0;
        loop {
            let before = follower.reader.floor();
            let ended = follower.session().await;
            follower.reader.cut();
            match ended {
                Ok(End::Stopped) => return Ok(()),
                Ok(End::Parked) => {
                    follower.progress.waits.begin("nobody takes changes");
                    info!("nobody takes changes; streaming goes on when somebody does");
                    if !follower.hand_on_unconnected().await? {
                        return Ok(());
                    }
                }
                Err(error) if error.is_transient() => {
                    if follower.reader.floor() > before {
                        pause = BACKOFF.0;
                    }
                    follower.progress.waits.begin(&error.to_string());
                    warn!(%error, ?pause, "the stream was interrupted and is taken up again");
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = stopped(&mut follower.stop) => return Ok(()),
                    }
                    pause = (pause * 2).min(BACKOFF.1);
                }
                Err(error) => return Err(as_gap(error)),
            }
        }
    }
}

/// Waits for more of the stream; when rushed, first for it to come together. May be dropped.
async fn fill(wire: &mut Walsender, rushed: bool) -> Result<(), CaptureError> {
    if rushed {
        sleep(GATHER).await;
    }
    wire.fill(STREAMING).await
}

/// A slot or publication that is gone or unusable cannot come back with what it held.
fn as_gap(error: CaptureError) -> CaptureError {
    match error {
        CaptureError::Server { said, .. } if matches!(said.code.as_str(), "42704" | "55000") => {
            CaptureError::Gap(Gap::Refused(said))
        }
        other => other,
    }
}

impl Follower {
    /// One connection, from its start to its end.
    async fn session(&mut self) -> Result<End, CaptureError> {
        let watch = self.reader.watch.clone().renewed().await?;
        self.reader.watch = watch.clone();
        let mut wire = Walsender::connect(&self.settings.connection).await?;
        self.check_source(&mut wire).await?;
        self.reader.layout = watch.look(&self.reader.layout).await?;
        let floor = self.reader.floor();
        let sql = format!(
            "START_REPLICATION SLOT {} LOGICAL {:X}/{:X} (proto_version '1', publication_names {})",
            quote::ident(&self.settings.slot),
            floor >> 32,
            floor & 0xffff_ffff,
            quote::literal(&quote::ident(&self.settings.publication)),
        );
        if let Err(error) = wire.start_streaming(&sql).await {
            // Of a slot that went in the last moment this knows more.
            watch.slot(true).await?;
            return Err(error);
        }
        // Only now nobody else can move it. The server would pass over what is missing in silence.
        if watch.slot(false).await?.confirmed.is_some_and(|confirmed| confirmed > floor) {
            return Err(CaptureError::Gap(Gap::SlotMoved { slot: self.settings.slot.clone() }));
        }
        (self.heard, self.told) = (floor, 0);
        let mut looking = Looking::start(watch, self.reader.layout.clone());
        let end = self.follow(&mut wire, &mut looking).await?;
        if matches!(end, End::Stopped) {
            self.report(&mut wire, false).await?;
        }
        wire.close().await;
        Ok(end)
    }

    /// Compares the server with the one the rows came from, and looks at the slot.
    async fn check_source(&mut self, wire: &mut Walsender) -> Result<(), CaptureError> {
        let is = Identity::of(wire).await?;
        let floor = self.reader.floor();
        timeline::check(wire, self.source.as_ref().unwrap_or(&is), &is, floor).await?;
        self.reader.watch.slot(true).await?;
        if let Some(store) = self.store.clone() {
            let (timeline, life) = (is.timeline, is.life.clone());
            blocking(move || store.followed(timeline, &life)).await?;
        }
        self.source = Some(is);
        Ok(())
    }

    /// A wait is over when something has come, or all of it: a server that refuses again and again,
    /// each time after a good start, is waited for all the while.
    async fn follow(
        &mut self,
        wire: &mut Walsender,
        looking: &mut Looking,
    ) -> Result<End, CaptureError> {
        let newest = self.source.as_ref().map_or(0, |source| source.newest);
        let (mut come, mut waited) = (false, true);
        let mut status = interval(STATUS_EVERY);
        status.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        let mut rushed = false;
        let mut due: Option<Instant> = None;
        loop {
            while let Some(frame) = wire.buffered()? {
                match self.reader.take(frame).await? {
                    Signal::Nothing => {}
                    Signal::Server(position) => self.progress.note_server(position),
                    Signal::Keepalive { at, reply } => {
                        self.heard = self.heard.max(at);
                        self.progress.note_server(at);
                        come |= at >= newest;
                        if reply {
                            self.report(wire, false).await?;
                        }
                    }
                }
                if self.reader.batch.is_full()
                    && let Some(end) = self.hand_on(wire, looking, &mut status).await?
                {
                    return Ok(end);
                }
            }
            if waited && (come || !self.reader.batch.is_empty()) {
                self.progress.waits.end();
                waited = false;
            }
            self.reader.note_idle();
            if let Some(end) = self.hand_on(wire, looking, &mut status).await? {
                return Ok(end);
            }
            tokio::select! {
                filled = fill(wire, rushed) => {
                    filled?;
                    rushed = last_heard.elapsed() < if rushed { 2 * GATHER } else { RUSH };
                    last_heard = Instant::now();
                }
                _ = status.tick() => {
                    if last_heard.elapsed() > SILENCE {
                        let cause = "the server is silent".to_owned();
                        return Err(CaptureError::Lost { during: STREAMING, cause });
                    }
                    self.report(wire, true).await?;
                }
                changed = self.confirmed.changed(), if due.is_none() => match changed {
                    Ok(()) => due = Some(Instant::now() + REPORT_EVERY),
                    Err(_) => return Err(CaptureError::Abandoned),
                },
                () = sleep(due.map_or(REPORT_EVERY, |due| due - Instant::now())), if due.is_some() => {
                    due = None;
                    self.report(wire, false).await?;
                }
                error = looking.ended() => return Err(error),
                () = stopped(&mut self.stop) => return Ok(End::Stopped),
            }
        }
    }

    /// Hands the batch on, keeping the server informed while the consumer is busy.
    async fn hand_on(
        &mut self,
        wire: &mut Walsender,
        looking: &mut Looking,
        status: &mut Interval,
    ) -> Result<Option<End>, CaptureError> {
        if self.reader.batch.is_empty() {
            return Ok(None);
        }
        let since = Instant::now();
        let patience = if self.reader.is_amid() { PATIENCE_AMID } else { PATIENCE };
        loop {
            tokio::select! {
                biased;
                room = self.events.reserve() => {
                    room.map_err(|_| CaptureError::Abandoned)?.send(self.reader.batch.take());
                    self.progress.note_received(self.reader.read());
                    return Ok(None);
                }
                () = stopped(&mut self.stop) => return Ok(Some(End::Stopped)),
                error = looking.ended() => return Err(error),
                _ = status.tick() => {
                    if since.elapsed() > patience {
                        return Ok(Some(End::Parked));
                    }
                }
            }
            self.report(wire, false).await?;
        }
    }

    /// The same without a connection; false when stopped.
    async fn hand_on_unconnected(&mut self) -> Result<bool, CaptureError> {
        tokio::select! {
            room = self.events.reserve() => {
                room.map_err(|_| CaptureError::Abandoned)?.send(self.reader.batch.take());
                self.progress.note_received(self.reader.read());
                Ok(true)
            }
            () = stopped(&mut self.stop) => Ok(false),
        }
    }

    /// Tells the server how far we are. What is durable is confirmed; beyond it, `flush` is left
    /// out: a server that is stopping then waits only until we have read everything.
    async fn report(&mut self, wire: &mut Walsender, ask: bool) -> Result<(), CaptureError> {
        let flush = *self.confirmed.borrow_and_update();
        let write = self.heard.max(self.reader.floor());
        if flush > self.told && flush < write {
            wire.send_status(write, flush, false).await?;
        }
        self.told = self.told.max(flush);
        self.progress.note_confirmed(flush);
        wire.send_status(write, if flush >= write { write } else { 0 }, ask).await
    }
}
