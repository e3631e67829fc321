//! Reads published batches as of a closed moment.
//!
//! ```text
//!  key ─► the shard it is at home in ─► its batches, each a sorted trie
//!                                         │ position by galloping from the last one
//!                                         ▼
//!                          values in order, their diffs summed up to `at`
//! ```
//!
//! Nothing here waits or writes: a [`Shards`] is a snapshot of immutable batches, and the moment
//! asked for lies between what the traces were compacted to and what is closed. Keys asked in
//! ascending order cost a few comparisons each, in any order a binary search.

use std::cell::Cell;
use std::cmp::Ordering;

use differential_dataflow::trace::BatchReader;
use differential_dataflow::trace::implementations::BatchContainer;
use smallvec::SmallVec;

use crate::Lsn;
use crate::row::compare;
use crate::spine::{Diff, RowContainer, Shared, home};

/// The published batches of one kept thing, by worker.
pub struct Shards<R: Diff> {
    workers: Vec<Vec<Placed<R>>>,
    at: Lsn,
}

/// A batch and where the last key was found in it.
struct Placed<R: Diff> {
    batch: Shared<R>,
    hint: Cell<usize>,
}

impl<R: Diff> Shards<R> {
    /// A snapshot of each worker's batches, read as of `at`.
    pub fn new<'a>(workers: impl Iterator<Item = &'a [Shared<R>]>, at: Lsn) -> Shards<R>
    where
        R: 'a,
    {
        let placed = |batch: &Shared<R>| Placed { batch: batch.clone(), hint: Cell::new(0) };
        Shards {
            workers: workers.map(|batches| batches.iter().map(placed).collect()).collect(),
            at,
        }
    }

    /// The values under a key, in order.
    pub fn group<'a>(&'a self, key: &[u8]) -> Group<'a, R> {
        let mut ranges = SmallVec::new();
        for placed in &self.workers[home(key, self.workers.len())] {
            let storage = &placed.batch.0.storage;
            if let Some(index) = find(&storage.keys, key, &placed.hint) {
                let (next, end) = storage.vals.bounds(index);
                ranges.push(Range { batch: &placed.batch, next, end });
            }
        }
        Group { ranges, at: self.at }
    }

    /// The sum of all diffs under a key; none where there is nothing.
    pub fn sum(&self, key: &[u8]) -> Option<R> {
        let mut sum: Option<R> = None;
        for range in self.group(key).ranges {
            for value in range.next..range.end {
                range.each(value, self.at, |diff| match &mut sum {
                    None => sum = Some(diff.clone()),
                    Some(sum) => sum.plus_equals(diff),
                });
            }
        }
        sum.filter(|sum| !sum.is_zero())
    }

    /// Up to `count` keys after `after` that one worker holds, present or not, ascending.
    pub fn keys_after(&self, worker: usize, after: Option<&[u8]>, count: usize) -> Vec<Box<[u8]>> {
        let batches = self.workers[worker].iter().map(|placed| &placed.batch.0.storage.keys);
        let mut heads: Vec<(&RowContainer, usize)> = batches
            .map(|keys| (keys, after.map_or(0, |after| bisect(keys, after, 0, keys.len(), true))))
            .collect();
        let mut found: Vec<Box<[u8]>> = Vec::new();
        while found.len() < count {
            heads.retain(|(keys, next)| *next < keys.len());
            let Some(least) = heads.iter().map(|(keys, next)| keys.index(*next)).min() else {
                break;
            };
            found.push(least.into());
            for (keys, next) in &mut heads {
                *next += usize::from(keys.index(*next) == least);
            }
        }
        found
    }

    /// The most batches that any worker holds: how many places a lookup may have to look at.
    pub fn batches(&self) -> usize {
        self.workers.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// The values under one key, merged over batches; the iterator gives each value that is there
/// with how often it is.
pub struct Group<'a, R: Diff> {
    ranges: SmallVec<[Range<'a, R>; 4]>,
    at: Lsn,
}

struct Range<'a, R: Diff> {
    batch: &'a Shared<R>,
    next: usize,
    end: usize,
}

impl<'a, R: Diff> Range<'a, R> {
    fn value(&self) -> &'a [u8] {
        self.batch.0.storage.vals.get_abs(self.next)
    }

    fn each(&self, value: usize, at: Lsn, mut give: impl FnMut(&R)) {
        let updates = &self.batch.0.storage.upds;
        let (lower, upper) = updates.bounds(value);
        for update in lower..upper {
            let (time, diff) = updates.get_abs(update);
            if *time <= at {
                give(diff);
            }
        }
    }
}

impl<'a> Iterator for Group<'a, i64> {
    type Item = (&'a [u8], i64);

    fn next(&mut self) -> Option<(&'a [u8], i64)> {
        loop {
            let least = match self.ranges.as_slice() {
                [] => return None,
                [only] => only.value(),
                ranges => ranges.iter().map(Range::value).min()?,
            };
            let (mut count, at) = (0, self.at);
            self.ranges.retain(|range| {
                if range.value() == least {
                    range.each(range.next, at, |diff| count += diff);
                    range.next += 1;
                }
                range.next < range.end
            });
            debug_assert!(count >= 0, "a row was retracted that was never there");
            if count > 0 {
                return Some((least, count));
            }
        }
    }
}

/// How far from the last key a key is looked for before it counts as far away.
const NEAR: usize = 64;

/// Where a key stands, starting from where the last one was found.
fn find(keys: &RowContainer, key: &[u8], hint: &Cell<usize>) -> Option<usize> {
    let len = keys.len();
    let from = hint.get().min(len);
    let (mut low, mut high) = (0, from);
    if from < len && compare(keys.index(from), key).is_le() {
        // Gallop: double the step while the key lies further on.
        let mut step = 1;
        (low, high) = (from, from + step);
        while high < len && step <= NEAR && compare(keys.index(high), key).is_lt() {
            low = high + 1;
            step *= 2;
            high += step;
        }
        high = if step > NEAR { len } else { high.min(len) };
    }
    let (low, high) = narrow(keys, key, low, high);
    let place = bisect(keys, key, low, high, false);
    hint.set(place);
    (place < len && keys.index(place) == key).then_some(place)
}

/// Brings the bounds of a search closer where keys are integers: a key lies about where its value
/// says, because ids are dense, and those that a worker holds are picked by chance: the error is
/// about the square root of their number. A few looks stand for a dozen of bisecting, each of which
/// waits for memory; where keys are spread otherwise they are a few more. Everything before `low`
/// is less than the key, and nothing from `high` on.
fn narrow(keys: &RowContainer, key: &[u8], mut low: usize, mut high: usize) -> (usize, usize) {
    let Some(value) = integer(key) else { return (low, high) };
    for _ in 0..2 {
        if high - low <= NEAR {
            break;
        }
        let ends = (integer(keys.index(low)), integer(keys.index(high - 1)));
        let (Some(first), Some(last)) = ends else { break };
        if value <= first {
            return (low, low);
        }
        if value > last {
            return (high, high);
        }
        let share = u128::from(value - first) * (high - 1 - low) as u128;
        let guess = low + (share / u128::from(last - first)) as usize;
        let margin = (high - low).isqrt();
        for look in [guess.saturating_sub(margin), guess, guess + margin] {
            if look < low || look >= high {
                continue;
            }
            if compare(keys.index(look), key).is_ge() {
                high = look;
                break;
            }
            low = look + 1;
        }
    }
    (low, high)
}

/// A key of one integer; see `order::number`.
fn integer(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

/// The first position in `low..high` that is not less than the key (or greater, when `after`).
fn bisect(keys: &RowContainer, key: &[u8], low: usize, high: usize, after: bool) -> usize {
    let (mut low, mut high) = (low, high);
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(keys.index(middle), key) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal if after => low = middle + 1,
            Ordering::Equal | Ordering::Greater => high = middle,
        }
    }
    low
}

/// Records and bytes of a batch, capacity included.
pub fn size<R: Diff>(batch: &Shared<R>) -> (usize, usize) {
    let storage = &batch.0.storage;
    let lists = crate::spine::offsets_size(&storage.vals.offs)
        + crate::spine::offsets_size(&storage.upds.offs)
        + storage.upds.times.capacity() * size_of::<Lsn>()
        + storage.upds.diffs.capacity() * size_of::<R>();
    (batch.len(), storage.keys.size() + storage.vals.vals.size() + lists)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Dense, with gaps, in heaps, and anything.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![
            4 => 0..3000u64,
            2 => (0..300u64).prop_map(|n| n * 1000),
            2 => (0..8u64, 0..200u64).prop_map(|(heap, n)| (heap << 60) + n * n),
            1 => any::<u64>(),
        ]
    }

    proptest! {
        #[test]
        fn keys_are_found_wherever_the_last_one_was(
            held in prop::collection::btree_set(number(), 0..2000),
            asked in prop::collection::vec(number(), 1..200),
            longer in any::<bool>(),
        ) {
            let bytes = |n: u64| {
                let mut bytes = n.to_be_bytes().to_vec();
                // Keys of other lengths are bisected.
                bytes.extend((longer && n % 3 == 0).then_some(0));
                bytes
            };
            let held: BTreeSet<Vec<u8>> = held.into_iter().map(bytes).collect();
            let mut keys = RowContainer::with_capacity(0);
            held.iter().for_each(|key| keys.push_ref(key));
            let held: Vec<Vec<u8>> = held.into_iter().collect();
            let hint = Cell::new(0);
            for key in asked.into_iter().map(bytes) {
                prop_assert_eq!(find(&keys, &key, &hint), held.binary_search(&key).ok());
            }
        }
    }
}
