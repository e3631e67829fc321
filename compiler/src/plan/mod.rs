//! The plan: what a deployment keeps, how a change finds its documents, what a document is.
//!
//! ```text
//!            a change of a row                      a document
//!                   │                                   ▲
//!  tables ─► kept: rows by key, in order ──paths──► root keys ──shape──► lookups in kept
//!                  tallies by key
//! ```
//!
//! Plain data, made once by [`build`], and the only thing the rest of the system goes by: it is
//! printed, locked, rendered into the dataflow and measured. A [`Kept`] is an arrangement: one
//! per table, key and order, shared by all readers of all indexes. A [`Path`] walks from a kept
//! thing that changed up to root keys, through other kept things. A [`Read`] answers one block of
//! a document from a kept thing, by a key computed from the enclosing row.
//!
//! Columns are named by their position in [`Table::columns`], which lists only what is read.

pub mod analyze;
mod build;
pub mod cost;
pub mod diff;
pub mod graph;
pub mod join;
pub mod json;
mod layout;
mod names;
pub mod oracle;
mod phrase;
pub mod query;
mod tables;
pub mod text;
pub mod verbose;

use serde::Serialize;

pub use self::build::build;
pub use self::join::{Join, Walk};
pub use self::query::{Formula, Query};
pub use self::tables::tables;

use crate::catalog::TableName;
use crate::expr::{Expr, OnFailure};
use crate::types::{Class, Render, SqlType};

/// Position of a table in [`Plan::tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TableId(pub u16);

/// Position of a column in [`Table::columns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ColumnId(pub u16);

/// Position of a kept thing in [`Plan::kept`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct KeptId(pub u16);

/// Position of an index in [`Plan::indexes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct IndexId(pub u16);

/// Everything that runs, for all enabled indexes of a deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The tables read, each once.
    pub tables: Vec<Table>,
    /// The arrangements and reductions, each once.
    pub kept: Vec<Kept>,
    /// The documents.
    pub indexes: Vec<Index>,
}

/// A table and the columns of it that anything reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// The primary key, in key order.
    pub key: Vec<KeyPart>,
    /// The columns copied and followed; key columns included.
    pub columns: Vec<Column>,
}

/// A column that is read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type; [`SqlType::Unknown`] until a catalog has been seen.
    pub ty: SqlType,
}

/// One part of a key: a column and the class it is encoded by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct KeyPart {
    /// The column whose value it is.
    pub column: ColumnId,
    /// The class both sides of the equality share.
    pub class: Class,
}

/// One part of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct OrderPart {
    /// The column sorted by.
    pub column: ColumnId,
    /// How its values compare.
    pub class: Class,
    /// Greatest first.
    pub descending: bool,
    /// NULLs before values. Postgres' default: with `DESC` first, with `ASC` last.
    pub nulls_first: bool,
}

/// An arrangement of a table's rows, or a reduction of them, by key.
///
/// A row with a NULL in its key is not kept: `=` never finds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kept {
    /// How plans and metrics call it: `orders[user_id]`.
    pub name: String,
    /// The table it is made from.
    pub table: TableId,
    /// What it is looked up by.
    pub key: Vec<KeyPart>,
    /// What is found under a key.
    pub holds: Holds,
}

/// What is found under a key.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Rows, sorted by `order` and then by the table's primary key.
    Rows {
        /// The order they stand in.
        order: Vec<OrderPart>,
        /// The columns that can be read from them; empty where only presence is asked.
        columns: Vec<ColumnId>,
    },
    /// One number per tally, kept in the diffs.
    Tallies(Vec<Tally>),
    /// The same of rows joined to those of other tables.
    Joined(Join),
}

/// A count and a sum over the rows of a group, enough for `count`, `sum` and `avg`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// What is summed, values that are NULL left out; none counts rows.
    pub of: Option<Expr>,
    /// Only rows for which this is true.
    pub filter: Option<Expr>,
}

/// One kind of document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Index {
    /// The logical name.
    pub name: String,
    /// The root's rows, kept by primary key.
    pub root: KeptId,
    /// The row is a document only where this is true.
    pub present: Option<Expr>,
    /// And where these are, which read more than the row.
    pub further: Vec<Formula>,
    /// What the document says.
    pub shape: Object,
    /// From each kept thing that can change a document up to the root's key.
    pub paths: Vec<Path>,
}

/// How a change in one kept thing reaches root keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// The kept thing that changes.
    pub from: KeptId,
    /// Where the document shows it: `items.product`; empty for the root itself.
    pub field: String,
    /// A change of only columns outside these leaves the document as it is; unused for tallies.
    pub reads: Vec<ColumnId>,
    /// A change is of consequence only among the first rows of its key.
    pub head: Option<Head>,
    /// From the changed key to the root's, each hop by the keys the previous one gave. None when
    /// the changed key is the root's own.
    pub hops: Vec<Hop>,
}

/// Only the first `limit` rows that pass `filter` are shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Head {
    /// Rows that do not pass are not counted.
    pub filter: Option<Expr>,
    /// How many are shown.
    pub limit: u64,
}

/// One step up: rows found in `kept` under the key at hand, each giving the next key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// Where to look.
    pub kept: KeptId,
    /// The columns of the found row that make the next key.
    pub gives: Vec<KeyPart>,
}

/// A JSON object over the row in scope. Fields are sorted by name and unique.
#[derive(Clone, Debug, PartialEq, Default, Serialize)]
pub struct Object {
    /// Name and value.
    pub fields: Vec<(String, Value)>,
}

/// What a field of a document is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A value of the row in scope.
    Scalar(Expr, Render, OnFailure),
    /// A value that reads more than the row in scope.
    Formula(Formula, Render, OnFailure),
    /// `{"lat": …, "lon": …}`, null when either column is.
    Geo {
        /// Latitude.
        lat: ColumnId,
        /// Longitude.
        lon: ColumnId,
    },
    /// JSON text that is the same in each document.
    Constant(String),
    /// A group of fields over the same row; never null.
    Object(Object),
    /// The first row of another block as an object, or null.
    One(Read, Object),
    /// The rows of another block as an array.
    Many(Read, Object),
    /// The rows of a query, as an array or the first of them as an object or null.
    Rows(Box<Rows>),
    /// One value over the rows of another block.
    Aggregate(Aggregate),
}

/// The rows of a query in a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rows {
    /// The query.
    pub query: Query,
    /// How it was written.
    pub text: String,
    /// What each element says: over its relations, or where it has outputs over those.
    pub object: Object,
    /// The first instead of all.
    pub one: bool,
}

/// Reads the rows of a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Read {
    /// Columns of the enclosing row that make the key; a NULL among them finds nothing.
    pub key: Vec<KeyPart>,
    /// A junction between: rows found there under `key` give the key for `kept`. The junction's
    /// rows count: one linked twice is read twice.
    pub through: Option<Hop>,
    /// Where the rows are.
    pub kept: KeptId,
    /// Rows for which this is not true are passed over.
    pub filter: Option<Expr>,
    /// And those for which one of these is not, which read more than the row.
    pub further: Vec<Formula>,
    /// The order of the rows; ties by primary key.
    pub order: Vec<OrderPart>,
    /// Whether `kept` already stands in that order, so that the first rows can be read off.
    pub sorted: bool,
    /// At most so many rows.
    pub limit: Option<u64>,
}

/// One value over the rows of a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Read off a tally, one lookup whatever the size of the group.
    Tallied {
        /// The reduction.
        kept: KeptId,
        /// Columns of the enclosing row that make its key.
        key: Vec<KeyPart>,
        /// Position among [`Holds::Tallies`].
        tally: u16,
        /// What is made of it.
        function: AggregateFunction,
        /// The type summed; of no meaning for `count`.
        ty: SqlType,
    },
    /// Computed from the rows when the document is assembled. With `min` and `max` over a `Read`
    /// that is `sorted` and limited to 1 it is the head of an arrangement.
    Gathered {
        /// The rows.
        read: Box<Read>,
        /// What is made of them.
        function: AggregateFunction,
        /// Of what; none counts rows.
        of: Option<Expr>,
        /// Its type.
        ty: SqlType,
        /// The JSON of `min`, `max` and of the elements of `ids` and `array_agg`.
        render: Render,
        /// What stands between the texts of `string_agg`.
        separator: Option<String>,
    },
}

/// The aggregate functions, each with Postgres' meaning; `ids` is `array_agg(key ORDER BY key)`.
/// Both are `[]` over no rows, for an array of a document is never null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum AggregateFunction {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    Ids,
    CountDistinct,
    BoolAnd,
    BoolOr,
    StringAgg,
    ArrayAgg,
}

impl Plan {
    /// The table.
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[usize::from(id.0)]
    }

    /// The kept thing.
    pub fn kept(&self, id: KeptId) -> &Kept {
        &self.kept[usize::from(id.0)]
    }
}

impl Index {
    /// Every formula of it: those that decide whether a row is shown, and those that are shown.
    pub fn each_formula<'a>(&'a self, each: &mut dyn FnMut(&'a Formula)) {
        self.further.iter().for_each(&mut *each);
        self.shape.each_formula(each);
    }
}

impl Object {
    /// Every query whose rows it shows.
    pub fn each_rows<'a>(&'a self, each: &mut dyn FnMut(&'a Rows)) {
        for (_, value) in &self.fields {
            match value {
                Value::Scalar(..)
                | Value::Formula(..)
                | Value::Geo { .. }
                | Value::Constant(_)
                | Value::Aggregate(_) => {}
                Value::Rows(rows) => {
                    each(rows);
                    rows.object.each_rows(each);
                }
                Value::Object(inner) | Value::One(_, inner) | Value::Many(_, inner) => {
                    inner.each_rows(each);
                }
            }
        }
    }

    fn each_formula<'a>(&'a self, each: &mut dyn FnMut(&'a Formula)) {
        for (_, value) in &self.fields {
            match value {
                Value::Scalar(..) | Value::Geo { .. } | Value::Constant(_) => {}
                Value::Formula(formula, ..) => each(formula),
                Value::Object(inner) => inner.each_formula(each),
                Value::One(read, inner) | Value::Many(read, inner) => {
                    read.further.iter().for_each(&mut *each);
                    inner.each_formula(each);
                }
                Value::Rows(rows) => rows.object.each_formula(each),
                Value::Aggregate(Aggregate::Gathered { read, .. }) => {
                    read.further.iter().for_each(&mut *each);
                }
                Value::Aggregate(Aggregate::Tallied { .. }) => {}
            }
        }
    }
}

impl Table {
    /// The column.
    pub fn column(&self, id: ColumnId) -> &Column {
        &self.columns[usize::from(id.0)]
    }
}
