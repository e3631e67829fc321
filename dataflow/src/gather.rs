//! Assembles each document that may have changed, and hands on those that did.
//!
//! ```text
//!  roots@t ═► wait until t is closed ─► newest t per root ─► assemble as of now ─► hash ─► Emit
//!                 first fill: own keys, chunk by chunk ──┘
//! ```
//!
//! Every worker owns the roots that hash to it and says what it has in order, so that versions of
//! one document never overtake each other. Nothing of a document is kept but a hash, by which one
//! that came out as before is held back. When the sinks are behind, by bytes, it stops and goes on
//! later: what is pending is a set of keys, and later changes fall into it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use flusso_compiler::plan::IndexId;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::Lsn;
use crate::assemble::{Space, Views, document};
use crate::emit::{Document, Emit};
use crate::measure::Live;
use crate::propagate::Root;
use crate::row::{self, Row, hash};
use crate::shape;
use crate::value::split;

/// Documents assembled before other operators get their turn.
const TURN: usize = 4096;
/// Documents handed on together.
const BATCH: usize = 256;
/// Batches of a kept thing at which the first fill begins: reading every row of many small ones
/// costs more than merging them first.
const MERGED: usize = 3;
/// Times it is put off for that, about a millisecond each; under live changes there may always be
/// more batches.
const PATIENCE: u32 = 2000;

/// What all workers' gathers share.
pub struct Shared {
    /// The indexes.
    pub documents: Vec<shape::Document>,
    /// All kept things as of a moment.
    pub views: Box<dyn Fn(Lsn) -> Views + Send + Sync>,
    /// The LSN of the first copy, once complete.
    pub opened: Arc<AtomicU64>,
    /// Where documents go.
    pub emit: Arc<dyn Fn(usize, Emit) + Send + Sync>,
    /// Counters, and the bytes in flight.
    pub live: Arc<Live>,
    /// Bytes in flight at which to wait.
    pub in_flight: usize,
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
        let again = scope.activator_for(info.address);
        let mut stash: Vec<(Capability<Lsn>, Vec<Root>)> = Vec::new();
        let mut gather = Gather::new(worker, shared, first);
        move |(input, frontier), _| {
            input.for_each(|capability, roots| {
                stash.push((capability.retain(0), std::mem::take(roots)));
            });
            let Some(&closed) = frontier.frontier().first() else {
                // The feed ended: nobody waits for what is left.
                stash.clear();
                return gather.end();
            };
            stash.retain_mut(|(capability, roots)| {
                if *capability.time() < closed {
                    let ready = roots.extract_if(.., |root| root.2 < closed);
                    gather.take(capability, ready);
                    if let Some(next) = roots.iter().map(|root| root.2).min() {
                        capability.downgrade(&next);
                    }
                }
                !roots.is_empty()
            });
            match gather.turn(closed) {
                Next::Rest => {}
                Next::GoOn => again.activate(),
                Next::Wait => again.activate_after(Duration::from_millis(1)),
            }
        }
    })
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
    /// Holds the moment that is read while the first fill goes on.
    filling: Option<Capability<Lsn>>,
    /// The index being filled, and the last key of it.
    fill: (usize, Option<Box<[u8]>>),
    /// How often the fill may still be put off.
    patience: u32,
    /// Roots to assemble, last first, and the capability that keeps their moment readable.
    pending: Vec<Root>,
    held: Option<Capability<Lsn>>,
    /// What each document hashed to when it was last handed on.
    known: HashMap<u128, u64>,
    said: Lsn,
    space: Space,
    body: Vec<u8>,
    batch: Vec<Document>,
}

impl Gather {
    fn new(worker: usize, shared: Arc<Shared>, first: Capability<Lsn>) -> Gather {
        Gather {
            worker,
            shared,
            filling: Some(first),
            fill: (0, None),
            patience: PATIENCE,
            pending: Vec::new(),
            held: None,
            known: HashMap::new(),
            said: 0,
            space: Space::default(),
            body: Vec::new(),
            batch: Vec::new(),
        }
    }

    fn end(&mut self) {
        self.filling = None;
        self.held = None;
        self.pending.clear();
    }

    /// Adds roots whose time has closed.
    fn take(&mut self, capability: &Capability<Lsn>, roots: impl Iterator<Item = Root>) {
        let before = self.pending.len();
        self.pending.extend(roots);
        let earlier = |held: &Capability<Lsn>| held.time() <= capability.time();
        if self.pending.len() > before && !self.held.as_ref().is_some_and(earlier) {
            self.held = Some(capability.clone());
        }
    }

    /// Assembles as much as a turn allows, as of the last closed moment.
    fn turn(&mut self, closed: Lsn) -> Next {
        let Some(now) = closed.checked_sub(1) else { return Next::Rest };
        if let Some(filling) = &mut self.filling {
            filling.downgrade(&now);
        }
        let opened = self.shared.opened.load(Relaxed);
        if now < opened {
            return Next::Rest;
        }
        if self.pending.is_empty() && self.filling.is_none() {
            self.say_closed(now);
            return Next::Rest;
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
        let views = (self.shared.views)(now);
        let mut turn = TURN;
        while turn > 0 && !self.full() {
            let Some((index, key, at, gone)) = self.pending.pop() else { break };
            self.assemble(usize::from(index), &key.0, &views, at, gone, false);
            turn -= 1;
        }
        if self.pending.is_empty() {
            self.held = None;
            self.flush();
            self.say_closed(now);
            if self.filling.is_some() && self.patience > 0 && views.batches() > MERGED {
                self.patience -= 1;
                return Next::Wait;
            }
            self.patience = 0;
            while turn > 0 && self.filling.is_some() && !self.full() {
                turn -= self.fill_some(turn, &views, now).min(turn);
            }
        }
        self.flush();
        match (self.pending.is_empty() && self.filling.is_none(), self.full()) {
            (true, _) => Next::Rest,
            (false, false) => Next::GoOn,
            (false, true) => Next::Wait,
        }
    }

    /// Emits the next documents of the first fill; returns how many keys it walked.
    fn fill_some(&mut self, count: usize, views: &Views, now: Lsn) -> usize {
        let (index, after) = &self.fill;
        let index = *index;
        let Some(document) = self.shared.documents.get(index) else {
            self.filling = None;
            return 0;
        };
        let keys = views.rows(document.root).keys_after(self.worker, after.as_deref(), count);
        for key in &keys {
            self.assemble(index, key, views, now, None, true);
        }
        let walked = keys.len();
        self.shared.live.indexes[index].hydrated.fetch_add(walked as u64, Relaxed);
        match keys.into_iter().last() {
            Some(last) if walked == count => self.fill.1 = Some(last),
            _ => {
                self.flush();
                self.say(Emit::Hydrated(IndexId(index as u16)));
                self.fill = (index + 1, None);
                if self.fill.0 == self.shared.documents.len() {
                    self.filling = None;
                }
            }
        }
        walked
    }

    fn assemble(
        &mut self,
        index: usize,
        key: &[u8],
        views: &Views,
        at: Lsn,
        gone: Option<Row>,
        seed: bool,
    ) {
        let shared = Arc::clone(&self.shared);
        let description = &shared.documents[index];
        let counts = &shared.live.indexes[index];
        self.body.clear();
        let found = document(description, key, views, &mut self.space, &mut self.body);
        let present = found.as_ref().is_some_and(|(_, present)| *present);
        let name = xxh3_128_with_seed(key, index as u64);
        let new = if present {
            let hash = xxh3_64(&self.body);
            let before = self.known.insert(name, hash);
            before != Some(hash)
        } else {
            // Before the first fill has come by, a consumer may know it from an earlier run.
            let filled = self.filling.is_none() || self.fill.0 > index;
            match self.known.entry(name) {
                Entry::Occupied(known) => {
                    known.remove();
                    true
                }
                Entry::Vacant(_) => !filled,
            }
        };
        if !new {
            counts.suppressed.fetch_add(u64::from(!seed), Relaxed);
            return;
        }
        let gone = || gone.as_ref().map(|row| row::split(split(&row.0).packed));
        // A root that is neither there nor told of went earlier, and was told of then.
        let Some(row) = found.map(|(row, _)| row).or_else(gone) else { return };
        let id = description.id(&row);
        let body = present.then(|| self.body.as_slice().into());
        let document = Document { index: IndexId(index as u16), id, at, body, seed };
        shared.live.in_flight.fetch_add(document.size(), Relaxed);
        counts.emitted.fetch_add(1, Relaxed);
        self.batch.push(document);
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn full(&self) -> bool {
        self.shared.live.in_flight.load(Relaxed) > self.shared.in_flight
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.say(Emit::Documents(batch));
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
