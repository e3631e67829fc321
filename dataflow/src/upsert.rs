//! Turns what the stream says of a row into what it was and what it is.
//!
//! Under the default replica identity an update does not repeat the old row, and never an
//! unchanged value that is stored out of line; both come from the row store, all that a closing
//! needs in one question. Several changes of one row between two closings fold into one: from what
//! it was before the first to what it is after the last. A row that is missing where the stream
//! speaks of it means that state and stream do not belong together, and nothing is guessed:
//! [`Inconsistent`].

use flusso_compiler::plan::{KeyPart, Plan, TableId};
use hashbrown::HashMap;

use crate::Lsn;
use crate::feed::{Change, Delta, FeedError};
use crate::order;
use crate::row::{Datum, Packer, Row, columns};
use crate::rows::{Changes, Rows};

/// The stream speaks of a row that the state does not have, or not in a way it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inconsistent {
    /// The table.
    pub table: TableId,
    /// Its name.
    pub name: String,
    /// What was expected and missing.
    pub what: &'static str,
}

impl std::fmt::Display for Inconsistent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inconsistent { name, what, .. } = self;
        write!(f, "the stream and the copy of table {name} do not fit together: {what}")
    }
}

impl std::error::Error for Inconsistent {}

/// A change with the keys it is about.
pub(crate) enum Step {
    /// The row under a key is this one now, or none.
    Set(TableId, Row, Option<Row>),
    /// The row under the first key has left for the second; what is left out has not changed.
    Patch(TableId, Row, Row, Row),
    /// No row is left.
    Empty(TableId),
}

/// A row touched since the last closing.
struct Touched {
    old: Option<Row>,
    new: Now,
}

enum Now {
    AsBefore,
    Is(Option<Row>),
}

impl Touched {
    fn now(&self) -> Option<&Row> {
        match &self.new {
            Now::AsBefore => self.old.as_ref(),
            Now::Is(row) => row.as_ref(),
        }
    }
}

/// Folds changes into deltas.
pub(crate) struct Upsert {
    tables: Vec<(String, Vec<KeyPart>)>,
    rows: Box<dyn Rows>,
    /// Rows named by the changes at hand.
    touched: HashMap<TableId, HashMap<Row, Touched>>,
    emptied: Vec<TableId>,
}

impl Upsert {
    pub fn new(plan: &Plan, rows: Box<dyn Rows>) -> Upsert {
        let tables = plan.tables.iter().map(|table| (table.name.to_string(), table.key.clone()));
        let (touched, emptied) = (HashMap::new(), Vec::new());
        Upsert { tables: tables.collect(), rows, touched, emptied }
    }

    /// Takes copied rows into the store.
    pub fn copied(&mut self, table: TableId, rows: &[Row]) -> Result<(), FeedError> {
        let keyed = rows.iter().map(|row| Ok((table, self.key(table, row)?, Some(row.clone()))));
        let rows = keyed.collect::<Result<_, Inconsistent>>()?;
        Ok(self.rows.apply(0, Changes { emptied: Vec::new(), rows })?)
    }

    /// Finds the keys of committed changes, and what was under them at the last closing.
    pub fn prepare(
        &mut self,
        changes: impl Iterator<Item = (TableId, Change)>,
    ) -> Result<Vec<Step>, FeedError> {
        let mut steps = Vec::with_capacity(changes.size_hint().0);
        let mut keys: HashMap<TableId, Vec<Row>> = HashMap::new();
        for (table, change) in changes {
            let first = steps.len();
            self.step(table, change, &mut steps)?;
            for step in &steps[first..] {
                match step {
                    Step::Set(_, key, _) => keys.entry(table).or_default().push(key.clone()),
                    Step::Patch(_, from, to, _) => {
                        keys.entry(table).or_default().extend([from.clone(), to.clone()]);
                    }
                    Step::Empty(_) => {}
                }
            }
        }
        for (table, mut keys) in keys {
            keys.sort_unstable();
            keys.dedup();
            let rows = self.rows.get(table, &keys)?;
            let touched = |old| Touched { old, new: Now::AsBefore };
            let rows = rows.into_iter().map(touched);
            self.touched.insert(table, keys.into_iter().zip(rows).collect());
        }
        Ok(steps)
    }

    fn step(
        &self,
        table: TableId,
        change: Change,
        steps: &mut Vec<Step>,
    ) -> Result<(), Inconsistent> {
        match change {
            Change::Insert(row) => steps.push(Step::Set(table, self.key(table, &row)?, Some(row))),
            Change::Delete(row) => steps.push(Step::Set(table, self.key(table, &row)?, None)),
            Change::Truncate => steps.push(Step::Empty(table)),
            Change::Update { old, full, new } => {
                // Without the old key the key has not changed, and no part of it is left out.
                let from = self.key(table, old.as_ref().unwrap_or(&new))?;
                // Of an old row that is only a key, what is patched is only the key.
                let known = old.map_or_else(|| new.clone(), |old| patch(&old, &new));
                let to = self.key(table, &known)?;
                if full || is_whole(&new) {
                    let row = if full { known } else { new };
                    if to != from {
                        steps.push(Step::Set(table, from, None));
                    }
                    steps.push(Step::Set(table, to, Some(row)));
                } else {
                    steps.push(Step::Patch(table, from, to, new));
                }
            }
        }
        Ok(())
    }

    /// Takes a step that is not `Empty`, committed at or before `upto`.
    pub fn take(&mut self, step: Step, upto: Lsn) -> Result<(), Inconsistent> {
        match step {
            Step::Set(table, key, row) => self.set(table, key, row),
            Step::Patch(table, from, to, new) => {
                let moved = from != to;
                if moved && upto < self.rows.exact(table) {
                    let what = "a row changed its key while the table was copied";
                    return Err(self.inconsistent(table, what));
                }
                let touched = self.touched.get(&table).and_then(|rows| rows.get(&from));
                let Some(old) = touched.and_then(Touched::now) else {
                    return Err(self.inconsistent(table, "an updated row is not there"));
                };
                let row = patch(old, &new);
                if moved {
                    self.set(table, from, None);
                }
                self.set(table, to, Some(row));
            }
            Step::Empty(_) => {}
        }
        Ok(())
    }

    /// All rows of a table go. Those the changes at hand do not name are given away at once: there
    /// may be more of them than fit in memory.
    pub fn empty(&mut self, table: TableId, gone: &mut dyn FnMut(Row)) -> Result<(), FeedError> {
        let touched = self.touched.entry(table).or_default();
        touched.values_mut().for_each(|row| row.new = Now::Is(None));
        if !self.emptied.contains(&table) {
            self.emptied.push(table);
            self.rows.scan(table, &mut |key, row| {
                if !touched.contains_key(&key) {
                    gone(row);
                }
            })?;
        }
        Ok(())
    }

    /// What changed since the last closing, table by table; the store takes it over.
    pub fn close(&mut self, upto: Lsn) -> Result<Vec<(TableId, Vec<Delta>)>, FeedError> {
        let mut changes = Changes { emptied: std::mem::take(&mut self.emptied), rows: Vec::new() };
        let mut tables = Vec::new();
        for (table, touched) in self.touched.drain() {
            let emptied = changes.emptied.contains(&table);
            let mut deltas = Vec::new();
            for (key, Touched { old, new }) in touched {
                let Now::Is(new) = new else { continue };
                if emptied || old != new {
                    changes.rows.push((table, key, new.clone()));
                }
                if old != new {
                    deltas.push(Delta { old, new });
                }
            }
            tables.push((table, deltas));
        }
        if !changes.rows.is_empty() || !changes.emptied.is_empty() {
            self.rows.apply(upto, changes)?;
        }
        Ok(tables)
    }

    fn set(&mut self, table: TableId, key: Row, row: Option<Row>) {
        let touched = self.touched.entry(table).or_default();
        match touched.get_mut(&key) {
            Some(touched) => touched.new = Now::Is(row),
            // `prepare` has asked for every key that a step names.
            None => drop(touched.insert(key, Touched { old: None, new: Now::Is(row) })),
        }
    }

    fn key(&self, table: TableId, row: &Row) -> Result<Row, Inconsistent> {
        let (_, parts) = &self.tables[usize::from(table.0)];
        match order::row_key(parts, row) {
            Ok(Some(key)) => Ok(key),
            Ok(None) => Err(self.inconsistent(table, "a primary key is NULL or was left out")),
            Err(_) => Err(self.inconsistent(table, "a primary key cannot be read")),
        }
    }

    fn inconsistent(&self, table: TableId, what: &'static str) -> Inconsistent {
        Inconsistent { table, name: self.tables[usize::from(table.0)].0.clone(), what }
    }
}

fn is_whole(row: &Row) -> bool {
    !columns(&row.0).any(|column| column == Datum::Unchanged)
}

/// The new row with what it left out taken from the old.
fn patch(old: &Row, new: &Row) -> Row {
    let mut packer = Packer::default();
    for (old, new) in columns(&old.0).zip(columns(&new.0)) {
        packer.push(if new == Datum::Unchanged { old } else { new });
    }
    packer.finish()
}
