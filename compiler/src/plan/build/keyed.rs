//! Relations of a query by key: what must be kept of them, and how a change of one gets to the root.
//!
//! Here also one of the ways that need not read a group: the head of an ordered arrangement, when
//! only its first rows are. The other, numbers, is [`reduced`](super::reduced).

use std::collections::BTreeSet;

use super::conjuncts::{Link, inputs_of, joined};
use super::demand::Wants;
use super::lower::Lowering;
use super::query::{Frame, Site, Stand, stand};
use crate::diagnostics::{At, Place};
use crate::expr::Expr;
use crate::plan::{ColumnId, Head, Hop, KeyPart, OrderPart, Path, TableId};
use crate::sql::block::{Block, BlockAggregate, Distinct, From, JoinKind, SortKey, Source};

/// A relation that has been found a key for.
pub struct Keyed {
    /// Where its rows are.
    pub site: Site,
    /// The inputs of the query that make the key.
    pub key: Vec<KeyPart>,
}

/// A key of a relation, and the row it is made from.
pub struct Key {
    /// That row.
    pub from: Site,
    /// Columns of that row.
    pub outer: Vec<KeyPart>,
    /// Columns of the relation.
    pub inner: Vec<KeyPart>,
    /// The inputs of the query on the outer side.
    pub inputs: Vec<KeyPart>,
}

impl Lowering<'_> {
    /// The relation as rows under a key, in an order when only the first are read.
    pub(super) fn keyed(
        &mut self,
        frames: &[Frame],
        table: TableId,
        block: &Block,
        links: &[Link],
        order: Option<&[OrderPart]>,
    ) -> Option<Keyed> {
        let Key { from, outer, inner, inputs } = self.key(frames, table, block, links)?;
        let up = self.climb(&from, &outer);
        let (order, head) = (order.map(<[OrderPart]>::to_vec), order.is_some());
        let wants = Wants::Rows { order, head, columns: BTreeSet::new() };
        let demand = self.demands.add(table, inner.clone(), wants);
        let sorted = self.demands.order(demand).into_iter().map(|part| part.column);
        self.further.entry(demand).or_default().extend(sorted);
        Some(Keyed { site: Site { table, demand, key: inner, up }, key: inputs })
    }

    /// The key that links make; without any that of the root, for it is the same for every document.
    pub(super) fn key(
        &mut self,
        frames: &[Frame],
        table: TableId,
        block: &Block,
        links: &[Link],
    ) -> Option<Key> {
        let mut parts = Vec::new();
        for link in links {
            let (inner, outer) = (&block.inputs[link.inner], &block.inputs[link.outer]);
            let Source::Column { column, .. } = &inner.source else { return None };
            let inner = self.tables.column(table, &At::new(column.clone(), inner.place))?;
            let Source::Column { level, relation, column } = &outer.source else { return None };
            let place = outer.place;
            let outer = self.column_of(frames, (*level, *relation), column, place)?;
            let Stand::Table(site) = stand(frames, *level, *relation)? else { return None };
            let from = (site.table, [outer]);
            let (outer, inner) = self.tables.link((from.0, &from.1), (table, &[inner]), place)?;
            let input = ColumnId(link.outer as u16);
            parts.push((site.clone(), outer.first()?.clone(), inner.first()?.clone(), input));
        }
        parts.sort_by_key(|(_, _, inner, _)| inner.column);
        Some(Key {
            from: match parts.first() {
                Some((site, ..)) => site.clone(),
                // It is the same for every document.
                None => root(frames)?,
            },
            outer: parts.iter().map(|(_, outer, ..)| outer.clone()).collect(),
            inner: parts.iter().map(|(_, _, inner, _)| inner.clone()).collect(),
            inputs: parts
                .iter()
                .map(|(_, _, inner, input)| KeyPart { column: *input, ..inner.clone() })
                .collect(),
        })
    }

    /// From a link on a row to the root.
    pub(super) fn climb(&mut self, from: &Site, link: &[KeyPart]) -> Vec<Hop> {
        let mut up = from.up.clone();
        if link != from.key {
            let kept = self.demands.link(from.table, link.to_vec(), &from.key);
            up.insert(0, Hop { kept, gives: from.key.clone() });
        }
        up
    }

    /// A relation is done: what was read of it is kept, and a change of it finds its way up.
    pub(super) fn leads_up(&mut self, site: Site, field: &str, head: Option<Head>) {
        let Site { demand, key, up: hops, .. } = site;
        let mut reads = self.further.remove(&demand).unwrap_or_default();
        reads.extend(key.iter().map(|part| part.column));
        if let Some(filter) = head.as_ref().and_then(|head| head.filter.as_ref()) {
            super::filters::columns(filter, &mut reads);
        }
        self.demands.read(demand, reads.iter().copied());
        let reads = reads.into_iter().collect();
        self.add_path(Path { from: demand, field: field.to_owned(), reads, head, hops });
    }

    /// Columns of a relation's own rows in the place of a query's inputs.
    pub(super) fn own(&mut self, table: TableId, block: &Block, expr: &Expr) -> Option<Expr> {
        let mut wanted = Vec::new();
        inputs_of(expr, &mut wanted);
        let mut columns = vec![None; block.inputs.len()];
        for input in wanted {
            let at = usize::from(input.0);
            let Source::Column { column, .. } = &block.inputs[at].source else { return None };
            columns[at] = self.column_at(table, column, block.inputs[at].place);
        }
        let mut expr = expr.clone();
        expr.rename(&|input| columns[usize::from(input.0)].unwrap_or(input));
        Some(expr)
    }

    fn column_at(&mut self, table: TableId, column: &str, place: Place) -> Option<ColumnId> {
        self.tables.column(table, &At::new(column.to_owned(), place))
    }

    /// The order that first rows stand in, by the columns of the table.
    pub(super) fn order_parts(
        &mut self,
        table: TableId,
        block: &Block,
        keys: &[SortKey],
    ) -> Option<Vec<OrderPart>> {
        let part = |key: &SortKey| {
            let Expr::Column(column) = self.own(table, block, &key.expr)? else { return None };
            let SortKey { class, descending, nulls_first, .. } = key;
            let (descending, nulls_first) = (*descending, *nulls_first);
            Some(OrderPart { column, class: class.clone(), descending, nulls_first })
        };
        keys.iter().map(part).collect()
    }
}

fn root(frames: &[Frame]) -> Option<Site> {
    match frames.first()?.first()? {
        Stand::Table(site) => Some(site.clone()),
        Stand::Outputs(_) | Stand::Counted(_) | Stand::Later => None,
    }
}

/// `SELECT max(x)` as `SELECT x ORDER BY x DESC LIMIT 1`, which need not read the group.
pub fn extreme_first(block: &mut Block) {
    let Block { inputs, aggregates, group, outputs, .. } = &*block;
    let ([call], [output], Some([])) =
        (aggregates.as_slice(), outputs.as_slice(), group.as_deref())
    else {
        return;
    };
    let descending = match call.function {
        BlockAggregate::Max => true,
        BlockAggregate::Min => false,
        _ => return,
    };
    let (Expr::Column(shown), Some(of @ Expr::Column(_))) = (&output.expr, &call.of) else {
        return;
    };
    let plain = inputs[usize::from(shown.0)].source == Source::Aggregate(0)
        && call.filter.is_none()
        && block.having.is_none()
        && block.relations.len() == 1
        && matches!(block.relations[0].from, From::Table(_))
        && block.union.is_empty()
        && block.distinct == Distinct::No
        && block.order.is_empty()
        && (block.limit, block.offset) == (None, 0);
    if !plain {
        return;
    }
    let of = of.clone();
    let valued = Expr::Not(Box::new(Expr::IsNull(Box::new(of.clone()))));
    let class = output.ty.class();
    block.filter = joined(block.filter.take().into_iter().chain([valued]).collect());
    block.order = vec![SortKey { expr: of.clone(), class, descending, nulls_first: false }];
    block.outputs[0].expr = of;
    block.limit = Some(1);
    block.group = None;
    block.aggregates.clear();
}

/// Whether an expression reads nothing but the query's first relation.
pub fn is_own(expr: &Expr, block: &Block) -> bool {
    let mut wanted = Vec::new();
    inputs_of(expr, &mut wanted);
    wanted.iter().all(|input| {
        matches!(block.inputs[usize::from(input.0)].source, Source::Column { level: 0, .. })
    })
}

/// The order of a query that shows only the first rows of one relation, by columns of it, and how
/// many those are.
pub fn first_rows(block: &Block) -> Option<(Vec<SortKey>, u64)> {
    let [relation] = block.relations.as_slice() else { return None };
    let plain = matches!(relation.from, From::Table(_))
        && relation.join == JoinKind::Inner
        && block.group.is_none()
        && block.aggregates.is_empty()
        && block.distinct == Distinct::No
        && block.union.is_empty();
    let columns = block
        .order
        .iter()
        .all(|key| matches!(key.expr, Expr::Column(_)) && is_own(&key.expr, block));
    let shown = block.limit?.saturating_add(block.offset);
    (plain && columns).then(|| (block.order.clone(), shown))
}
