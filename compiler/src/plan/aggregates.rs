//! One value over rows of another table: read off a tally where the sum can follow each change,
//! off the head of an arrangement for the least and the greatest, and over the rows otherwise.

use std::collections::BTreeSet;

use super::build::Builder;
use super::filters::all;
use super::joins::KeyPair;
use super::paths::Scope;
use super::{Aggregate, AggregateFunction, ColumnId, Hop, KeyPart, OrderPart, TableId, Tally};
use crate::diagnostics::{At, Place};
use crate::expr::Expr;
use crate::files::schema::{self, AggregateKey, AggregateOp, Columns, FieldType, Through};
use crate::types::{SqlType, render};

impl Builder<'_> {
    /// `count sum avg min max ids`.
    pub(super) fn aggregate(
        &mut self,
        outer: &mut Scope,
        name: &str,
        aggregate: &schema::Aggregate,
    ) -> Aggregate {
        let field = outer.label(name);
        if let (AggregateOp::Ids(element), AggregateKey::Through(through)) =
            (&aggregate.op, &aggregate.key)
            && aggregate.filters.as_deref().unwrap_or_default().is_empty()
        {
            return self.linked_ids(outer, field, element, through);
        }
        let table = self.tables.table(&aggregate.table);
        let (link, through) = match &aggregate.key {
            AggregateKey::Direct(columns) => (self.to_children(outer, table, columns), None),
            AggregateKey::Through(through) => {
                let (left, far, hop) = self.through(outer, table, through);
                (KeyPair { outer: left.outer, inner: far }, Some((left.inner, hop)))
            }
        };
        self.enter(outer, &link.outer);
        let mut hops = self.up(outer, &link.outer);
        if let Some((left, hop)) = &through {
            self.junction(hop, &field, hops.clone());
            hops.insert(0, self.back(left, hop));
        }
        let reads = BTreeSet::new();
        let mut inner = Scope { table, key: link.inner, hops, field, reads };
        let filters = self.conditions(&mut inner, aggregate.filters.as_deref());
        let through = through.map(|(_, hop)| hop);
        self.over(inner, link.outer, through, filters, aggregate)
    }

    fn over(
        &mut self,
        mut inner: Scope,
        key: Vec<KeyPart>,
        through: Option<Hop>,
        filters: Vec<Expr>,
        aggregate: &schema::Aggregate,
    ) -> Aggregate {
        use AggregateFunction::{Avg, Count, Ids, Max, Min, Sum};
        let any = |builder: &Self| builder.key_columns(inner.table).first().copied();
        let (function, column, declared) = match &aggregate.op {
            AggregateOp::Count => (Count, None, &FieldType::Long),
            AggregateOp::Avg(column) => (Avg, Some(column), &FieldType::Double),
            AggregateOp::Sum(column) => (Sum, Some(column), value_type(aggregate)),
            AggregateOp::Min(column) => (Min, Some(column), value_type(aggregate)),
            AggregateOp::Max(column) => (Max, Some(column), value_type(aggregate)),
            AggregateOp::Ids(element) => (Ids, None, element),
        };
        let (of, ty) = match column {
            Some(column) => {
                let id = self.read(&mut inner, column, column.place);
                let ty = self.tables.ty(inner.table, id);
                self.defined(function, &ty, column);
                (id, ty)
            }
            None => {
                let id = any(self).unwrap_or(ColumnId(0));
                (id, self.tables.ty(inner.table, id))
            }
        };
        if function == Ids {
            inner.reads.insert(of);
            self.one_column(self.key_columns(inner.table).len(), aggregate.table.place);
        }
        let of_column = column.map(|_| of);
        let render = render(&ty, declared);
        let (order, limit, filter) = match (function, &through) {
            (Count | Sum | Avg, None) => {
                let tally = Tally { of: of_column, filter: all(filters) };
                return self.tallied(inner, key, function, tally, ty);
            }
            (Min | Max, None) => {
                let descending = function == Max;
                let class = ty.class();
                let order = OrderPart { column: of, class, descending, nulls_first: false };
                let is_null = Expr::IsNull(Box::new(Expr::Column(of)));
                let mut conditions = vec![Expr::Not(Box::new(is_null))];
                conditions.extend(filters);
                (vec![order], Some(1), all(conditions))
            }
            _ => (Vec::new(), None, all(filters)),
        };
        let read = self.rows(inner, key, through, filter, order, limit);
        Aggregate::Gathered { read, function, column: of, ty, render }
    }

    fn tallied(
        &mut self,
        inner: Scope,
        key: Vec<KeyPart>,
        function: AggregateFunction,
        tally: Tally,
        ty: SqlType,
    ) -> Aggregate {
        let kept = self.demands.tally(inner.table, inner.key, tally);
        self.path(kept, inner.field, &BTreeSet::new(), None, inner.hops);
        // Its position among the tallies is settled with the kept thing.
        Aggregate::Tallied { kept, key, tally: 0, function, ty }
    }

    /// The junction alone knows the keys of what it links.
    fn linked_ids(
        &mut self,
        outer: &mut Scope,
        field: String,
        element: &FieldType,
        through: &Through,
    ) -> Aggregate {
        let table = self.tables.table(&through.table);
        let link = self.to_children(outer, table, &through.left_key);
        self.enter(outer, &link.outer);
        let hops = self.up(outer, &link.outer);
        let mut inner = Scope { table, key: link.inner, hops, field, reads: BTreeSet::new() };
        let column = self.single(table, &through.right_key);
        inner.reads.insert(column);
        let ty = self.tables.ty(table, column);
        let class = ty.class();
        let order = OrderPart { column, class, descending: false, nulls_first: false };
        let render = render(&ty, element);
        let read = self.rows(inner, link.outer, None, None, vec![order], None);
        Aggregate::Gathered { read, function: AggregateFunction::Ids, column, ty, render }
    }

    fn single(&mut self, table: TableId, columns: &Columns) -> ColumnId {
        let ids = self.tables.columns(table, columns);
        self.one_column(ids.len(), columns.place);
        ids.first().copied().unwrap_or(ColumnId(0))
    }

    fn one_column(&mut self, columns: usize, place: Place) {
        if columns != 1 {
            self.complain(
                place,
                format!("`ids` needs a key of one column, this one has {columns}"),
            );
        }
    }

    /// Complains where Postgres has no such aggregate.
    fn defined(&mut self, function: AggregateFunction, ty: &SqlType, column: &At<String>) {
        use AggregateFunction::{Avg, Count, Ids, Max, Min, Sum};
        let (word, well) = match function {
            Count | Ids => return,
            Sum => ("sum", ty.is_number()),
            Avg => ("avg", ty.is_number()),
            Min | Max => {
                let word = if function == Min { "min" } else { "max" };
                let well = !matches!(ty, SqlType::Bool | SqlType::Uuid) && ty.class().is_ordered();
                (word, well)
            }
        };
        if ty.is_known() && !well {
            let name = &column.value;
            self.complain(
                column.place,
                format!("`{word}` is not defined for {ty}, which `{name}` is"),
            );
        }
    }
}

/// The loader sees to it that `sum`, `min` and `max` have one.
fn value_type(aggregate: &schema::Aggregate) -> &FieldType {
    aggregate.value_type.as_ref().unwrap_or(&FieldType::Double)
}
