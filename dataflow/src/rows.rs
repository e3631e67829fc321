//! The rows of every table, by primary key: what the stream does not repeat is looked up here.
//!
//! One of two things that the dataflow asks of its surroundings (the other is to take documents):
//! a trait, so that rows can lie on disk and outlive the process without the dataflow knowing of
//! files. What a closing changes arrives in one piece, so that a store can be as of a commit.

use flusso_compiler::plan::{KeyPart, TableId};
use hashbrown::HashMap;

use crate::Lsn;
use crate::order;
use crate::row::Row;

/// The rows of every table as of the last closing, by encoded primary key: in memory
/// ([`Memory`]), or on disk behind the same trait when they are to outlive the process.
pub trait Rows: Send {
    /// The rows under keys, in the order of the keys.
    fn get(&mut self, table: TableId, keys: &[Row]) -> Result<Vec<Option<Row>>, Unusable>;
    /// Gives each row of a table with its key.
    fn scan(&mut self, table: TableId, each: &mut dyn FnMut(Row, Row)) -> Result<(), Unusable>;
    /// Takes over what became of rows up to a commit. May wait until there is room.
    fn apply(&mut self, upto: Lsn, changes: Changes) -> Result<(), Unusable>;
    /// From which commit on the rows of a table are as the stream says. Before, some may be newer.
    fn exact(&self, table: TableId) -> Lsn;
}

/// What became of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Tables of which nothing from before is left.
    pub emptied: Vec<TableId>,
    /// Then, for each key at most once, the row there is now, or none.
    pub rows: Vec<(TableId, Row, Option<Row>)>,
}

/// The row store cannot be read or written; says why and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(pub String);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// Rows in hash tables, one a table.
#[derive(Default)]
pub struct Memory(HashMap<TableId, HashMap<Row, Row>>);

impl Rows for Memory {
    fn get(&mut self, table: TableId, keys: &[Row]) -> Result<Vec<Option<Row>>, Unusable> {
        let rows = self.0.get(&table);
        Ok(keys.iter().map(|key| rows.and_then(|rows| rows.get(key)).cloned()).collect())
    }

    fn scan(&mut self, table: TableId, each: &mut dyn FnMut(Row, Row)) -> Result<(), Unusable> {
        let rows = self.0.get(&table).into_iter().flatten();
        rows.for_each(|(key, row)| each(key.clone(), row.clone()));
        Ok(())
    }

    fn apply(&mut self, _: Lsn, changes: Changes) -> Result<(), Unusable> {
        for table in changes.emptied {
            self.0.remove(&table);
        }
        for (table, key, row) in changes.rows {
            let rows = self.0.entry(table).or_default();
            match row {
                Some(row) => drop(rows.insert(key, row)),
                None => drop(rows.remove(&key)),
            }
        }
        Ok(())
    }

    fn exact(&self, _: TableId) -> Lsn {
        0
    }
}

/// The key under which a row is kept; none when a part of it is NULL or cannot be read.
pub fn key_of(parts: &[KeyPart], row: &Row) -> Option<Row> {
    order::row_key(parts, row).ok().flatten()
}
