//! `x IN (SELECT y FROM …)` where nothing else links the query to a row around it: asked by `y`.
//!
//! ```text
//!  x IN (SELECT y …)  ─►  true where EXISTS (… y = x)                     a count by y
//!                         NULL where x IS NULL and EXISTS (…)             a count of all
//!                                 or EXISTS (… y IS NULL)                 a count of those
//! ```
//!
//! The last two are asked only where NULL is possible and matters: not of columns that are never
//! NULL, and not in a condition, which drops a row for NULL as it does for false.

use std::collections::BTreeSet;

use super::conjuncts::{column, conjuncts, joined, links, split};
use super::lower::Lowering;
use super::query::{Frame, Stand, stand};
use crate::catalog::Catalog;
use crate::expr::{Comparison, Expr};
use crate::plan::ColumnId;
use crate::sql::block::{
    Asks, Block, Distinct, From, Input, JoinKind, Phrase, Relation, Source, Subquery,
};
use crate::types::{Class, SqlType};

/// What can be asked by what is sought.
struct Membership {
    /// What is sought: an input of what stands around the query.
    sought: usize,
    /// Among which values: an input of the query.
    among: usize,
    /// Both as they are compared, in one type.
    left: Expr,
    right: Expr,
    class: Class,
}

/// By input of what stands around the queries: what is read there where NULL matters.
type Asked = Vec<(ColumnId, Expr)>;

impl Lowering<'_> {
    /// Asks what an expression in scope of these rows asks so.
    pub(super) fn memberships(&self, frames: &[Frame], phrase: &mut Phrase) {
        let around = Around { lowering: self, frames, own: None };
        let asked = around.asked(&mut phrase.inputs, &mut phrase.subqueries);
        replace(&mut phrase.expr, &asked, phrase.is_condition);
    }

    /// Asks what a query in scope of these rows asks so.
    pub(super) fn memberships_within(&self, frames: &[Frame], block: &mut Block) {
        let Block { relations, inputs, subqueries, .. } = block;
        let around = Around { lowering: self, frames, own: Some(relations) };
        let asked = around.asked(inputs, subqueries);
        block.each_condition(&mut |expr| replace(expr, &asked, true));
        block.each_value(&mut |expr| replace(expr, &asked, false));
    }
}

/// What stands around a query.
struct Around<'a> {
    lowering: &'a Lowering<'a>,
    frames: &'a [Frame],
    /// The relations of the query that it stands in; none where it stands in none.
    own: Option<&'a [Relation]>,
}

impl Around<'_> {
    fn asked(&self, inputs: &mut Vec<Input>, subqueries: &mut Vec<Subquery>) -> Asked {
        let mut asked = Vec::new();
        for number in 0..subqueries.len() {
            let source = Source::Subquery(number as u16);
            let place = inputs.iter().position(|one| one.source == source);
            let of = membership(&subqueries[number], inputs);
            let (Some(place), Some(of)) = (place, of) else { continue };
            let block = subqueries[number].block.clone();
            let (sought, among) = (inputs[of.sought].clone(), block.inputs[of.among].clone());
            let null = |input: usize| Expr::IsNull(Box::new(Expr::Column(ColumnId(input as u16))));
            let mut also = |condition: Option<Expr>| {
                let source = Source::Subquery(subqueries.len() as u16);
                subqueries.push(presence(block.clone(), condition));
                inputs.push(Input { source, ty: SqlType::Bool, place: among.place });
                Expr::Column(ColumnId((inputs.len() - 1) as u16))
            };
            let mut unknown = Vec::new();
            if !self.is_never_null(&sought) {
                unknown.push(Expr::And(vec![null(of.sought), also(None)]));
            }
            let is_left_out = Expr::Not(Box::new(null(of.among)));
            if !is_never_null(self.catalog(), &block.relations, &among)
                && !all_of(&block).contains(&is_left_out)
            {
                unknown.push(also(Some(null(of.among))));
            }
            let mut hit = block;
            let outward = match sought.source.clone() {
                Source::Column { level, relation, column } => {
                    Source::Column { level: level + 1, relation, column }
                }
                other => other,
            };
            hit.inputs.push(Input { source: outward, ..sought });
            let Membership { mut left, right, class, .. } = of;
            let outward = ColumnId((hit.inputs.len() - 1) as u16);
            left.rename(&|_| outward);
            let equal = Expr::Compare(Comparison::Eq, Box::new(right), Box::new(left), class);
            subqueries[number] = presence(hit, Some(equal));
            if !unknown.is_empty() {
                let truth = |value: &str| Expr::Literal(Some(value.into()), SqlType::Bool);
                let place = ColumnId(place as u16);
                let hit = (Expr::Column(place), truth("t"));
                let nothing = (Expr::Or(unknown), Expr::Literal(None, SqlType::Bool));
                let otherwise = Some(Box::new(truth("f")));
                asked.push((place, Expr::Case { branches: vec![hit, nothing], otherwise }));
            }
        }
        asked
    }

    fn catalog(&self) -> Option<&Catalog> {
        self.lowering.tables.catalog()
    }

    fn is_never_null(&self, input: &Input) -> bool {
        let Source::Column { level, relation, column } = &input.source else { return false };
        let level = match (self.own, level) {
            (Some(own), 0) => return is_never_null(self.catalog(), own, input),
            (Some(_), level) => level - 1,
            (None, level) => *level,
        };
        // Another than the first may have been joined and not be there.
        let Some(Stand::Table(site)) = stand(self.frames, level, *relation) else { return false };
        let name = &self.lowering.tables.get(site.table).name;
        let table = self.catalog().and_then(|catalog| catalog.table(name));
        *relation == 0
            && table.and_then(|table| table.column(column)).is_some_and(|column| column.not_null)
    }
}

/// Whether a column of a query's own relations is never NULL in its rows.
fn is_never_null(catalog: Option<&Catalog>, own: &[Relation], input: &Input) -> bool {
    let Source::Column { level: 0, relation, column } = &input.source else { return false };
    let Some(Relation { from: From::Table(name), join: JoinKind::Inner, .. }) =
        own.get(usize::from(*relation))
    else {
        return false;
    };
    let table = catalog.and_then(|catalog| catalog.table(name));
    table.and_then(|table| table.column(column)).is_some_and(|column| column.not_null)
}

/// The conditions that all must hold of its rows.
fn all_of(block: &Block) -> Vec<Expr> {
    let mut all = Vec::new();
    block.filter.iter().for_each(|filter| split(filter, &mut all));
    all
}

/// What a subquery asks, if it is so simple and nothing else links it to a row around it.
fn membership(of: &Subquery, around: &[Input]) -> Option<Membership> {
    let Subquery { asks, block } = of;
    let Asks::Quantified { of, op: Comparison::Eq, classes, all: false } = asks else {
        return None;
    };
    let ([left], [output], [class]) = (of.as_slice(), block.outputs.as_slice(), classes.as_slice())
    else {
        return None;
    };
    let (sought, among) = (column(left)?, column(&output.expr)?);
    let plain = block.group.is_none()
        && block.union.is_empty()
        && !matches!(block.distinct, Distinct::On(_))
        && block.limit.is_none()
        && block.offset == 0
        && matches!(around[sought].source, Source::Column { .. })
        && matches!(block.inputs[among].source, Source::Column { level: 0, .. });
    let all = conjuncts(block);
    let is_linked = |number: u16| !links(block, &all, number, &BTreeSet::new()).is_empty();
    let linked = (0..block.relations.len() as u16).any(is_linked);
    (plain && !linked).then(|| Membership {
        sought,
        among,
        left: left.clone(),
        right: output.expr.clone(),
        class: class.clone(),
    })
}

/// Whether a query has a row for which this holds, too.
fn presence(mut block: Block, condition: Option<Expr>) -> Subquery {
    block.filter = joined(block.filter.take().into_iter().chain(condition).collect());
    block.outputs = Vec::new();
    block.order = Vec::new();
    block.distinct = Distinct::No;
    Subquery { asks: Asks::Exists, block }
}

/// Puts in place what is asked; not where it is a whole condition, or one of several that all must
/// hold.
fn replace(expr: &mut Expr, asked: &Asked, is_condition: bool) {
    if let Expr::Column(id) = expr {
        if let Some((_, becomes)) = asked.iter().find(|(input, _)| input == id)
            && !is_condition
        {
            *expr = becomes.clone();
        }
        return;
    }
    let is_condition = is_condition && matches!(expr, Expr::And(_) | Expr::Or(_));
    expr.parts_mut().into_iter().for_each(|part| replace(part, asked, is_condition));
}
