//! Turns what the stream says of a row into what it was and what it is.
//!
//! Under the default replica identity an update does not repeat the old row, and never an
//! unchanged value that is stored out of line; both come from the row store. Several changes of
//! one row between two closings fold into one: from what it was before the first to what it is
//! after the last. A row that is missing where the stream speaks of it
//! means that state and stream do not belong together, and nothing is guessed: [`Inconsistent`].

use flusso_compiler::plan::{KeyPart, Plan, TableId};
use hashbrown::HashMap;

use crate::feed::{Change, Delta};
use crate::order;
use crate::row::{Datum, Packer, Row, columns, split};

/// The rows of every table, by encoded primary key. In memory today; on disk behind the same
/// trait when state is to outlive the process.
pub trait Rows: Send {
    /// The row under a key.
    fn get(&self, table: TableId, key: &Row) -> Option<Row>;
    /// Puts a row in place of what was there.
    fn put(&mut self, table: TableId, key: Row, row: Row);
    /// Takes a row out.
    fn delete(&mut self, table: TableId, key: &Row);
    /// Takes all rows of a table out, giving each with its key.
    fn clear(&mut self, table: TableId, each: &mut dyn FnMut(Row, Row));
}

/// Rows in hash tables, one a table.
#[derive(Default)]
pub struct Memory(HashMap<TableId, HashMap<Row, Row>>);

impl Rows for Memory {
    fn get(&self, table: TableId, key: &Row) -> Option<Row> {
        self.0.get(&table)?.get(key).cloned()
    }
    fn put(&mut self, table: TableId, key: Row, row: Row) {
        self.0.entry(table).or_default().insert(key, row);
    }
    fn delete(&mut self, table: TableId, key: &Row) {
        self.0.entry(table).or_default().remove(key);
    }
    fn clear(&mut self, table: TableId, each: &mut dyn FnMut(Row, Row)) {
        let rows = self.0.remove(&table).unwrap_or_default();
        rows.into_iter().for_each(|(key, row)| each(key, row));
    }
}

/// The stream speaks of a row that the state does not have, or not in a way it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inconsistent {
    /// The table.
    pub table: String,
    /// What was expected and missing.
    pub what: &'static str,
}

impl std::fmt::Display for Inconsistent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inconsistent { table, what } = self;
        write!(f, "the stream and the copy of table {table} do not fit together: {what}")
    }
}

impl std::error::Error for Inconsistent {}

/// Folds changes into deltas.
pub(crate) struct Upsert {
    tables: Vec<(String, Vec<KeyPart>)>,
    rows: Box<dyn Rows>,
    /// Rows changed since the last drain, and what they were.
    touched: HashMap<(TableId, Row), Option<Row>>,
}

impl Upsert {
    pub fn new(plan: &Plan, rows: Box<dyn Rows>) -> Upsert {
        let tables = plan.tables.iter().map(|table| (table.name.to_string(), table.key.clone()));
        Upsert { tables: tables.collect(), rows, touched: HashMap::new() }
    }

    /// Takes a copied row in.
    pub fn load(&mut self, table: TableId, row: &Row) -> Result<(), Inconsistent> {
        let key = self.key(table, row)?;
        self.rows.put(table, key, row.clone());
        Ok(())
    }

    /// Takes a committed change in.
    pub fn change(&mut self, table: TableId, change: Change) -> Result<(), Inconsistent> {
        match change {
            Change::Insert(row) => {
                let key = self.key(table, &row)?;
                self.set(table, key, Some(row));
            }
            Change::Update { old, full, new } => self.update(table, old, full, new)?,
            Change::Delete(row) => {
                let key = self.key(table, &row)?;
                self.set(table, key, None);
            }
            Change::Truncate => {
                let mut gone = Vec::new();
                self.rows.clear(table, &mut |key, row| gone.push((key, row)));
                for (key, row) in gone {
                    self.touch(table, key, Some(row));
                }
            }
        }
        Ok(())
    }

    fn update(
        &mut self,
        table: TableId,
        old: Option<Row>,
        full: bool,
        new: Row,
    ) -> Result<(), Inconsistent> {
        let whole = !columns(&new.0).any(|column| column == Datum::Unchanged);
        // Without the old key the key has not changed, and then no part of it is left out.
        let from = self.key(table, old.as_ref().unwrap_or(&new))?;
        let new = match (whole, old.filter(|_| full)) {
            (true, _) => new,
            (false, Some(old)) => patch(&old, &new),
            (false, None) => match self.rows.get(table, &from) {
                Some(old) => patch(&old, &new),
                None => return Err(self.inconsistent(table, "an updated row is not there")),
            },
        };
        let to = self.key(table, &new)?;
        if to != from {
            self.set(table, from, None);
        }
        self.set(table, to, Some(new));
        Ok(())
    }

    /// What changed since the last drain, table by table.
    pub fn drain(&mut self) -> HashMap<TableId, Vec<Delta>> {
        let mut tables: HashMap<TableId, Vec<Delta>> = HashMap::new();
        for ((table, key), old) in self.touched.drain() {
            let new = self.rows.get(table, &key);
            if old != new {
                tables.entry(table).or_default().push(Delta { old, new });
            }
        }
        tables
    }

    fn set(&mut self, table: TableId, key: Row, row: Option<Row>) {
        let old = self.rows.get(table, &key);
        match row {
            Some(row) => self.rows.put(table, key.clone(), row),
            None => self.rows.delete(table, &key),
        }
        self.touch(table, key, old);
    }

    fn touch(&mut self, table: TableId, key: Row, old: Option<Row>) {
        self.touched.entry((table, key)).or_insert(old);
    }

    fn key(&self, table: TableId, row: &Row) -> Result<Row, Inconsistent> {
        let (_, parts) = &self.tables[usize::from(table.0)];
        let row = split(&row.0);
        let mut key = Vec::new();
        match order::key(parts, &row, &mut key) {
            Ok(true) => Ok(Row::from(key.as_slice())),
            Ok(false) => Err(self.inconsistent(table, "a primary key is NULL or was left out")),
            Err(_) => Err(self.inconsistent(table, "a primary key cannot be read")),
        }
    }

    fn inconsistent(&self, table: TableId, what: &'static str) -> Inconsistent {
        Inconsistent { table: self.tables[usize::from(table.0)].0.clone(), what }
    }
}

/// The new row with what it left out taken from the old.
fn patch(old: &Row, new: &Row) -> Row {
    let mut packer = Packer::default();
    for (old, new) in columns(&old.0).zip(columns(&new.0)) {
        packer.push(if new == Datum::Unchanged { old } else { new });
    }
    packer.finish()
}
