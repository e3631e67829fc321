//! What a running flusso tells of itself: one value behind a lock, read by HTTP and progress.
//!
//! The loop writes to it once a batch; whoever asks gets a copy ([`Status::read`]) and renders
//! that (`http::json`, `http::metrics`). What capture and dataflow count is not copied along but
//! fetched by a probe when somebody asks; how far behind that is, is worked out then.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use flusso_dataflow::Lsn;

use crate::lag::{Commits, Lag, Stage};
use crate::reading::Reading;
use crate::sinks::Written;
use crate::waits::{Wait, Waits};
use crate::work::Work;

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
    /// Documents a sink rejected and the run passed over.
    pub quarantined: u64,
}

/// One sink, by its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SinkStatus {
    /// Everything up to here is in it.
    pub delivered: Lsn,
    /// How far that is behind; none before its first commit.
    pub lag: Option<Lag>,
    /// Documents written and deleted there, by index.
    pub sent: BTreeMap<String, u64>,
    /// Documents it already held a newer version of.
    pub superseded: u64,
    /// Documents it rejected.
    pub rejected: u64,
    /// Bytes sent to it, repetitions included.
    pub bytes: u64,
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
    changes: u64,
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
    /// By name.
    pub sinks: BTreeMap<String, SinkStatus>,
    /// Of which commit the copied rows are the database; none until the copy is complete.
    pub opened: Option<Lsn>,
    /// By table.
    pub copies: BTreeMap<String, Copy>,
    /// Long work, finished or not, in the order it began.
    pub works: Vec<Work>,
    /// Row changes taken from the stream.
    pub captured: u64,
    /// Row changes whose documents are in every sink.
    pub committed: u64,
    /// Batches written.
    pub batches: u64,
    /// How long that took.
    pub flushes: Flushes,
    /// The dataflow has taken in everything up to here.
    pub applied: Lsn,
    /// Everything up to here is in every sink.
    pub durable: Lsn,
    /// WAL between the server's end and what the slot has confirmed, when last sampled.
    pub lag_bytes: Option<u64>,
    /// By stage, as of now; none for a stage that has not begun.
    pub lags: Vec<(Stage, Option<Lag>)>,
    /// What is waited for.
    pub waits: Vec<Wait>,
    /// Attempts that failed and were made again, by who made them.
    pub retries: BTreeMap<String, u64>,
    /// Things that went wrong.
    pub errors: u64,
    /// The last of them.
    pub last_error: Option<String>,
    /// What capture and dataflow count.
    pub reading: Reading,
}

type Probe = Box<dyn Fn() -> Reading + Send + Sync>;

/// The shared status.
pub struct Status {
    began: Instant,
    kept: Mutex<Kept>,
    probe: Mutex<Option<Probe>>,
}

struct Kept {
    state: State,
    /// Of the transactions that `committed` does not count yet, oldest first.
    pending: VecDeque<Pending>,
    commits: Commits,
    waits: BTreeMap<String, Arc<Waits>>,
}

impl Status {
    /// Of a deployment with these indexes, and whether each is enabled.
    pub fn new(indexes: impl IntoIterator<Item = (String, bool)>) -> Status {
        let index = |(name, enabled)| {
            let state = IndexState::Pending;
            (name, IndexStatus { enabled, state, seeded: 0, quarantined: 0 })
        };
        let state = State {
            phase: Phase::Starting,
            uptime: Duration::ZERO,
            indexes: indexes.into_iter().map(index).collect(),
            sinks: BTreeMap::new(),
            opened: None,
            copies: BTreeMap::new(),
            works: Vec::new(),
            captured: 0,
            committed: 0,
            batches: 0,
            flushes: Flushes::default(),
            applied: 0,
            durable: 0,
            lag_bytes: None,
            lags: Vec::new(),
            waits: Vec::new(),
            retries: BTreeMap::new(),
            errors: 0,
            last_error: None,
            reading: Reading::default(),
        };
        let (pending, commits) = (VecDeque::new(), Commits::default());
        let kept = Mutex::new(Kept { state, pending, commits, waits: BTreeMap::new() });
        Status { began: Instant::now(), kept, probe: Mutex::new(None) }
    }

    /// Whom to ask for what capture and dataflow count.
    pub fn attach(&self, probe: impl Fn() -> Reading + Send + Sync + 'static) {
        *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(probe));
    }

    /// Where it is told what somebody waits for: `postgres`, `sink search`. The last one counts.
    pub fn watch(&self, who: impl Into<String>, waits: Arc<Waits>) {
        self.lock().waits.insert(who.into(), waits);
    }

    /// There is such a sink.
    pub fn sink(&self, name: &str) {
        self.lock().state.sinks.entry(name.to_owned()).or_default();
    }

    /// A copy of everything, as of now.
    pub fn read(&self) -> State {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = probe.as_ref().map(|probe| probe()).unwrap_or_default();
        let mut kept = self.lock();
        kept.commits.hear(reading.server, reading.received);
        kept.commits.end(reading.confirmed);
        let mut state = kept.state.clone();
        let lag = |stage, at| kept.commits.lag(stage, at, reading.server);
        let stages = Stage::ALL.into_iter().map(|stage| {
            let at = match stage {
                Stage::Received => reading.received,
                Stage::Applied => state.applied,
                Stage::Assembled => reading.assembled,
                Stage::Delivered => state.durable,
                Stage::Confirmed => reading.confirmed,
            };
            // What the copy holds was not in the stream.
            (stage, lag(stage, at).filter(|_| state.opened.is_some()))
        });
        state.lags = stages.collect();
        for sink in state.sinks.values_mut() {
            sink.lag = lag(Stage::Delivered, sink.delivered);
        }
        state.waits = kept.waits.iter().filter_map(|(who, waits)| waits.now(who)).collect();
        let retries = kept.waits.iter().map(|(who, waits)| (who.clone(), waits.begun()));
        state.retries = retries.collect();
        state.reading = reading;
        state.uptime = self.began.elapsed();
        state
    }

    /// The phase alone.
    pub fn phase(&self) -> Phase {
        self.lock().state.phase
    }

    /// The run entered a phase. Disabled indexes count as seeded once it is live.
    pub fn enter(&self, phase: Phase) {
        let state = &mut self.lock().state;
        state.phase = phase;
        if phase == Phase::Live {
            let disabled = state.indexes.values_mut().filter(|index| !index.enabled);
            disabled.for_each(|index| index.state = IndexState::Seeded);
        }
    }

    /// An index came so far.
    pub fn index(&self, name: &str, to: IndexState) {
        if let Some(index) = self.lock().state.indexes.get_mut(name) {
            let became = to == IndexState::Seeded && index.state != to;
            index.seeded += u64::from(became);
            index.state = to;
        }
    }

    /// So much of a table has been copied.
    pub fn copied(&self, table: &str, copy: Copy) {
        self.lock().state.copies.insert(table.to_owned(), copy);
    }

    /// Long work has come so far.
    pub fn work(&self, work: Work) {
        let works = &mut self.lock().state.works;
        match works.iter_mut().find(|it| it.same(&work)) {
            Some(before) => *before = work,
            None => works.push(work),
        }
    }

    /// The copy is complete, and is the database as of this commit.
    pub fn opened(&self, at: Lsn) {
        let state = &mut self.lock().state;
        (state.opened, state.applied) = (Some(at), at);
    }

    /// Nothing that concerns us was committed up to here.
    pub fn idle(&self, upto: Lsn) {
        let state = &mut self.lock().state;
        state.applied = state.applied.max(upto);
    }

    /// A transaction of so many row changes was read.
    pub fn captured(&self, at: Lsn, committed: SystemTime, changes: u64) {
        let mut kept = self.lock();
        kept.state.captured += changes;
        kept.state.applied = at;
        if changes > 0 {
            kept.pending.push_back(Pending { at, changes });
            kept.commits.begin(at, committed);
        }
    }

    /// Everything up to here is in every sink.
    pub fn durable(&self, at: Lsn) {
        let mut kept = self.lock();
        kept.state.durable = at;
        while let Some(pending) = kept.pending.pop_front_if(|pending| pending.at <= at) {
            kept.state.committed += pending.changes;
        }
    }

    /// Everything up to here is in this sink.
    pub fn delivered(&self, sink: &str, at: Lsn) {
        if let Some(sink) = self.lock().state.sinks.get_mut(sink) {
            sink.delivered = at;
        }
    }

    /// A sink took a batch, in so much time: documents by index, and what became of them.
    pub fn wrote<'a>(
        &self,
        sink: &str,
        took: Duration,
        sent: impl Iterator<Item = (&'a str, u64)>,
        written: &Written,
    ) {
        let state = &mut self.lock().state;
        state.batches += 1;
        state.flushes.total += took;
        state.flushes.last = took;
        let bucket = BUCKETS.iter().position(|bound| took.as_secs_f64() <= *bound);
        state.flushes.counts[bucket.unwrap_or(BUCKETS.len())] += 1;
        let Some(sink) = state.sinks.get_mut(sink) else { return };
        sink.superseded += written.superseded;
        sink.rejected += written.rejected.len() as u64;
        sink.bytes += written.bytes;
        for (index, documents) in sent {
            *sink.sent.entry(index.to_owned()).or_default() += documents;
        }
    }

    /// A sink rejected a document, and the run goes on.
    pub fn quarantined(&self, index: &str) {
        if let Some(index) = self.lock().state.indexes.get_mut(index) {
            index.quarantined += 1;
        }
    }

    /// So many bytes of WAL are unconfirmed.
    pub fn lag(&self, bytes: u64) {
        self.lock().state.lag_bytes = Some(bytes);
    }

    /// Something went wrong.
    pub fn error(&self, message: impl Into<String>) {
        let state = &mut self.lock().state;
        state.errors += 1;
        state.last_error = Some(message.into());
    }

    /// Every operation leaves the state whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        let age = || status.read().lags[3].1.map(|lag| lag.age);
        assert_eq!(age(), None, "not before the copy is complete");
        status.opened(5);
        status.durable(5);
        assert!(age() >= Some(Duration::from_secs(60)));
        status.durable(19);
        let state = status.read();
        assert_eq!((state.captured, state.committed), (7, 3));
        assert!(age() < Some(Duration::from_secs(60)));
        status.durable(20);
        assert_eq!((status.read().committed, age()), (7, Some(Duration::ZERO)));
    }

    #[test]
    fn a_flush_falls_into_the_first_bucket_that_holds_it() {
        let status = status();
        status.sink("search");
        let written = Written { superseded: 1, bytes: 10, ..Written::default() };
        status.wrote("search", Duration::from_millis(5), [("users", 2)].into_iter(), &written);
        status.wrote("search", Duration::from_secs(11), [("users", 1)].into_iter(), &written);
        let state = status.read();
        assert_eq!((state.flushes.counts[1], state.flushes.counts[12]), (1, 1));
        let sink = &state.sinks["search"];
        assert_eq!((state.batches, sink.sent["users"]), (2, 3));
        assert_eq!((sink.superseded, sink.bytes), (2, 20));
    }
}
