//! Proves that a sink equals the database at one LSN, while both keep changing.
//!
//! ```text
//!  snapshot at S ─► the slot has passed S ─► documents by SQL ─► the same from the sink ─► judge
//!       ▲                                                                                    │
//!       └───────────── another S, for the documents that changed after this one ◄────────────┘
//! ```
//!
//! Once the slot is confirmed past S, the sink has every commit up to S. A document whose version
//! (the LSN of its last commit) is not above S is then the document at S, and must equal the
//! query's; one whose version is above S is compared again at a later S. What is missing has no
//! version: it is wrong only when it is missing at two moments one after the other. A document
//! that never rests is watched while S passes: a version of it at or before S that equals the
//! query's proves it right; one that does not proves nothing, for a newer one may have come and
//! gone between two looks. The running flusso is not asked for anything.

mod compare;
mod judge;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::pin::pin;
use std::time::Duration;

use flusso_compiler::catalog::Catalog;
use flusso_compiler::diagnostics::Diagnostic;
use flusso_compiler::files::schema::Schema;
use flusso_compiler::plan::oracle;
use flusso_dataflow::Lsn;
use flusso_dataflow::emit::Document;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::postgres::moment::{Moment, passed};
use crate::postgres::{CaptureError, Connection};
use crate::progress::Progress;
use crate::sinks::opensearch::inspect::Held;
use crate::sinks::{OpenSearch, SinkError, Target};
use crate::work;

pub use compare::{Unequal, differences};
use judge::{Pair, Verdict, judge};

/// Moments at which documents that go on changing are looked at before they are given up.
const MOMENTS: u32 = 30;
/// Documents asked for by id at once.
const BATCH: usize = 500;
/// Moments after which documents that go on changing are watched.
const REST: u32 = 3;
/// Between two looks at documents that are watched.
const WATCH_EVERY: Duration = Duration::from_millis(5);
/// Ids taken at once in a walk over the sink.
const IDS: usize = 5000;
/// Differences of an index that are kept to be shown; all are counted.
const SHOWN: usize = 1000;

/// How to verify.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub connection: Connection,
    /// The slot that tells how far the sinks are.
    pub slot: String,
    /// What its stream holds.
    pub publication: String,
    /// So many documents of each index, taken at random on both sides, instead of all.
    pub sample: Option<usize>,
    /// Write what is right.
    pub repair: bool,
}

/// An index to verify.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What its documents are.
    pub schema: &'a Schema,
    /// The database's types and keys.
    pub catalog: &'a Catalog,
    /// As the sink knows it.
    pub target: &'a Target,
}

/// What was found in one index of one sink.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The sink.
    pub sink: String,
    /// The index.
    pub index: String,
    /// The first moment: where nothing differs, sink and database are equal there.
    pub at: Lsn,
    /// Documents compared.
    pub compared: u64,
    /// Those that changed at every moment and were never compared.
    pub unsettled: u64,
    /// Wrong documents.
    pub wrong: u64,
    /// Of these, corrected.
    pub repaired: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// A wrong document.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its id.
    pub id: String,
    /// The moment at which it is wrong.
    pub at: Lsn,
    /// In what way.
    pub what: What,
}

/// The ways of being wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The sink has no such document.
    Missing,
    /// The database has no such document.
    Extra,
    /// Both have it.
    Differs(Vec<Unequal>),
}

/// Why nothing can be said.
#[derive(Debug)]
pub enum VerifyError {
    /// Postgres.
    Capture(CaptureError),
    /// The sink.
    Sink(SinkError),
    /// The schema has no query.
    Schema(Vec<Diagnostic>),
    /// A document that is not JSON, with its place.
    Unreadable(String),
}

impl From<CaptureError> for VerifyError {
    fn from(error: CaptureError) -> VerifyError {
        VerifyError::Capture(error)
    }
}

impl From<SinkError> for VerifyError {
    fn from(error: SinkError) -> VerifyError {
        VerifyError::Sink(error)
    }
}

/// Verifies an index of a sink. Two sessions with Postgres, of which one waits.
pub async fn verify(
    settings: &Settings,
    sink: &mut OpenSearch,
    subject: Subject<'_>,
) -> Result<Report, VerifyError> {
    let Subject { schema, catalog, target } = subject;
    sink.attach(target).await?;
    let query = oracle::sql(schema, Some(catalog)).map_err(VerifyError::Schema)?;
    let rows = catalog.table(&schema.table.value).and_then(|table| table.rows);
    let report = Report {
        sink: sink.name().to_owned(),
        index: target.name.clone(),
        at: 0,
        compared: 0,
        unsettled: 0,
        wrong: 0,
        repaired: 0,
        differences: Vec::new(),
    };
    let mut work = Work {
        control: settings.connection.client().await?,
        settings,
        sink,
        subject,
        floats: oracle::floats(schema, Some(catalog)),
        later: BTreeMap::new(),
        seen: HashMap::new(),
        progress: Progress::new(
            "verifying",
            work::Work::begin("verify", Some(target.name.clone()), "documents"),
        ),
        of: settings.sample.map(|sample| sample as u64).or(rows),
        report,
    };
    let moment = work.moment().await?;
    work.report.at = moment.at;
    match settings.sample {
        Some(size) => work.sample(&moment, &query, size).await?,
        None => work.all(moment, &query).await?,
    }
    for round in 1..MOMENTS {
        if work.later.is_empty() {
            break;
        }
        let again: Vec<String> = work.later.keys().cloned().collect();
        let moment = match again.get(..again.len().min(BATCH)) {
            Some(some) if round > REST => work.watched(some).await?,
            _ => work.moment().await?,
        };
        work.some(&moment, &again).await?;
    }
    let Work { mut report, later, mut progress, .. } = work;
    report.unsettled = later.len() as u64;
    progress.end(report.compared);
    Ok(report)
}

/// An index being verified.
struct Work<'a> {
    /// Looks at the slot.
    control: Client,
    settings: &'a Settings,
    sink: &'a mut OpenSearch,
    subject: Subject<'a>,
    floats: BTreeSet<String>,
    /// Documents to look at again, and whether they were missing.
    later: BTreeMap<String, bool>,
    /// What documents that are watched were on the way to the moment, the oldest first.
    seen: HashMap<String, Vec<Held>>,
    progress: Progress,
    of: Option<u64>,
    report: Report,
}

impl Work<'_> {
    /// A moment that the sink has passed.
    async fn moment(&self) -> Result<Moment, VerifyError> {
        let Settings { connection, slot, publication, .. } = self.settings;
        let moment = Moment::take(&self.control, connection).await?;
        passed(&self.control, slot, publication, moment.at).await?;
        Ok(moment)
    }

    /// The same, and what the sink held of these documents until then.
    async fn watched(&mut self, ids: &[String]) -> Result<Moment, VerifyError> {
        let names: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut seen: HashMap<String, Vec<Held>> = HashMap::new();
        let moment = {
            let mut moment = pin!(self.moment());
            loop {
                let held = self.sink.held(self.subject.target, &names).await?;
                for (id, held) in ids.iter().zip(held) {
                    let before = seen.entry(id.clone()).or_default();
                    let newest = before.last().map(|held| held.at);
                    before.extend(held.filter(|held| newest.is_none_or(|newest| newest < held.at)));
                }
                tokio::select! {
                    moment = &mut moment => break moment?,
                    () = sleep(WATCH_EVERY) => {}
                }
            }
        };
        self.seen = seen;
        Ok(moment)
    }

    /// Every document of the database, then every document of the sink that is not among them.
    async fn all(&mut self, mut moment: Moment, query: &str) -> Result<(), VerifyError> {
        // One number instead of an id: what is compared may be larger than memory.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut seen: HashSet<u64> = HashSet::new();
        moment.open(query).await?;
        loop {
            let rows = moment.next().await?;
            if rows.is_empty() {
                break;
            }
            seen.extend(rows.iter().map(|(id, _)| hasher.hash_one(id)));
            let rows = rows.into_iter().map(|(id, document)| (id, Some(document)));
            self.compare(moment.at, rows.collect()).await?;
        }
        let target = self.subject.target;
        let mut walk = self.sink.walk(target).await?;
        loop {
            let mut ids = self.sink.ids(target, &mut walk, IDS).await?;
            if ids.is_empty() {
                return Ok(());
            }
            ids.retain(|id| !seen.contains(&hasher.hash_one(id)));
            let rows: Vec<_> = ids.into_iter().map(|id| (id, None)).collect();
            for rows in rows.chunks(BATCH) {
                self.compare(moment.at, rows.to_vec()).await?;
            }
        }
    }

    /// So many documents at random, of the database and of the sink.
    async fn sample(
        &mut self,
        moment: &Moment,
        query: &str,
        size: usize,
    ) -> Result<(), VerifyError> {
        let mut ids: BTreeSet<String> = moment.some_ids(query, size).await?.into_iter().collect();
        ids.extend(self.sink.some_ids(self.subject.target, size).await?);
        let ids: Vec<String> = ids.into_iter().collect();
        self.some(moment, &ids).await
    }

    /// The documents of these ids.
    async fn some(&mut self, moment: &Moment, ids: &[String]) -> Result<(), VerifyError> {
        let Subject { schema, catalog, .. } = self.subject;
        // It could be printed for all of them, so it can for some.
        let query = |ids: &[&str]| oracle::among(schema, Some(catalog), ids).unwrap_or_default();
        for ids in ids.chunks(BATCH) {
            let names: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut documents = moment.among(&names, &query).await?;
            let rows = ids.iter().map(|id| (id.clone(), documents.remove(id)));
            self.compare(moment.at, rows.collect()).await?;
        }
        Ok(())
    }

    /// Compares documents of the database as of `at` with the sink's.
    async fn compare(
        &mut self,
        at: Lsn,
        rows: Vec<(String, Option<String>)>,
    ) -> Result<(), VerifyError> {
        if rows.is_empty() {
            return Ok(());
        }
        let target = self.subject.target;
        let ids: Vec<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
        let held = self.sink.held(target, &ids).await?;
        let mut repairs = Vec::new();
        for ((id, database), held) in rows.into_iter().zip(held) {
            let missing = self.later.remove(&id).unwrap_or(false);
            let seen = self.seen.remove(&id).unwrap_or_default();
            let before = seen.iter().rfind(|held| held.at <= at);
            let pair = Pair { database: database.as_deref(), sink: held.as_ref(), before, missing };
            let unreadable =
                || VerifyError::Unreadable(format!("index `{}`, document `{id}`", target.name));
            match judge(at, pair, &self.floats).map_err(|_| unreadable())? {
                Verdict::Equal => self.report.compared += 1,
                Verdict::Later { missing } => {
                    self.later.insert(id, missing);
                }
                Verdict::Wrong(what) => {
                    self.report.compared += 1;
                    self.report.wrong += 1;
                    if self.settings.repair {
                        let body = database.map(|text| text.into_bytes().into());
                        let id = id.as_str().into();
                        repairs.push(Document { index: target.index, id, at, body, fill: None });
                    }
                    if self.report.differences.len() < SHOWN {
                        self.report.differences.push(Difference { id, at, what });
                    }
                }
            }
        }
        if !repairs.is_empty() {
            // What has become newer in the meantime is not overwritten, and is right.
            let written = self.sink.write(&repairs).await?;
            self.report.repaired += written.delivered + written.superseded;
        }
        self.progress.at(self.report.compared, self.of);
        Ok(())
    }
}
