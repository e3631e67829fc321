//! What a running flusso tells of itself: one value behind a lock, read by HTTP and progress.
//!
//! The loop writes to it once a batch; whoever asks gets a copy ([`Status::read`]) and renders
//! that (`http::json`, `http::metrics`). The dataflow's own numbers are not copied along but
//! fetched by a probe when somebody asks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use flusso_dataflow::Lsn;

use crate::postgres::progress::Retention;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Connecting and preparing.
    Starting,
    /// Some index is not yet complete.
    Backfilling,
    /// Following changes.
    Live,
    /// The run has ended.
    Stopped,
}

impl Phase {
    /// As `/status` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Backfilling => "backfilling",
            Phase::Live => "live",
            Phase::Stopped => "stopped",
        }
    }

    /// Whether documents are being served or filled.
    pub fn ready(self) -> bool {
        matches!(self, Phase::Backfilling | Phase::Live)
    }
}

/// How far an index has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Not begun.
    Pending,
    /// Being filled for the first time.
    Backfilling,
    /// Complete; follows changes.
    Seeded,
}

impl IndexState {
    /// As `/status` writes it.
    pub fn name(self) -> &'static str {
        match self {
            IndexState::Pending => "pending",
            IndexState::Backfilling => "backfilling",
            IndexState::Seeded => "seeded",
        }
    }
}

/// One index, by its logical name.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexStatus {
    /// Disabled ones are listed too.
    pub enabled: bool,
    /// How far it has come.
    pub state: IndexState,
    /// Times it became complete in this process.
    pub seeded: u64,
    /// Documents written and deleted.
    pub built: u64,
    /// Documents a sink rejected and the run passed over.
    pub quarantined: u64,
}

/// Copying one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copy {
    /// Rows read so far.
    pub rows: u64,
    /// Rows expected, by Postgres' statistics.
    pub of: Option<u64>,
}

/// Upper bounds of the flush histogram's buckets, in seconds.
pub const BUCKETS: [f64; 12] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How long writes to the sinks took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flushes {
    /// Writes no longer than [`BUCKETS`], and the longer ones last; not cumulative.
    pub counts: [u64; BUCKETS.len() + 1],
    /// All together.
    pub total: Duration,
    /// The last one.
    pub last: Duration,
}

/// A transaction whose documents are not yet in every sink.
#[derive(Clone, Debug, PartialEq)]
struct Pending {
    at: Lsn,
    committed: SystemTime,
    changes: u64,
}

/// The dataflow's numbers, named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Name, records and bytes of each kept thing.
    pub kept: Vec<(String, u64, u64)>,
    /// Documents found to be as before, by index.
    pub suppressed: Vec<(String, u64)>,
    /// Root rows walked by the first fill, by index.
    pub hydrated: Vec<(String, u64)>,
    /// Bytes of documents between workers and sinks.
    pub in_flight: u64,
    /// Rows left out because a key could not be read.
    pub unkeyed: u64,
}

/// Everything that is told.
#[derive(Clone, Debug)]
pub struct State {
    /// How far the run has come.
    pub phase: Phase,
    /// Since the process began.
    pub uptime: Duration,
    /// By logical name.
    pub indexes: BTreeMap<String, IndexStatus>,
    /// Of which commit the copied rows are the database; none until the copy is complete.
    pub opened: Option<Lsn>,
    /// By table.
    pub copies: BTreeMap<String, Copy>,
    /// Row changes taken from the stream.
    pub captured: u64,
    /// Row changes whose documents are in every sink.
    pub committed: u64,
    /// Batches written.
    pub batches: u64,
    /// How long that took.
    pub flushes: Flushes,
    /// Everything up to here is in every sink.
    pub durable: Lsn,
    /// WAL between the server's end and what the slot has confirmed.
    pub lag_bytes: Option<u64>,
    /// Age of the oldest commit that is not in every sink.
    pub lag: Duration,
    /// What the slot keeps Postgres from forgetting.
    pub retention: Option<Retention>,
    /// Things that went wrong.
    pub errors: u64,
    /// The last of them.
    pub last_error: Option<String>,
    /// The dataflow's numbers.
    pub reading: Reading,
    pending: VecDeque<Pending>,
}

type Probe = Box<dyn Fn() -> Reading + Send + Sync>;

/// The shared status.
pub struct Status {
    began: Instant,
    state: Mutex<State>,
    probe: Mutex<Option<Probe>>,
}

impl Status {
    /// Of a deployment with these indexes, and whether each is enabled.
    pub fn new(indexes: impl IntoIterator<Item = (String, bool)>) -> Status {
        let index = |(name, enabled)| {
            let state = IndexState::Pending;
            (name, IndexStatus { enabled, state, seeded: 0, built: 0, quarantined: 0 })
        };
        let state = State {
            phase: Phase::Starting,
            uptime: Duration::ZERO,
            indexes: indexes.into_iter().map(index).collect(),
            opened: None,
            copies: BTreeMap::new(),
            captured: 0,
            committed: 0,
            batches: 0,
            flushes: Flushes::default(),
            durable: 0,
            lag_bytes: None,
            lag: Duration::ZERO,
            retention: None,
            errors: 0,
            last_error: None,
            reading: Reading::default(),
            pending: VecDeque::new(),
        };
        Status { began: Instant::now(), state: Mutex::new(state), probe: Mutex::new(None) }
    }

    /// Whom to ask for the dataflow's numbers.
    pub fn attach(&self, probe: impl Fn() -> Reading + Send + Sync + 'static) {
        *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(probe));
    }

    /// A copy of everything, as of now.
    pub fn read(&self) -> State {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = probe.as_ref().map(|probe| probe()).unwrap_or_default();
        let mut state = self.lock().clone();
        state.reading = reading;
        state.uptime = self.began.elapsed();
        let oldest = state.pending.front().map(|pending| pending.committed);
        state.lag = oldest.and_then(|at| at.elapsed().ok()).unwrap_or_default();
        state
    }

    /// The phase alone.
    pub fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// The run entered a phase. Disabled indexes count as seeded once it is live.
    pub fn enter(&self, phase: Phase) {
        let mut state = self.lock();
        state.phase = phase;
        if phase == Phase::Live {
            let disabled = state.indexes.values_mut().filter(|index| !index.enabled);
            disabled.for_each(|index| index.state = IndexState::Seeded);
        }
    }

    /// An index came so far.
    pub fn index(&self, name: &str, to: IndexState) {
        if let Some(index) = self.lock().indexes.get_mut(name) {
            let became = to == IndexState::Seeded && index.state != to;
            index.seeded += u64::from(became);
            index.state = to;
        }
    }

    /// So much of a table has been copied.
    pub fn copied(&self, table: &str, copy: Copy) {
        self.lock().copies.insert(table.to_owned(), copy);
    }

    /// The copy is complete, and is the database as of this commit.
    pub fn opened(&self, at: Lsn) {
        self.lock().opened = Some(at);
    }

    /// A transaction of so many row changes was read.
    pub fn captured(&self, at: Lsn, committed: SystemTime, changes: u64) {
        let mut state = self.lock();
        state.captured += changes;
        if changes > 0 {
            state.pending.push_back(Pending { at, committed, changes });
        }
    }

    /// Everything up to here is in every sink.
    pub fn durable(&self, at: Lsn) {
        let mut state = self.lock();
        state.durable = at;
        while let Some(pending) = state.pending.pop_front_if(|pending| pending.at <= at) {
            state.committed += pending.changes;
        }
    }

    /// A batch was written in so much time: documents by index.
    pub fn wrote<'a>(&self, took: Duration, built: impl Iterator<Item = (&'a str, u64)>) {
        let mut state = self.lock();
        state.batches += 1;
        state.flushes.total += took;
        state.flushes.last = took;
        let bucket = BUCKETS.iter().position(|bound| took.as_secs_f64() <= *bound);
        state.flushes.counts[bucket.unwrap_or(BUCKETS.len())] += 1;
        for (name, documents) in built {
            if let Some(index) = state.indexes.get_mut(name) {
                index.built += documents;
            }
        }
    }

    /// A sink rejected a document, and the run goes on.
    pub fn quarantined(&self, index: &str) {
        if let Some(index) = self.lock().indexes.get_mut(index) {
            index.quarantined += 1;
        }
    }

    /// So many bytes of WAL are unconfirmed.
    pub fn lag(&self, bytes: u64) {
        self.lock().lag_bytes = Some(bytes);
    }

    /// The slot keeps so much.
    pub fn retained(&self, retention: Option<Retention>) {
        self.lock().retention = retention;
    }

    /// Something went wrong.
    pub fn error(&self, message: impl Into<String>) {
        let mut state = self.lock();
        state.errors += 1;
        state.last_error = Some(message.into());
    }

    /// Every operation leaves the state whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        Status::new([("users".to_owned(), true), ("old".to_owned(), false)])
    }

    #[test]
    fn an_index_is_pending_then_backfilling_then_seeded_once() {
        let status = status();
        assert_eq!(status.read().indexes["users"].state, IndexState::Pending);
        status.index("users", IndexState::Backfilling);
        status.index("users", IndexState::Seeded);
        status.index("users", IndexState::Seeded);
        let users = &status.read().indexes["users"];
        assert_eq!((users.state, users.seeded), (IndexState::Seeded, 1));
    }

    #[test]
    fn disabled_indexes_turn_seeded_when_the_run_is_live() {
        let status = status();
        status.enter(Phase::Backfilling);
        assert_eq!(status.read().indexes["old"].state, IndexState::Pending);
        status.enter(Phase::Live);
        let state = status.read();
        assert_eq!(state.indexes["old"].state, IndexState::Seeded);
        assert_eq!(state.indexes["users"].state, IndexState::Pending);
        assert!(state.phase.ready());
    }

    #[test]
    fn changes_are_in_flight_until_their_commit_is_durable() {
        let status = status();
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        status.captured(10, long_ago, 3);
        status.captured(20, SystemTime::now(), 4);
        assert!(status.read().lag >= Duration::from_secs(60));
        status.durable(19);
        let state = status.read();
        assert_eq!((state.captured, state.committed), (7, 3));
        assert!(state.lag < Duration::from_secs(60));
        status.durable(20);
        assert_eq!((status.read().committed, status.read().lag), (7, Duration::ZERO));
    }

    #[test]
    fn a_flush_falls_into_the_first_bucket_that_holds_it() {
        let status = status();
        status.wrote(Duration::from_millis(5), [("users", 2)].into_iter());
        status.wrote(Duration::from_secs(11), [("users", 1)].into_iter());
        let state = status.read();
        assert_eq!((state.flushes.counts[1], state.flushes.counts[12]), (1, 1));
        assert_eq!((state.batches, state.indexes["users"].built), (2, 3));
    }
}
