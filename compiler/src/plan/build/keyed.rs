//! Relations of a query by key: what must be kept of them, and how a change of one gets to the root.
//!
//! Here also the two ways that need not read a group: a tally, when a relation is only counted or
//! summed, and the head of an ordered arrangement, when only its first rows are.

use std::collections::BTreeSet;

use super::conjuncts::{Conjunct, Link, conjuncts, inputs_of, joined, links};
use super::demand::Wants;
use super::lower::Lowering;
use super::query::{Frame, Site, Stand, stand};
use super::walk::with_a_place;
use crate::diagnostics::{At, Place};
use crate::expr::Expr;
use crate::plan::query::{Found, Query};
use crate::plan::{ColumnId, Head, Hop, KeyPart, OrderPart, Path, TableId, Tally};
use crate::sql::block::{
    AggregateCall, Asks, Block, BlockAggregate, Distinct, From, JoinKind, SortKey, Source,
};
use crate::types::SqlType;

/// A relation that has been found a key for.
pub struct Keyed {
    /// Where its rows are.
    pub site: Site,
    /// The inputs of the query that make the key.
    pub key: Vec<KeyPart>,
}

/// A key of a relation, and the row it is made from.
struct Key {
    from: Site,
    /// Columns of that row.
    outer: Vec<KeyPart>,
    /// Columns of the relation.
    inner: Vec<KeyPart>,
    /// The inputs of the query on the outer side.
    inputs: Vec<KeyPart>,
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

    fn key(
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

    /// The query as tallies, when all it asks of its one relation is how many or how much. The
    /// outer option is none after a mistake.
    pub(super) fn tallied_query(
        &mut self,
        around: &[Frame],
        field: &str,
        asks: &Asks,
        block: &Block,
    ) -> Option<Option<Query>> {
        let [relation] = block.relations.as_slice() else { return Some(None) };
        let (From::Table(name), JoinKind::Inner) = (&relation.from, relation.join) else {
            return Some(None);
        };
        let Some(aggregates) = tallied(asks, block) else { return Some(None) };
        let frames: Vec<Frame> = around.iter().cloned().chain([vec![Stand::Later]]).collect();
        let (all, there) = (conjuncts(block), BTreeSet::new());
        let by = with_a_place(block, links(block, &all, 0, &there), around, &there);
        let by = by.unwrap_or_default();
        let is_key = |position: usize| by.iter().any(|link| link.conjunct == position);
        let rest: Vec<&Conjunct> =
            all.iter().enumerate().filter(|(n, _)| !is_key(*n)).map(|(_, one)| one).collect();
        let parts = aggregates.iter().flat_map(|call| call.of.iter().chain(&call.filter));
        if !rest.iter().map(|one| &one.expr).chain(parts).all(|expr| is_own(expr, block)) {
            return Some(None);
        }

        let table = self.tables.table(&At::new(name.clone(), relation.place), None)?;
        let Key { from, outer, inner, inputs: key } = self.key(&frames, table, block, &by)?;
        let up = self.climb(&from, &outer);
        let mut tallies = Vec::new();
        for call in &aggregates {
            let mut filter: Vec<Expr> = rest.iter().map(|one| one.expr.clone()).collect();
            filter.extend(call.filter.clone());
            let mut of = call.of.clone();
            if call.function == BlockAggregate::Count {
                // Counting values is counting the rows that have one.
                let valued = of.take().map(|of| Expr::Not(Box::new(Expr::IsNull(Box::new(of)))));
                filter.extend(valued);
            }
            let filter = match joined(filter) {
                Some(filter) => Some(self.own(table, block, &filter)?),
                None => None,
            };
            let of = match of {
                Some(of) => Some(self.own(table, block, &of)?),
                None => None,
            };
            let kept = self.demands.add(table, inner.clone(), Wants::Tally(Tally { of, filter }));
            let (field, hops) = (field.to_owned(), up.clone());
            self.add_path(Path { from: kept, field, reads: Vec::new(), head: None, hops });
            tallies.push((kept, 0));
        }
        let counted = [vec![Stand::Counted(table)]];
        let frames: Vec<Frame> = around.iter().cloned().chain(counted).collect();
        let inputs = self.inputs(&frames, &block.inputs)?;
        Some(Some(Query {
            asks: asks.clone(),
            inputs,
            queries: Vec::new(),
            from: Found::Tallied { key, tallies },
            group: Some(Vec::new()),
            aggregates,
            having: block.having.clone(),
            outputs: block.outputs.clone(),
            distinct: Distinct::No,
            union: Vec::new(),
            order: Vec::new(),
            limit: None,
            offset: 0,
        }))
    }
}

/// The aggregates of a query that is no more than counts, sums and means of one relation's rows.
fn tallied(asks: &Asks, block: &Block) -> Option<Vec<AggregateCall>> {
    let whole = block.union.is_empty()
        && block.distinct == Distinct::No
        && block.subqueries.is_empty()
        && block.offset == 0;
    if !whole {
        return None;
    }
    if *asks == Asks::Exists && block.group.is_none() && block.limit != Some(0) {
        // Whether there is a row is whether there are more than none.
        return Some(vec![AggregateCall {
            function: BlockAggregate::Count,
            of: None,
            distinct: false,
            filter: None,
            order: Vec::new(),
            ty: SqlType::Int8,
        }]);
    }
    let plain = |call: &AggregateCall| {
        let summed = matches!(
            call.function,
            BlockAggregate::Count | BlockAggregate::Sum | BlockAggregate::Avg
        );
        summed && !call.distinct
    };
    let all = block.group.as_ref().is_some_and(Vec::is_empty)
        && block.limit.is_none()
        && block.order.is_empty()
        && !block.aggregates.is_empty()
        && block.aggregates.iter().all(plain);
    all.then(|| block.aggregates.clone())
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
