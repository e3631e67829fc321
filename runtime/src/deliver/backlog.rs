//! What waits for one sink: documents and marks, in the order they were said.
//!
//! ```text
//!  workers ─┬─► backlog ─► sink
//!           └─► backlog ─► sink      each at its own pace
//! ```
//!
//! The dataflow stops when too many bytes wait, so a sink that takes nothing would stop the
//! others. Therefore one that has run dry makes the others shed what they keep above their share:
//! of changed documents only the names stay behind, in the place of the first. When they come up
//! their documents are read anew, as they are then; a document that changed a thousand times
//! meanwhile is read once. Documents of fills are never shed: each fill has a bound of its own.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::{Document, Emit, Room};
use tokio::sync::Notify;

use crate::settle::Mark;

/// Documents taken together.
const DOCUMENTS: usize = 10_000;
/// Bytes taken together, but for the document that goes beyond: with as many on their way to the
/// sink and as many more being made, what the dataflow may have in flight.
const BYTES: usize = 4 << 20;
/// Bytes of changed documents that a sink keeps while another has nothing to do: less than what
/// may be in flight for each of them by what is being written.
const SHARE: usize = 4 << 20;

/// Documents by index and id.
pub type Names = HashSet<(IndexId, Box<str>)>;

/// One sink's.
#[derive(Default)]
pub struct Backlog {
    held: Mutex<Held>,
    more: Notify,
}

#[derive(Default)]
struct Held {
    queue: VecDeque<Item>,
    /// Of changed documents.
    bytes: usize,
    /// Fills that the sink takes.
    fills: BTreeSet<u32>,
}

enum Item {
    /// All of one fill, or changes.
    Documents(Arc<Vec<Document>>, Arc<Room>),
    /// Of changed documents only the names.
    Shed(Names),
    Mark(usize, Mark),
}

/// What a sink takes up at once.
#[derive(Default)]
pub struct Load {
    /// To be written.
    pub documents: Vec<Document>,
    /// What they take up until they are.
    pub rooms: Vec<Arc<Room>>,
    /// To be read anew, before what follows counts.
    pub shed: Names,
    /// What the workers said after the documents, each with the worker.
    pub marks: Vec<(usize, Mark)>,
}

impl Load {
    fn add(&mut self, documents: Arc<Vec<Document>>, room: Arc<Room>) {
        self.documents.extend(Arc::unwrap_or_clone(documents));
        self.rooms.push(room);
    }

    /// The fill that all of its documents are of, when there is nothing else in it.
    pub fn fill(&self) -> Option<u32> {
        let fill = self.documents.first()?.fill?;
        let alone = self.shed.is_empty() && self.marks.is_empty();
        (alone && self.documents.iter().all(|it| it.fill == Some(fill))).then_some(fill)
    }
}

/// Hands on what a worker said to all sinks.
pub fn spread(backlogs: &[Arc<Backlog>], worker: usize, emit: Emit) {
    match emit {
        Emit::Documents(documents, room) => {
            let fill = documents.first().and_then(|document| document.fill);
            let bytes = room.bytes();
            let mut said = Some((Arc::new(documents), Arc::new(room)));
            let (last, others) = match backlogs.split_last() {
                Some(split) => split,
                None => return,
            };
            for backlog in others {
                let shared = said.as_ref().map(|(documents, room)| {
                    Item::Documents(Arc::clone(documents), Arc::clone(room))
                });
                backlog.push(fill, bytes, shared);
            }
            // The last takes them over: where there is but one sink nothing is ever copied.
            last.push(fill, bytes, said.take().map(|(it, room)| Item::Documents(it, room)));
        }
        Emit::Hydrated(index, fill) => {
            for backlog in backlogs {
                let mark = Mark::Hydrated(index, fill);
                backlog.push(Some(fill), 0, Some(Item::Mark(worker, mark)));
            }
        }
        Emit::Closed(at) => {
            for backlog in backlogs {
                backlog.push(None, 0, Some(Item::Mark(worker, Mark::Closed(at))));
            }
        }
    }
}

impl Backlog {
    fn push(&self, fill: Option<u32>, bytes: usize, item: Option<Item>) {
        let mut held = self.lock();
        let Some(item) = item.filter(|_| fill.is_none_or(|fill| held.fills.contains(&fill))) else {
            return;
        };
        if fill.is_none() {
            held.bytes += bytes;
        }
        held.add(item);
        drop(held);
        self.more.notify_one();
    }

    /// Takes the documents of the fill that is asked for here. None of it can have passed before
    /// its number is known.
    pub fn expect(&self, ask: impl FnOnce() -> u32) -> u32 {
        let mut held = self.lock();
        let fill = ask();
        held.fills.insert(fill);
        fill
    }

    /// More of a fill, at once or when there is some; none when something else comes first. May be
    /// given up while it waits.
    pub async fn next_of(&self, fill: u32) -> Option<Load> {
        loop {
            let more = self.more.notified();
            let load = self.lock().take_of(fill);
            if load.as_ref().is_none_or(|load| !load.documents.is_empty()) {
                return load;
            }
            more.await;
        }
    }

    /// The index of a fill whose last documents wait here.
    pub fn ending(&self, fill: u32) -> Option<IndexId> {
        self.lock().queue.iter().find_map(|item| match item {
            Item::Mark(_, Mark::Hydrated(index, of)) if *of == fill => Some(*index),
            Item::Mark(..) | Item::Documents(..) | Item::Shed(_) => None,
        })
    }

    /// A fill is out, or nobody wants it any more.
    pub fn done(&self, fill: u32) {
        self.lock().fills.remove(&fill);
    }

    /// What comes next, at once or when there is something; `dry` is called before waiting. May be
    /// given up while it waits.
    pub async fn next(&self, mut dry: impl FnMut()) -> Load {
        loop {
            let more = self.more.notified();
            if let Some(load) = self.lock().take() {
                return load;
            }
            dry();
            more.await;
        }
    }

    /// Keeps of changes no more than their names if they are above the share.
    pub fn shed(&self) {
        let mut held = self.lock();
        if held.bytes > SHARE {
            held.shed();
        }
    }

    /// Bytes of changed documents that wait, and documents of which only the names do.
    pub fn waiting(&self) -> (usize, usize) {
        let held = self.lock();
        let shed = held.queue.iter().map(|item| match item {
            Item::Shed(names) => names.len(),
            Item::Documents(..) | Item::Mark(..) => 0,
        });
        (held.bytes, shed.sum())
    }

    /// Every operation leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// A commit's mark replaces an earlier one of the worker with no document between.
    fn add(&mut self, item: Item) {
        if let Item::Mark(worker, Mark::Closed(at)) = item {
            for before in self.queue.iter_mut().rev() {
                match before {
                    Item::Mark(of, Mark::Closed(before)) if *of == worker => {
                        *before = at;
                        return;
                    }
                    Item::Mark(..) => {}
                    Item::Documents(..) | Item::Shed(_) => break,
                }
            }
        }
        self.queue.push_back(item);
    }

    fn take(&mut self) -> Option<Load> {
        let mut load = Load::default();
        let mut bytes = 0;
        while load.documents.len() < DOCUMENTS && bytes < BYTES {
            match self.queue.pop_front() {
                // What is read anew comes after what is written now.
                Some(Item::Shed(names)) if load.documents.is_empty() && load.marks.is_empty() => {
                    load.shed = names;
                    break;
                }
                Some(shed @ Item::Shed(_)) => {
                    self.queue.push_front(shed);
                    break;
                }
                Some(Item::Documents(documents, room)) => {
                    bytes += room.bytes();
                    if documents.first().is_some_and(|document| document.fill.is_none()) {
                        self.bytes -= room.bytes();
                    }
                    load.add(documents, room);
                }
                Some(Item::Mark(worker, mark)) => load.marks.push((worker, mark)),
                None => break,
            }
        }
        let empty = load.documents.is_empty() && load.marks.is_empty() && load.shed.is_empty();
        (!empty).then_some(load)
    }

    /// What of a fill comes first: nothing when there is nothing, none when it is something else.
    fn take_of(&mut self, fill: u32) -> Option<Load> {
        let mut load = Load::default();
        let mut bytes = 0;
        while load.documents.len() < DOCUMENTS && bytes < BYTES {
            let is_of = |item: &mut Item| match item {
                Item::Documents(documents, _) => {
                    documents.first().is_some_and(|it| it.fill == Some(fill))
                }
                Item::Shed(_) | Item::Mark(..) => false,
            };
            match self.queue.pop_front_if(is_of) {
                Some(Item::Documents(documents, room)) => {
                    bytes += room.bytes();
                    load.add(documents, room);
                }
                Some(Item::Shed(_) | Item::Mark(..)) | None => break,
            }
        }
        (!load.documents.is_empty() || self.queue.is_empty()).then_some(load)
    }

    fn shed(&mut self) {
        let (mut names, mut rest) = (Names::new(), Held::default());
        for item in std::mem::take(&mut self.queue) {
            match item {
                Item::Documents(documents, _) if documents.iter().all(|it| it.fill.is_none()) => {
                    names.extend(documents.iter().map(|it| (it.index, it.id.clone())));
                }
                Item::Shed(before) => names.extend(before),
                other => rest.add(other),
            }
        }
        rest.queue.push_front(Item::Shed(names));
        (self.queue, self.bytes) = (rest.queue, 0);
    }
}

#[cfg(test)]
mod tests;
