//! Long work in numbers: how much is done, how fast it goes, how long it will take.

use std::time::{Duration, Instant};

/// A piece of work with an end: copying the tables, filling an index, building one anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// `copy`, `fill` or `reindex`.
    pub what: &'static str,
    /// The index that is filled; none for the copy, which is for all.
    pub index: Option<String>,
    /// The sink it is built anew in; none for what is for all.
    pub sink: Option<String>,
    /// What is counted: `rows`, `documents`.
    pub unit: &'static str,
    /// Done so far.
    pub done: u64,
    /// In all, as far as is known. Never less than `done`.
    pub of: Option<u64>,
    began: Instant,
    took: Option<Duration>,
}

impl Work {
    /// Work that begins now.
    pub fn begin(what: &'static str, index: Option<String>, unit: &'static str) -> Work {
        let began = Instant::now();
        Work { what, index, sink: None, unit, done: 0, of: None, began, took: None }
    }

    /// The same in one sink alone.
    pub fn in_sink(self, sink: &str) -> Work {
        Work { sink: Some(sink.to_owned()), ..self }
    }

    /// Whether the other is the same work, of another moment.
    pub fn same(&self, other: &Work) -> bool {
        (self.what, &self.index, &self.sink) == (other.what, &other.index, &other.sink)
    }

    /// So much is done, of so much if that is known; an estimate that was overtaken says nothing.
    pub fn at(&mut self, done: u64, of: Option<u64>) {
        self.done = done;
        self.of = of.filter(|of| *of >= done);
    }

    /// It is finished.
    pub fn end(&mut self, done: u64) {
        self.at(done, Some(done));
        self.took.get_or_insert_with(|| self.began.elapsed());
    }

    /// Whether it is finished.
    pub fn finished(&self) -> bool {
        self.took.is_some()
    }

    /// How long it took, or has taken so far.
    pub fn took(&self) -> Duration {
        self.took.unwrap_or_else(|| self.began.elapsed())
    }

    /// Rows that have been copied for so long.
    #[cfg(test)]
    pub fn lasting(took: Duration) -> Work {
        Work { took: Some(took), ..Work::begin("copy", None, "rows") }
    }

    /// Units a second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.took().as_secs_f64().max(0.001)
    }

    /// How long it will still take at this rate, if that can be said.
    pub fn left(&self) -> Option<Duration> {
        let of = self.of?;
        (self.done > 0).then(|| self.took().mul_f64((of - self.done) as f64 / self.done as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64, done: u64, of: Option<u64>) -> Work {
        let mut work = Work::lasting(Duration::from_secs(seconds));
        work.at(done, of);
        work
    }

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done_took() {
        let work = after(5, 1_200_000, Some(3_000_000));
        assert_eq!((work.rate(), work.left()), (240_000.0, Some(Duration::from_millis(7_500))));
    }

    #[test]
    fn nothing_is_foretold_from_nothing_or_from_a_wrong_estimate() {
        assert_eq!(after(5, 0, Some(10)).left(), None);
        assert_eq!(after(5, 10, None).left(), None);
        assert_eq!(after(5, 11, Some(10)).left(), None);
    }
}
