use crate::row::Datum;
use flusso_compiler::{
    plan::{AggregateFunction, Table, Tally},
    types::SqlType,
};
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tallies;
impl differential_dataflow::difference::IsZero for Tallies {
    fn is_zero(&self) -> bool {
        true
    }
}
impl differential_dataflow::difference::Semigroup for Tallies {
    fn plus_equals(&mut self, _: &Tallies) {}
}
impl Tallies {
    pub fn negate(&mut self) {}
    pub fn is_zero(&self) -> bool {
        true
    }
}
pub struct TallyProgram;
impl TallyProgram {
    pub fn compile(_: &[Tally], _: &Table) -> TallyProgram {
        TallyProgram
    }
    pub fn of(&self, _: &[Datum<'_>]) -> Tallies {
        Tallies
    }
}
pub fn finish(_: Option<&Tallies>, _: usize, _: AggregateFunction, _: &SqlType, _: &mut Vec<u8>) {}
pub fn over<'a>(_: impl Iterator<Item = &'a [u8]>, _: &SqlType) -> Option<Tallies> {
    None
}
