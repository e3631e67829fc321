//! Rows of other tables: how a join's rows are found from the row in scope.

use std::collections::BTreeSet;

use super::build::Builder;
use super::filters::all;
use super::paths::Scope;
use super::{ColumnId, Head, Hop, KeyPart, OrderPart, Read, TableId, Value};
use crate::diagnostics::Place;
use crate::expr::Expr;
use crate::files::schema::{Join, Link, Through};

/// The two sides of an equality between keys.
pub(super) struct KeyPair {
    /// Columns of the enclosing row.
    pub(super) outer: Vec<KeyPart>,
    /// Columns of the row found.
    pub(super) inner: Vec<KeyPart>,
}

impl Builder<'_> {
    /// `belongs_to`, `has_one`, `has_many`, `many_to_many`.
    pub(super) fn join(&mut self, outer: &mut Scope, name: &str, join: &Join) -> Value {
        let table = self.tables.table(&join.table);
        let (link, through) = match &join.link {
            Link::BelongsTo(columns) => {
                let here = self.tables.columns(outer.table, columns);
                let there = self.key_columns(table);
                (self.link(outer.table, &here, table, &there, columns.place), None)
            }
            Link::HasOne(columns) | Link::HasMany(columns) => {
                (self.to_children(outer, table, columns), None)
            }
            Link::ManyToMany(through) => {
                let (left, far, hop) = self.through(outer, table, through);
                (KeyPair { outer: left.outer, inner: far }, Some((left.inner, hop)))
            }
        };
        let limit = match &join.link {
            Link::HasOne(_) => Some(1),
            Link::BelongsTo(_) | Link::HasMany(_) | Link::ManyToMany(_) => join.limit,
        };
        self.enter(outer, &link.outer);
        let field = outer.label(name);
        let mut hops = self.up(outer, &link.outer);
        if let Some((left, hop)) = &through {
            self.junction(hop, &field, hops.clone());
            hops.insert(0, self.back(left, hop));
        }
        let reads = BTreeSet::new();
        let mut inner = Scope { table, key: link.inner.clone(), hops, field, reads };
        let filter = all(self.conditions(&mut inner, join.filters.as_deref()));
        let order = self.order(&inner, join.order_by.as_deref());
        let shape = self.object(&mut inner, &join.fields);
        let through = through.map(|(_, hop)| hop);
        let read = self.rows(inner, link.outer, through, filter, order, limit);
        match &join.link {
            Link::BelongsTo(_) | Link::HasOne(_) => Value::One(read, shape),
            Link::HasMany(_) | Link::ManyToMany(_) => Value::Many(read, shape),
        }
    }

    /// Demands the rows of a block and notes the way up from them.
    pub(super) fn rows(
        &mut self,
        inner: Scope,
        key: Vec<KeyPart>,
        through: Option<Hop>,
        filter: Option<Expr>,
        order: Vec<OrderPart>,
        limit: Option<u64>,
    ) -> Read {
        let Scope { table, key: by, hops, field, reads } = inner;
        let limited = limit.filter(|_| through.is_none());
        let kept = match (limited, &through) {
            (Some(_), _) => self.demands.head(table, by, reads.clone(), order.clone()),
            (None, None) => self.demands.rows(table, by, reads.clone(), order.clone()),
            (None, Some(_)) => self.demands.gathered(table, by, reads.clone(), order.clone()),
        };
        let head = limited.map(|limit| Head { filter: filter.clone(), limit });
        self.path(kept, field, &reads, head, hops);
        Read { key, through, kept, filter, order, sorted: limited.is_some(), limit }
    }

    /// Link columns are read of the enclosing row.
    pub(super) fn enter(&self, outer: &mut Scope, link: &[KeyPart]) {
        outer.reads.extend(link.iter().map(|part| part.column));
    }

    /// This row's primary key against columns of the related table.
    pub(super) fn to_children(
        &mut self,
        outer: &Scope,
        table: TableId,
        columns: &crate::files::schema::Columns,
    ) -> KeyPair {
        let here = self.key_columns(outer.table);
        let there = self.tables.columns(table, columns);
        self.link(outer.table, &here, table, &there, columns.place)
    }

    /// Through a junction: this row against it, the far rows' key, and the step across.
    pub(super) fn through(
        &mut self,
        outer: &Scope,
        far: TableId,
        through: &Through,
    ) -> (KeyPair, Vec<KeyPart>, Hop) {
        let junction = self.tables.table(&through.table);
        let left = self.to_children(outer, junction, &through.left_key);
        let right = self.tables.columns(junction, &through.right_key);
        let there = self.key_columns(far);
        let KeyPair { outer: gives, inner: far } =
            self.link(junction, &right, far, &there, through.right_key.place);
        let hop = self.hop(junction, &left.inner, &gives);
        (left, far, hop)
    }

    /// Changes of the junction's own rows.
    pub(super) fn junction(&mut self, hop: &Hop, field: &str, hops: Vec<Hop>) {
        let reads = hop.gives.iter().map(|part| part.column).collect();
        self.path(hop.kept, field.to_owned(), &reads, None, hops);
    }

    /// From the far rows' key back across the junction to this row's.
    pub(super) fn back(&mut self, left: &[KeyPart], hop: &Hop) -> Hop {
        let junction = self.demands.table(hop.kept);
        self.hop(junction, &hop.gives, left)
    }

    pub(super) fn key_columns(&self, table: TableId) -> Vec<ColumnId> {
        self.tables.key(table).iter().map(|part| part.column).collect()
    }

    /// Columns against columns, each pair by the class in which they meet.
    fn link(
        &mut self,
        outer: TableId,
        here: &[ColumnId],
        inner: TableId,
        there: &[ColumnId],
        place: Place,
    ) -> KeyPair {
        let mut link = KeyPair { outer: Vec::new(), inner: Vec::new() };
        if here.len() != there.len() {
            let (a, b) = (self.tables.name(outer), self.tables.name(inner));
            let message = format!(
                "the keys do not match: {} of `{a}` against {} of `{b}`",
                columns(here.len()),
                columns(there.len())
            );
            self.complain(place, message);
        }
        for (&a, &b) in here.iter().zip(there) {
            let Some(class) = self.tables.meet((outer, a), (inner, b)) else {
                let says = |table, column| {
                    let (name, ty) = (self.tables.name(table), self.tables.ty(table, column));
                    format!("`{name}.{}` ({ty})", self.tables.column_name(table, column))
                };
                let message =
                    format!("{} cannot be compared with {}", says(outer, a), says(inner, b));
                self.complain(place, message);
                continue;
            };
            link.outer.push(KeyPart { column: a, class: class.clone() });
            link.inner.push(KeyPart { column: b, class });
        }
        link
    }
}

fn columns(count: usize) -> String {
    if count == 1 { "one column".to_owned() } else { format!("{count} columns") }
}
