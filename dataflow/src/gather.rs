//! Assembles each document that may have changed, and hands on those that did.
//!
//! ```text
//!  roots@t ═► wait until t is closed ─► newest t per root ─► assemble as of now ─► hash ─► Emit
//!                           fills: own keys, chunk by chunk ──┘
//! ```
//!
//! Every worker owns the roots that hash to it and says what it has in order, so that versions of
//! one document never overtake each other. Nothing of a document is kept but a hash, by which one
//! that came out as before is held back. When the sinks are behind, by bytes, it stops and goes on
//! later: what is pending is a set of keys, and later changes fall into it. The last closed moment
//! is held all the time, so that a fill can read at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use flusso_compiler::plan::IndexId;
use hashbrown::HashMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::Lsn;
use crate::assemble::{Space, Views, document};
use crate::emit::{Document, Emit, Room};
use crate::feed::Opening;
use crate::fill::{Mailbox, Order, What};
use crate::measure::Live;
use crate::propagate::Root;
use crate::row::{self, hash};
use crate::shape;
use crate::value::split;

/// Documents assembled before other operators get their turn.
const TURN: usize = 4096;
/// Documents handed on together.
const BATCH: usize = 256;
/// Bytes handed on together, but for the document that goes beyond.
const BATCH_BYTES: usize = 256 << 10;
/// Batches of a kept thing at which the first walk begins: reading every row of many small ones
/// costs more than merging them first.
const MERGED: usize = 3;
/// Times it is put off for that, about a millisecond each; under live changes there may always be
/// more batches.
const PATIENCE: u32 = 2000;
/// What stands for a hash where a document is known to be none.
const GONE: u64 = 0;
/// What stands for a hash where an earlier run may have handed on what this one does not know.
const UNSURE: u64 = 1;

/// What all workers' gathers share.
pub struct Shared {
    /// The indexes.
    pub documents: Vec<shape::Document>,
    /// All kept things as of a moment.
    pub views: Box<dyn Fn(Lsn) -> Views + Send + Sync>,
    /// Of what moment the copy is, once it is complete.
    pub opening: Arc<Opening>,
    /// Where documents go.
    pub emit: Arc<dyn Fn(usize, Emit) + Send + Sync>,
    /// Counters, and the bytes in flight.
    pub live: Arc<Live>,
    /// Bytes in flight at which to wait, of changes and of each fill.
    pub in_flight: usize,
    /// By worker: what it is asked to fill.
    pub(crate) mailboxes: Vec<Mailbox>,
}

/// Renders the operator.
pub fn gather<'scope>(
    roots: Stream<'scope, Lsn, Vec<Root>>,
    shared: Arc<Shared>,
) -> Stream<'scope, Lsn, Vec<()>> {
    let scope = roots.scope();
    let worker = scope.index();
    let by_root = Exchange::new(|root: &Root| hash(&root.1.0));
    type Out = CapacityContainerBuilder<Vec<()>>;
    roots.unary_frontier::<Out, _, _, _>(by_root, "gather", move |first, info| {
        let address = info.address.to_vec();
        shared.mailboxes[worker].at(scope.worker().sync_activator_for(address));
        let again = scope.activator_for(info.address);
        let mut stash: Vec<Message> = Vec::new();
        let mut gather = Gather::new(worker, shared, first);
        move |(input, frontier), _| {
            input.for_each(|capability, roots| {
                let last = roots.iter().map(|root| root.2).max().unwrap_or(0);
                stash.push((capability.retain(0), last, std::mem::take(roots)));
            });
            let Some(&closed) = frontier.frontier().first() else {
                // The feed ended: nobody waits for what is left.
                stash.clear();
                return gather.end();
            };
            let upto = before_folds(closed, &stash);
            stash.retain_mut(|(capability, _, roots)| {
                let whole = *capability.time() < upto;
                if whole {
                    gather.take(roots.drain(..));
                }
                !whole
            });
            match gather.turn(upto) {
                Next::Rest => {}
                Next::GoOn => again.activate(),
                Next::Wait => again.activate_after(Duration::from_millis(1)),
            }
        }
    })
}

/// Roots with the last of their times.
type Message = (Capability<Lsn>, Lsn, Vec<Root>);

/// Up to where moments can be read. A root stands for all changes that reach it since its message's
/// time, so that no moment in between has been told of in full.
fn before_folds(closed: Lsn, stash: &[Message]) -> Lsn {
    let mut upto = closed;
    loop {
        let across =
            stash.iter().filter(|(capability, last, _)| *capability.time() < upto && *last >= upto);
        match across.map(|(capability, ..)| *capability.time()).min() {
            Some(begin) => upto = begin,
            None => return upto,
        }
    }
}

/// When to come again.
enum Next {
    /// When something happens.
    Rest,
    /// At once.
    GoOn,
    /// When the sinks have taken some.
    Wait,
}

struct Gather {
    worker: usize,
    shared: Arc<Shared>,
    /// The last closed moment, readable as long as this is held; none once the feed has ended.
    moment: Option<Capability<Lsn>>,
    /// What is to be filled, as it was asked for.
    orders: Vec<Order>,
    /// How often the first walk may still be put off.
    patience: u32,
    /// Roots to assemble, last first once they are sorted.
    pending: Vec<Root>,
    sorted: bool,
    /// What each document hashed to when it was last handed on to all.
    known: HashMap<u128, u64>,
    /// By index: nobody can have a document that `known` does not name.
    filled: Vec<bool>,
    said: Lsn,
    space: Space,
    body: Vec<u8>,
    batch: Vec<Document>,
    batch_bytes: usize,
}

impl Gather {
    fn new(worker: usize, shared: Arc<Shared>, first: Capability<Lsn>) -> Gather {
        Gather {
            worker,
            filled: vec![false; shared.documents.len()],
            shared,
            moment: Some(first),
            orders: Vec::new(),
            patience: PATIENCE,
            pending: Vec::new(),
            sorted: true,
            known: HashMap::new(),
            said: 0,
            space: Space::default(),
            body: Vec::new(),
            batch: Vec::new(),
            batch_bytes: 0,
        }
    }

    fn end(&mut self) {
        self.moment = None;
        self.orders.clear();
        self.pending.clear();
    }

    /// Adds roots whose time has closed.
    fn take(&mut self, roots: impl Iterator<Item = Root>) {
        let (told, before) = (self.shared.opening.told(), self.pending.len());
        self.pending.extend(roots);
        self.sorted = false;
        for root in self.pending[before..].iter().filter(|root| root.2 <= told) {
            self.known.insert(name(usize::from(root.0), &root.1.0), UNSURE);
        }
    }

    /// Assembles as much as a turn allows, as of the last closed moment: changes first.
    fn turn(&mut self, closed: Lsn) -> Next {
        let Some(now) = closed.checked_sub(1) else { return Next::Rest };
        if let Some(moment) = &mut self.moment {
            moment.downgrade(&now);
        }
        let shared = Arc::clone(&self.shared);
        if now < shared.opening.readable() {
            return Next::Rest;
        }
        self.orders.extend(shared.mailboxes[self.worker].take());
        if self.pending.is_empty() && self.orders.iter().all(|order| self.full(&order.taken)) {
            self.say_closed(now);
            return if self.orders.is_empty() { Next::Rest } else { Next::Wait };
        }
        self.sort();
        let views = (shared.views)(now);
        let changes = &shared.live.changes;
        let mut turn = TURN;
        while turn > 0 && !self.full(changes) {
            let Some(root) = self.pending.pop() else { break };
            self.change(root, &views);
            turn -= 1;
        }
        self.flush(changes);
        if !self.pending.is_empty() {
            return if self.full(changes) { Next::Wait } else { Next::GoOn };
        }
        self.say_closed(now);
        self.fill(turn, &views, now)
    }

    /// Puts what is pending in order, once after some was added: there may be millions.
    fn sort(&mut self) {
        if std::mem::replace(&mut self.sorted, true) {
            return;
        }
        self.pending.sort_unstable_by(|a, b| b.cmp(a));
        // The newest time of a root stands first; what is told of its row is told by any.
        self.pending.dedup_by(|older, newer| {
            let same = (older.0, &older.1) == (newer.0, &newer.1);
            if same && newer.3.is_none() {
                newer.3 = older.3.take();
            }
            same
        });
    }

    /// Assembles a document that may have changed, and hands it on if it did.
    fn change(&mut self, (index, key, at, gone): Root, views: &Views) {
        let shared = Arc::clone(&self.shared);
        let (index, id) = (usize::from(index), IndexId(index));
        if at < shared.opening.whole() && self.begins(index) {
            // What it is read from is not of one moment yet; the fill will come by it.
            return;
        }
        let description = &shared.documents[index];
        self.body.clear();
        let found = document(description, &key.0, views, &mut self.space, &mut self.body);
        if let Some(failures) = self.space.scratch.failures() {
            shared.live.failed(&failures);
        }
        let present = found.as_ref().is_some_and(|(_, present)| *present);
        let name = name(index, &key.0);
        let new = if present {
            let hash = xxh3_64(&self.body);
            self.known.insert(name, hash) != Some(hash)
        } else if self.filled[index] {
            self.known.remove(&name).is_some_and(|hash| hash != GONE)
        } else {
            self.known.insert(name, GONE) != Some(GONE)
        };
        if !new {
            shared.live.indexes[index].suppressed.fetch_add(1, Relaxed);
            return;
        }
        let gone = || gone.as_ref().map(|row| row::split(split(&row.0).packed));
        // A root that is neither there nor told of went earlier, and was told of then.
        let Some(row) = found.map(|(row, _)| row).or_else(gone) else { return };
        let body = present.then(|| self.body.as_slice().into());
        let document = Document { index: id, id: description.id(&row), at, body, fill: None };
        self.hand_on(document, &shared.live.changes);
    }

    /// Whether all documents of an index are still to be handed on for the first time.
    fn begins(&self, index: usize) -> bool {
        let first = |order: &Order| order.index == index && order.number == 0;
        self.orders.iter().any(|order| first(order) && matches!(order.what, What::All(_)))
    }

    /// Goes on with fills: with the first whose documents are taken.
    fn fill(&mut self, mut turn: usize, views: &Views, now: Lsn) -> Next {
        if now < self.shared.opening.whole() {
            return Next::Rest;
        }
        let walks = self.orders.iter().any(|order| matches!(order.what, What::All(_)));
        if walks && self.patience > 0 && views.batches() > MERGED {
            self.patience -= 1;
            return Next::Wait;
        }
        while turn > 0 {
            let free = self.orders.iter().position(|order| !self.full(&order.taken));
            let Some(free) = free else {
                return if self.orders.is_empty() { Next::Rest } else { Next::Wait };
            };
            let mut order = self.orders.remove(free);
            let done = match order.what {
                What::All(_) => self.walk(&mut order, &mut turn, views, now),
                What::These(_) => self.pick(&mut order, &mut turn, views, now),
            };
            self.flush(&order.taken);
            if done {
                self.say(Emit::Hydrated(IndexId(order.index as u16), order.number));
            } else {
                self.orders.insert(free, order);
            }
        }
        if self.orders.is_empty() { Next::Rest } else { Next::GoOn }
    }

    /// Emits the next documents of an index; whether that were the last.
    fn walk(&mut self, order: &mut Order, turn: &mut usize, views: &Views, now: Lsn) -> bool {
        let What::All(after) = &mut order.what else { return true };
        self.patience = 0;
        let shared = Arc::clone(&self.shared);
        let root = shared.documents[order.index].root;
        let keys = views.rows(root).keys_after(self.worker, after.as_deref(), *turn);
        let mut last = keys.len() < *turn;
        for key in keys {
            if self.full(&order.taken) {
                last = false;
                break;
            }
            let first = order.number == 0;
            if let Some(document) = self.read(order.index, &key, views, now, order.number)
                && (!first || self.first(order.index, &key))
            {
                self.hand_on(document, &order.taken);
            }
            shared.live.indexes[order.index].hydrated.fetch_add(1, Relaxed);
            *after = Some(key);
            *turn -= 1;
        }
        if last && order.number == 0 {
            self.filled[order.index] = true;
        }
        last
    }

    /// Remembers a document of the first fill; false if a change has handed it on before.
    fn first(&mut self, index: usize, key: &[u8]) -> bool {
        let hash = xxh3_64(&self.body);
        self.known.insert(name(index, key), hash) != Some(hash)
    }

    /// Emits the next documents by their ids; whether that were the last.
    fn pick(&mut self, order: &mut Order, turn: &mut usize, views: &Views, now: Lsn) -> bool {
        let What::These(ids) = &mut order.what else { return true };
        while *turn > 0 && !self.full(&order.taken) {
            let Some((id, key)) = ids.pop() else { return true };
            let (index, fill) = (IndexId(order.index as u16), Some(order.number));
            let none = Document { index, id, at: now, body: None, fill };
            let document = self.read(order.index, &key.0, views, now, order.number);
            self.hand_on(document.unwrap_or(none), &order.taken);
            *turn -= 1;
        }
        ids.is_empty()
    }

    /// The document under a root key, for a fill.
    fn read(
        &mut self,
        index: usize,
        key: &[u8],
        views: &Views,
        now: Lsn,
        fill: u32,
    ) -> Option<Document> {
        let description = &self.shared.documents[index];
        self.body.clear();
        let found = document(description, key, views, &mut self.space, &mut self.body);
        if let Some(failures) = self.space.scratch.failures() {
            self.shared.live.failed(&failures);
        }
        let (row, present) = found?;
        if present && self.filled[index] {
            // Where a change is on its way that undoes another, it is to be handed on.
            let (name, hash) = (name(index, key), xxh3_64(&self.body));
            if self.known.get(&name) != Some(&hash) {
                self.known.insert(name, UNSURE);
            }
        }
        present.then(|| Document {
            index: IndexId(index as u16),
            id: description.id(&row),
            at: now,
            body: Some(self.body.as_slice().into()),
            fill: Some(fill),
        })
    }

    fn hand_on(&mut self, document: Document, of: &Arc<AtomicUsize>) {
        self.shared.live.indexes[usize::from(document.index.0)].emitted.fetch_add(1, Relaxed);
        self.batch_bytes += document.size();
        self.batch.push(document);
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
            self.flush(of);
        }
    }

    fn full(&self, of: &AtomicUsize) -> bool {
        of.load(Relaxed) > self.shared.in_flight
    }

    /// A batch is of changes or of one fill: whoever hands on the next flushes first.
    fn flush(&mut self, of: &Arc<AtomicUsize>) {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            let bytes = std::mem::take(&mut self.batch_bytes);
            let room = Room::take(bytes, of, &self.shared.live.in_flight);
            self.say(Emit::Documents(batch, room));
            // Workers may keep every core busy, and whoever delivers has been woken.
            std::thread::yield_now();
        }
    }

    fn say_closed(&mut self, now: Lsn) {
        if now > self.said {
            self.said = now;
            self.shared.live.closed[self.worker].store(now, Relaxed);
            self.say(Emit::Closed(now));
        }
    }

    fn say(&self, emit: Emit) {
        (self.shared.emit)(self.worker, emit);
    }
}

/// What a document is known by.
fn name(index: usize, key: &[u8]) -> u128 {
    xxh3_128_with_seed(key, index as u64)
}
