//! Keeps what is told up to date: the copy's rows, the first fill, the slot's lag; and draws it.
//!
//! One task on a slow clock reads the counters that capture and dataflow keep anyway, so that
//! telling costs the work nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flusso_compiler::plan::{Index, Plan};

use crate::postgres::progress::{Progress as Captured, TableProgress};
use crate::progress::Progress;
use crate::status::{Copy, Phase, Status};

/// Between two looks.
const TICK: Duration = Duration::from_millis(250);

/// What is looked at.
pub struct Report {
    /// For the names.
    pub plan: Arc<Plan>,
    /// Written to.
    pub status: Arc<Status>,
    /// The capture's counters.
    pub captured: Arc<Captured>,
    /// Between two samples of the lag.
    pub lag_poll: Duration,
}

impl Report {
    /// Runs until it is aborted.
    pub async fn run(self) {
        let mut clock = tokio::time::interval(TICK);
        let mut work = Work::Copy(Progress::new("copying", "rows"));
        let mut sampled: Option<Instant> = None;
        loop {
            clock.tick().await;
            work = self.follow(work);
            self.status.retained(self.captured.retention());
            if sampled.is_none_or(|at| at.elapsed() >= self.lag_poll) {
                sampled = self.sample().then(Instant::now);
            }
        }
    }

    /// One look at the long work.
    fn follow(&self, work: Work) -> Work {
        match work {
            Work::Copy(mut bar) => {
                let copied = self.copied();
                if self.status.read().opened.is_some() {
                    bar.end(copied.rows);
                    return Work::Fill(Progress::new("filling", "documents"));
                }
                bar.at(copied.rows, copied.of);
                Work::Copy(bar)
            }
            Work::Fill(mut bar) => {
                let state = self.status.read();
                let done = state.reading.hydrated.iter().map(|(_, count)| count).sum();
                if state.phase == Phase::Live {
                    bar.end(done);
                    return Work::Follow;
                }
                bar.at(done, Some(self.roots()));
                Work::Fill(bar)
            }
            Work::Follow => Work::Follow,
        }
    }

    /// All tables together; tells each.
    fn copied(&self) -> Copy {
        let mut all = Copy { rows: 0, of: Some(0) };
        for (table, progress) in self.plan.tables.iter().zip(&self.captured.tables) {
            let copy = Copy { rows: progress.copied(), of: progress.estimate() };
            all.rows += copy.rows;
            // A table may have grown past its estimate.
            all.of = all.of.zip(copy.of).map(|(all, of)| all + of.max(copy.rows));
            self.status.copied(&table.name.to_string(), copy);
        }
        all
    }

    /// Root rows of all indexes: as many as were copied.
    fn roots(&self) -> u64 {
        let root = |index: &Index| {
            let table = self.plan.kept(index.root).table;
            self.captured.tables.get(usize::from(table.0)).map_or(0, TableProgress::copied)
        };
        self.plan.indexes.iter().map(root).sum()
    }

    /// False while there is nothing to measure from.
    fn sample(&self) -> bool {
        let durable = self.status.read().durable;
        if durable > 0 {
            let server = self.captured.received() + self.captured.lag();
            self.status.lag(server.saturating_sub(durable));
        }
        durable > 0
    }
}

/// What is under way.
enum Work {
    Copy(Progress),
    Fill(Progress),
    Follow,
}
