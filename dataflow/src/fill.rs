//! Fills: documents handed on because somebody has to get them, not because they changed.
//!
//! ```text
//!  Engine ─► Mailbox of each worker ─► Orders ─► gather walks the first that has room, in chunks
//! ```
//!
//! An order is for all documents of an index, or for some by their ids. It is carried out between
//! changes, by the worker that owns the documents, from what is kept: so its documents and the
//! changes of the same documents come in one order, the newest last. Orders are taken up as they
//! came; one whose documents nobody takes stands back for the next.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use timely::scheduling::SyncActivator;

use crate::order;
use crate::row::Row;
use crate::shape;

/// How an index begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Nobody has a document of it: all are handed on, as fill 0, and what each came out as is
    /// remembered, so that a change which leaves it so is not handed on.
    Emit,
    /// Documents were handed on by an earlier run. Fill 0 is empty and at once complete. Nothing
    /// is walked to learn what they were: the first change that reaches a document hands it on
    /// even if it comes out as it was, later ones compare.
    Silent,
}

/// What is to be filled.
#[derive(Clone)]
pub(crate) enum What {
    /// Every document after this root key.
    All(Option<Box<[u8]>>),
    /// Documents by their ids, each with its root key, last first.
    These(Vec<(Box<str>, Row)>),
}

/// One worker's part of a fill.
#[derive(Clone)]
pub(crate) struct Order {
    pub number: u32,
    /// Position of the index in the plan.
    pub index: usize,
    pub what: What,
    /// Bytes of its documents in flight, of all workers.
    pub taken: Arc<AtomicUsize>,
}

/// Where orders are left for a worker.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    orders: Vec<Order>,
    /// None until the worker has begun; it looks by itself when the first copy is complete.
    wake: Option<SyncActivator>,
}

impl Mailbox {
    /// How to wake the worker.
    pub fn at(&self, wake: SyncActivator) {
        self.lock().wake = Some(wake);
    }

    /// Leaves an order. A worker that has ended takes no more, and nobody waits for it.
    pub fn leave(&self, order: Order) {
        let mut waiting = self.lock();
        waiting.orders.push(order);
        if let Some(wake) = &waiting.wake {
            let _ = wake.activate();
        }
    }

    /// Takes what was left.
    pub fn take(&self) -> Vec<Order> {
        std::mem::take(&mut self.lock().orders)
    }

    /// Each operation leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The root key of a document's id. An id that is no key's has a key under which no root is found,
/// so that it comes out as no document.
pub(crate) fn root_key(document: &shape::Document, id: &str) -> Row {
    let texts = match document.id.len() {
        1 => vec![id.to_owned()],
        _ => parts(id),
    };
    let mut key = Vec::new();
    let fits = texts.len() == document.id.len()
        && document
            .id
            .iter()
            .zip(&texts)
            .all(|(part, text)| order::encode(&part.class, text.as_bytes(), &mut key).is_ok());
    if !fits {
        key.clear();
    }
    Row::from(key.as_slice())
}

/// The texts of a key of several columns, as [`document_id`](crate::json::document_id) strung
/// them together.
fn parts(id: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = id.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => parts.push(String::new()),
            '\\' => parts.last_mut().into_iter().for_each(|part| part.extend(characters.next())),
            _ => parts.last_mut().into_iter().for_each(|part| part.push(character)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::document_id;
    use crate::row::Datum;

    proptest! {
        #[test]
        fn an_id_falls_apart_into_its_texts(key in prop::collection::vec(r"[a:\\é]{0,4}", 2..4)) {
            let texts: Vec<_> = key.iter().map(|text| Datum::Text(text.as_bytes())).collect();
            prop_assert_eq!(parts(&document_id(&texts)), key);
        }
    }
}
