//! Several tables joined and reduced to numbers, with no joined row ever kept.
//!
//! ```text
//!  a change in orders   ─► items[order_id] ─► products[id]  ─┐
//!  a change in items    ─► orders[id] ─► products[id]        ├─► ± joined rows ─► numbers by key
//!  a change in products ─► items[product_id] ─► orders[id]  ─┘
//! ```
//!
//! A joined row is a row of each relation side by side: its columns are those of the first table,
//! then those of the second, and so on, numbered through. A change is carried along its [`Walk`] by
//! lookups in what is kept of the others: of the relations before its own as they stand after the
//! change, of those behind as they stood before it. So every joined row is counted in once and
//! counted out once, whatever changes together.

use serde::Serialize;

use super::{Column, ColumnId, Holds, KeptId, KeyPart, Path, Plan, Table, TableId, Tally, names};
use crate::expr::Expr;

/// Rows of several tables joined, and what they come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Join {
    /// The tables. The first is that of the [`Kept`](super::Kept), whose key is made of its
    /// columns.
    pub relations: Vec<TableId>,
    /// All that is true of a joined row, over its columns: the equalities that link the relations,
    /// and what else was asked.
    pub conditions: Vec<Expr>,
    /// By relation, how a change in it becomes joined rows.
    pub walks: Vec<Walk>,
    /// What of the joined rows is counted and summed.
    pub tallies: Vec<Tally>,
}

/// From a row of one relation to whole joined rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Walk {
    /// What must be true of the row itself.
    pub tested: Option<Expr>,
    /// The other relations, each found by those before it.
    pub steps: Vec<Step>,
}

/// One relation of a walk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Position in [`Join::relations`].
    pub relation: u16,
    /// Where its rows are.
    pub kept: KeptId,
    /// Columns of the joined row so far that make the key; a NULL among them finds nothing.
    pub key: Vec<KeyPart>,
    /// What must be true as soon as the row is there.
    pub tested: Option<Expr>,
}

/// Rows of a table that have a part in documents, and how they are linked to the root.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The table.
    pub table: TableId,
    /// Columns of it that the first link is found by; the root's key where there is none.
    pub key: Vec<KeyPart>,
    /// From there to the root.
    pub links: Vec<Link>,
}

/// Rows found by what was given, and what they give.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Their table.
    pub table: TableId,
    /// Found by these columns.
    pub key: Vec<KeyPart>,
    /// Giving these.
    pub gives: Vec<KeyPart>,
    /// How plans call where they are found: `orders[id]`.
    pub name: String,
}

impl Join {
    /// A joined row as the row of a table, its columns called `items.price`; a table that stands
    /// there again is numbered.
    pub fn row(&self, tables: &[Table]) -> Table {
        let of = |id: &TableId| &tables[usize::from(id.0)];
        let mut columns = Vec::new();
        for (position, relation) in self.relations.iter().enumerate() {
            let name = self.called(tables, position);
            columns.extend(of(relation).columns.iter().map(|column| Column {
                name: format!("{name}.{}", column.name),
                ty: column.ty.clone(),
            }));
        }
        let name = of(&self.relations[0]).name.clone();
        Table { name, key: Vec::new(), columns }
    }

    /// How a relation is called.
    pub fn called(&self, tables: &[Table], position: usize) -> String {
        let of = self.relations[position];
        let name = &tables[usize::from(of.0)].name;
        match self.relations[..position].iter().filter(|one| **one == of).count() {
            0 => name.to_string(),
            again => format!("{name}_{}", again + 1),
        }
    }

    /// Where the columns of a relation begin in a joined row.
    pub fn offset(&self, tables: &[Table], relation: usize) -> usize {
        let widths = self.relations[..relation].iter();
        widths.map(|table| tables[usize::from(table.0)].columns.len()).sum()
    }

    /// The kept things that changes are carried through, each once.
    pub fn reads(&self) -> Vec<KeptId> {
        let steps = self.walks.iter().flat_map(|walk| &walk.steps);
        let mut reads: Vec<KeptId> = steps.map(|step| step.kept).collect();
        reads.sort();
        reads.dedup();
        reads
    }

    /// The columns of a joined row that decide what it comes to under a key, in their order.
    pub fn columns_read(&self, key: &[KeyPart]) -> Vec<usize> {
        let mut read: Vec<ColumnId> = key.iter().map(|part| part.column).collect();
        let tallies = self.tallies.iter().flat_map(|tally| tally.of.iter().chain(&tally.filter));
        self.conditions.iter().chain(tallies).for_each(|expr| columns(expr, &mut read));
        let mut read: Vec<usize> = read.into_iter().map(|column| column.0.into()).collect();
        read.sort_unstable();
        read.dedup();
        read
    }

    /// The relation of a column of a joined row, and which column of it that is.
    fn origin(&self, tables: &[Table], column: ColumnId) -> (usize, ColumnId) {
        let at = usize::from(column.0);
        let begins = |relation: &usize| self.offset(tables, *relation) <= at;
        let relation = (0..self.relations.len()).rev().find(begins).unwrap_or_default();
        (relation, ColumnId((at - self.offset(tables, relation)) as u16))
    }
}

impl Plan {
    /// The rows whose change takes a path: those of its table, or where that is joined to others
    /// those of each.
    pub fn reaches(&self, path: &Path) -> Vec<Reach> {
        let from = self.kept(path.from);
        let links = path.hops.iter().map(|hop| {
            let kept = self.kept(hop.kept);
            let (key, gives, name) = (kept.key.clone(), hop.gives.clone(), kept.name.clone());
            Link { table: kept.table, key, gives, name }
        });
        let first = Reach { table: from.table, key: from.key.clone(), links: links.collect() };
        let Holds::Joined(join) = &from.holds else { return vec![first] };
        // The walk from the first relation finds each of the others by one before it.
        let mut reached: Vec<Option<Reach>> = vec![None; join.relations.len()];
        reached[0] = Some(first);
        for step in &join.walks[0].steps {
            let found: Vec<(usize, KeyPart)> = step
                .key
                .iter()
                .map(|part| {
                    let (relation, column) = join.origin(&self.tables, part.column);
                    (relation, KeyPart { column, class: part.class.clone() })
                })
                .collect();
            let by = found.first().map_or(0, |(relation, _)| *relation);
            let Some(before) = &reached[by] else { continue };
            let key: Vec<KeyPart> = found.into_iter().map(|(_, part)| part).collect();
            let (table, gives) = (before.table, before.key.clone());
            let name = names::keyed(self.table(table), &key);
            let links = [Link { table, key, gives, name }];
            let links = links.into_iter().chain(before.links.iter().cloned()).collect();
            let kept = self.kept(step.kept);
            let reach = Reach { table: kept.table, key: kept.key.clone(), links };
            reached[usize::from(step.relation)] = Some(reach);
        }
        reached.into_iter().flatten().collect()
    }
}

fn columns(expr: &Expr, into: &mut Vec<ColumnId>) {
    if let Expr::Column(column) = expr {
        into.push(*column);
    }
    expr.parts().into_iter().for_each(|part| columns(part, into));
}
