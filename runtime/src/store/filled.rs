//! Which indexes a sink has been sent all documents of.
//!
//! A sink that keeps documents says so itself. For one that does not, the state remembers: its
//! reader has what was written, and goes on from there. It counts as long as the state, the schema
//! and the rows under the index are the same.

use std::sync::Arc;

use flusso_compiler::plan::IndexId;
use tracing::warn;

use super::{StateError, Store};
use crate::sinks::{Sink, Target};

/// What is remembered; nothing without state.
pub struct Filled {
    store: Option<Arc<Store>>,
    /// By sink: its indexes, each with the schema's hash.
    targets: Vec<(String, Vec<(IndexId, String, String)>)>,
}

impl Filled {
    /// For these sinks.
    pub fn new(store: Option<Arc<Store>>, sinks: &[(Sink, Vec<Target>)]) -> Filled {
        let target = |it: &Target| (it.index, it.name.clone(), it.hash.clone());
        let sinks = sinks.iter().filter(|(sink, _)| !sink.keeps());
        let targets = sinks
            .map(|(sink, targets)| (sink.name().to_owned(), targets.iter().map(target).collect()));
        Filled { store, targets: targets.collect() }
    }

    /// Whether a sink has been sent every document of an index.
    pub fn is(&self, sink: &Sink, index: IndexId) -> bool {
        let (Some(store), Some((key, hash))) = (&self.store, self.find(sink, index)) else {
            return false;
        };
        let (name, _) = key.split_once('/').unwrap_or_default();
        let mark = store.mark(name, &hash);
        store.meta().filled.get(&key) == Some(&mark)
    }

    /// It has now. Where this cannot be written, all is sent again at the next start.
    pub fn note(&self, sink: &Sink, index: IndexId) {
        let (Some(store), Some((key, hash))) = (&self.store, self.find(sink, index)) else {
            return;
        };
        if let Err(error) = store.fill(key, &hash) {
            warn!("{error}");
        }
    }

    /// `index/sink`, and the hash.
    fn find(&self, sink: &Sink, index: IndexId) -> Option<(String, String)> {
        let (sink, targets) = self.targets.iter().find(|(name, _)| name == sink.name())?;
        let (_, name, hash) = targets.iter().find(|(id, ..)| *id == index)?;
        Some((format!("{name}/{sink}"), hash.clone()))
    }
}

impl Store {
    fn fill(&self, key: String, hash: &str) -> Result<(), StateError> {
        let (name, _) = key.split_once('/').unwrap_or_default();
        let mark = self.mark(name, hash);
        let mut meta = self.meta();
        if meta.filled.get(&key) == Some(&mark) {
            return Ok(());
        }
        meta.filled.insert(key, mark);
        self.save(&meta)
    }

    /// What a sink that keeps the documents of an index remembers with them: only of the same are
    /// they those of this state.
    pub fn token(&self, index: &str) -> String {
        self.mark(index, &self.id())
    }

    /// What documents of an index must come from to be taken as they are.
    fn mark(&self, index: &str, hash: &str) -> String {
        format!("{hash}-{}", self.meta().renewals.get(index).copied().unwrap_or(0))
    }
}
