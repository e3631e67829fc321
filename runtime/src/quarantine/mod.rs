//! Documents that a sink will not take as they are, kept until it takes them.
//!
//! An index with `on_error = "skip"` goes on without such a document; this is where it is not
//! forgotten. It leaves by itself when the sink takes it or its delete later, because the row was
//! corrected, or the mapping was and somebody asked for another try. What is kept is the sink's
//! words and the document's id, never what it holds: the dataflow has that.
//!
//! A batch counts as written only after its rejections are in the file, so that a crash between
//! cannot lose one: the slot would not send the document again.

mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use flusso_compiler::plan::IndexId;
use flusso_dataflow::Lsn;
use flusso_dataflow::emit::Document;
use serde::{Deserialize, Serialize};

use file::{File, Line};

use crate::sinks::Rejection;

/// One document in one sink.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The sink.
    pub sink: String,
    /// Logical index.
    pub index: String,
    /// Document.
    pub id: String,
}

/// Why a document is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which document, and who rejected it.
    #[serde(flatten)]
    pub key: Key,
    /// As of this commit.
    pub at: Lsn,
    /// The field at fault, when the sink says it.
    pub field: Option<String>,
    /// The sink's words, without the document's values.
    pub reason: String,
    /// Rejected so often.
    pub times: u64,
    /// For the first time, in seconds since 1970.
    pub first: u64,
    /// For the last time.
    pub last: u64,
}

/// The file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineError {
    /// Which.
    pub path: PathBuf,
    /// The system's words, or what is wrong with a line.
    pub reason: String,
}

impl fmt::Display for QuarantineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the quarantine in {}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for QuarantineError {}

/// Has documents of an index sent to the sinks once more.
type Again = Box<dyn Fn(&str, Vec<Box<str>>) + Send + Sync>;

/// All of them, of every sink.
#[derive(Default)]
pub struct Quarantine(Mutex<Held>);

#[derive(Default)]
struct Held {
    entries: BTreeMap<Key, Entry>,
    /// Rejected by this process: what a complete fill does not reject again is gone.
    seen: HashSet<Key>,
    /// Entries by sink, to pass over batches of a sink that has none.
    sinks: HashMap<String, usize>,
    /// None: in memory only.
    file: Option<File>,
    /// None until documents can be sent.
    again: Option<Again>,
}

impl Quarantine {
    /// Keeps it in this file from now on, made if missing, and takes up what is in there. Without
    /// a file it lasts as long as the process.
    pub fn keep_in(&self, path: &Path) -> Result<(), QuarantineError> {
        let (file, entries) = File::open(path)?;
        let mut held = self.lock();
        held.file = Some(file);
        entries.into_iter().for_each(|entry| held.put(entry));
        Ok(())
    }

    /// A sink has taken a batch but for what it rejected; `name` is the name of an index. On disk
    /// when this returns.
    pub fn settle<'a>(
        &self,
        sink: &str,
        name: impl Fn(IndexId) -> &'a str,
        batch: &[Document],
        rejected: &[Rejection],
    ) -> Result<(), QuarantineError> {
        let mut held = self.lock();
        let key = |index, id: &str| Key {
            sink: sink.to_owned(),
            index: name(index).to_owned(),
            id: id.to_owned(),
        };
        let mut lines = Vec::new();
        if held.sinks.contains_key(sink) {
            let rejected: HashSet<_> = rejected.iter().map(|it| (it.index, &it.id)).collect();
            for document in batch.iter().filter(|it| !rejected.contains(&(it.index, &it.id))) {
                let key = key(document.index, &document.id);
                if held.remove(&key) {
                    lines.push(Line::Gone(key));
                }
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        for Rejection { index, id, at, field, reason } in rejected {
            let key = key(*index, id);
            let before = held.entries.get(&key);
            let (times, first) = before.map_or((0, now), |it| (it.times, it.first));
            held.seen.insert(key.clone());
            let (field, reason) = (field.clone(), reason.clone());
            let entry = Entry { key, at: *at, field, reason, times: times + 1, first, last: now };
            held.put(entry.clone());
            lines.push(Line::Put(entry));
        }
        held.write(lines)?;
        if let Some(Rejection { index, id, reason, .. }) = rejected.first() {
            let (index, documents) = (name(*index), rejected.len());
            tracing::warn!(sink, index, %id, documents, "put into quarantine: {reason}");
        }
        Ok(())
    }

    /// Every document of an index has been sent to a sink: what it did not reject this time is
    /// there, or is no more.
    pub fn filled(&self, sink: &str, index: &str) -> Result<(), QuarantineError> {
        let mut held = self.lock();
        let ours = |key: &&Key| key.sink == sink && key.index == index;
        let stale: Vec<Key> = held.entries.keys().filter(ours).cloned().collect();
        let stale: Vec<Key> = stale.into_iter().filter(|key| !held.seen.contains(key)).collect();
        for key in &stale {
            held.remove(key);
        }
        held.write(stale.into_iter().map(Line::Gone).collect())
    }

    /// Whom to ask for another try.
    pub fn attach(&self, again: impl Fn(&str, Vec<Box<str>>) + Send + Sync + 'static) {
        self.lock().again = Some(Box::new(again));
    }

    /// Has the documents of these entries sent once more; those that are taken then leave. Says
    /// how many documents that are; none while nothing can be sent.
    pub fn retry(&self, index: Option<&str>, id: Option<&str>) -> Option<usize> {
        let wanted: BTreeSet<(String, String)> =
            self.list(index, id).into_iter().map(|it| (it.key.index, it.key.id)).collect();
        let asked = wanted.len();
        let mut ids: BTreeMap<String, Vec<Box<str>>> = BTreeMap::new();
        for (index, id) in wanted {
            ids.entry(index).or_default().push(id.into());
        }
        let held = self.lock();
        let again = held.again.as_ref()?;
        ids.into_iter().for_each(|(index, ids)| again(&index, ids));
        Some(asked)
    }

    /// All entries of these, by sink, index and id. An absent name stands for every one.
    pub fn list(&self, index: Option<&str>, id: Option<&str>) -> Vec<Entry> {
        let fits = |entry: &&Entry| {
            index.is_none_or(|index| entry.key.index == index)
                && id.is_none_or(|id| entry.key.id == id)
        };
        self.lock().entries.values().filter(fits).cloned().collect()
    }

    /// How many documents of an index some sink holds out.
    pub fn count(&self, index: &str) -> u64 {
        self.lock().entries.keys().filter(|key| key.index == index).count() as u64
    }

    /// Every operation leaves it whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn put(&mut self, entry: Entry) {
        let sink = entry.key.sink.clone();
        if self.entries.insert(entry.key.clone(), entry).is_none() {
            *self.sinks.entry(sink).or_default() += 1;
        }
    }

    /// Whether it was there.
    fn remove(&mut self, key: &Key) -> bool {
        self.seen.remove(key);
        if self.entries.remove(key).is_none() {
            return false;
        }
        if let Some(count) = self.sinks.get_mut(&key.sink) {
            *count -= 1;
            if *count == 0 {
                self.sinks.remove(&key.sink);
            }
        }
        true
    }

    fn write(&mut self, lines: Vec<Line>) -> Result<(), QuarantineError> {
        match &mut self.file {
            Some(file) if !lines.is_empty() => file.write(&lines, &self.entries),
            _ => Ok(()),
        }
    }
}
