//! What a sink that was behind has still to be given, and what may count only then.
//!
//! Names that were shed are read anew, index by index. A mark that stood behind them settles when
//! all their documents have been written; those of names shed later wait in turn.

use std::collections::{HashMap, VecDeque};

use flusso_compiler::plan::IndexId;

use super::backlog::Names;
use crate::settle::Mark;

/// In the order in which it was shed.
#[derive(Default)]
pub struct Owed(VecDeque<Stage>);

#[derive(Default)]
struct Stage {
    /// Not asked for yet.
    names: HashMap<IndexId, Vec<Box<str>>>,
    /// What has been asked for, and workers whose share of it is not out.
    asked: Option<(u32, usize)>,
    /// What counts afterwards.
    marks: Vec<(usize, Mark)>,
}

impl Owed {
    /// These are owed.
    pub fn add(&mut self, names: Names) {
        let mut stage = Stage::default();
        for (index, id) in names {
            stage.names.entry(index).or_default().push(id);
        }
        self.0.push_back(stage);
    }

    /// Keeps a mark while something before it is owed; gives it back when nothing is.
    pub fn hold(&mut self, worker: usize, mark: Mark) -> Option<Mark> {
        if let Some(Stage { asked: Some((number, left)), .. }) = self.0.front_mut()
            && matches!(mark, Mark::Hydrated(_, fill) if fill == *number)
        {
            *left -= 1;
            return None;
        }
        let Some(stage) = self.0.back_mut() else { return Some(mark) };
        stage.marks.push((worker, mark));
        None
    }

    /// Asks for the next when nothing is asked for, with `ask`; `paid` hears of what has come.
    /// Returns the marks that count now that all before them has; none when there is to be waited.
    pub fn next(
        &mut self,
        workers: usize,
        mut ask: impl FnMut(IndexId, Vec<Box<str>>) -> u32,
        mut paid: impl FnMut(u32),
    ) -> Option<Vec<(usize, Mark)>> {
        let stage = self.0.front_mut()?;
        match stage.asked {
            Some((_, 1..)) => return None,
            Some((number, 0)) => {
                paid(number);
                stage.asked = None;
            }
            None => {}
        }
        if let Some(index) = stage.names.keys().next().copied() {
            let ids = stage.names.remove(&index).unwrap_or_default();
            stage.asked = Some((ask(index, ids), workers));
            return None;
        }
        Some(self.0.pop_front()?.marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IndexId = IndexId(1);

    fn names(ids: &[&str]) -> Names {
        ids.iter().map(|id| (ONE, Box::from(*id))).collect()
    }

    #[test]
    fn marks_wait_for_what_was_shed_before_them() {
        let mut owed = Owed::default();
        let closed = Mark::Closed;
        assert_eq!(owed.hold(0, closed(5)), Some(closed(5)));
        owed.add(names(&["a", "b"]));
        let mut asked = Vec::new();
        let mut next = |owed: &mut Owed, number| {
            let ask = |index, mut ids: Vec<Box<str>>| {
                ids.sort();
                asked.push((index, ids));
                number
            };
            owed.next(2, ask, |_| {})
        };
        assert_eq!(next(&mut owed, 7), None);
        assert_eq!(owed.hold(0, closed(10)), None);
        owed.add(names(&["c"]));
        assert_eq!(owed.hold(1, closed(20)), None);
        assert_eq!(owed.hold(0, Mark::Hydrated(ONE, 3)), None, "another fill's waits too");
        assert_eq!(owed.hold(0, Mark::Hydrated(ONE, 7)), None);
        assert_eq!(next(&mut owed, 8), None);
        assert_eq!(owed.hold(1, Mark::Hydrated(ONE, 7)), None);
        assert_eq!(next(&mut owed, 8), Some(vec![(0, closed(10))]));
        assert_eq!(next(&mut owed, 8), None);
        assert_eq!(owed.hold(0, Mark::Hydrated(ONE, 8)), None);
        assert_eq!(owed.hold(1, Mark::Hydrated(ONE, 8)), None);
        let last = vec![(1, closed(20)), (0, Mark::Hydrated(ONE, 3))];
        assert_eq!(next(&mut owed, 9), Some(last));
        assert_eq!(next(&mut owed, 9), None);
        assert_eq!(owed.hold(0, closed(30)), Some(closed(30)));
        let ids = |ids: &[&str]| (ONE, ids.iter().map(|id| Box::from(*id)).collect::<Vec<_>>());
        assert_eq!(asked, [ids(&["a", "b"]), ids(&["c"])]);
    }
}
