//! `interval`: months, days and microseconds, which nothing turns into one another but what is
//! asked to.

mod arithmetic;
mod print;
mod read;

use super::moment::DAY;

/// A span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    /// Twelve of them are a year.
    pub months: i32,
    /// Not 24 hours, as clocks change.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

impl Interval {
    /// What spans compare by: a month has thirty days, a day 24 hours.
    pub fn length(self) -> i128 {
        let days = i128::from(self.months) * 30 + i128::from(self.days);
        days * i128::from(DAY) + i128::from(self.micros)
    }
}
