//! Queries that ask no more than how many and how much, as numbers kept under their key.
//!
//! One relation is tallied. Several are joined and reduced: from each of them a walk to all the
//! others, so that a change in any is carried to the numbers by lookups; see
//! [`Join`](crate::plan::Join). What the numbers cannot be kept of is left to be gathered: outer
//! joins, relations that nothing links to each other, conditions that read a row around the query,
//! and joins of which a key has one row at most, which are read as fast as a number.

use std::collections::BTreeSet;

use super::conjuncts::{Conjunct, Link, conjuncts, inputs_of, joined, links};
use super::demand::Wants;
use super::keyed::{Key, is_own};
use super::lower::Lowering;
use super::query::{Frame, Stand};
use super::walk::{Step, covers, walk_from, with_a_place};
use crate::diagnostics::At;
use crate::expr::{Comparison, Expr};
use crate::plan::query::{Found, Query};
use crate::plan::{ColumnId, Join, KeptId, KeyPart, Path, TableId, Tally, Walk, join};
use crate::sql::block::{
    AggregateCall, Asks, Block, BlockAggregate, Distinct, From, JoinKind, Source,
};
use crate::types::SqlType;

/// A join before it is known which columns are read of each relation.
struct Planned {
    /// The relations' numbers as written, in the order they have here.
    order: Vec<u16>,
    /// What holds of a joined row.
    rest: Vec<Conjunct>,
    /// From each relation, in that order.
    walks: Vec<Vec<Step>>,
}

impl Lowering<'_> {
    /// The query as numbers, when those are all it asks for. The outer option is none after a
    /// mistake.
    pub(super) fn reduced(
        &mut self,
        around: &[Frame],
        field: &str,
        asks: &Asks,
        block: &Block,
    ) -> Option<Option<Query>> {
        let inner = block.relations.iter().all(|relation| {
            matches!(relation.from, From::Table(_)) && relation.join == JoinKind::Inner
        });
        if !inner || block.relations.is_empty() {
            return Some(None);
        }
        let Some(aggregates) = counted(asks, block) else { return Some(None) };
        let width = block.relations.len();
        let frames: Vec<Frame> =
            around.iter().cloned().chain([vec![Stand::Later; width]]).collect();
        let (all, there) = (conjuncts(block), BTreeSet::new());
        let by = |number| with_a_place(block, links(block, &all, number, &there), around, &there);
        let keyed = (0..width as u16).find_map(|number| Some((number, by(number)?)));
        let (keyed, by) = keyed.unwrap_or_default();
        let is_key = |position: usize| by.iter().any(|link| link.conjunct == position);
        let rest = all.iter().enumerate().filter(|(n, _)| !is_key(*n));
        let rest: Vec<Conjunct> = rest.map(|(_, one)| one.clone()).collect();
        let parts = aggregates.iter().flat_map(|call| call.of.iter().chain(&call.filter));
        if !rest.iter().map(|one| &one.expr).chain(parts).all(|expr| is_own(expr, block)) {
            return Some(None);
        }
        let tables = self.tables_of(block)?.into_iter().collect::<Option<Vec<TableId>>>()?;
        let Some(planned) = self.planned(block, &tables, (keyed, &by), rest) else {
            return Some(None);
        };

        let table = tables[usize::from(keyed)];
        let Key { from, outer, inner, inputs: key } = self.key(&frames, table, block, &by)?;
        let up = self.climb(&from, &outer);
        let columns = self.joined_columns(block, &tables, &planned.order)?;
        let named = |mut expr: Expr| {
            expr.rename(&|input| columns[usize::from(input.0)].unwrap_or(input));
            expr
        };
        let one = width == 1;
        let each: Vec<Expr> = planned.rest.iter().map(|one| one.expr.clone()).collect();
        let tallies = aggregates.iter().map(|call| {
            let (of, filter) = tally(call, if one { &each } else { &[] });
            Tally { of: of.map(named), filter: filter.map(named) }
        });
        let tallies: Vec<Tally> = tallies.collect();
        let wants: Vec<Wants> = if one {
            tallies.into_iter().map(Wants::Tally).collect()
        } else {
            let join = self.join_of(block, &tables, &planned, &columns, (&inner, tallies))?;
            let alone = |tally: &Tally| Join { tallies: vec![tally.clone()], ..join.clone() };
            join.tallies.iter().map(alone).map(Wants::Joined).collect()
        };
        let mut found = Vec::new();
        for wants in wants {
            let kept = self.demands.add(table, inner.clone(), wants);
            let (field, hops) = (field.to_owned(), up.clone());
            self.add_path(Path { from: kept, field, reads: Vec::new(), head: None, hops });
            found.push((kept, 0));
        }
        let own = [tables.into_iter().map(Stand::Counted).collect()];
        let frames: Vec<Frame> = around.iter().cloned().chain(own).collect();
        let inputs = self.inputs(&frames, &block.inputs)?;
        Some(Some(Query {
            asks: asks.clone(),
            inputs,
            queries: Vec::new(),
            from: Found::Tallied { key, tallies: found },
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

    /// How the relations are walked, the keyed one being the first; none when nothing links them,
    /// or when a key never has more than one joined row.
    fn planned(
        &self,
        block: &Block,
        tables: &[TableId],
        (keyed, by): (u16, &[Link]),
        rest: Vec<Conjunct>,
    ) -> Option<Planned> {
        let keys: Vec<Vec<String>> = tables.iter().map(|table| self.key_names(*table)).collect();
        let mut order: Vec<u16> = (0..tables.len() as u16).filter(|one| *one != keyed).collect();
        order.sort_by_key(|number| (tables[usize::from(*number)], *number));
        order.insert(0, keyed);
        let walk = |first: &u16| walk_from(block, &mut rest.clone(), &keys, *first);
        let walks: Vec<Vec<Step>> = order.iter().map(walk).collect::<Option<_>>()?;
        let is_whole =
            |number: u16, links: &[Link]| covers(block, links, &keys[usize::from(number)]);
        let one = order.len() > 1
            && is_whole(keyed, by)
            && walks[0][1..].iter().all(|step| is_whole(step.number, &step.links));
        (!one).then_some(Planned { order, rest, walks })
    }

    /// By input of the query the column of a joined row; none for what is no column of a relation.
    fn joined_columns(
        &mut self,
        block: &Block,
        tables: &[TableId],
        order: &[u16],
    ) -> Option<Vec<Option<ColumnId>>> {
        let mut found = Vec::with_capacity(block.inputs.len());
        for input in &block.inputs {
            found.push(match &input.source {
                Source::Column { level: 0, relation, column } => {
                    let table = tables[usize::from(*relation)];
                    let name = At::new(column.clone(), input.place);
                    Some((*relation, self.tables.column(table, &name)?))
                }
                _ => None,
            });
        }
        let place = |(relation, column): (u16, ColumnId)| {
            ColumnId(self.offset(tables, order, relation) + column.0)
        };
        Some(found.into_iter().map(|one| one.map(place)).collect())
    }

    /// Where the columns of a relation begin.
    fn offset(&self, tables: &[TableId], order: &[u16], relation: u16) -> u16 {
        let before = order.iter().take_while(|one| **one != relation);
        let width = |one: &u16| self.tables.get(tables[usize::from(*one)]).columns.len();
        before.map(width).sum::<usize>() as u16
    }

    /// The join, with a demand for what each step looks up.
    fn join_of(
        &mut self,
        block: &Block,
        tables: &[TableId],
        planned: &Planned,
        columns: &[Option<ColumnId>],
        (kept_key, tallies): (&[KeyPart], Vec<Tally>),
    ) -> Option<Join> {
        let named = |expr: &Expr| {
            let mut expr = expr.clone();
            expr.rename(&|input| columns[usize::from(input.0)].unwrap_or(input));
            in_one_order(expr)
        };
        // However they were written: equal joins are kept once.
        let all = |exprs: Vec<Expr>| {
            let mut exprs: Vec<Expr> = exprs.iter().map(named).collect();
            exprs.sort_by_cached_key(|expr| format!("{expr:?}"));
            exprs
        };
        let mut read: BTreeSet<ColumnId> = kept_key.iter().map(|part| part.column).collect();
        let reads = |exprs: &[Expr]| {
            let mut found = Vec::new();
            exprs.iter().for_each(|expr| inputs_of(expr, &mut found));
            found
        };
        for Tally { of, filter } in &tallies {
            for expr in of.iter().chain(filter) {
                read.extend(reads(std::slice::from_ref(expr)));
            }
        }
        let mut walks = Vec::new();
        for steps in &planned.walks {
            let mut own = read.clone();
            let mut found = Vec::new();
            for step in steps {
                let tested = all(step.tested.clone());
                own.extend(reads(&tested));
                let (outer, inner) = self.sides(block, tables, &step.links, columns)?;
                own.extend(outer.iter().map(|part| part.column));
                found.push((step.number, outer, inner, joined(tested)));
            }
            let mut found = found.into_iter();
            let (_, _, _, tested) = found.next()?;
            let mut steps = Vec::new();
            for (number, key, inner, tested) in found {
                let table = tables[usize::from(number)];
                let offset = self.offset(tables, &planned.order, number);
                let width = self.tables.get(table).columns.len() as u16;
                let held = own.iter().filter_map(|column| column.0.checked_sub(offset));
                let held = held.filter(|column| *column < width).map(ColumnId).collect();
                let wants = Wants::Rows { order: None, head: false, columns: held };
                let kept: KeptId = self.demands.add(table, inner, wants);
                let relation = planned.order.iter().position(|one| *one == number)? as u16;
                steps.push(join::Step { relation, kept, key, tested });
            }
            walks.push(Walk { tested, steps });
        }
        let relations = planned.order.iter().map(|number| tables[usize::from(*number)]).collect();
        let conditions = all(planned.rest.iter().map(|one| one.expr.clone()).collect());
        Some(Join { relations, conditions, walks, tallies })
    }

    /// Both sides of the links to a relation: columns of the joined row, and its own.
    fn sides(
        &mut self,
        block: &Block,
        tables: &[TableId],
        by: &[Link],
        columns: &[Option<ColumnId>],
    ) -> Option<(Vec<KeyPart>, Vec<KeyPart>)> {
        let mut sides = Vec::new();
        for link in by {
            let mut side = |input: usize| {
                let input = &block.inputs[input];
                let Source::Column { level: 0, relation, column } = &input.source else {
                    return None;
                };
                let table = tables[usize::from(*relation)];
                Some((table, self.tables.column(table, &At::new(column.clone(), input.place))?))
            };
            let ((far, outer), (table, inner)) = (side(link.outer)?, side(link.inner)?);
            let place = block.inputs[link.outer].place;
            let (_, inner) = self.tables.link((far, &[outer]), (table, &[inner]), place)?;
            let inner = inner.into_iter().next()?;
            let outer = KeyPart { column: columns[link.outer]?, class: inner.class.clone() };
            sides.push((outer, inner));
        }
        sides.sort_by_key(|(_, inner)| inner.column);
        Some(sides.into_iter().unzip())
    }
}

/// An equality with the lesser side first.
fn in_one_order(expr: Expr) -> Expr {
    match expr {
        Expr::Compare(Comparison::Eq, left, right, class)
            if format!("{right:?}") < format!("{left:?}") =>
        {
            Expr::Compare(Comparison::Eq, right, left, class)
        }
        other => other,
    }
}

/// What a call adds up, and of which rows, over the inputs of the query.
fn tally(call: &AggregateCall, rest: &[Expr]) -> (Option<Expr>, Option<Expr>) {
    let mut filter = rest.to_vec();
    filter.extend(call.filter.clone());
    let mut of = call.of.clone();
    if call.function == BlockAggregate::Count {
        // Counting values is counting the rows that have one.
        let valued = of.take().map(|of| Expr::Not(Box::new(Expr::IsNull(Box::new(of)))));
        filter.extend(valued);
    }
    (of, joined(filter))
}

/// The aggregates of a query that is no more than counts, sums and means of its rows.
fn counted(asks: &Asks, block: &Block) -> Option<Vec<AggregateCall>> {
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
