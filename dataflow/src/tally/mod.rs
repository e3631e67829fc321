//! Counts and sums kept in the diffs: what a group comes to is the sum of its rows' tallies, and a
//! row that goes takes with it exactly what it brought.
//!
//! Hence sums are exact for floats too, and what no sum can hold is counted beside it: NaNs,
//! infinities, and the scales numerics were printed with, for `sum` shows the largest.

mod exact;
mod finish;

use differential_dataflow::difference::{Abelian, IsZero, Monoid, Semigroup};
use flusso_compiler::plan::{Table, Tally};
use flusso_compiler::types::SqlType;
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use self::exact::Exact;
pub use self::finish::finish;
use crate::eval::{Place, Program, Scratch};
use crate::row::Datum;

/// One slot for each tally of a kept thing; empty is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tallies(SmallVec<[Slot; 2]>);

/// What the rows of a group come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Slot {
    /// How many rows.
    rows: i64,
    /// How many of them are NaN.
    nan: i64,
    /// How many are infinity.
    above: i64,
    /// How many are negative infinity.
    below: i64,
    /// The sum of the others.
    sum: Exact,
    /// How many numerics were printed with so many digits after the point.
    scales: SmallVec<[(u32, i64); 1]>,
}

/// How a row becomes tallies.
#[derive(Debug)]
pub struct TallyProgram(Vec<Part>);

#[derive(Debug)]
struct Part {
    of: Option<(usize, SqlType)>,
    filter: Option<Program>,
}

impl TallyProgram {
    /// Compiles tallies for whole rows of a table.
    pub fn compile(tallies: &[Tally], table: &Table) -> Self {
        let position = |column: flusso_compiler::plan::ColumnId| usize::from(column.0);
        let parts = tallies.iter().map(|tally| Part {
            of: tally.of.map(|column| (position(column), table.column(column).ty.clone())),
            filter: tally.filter.as_ref().map(|filter| {
                let place = |column| Place {
                    position: position(column),
                    ty: table.column(column).ty.clone(),
                };
                Program::new(filter, &place)
            }),
        });
        TallyProgram(parts.collect())
    }

    /// What one row comes to.
    pub fn of(&self, row: &[Datum<'_>]) -> Tallies {
        let mut scratch = Scratch::default();
        let mut tallies = Tallies(self.0.iter().map(|_| Slot::default()).collect());
        for (part, slot) in self.0.iter().zip(&mut tallies.0) {
            if part.filter.as_ref().is_some_and(|f| f.truth(row, &mut scratch) != Some(true)) {
                continue;
            }
            match &part.of {
                None => slot.rows += 1,
                Some((position, ty)) => {
                    if let Some(Datum::Text(text)) = row.get(*position) {
                        slot.add(text, ty);
                    }
                }
            }
        }
        if tallies.is_zero() { Tallies::default() } else { tallies }
    }
}

/// What values gathered from rows come to, in one slot; none when there are none.
pub fn over<'a>(texts: impl Iterator<Item = &'a [u8]>, ty: &SqlType) -> Option<Tallies> {
    let mut slot = Slot::default();
    texts.for_each(|text| slot.add(text, ty));
    (slot.rows > 0).then(|| Tallies(smallvec![slot]))
}

impl Slot {
    /// Counts a value that is not NULL in.
    fn add(&mut self, text: &[u8], ty: &SqlType) {
        self.rows += 1;
        match text {
            b"NaN" => self.nan += 1,
            b"Infinity" => self.above += 1,
            b"-Infinity" => self.below += 1,
            _ => match ty {
                SqlType::Int2 | SqlType::Int4 | SqlType::Int8 | SqlType::Oid | SqlType::Money => {
                    self.sum.add_decimal(text);
                }
                SqlType::Numeric(_) => {
                    let scale = self.sum.add_decimal(text);
                    add_counts(&mut self.scales, &[(scale, 1)]);
                }
                SqlType::Float4 | SqlType::Float8 => self.sum.add_float(text),
                // The rest can only be counted.
                _ => {}
            },
        }
    }

    fn is_zero(&self) -> bool {
        self.rows == 0
            && self.nan == 0
            && self.above == 0
            && self.below == 0
            && self.sum.is_zero()
            && self.scales.is_empty()
    }
}

/// Adds counts by scale, those that come to zero left out.
fn add_counts(scales: &mut SmallVec<[(u32, i64); 1]>, others: &[(u32, i64)]) {
    for &(scale, count) in others {
        match scales.binary_search_by_key(&scale, |entry| entry.0) {
            Err(at) => scales.insert(at, (scale, count)),
            Ok(at) => {
                scales[at].1 += count;
                if scales[at].1 == 0 {
                    scales.remove(at);
                }
            }
        }
    }
}

impl IsZero for Tallies {
    fn is_zero(&self) -> bool {
        self.0.iter().all(Slot::is_zero)
    }
}

impl Semigroup for Tallies {
    fn plus_equals(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize_with(other.0.len(), Slot::default);
        }
        for (slot, other) in self.0.iter_mut().zip(&other.0) {
            slot.rows += other.rows;
            slot.nan += other.nan;
            slot.above += other.above;
            slot.below += other.below;
            slot.sum.add(&other.sum);
            add_counts(&mut slot.scales, &other.scales);
        }
    }
}

impl Monoid for Tallies {
    fn zero() -> Self {
        Tallies::default()
    }
}

impl Abelian for Tallies {
    fn negate(&mut self) {
        for slot in &mut self.0 {
            slot.rows = -slot.rows;
            slot.nan = -slot.nan;
            slot.above = -slot.above;
            slot.below = -slot.below;
            slot.sum.negate();
            slot.scales.iter_mut().for_each(|(_, count)| *count = -*count);
        }
    }
}

impl Tallies {
    /// Whether nothing is left of what was added.
    pub fn is_zero(&self) -> bool {
        IsZero::is_zero(self)
    }

    /// Turns what a row brought into what it takes away.
    pub fn negate(&mut self) {
        Abelian::negate(self);
    }
}

#[cfg(test)]
mod tests;
