//! What of a plan is there already, and what is to be copied.
//!
//! ```text
//!  held: same columns, key, relations ──► as it is
//!        more columns than wanted     ──► rewritten from disk
//!        a first copy was cut short   ──► the pieces that lack
//!        anything else, or nothing    ──► copied whole
//! ```
//!
//! What is decided is written down before anything is done about it. Tables the plan does not
//! name any more go.

use std::collections::HashMap;

use flusso_compiler::plan::{Plan, TableId};
use flusso_dataflow::Lsn;
use flusso_dataflow::row::{Packer, Row, split};
use tracing::info;

use super::meta::{Copying, Form, Held, Meta, Origin, Piece};
use super::{StateError, Store, guarded};

/// What is to be done before changes can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// From where changes are needed for the tables that are there; none before the first copy.
    pub watermark: Option<Lsn>,
    /// Per table of the plan, in its order.
    pub tables: Vec<Todo>,
}

/// What a table needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Nothing.
    Held,
    /// All of its rows.
    Copy,
    /// The rows of these pieces, each with its number among all that it was cut into.
    Resume(Vec<(usize, Piece)>),
}

impl Store {
    /// Compares what is there with what a plan needs, given as the form of each of its tables, and
    /// with where rows come from. `files` gives each relation's file, `continued` is the position up to which the slot has let go of
    /// changes; none when it was just made.
    pub fn begin(
        &self,
        plan: &Plan,
        origin: &Origin,
        forms: Vec<Form>,
        files: &HashMap<u32, u32>,
        continued: Option<Lsn>,
    ) -> Result<Start, StateError> {
        let watermark = self.watermark()?;
        self.check(origin)?;
        let mut meta = self.meta();
        let before = std::mem::take(&mut meta.tables);
        let (mut tables, mut todo) = (Vec::new(), Vec::new());
        for form in forms {
            let held = before.iter().find(|held| held.form.table == form.table);
            let positions = held.and_then(|held| held.form.positions(&form));
            let (next, needs) = match (held, positions) {
                (Some(held), Some(_)) if held.form.columns == form.columns => {
                    let needs = self.lacks(held, watermark, files, continued)?;
                    (Held { form, ..held.clone() }, needs)
                }
                (Some(held), Some(positions)) if held.copying.is_none() => {
                    info!(table = form.table.1, "columns nothing reads any more are dropped");
                    let keyspace = meta.keyspace();
                    self.project(&held.keyspace, &keyspace, &positions)?;
                    (Held { keyspace, form, ..held.clone() }, Todo::Held)
                }
                _ => (Held::new(String::new(), form), Todo::Copy),
            };
            tables.push(match needs {
                Todo::Copy => Held::new(meta.keyspace(), next.form),
                Todo::Held | Todo::Resume(_) => next,
            });
            todo.push(needs);
        }
        meta.origin = Some(origin.clone());
        meta.tables = tables;
        for index in &plan.indexes {
            let copied = |table: &usize| todo.get(*table) == Some(&Todo::Copy);
            if watermark.is_some() && Meta::reads(plan, index).iter().any(copied) {
                *meta.renewals.entry(index.name.clone()).or_default() += 1;
            }
        }
        let keyspaces = meta.tables.iter().map(|held| self.keyspace(&held.keyspace));
        let keyspaces = keyspaces.collect::<Result<_, _>>()?;
        self.save(&meta)?;
        drop(meta);
        *self.tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = keyspaces;
        self.sweep()?;
        Ok(Start { watermark, tables: todo })
    }

    /// Rows of a table did not fit the stream: it is copied anew at the next start.
    pub fn doubt(&self, table: TableId) -> Result<(), StateError> {
        let mut meta = self.meta();
        if let Some(held) = meta.tables.get_mut(usize::from(table.0)) {
            held.form.doubt();
        }
        self.save(&meta)
    }

    /// The same for a table by its name.
    pub fn doubt_named(&self, plan: &Plan, name: &str) -> Result<(), StateError> {
        match plan.tables.iter().position(|table| table.name.to_string() == name) {
            Some(at) => self.doubt(TableId(at as u16)),
            None => Ok(()),
        }
    }

    /// Where the rows came from, and up to where changes of them were read.
    pub fn origin(&self) -> Result<Option<(Origin, Lsn)>, StateError> {
        let watermark = self.watermark()?;
        Ok(self.meta().origin.clone().zip(watermark))
    }

    /// The stream goes on with a server that has all that was read, after a promotion or a restart.
    pub fn followed(&self, timeline: u32, life: &str) -> Result<(), StateError> {
        let mut meta = self.meta();
        match &mut meta.origin {
            Some(origin) if (origin.timeline, origin.life.as_str()) != (timeline, life) => {
                (origin.timeline, origin.life) = (timeline, life.to_owned());
                self.save(&meta)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the rows are of this database, and the slot is the one that goes on from them.
    pub fn check(&self, origin: &Origin) -> Result<(), StateError> {
        let Some(was) = self.meta().origin.clone() else { return Ok(()) };
        let differ = |what: &str, was: &dyn std::fmt::Display, is: &dyn std::fmt::Display| {
            Err(StateError::Elsewhere {
                path: self.path().to_owned(),
                what: format!("its {what} was {was} and is {is}"),
            })
        };
        if was.system != origin.system {
            return differ("server's system identifier", &was.system, &origin.system);
        }
        if was.database != origin.database {
            return differ("database's oid", &was.database, &origin.database);
        }
        if was.slot != origin.slot {
            return differ("replication slot", &was.slot, &origin.slot);
        }
        Ok(())
    }

    /// What a table whose form is right lacks. A copy is taken up where it was cut short only when
    /// it was the first, and the slot has every change since its first snapshot.
    fn lacks(
        &self,
        held: &Held,
        watermark: Option<Lsn>,
        files: &HashMap<u32, u32>,
        continued: Option<Lsn>,
    ) -> Result<Todo, StateError> {
        let Some(copying) = &held.copying else {
            let since = continued.is_some_and(|at| at <= held.from);
            // Without a watermark the stream must go on from where this table was copied.
            return Ok(if watermark.is_some() || since { Todo::Held } else { Todo::Copy });
        };
        let first = copying.snapshots.iter().min().copied();
        let same = |piece: &Piece| files.get(&piece.relation) == Some(&piece.file);
        let usable = watermark.is_none()
            && continued.is_some()
            && continued <= first
            && copying.pieces.iter().all(same);
        if !usable {
            return Ok(Todo::Copy);
        }
        let mut rest = Vec::new();
        for (number, piece) in copying.pieces.iter().enumerate() {
            if !self.is_copied(&held.keyspace, number)? {
                rest.push((number, piece.clone()));
            }
        }
        Ok(if rest.len() == copying.pieces.len() { Todo::Copy } else { Todo::Resume(rest) })
    }

    /// Writes rows with fewer columns into another keyspace.
    fn project(&self, from: &str, to: &str, positions: &[usize]) -> Result<(), StateError> {
        let (from, to) = (self.keyspace(from)?, self.keyspace(to)?);
        let done = guarded(|| {
            let mut ingestion = to.start_ingestion()?;
            let mut packer = Packer::default();
            for entry in from.iter() {
                let (key, row) = entry.into_inner()?;
                let columns = split(&row);
                for position in positions {
                    packer.push(columns[*position]);
                }
                let Row(row) = packer.finish();
                ingestion.write(key, &row[..])?;
            }
            ingestion.finish()
        });
        match done {
            Ok(done) => done.map_err(|error| self.failed(error)),
            Err(what) => Err(self.damaged(what)),
        }
    }
}

impl Held {
    fn new(keyspace: String, form: Form) -> Held {
        Held { keyspace, form, from: 0, exact: 0, copying: Some(Copying::default()) }
    }
}
