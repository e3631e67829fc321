//! The one trace type: packed rows by packed keys, in batches that any thread may read.
//!
//! Differential's ordered tries with two changes. Keys and values are bytes laid end to end
//! ([`RowContainer`]): 17 to 19 bytes of overhead a row where `Vec<Vec<u8>>` has 57 or more. And
//! batches are held by `Arc` instead of `Rc`, so that a worker can publish its immutable batches
//! and every worker can look rows up in every shard without a message; see `publish`.

use std::sync::Arc;

use differential_dataflow::difference::Semigroup;
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::chunker::ContainerChunker;
use differential_dataflow::trace::implementations::ord_neu::layers::{Upds, Vals};
use differential_dataflow::trace::implementations::ord_neu::{
    OrdValBatch, OrdValBatcher, OrdValBuilder,
};
use differential_dataflow::trace::implementations::spine_fueled::Spine;
use differential_dataflow::trace::implementations::{BatchContainer, OffsetList};
use differential_dataflow::trace::{Batch, BatchReader, Builder, Description, Merger};
use timely::container::PushInto;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::progress::Antichain;
use timely::progress::frontier::AntichainRef;

use crate::Lsn;
use crate::row::{Row, hash};

/// An update of an arrangement.
pub type Update<R> = ((Row, Row), Lsn, R);

/// Rows laid end to end.
pub struct RowContainer {
    bytes: Vec<u8>,
    lengths: Lengths,
    /// How many rows there are likely to be.
    rows: usize,
}

/// Where each row lies. Keys are mostly integers: while all rows are equally long there is nothing
/// to look up, which halves the memory that a search touches.
enum Lengths {
    /// So many rows of one length.
    Same { rows: usize, length: usize },
    /// `offsets[i]..offsets[i + 1]` bounds row `i`.
    Various(OffsetList),
}

impl RowContainer {
    /// Bytes held, capacity included.
    pub fn size(&self) -> usize {
        let lengths = match &self.lengths {
            Lengths::Same { .. } => 0,
            Lengths::Various(offsets) => offsets_size(offsets),
        };
        self.bytes.capacity() + lengths
    }

    fn sized(rows: usize, bytes: usize) -> RowContainer {
        let lengths = Lengths::Same { rows: 0, length: 0 };
        RowContainer { bytes: Vec::with_capacity(bytes), lengths, rows }
    }
}

/// Bytes held by an offset list.
pub fn offsets_size(list: &OffsetList) -> usize {
    list.smol.capacity() * 4 + list.chonk.capacity() * 8
}

impl BatchContainer for RowContainer {
    type Owned = Row;
    type ReadItem<'a> = &'a [u8];

    fn into_owned(item: &[u8]) -> Row {
        Row::from(item)
    }
    fn push_ref(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
        match &mut self.lengths {
            Lengths::Same { rows, length } if *rows == 0 || *length == item.len() => {
                (*rows, *length) = (*rows + 1, item.len());
            }
            Lengths::Same { rows, length } => {
                let mut offsets = OffsetList::with_capacity(self.rows.max(*rows) + 1);
                (0..=*rows).for_each(|row| offsets.push(row * *length));
                offsets.push(self.bytes.len());
                self.lengths = Lengths::Various(offsets);
            }
            Lengths::Various(offsets) => offsets.push(self.bytes.len()),
        }
    }
    fn push_own(&mut self, item: &Row) {
        self.push_ref(&item.0);
    }
    fn clear(&mut self) {
        *self = RowContainer::sized(0, 0);
    }
    fn with_capacity(rows: usize) -> RowContainer {
        RowContainer::sized(rows, 0)
    }
    fn merge_capacity(a: &RowContainer, b: &RowContainer) -> RowContainer {
        RowContainer::sized(a.len() + b.len(), a.bytes.len() + b.bytes.len())
    }
    fn reborrow<'b, 'a: 'b>(item: &'a [u8]) -> &'b [u8] {
        item
    }
    fn index(&self, index: usize) -> &[u8] {
        let (start, end) = match &self.lengths {
            Lengths::Same { length, .. } => (index * length, (index + 1) * length),
            Lengths::Various(offsets) => (offsets.index(index), offsets.index(index + 1)),
        };
        &self.bytes[start..end]
    }
    fn len(&self) -> usize {
        match &self.lengths {
            Lengths::Same { rows, .. } => *rows,
            Lengths::Various(offsets) => offsets.len() - 1,
        }
    }
}

impl PushInto<Row> for RowContainer {
    fn push_into(&mut self, item: Row) {
        self.push_ref(&item.0);
    }
}

/// What the stock builder compares a container's items with.
impl PartialEq<Row> for [u8] {
    fn eq(&self, other: &Row) -> bool {
        *self == *other.0
    }
}

/// Packed keys and values, plain times and diffs.
pub type RowLayout<R> = (RowContainer, RowContainer, Vec<Lsn>, Vec<R>, OffsetList);

/// What a diff must be to travel and to be stored.
pub trait Diff: Semigroup + timely::ExchangeData + Ord + Sync {}
impl<R: Semigroup + timely::ExchangeData + Ord + Sync> Diff for R {}

/// An immutable batch, shared between threads.
pub struct Shared<R: Diff>(pub Arc<OrdValBatch<RowLayout<R>>>);

impl<R: Diff> Clone for Shared<R> {
    fn clone(&self) -> Shared<R> {
        Shared(Arc::clone(&self.0))
    }
}

impl<R: Diff> BatchReader for Shared<R> {
    type Time = Lsn;
    fn len(&self) -> usize {
        self.0.len()
    }
    fn description(&self) -> &Description<Lsn> {
        self.0.description()
    }
}

impl<R: Diff> Batch for Shared<R> {
    type Merger = SharedMerger<R>;
    fn empty(lower: Antichain<Lsn>, upper: Antichain<Lsn>) -> Shared<R> {
        Shared(Arc::new(OrdValBatch::empty(lower, upper)))
    }
}

/// Merges what two shared batches hold into a third.
pub struct SharedMerger<R: Diff>(<OrdValBatch<RowLayout<R>> as Batch>::Merger);

impl<R: Diff> Merger<Shared<R>> for SharedMerger<R> {
    fn new(a: &Shared<R>, b: &Shared<R>, compaction: AntichainRef<Lsn>) -> SharedMerger<R> {
        SharedMerger(a.0.begin_merge(&b.0, compaction))
    }
    fn work(&mut self, a: &Shared<R>, b: &Shared<R>, fuel: &mut isize) {
        self.0.work(&a.0, &b.0, fuel);
    }
    fn done(self) -> Shared<R> {
        Shared(Arc::new(self.0.done()))
    }
}

/// Builds shared batches by differential's own builder.
pub struct SharedBuilder<R: Diff>(OrdValBuilder<RowLayout<R>, Vec<Update<R>>>);

impl<R: Diff> Builder for SharedBuilder<R> {
    type Input = Vec<Update<R>>;
    type Time = Lsn;
    type Output = Shared<R>;

    fn with_capacity(keys: usize, vals: usize, upds: usize) -> SharedBuilder<R> {
        SharedBuilder(OrdValBuilder::with_capacity(keys, vals, upds))
    }
    fn push(&mut self, chunk: &mut Vec<Update<R>>) {
        self.0.push(chunk);
    }
    fn done(self, description: Description<Lsn>) -> Shared<R> {
        Shared(Arc::new(self.0.done(description)))
    }
    fn seal(chain: &mut Vec<Vec<Update<R>>>, description: Description<Lsn>) -> Shared<R> {
        let size = Size::of(chain);
        let mut builder = OrdValBuilder::<RowLayout<R>, Vec<Update<R>>>::with_capacity(0, 0, 0);
        builder.result.keys = RowContainer::sized(size.keys, size.key_bytes);
        builder.result.vals = Vals::with_capacity(size.keys + 1, 0);
        builder.result.vals.vals = RowContainer::sized(size.vals, size.val_bytes);
        builder.result.upds = Upds::with_capacity(size.vals + 1, size.upds);
        chain.drain(..).for_each(|mut chunk| builder.push(&mut chunk));
        Shared(Arc::new(builder.done(description)))
    }
}

/// What sorted updates come to in a batch. What grows by doubling is touched twice, and touching
/// memory for the first time is most of what a large batch costs.
#[derive(Default)]
struct Size {
    keys: usize,
    key_bytes: usize,
    vals: usize,
    val_bytes: usize,
    /// Those that differ from the one before in time or diff: the others take no room.
    upds: usize,
}

impl Size {
    fn of<R: Diff>(chain: &[Vec<Update<R>>]) -> Size {
        let mut size = Size::default();
        let mut last: Option<&Update<R>> = None;
        for update in chain.iter().flatten() {
            let ((key, val), time, diff) = update;
            let same_key = last.is_some_and(|last| last.0.0 == *key);
            if !same_key {
                size.keys += 1;
                size.key_bytes += key.0.len();
            }
            if !same_key || last.is_some_and(|last| last.0.1 != *val) {
                size.vals += 1;
                size.val_bytes += val.0.len();
            }
            if last.is_none_or(|last| last.1 != *time || last.2 != *diff) {
                size.upds += 1;
            }
            last = Some(update);
        }
        size
    }
}

/// The trace of an arrangement on one worker.
pub type Trace<R> = TraceAgent<Spine<Shared<R>>>;

/// Arranges updates by key, each on the worker its key belongs to; see [`home`].
pub fn arrange<'scope, R: Diff>(
    updates: Stream<'scope, Lsn, Vec<Update<R>>>,
    name: &str,
) -> Arranged<'scope, Trace<R>> {
    let by_key = Exchange::new(|update: &Update<R>| hash(&update.0.0.0));
    differential_dataflow::operators::arrange::arrangement::arrange_core::<
        _,
        _,
        ContainerChunker<Vec<Update<R>>>,
        OrdValBatcher<Row, Row, Lsn, R>,
        SharedBuilder<R>,
        Spine<Shared<R>>,
    >(updates, by_key, name)
}

/// The worker that holds a key, as timely's exchange chooses it from the same hash.
pub fn home(key: &[u8], workers: usize) -> usize {
    (hash(key) % workers as u64) as usize
}
