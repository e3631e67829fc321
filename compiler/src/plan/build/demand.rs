//! What a reader needs to be kept, before it is known who else needs it.

use std::collections::BTreeSet;

use crate::plan::{ColumnId, Join, KeptId, KeyPart, OrderPart, TableId, Tally};

/// A need of one reader. Until [`share`](super::share) has run, a [`KeptId`] in a lowered index is
/// the position of a demand.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Rows of which table.
    pub table: TableId,
    /// Found by what.
    pub key: Vec<KeyPart>,
    /// What is read.
    pub wants: Wants,
}

/// What is read under a key.
#[derive(Clone, Debug)]
pub enum Wants {
    /// Columns of rows.
    Rows {
        /// The order a document shows them in; none where nobody looks at the order.
        order: Option<Vec<OrderPart>>,
        /// Whether they must stand in that order, because only the first are read.
        head: bool,
        /// What is read of each.
        columns: BTreeSet<ColumnId>,
    },
    /// A number over them.
    Tally(Tally),
    /// A number over what they and others come to when joined.
    Joined(Join),
}

/// All demands of a deployment.
#[derive(Default)]
pub struct Demands(pub Vec<Demand>);

impl Demands {
    /// Adds one; the number stands for the kept thing it will become.
    pub fn add(&mut self, table: TableId, key: Vec<KeyPart>, wants: Wants) -> KeptId {
        self.0.push(Demand { table, key, wants });
        KeptId((self.0.len() - 1) as u16)
    }

    /// A link: rows found only to read the columns of the next key off them.
    pub fn link(&mut self, table: TableId, key: Vec<KeyPart>, gives: &[KeyPart]) -> KeptId {
        let columns = gives.iter().map(|part| part.column).collect();
        self.add(table, key, Wants::Rows { order: None, head: false, columns })
    }

    /// The order that a demand for first rows asks for.
    pub fn order(&self, demand: KeptId) -> Vec<OrderPart> {
        match &self.0[usize::from(demand.0)].wants {
            Wants::Rows { order: Some(order), head: true, .. } => order.clone(),
            Wants::Rows { .. } | Wants::Tally(_) | Wants::Joined(_) => Vec::new(),
        }
    }

    /// Reads further columns where a demand for rows stands.
    pub fn read(&mut self, demand: KeptId, more: impl IntoIterator<Item = ColumnId>) {
        if let Wants::Rows { columns, .. } = &mut self.0[usize::from(demand.0)].wants {
            columns.extend(more);
        }
    }
}
