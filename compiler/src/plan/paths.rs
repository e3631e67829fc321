//! The way up: how a change inside a block finds the roots that show it.
//!
//! ```text
//! items[order_id] ─ the changed key is orders.id ─► orders[id] gives user_id ─► users.id
//! ```
//!
//! A block is looked up by a key computed from the enclosing row (its *link*). Upwards the same
//! key is at hand and the enclosing rows are sought: where the link is what they are kept by,
//! they have been found, else they are found in an arrangement by the link. Every link is walked
//! as of now, and a link that moved is itself a change, seeded at its own place; so each root
//! whose document differs is reached.

use std::collections::BTreeSet;

use super::build::Builder;
use super::{ColumnId, Head, Hop, KeptId, KeyPart, Path, TableId};

/// The row fields are read from, and where it stands under the root.
pub(super) struct Scope {
    /// Its table.
    pub(super) table: TableId,
    /// By what its rows are found.
    pub(super) key: Vec<KeyPart>,
    /// From that key to the root's.
    pub(super) hops: Vec<Hop>,
    /// Where the document shows it, dotted; empty for the root.
    pub(super) field: String,
    /// The columns read of it.
    pub(super) reads: BTreeSet<ColumnId>,
}

impl Scope {
    /// The dotted name of a field here.
    pub(super) fn label(&self, name: &str) -> String {
        if self.field.is_empty() { name.to_owned() } else { format!("{}.{name}", self.field) }
    }
}

impl Builder<'_> {
    /// From a link's key to the root's.
    pub(super) fn up(&mut self, outer: &Scope, link: &[KeyPart]) -> Vec<Hop> {
        if link == outer.key {
            return outer.hops.clone();
        }
        let mut hops = vec![self.hop(outer.table, link, &outer.key)];
        hops.extend(outer.hops.iter().cloned());
        hops
    }

    /// One step: the rows of `table` under `key`, each giving the next key.
    pub(super) fn hop(&mut self, table: TableId, key: &[KeyPart], gives: &[KeyPart]) -> Hop {
        let columns = gives.iter().map(|part| part.column).collect();
        let kept = self.demands.rows(table, key.to_vec(), columns, Vec::new());
        Hop { kept, gives: gives.to_vec() }
    }

    /// Notes that changes of `from` reach the root by `hops`.
    pub(super) fn path(
        &mut self,
        from: KeptId,
        field: String,
        reads: &BTreeSet<ColumnId>,
        head: Option<Head>,
        hops: Vec<Hop>,
    ) {
        let reads = reads.iter().copied().collect();
        self.paths.push(Path { from, field, reads, head, hops });
    }
}
