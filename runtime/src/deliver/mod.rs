//! Takes what waits for one sink to it, at the sink's own pace, and settles what was written.
//!
//! ```text
//!  backlog ─► load ─► write ─► marks ─► settled: slot confirmed, index shown
//!                └──► names that were shed: read anew, marks wait for them
//! ```
//!
//! A load is what is there, up to a limit: a lone document goes at once, a flood goes in large
//! requests. Loads of changes follow one another; of a fill, which has each document once, the next
//! is on its way before the last is written. Each sink has a task and a backlog of its own; what
//! they share is [`Shared`].
//!
//! An index is filled one after the other. Asked to rebuild one, or finding one gone, the sink
//! begins a new one and asks the dataflow for a fill, while changes go to both.

mod backlog;
mod owed;
mod shared;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::{Document, Room};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::settle::{Mark, Settlement};
use crate::sinks::{Sink, SinkError, Target};
use crate::work::Work;

use backlog::Load;
pub use backlog::{Backlog, spread};
use owed::Owed;
pub use shared::Shared;
use shared::{Fill, tell};

/// Between two words about a sink that is not there at the start.
const LATE: Duration = Duration::from_secs(60);
/// Between two looks at whether all is still there.
const LOOK: Duration = Duration::from_secs(5);

/// Loads of a fill on their way at once.
const LANES: usize = 2;

/// What a sink may be asked for while it runs.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Begin an index anew and fill it.
    Rebuild(IndexId),
    /// Send these documents once more.
    Again(IndexId, Vec<Box<str>>),
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

    /// Makes the sink ready; gives up on one that is away for so long, if there is such a limit.
    pub async fn prepare(
        &mut self,
        targets: &[Target],
        patience: Option<Duration>,
        first: impl Fn(IndexId) -> bool,
    ) -> Result<(), SinkError> {
        let empty = loop {
            match self.sink.prepare(targets, patience.unwrap_or(LATE)).await {
                Ok(empty) => break empty,
                Err(SinkError::Down { sink, last, .. }) if patience.is_none() => {
                    tracing::warn!(sink, "not there yet, the others go on: {last}");
                }
                Err(error) => return Err(error),
            }
        };
        self.ready(&empty, first);
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
        let fill = load.fill();
        let Load { documents, rooms, shed, marks } = load;
        match fill {
            Some(fill) if self.sink.keeps() => self.write_fill(fill, documents, rooms).await?,
            _ if documents.is_empty() => {}
            _ => self.write(&documents).await?,
        }
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
        self.shared.wrote(&self.sink, documents, began.elapsed(), &written)?;
        tell(&self.shared, &mut self.fills, documents);
        self.begin_lost(&written.lost).await
    }

    /// Writes documents of a fill, and what else comes of it before anything else does.
    async fn write_fill(
        &mut self,
        fill: u32,
        documents: Vec<Document>,
        rooms: Vec<Arc<Room>>,
    ) -> Result<(), SinkError> {
        let Delivery { shared, sink, backlog, fills, .. } = self;
        let sink = &*sink;
        let write = async |documents: Vec<Document>, rooms: Vec<Arc<Room>>| {
            let began = Instant::now();
            let written = sink.write(&documents).await;
            (documents, rooms, began.elapsed(), written)
        };
        let mut lost = BTreeSet::new();
        let mut flying = FuturesUnordered::from_iter([write(documents, rooms)]);
        let mut ending = FuturesUnordered::new();
        let (mut more, mut ends) = (true, None);
        loop {
            tokio::select! {
                done = flying.next() => {
                    let Some((documents, rooms, took, written)) = done else { break };
                    let written = written?;
                    shared.wrote(sink, &documents, took, &written)?;
                    tell(shared, fills, &documents);
                    lost.extend(written.lost);
                    drop(rooms);
                }
                Some(()) = ending.next() => {}
                load = backlog.next_of(fill), if more && flying.len() < LANES => match load {
                    Some(Load { documents, rooms, .. }) => {
                        flying.push(write(documents, rooms));
                        let index = backlog.ending(fill);
                        if index != ends {
                            ending.extend(index.map(|index| sink.ending(index)));
                            ends = index;
                        }
                    }
                    None => more = false,
                },
            }
        }
        drop((flying, ending));
        self.begin_lost(&lost).await
    }

    /// Begins anew what was no longer there to be written to.
    async fn begin_lost(&mut self, lost: &BTreeSet<IndexId>) -> Result<(), SinkError> {
        if !lost.is_empty() {
            let begun = self.look().await?;
            for index in lost.iter().filter(|index| !begun.contains(index)) {
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
        tell(&self.shared, &mut self.fills, &[]);
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
