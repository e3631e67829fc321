//! Queries inside expressions, answered when a document is assembled.
//!
//! ```text
//!  frame: the rows in scope ─► inputs ─┬─► program ─► value
//!                                      └─ queries: lookups from row to row ─► groups ─► outputs
//! ```
//!
//! Nothing is kept for them but the arrangements and tallies that the plan names, read as of the
//! moment of the whole document. What an evaluation needs lies in a bump that goes with it.

mod compile;
mod group;
mod rows;

use bumpalo::Bump;
use flusso_compiler::expr::OnFailure;
use flusso_compiler::plan::{AggregateFunction, KeptId, KeyPart, OrderPart};
use flusso_compiler::types::{Class, SqlType};

pub use self::compile::{Known, Knowns, known};
use crate::assemble::{Space, Views};
use crate::eval::{EvalError, Program, Scratch};
use crate::row::Datum;

/// A value that reads more than its row.
pub struct Formula {
    value: Asking,
    inputs: Vec<Cell>,
    queries: Vec<Query>,
}

/// An expression, and the queries whose values it reads: at which input, which query.
struct Asking {
    program: Program,
    queries: Vec<(usize, usize)>,
}

/// Where an input comes from.
enum Cell {
    /// A column of a row in scope.
    Column { level: usize, relation: usize, position: usize },
    /// Filled in later: a group, an aggregate, a query.
    Later,
}

/// What is made of the rows of a query.
enum Asks {
    Value,
    Array { nested: bool },
    Exists,
    Quantified { of: Vec<Asking>, compare: Program, all: bool },
}

/// A query.
pub struct Query {
    asks: Asks,
    inputs: Vec<Cell>,
    queries: Vec<Query>,
    found: Found,
    /// Relations as written.
    width: usize,
    /// What rows are grouped by, at which input each key is read, and how it compares.
    group: Option<Vec<(Asking, Option<usize>, Class)>>,
    aggregates: Vec<Aggregate>,
    having: Option<Asking>,
    outputs: Vec<(Asking, Class)>,
    distinct: Distinct,
    union: Vec<Query>,
    order: Vec<(Asking, OrderPart)>,
    /// No row beyond so many can matter.
    enough: usize,
    offset: usize,
    limit: usize,
}

enum Found {
    Rows { relations: Vec<Relation>, filter: Option<Asking> },
    Tallied { key: Vec<KeyPart>, tallies: Vec<(KeptId, u16, AggregateFunction, SqlType)> },
}

struct Relation {
    number: usize,
    rows: Rows,
    is_left: bool,
    on: Option<Asking>,
    /// Which inputs are its columns, and at which position of its row.
    fills: Vec<(usize, usize)>,
}

enum Rows {
    Kept { kept: KeptId, key: Vec<KeyPart> },
    Query(Box<Query>),
    Unnest(Asking),
}

enum Distinct {
    No,
    Yes,
    On(Vec<(Asking, Class)>),
}

struct Aggregate {
    function: Function,
    of: Option<Asking>,
    ty: SqlType,
    distinct: bool,
    filter: Option<Asking>,
    order: Vec<(Asking, OrderPart)>,
    /// At which input it is read.
    input: Option<usize>,
}

enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    BoolAnd,
    BoolOr,
    StringAgg(Asking),
    ArrayAgg { nested: bool },
}

/// The rows of a scope, and the scope around it.
#[derive(Clone, Copy)]
pub struct Frame<'f, 'a> {
    /// By the number of the relation; empty for one that is not there.
    pub rows: &'f [&'f [Datum<'a>]],
    /// The scope around.
    pub outer: Option<&'f Frame<'f, 'a>>,
}

/// What a query reads, and where its values lie.
#[derive(Clone, Copy)]
struct Ground<'a> {
    views: &'a Views,
    bump: &'a Bump,
}

impl<'a> Frame<'_, 'a> {
    /// The first row of the innermost scope.
    pub fn row(&self) -> &[Datum<'a>] {
        self.rows.first().copied().unwrap_or_default()
    }

    fn at(&self, level: usize, relation: usize, position: usize) -> Datum<'a> {
        let mut frame = self;
        for _ in 0..level {
            match frame.outer {
                Some(outer) => frame = outer,
                None => return Datum::Null,
            }
        }
        let row = frame.rows.get(relation).copied().unwrap_or_default();
        row.get(position).copied().unwrap_or(Datum::Null)
    }
}

impl Query {
    /// Hands on each of its rows as they are shown, in order; none if it fails, which is counted.
    pub fn each(
        &self,
        frame: &Frame<'_, '_>,
        views: &Views,
        space: &mut Space,
        mut take: impl FnMut(&Frame<'_, '_>, &mut Space),
    ) {
        let bump = Bump::new();
        match self.shown(frame, Ground { views, bump: &bump }, &mut space.scratch) {
            Ok(shown) => {
                for rows in &shown {
                    let rows: Vec<&[Datum<'_>]> = rows.iter().map(|row| row.as_slice()).collect();
                    take(&Frame { rows: &rows, outer: Some(frame) }, space);
                }
            }
            Err(error) => space.scratch.fail(error, OnFailure::Null),
        }
    }
}

impl Formula {
    /// Whether it is true; one that fails is not, and is counted.
    pub fn passes(&self, frame: &Frame<'_, '_>, views: &Views, scratch: &mut Scratch) -> bool {
        let bump = Bump::new();
        match self.value(frame, Ground { views, bump: &bump }, scratch) {
            Ok(value) => value == Datum::Text(b"t"),
            Err(error) => {
                scratch.fail(error, OnFailure::Null);
                false
            }
        }
    }

    /// Hands its value on: NULL if it fails, which is counted.
    pub fn field(
        &self,
        frame: &Frame<'_, '_>,
        views: &Views,
        on_error: OnFailure,
        scratch: &mut Scratch,
        take: impl FnOnce(Datum<'_>),
    ) {
        let bump = Bump::new();
        match self.value(frame, Ground { views, bump: &bump }, scratch) {
            Ok(value) => take(value),
            Err(error) => {
                scratch.fail(error, on_error);
                take(Datum::Null);
            }
        }
    }

    fn value<'a>(
        &self,
        frame: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Datum<'a>, EvalError> {
        let mut inputs = filled(&self.inputs, frame);
        self.value.value(&mut inputs, &self.queries, frame, ground, scratch)
    }
}

/// The inputs that are columns of rows in scope.
fn filled<'a>(cells: &[Cell], frame: &Frame<'_, 'a>) -> Vec<Datum<'a>> {
    let cell = |cell: &Cell| match cell {
        Cell::Column { level, relation, position } => frame.at(*level, *relation, *position),
        Cell::Later => Datum::Null,
    };
    cells.iter().map(cell).collect()
}

impl Asking {
    /// Its value over the inputs, those of its queries filled in first.
    fn value<'a>(
        &self,
        inputs: &mut [Datum<'a>],
        queries: &[Query],
        frame: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Datum<'a>, EvalError> {
        for (input, query) in &self.queries {
            inputs[*input] = queries[*query].answer(inputs, queries, frame, ground, scratch)?;
        }
        Ok(match self.program.value(inputs, scratch)? {
            Datum::Text(text) => Datum::Text(ground.bump.alloc_slice_copy(text)),
            Datum::Null | Datum::Unchanged => Datum::Null,
        })
    }

    /// Whether it is true of the inputs; one that fails is not, and is counted.
    fn passes<'a>(
        &self,
        inputs: &mut [Datum<'a>],
        queries: &[Query],
        frame: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> bool {
        for (input, query) in &self.queries {
            match queries[*query].answer(inputs, queries, frame, ground, scratch) {
                Ok(value) => inputs[*input] = value,
                Err(error) => {
                    scratch.fail(error, OnFailure::Null);
                    return false;
                }
            }
        }
        self.program.passes(inputs, scratch)
    }
}
