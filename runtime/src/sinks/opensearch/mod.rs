//! An OpenSearch cluster as a sink.
//!
//! | file | what |
//! | --- | --- |
//! | `access` | what a request shows to be let in, and whom TLS trusts |
//! | `client` | one HTTP request |
//! | `lifecycle` | generations of an index, the aliases, `flusso_meta` |
//! | `bulk` | operations into lines, the answer back onto the operations |
//! | `deliver` | operations sent until each of them is settled |
//! | `pace` | how much is sent at once |
//! | `wait` | how to wait before the next attempt |
//! | `errors` | what an answer means |
//! | `inspect` | reading back what an index holds |

mod access;
pub mod bulk;
mod client;
mod deliver;
mod errors;
pub mod inspect;
mod lifecycle;
mod pace;
mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flusso_compiler::files::cluster::Cluster;
use flusso_compiler::files::config::{OnError, OpenSearch as Options};
use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::Document;

use super::{Rejection, SinkError, Target, Written};
use crate::waits::Waits;
use bulk::{MAX_ID, Op};
use client::Client;
use lifecycle::Generation;
use pace::Pace;
use wait::Backoff;

/// A cluster, and the generations that this run writes.
#[derive(Debug)]
pub struct OpenSearch {
    client: Client,
    options: Options,
    prefix: String,
    prepared: HashMap<IndexId, Prepared>,
    pace: Mutex<Pace>,
    /// Held by the one request that tries again.
    turns: tokio::sync::Mutex<Backoff>,
}

/// An index ready for documents.
#[derive(Debug)]
struct Prepared {
    /// Logical name.
    name: String,
    on_error: OnError,
    generation: Generation,
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
            client: Client::new(name, options, cluster)?,
            options: options.clone(),
            prefix: prefix.to_owned(),
            prepared: HashMap::new(),
            pace: Mutex::new(Pace::new(options.batch_size as usize, max_bytes)),
            turns: tokio::sync::Mutex::default(),
        })
    }

    /// Whoever held it left it whole.
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        self.client.sink()
    }

    pub(super) fn waits(&self) -> Arc<Waits> {
        self.client.waits()
    }

    pub(super) async fn prepare(&mut self, targets: &[Target]) -> Result<(), SinkError> {
        self.prepared.clear();
        for target in targets {
            let generation = lifecycle::prepare(&self.client, &self.prefix, target).await?;
            let (name, on_error) = (target.name.clone(), target.on_error);
            self.prepared.insert(target.index, Prepared { name, on_error, generation });
        }
        Ok(())
    }

    pub(super) async fn hydrated(&mut self, index: IndexId) -> Result<(), SinkError> {
        let prepared = self.prepared(index)?;
        let interval = &self.options.refresh_interval;
        lifecycle::hydrated(&self.client, &prepared.generation, interval).await
    }

    pub(crate) async fn write(&mut self, batch: &[Document]) -> Result<Written, SinkError> {
        let mut written = Written::default();
        let mut ops = Vec::with_capacity(batch.len());
        for document in bulk::coalesce(batch) {
            let prepared = self.prepared(document.index)?;
            if document.id.is_empty() || document.id.len() > MAX_ID {
                let reason = format!("an id of {} bytes; 1 to {MAX_ID} fit", document.id.len());
                let Document { index, id, at, .. } = document;
                let (index, id, at) = (*index, id.clone(), *at);
                let rejection = Rejection { index, id, at, field: None, reason };
                written.rejected.push(self.judge(rejection)?);
                continue;
            }
            ops.push(Op {
                index: document.index,
                generation: &prepared.generation.name,
                id: &document.id,
                at: document.at,
                body: document.body.as_deref(),
            });
        }
        written.add(self.settle(ops).await?);
        Ok(written)
    }

    fn prepared(&self, index: IndexId) -> Result<&Prepared, SinkError> {
        let unknown = || SinkError::Unprepared { sink: self.name().to_owned(), index: index.0 };
        self.prepared.get(&index).ok_or_else(unknown)
    }

    /// Lets a rejected document pass where its index says so.
    fn judge(&self, rejection: Rejection) -> Result<Rejection, SinkError> {
        let prepared = self.prepared(rejection.index)?;
        match prepared.on_error {
            OnError::Skip => Ok(rejection),
            OnError::Stop => Err(SinkError::Rejected {
                sink: self.name().to_owned(),
                index: prepared.name.clone(),
                id: rejection.id.into(),
                field: rejection.field,
                reason: rejection.reason,
            }),
        }
    }
}
