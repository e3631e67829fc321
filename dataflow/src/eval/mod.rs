//! Expressions compiled once per plan and evaluated for each row, with Postgres' answers.
//!
//! ```text
//!  Expr ─► compile ─► [ step, step, … ] ─► run ─► registers of values ─► text
//!           │ constants folded              │ columns read when a step asks for them
//!           └ patterns read                 └ temporaries in one arena, emptied per row
//! ```
//!
//! A step reads registers and writes one. Truth has three values, NULL being none. What Postgres
//! would refuse at run time is an [`EvalError`], a value that whoever asked for the expression
//! deals with. A column the stream did not repeat counts as NULL; stored rows have none.

mod array;
mod call;
mod cast;
mod compare;
mod compile;
pub mod elements;
mod error;
mod float;
mod form;
mod int;
mod interval;
mod json;
mod like;
mod moment;
mod numeric;
mod run;
mod template;
mod text;
mod value;

use flusso_compiler::expr::{Expr, OnFailure};
use flusso_compiler::plan::{ColumnId, Table};
use flusso_compiler::types::SqlType;
use smallvec::SmallVec;

pub use self::error::EvalError;
use self::run::Step;
use self::value::{Arena, Value};
use crate::row::Datum;

/// A compiled expression.
#[derive(Debug)]
pub struct Program {
    steps: Vec<Step>,
    registers: usize,
}

/// Where a column stands in a row, and what it holds.
#[derive(Clone, Debug)]
pub struct Place {
    /// Position among the columns.
    pub position: usize,
    /// Its type.
    pub ty: SqlType,
}

impl Place {
    /// In a whole row of a table.
    pub fn whole(table: &Table, column: ColumnId) -> Place {
        Place { position: usize::from(column.0), ty: table.column(column).ty.clone() }
    }
}

/// Space that evaluation uses again; one per worker is enough.
#[derive(Debug, Default)]
pub struct Scratch {
    arena: Arena,
    failures: Option<Failures>,
    skips: bool,
}

/// Expressions that had no value since they were last asked for.
#[derive(Debug)]
pub struct Failures {
    /// How many.
    pub count: u64,
    /// Why the last of them had none.
    pub last: EvalError,
}

impl Scratch {
    /// What failed since this was last called.
    pub fn failures(&mut self) -> Option<Failures> {
        self.failures.take()
    }

    /// Counts an expression that has no value, in a field or elsewhere.
    pub fn fail(&mut self, error: EvalError, on_error: OnFailure) {
        failed(&mut self.failures, error);
        self.skips |= on_error == OnFailure::Skip;
    }

    /// Whether a field failed that a document must not be without, since this was last called.
    pub fn skips(&mut self) -> bool {
        std::mem::take(&mut self.skips)
    }
}

impl Program {
    /// Compiles an expression for rows in which each column stands at its place.
    pub fn new(expr: &Expr, place: &dyn Fn(ColumnId) -> Place) -> Self {
        let (steps, registers) = compile::compile(expr, place);
        Program { steps, registers }
    }

    /// Whether the expression is true of a row; none is NULL.
    pub fn truth(
        &self,
        row: &[Datum<'_>],
        scratch: &mut Scratch,
    ) -> Result<Option<bool>, EvalError> {
        scratch.arena.reset();
        match self.run(row, &scratch.arena)? {
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            _ => Ok(None),
        }
    }

    /// The value of the expression in a row as text, never [`Datum::Unchanged`].
    pub fn value<'a>(
        &self,
        row: &[Datum<'a>],
        scratch: &'a mut Scratch,
    ) -> Result<Datum<'a>, EvalError> {
        scratch.arena.reset();
        let arena = &scratch.arena;
        Ok(match self.run(row, arena)? {
            None => Datum::Null,
            Some(value) => Datum::Text(form::text(value, arena).as_bytes()),
        })
    }

    /// Whether a row passes a filter: one that fails does not, and is counted.
    pub fn passes(&self, row: &[Datum<'_>], scratch: &mut Scratch) -> bool {
        match self.truth(row, scratch) {
            Ok(truth) => truth == Some(true),
            Err(error) => {
                failed(&mut scratch.failures, error);
                false
            }
        }
    }

    /// The value for a field: NULL if it fails, which is counted.
    pub fn field<'a>(
        &self,
        row: &[Datum<'a>],
        on_error: OnFailure,
        scratch: &'a mut Scratch,
    ) -> Datum<'a> {
        let Scratch { arena, failures, skips } = scratch;
        arena.reset();
        let arena: &'a Arena = arena;
        match self.run(row, arena) {
            Ok(None) => Datum::Null,
            Ok(Some(value)) => Datum::Text(form::text(value, arena).as_bytes()),
            Err(error) => {
                failed(failures, error);
                *skips |= on_error == OnFailure::Skip;
                Datum::Null
            }
        }
    }

    fn run<'a>(&self, row: &[Datum<'a>], arena: &'a Arena) -> Result<Option<Value<'a>>, EvalError> {
        let mut registers: SmallVec<[Option<Value<'a>>; 8]> = SmallVec::new();
        registers.resize(self.registers, None);
        run::run(&self.steps, 0, row, &mut registers, arena)?;
        Ok(registers[0])
    }
}

fn failed(failures: &mut Option<Failures>, last: EvalError) {
    let count = failures.take().map_or(0, |failures| failures.count) + 1;
    *failures = Some(Failures { count, last });
}

#[cfg(test)]
mod tests;
