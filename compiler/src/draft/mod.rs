//! The schema file that `flusso init` writes: what a person would have written after looking at
//! the table, with everything that hangs on it as comments to switch on.
//!
//! ```text
//!  columns ─► fields                  as they stand
//!  foreign keys from the table ─► belongs_to ┐
//!  foreign keys to it ─► has_one, has_many   ├ comments: take away the `# `
//!  tables of two of them ─► many_to_many     ┘
//! ```
//!
//! The file loads, compiles and runs as it is and with any of the comments switched on. Whatever
//! the schema language has no word for is left out with a sentence that says why.

mod config;
mod fields;
mod names;
mod relations;
mod text;

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Table, TableName};
use crate::diagnostics::nearest;
use crate::files::names::parts;

pub use config::{config, entry, text as toml_text};
pub use text::written_table;

/// What is known of a database: all its tables and what binds them.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Every table, with columns and keys.
    pub catalog: Catalog,
    /// Every foreign key.
    pub references: Vec<Reference>,
    /// Columns that no two rows of a table share, each set as one entry; primary keys included.
    pub unique: BTreeSet<(TableName, BTreeSet<String>)>,
    /// Columns that Postgres computes; their changes are not replicated.
    pub generated: BTreeSet<(TableName, String)>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table it stands in.
    pub table: TableName,
    /// Its columns there.
    pub columns: Vec<String>,
    /// The table it leads to.
    pub to: TableName,
    /// The columns there, one for each.
    pub to_columns: Vec<String>,
}

/// A schema file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What the index may be called.
    pub index: String,
    /// The text of the file.
    pub text: String,
    /// Fields that are switched on.
    pub fields: usize,
    /// Relations that can be.
    pub relations: usize,
}

/// Why there is nothing to write; its `Display` is a sentence with the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDraft {
    /// No such table.
    NoTable {
        /// As it was asked for.
        asked: String,
        /// The table that may have been meant.
        near: Option<String>,
    },
    /// The database has no table with a primary key.
    Empty,
    /// A view or a foreign table.
    NotATable(String),
    /// Rows that cannot be told apart.
    NoKey(String),
}

impl std::fmt::Display for NoDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoDraft::NoTable { asked, near: Some(near) } => {
                write!(f, "there is no table {asked}; did you mean {near}?")
            }
            NoDraft::NoTable { asked, near: None } => write!(
                f,
                "there is no table {asked}, or its database schema is not visible to this role"
            ),
            NoDraft::Empty => f.write_str(
                "there is no table with a primary key, and a document is made of a row that has one",
            ),
            NoDraft::NotATable(table) => write!(
                f,
                "{table} is not an ordinary table, and Postgres replicates only those; take a \
                 table it reads from"
            ),
            NoDraft::NoKey(table) => write!(
                f,
                "table {table} has no primary key, which is the id of its documents; run ALTER \
                 TABLE {table} ADD PRIMARY KEY (…);"
            ),
        }
    }
}

impl std::error::Error for NoDraft {}

impl Survey {
    /// The table of that name, written as in SQL: `orders`, `sales.orders`, `"Full Orders"`.
    pub fn find(&self, asked: &str) -> Result<TableName, NoDraft> {
        let names = self.catalog.names.iter();
        let parts = parts(asked).unwrap_or_default();
        let same = |name: &&TableName| match parts.as_slice() {
            [table] => name.schema == "public" && (name.name == *table || name.name == asked),
            [schema, table] => name.schema == *schema && name.name == *table,
            _ => false,
        };
        if let Some(name) = names.clone().find(same) {
            return Ok(name.clone());
        }
        let written: Vec<String> = names.map(written_table).collect();
        let near = nearest(asked, written.iter().map(String::as_str)).map(str::to_owned);
        Err(NoDraft::NoTable { asked: asked.to_owned(), near })
    }

    /// The table that most others lead to or from: the likeliest to be what is searched for.
    pub fn central(&self) -> Result<TableName, NoDraft> {
        let keyed = |name: &&TableName| {
            let table = self.catalog.table(name);
            table.is_some_and(|table| usable(table) && !table.primary_key.is_empty())
                && self.junction(name).is_none()
        };
        let ties = |name: &TableName| {
            let own = |it: &&Reference| it.table == *name || it.to == *name;
            self.references.iter().filter(own).count()
        };
        let rows = |name: &TableName| self.catalog.table(name).and_then(|table| table.rows);
        let tables = self.catalog.names.iter().filter(keyed);
        // The first of equals by name.
        let best = tables.rev().max_by_key(|name| (ties(name), rows(name)));
        best.cloned().ok_or(NoDraft::Empty)
    }

    /// The two foreign keys of a table that is nothing but pairs of rows.
    fn junction(&self, name: &TableName) -> Option<(&Reference, &Reference)> {
        let table = self.catalog.table(name)?;
        let mut own = self.references.iter().filter(|it| it.table == *name);
        let (left, right) = (own.next()?, own.next()?);
        let both: BTreeSet<&String> = left.columns.iter().chain(&right.columns).collect();
        let apart = both.len() == left.columns.len() + right.columns.len();
        let key: BTreeSet<&String> = table.primary_key.iter().collect();
        (own.next().is_none() && apart && key == both).then_some((left, right))
    }

    /// Whether each of its rows belongs to one row of another table at most.
    fn is_unique(&self, table: &TableName, columns: &[String]) -> bool {
        let columns: BTreeSet<&String> = columns.iter().collect();
        let same = |(name, unique): &(TableName, BTreeSet<String>)| {
            name == table && unique.iter().all(|column| columns.contains(column))
        };
        self.unique.iter().any(same)
    }

    fn is_generated(&self, table: &TableName, column: &str) -> bool {
        self.generated.contains(&(table.clone(), column.to_owned()))
    }
}

/// Whether its rows are in the replication stream.
fn usable(table: &Table) -> bool {
    matches!(table.kind, 'r' | 'p')
}

/// Writes the schema file for a table.
pub fn draft(survey: &Survey, name: &TableName) -> Result<Draft, NoDraft> {
    let written = written_table(name);
    let missing = || NoDraft::NoTable { asked: written.clone(), near: None };
    let table = survey.catalog.table(name).ok_or_else(missing)?;
    if !usable(table) {
        return Err(NoDraft::NotATable(written));
    }
    if table.primary_key.is_empty() {
        return Err(NoDraft::NoKey(written));
    }
    let mut taken = names::Taken::default();
    let fields = fields::of_root(survey, name, table, &mut taken);
    let relations = relations::relations(survey, name, table, &mut taken);
    let (columns, ties) = (fields.iter().flatten().count(), relations.iter().flatten().count());
    let text = text::file(&written, table, &fields, &relations);
    Ok(Draft { index: names::index(&name.name), text, fields: columns, relations: ties })
}
