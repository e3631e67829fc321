//! Which indexes a sink has all documents of.
//!
//! Of a sink that keeps nothing the state remembers it: its reader has what was written, and goes
//! on from there. A sink that keeps documents says it itself, by a token that the state gave it.
//! Both count as long as schema and rows of the index are the same, and no run has gone by in
//! which the sink was not given the index: it would lack what changed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use flusso_compiler::plan::IndexId;
use tracing::warn;

use super::meta::random;
use super::{StateError, Store};
use crate::sinks::{Sink, Target};

/// What is remembered; nothing without state.
#[derive(Default)]
pub struct Filled {
    store: Option<Arc<Store>>,
    /// By sink and index.
    marks: BTreeMap<(String, IndexId), Mark>,
}

/// What is remembered under `index/sink`.
struct Mark {
    key: String,
    value: String,
    /// It is the token of a sink that keeps documents.
    token: bool,
}

impl Filled {
    /// For the sinks of a run. What other runs remembered of others is forgotten.
    pub fn new(store: Arc<Store>, sinks: &[(Sink, Vec<Target>)]) -> Result<Filled, StateError> {
        let (mut marks, mut filled) = (BTreeMap::new(), BTreeMap::new());
        let mut meta = store.meta();
        for (sink, target) in
            sinks.iter().flat_map(|(sink, of)| of.iter().map(move |it| (sink, it)))
        {
            let (name, token) = (&target.name, sink.keeps());
            let key = format!("{name}/{}", sink.name());
            let renewals = meta.renewals.get(name).copied().unwrap_or(0);
            let mark = format!("{}-{renewals}", target.hash);
            let before = meta.filled.get(&key).filter(|before| match token {
                true => before.strip_prefix(&mark).is_some_and(|rest| rest.starts_with('-')),
                false => **before == mark,
            });
            let value = match (before, token) {
                (Some(before), true) => before.clone(),
                (None, true) => format!("{mark}-{}", random()),
                (_, false) => mark,
            };
            if token || before.is_some() {
                filled.insert(key.clone(), value.clone());
            }
            marks.insert((sink.name().to_owned(), target.index), Mark { key, value, token });
        }
        if meta.filled != filled {
            meta.filled = filled;
            store.save(&meta)?;
        }
        drop(meta);
        Ok(Filled { store: Some(store), marks })
    }

    /// What a sink that keeps documents remembers with those of an index.
    pub fn token(&self, sink: &Sink, index: IndexId) -> Option<String> {
        self.find(sink, index).filter(|(_, mark)| mark.token).map(|(_, mark)| mark.value.clone())
    }

    /// Whether a sink that keeps nothing has been sent every document of an index.
    pub fn is(&self, sink: &Sink, index: IndexId) -> bool {
        let found = self.find(sink, index).filter(|(_, mark)| !mark.token);
        found.is_some_and(|(store, mark)| store.meta().filled.get(&mark.key) == Some(&mark.value))
    }

    /// It has now. Where this cannot be written, all is sent again at the next start.
    pub fn note(&self, sink: &Sink, index: IndexId) {
        let Some((store, mark)) = self.find(sink, index) else { return };
        let mut meta = store.meta();
        let before = meta.filled.insert(mark.key.clone(), mark.value.clone());
        if before.as_ref() != Some(&mark.value)
            && let Err(error) = store.save(&meta)
        {
            warn!("{error}");
        }
    }

    fn find(&self, sink: &Sink, index: IndexId) -> Option<(&Store, &Mark)> {
        let store = self.store.as_deref()?;
        Some((store, self.marks.get(&(sink.name().to_owned(), index))?))
    }
}
