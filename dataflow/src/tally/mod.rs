//! Counts and sums kept in the diffs: what a group comes to is the sum of its rows' tallies, and a
//! row that goes takes with it exactly what it brought.
//!
//! A tally is a sparse vector of whole numbers: so many rows, so many NaNs, so many units of a sum.
//! Hence sums are exact for floats too, and what no sum can hold is counted beside it: NaNs,
//! infinities, and the scales numerics were printed with, for `sum` shows the largest. Diffs are
//! sorted, moved and merged all day, so a vector is as small as its few terms.

mod finish;
mod term;

use differential_dataflow::difference::{Abelian, IsZero, Monoid, Semigroup};
use flusso_compiler::expr::{Expr, OnFailure};
use flusso_compiler::plan::{Table, Tally};
use flusso_compiler::types::SqlType;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use self::finish::{finish, rows, value};
use self::term::{Counted, Term};
use crate::eval::{Place, Program, Scratch};
use crate::row::Datum;

/// What the rows of a group come to, for all tallies of a kept thing: terms in order, none of them
/// zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tallies(SmallVec<[(Term, i64); 4]>);

/// How a row becomes tallies.
#[derive(Debug)]
pub struct TallyProgram(Vec<Part>);

#[derive(Debug)]
struct Part {
    of: Option<(Summed, SqlType)>,
    filter: Option<Program>,
}

/// What of a row is summed.
#[derive(Debug)]
enum Summed {
    /// The column at a position.
    Column(usize),
    /// What is computed from it.
    Value(Program),
}

impl TallyProgram {
    /// Compiles tallies for whole rows of a table.
    pub fn compile(tallies: &[Tally], table: &Table) -> Self {
        let program = |expr: &Expr| Program::new(expr, &|column| Place::whole(table, column));
        let summed = |of: &Expr| match of {
            Expr::Column(column) => Summed::Column(usize::from(column.0)),
            of => Summed::Value(program(of)),
        };
        let parts = tallies.iter().map(|tally| Part {
            of: tally
                .of
                .as_ref()
                .map(|of| (summed(of), of.ty(&|column| table.column(column).ty.clone()))),
            filter: tally.filter.as_ref().map(program),
        });
        TallyProgram(parts.collect())
    }

    /// What one row comes to.
    pub fn of(&self, row: &[Datum<'_>], scratch: &mut Scratch) -> Tallies {
        let mut tallies = Tallies::default();
        for (slot, part) in (0..).zip(&self.0) {
            if part.filter.as_ref().is_some_and(|f| !f.passes(row, scratch)) {
                continue;
            }
            match &part.of {
                None => tallies.add(Term::count(slot, Counted::Rows), 1),
                Some((summed, ty)) => {
                    let value = match summed {
                        Summed::Column(position) => row.get(*position).copied(),
                        Summed::Value(program) => {
                            Some(program.field(row, OnFailure::Null, scratch))
                        }
                    };
                    if let Some(Datum::Text(text)) = value {
                        tallies.add_value(slot, text, ty);
                    }
                }
            }
        }
        tallies
    }
}

/// What values gathered from rows come to, in one slot; none when there are none.
pub fn over<'a>(texts: impl Iterator<Item = &'a [u8]>, ty: &SqlType) -> Option<Tallies> {
    let mut tallies = Tallies::default();
    texts.for_each(|text| tallies.add_value(0, text, ty));
    (!tallies.is_zero()).then_some(tallies)
}

impl Tallies {
    /// Whether nothing is left of what was added.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Turns what a row brought into what so many of it bring; into what it takes away, by -1.
    pub fn times(&mut self, count: i64) {
        self.0.iter_mut().for_each(|(_, units)| *units *= count);
    }

    /// Counts a value that is not NULL in.
    fn add_value(&mut self, slot: u16, text: &[u8], ty: &SqlType) {
        let mut count = |counted| self.add(Term::count(slot, counted), 1);
        match text {
            b"NaN" => count(Counted::NaN),
            b"Infinity" => count(Counted::Above),
            b"-Infinity" => count(Counted::Below),
            _ => match ty {
                SqlType::Int2
                | SqlType::Int4
                | SqlType::Int8
                | SqlType::Oid
                | SqlType::Money
                | SqlType::Numeric(_) => {
                    term::decimal(slot, text, &mut |term, units| self.add(term, units));
                }
                SqlType::Float4 | SqlType::Float8 => {
                    count(Counted::Rows);
                    term::float(slot, text, &mut |term, units| self.add(term, units));
                }
                // The rest can only be counted.
                _ => count(Counted::Rows),
            },
        }
    }

    fn add(&mut self, term: Term, units: i64) {
        match self.0.binary_search_by_key(&term, |(term, _)| *term) {
            Err(at) => self.0.insert(at, (term, units)),
            Ok(at) => {
                self.0[at].1 += units;
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
        }
    }

    /// The terms of one tally.
    fn slot(&self, slot: u16) -> &[(Term, i64)] {
        let start = self.0.partition_point(|(term, _)| term.slot() < slot);
        let end = self.0.partition_point(|(term, _)| term.slot() <= slot);
        &self.0[start..end]
    }
}

impl IsZero for Tallies {
    fn is_zero(&self) -> bool {
        Tallies::is_zero(self)
    }
}

impl Semigroup for Tallies {
    fn plus_equals(&mut self, other: &Self) {
        other.0.iter().for_each(|(term, units)| self.add(*term, *units));
    }
}

impl Monoid for Tallies {
    fn zero() -> Self {
        Tallies::default()
    }
}

impl Abelian for Tallies {
    fn negate(&mut self) {
        self.times(-1);
    }
}

#[cfg(test)]
mod tests;
