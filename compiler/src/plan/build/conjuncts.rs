//! The conditions of a query one by one: what each reads, and which of them can be a key.
//!
//! `inner = outer` with a column of a relation on one side and a column of an earlier row on the
//! other is a part of the key that the relation is found by. The rest is tested row by row, as
//! soon as all it reads is there.

use std::collections::BTreeSet;

use crate::expr::{Comparison, Expr};
use crate::plan::ColumnId;
use crate::sql::block::{Asks, Block, From, Input, JoinKind, Source, Subquery};
use crate::types::SqlType;

/// One of several conditions that all must hold.
#[derive(Clone)]
pub struct Conjunct {
    /// The condition, over the inputs of the query.
    pub expr: Expr,
    /// The outer join it belongs to; none for what decides about whole rows.
    pub of: Option<u16>,
    /// The relations of the query that it reads.
    pub reads: BTreeSet<u16>,
    /// Said already, by a key or a test.
    pub said: bool,
}

/// `inner = outer`, as a part of a key.
#[derive(Clone, Copy)]
pub struct Link {
    /// Which conjunct says it.
    pub conjunct: usize,
    /// The input on the relation's side.
    pub inner: usize,
    /// The input on the side of an earlier row.
    pub outer: usize,
}

/// The conditions of a query, but for those of its groups.
pub fn conjuncts(block: &Block) -> Vec<Conjunct> {
    let mut all = Vec::new();
    let mut add = |expr: &Expr, of: Option<u16>| {
        let mut parts = Vec::new();
        split(expr, &mut parts);
        for expr in parts {
            let mut found = BTreeSet::new();
            reads(&expr, &block.inputs, &block.subqueries, 0, &mut found);
            all.push(Conjunct { expr, of, reads: found, said: false });
        }
    };
    for (number, relation) in block.relations.iter().enumerate() {
        let of = match relation.join {
            JoinKind::Inner => None,
            JoinKind::Left => Some(number as u16),
        };
        relation.on.iter().for_each(|on| add(on, of));
    }
    block.filter.iter().for_each(|filter| add(filter, None));
    all
}

/// The parts of a conjunction.
pub fn split(expr: &Expr, into: &mut Vec<Expr>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| split(part, into)),
        other => into.push(other.clone()),
    }
}

/// All of them as one; none when there are none.
pub fn joined(mut parts: Vec<Expr>) -> Option<Expr> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(Expr::And(parts)),
    }
}

/// By what a relation can be found.
pub enum Ready {
    /// By any of these.
    By(Vec<Link>),
    /// It is computed from the rows that are there.
    Computed,
}

/// By what a relation can be found, given the relations that are there; none while others must be
/// there before it.
pub fn ready(block: &Block, all: &[Conjunct], number: u16, there: &BTreeSet<u16>) -> Option<Ready> {
    let relation = &block.relations[usize::from(number)];
    let left = relation.join == JoinKind::Left;
    let is_there = |of: &BTreeSet<u16>| of.iter().all(|one| *one == number || there.contains(one));
    let own = |one: &&Conjunct| one.of == Some(number);
    if left && !all.iter().filter(own).all(|one| is_there(&one.reads)) {
        return None;
    }
    let mut read = BTreeSet::new();
    match &relation.from {
        From::Table(_) => return Some(Ready::By(links(block, all, number, there))),
        From::Query(inner) => block_reads(inner, 1, &mut read),
        From::Unnest(array, _) => reads(array, &block.inputs, &block.subqueries, 0, &mut read),
    }
    is_there(&read).then_some(Ready::Computed)
}

/// The conditions to be tested as soon as a relation is there, said from now on.
pub fn tests(
    all: &mut [Conjunct],
    join: JoinKind,
    number: u16,
    there: &BTreeSet<u16>,
) -> Vec<Expr> {
    let of = (join == JoinKind::Left).then_some(number);
    let mut tested = Vec::new();
    for one in all.iter_mut().filter(|one| !one.said && one.of == of) {
        if one.reads.is_subset(there) {
            one.said = true;
            tested.push(one.expr.clone());
        }
    }
    tested
}

/// The links of a relation to rows that are there.
pub fn links(block: &Block, all: &[Conjunct], number: u16, there: &BTreeSet<u16>) -> Vec<Link> {
    let left = block.relations[usize::from(number)].join == JoinKind::Left;
    let mut links = Vec::new();
    for (position, conjunct) in all.iter().enumerate() {
        if conjunct.said || conjunct.of != left.then_some(number) {
            continue;
        }
        let Expr::Compare(Comparison::Eq, a, b, _) = &conjunct.expr else { continue };
        let (Some(a), Some(b)) = (column(a), column(b)) else { continue };
        for (inner, outer) in [(a, b), (b, a)] {
            let own = |of: &Source| match of {
                Source::Column { level: 0, relation, .. } => Some(*relation),
                _ => None,
            };
            let is_before = match &block.inputs[outer].source {
                Source::Column { level: 0, relation, .. } => there.contains(relation),
                Source::Column { .. } => true,
                Source::Group(_) | Source::Aggregate(_) | Source::Subquery(_) => false,
            };
            if own(&block.inputs[inner].source) == Some(number) && is_before {
                links.push(Link { conjunct: position, inner, outer });
            }
        }
    }
    links
}

/// The input that an expression is, but for casts that keep equal what is equal.
pub fn column(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(id) => Some(usize::from(id.0)),
        Expr::Cast { of, from, to, modifier: None } => {
            let whole = |ty: &SqlType| matches!(ty, SqlType::Int2 | SqlType::Int4 | SqlType::Int8);
            let exact = |ty: &SqlType| whole(ty) || matches!(ty, SqlType::Numeric(_));
            (whole(from) && exact(to) || from == to).then(|| column(of)).flatten()
        }
        _ => None,
    }
}

/// The columns an expression reads, each input as often as it stands there.
pub fn inputs_of(expr: &Expr, into: &mut Vec<ColumnId>) {
    if let Expr::Column(id) = expr {
        into.push(*id);
    }
    expr.parts().into_iter().for_each(|part| inputs_of(part, into));
}

/// The relations, so many scopes outward, that an expression reads.
pub fn reads(
    expr: &Expr,
    inputs: &[Input],
    subqueries: &[Subquery],
    depth: u16,
    into: &mut BTreeSet<u16>,
) {
    let mut columns = Vec::new();
    inputs_of(expr, &mut columns);
    for column in columns {
        match &inputs[usize::from(column.0)].source {
            Source::Column { level, relation, .. } if *level == depth => {
                into.insert(*relation);
            }
            Source::Subquery(number) => {
                let Subquery { asks, block } = &subqueries[usize::from(*number)];
                if let Asks::Quantified { of, .. } = asks {
                    of.iter().for_each(|of| reads(of, inputs, subqueries, depth, into));
                }
                block_reads(block, depth + 1, into);
            }
            Source::Column { .. } | Source::Group(_) | Source::Aggregate(_) => {}
        }
    }
}

/// The relations, so many scopes outward, that a query reads.
pub fn block_reads(block: &Block, depth: u16, into: &mut BTreeSet<u16>) {
    for input in &block.inputs {
        if let Source::Column { level, relation, .. } = &input.source
            && *level == depth
        {
            into.insert(*relation);
        }
    }
    for subquery in &block.subqueries {
        block_reads(&subquery.block, depth + 1, into);
    }
    for relation in &block.relations {
        if let From::Query(inner) = &relation.from {
            block_reads(inner, depth + 1, into);
        }
    }
    block.union.iter().for_each(|one| block_reads(one, depth, into));
}
