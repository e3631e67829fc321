//! A query as values: names resolved, types settled, correlation said by level.
//!
//! ```text
//! Block: relations ─► filter ─► group, aggregates, having ─► outputs ─► distinct, order, limit
//!          │ on          │                  │                    │
//!          └─────────────┴──── inputs ──────┴────────────────────┘  Expr::Column(n) is inputs[n]
//! ```
//!
//! Expressions here are the same [`Expr`] as everywhere. The row they are evaluated over is the
//! list of inputs of their block: columns of its own relations, columns of enclosing rows, groups,
//! aggregates, values of subqueries. A subquery is therefore no kind of expression: who plans the
//! block decides how the input comes about.

use crate::catalog::TableName;
use crate::diagnostics::Place;
use crate::expr::{Comparison, Expr};
use crate::types::{Class, SqlType};

/// An expression over the row in scope, with all that it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    /// The expression.
    pub expr: Expr,
    /// Its type.
    pub ty: SqlType,
    /// What its columns are.
    pub inputs: Vec<Input>,
    /// The queries in it.
    pub subqueries: Vec<Subquery>,
    /// Where it was written.
    pub place: Place,
}

/// What `Expr::Column` at one position means.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Where the value comes from.
    pub source: Source,
    /// Its type.
    pub ty: SqlType,
    /// Where it was first named.
    pub place: Place,
}

/// Where the value of an input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A column of a relation.
    Column {
        /// Scopes outward: 0 is the block's own, 1 the one it stands in.
        level: u16,
        /// Position among the relations of that scope.
        relation: u16,
        /// The column's name.
        column: String,
    },
    /// `block.group[n]`, in what is evaluated per group.
    Group(u16),
    /// `block.aggregates[n]`, in what is evaluated per group.
    Aggregate(u16),
    /// The value of `subqueries[n]`.
    Subquery(u16),
}

/// A `SELECT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// What the expressions below read.
    pub inputs: Vec<Input>,
    /// The queries in them.
    pub subqueries: Vec<Subquery>,
    /// `FROM`, in the order written; each is joined to all before it.
    pub relations: Vec<Relation>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `GROUP BY`. None when rows are not grouped; empty when all are one group.
    pub group: Option<Vec<Expr>>,
    /// The aggregates of `outputs`, `having` and `order`, each once.
    pub aggregates: Vec<AggregateCall>,
    /// `HAVING`.
    pub having: Option<Expr>,
    /// The columns of the result.
    pub outputs: Vec<Output>,
    /// `DISTINCT`.
    pub distinct: Distinct,
    /// `UNION ALL`: blocks of as many outputs of the same types.
    pub union: Vec<Block>,
    /// `ORDER BY`, of all rows of the union when there is one.
    pub order: Vec<SortKey>,
    /// `LIMIT`.
    pub limit: Option<u64>,
    /// `OFFSET`.
    pub offset: u64,
    /// Where it was written.
    pub place: Place,
}

/// One item of `FROM`.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// The name it is called by.
    pub alias: String,
    /// What its rows are.
    pub from: From,
    /// How it is joined to those before it.
    pub join: JoinKind,
    /// `ON`; true when none.
    pub on: Option<Expr>,
    /// Where it was written.
    pub place: Place,
}

/// What the rows of a relation are.
#[derive(Clone, Debug, PartialEq)]
pub enum From {
    /// A table's.
    Table(TableName),
    /// Those of a query, whose outer columns are counted from the block it stands in when
    /// `LATERAL` was said, and leave that one out otherwise.
    Query(Box<Block>),
    /// `unnest(array)`: one row for each element, with its number from 1.
    Unnest(Expr),
}

/// How a relation is joined to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Rows for which `ON` is true.
    Inner,
    /// And one of NULLs where there is none.
    Left,
}

/// An aggregate in a block.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateCall {
    /// Which.
    pub function: BlockAggregate,
    /// Over what; none for `count(*)`.
    pub of: Option<Expr>,
    /// `DISTINCT`.
    pub distinct: bool,
    /// `FILTER (WHERE …)`.
    pub filter: Option<Expr>,
    /// `ORDER BY` within the call.
    pub order: Vec<SortKey>,
    /// The type of its result.
    pub ty: SqlType,
}

/// The aggregate functions of SQL.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum BlockAggregate {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    BoolAnd,
    BoolOr,
    /// With the separator.
    StringAgg(Expr),
    ArrayAgg,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub expr: Expr,
    /// Its type.
    pub ty: SqlType,
}

/// Which rows of a result are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Distinct {
    /// All.
    No,
    /// One of those with equal outputs.
    Yes,
    /// The first, by `order`, of those for which these are equal.
    On(Vec<Expr>),
}

/// One part of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// Sorted by what.
    pub expr: Expr,
    /// How its values compare.
    pub class: Class,
    /// Greatest first.
    pub descending: bool,
    /// NULLs before values.
    pub nulls_first: bool,
}

/// A query inside an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// What is made of its rows.
    pub asks: Asks,
    /// The query; level 1 of its inputs is the scope the subquery stands in.
    pub block: Block,
}

/// What is made of the rows of a subquery.
#[derive(Clone, Debug, PartialEq)]
pub enum Asks {
    /// The only value of the only row, NULL without a row, an error with several.
    Value,
    /// Whether there is a row; never NULL.
    Exists,
    /// `of op ANY (rows)`, of which `IN` is one with `=`, and `of op ALL (rows)`.
    Quantified {
        /// The left sides, one for each output, over the inputs around the subquery.
        of: Vec<Expr>,
        /// Compared how.
        op: Comparison,
        /// By which classes.
        classes: Vec<Class>,
        /// `ALL` instead of `ANY`.
        all: bool,
    },
}
