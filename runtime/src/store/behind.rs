//! Writing behind: from what is delivered to what is on disk, and from there to the slot.
//!
//! The feed reads and writes rows through an overlay and never waits for the disk but when there
//! is too much in it: then the sinks are behind, and reading the stream stops. Commits are few and
//! large: what is confirmed a moment later costs Postgres nothing, and a commit has its price.

use std::collections::hash_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fjall::Keyspace;
use flusso_compiler::plan::TableId;
use flusso_dataflow::Lsn;
use flusso_dataflow::row::Row;
use flusso_dataflow::rows::{Changes, Rows, Unusable};
use tokio::sync::watch;

use super::meta::watermark_bytes;
use super::overlay::{Found, Generation, Overlay};
use super::{StateError, Store};
use crate::failpoint;

/// Between two commits.
const EVERY: Duration = Duration::from_millis(100);
/// Bytes of changes that are not on disk at which reading stops.
const BOUND: usize = 256 << 20;

/// The overlay and the store below it.
pub struct Behind {
    store: Arc<Store>,
    overlay: Mutex<Overlay>,
    /// A generation was committed, or none will be any more.
    room: Condvar,
    ended: Mutex<bool>,
    bound: usize,
}

impl Behind {
    /// Over a store whose tables are known.
    pub fn new(store: Arc<Store>) -> Arc<Behind> {
        Behind::bounded(store, BOUND)
    }

    pub(super) fn bounded(store: Arc<Store>, bound: usize) -> Arc<Behind> {
        let (overlay, room, ended) = Default::default();
        Arc::new(Behind { store, overlay, room, ended, bound })
    }

    /// Commits what is sealed when everything in it has been delivered; gives the watermark when
    /// it has moved.
    pub fn commit(&self, delivered: Lsn) -> Result<Option<Lsn>, StateError> {
        let (sealed, idle) = {
            let mut overlay = self.overlay();
            let sealed = overlay.seal().filter(|sealed| sealed.upto <= delivered);
            // Without changes the watermark follows what is delivered all the same.
            (sealed, overlay.is_empty())
        };
        match sealed {
            Some(sealed) => {
                self.write(&sealed)?;
                self.room.notify_all();
                Ok(Some(sealed.upto))
            }
            None if idle && self.store.watermark()?.is_some_and(|at| at < delivered) => {
                self.store.advance(delivered)?;
                Ok(Some(delivered))
            }
            None => Ok(None),
        }
    }

    /// Nobody commits any more; whoever waits for room is sent away.
    pub fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.room.notify_all();
    }

    /// One batch: the rows, and that they are there.
    fn write(&self, sealed: &Generation) -> Result<(), StateError> {
        let store = &self.store;
        let mut batch = store.database.batch().durability(Some(store.persist));
        let mut replaced: Vec<(TableId, Keyspace)> = Vec::new();
        let mut meta = store.meta();
        for (table, changed) in &sealed.tables {
            let mut keyspace = store.table(*table);
            if changed.emptied {
                let name = meta.keyspace();
                keyspace = store.keyspace(&name)?;
                meta.tables[usize::from(table.0)].keyspace = name;
                replaced.push((*table, keyspace.clone()));
            }
            // In their order: each is found a place for, which is near that of the one before.
            let mut rows: Vec<_> = changed.rows.iter().collect();
            rows.sort_unstable_by(|(key, _), (other, _)| key.0.cmp(&other.0));
            for (Row(key), row) in rows {
                match row {
                    Some(Row(row)) => batch.insert(&keyspace, &key[..], &row[..]),
                    None => batch.remove(&keyspace, &key[..]),
                }
            }
        }
        if !replaced.is_empty() {
            batch.insert(&store.about, "meta", meta.to_bytes());
        }
        batch.insert(&store.about, "watermark", watermark_bytes(sealed.upto));
        batch.commit().map_err(|error| store.failed(error))?;
        drop(meta);
        // The overlay goes only after the rows can be read below it, and in one step with that.
        let mut overlay = self.overlay();
        let mut tables = store.tables.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, keyspace) in replaced {
            let before = std::mem::replace(&mut tables[usize::from(table.0)], keyspace);
            store.database.delete_keyspace(before).map_err(|error| store.failed(error))?;
        }
        overlay.committed();
        Ok(())
    }

    /// Every operation on it is whole when the lock is let go.
    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Nothing changed up to here.
    fn advance(&self, to: Lsn) -> Result<(), StateError> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        batch.insert(&self.about, "watermark", watermark_bytes(to));
        batch.commit().map_err(|error| self.failed(error))
    }
}

/// The rows as the feed sees them.
pub struct Overlaid(pub Arc<Behind>);

impl Overlaid {
    fn unusable(error: StateError) -> Unusable {
        Unusable(error.to_string())
    }
}

impl Rows for Overlaid {
    fn get(&mut self, table: TableId, keys: &[Row]) -> Result<Vec<Option<Row>>, Unusable> {
        let Behind { store, .. } = &*self.0;
        let (mut rows, mut below) = (Vec::with_capacity(keys.len()), Vec::new());
        let keyspace = {
            let overlay = self.0.overlay();
            for (at, key) in keys.iter().enumerate() {
                match overlay.find(table, key) {
                    Found::Here(row) => rows.push(row),
                    Found::Below => {
                        rows.push(None);
                        below.push(at);
                    }
                }
            }
            store.table(table)
        };
        for at in below {
            let found = keyspace.get(&keys[at].0);
            let found = found.map_err(|error| Overlaid::unusable(store.failed(error)))?;
            rows[at] = found.map(|row| Row::from(&*row));
        }
        Ok(rows)
    }

    fn scan(&mut self, table: TableId, each: &mut dyn FnMut(Row, Row)) -> Result<(), Unusable> {
        let Behind { store, .. } = &*self.0;
        let (mut above, covers, keyspace) = {
            let overlay = self.0.overlay();
            (overlay.rows(table), overlay.covers(table), store.table(table))
        };
        if !covers {
            for entry in keyspace.iter() {
                let entry = entry.into_inner();
                let (key, row) = entry.map_err(|error| Overlaid::unusable(store.failed(error)))?;
                let key = Row::from(&*key);
                match above.entry(key) {
                    Entry::Occupied(_) => {}
                    Entry::Vacant(free) => each(free.into_key(), Row::from(&*row)),
                }
            }
        }
        for (key, row) in above.drain() {
            if let Some(row) = row {
                each(key, row);
            }
        }
        Ok(())
    }

    fn apply(&mut self, upto: Lsn, changes: Changes) -> Result<(), Unusable> {
        let mut overlay = self.0.overlay();
        // Only for what came before: these changes are not with the workers yet, so nobody could
        // deliver them while they wait for themselves. And not within a commit, since nothing is
        // delivered before it is whole.
        let within = overlay.is_partly() || changes.partly;
        while !within && overlay.bytes() > self.0.bound && overlay.is_sealed() {
            if *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) {
                return Err(Unusable("the run has ended".to_owned()));
            }
            let waited = self.0.room.wait_timeout(overlay, EVERY);
            overlay = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        overlay.apply(upto, changes);
        overlay.seal();
        Ok(())
    }

    fn exact(&self, table: TableId) -> Lsn {
        self.0.store.exact(table)
    }
}

/// Commits what is delivered and says so, until nobody delivers any more; then once more.
pub async fn follow(
    behind: Arc<Behind>,
    mut delivered: watch::Receiver<Lsn>,
    confirmed: watch::Sender<Lsn>,
) -> Result<(), StateError> {
    let mut last = Instant::now();
    loop {
        let ended = delivered.changed().await.is_err();
        if !ended {
            tokio::time::sleep_until((last + EVERY).into()).await;
        }
        let upto = *delivered.borrow_and_update();
        // Twice, when what waited behind the first had been delivered as well.
        while let Some(at) = commit(&behind, upto).await? {
            failpoint::pass("committed");
            confirmed.send_replace(at);
        }
        last = Instant::now();
        if ended {
            behind.end();
            return Ok(());
        }
    }
}

async fn commit(behind: &Arc<Behind>, upto: Lsn) -> Result<Option<Lsn>, StateError> {
    let writing = Arc::clone(behind);
    let done = tokio::task::spawn_blocking(move || writing.commit(upto)).await;
    // It panicked, and the process is ending.
    done.unwrap_or(Ok(None))
}
