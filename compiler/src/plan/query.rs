//! What an expression reads beyond its own row: the rows around it, and queries over other tables.
//!
//! ```text
//! Formula: expr over inputs ─┬─ columns of the row in scope and of the rows around it
//!                            └─ values of queries
//! Query: relations, each found by a key that the rows before it make ─► filter
//!          └─ or tallies, one lookup whatever the size of the group       └─► group ─► outputs
//! ```
//!
//! Decorrelated: no relation is ever read as a whole. The columns of an expression here are
//! positions among the inputs of what it stands in, as in [`sql::block`](crate::sql::block), whose
//! small parts are used as they are; tables and columns are those of the plan.

use serde::Serialize;

use super::{ColumnId, KeptId, KeyPart, OrderPart};
use crate::expr::Expr;
use crate::sql::block::{AggregateCall, Asks, Distinct, JoinKind, Output, SortKey};
use crate::types::SqlType;

/// An expression that reads more than its own row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Formula {
    /// In the author's words.
    pub text: String,
    /// Over the inputs.
    pub expr: Expr,
    /// What its columns are.
    pub inputs: Vec<Input>,
    /// The queries in it.
    pub queries: Vec<Query>,
}

/// What `Expr::Column` at one position means.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Input {
    /// Where the value comes from.
    pub source: Source,
    /// Its type.
    pub ty: SqlType,
}

/// Where the value of an input comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A column of a row.
    Column {
        /// Scopes outward: 0 is that of the formula or query itself.
        level: u16,
        /// Position among the relations of that scope.
        relation: u16,
        /// The column; of a relation that is no table, the position of its output.
        column: ColumnId,
    },
    /// `group[n]`, in what is evaluated per group.
    Group(u16),
    /// `aggregates[n]`, in what is evaluated per group.
    Aggregate(u16),
    /// The value of `queries[n]`.
    Query(u16),
}

/// A query over other tables.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Query {
    /// What is made of its rows; its left sides read the inputs around the query.
    pub asks: Asks,
    /// What the expressions below read.
    pub inputs: Vec<Input>,
    /// The queries in them.
    pub queries: Vec<Query>,
    /// How its rows or its groups come about.
    pub from: Found,
    /// `GROUP BY`. None when rows are not grouped; empty when all are one group.
    pub group: Option<Vec<Expr>>,
    /// The aggregates of outputs, `having` and order, each once.
    pub aggregates: Vec<AggregateCall>,
    /// `HAVING`.
    pub having: Option<Expr>,
    /// The columns of its result.
    pub outputs: Vec<Output>,
    /// `DISTINCT`.
    pub distinct: Distinct,
    /// What further queries of as many outputs give, `UNION ALL`.
    pub union: Vec<Query>,
    /// `ORDER BY`; ties stand in the order of the relations' primary keys.
    pub order: Vec<SortKey>,
    /// `LIMIT`.
    pub limit: Option<u64>,
    /// `OFFSET`.
    pub offset: u64,
}

/// How the rows of a query are found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Row by row, each relation after those before it.
    Rows {
        /// In the order they are looked up.
        relations: Vec<Relation>,
        /// `WHERE`, but for what the relations' own conditions say.
        filter: Option<Expr>,
    },
    /// Not at all: each aggregate is read off a tally of the one relation.
    Tallied {
        /// The inputs that make the key, by position.
        key: Vec<KeyPart>,
        /// By aggregate: the reduction and the position among its tallies.
        tallies: Vec<(KeptId, u16)>,
    },
}

/// One relation of a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relation {
    /// Position among the relations as they were written, by which inputs name it.
    pub number: u16,
    /// What its rows are.
    pub rows: Rows,
    /// Whether a row of NULLs stands where there is none.
    pub join: JoinKind,
    /// Rows for which this is not true are passed over. With an inner join also what `WHERE` says
    /// as soon as all it reads is there.
    pub on: Option<Expr>,
}

/// What the rows of a relation are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// Those of a table.
    Kept {
        /// Where they are.
        kept: KeptId,
        /// The inputs that make the key, by position; a NULL among them finds nothing.
        key: Vec<KeyPart>,
        /// The order they are read in, where the query shows the first of them only.
        order: Vec<OrderPart>,
        /// Whether it does, so that no more of them are read than it shows.
        head: bool,
    },
    /// The outputs of a query, which may read the relations before it.
    Query(Box<Query>),
    /// The elements of an array, each with its number from 1.
    Unnest(Expr),
}

impl Formula {
    /// What its queries read: each kept thing, and whether its rows are read or its tallies.
    pub fn each_kept(&self, each: &mut dyn FnMut(KeptId, bool)) {
        self.queries.iter().for_each(|query| query.each_kept(each));
    }
}

impl Query {
    /// The relation that was written first, when it is a table's.
    pub fn first(&self) -> Option<KeptId> {
        let Found::Rows { relations, .. } = &self.from else { return None };
        relations.iter().find(|one| one.number == 0).and_then(|one| match one.rows {
            Rows::Kept { kept, .. } => Some(kept),
            Rows::Query(_) | Rows::Unnest(_) => None,
        })
    }

    /// What it reads: each kept thing, and whether its rows are read or its tallies.
    pub fn each_kept(&self, each: &mut dyn FnMut(KeptId, bool)) {
        match &self.from {
            Found::Tallied { tallies, .. } => {
                tallies.iter().for_each(|(kept, _)| each(*kept, false))
            }
            Found::Rows { relations, .. } => {
                for relation in relations {
                    match &relation.rows {
                        Rows::Kept { kept, .. } => each(*kept, true),
                        Rows::Query(inner) => inner.each_kept(each),
                        Rows::Unnest(_) => {}
                    }
                }
            }
        }
        self.queries.iter().chain(&self.union).for_each(|query| query.each_kept(each));
    }
}
