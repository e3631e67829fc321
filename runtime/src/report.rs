//! Keeps what is told up to date: the copy's rows, the fills, the slot's lag; and draws it.
//!
//! One task on a slow clock reads the counters that capture and dataflow keep anyway, so that
//! telling costs the work nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flusso_compiler::plan::Plan;

use crate::postgres::progress::Progress as Captured;
use crate::progress::Progress;
use crate::status::{Copy, IndexState, Phase, State, Status};
use crate::work::Work;

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
        let mut stage = Stage::Copy(Progress::new("copying", Work::begin("copy", None, "rows")));
        let mut sampled: Option<Instant> = None;
        loop {
            clock.tick().await;
            let state = self.status.read();
            stage = self.follow(stage, &state);
            if sampled.is_none_or(|at| at.elapsed() >= self.lag_poll) && state.reading.confirmed > 0
            {
                let reading = &state.reading;
                self.status.lag(reading.server.saturating_sub(reading.confirmed));
                sampled = Some(Instant::now());
            }
        }
    }

    /// One look at the long work.
    fn follow(&self, stage: Stage, state: &State) -> Stage {
        match stage {
            Stage::Copy(mut bar) => {
                let copied = self.copied();
                if state.opened.is_none() {
                    bar.at(copied.rows, copied.of);
                    self.status.work(bar.work.clone());
                    return Stage::Copy(bar);
                }
                bar.end(copied.rows);
                self.status.work(bar.work.clone());
                let all = Work::begin("fill", None, "documents");
                let fills = self.plan.indexes.iter();
                let fill = |name: &String| Work::begin("fill", Some(name.clone()), "documents");
                let fills: Vec<Work> = fills.map(|index| fill(&index.name)).collect();
                fills.iter().for_each(|fill| self.status.work(fill.clone()));
                Stage::Fill(Progress::new("filling", all), fills)
            }
            Stage::Fill(mut bar, mut fills) => {
                let made = state.reading.indexes.values();
                let (done, of) = made
                    .fold((0, 0), |(done, of), it| (done + it.filled.min(it.roots), of + it.roots));
                for fill in fills.iter_mut().filter(|fill| !fill.finished()) {
                    self.fill(fill, state);
                }
                if state.phase == Phase::Live {
                    bar.end(done);
                    return Stage::Follow;
                }
                bar.at(done, Some(of));
                Stage::Fill(bar, fills)
            }
            Stage::Follow => Stage::Follow,
        }
    }

    /// One index's share of it.
    fn fill(&self, fill: &mut Work, state: &State) {
        let Some(name) = &fill.index else { return };
        let made = state.reading.indexes.get(name).copied().unwrap_or_default();
        let seeded = state.indexes.get(name).is_some_and(|it| it.state == IndexState::Seeded);
        // A seeded index may have been walked further since that was counted.
        let done = if seeded { made.roots } else { made.filled };
        fill.at(done, Some(made.roots));
        if seeded {
            fill.end(done);
        }
        self.status.work(fill.clone());
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
}

/// What is under way.
enum Stage {
    Copy(Progress),
    /// All indexes together, and each.
    Fill(Progress, Vec<Work>),
    Follow,
}
