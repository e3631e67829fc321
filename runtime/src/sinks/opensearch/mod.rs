//! An OpenSearch cluster as a sink.
//!
//! | file | what |
//! | --- | --- |
//! | `access` | what a request shows to be let in, and whom TLS trusts |
//! | `client` | one HTTP request |
//! | `generation` | the names of an index's generations, and `flusso_meta` |
//! | `lifecycle` | from one generation to the next |
//! | `bulk` | operations into lines, the answer back onto the operations |
//! | `deliver` | operations sent until each of them is settled |
//! | `pace` | how much is sent at once |
//! | `wait` | how to wait before the next attempt |
//! | `errors` | what an answer means |
//! | `fresh` | when searches find what was written |
//! | `inspect` | reading back what an index holds |

mod access;
pub mod bulk;
mod client;
mod deliver;
mod errors;
mod fresh;
mod generation;
pub mod inspect;
mod lifecycle;
mod pace;
mod wait;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flusso_compiler::files::cluster::Cluster;
use flusso_compiler::files::config::{OnError, OpenSearch as Options};
use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::Document;

use super::{Rejection, SinkError, Target, Written};
use crate::waits::Waits;
use bulk::{MAX_ID, Op};
use client::Client;
use fresh::Fresh;
use generation::{Generation, Names};
use lifecycle::Found;
use pace::Pace;
use wait::Backoff;

/// A cluster, and the generations of indexes that this run writes.
#[derive(Debug)]
pub struct OpenSearch {
    client: Arc<Client>,
    options: Options,
    prefix: String,
    prepared: HashMap<IndexId, Prepared>,
    /// Superseded indexes, and since when.
    old: VecDeque<(Instant, String)>,
    pace: Mutex<Pace>,
    /// None before it is prepared, and where refreshes are not the sink's business.
    fresh: Option<Fresh>,
    /// Held by the one request that tries again.
    turns: tokio::sync::Mutex<Backoff>,
}

/// An index ready for documents.
#[derive(Debug)]
struct Prepared {
    target: Target,
    names: Names,
    /// Complete: every change goes there.
    complete: Option<Generation>,
    /// Being filled: changes go there too.
    building: Option<Generation>,
    /// The fill that goes there alone.
    fill: Option<u32>,
}

impl Prepared {
    /// Where a document goes.
    fn takers(&self, fill: Option<u32>) -> impl Iterator<Item = &Generation> {
        self.searched(fill).into_iter().chain(&self.building)
    }

    /// Where it is searched for.
    fn searched(&self, fill: Option<u32>) -> Option<&Generation> {
        self.complete.as_ref().filter(|_| fill.is_none() || fill != self.fill)
    }
}

impl OpenSearch {
    /// `prefix` stands before every name; nothing is opened yet.
    pub fn new(
        name: &str,
        prefix: &str,
        options: &Options,
        cluster: Cluster,
    ) -> Result<OpenSearch, SinkError> {
        let max_bytes = usize::try_from(options.max_bytes).unwrap_or(usize::MAX);
        Ok(OpenSearch {
            client: Arc::new(Client::new(name, options, cluster)?),
            options: options.clone(),
            prefix: prefix.to_owned(),
            prepared: HashMap::new(),
            old: VecDeque::new(),
            pace: Mutex::new(Pace::new(options.batch_size as usize, max_bytes)),
            fresh: None,
            turns: tokio::sync::Mutex::default(),
        })
    }

    /// Whoever held it left it whole.
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is called in the config.
    pub fn name(&self) -> &str {
        self.client.sink()
    }

    pub(super) fn waits(&self) -> Arc<Waits> {
        self.client.waits()
    }

    pub(super) async fn prepare(
        &mut self,
        targets: &[Target],
        patience: Duration,
    ) -> Result<Vec<IndexId>, SinkError> {
        self.prepared.clear();
        let mut empty = Vec::new();
        for target in targets {
            let Found { names, complete, outdated } =
                lifecycle::find(&self.client, &self.prefix, target, patience).await?;
            let (index, new) = (target.index, complete.is_none());
            if let Some(complete) = &complete {
                let interval = &self.options.refresh_interval;
                lifecycle::settle(&self.client, target, complete, interval).await?;
            }
            let (target, building, fill) = (target.clone(), None, None);
            let prepared = Prepared { target, names, complete, building, fill };
            self.prepared.insert(index, prepared);
            if new || outdated {
                self.begin(index).await?;
            }
            empty.extend(new.then_some(index));
        }
        self.fresh = Fresh::start(self.client.clone(), &self.options.refresh_interval);
        Ok(empty)
    }

    pub(super) fn outdated(&self) -> Vec<IndexId> {
        let beside = |it: &&Prepared| it.complete.is_some() && it.building.is_some();
        self.prepared.values().filter(beside).map(|it| it.target.index).collect()
    }

    pub(super) async fn begin(&mut self, index: IndexId) -> Result<(), SinkError> {
        let Prepared { target, names, complete, building, .. } = self.prepared(index)?;
        if let Some(unfinished) = building {
            lifecycle::delete(&self.client, &unfinished.name).await?;
        }
        let begun = lifecycle::begin(&self.client, names, target, complete.as_ref()).await?;
        if let Some(prepared) = self.prepared.get_mut(&index) {
            (prepared.building, prepared.fill) = (Some(begun), None);
        }
        Ok(())
    }

    pub(super) fn filling(&mut self, index: IndexId, fill: u32) {
        if let Some(prepared) = self.prepared.get_mut(&index) {
            prepared.fill = Some(fill);
        }
    }

    /// Has the server write out the segments that it holds: one thread does that while writers are
    /// at work on the rest, instead of after them.
    pub(super) async fn ending(&self, index: IndexId) {
        if let Some(Prepared { building: Some(building), .. }) = self.prepared.get(&index) {
            drop(lifecycle::refresh(&self.client, building).await);
        }
    }

    pub(super) async fn hydrated(&mut self, index: IndexId) -> Result<bool, SinkError> {
        let Prepared { target, names, building, .. } = self.prepared(index)?;
        let Some(filled) = building.clone() else { return Ok(false) };
        let interval = &self.options.refresh_interval;
        let shown = lifecycle::show(&self.client, names, target, &filled, interval).await?;
        let Some(old) = shown else { return Ok(false) };
        let now = Instant::now();
        self.old.extend(old.into_iter().map(|name| (now, name)));
        if let Some(prepared) = self.prepared.get_mut(&index) {
            (prepared.complete, prepared.building, prepared.fill) = (Some(filled), None, None);
        }
        self.sweep().await?;
        Ok(true)
    }

    /// Deletes superseded generations that have been kept long enough.
    async fn sweep(&mut self) -> Result<(), SinkError> {
        let keep = Duration::from_secs(self.options.keep_old_secs);
        while let Some((_, name)) = self.old.pop_front_if(|(since, _)| since.elapsed() >= keep) {
            lifecycle::delete(&self.client, &name).await?;
        }
        Ok(())
    }

    pub(super) async fn look(&mut self) -> Result<Vec<IndexId>, SinkError> {
        self.sweep().await?;
        let mut lost = Vec::new();
        for (index, prepared) in &mut self.prepared {
            let Prepared { names, complete, building, .. } = prepared;
            let seen = complete.is_some();
            for (generation, seen) in [(complete, true), (building, !seen)] {
                if let Some(there) = &generation
                    && !lifecycle::stands(&self.client, names, there, seen).await?
                {
                    let (sink, generation_name) = (self.client.sink(), &there.name);
                    tracing::warn!(sink, generation = generation_name, "the index was deleted");
                    *generation = None;
                    lost.push(*index);
                }
            }
        }
        lost.dedup();
        Ok(lost)
    }

    pub(crate) async fn write(&self, batch: &[Document]) -> Result<Written, SinkError> {
        let begun = Instant::now();
        let mut written = Written::default();
        let mut ops = Vec::with_capacity(batch.len());
        let mut searched = BTreeSet::new();
        for document in batch {
            let prepared = self.prepared(document.index)?;
            let Document { index, id, at, body, fill } = document;
            if id.is_empty() || id.len() > MAX_ID {
                let reason = format!("an id of {} bytes; 1 to {MAX_ID} fit", id.len());
                let (index, id, at) = (*index, id.clone(), *at);
                let rejection = Rejection { index, id, at, field: None, reason };
                written.rejected.push(self.judge(rejection)?);
                continue;
            }
            ops.extend(prepared.takers(*fill).map(|generation| Op {
                index: *index,
                generation: &generation.write,
                id,
                at: *at,
                body: body.as_deref(),
            }));
            searched.extend(prepared.searched(*fill).map(|generation| &generation.name));
        }
        written.add(self.settle(bulk::coalesce(ops)).await?);
        if let Some(fresh) = &self.fresh {
            searched.into_iter().for_each(|name| fresh.wrote(name, begun));
        }
        Ok(written)
    }

    fn prepared(&self, index: IndexId) -> Result<&Prepared, SinkError> {
        let unknown = || SinkError::Unprepared { sink: self.name().to_owned(), index: index.0 };
        self.prepared.get(&index).ok_or_else(unknown)
    }

    /// Lets a rejected document pass where its index says so.
    fn judge(&self, rejection: Rejection) -> Result<Rejection, SinkError> {
        let prepared = self.prepared(rejection.index)?;
        match prepared.target.on_error {
            OnError::Skip => Ok(rejection),
            OnError::Stop => Err(SinkError::Rejected {
                sink: self.name().to_owned(),
                index: prepared.target.name.clone(),
                id: rejection.id.into(),
                field: rejection.field,
                reason: rejection.reason,
            }),
        }
    }
}
