//! Queries inside SQL as lookups: every relation by a key that the rows before it make.
//!
//! ```text
//!  relations in the order of [`walk`](super::walk)
//!       each: a demand by its key, and a path: that key ─► the row it came from ─► … ─► root
//! ```
//!
//! What is only counted or summed becomes numbers, see [`reduced`](super::reduced); the first rows
//! of one relation stand in their order. What has no key and is neither is refused: each document
//! would read all of it.

use std::collections::BTreeSet;

use super::conjuncts::{Conjunct, conjuncts, joined, tests};
use super::keyed::{Keyed, extreme_first, first_rows, is_own};
use super::lower::Lowering;
use super::walk::{Step, walk};
use crate::diagnostics::{At, Diagnostic, Place};
use crate::expr::Expr;
use crate::plan::query::{Formula, Found, Input, Query, Relation, Rows, Source};
use crate::plan::{ColumnId, Head, Hop, KeptId, KeyPart, TableId};
use crate::sql::block::{self, Asks, Block, BlockAggregate, From, JoinKind, Phrase};
use crate::types::SqlType;

/// The rows of one scope, by their numbers as written.
pub type Frame = Vec<Stand>;

/// What is known of a row in scope.
#[derive(Clone)]
pub enum Stand {
    /// It is a table's, found under a key.
    Table(Site),
    /// It has these columns and no place of its own.
    Outputs(Vec<String>),
    /// It is a table's, and only counted.
    Counted(TableId),
    /// It is not found yet.
    Later,
}

/// Where rows of a table are found, and how a change of one gets to the root.
#[derive(Clone)]
pub struct Site {
    /// The table.
    pub table: TableId,
    /// What keeps it.
    pub demand: KeptId,
    /// By what it is found there.
    pub key: Vec<KeyPart>,
    /// From that key to the root's.
    pub up: Vec<Hop>,
}

/// A query whose relations may still be read by others.
pub struct Open {
    /// The query.
    pub query: Query,
    /// Its rows, for what reads them.
    pub rows: Frame,
    /// Its relations, each with the head that a change must lie in.
    pub sites: Vec<(Site, Option<Head>)>,
}

impl Lowering<'_> {
    /// An expression that reads more than its row, in the author's words.
    pub(super) fn formula(
        &mut self,
        around: &[Frame],
        field: &str,
        mut phrase: Phrase,
        text: &str,
    ) -> Option<Formula> {
        self.memberships(around, &mut phrase);
        let Phrase { expr, inputs, subqueries, .. } = phrase;
        let inputs = self.inputs(around, &inputs);
        let queries = self.queries(around, field, subqueries);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Formula { text, expr, inputs: inputs?, queries: queries? })
    }

    fn queries(
        &mut self,
        around: &[Frame],
        field: &str,
        of: Vec<block::Subquery>,
    ) -> Option<Vec<Query>> {
        // All of them, so that each mistake is reported.
        let query = |one: block::Subquery| self.query(around, field, one.asks, one.block);
        let queries: Vec<Option<Query>> = of.into_iter().map(query).collect();
        queries.into_iter().collect()
    }

    /// What the inputs are, the innermost scope being the last of the frames.
    pub(super) fn inputs(
        &mut self,
        frames: &[Frame],
        inputs: &[block::Input],
    ) -> Option<Vec<Input>> {
        let mut input = |of: &block::Input| {
            let source = match &of.source {
                block::Source::Column { level, relation, column } => {
                    let column = self.column_of(frames, (*level, *relation), column, of.place)?;
                    Source::Column { level: *level, relation: *relation, column }
                }
                block::Source::Group(n) => Source::Group(*n),
                block::Source::Aggregate(n) => Source::Aggregate(*n),
                block::Source::Subquery(n) => Source::Query(*n),
            };
            Some(Input { source, ty: of.ty.clone() })
        };
        let inputs: Vec<Option<Input>> = inputs.iter().map(&mut input).collect();
        inputs.into_iter().collect()
    }

    /// A column of a row in scope, which is read from now on.
    pub(super) fn column_of(
        &mut self,
        frames: &[Frame],
        (level, relation): (u16, u16),
        column: &str,
        place: Place,
    ) -> Option<ColumnId> {
        match stand(frames, level, relation)? {
            Stand::Table(Site { table, demand, .. }) => {
                let column = self.tables.column(*table, &At::new(column.to_owned(), place))?;
                self.further.entry(*demand).or_default().insert(column);
                Some(column)
            }
            Stand::Outputs(names) => {
                let at = names.iter().position(|name| name == column)?;
                Some(ColumnId(at as u16))
            }
            Stand::Counted(table) => self.tables.column(*table, &At::new(column.to_owned(), place)),
            Stand::Later => None,
        }
    }

    /// A query in scope of these rows.
    pub(super) fn query(
        &mut self,
        around: &[Frame],
        field: &str,
        asks: Asks,
        mut block: Block,
    ) -> Option<Query> {
        self.computable(&block)?;
        self.memberships_within(around, &mut block);
        if asks == Asks::Value {
            extreme_first(&mut block);
        }
        if let Some(query) = self.reduced(around, field, &asks, &block)? {
            return Some(query);
        }
        let Open { query, sites, .. } = self.open(around, field, asks, block)?;
        self.close(sites, field);
        Some(query)
    }

    /// A query whose relations may still be read by others.
    pub(super) fn open(
        &mut self,
        around: &[Frame],
        field: &str,
        asks: Asks,
        block: Block,
    ) -> Option<Open> {
        let mut all = conjuncts(&block);
        let tables = self.tables_of(&block)?;
        let key_names = |table: &Option<_>| table.map_or(Vec::new(), |table| self.key_names(table));
        let keys = tables.iter().map(key_names).collect::<Vec<_>>();
        let mut frames = around.to_vec();
        frames.push(vec![Stand::Later; block.relations.len()]);
        let own = frames.len() - 1;
        let first = first_rows(&block);
        let steps = match walk(&block, &mut all, &keys, around) {
            Ok(steps) => steps,
            Err(stuck) => match self.of_all(&block, &mut all) {
                Some(step) => vec![step],
                None => {
                    self.no_key(&block.relations[usize::from(stuck)]);
                    return None;
                }
            },
        };
        let mut found: Vec<(u16, Option<Keyed>, Vec<Expr>)> = Vec::new();
        for Step { number, links, tested } in steps {
            let relation = &block.relations[usize::from(number)];
            let (stand, keyed) = match &relation.from {
                From::Table(_) => {
                    let table = tables[usize::from(number)]?;
                    let order = match &first {
                        Some((order, _)) => Some(self.order_parts(table, &block, order)?),
                        None => None,
                    };
                    let keyed = self.keyed(&frames, table, &block, &links, order.as_deref())?;
                    (Stand::Table(keyed.site.clone()), Some(keyed))
                }
                From::Query(inner) => {
                    let names = inner.outputs.iter().map(|output| output.name.clone()).collect();
                    (Stand::Outputs(names), None)
                }
                From::Unnest(_, names) => (Stand::Outputs(names.clone()), None),
            };
            frames[own][usize::from(number)] = stand;
            found.push((number, keyed, tested));
        }
        let rest = all.iter().filter(|one| !one.said).map(|one| one.expr.clone()).collect();
        let inputs = self.inputs(&frames, &block.inputs);
        let heads = found.len() == 1 && found[0].2.iter().all(|test| is_own(test, &block));
        let mut relations = Vec::new();
        let mut sites = Vec::new();
        for (number, keyed, tested) in found {
            let relation = &block.relations[usize::from(number)];
            let rows = match (&relation.from, keyed) {
                (From::Unnest(array, _), _) => Rows::Unnest(array.clone()),
                (From::Query(inner), _) => {
                    // It sees only what stands before it.
                    let inner = self.query(&frames, field, Asks::Array, inner.as_ref().clone())?;
                    Rows::Query(Box::new(inner))
                }
                (From::Table(_), Some(Keyed { site, key })) => {
                    let (kept, order) = (site.demand, self.demands.order(site.demand));
                    sites.push((site, tested.clone()));
                    Rows::Kept { kept, key, order, head: first.is_some() }
                }
                (From::Table(_), None) => return None,
            };
            relations.push(Relation { number, rows, join: relation.join, on: joined(tested) });
        }
        let queries = self.queries(&frames, field, block.subqueries.clone());
        let mut union = Vec::new();
        for one in &block.union {
            union.push(self.query(around, field, Asks::Array, one.clone())?);
        }
        let mut headed = Vec::new();
        for (site, tested) in sites {
            let head = match (&first, heads) {
                (Some((_, limit)), true) => {
                    let filter = match joined(tested) {
                        Some(tested) => Some(self.own(site.table, &block, &tested)?),
                        None => None,
                    };
                    Some(Head { filter, limit: *limit })
                }
                _ => None,
            };
            headed.push((site, head));
        }
        let rows = frames.pop().unwrap_or_default();
        let order = if first.is_some() { Vec::new() } else { block.order };
        let query = Query {
            asks,
            inputs: inputs?,
            queries: queries?,
            from: Found::Rows { relations, filter: joined(rest) },
            group: block.group,
            aggregates: block.aggregates,
            having: block.having,
            outputs: block.outputs,
            distinct: block.distinct,
            union,
            order,
            limit: block.limit,
            offset: block.offset,
        };
        Some(Open { query, rows, sites: headed })
    }

    /// All is read that is: changes of the relations find their way up.
    pub(super) fn close(&mut self, sites: Vec<(Site, Option<Head>)>, field: &str) {
        sites.into_iter().for_each(|(site, head)| self.leads_up(site, field, head));
    }

    /// Refuses what the documents could not say for certain, or nobody can add up.
    fn computable(&mut self, block: &Block) -> Option<()> {
        if block.limit.is_some() && block.order.is_empty() {
            let error = Diagnostic::error(block.place, "`LIMIT` without `ORDER BY` takes any rows");
            self.tables.error(error.help("say which with `ORDER BY`"));
            return None;
        }
        for call in &block.aggregates {
            let adds = matches!(call.function, BlockAggregate::Sum | BlockAggregate::Avg);
            if adds && matches!(call.ty, SqlType::Interval | SqlType::Money) {
                let message = format!("sums of type {} are not supported", call.ty);
                let error = Diagnostic::error(block.place, message);
                self.tables.error(error.help("add up numbers, as in `extract(epoch FROM …)`"));
                return None;
            }
        }
        Some(())
    }

    /// The only step of a query that shows the first rows of a whole table: those are few, whoever
    /// asks. None when it does not, or when who asks decides which.
    fn of_all(&self, block: &Block, all: &mut [Conjunct]) -> Option<Step> {
        first_rows(block)?;
        let own = all.iter().all(|one| is_own(&one.expr, block));
        let there = BTreeSet::from([0]);
        own.then(|| Step {
            number: 0,
            links: Vec::new(),
            tested: tests(all, JoinKind::Inner, 0, &there),
        })
    }

    /// The names of a table's primary key.
    pub(super) fn key_names(&self, table: TableId) -> Vec<String> {
        let name = |column: ColumnId| self.tables.get(table).column(column).name.clone();
        self.tables.primary_key(table).into_iter().map(name).collect()
    }

    fn no_key(&mut self, relation: &block::Relation) {
        let name = &relation.alias;
        let message =
            format!("`{name}` is not found by a key: a change in it would reach every document");
        let help =
            format!("add an equality with a column around it, as in `{name}.user_id = users.id`");
        self.tables.error(Diagnostic::error(relation.place, message).help(help));
    }

    /// By relation its table; none for what is no table. None when one is unknown.
    pub(super) fn tables_of(&mut self, block: &Block) -> Option<Vec<Option<TableId>>> {
        let mut table = |relation: &block::Relation| match &relation.from {
            From::Table(name) => {
                let name = At::new(name.clone(), relation.place);
                self.tables.table(&name, None).map(Some)
            }
            From::Query(_) | From::Unnest(..) => Some(None),
        };
        let tables: Vec<Option<Option<TableId>>> = block.relations.iter().map(&mut table).collect();
        tables.into_iter().collect()
    }
}

/// A row in scope, the innermost scope being the last.
pub fn stand(frames: &[Frame], level: u16, relation: u16) -> Option<&Stand> {
    let at = frames.len().checked_sub(1 + usize::from(level))?;
    frames[at].get(usize::from(relation))
}
