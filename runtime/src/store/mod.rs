//! State that lasts: the rows of every table as of one commit, on disk.
//!
//! ```text
//!  capture ═► feed ═► engine ═► sinks          in memory, ahead of the disk
//!               │                 │ everything up to F delivered
//!            overlay ─────────────▼
//!               one batch: rows up to F, watermark F ─► slot confirmed at F
//! ```
//!
//! Rows reach the disk only after every sink has the documents they caused. So after a crash at
//! any point the sinks are at least as new as the rows, the rows are exactly as new as the
//! watermark, and the slot still has all that came after it: nothing else needs to be kept.
//!
//! | file | what |
//! | --- | --- |
//! | `folder` | whose folder it is, in which format, one process at a time |
//! | `meta` | what is known beside the rows: origin, tables, copies under way |
//! | `begin` | what of a plan is there, what is to be copied |
//! | `copy` | rows of a copy, in sorted runs, piece by piece |
//! | `overlay`, `behind` | changes that are not on disk yet, and how they get there |
//! | `filled` | what sinks that keep nothing have been sent |

mod begin;
mod behind;
mod copy;
mod error;
mod filled;
mod folder;
mod meta;
mod overlay;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use flusso_compiler::plan::TableId;
use flusso_dataflow::Lsn;
use flusso_dataflow::row::Row;

pub use begin::{Start, Todo};
pub use behind::{Behind, Overlaid, follow};
pub use copy::Opening;
pub use error::StateError;
pub use filled::Filled;
pub use meta::{Form, FormColumn, FormMember, Origin, Piece};

use folder::Folder;
use meta::{Held, Meta};

/// Where state is kept, and how safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder.
    pub folder: PathBuf,
    /// Whether a commit waits for the disk. Without, a power cut can set the state back behind
    /// what the slot has let go of, which the next start finds and refuses.
    pub sync: bool,
    /// Forget what is there.
    pub rebuild: bool,
}

/// Blocks of rows kept in memory, in bytes; beyond them the system's cache helps.
const CACHE: u64 = 64 << 20;
/// What is replayed at a start, at most, in bytes.
const JOURNAL: u64 = 128 << 20;
/// Rows given away together when tables are read.
const LOAD: usize = 4096;

/// The state of a deployment.
pub struct Store {
    folder: Folder,
    database: Database,
    /// `meta`, `watermark` and the pieces that are copied.
    about: Keyspace,
    meta: Mutex<Meta>,
    /// The rows of the plan's tables, in its order; empty until `begin`.
    tables: Mutex<Vec<Keyspace>>,
    persist: PersistMode,
}

impl Store {
    /// Opens the state of a folder, or begins one.
    pub fn open(settings: &Settings) -> Result<Store, StateError> {
        let folder = Folder::open(&settings.folder, settings.rebuild)?;
        let damaged = |what: String| StateError::Damaged { path: settings.folder.clone(), what };
        let rows = folder.rows();
        let opened = guarded(|| {
            let database = Database::builder(&rows)
                .cache_size(CACHE)
                .max_journaling_size(JOURNAL)
                .worker_threads(2)
                .open()?;
            let about = database.keyspace("about", KeyspaceCreateOptions::default)?;
            let meta = about.get("meta")?;
            Ok((database, about, meta))
        });
        let (database, about, found) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(told(&settings.folder, &error)),
            Err(what) => return Err(damaged(what)),
        };
        let meta = match &found {
            Some(bytes) => Meta::from_bytes(bytes)
                .ok_or_else(|| damaged("what it says of itself has changed".to_owned()))?,
            None if database.keyspace_count() > 1 => {
                return Err(damaged("it does not say what it holds".to_owned()));
            }
            None => Meta::new(),
        };
        let persist = if settings.sync { PersistMode::SyncData } else { PersistMode::Buffer };
        let (meta, tables) = (Mutex::new(meta), Mutex::default());
        let store = Store { folder, database, about, meta, tables, persist };
        if found.is_none() {
            store.save(&store.meta())?;
        }
        store.sweep()?;
        Ok(store)
    }

    /// Made with the state, at random. What a sink holds belongs to a state.
    pub fn id(&self) -> String {
        self.meta().id.clone()
    }

    /// The folder, for others that keep something in it.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        self.database.disk_space().unwrap_or(0)
    }

    /// The commit up to which everything is here; none before the first copy is complete.
    pub fn watermark(&self) -> Result<Option<Lsn>, StateError> {
        let found = self.about.get("watermark").map_err(|error| self.failed(error))?;
        let wrong = || self.damaged("its watermark has changed");
        found.map(|bytes| meta::watermark(&bytes).ok_or_else(wrong)).transpose()
    }

    /// Reads a table in the order of its keys, in batches, until `each` is false. How many rows
    /// there were.
    pub fn load(
        &self,
        table: TableId,
        mut each: impl FnMut(Vec<Row>) -> bool,
    ) -> Result<u64, StateError> {
        let mut count = 0;
        let mut rows = Vec::with_capacity(LOAD);
        for entry in self.table(table).iter() {
            let (_, row) = entry.into_inner().map_err(|error| self.failed(error))?;
            rows.push(Row::from(&*row));
            if rows.len() == LOAD {
                count += LOAD as u64;
                if !each(std::mem::replace(&mut rows, Vec::with_capacity(LOAD))) {
                    return Ok(count);
                }
            }
        }
        count += rows.len() as u64;
        each(rows);
        Ok(count)
    }

    fn table(&self, table: TableId) -> Keyspace {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(table.0)].clone()
    }

    /// Every change of it is whole when the lock is let go.
    fn meta(&self) -> MutexGuard<'_, Meta> {
        self.meta.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, meta: &Meta) -> Result<(), StateError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.about, "meta", meta.to_bytes());
        batch.commit().map_err(|error| self.failed(error))
    }

    /// Opens or makes a keyspace.
    fn keyspace(&self, name: &str) -> Result<Keyspace, StateError> {
        let opened = self.database.keyspace(name, KeyspaceCreateOptions::default);
        opened.map_err(|error| self.failed(error))
    }

    /// Throws away the keyspaces that nothing names: a crash came before they were of use, or
    /// after.
    fn sweep(&self) -> Result<(), StateError> {
        let named: Vec<String> =
            self.meta().tables.iter().map(|held: &Held| held.keyspace.clone()).collect();
        for name in self.database.list_keyspace_names() {
            if &*name != "about" && !named.iter().any(|other| **other == *name) {
                let keyspace = self.keyspace(&name)?;
                self.database.delete_keyspace(keyspace).map_err(|error| self.failed(error))?;
            }
        }
        Ok(())
    }

    fn failed(&self, error: fjall::Error) -> StateError {
        told(self.folder.path(), &error)
    }

    fn damaged(&self, what: impl std::fmt::Display) -> StateError {
        StateError::Damaged { path: self.folder.path().to_owned(), what: what.to_string() }
    }
}

/// The disk's refusals can be cured; what else goes wrong is damage.
fn told(path: &Path, error: &fjall::Error) -> StateError {
    use std::io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let path = path.to_owned();
    if let fjall::Error::Poisoned = error {
        return StateError::Failed { path, cause: "the disk refused an earlier write".to_owned() };
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let refused =
            [FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull];
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && refused.contains(&io.kind())
        {
            return StateError::Failed { path, cause: io.to_string() };
        }
        cause = error.source();
    }
    StateError::Damaged { path, what: error.to_string() }
}

/// Runs what may find damage by panicking: the rows' format asserts in places what it has read.
/// The panic's words are the error, and nobody else hears of it.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let done = catch_unwind(AssertUnwindSafe(work));
    std::panic::set_hook(hook);
    done.map_err(|panic| match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(panic) => match panic.downcast::<&str>() {
            Ok(words) => (*words).to_owned(),
            Err(_) => "it cannot be read".to_owned(),
        },
    })
}
