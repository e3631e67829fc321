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

use serde::Serialize;

use crate::catalog::TableName;
use crate::diagnostics::Place;
use crate::expr::{Comparison, Expr};
use crate::plan::ColumnId;
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
    /// Only its truth is wanted, NULL being false.
    pub is_condition: bool,
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
    /// Those of a query. Level 1 of its inputs is the block it stands in, of which it reads only
    /// what `LATERAL` lets it.
    Query(Box<Block>),
    /// `unnest(array)`: one row for each element, with its number from 1, and what the columns are
    /// called.
    Unnest(Expr, Vec<String>),
}

/// How a relation is joined to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinKind {
    /// Rows for which `ON` is true.
    Inner,
    /// And one of NULLs where there is none.
    Left,
}

/// An aggregate in a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub expr: Expr,
    /// Its type.
    pub ty: SqlType,
}

/// Which rows of a result are kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distinct {
    /// All.
    No,
    /// One of those with equal outputs.
    Yes,
    /// The first, by `order`, of those for which these are equal.
    On(Vec<Expr>),
}

/// One part of an order.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// The only value of the only row, NULL without a row, an error with several.
    Value,
    /// The only values of all rows as an array; empty without a row.
    Array,
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

impl Block {
    /// A query of no relations yet.
    pub fn over(place: Place) -> Block {
        Block {
            inputs: Vec::new(),
            subqueries: Vec::new(),
            relations: Vec::new(),
            filter: None,
            group: None,
            aggregates: Vec::new(),
            having: None,
            outputs: Vec::new(),
            distinct: Distinct::No,
            union: Vec::new(),
            order: Vec::new(),
            limit: None,
            offset: 0,
            place,
        }
    }

    /// Takes in what reads the block's own rows: expressions over these inputs and queries become
    /// expressions over the block's.
    pub fn absorb(&mut self, inputs: Vec<Input>, subqueries: Vec<Subquery>, exprs: &mut [Expr]) {
        let before = self.subqueries.len() as u16;
        let mut numbers: Vec<ColumnId> = Vec::with_capacity(inputs.len());
        for mut input in inputs {
            if let Source::Subquery(number) = &mut input.source {
                *number += before;
            }
            let met = self.inputs.iter().position(|one| one.source == input.source);
            let number = met.unwrap_or_else(|| {
                self.inputs.push(input);
                self.inputs.len() - 1
            });
            numbers.push(ColumnId(number as u16));
        }
        let renamed = |id: ColumnId| numbers[usize::from(id.0)];
        for mut subquery in subqueries {
            if let Asks::Quantified { of, .. } = &mut subquery.asks {
                of.iter_mut().for_each(|of| of.rename(&renamed));
            }
            self.subqueries.push(subquery);
        }
        exprs.iter_mut().for_each(|expr| expr.rename(&renamed));
    }

    /// The expressions whose value is wanted; conditions, of which only the truth is, are others.
    pub fn each_value(&mut self, each: &mut dyn FnMut(&mut Expr)) {
        for relation in &mut self.relations {
            if let From::Unnest(array, _) = &mut relation.from {
                each(array);
            }
        }
        self.group.iter_mut().flatten().for_each(&mut *each);
        for call in &mut self.aggregates {
            call.of.iter_mut().for_each(&mut *each);
            call.order.iter_mut().for_each(|key| each(&mut key.expr));
            if let BlockAggregate::StringAgg(separator) = &mut call.function {
                each(separator);
            }
        }
        self.outputs.iter_mut().for_each(|output| each(&mut output.expr));
        if let Distinct::On(keys) = &mut self.distinct {
            keys.iter_mut().for_each(&mut *each);
        }
        self.order.iter_mut().for_each(|key| each(&mut key.expr));
        for subquery in &mut self.subqueries {
            if let Asks::Quantified { of, .. } = &mut subquery.asks {
                of.iter_mut().for_each(&mut *each);
            }
        }
    }

    /// The conditions, which drop a row for NULL as they do for false.
    pub fn each_condition(&mut self, each: &mut dyn FnMut(&mut Expr)) {
        self.relations.iter_mut().flat_map(|one| &mut one.on).for_each(&mut *each);
        self.filter.iter_mut().chain(&mut self.having).for_each(&mut *each);
        self.aggregates.iter_mut().flat_map(|call| &mut call.filter).for_each(&mut *each);
    }
}
