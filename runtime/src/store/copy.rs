//! Rows of a copy: into sorted runs past the journal, and a note when a piece is complete.
//!
//! A run is on disk before its piece is noted, and the tables count as copied only when all is
//! there, in one batch. What a crash leaves of an unfinished piece does no harm: the piece is
//! copied again at a later snapshot, and the changes since the first one are applied over both.

use fjall::PersistMode;
use flusso_compiler::plan::{Plan, TableId};
use flusso_dataflow::Lsn;
use flusso_dataflow::row::Row;
use flusso_dataflow::rows::key_of;

use super::meta::{Piece, watermark_bytes};
use super::{StateError, Store};

impl Store {
    /// Into what a table that is copied whole was cut.
    pub fn cut(&self, table: TableId, pieces: Vec<Piece>) -> Result<(), StateError> {
        let mut meta = self.meta();
        if let Some(copying) = &mut meta.tables[usize::from(table.0)].copying {
            copying.pieces = pieces;
        }
        self.save(&meta)
    }

    /// Tables that are being copied are copied at this snapshot from now on.
    pub fn snapshot(&self, at: Lsn) -> Result<(), StateError> {
        let mut meta = self.meta();
        for copying in meta.tables.iter_mut().filter_map(|held| held.copying.as_mut()) {
            copying.snapshots.push(at);
        }
        self.save(&meta)
    }

    /// Takes rows of a copy, in any order. A row that has no key is an error of the copy.
    pub fn ingest(&self, plan: &Plan, table: TableId, rows: &[Row]) -> Result<(), StateError> {
        let parts = &plan.table(table).key;
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let key = key_of(parts, row);
            keyed.push((key.ok_or_else(|| self.damaged("a copied row has no key"))?, row));
        }
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        keyed.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = later.1;
            }
            same
        });
        let keyspace = self.table(table);
        let mut ingestion = keyspace.start_ingestion().map_err(|error| self.failed(error))?;
        for (Row(key), Row(row)) in keyed {
            ingestion.write(&key[..], &row[..]).map_err(|error| self.failed(error))?;
        }
        ingestion.finish().map_err(|error| self.failed(error))
    }

    /// A piece is complete.
    pub fn copied(&self, table: TableId, number: usize) -> Result<(), StateError> {
        let keyspace = self.meta().tables[usize::from(table.0)].keyspace.clone();
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        batch.insert(&self.about, note(&keyspace, number), "");
        batch.commit().map_err(|error| self.failed(error))
    }

    /// All that lacked has been copied, the last of it at this snapshot.
    pub fn complete(&self, at: Lsn) -> Result<Opening, StateError> {
        let watermark = self.watermark()?;
        let mut meta = self.meta();
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for held in &mut meta.tables {
            let Some(copying) = held.copying.take() else { continue };
            held.from = copying.snapshots.iter().min().copied().unwrap_or(at);
            held.exact = at;
            for number in 0..copying.pieces.len() {
                batch.remove(&self.about, note(&held.keyspace, number));
            }
        }
        let first = meta.tables.iter().map(|held| held.from).min().unwrap_or(at);
        let from = watermark.unwrap_or(first);
        batch.insert(&self.about, "watermark", watermark_bytes(from));
        batch.insert(&self.about, "meta", meta.to_bytes());
        batch.commit().map_err(|error| self.failed(error))?;
        Ok(opening(from, &meta.tables))
    }

    /// Where the stream goes on when nothing was to be copied.
    pub fn resume(&self, watermark: Lsn) -> Opening {
        opening(watermark, &self.meta().tables)
    }

    /// From which commit on the rows of a table are what the stream makes of them.
    pub fn exact(&self, table: TableId) -> Lsn {
        self.meta().tables.get(usize::from(table.0)).map_or(0, |held| held.exact)
    }

    pub(super) fn is_copied(&self, keyspace: &str, number: usize) -> Result<bool, StateError> {
        self.about.contains_key(note(keyspace, number)).map_err(|error| self.failed(error))
    }
}

/// From where changes are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The commit up to which the tables that were there hold everything.
    pub at: Lsn,
    /// The commit from which on all tables together are the database.
    pub whole: Lsn,
    /// By table: changes that ended before are in its rows.
    pub from: Vec<Lsn>,
}

fn opening(at: Lsn, tables: &[super::meta::Held]) -> Opening {
    let exact = tables.iter().map(|held| held.exact).max().unwrap_or(at);
    Opening { at, whole: exact.max(at), from: tables.iter().map(|held| held.from).collect() }
}

fn note(keyspace: &str, number: usize) -> String {
    format!("copied/{keyspace}/{number}")
}
