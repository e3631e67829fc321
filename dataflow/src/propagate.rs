//! Walks from what changed up to the documents that show it.
//!
//! ```text
//!  changed(batch) ─► seeds: path, key@t ─► head test ─► hop ─► hop ─► roots@t ═► gather
//! ```
//!
//! Links are followed as they stand at the closed moment. That reaches every document that
//! changed: take the change closest to the root on its way; all links above it stood still, and
//! the walk uses them. If a link above moved later in the same interval, then that link's own
//! change reaches the root, by the same argument. A retraction is in the batch under its old key,
//! so a row that moved seeds both its parents. Roots are a set; one reached in vain is assembled
//! and found to be unchanged.

use std::sync::Arc;

use differential_dataflow::trace::BatchReader;
use flusso_compiler::plan::{IndexId, KeptId, KeyPart};
use hashbrown::HashMap;
use smallvec::SmallVec;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use crate::Lsn;
use crate::eval::{Program, Scratch};
use crate::feed::{Opening, Since};
use crate::lookup::Shards;
use crate::order;
use crate::publish::Published;
use crate::row::{self, Datum, Row};
use crate::spine::{Diff, Shared};
use crate::value::{Parts, split};

/// A key that changed, and where its walk begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed {
    /// Position of the way among all.
    pub way: usize,
    /// The changed key.
    pub key: Row,
    /// The first changed value under it, where only the first rows count; of a root row that went,
    /// what it was.
    pub value: Option<Row>,
    /// The last time it changed.
    pub at: Lsn,
}

/// A document that may have changed: the index's position, the root key, the last change that
/// reaches it, and the root's row if it went. Ordered so that roots of one index stand together.
pub type Root = (u16, Row, Lsn, Option<Row>);

/// What of a kept thing's changes is of consequence to one way.
pub struct Watch {
    /// The way that begins here.
    pub way: usize,
    /// Positions of the columns it shows; none when it shows all that are kept, or a tally.
    pub shows: Option<Vec<usize>>,
    /// Which changed value a seed carries.
    pub carries: Carries,
}

/// Which changed value a seed carries.
pub enum Carries {
    /// None: any change of the key counts.
    Nothing,
    /// The first that passes, to be held against the head of the group.
    First(Option<Program>),
    /// The row that went, if the key has none any more: a root, whose id is to be told.
    Gone,
}

/// From a changed key to root keys.
pub struct Way {
    /// Whose roots.
    pub index: IndexId,
    /// Where it begins.
    pub from: KeptId,
    /// How many of the first rows count, and of which rows.
    pub head: Option<(u64, Option<Program>)>,
    /// Where to look for the next key, and the positions of the columns that make it.
    pub hops: Vec<(KeptId, Vec<KeyPart>)>,
}

/// Seeds of one batch of rows.
pub fn changed_rows(
    watches: Vec<Watch>,
    opening: Arc<Opening>,
) -> impl FnMut(&Shared<i64>, &mut dyn FnMut(Seed)) + 'static {
    let mut scratch = Scratch::default();
    move |batch, give| {
        let since = opening.since(batch.lower());
        for (key, range, at) in changed_keys(batch, since) {
            for watch in &watches {
                let value = match (&watch.shows, &watch.carries) {
                    (None, Carries::Nothing) => Some(None),
                    _ => shown(batch, range.clone(), watch, since, &mut scratch),
                };
                if let Some(value) = value {
                    give(Seed { way: watch.way, key: Row::from(key), value, at });
                }
            }
        }
    }
}

/// Seeds of one batch of tallies: a difference of a sum is a change.
pub fn changed_tallies<R: Diff>(
    watches: Vec<Watch>,
    opening: Arc<Opening>,
) -> impl FnMut(&Shared<R>, &mut dyn FnMut(Seed)) + 'static {
    move |batch, give| {
        for (key, _, at) in changed_keys(batch, opening.since(batch.lower())) {
            for watch in &watches {
                give(Seed { way: watch.way, key: Row::from(key), value: None, at });
            }
        }
    }
}

/// The keys of a batch with the range of their values and the last time they changed, and also the
/// last that an earlier run may have told of; those that only the first copy touched are left out.
fn changed_keys<R: Diff>(
    batch: &Shared<R>,
    Since { opened, told }: Since,
) -> impl Iterator<Item = (&[u8], std::ops::Range<usize>, Lsn)> {
    use differential_dataflow::trace::implementations::BatchContainer;
    let storage = &batch.0.storage;
    let live = batch.upper().elements().iter().all(|upper| *upper > opened.saturating_add(1));
    let keys = if live { storage.keys.len() } else { 0 };
    (0..keys).flat_map(move |index| {
        let (lower, upper) = storage.vals.bounds(index);
        let times = (lower..upper).flat_map(|value| {
            let (lower, upper) = storage.upds.bounds(value);
            (lower..upper).map(|update| *storage.upds.get_abs(update).0)
        });
        let (mut last, mut last_told) = (None, None);
        for at in times.filter(|at| *at > opened) {
            last = last.max(Some(at));
            last_told = last_told.max(Some(at).filter(|at| told.is_some_and(|told| *at <= told)));
        }
        let each = last_told.filter(|told| Some(*told) != last).into_iter().chain(last);
        each.map(move |at| (storage.keys.index(index), lower..upper, at))
    })
}

/// What a seed carries: outer none when the changes show nothing new. Each moment counts by itself,
/// even if the next undoes it: somebody may read at one that lies within the batch. Where an
/// earlier run may have told of some, each change does.
fn shown(
    batch: &Shared<i64>,
    values: std::ops::Range<usize>,
    watch: &Watch,
    since: Since,
    scratch: &mut Scratch,
) -> Option<Option<Row>> {
    let filter = match &watch.carries {
        Carries::First(filter) => filter.as_ref(),
        Carries::Nothing | Carries::Gone => None,
    };
    let storage = &batch.0.storage;
    let mut views: SmallVec<[(SmallVec<[u8; 64]>, &[u8], Lsn, i64); 4]> = SmallVec::new();
    let mut first = None;
    for value in values {
        let bytes = storage.vals.get_abs(value);
        let (lower, upper) = storage.upds.bounds(value);
        let updates = (lower..upper).map(|update| storage.upds.get_abs(update));
        let mut changes = updates.filter(|(at, _)| **at > since.opened).peekable();
        let parts = split(bytes);
        if changes.peek().is_none() || !passes(filter, parts.packed, scratch) {
            continue;
        }
        first = first.or(Some(bytes));
        let view = view(parts, watch.shows.as_deref());
        for (at, change) in changes {
            match views.iter_mut().find(|(other, _, when, _)| when == at && *other == view) {
                Some((.., total)) => *total += change,
                None => views.push((view.clone(), bytes, *at, *change)),
            }
        }
    }
    views.retain(|(.., sum)| *sum != 0);
    let (first, went) = match since.told {
        None => {
            let last = views.iter().map(|(_, _, at, _)| *at).max();
            let at_last = views.iter().filter(|(_, _, at, _)| Some(*at) == last);
            let sum: i64 = at_last.map(|(.., sum)| *sum).sum();
            views.first().map(|(_, first, ..)| (*first, sum < 0))?
        }
        // Whether the root is still there is seen where it is read.
        Some(_) => (first?, true),
    };
    Some(match watch.carries {
        Carries::Nothing => None,
        Carries::First(_) => Some(Row::from(first)),
        Carries::Gone => went.then(|| Row::from(first)),
    })
}

/// The bytes by which two values are the same to a way that shows these columns.
fn view(parts: Parts<'_>, shows: Option<&[usize]>) -> SmallVec<[u8; 64]> {
    let mut view = SmallVec::from_slice(parts.prefix);
    match shows {
        None => view.extend_from_slice(parts.packed),
        Some(shows) => {
            let row = row::split(parts.packed);
            for column in shows {
                let text = match row[*column] {
                    Datum::Text(text) => Some(text),
                    Datum::Null | Datum::Unchanged => None,
                };
                let length = text.map_or(0, |text| text.len() as u32 + 1);
                view.extend_from_slice(&length.to_le_bytes());
                view.extend_from_slice(text.unwrap_or_default());
            }
        }
    }
    view
}

fn passes(filter: Option<&Program>, packed: &[u8], scratch: &mut Scratch) -> bool {
    filter.is_none_or(|filter| filter.passes(&row::split(packed), scratch))
}

/// Walks seeds up to roots, when all that changed up to their time is published.
pub fn propagate<'scope>(
    seeds: Stream<'scope, Lsn, Vec<Seed>>,
    ways: Arc<Vec<Way>>,
    kept: Arc<Vec<Option<Arc<Published<i64>>>>>,
    opening: Arc<Opening>,
) -> Stream<'scope, Lsn, Vec<Root>> {
    seeds.unary_frontier(Pipeline, "propagate", move |_, _| {
        let mut stash: Vec<(Capability<Lsn>, Vec<Seed>)> = Vec::new();
        let mut scratch = Scratch::default();
        move |(input, frontier), output| {
            input.for_each(|capability, seeds| {
                stash.push((capability.retain(0), std::mem::take(seeds)));
            });
            let Some(&closed) = frontier.frontier().first() else {
                // The feed ended: nobody waits for what is left.
                return stash.clear();
            };
            let mut ready: Vec<Seed> = Vec::new();
            let mut earliest: Option<Capability<Lsn>> = None;
            // A seed stands for all changes of its key since its message's time: until the last is
            // closed, that time is held.
            stash.retain_mut(|(capability, seeds)| {
                if seeds.iter().any(|seed| seed.at >= closed) {
                    return true;
                }
                if earliest.as_ref().is_none_or(|earliest| capability.time() < earliest.time()) {
                    earliest = Some(capability.clone());
                }
                ready.append(seeds);
                false
            });
            if let Some(capability) = earliest {
                let (told, last) = (opening.told(), closed - 1);
                let mut session = output.session(&capability);
                // What an earlier run may have told of is reached by the links of that time: those
                // that have moved since are reached as changes of their own, which may come to
                // nothing.
                let after = ready.extract_if(.., |seed| seed.at > told).collect();
                for (seeds, at) in [(ready, last.min(told)), (after, last)] {
                    let mut walk =
                        Walk { ways: &ways, kept: &kept, at, told, read: HashMap::new() };
                    walk.up(seeds, &mut scratch, &mut |root| session.give(root));
                }
            }
        }
    })
}

/// One walk of all ready seeds, as of one moment.
struct Walk<'a> {
    ways: &'a [Way],
    kept: &'a [Option<Arc<Published<i64>>>],
    at: Lsn,
    told: Lsn,
    read: HashMap<KeptId, Shards<i64>>,
}

impl Walk<'_> {
    fn shards(&mut self, kept: KeptId) -> Option<&Shards<i64>> {
        let published = self.kept[usize::from(kept.0)].as_ref()?;
        let at = self.at;
        Some(self.read.entry(kept).or_insert_with(|| published.read(at)))
    }

    fn up(&mut self, mut seeds: Vec<Seed>, scratch: &mut Scratch, give: &mut dyn FnMut(Root)) {
        seeds.sort_unstable();
        for seeds in seeds.chunk_by(|a, b| a.way == b.way) {
            let ways = self.ways;
            let way = &ways[seeds[0].way];
            let index = way.index.0;
            if way.hops.is_empty() && way.head.is_none() {
                seeds.iter().cloned().for_each(|seed| give((index, seed.key, seed.at, seed.value)));
                continue;
            }
            let mut keys: Vec<(Row, Lsn)> = Vec::with_capacity(seeds.len());
            for seed in seeds {
                if self.shown(way, seed, scratch) {
                    keys.push((seed.key.clone(), seed.at));
                }
            }
            latest(&mut keys, self.told);
            for (kept, gives) in &way.hops {
                let mut next: Vec<(Row, Lsn)> = Vec::new();
                let mut bytes = Vec::new();
                if let Some(shards) = self.shards(*kept) {
                    for (key, at) in &keys {
                        for (value, _) in shards.group(&key.0) {
                            let row = row::split(split(value).packed);
                            bytes.clear();
                            if let Ok(true) = order::key(gives, &row, &mut bytes) {
                                next.push((Row::from(bytes.as_slice()), *at));
                            }
                        }
                    }
                }
                latest(&mut next, self.told);
                keys = next;
            }
            keys.into_iter().for_each(|(key, at)| give((index, key, at, None)));
        }
    }

    /// Whether the first change of a seed lies among the rows its way shows. If all that changed
    /// sorts after the last row shown now, the rows shown are those that were there before. Where
    /// a row stands is said by its order and key alone: what else is kept of it may have changed
    /// again since.
    fn shown(&mut self, way: &Way, seed: &Seed, scratch: &mut Scratch) -> bool {
        let (Some((limit, filter)), Some(first)) = (&way.head, &seed.value) else { return true };
        let Some(shards) = self.shards(way.from) else { return true };
        let first = split(&first.0).prefix;
        let mut seen: u64 = 0;
        for (value, count) in shards.group(&seed.key.0) {
            let Parts { prefix, packed, .. } = split(value);
            if prefix > first {
                return true;
            }
            if passes(filter.as_ref(), packed, scratch) {
                seen = seen.saturating_add(count.unsigned_abs());
            }
            if seen >= *limit {
                return prefix >= first;
            }
        }
        true
    }
}

/// Each key once, at the last of its times; what an earlier run may have told of stands beside.
fn latest(keys: &mut Vec<(Row, Lsn)>, told: Lsn) {
    keys.sort_unstable();
    keys.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0 && (later.1 <= told) == (earlier.1 <= told);
        if same {
            earlier.1 = later.1;
        }
        same
    });
}
