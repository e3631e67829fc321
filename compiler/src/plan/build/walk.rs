//! In which order the relations of a query are found, and each by which key.
//!
//! ```text
//!  relations as written ─► the first that has a key from rows around or before ─► again
//! ```
//!
//! A relation that nothing links to a row with a place of its own cannot be found so: the walk
//! stops there, and who plans the query says what then.

use std::collections::BTreeSet;

use super::conjuncts::{Conjunct, Link, Ready, links, ready, tests};
use super::query::{Frame, Stand, stand};
use crate::expr::Expr;
use crate::sql::block::{Block, From, JoinKind, Source};

/// One relation of a query, in its turn.
pub struct Step {
    /// Position among the relations as they were written.
    pub number: u16,
    /// By what a table's rows are found.
    pub links: Vec<Link>,
    /// What is tested once it is there.
    pub tested: Vec<Expr>,
}

/// The relations of a query in an order in which each can be found, what keys and tests say being
/// said in `all` from then on; or the number of one that cannot. `keys` are the primary keys of the
/// tables, by relation.
pub fn walk(
    block: &Block,
    all: &mut [Conjunct],
    keys: &[Vec<String>],
    around: &[Frame],
) -> Result<Vec<Step>, u16> {
    let mut there = BTreeSet::new();
    let mut steps = Vec::new();
    while steps.len() < block.relations.len() {
        let waiting = || (0..block.relations.len() as u16).filter(|one| !there.contains(one));
        let next = waiting().find_map(|number| {
            let links = match ready(block, all, number, &there)? {
                Ready::Computed => Vec::new(),
                Ready::By(links) => {
                    let links = with_a_place(block, links, around, &there)?;
                    by_primary_key(block, links, &keys[usize::from(number)])
                }
            };
            Some((number, links))
        });
        let Some((number, links)) = next else { return Err(waiting().next().unwrap_or_default()) };
        for link in &links {
            all[link.conjunct].said = true;
        }
        there.insert(number);
        let join = block.relations[usize::from(number)].join;
        let tested = tests(all, join, number, &there);
        steps.push(Step { number, links, tested });
    }
    Ok(steps)
}

/// The relations of a query from one of them on, each found by rows before it, and what is tested
/// as soon as each is there. Of those at hand what its primary key finds comes first: it is one row.
/// None when nothing links one to the others.
pub fn walk_from(
    block: &Block,
    all: &mut [Conjunct],
    keys: &[Vec<String>],
    first: u16,
) -> Option<Vec<Step>> {
    let mut there = BTreeSet::from([first]);
    let tested = tests(all, JoinKind::Inner, first, &there);
    let mut steps = vec![Step { number: first, links: Vec::new(), tested }];
    while steps.len() < block.relations.len() {
        let waiting = (0..block.relations.len() as u16).filter(|one| !there.contains(one));
        let linked = waiting.filter_map(|number| {
            let found = with_a_place(block, links(block, all, number, &there), &[], &there)?;
            let key = &keys[usize::from(number)];
            let found = by_primary_key(block, found, key);
            let is_one = !key.is_empty() && covers(block, &found, key);
            Some((!is_one, number, found))
        });
        let (_, number, links) = linked.min_by_key(|(several, number, _)| (*several, *number))?;
        for link in &links {
            all[link.conjunct].said = true;
        }
        there.insert(number);
        let tested = tests(all, JoinKind::Inner, number, &there);
        steps.push(Step { number, links, tested });
    }
    Some(steps)
}

/// Of the links of a relation those to one earlier row whose own rows can be found by it: to the
/// row that most of them lead to. None when there is no such row.
pub fn with_a_place(
    block: &Block,
    links: Vec<Link>,
    around: &[Frame],
    there: &BTreeSet<u16>,
) -> Option<Vec<Link>> {
    let row = |link: &Link| match &block.inputs[link.outer].source {
        Source::Column { level, relation, .. } => Some((*level, *relation)),
        Source::Group(_) | Source::Aggregate(_) | Source::Subquery(_) => None,
    };
    let has_place = |level: u16, relation: u16| match level.checked_sub(1) {
        Some(level) => matches!(stand(around, level, relation), Some(Stand::Table(_))),
        None => {
            let is_table = matches!(block.relations[usize::from(relation)].from, From::Table(_));
            is_table && there.contains(&relation)
        }
    };
    let mut best: Vec<Link> = Vec::new();
    for link in &links {
        let Some((level, relation)) = row(link) else { continue };
        let same: Vec<Link> = links.iter().filter(|one| row(one) == row(link)).copied().collect();
        if has_place(level, relation) && same.len() > best.len() {
            best = same;
        }
    }
    // A column that is equal to two others is found by one of them and tested for the other.
    let mut columns = BTreeSet::new();
    best.retain(|link| columns.insert(link.inner));
    (!best.is_empty()).then_some(best)
}

/// A row that its primary key finds needs no other arrangement: the rest is tested.
fn by_primary_key(block: &Block, mut links: Vec<Link>, key: &[String]) -> Vec<Link> {
    if !key.is_empty() && covers(block, &links, key) {
        links.retain(|link| inner_name(block, link).is_some_and(|name| key.contains(name)));
    }
    links
}

/// Whether links find a relation by all of these columns, and so at most one row by its key.
pub fn covers(block: &Block, links: &[Link], key: &[String]) -> bool {
    key.iter().all(|name| links.iter().any(|link| inner_name(block, link) == Some(name)))
}

/// The name of the column that a link finds a relation by.
fn inner_name<'a>(block: &'a Block, link: &Link) -> Option<&'a String> {
    match &block.inputs[link.inner].source {
        Source::Column { column, .. } => Some(column),
        Source::Group(_) | Source::Aggregate(_) | Source::Subquery(_) => None,
    }
}
