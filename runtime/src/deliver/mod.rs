//! Takes what waits for one sink to it, at the sink's own pace, and settles what was written.
//!
//! ```text
//!  backlog ─► load ─► write ─► marks ─► settled: slot confirmed, index shown
//!                └──► names that were shed: read anew, marks wait for them
//! ```
//!
//! A load is what is there, up to a limit: a lone document goes at once, a flood goes in large
//! requests. Each sink has a task and a backlog of its own; what they share is `settle::Together`.
//!
//! An index is filled one after the other. Asked to rebuild one, or finding one gone, the sink
//! begins a new one and asks the dataflow for a fill, while changes go to both.

mod backlog;
mod owed;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flusso_compiler::plan::{IndexId, Plan};
use flusso_dataflow::emit::Document;
use flusso_dataflow::engine::Engine;
use tokio::sync::mpsc;

use crate::failpoint;
use crate::quarantine::Quarantine;
use crate::settle::{Mark, Settlement, Together};
use crate::sinks::{Sink, SinkError, Target};
use crate::status::Status;
use crate::store::Filled;
use crate::work::Work;

use backlog::Load;
pub use backlog::{Backlog, spread};
use owed::Owed;

/// Between two words about a sink that is not there at the start.
const LATE: Duration = Duration::from_secs(60);
/// Between two looks at whether all is still there.
const LOOK: Duration = Duration::from_secs(5);

/// What a sink may be asked for while it runs.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Begin an index anew and fill it.
    Rebuild(IndexId),
    /// Send these documents once more.
    Again(IndexId, Vec<Box<str>>),
}

/// What all deliveries share.
#[derive(Clone)]
pub struct Shared {
    /// For the names.
    pub plan: Arc<Plan>,
    /// To be asked for fills.
    pub engine: Arc<Engine>,
    /// Its workers.
    pub workers: usize,
    /// To be told what was written.
    pub status: Arc<Status>,
    /// To be told what was rejected.
    pub quarantine: Arc<Quarantine>,
    /// To be told of which index a sink has been sent all documents.
    pub filled: Arc<Filled>,
    /// To be told how far this sink is.
    pub together: Arc<Together>,
    /// Of all sinks, in their order.
    pub backlogs: Arc<Vec<Arc<Backlog>>>,
}

/// The way to one sink.
pub struct Delivery {
    shared: Shared,
    /// Position among the sinks.
    me: usize,
    sink: Sink,
    backlog: Arc<Backlog>,
    asked: mpsc::UnboundedReceiver<Ask>,
    settlement: Settlement,
    owed: Owed,
    /// Complete from an earlier run: so it is told once the dataflow goes on from there.
    complete: Vec<IndexId>,
    /// Indexes to be filled, in their order.
    to_fill: VecDeque<IndexId>,
    /// Fills under way.
    fills: Vec<Fill>,
}

struct Fill {
    index: IndexId,
    number: u32,
    /// Of the whole index, which is complete with it.
    whole: bool,
    /// Workers whose share is not out.
    left: usize,
    /// How far it is, if it was asked for and is long.
    work: Option<Work>,
}

impl Delivery {
    /// To a sink at this position, asked through `asked`.
    pub fn new(
        shared: Shared,
        me: usize,
        sink: Sink,
        asked: mpsc::UnboundedReceiver<Ask>,
    ) -> Delivery {
        Delivery {
            me,
            sink,
            backlog: Arc::clone(&shared.backlogs[me]),
            asked,
            settlement: Settlement::new(shared.workers),
            owed: Owed::default(),
            complete: Vec::new(),
            to_fill: VecDeque::new(),
            fills: Vec::new(),
            shared,
        }
    }

    /// The sink is ready but for these indexes: those in the first fill of the dataflow come with
    /// that, for others a fill is asked for.
    pub fn ready(&mut self, empty: &[IndexId], first: impl Fn(IndexId) -> bool) {
        let outdated = self.sink.outdated();
        for index in (0..self.shared.plan.indexes.len()).map(|index| IndexId(index as u16)) {
            match (empty.contains(&index), first(index)) {
                (false, _) => {
                    self.complete.push(index);
                    self.to_fill.extend(outdated.contains(&index).then_some(index));
                }
                (true, true) => self.fill(index, 0, true),
                (true, false) => self.to_fill.push_back(index),
            }
        }
    }

    /// Makes the sink ready, for as long as that takes.
    pub async fn prepare(&mut self, targets: &[Target]) -> Result<(), SinkError> {
        let empty = loop {
            match self.sink.prepare(targets, LATE).await {
                Ok(empty) => break empty,
                Err(SinkError::Down { sink, last, .. }) => {
                    tracing::warn!(sink, "not there yet, the others go on: {last}");
                }
                Err(error) => return Err(error),
            }
        };
        self.ready(&empty, |_| false);
        Ok(())
    }

    /// Delivers until the sink can take no more.
    pub async fn run(&mut self) -> Result<(), SinkError> {
        let mut clock = tokio::time::interval(LOOK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let others = Arc::clone(&self.shared.backlogs);
        loop {
            self.next_fill();
            let me = self.me;
            // Who has nothing to do is held up by those that keep too much.
            let dry = || {
                let others = others.iter().enumerate().filter(|(it, _)| *it != me);
                others.for_each(|(_, other)| other.shed());
            };
            tokio::select! {
                load = self.backlog.next(dry) => self.take(load).await?,
                Some(ask) = self.asked.recv() => self.answer(ask).await?,
                _ = clock.tick() => drop(self.look().await?),
            }
        }
    }

    /// Nothing more will be written.
    pub async fn close(&mut self) {
        self.sink.close().await;
    }

    async fn take(&mut self, load: Load) -> Result<(), SinkError> {
        let Load { documents, rooms, shed, marks } = load;
        if !documents.is_empty() {
            self.write(&documents).await?;
        }
        drop((documents, rooms));
        if !shed.is_empty() {
            let (sink, documents) = (self.sink.name(), shed.len());
            tracing::info!(sink, documents, "was behind, reads anew what has changed");
            self.owed.add(shed);
        }
        for (worker, mark) in marks {
            if let Some(mark) = self.owed.hold(worker, mark) {
                self.settle(worker, mark).await?;
            }
        }
        self.pay().await
    }

    /// Asks for what is owed, and counts the marks behind what has been paid.
    async fn pay(&mut self) -> Result<(), SinkError> {
        let Shared { engine, workers, .. } = self.shared.clone();
        loop {
            let backlog = Arc::clone(&self.backlog);
            let ask = |index, ids| backlog.expect(|| engine.again(index, ids));
            let marks = self.owed.next(workers, ask, |fill| backlog.done(fill));
            let Some(marks) = marks else { return Ok(()) };
            for (worker, mark) in marks {
                self.settle(worker, mark).await?;
            }
        }
    }

    async fn write(&mut self, documents: &[Document]) -> Result<(), SinkError> {
        let began = Instant::now();
        let written = self.sink.write(documents).await?;
        let took = began.elapsed();
        failpoint::pass(match documents.first().and_then(|document| document.fill) {
            None => "delivered",
            Some(0) => "fill",
            Some(_) => "reindex",
        });
        let Shared { plan, status, quarantine, .. } = &self.shared;
        let name = |index: IndexId| plan.indexes[usize::from(index.0)].name.as_str();
        let settled = quarantine.settle(self.sink.name(), name, documents, &written.rejected);
        settled.map_err(SinkError::Quarantine)?;
        written.rejected.iter().for_each(|it| status.quarantined(name(it.index)));
        let mut sent: HashMap<IndexId, u64> = HashMap::new();
        documents.iter().for_each(|document| *sent.entry(document.index).or_default() += 1);
        let sent = sent.iter().map(|(index, count)| (name(*index), *count));
        status.wrote(self.sink.name(), took, sent, &written);
        self.tell(documents);
        if !written.lost.is_empty() {
            let begun = self.look().await?;
            for index in written.lost.iter().filter(|index| !begun.contains(index)) {
                self.rebuild(*index).await?;
            }
        }
        Ok(())
    }

    /// Everything said before a mark has been written.
    async fn settle(&mut self, worker: usize, mark: Mark) -> Result<(), SinkError> {
        match mark {
            Mark::Closed(at) => {
                let Shared { together, status, .. } = &self.shared;
                for index in self.complete.drain(..) {
                    together.complete(self.me, index, true);
                }
                if let Some(at) = self.settlement.closed(worker, at) {
                    status.delivered(self.sink.name(), at);
                    together.delivered(self.me, at);
                }
            }
            Mark::Hydrated(index, number) => {
                let mine = |fill: &Fill| (fill.index, fill.number) == (index, number);
                let Some(place) = self.fills.iter().position(mine) else { return Ok(()) };
                self.fills[place].left -= 1;
                if self.fills[place].left == 0 {
                    let Fill { whole, work, .. } = self.fills.remove(place);
                    if let Some(mut work) = work {
                        work.end(work.done);
                        self.shared.status.work(work);
                    }
                    // The first fill has one number for all indexes.
                    if self.fills.iter().all(|fill| fill.number != number) {
                        self.backlog.done(number);
                    }
                    if whole {
                        self.filled(index).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn filled(&mut self, index: IndexId) -> Result<(), SinkError> {
        if !self.sink.hydrated(index).await? {
            return self.rebuild(index).await;
        }
        let name = &self.shared.plan.indexes[usize::from(index.0)].name;
        let filled = self.shared.quarantine.filled(self.sink.name(), name);
        filled.map_err(SinkError::Quarantine)?;
        self.shared.filled.note(&self.sink, index);
        tracing::info!(sink = self.sink.name(), index = name, "the index is complete");
        self.shared.together.complete(self.me, index, true);
        Ok(())
    }

    /// Asks for the next fill when there is none: they would share the sink's time anyway.
    fn next_fill(&mut self) {
        if self.fills.iter().all(|fill| !fill.whole)
            && let Some(index) = self.to_fill.pop_front()
        {
            let engine = &self.shared.engine;
            let number = self.backlog.expect(|| engine.refill(index));
            self.fill(index, number, true);
        }
    }

    fn fill(&mut self, index: IndexId, number: u32, whole: bool) {
        if whole {
            self.sink.filling(index, number);
        }
        // The first fill is told of for all sinks together.
        let work = (whole && number > 0).then(|| {
            let name = self.shared.plan.indexes[usize::from(index.0)].name.clone();
            Work::begin("reindex", Some(name), "documents").in_sink(self.sink.name())
        });
        self.fills.push(Fill { index, number, whole, left: self.shared.workers, work });
        self.tell(&[]);
    }

    /// Tells how far the fills are after these documents.
    fn tell(&mut self, documents: &[Document]) {
        let Shared { plan, engine, status, .. } = &self.shared;
        for Fill { index, number, work, .. } in &mut self.fills {
            let Some(work) = work else { continue };
            let root = plan.indexes[usize::from(index.0)].root;
            let (roots, _) = engine.measure().kept[usize::from(root.0)];
            let more = documents.iter().filter(|it| it.fill == Some(*number)).count();
            work.at(work.done + more as u64, Some(roots as u64));
            status.work(work.clone());
        }
    }

    async fn answer(&mut self, ask: Ask) -> Result<(), SinkError> {
        match ask {
            Ask::Rebuild(index) => self.rebuild(index).await,
            Ask::Again(index, ids) => {
                let engine = &self.shared.engine;
                let number = self.backlog.expect(|| engine.again(index, ids));
                self.fill(index, number, false);
                Ok(())
            }
        }
    }

    /// Begins an index anew; what was under way of it is given up.
    async fn rebuild(&mut self, index: IndexId) -> Result<(), SinkError> {
        self.to_fill.retain(|waiting| *waiting != index);
        for given_up in self.fills.extract_if(.., |fill| fill.whole && fill.index == index) {
            if given_up.number != 0 {
                self.backlog.done(given_up.number);
            }
        }
        self.sink.begin(index).await?;
        self.to_fill.push_back(index);
        Ok(())
    }

    /// Builds anew what is no longer there.
    async fn look(&mut self) -> Result<Vec<IndexId>, SinkError> {
        let lost = self.sink.look().await?;
        for index in &lost {
            self.shared.together.complete(self.me, *index, false);
            self.rebuild(*index).await?;
        }
        Ok(lost)
    }
}
