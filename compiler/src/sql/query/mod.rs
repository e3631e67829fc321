//! From a `SELECT` to a [`Block`].
//!
//! A query entered is one more scope and one more frame of the [`Typer`]. Whatever Postgres has
//! and blocks have not is refused by name: nothing of a query is passed over in silence.

mod aggregate;
mod from;
mod sub;

use sqlparser::ast::{
    self, Distinct as AstDistinct, GroupByExpr, LimitClause, OrderByKind, OrderBySort, SelectItem,
    SetExpr, SetOperator, SetQuantifier,
};

use super::block::{Block, Distinct, Output, SortKey};
use super::infer::{Frame, Typed, Typer, ident};
use super::scope::Scope;
use crate::diagnostics::Place;
use crate::expr::Expr;

pub(super) use self::aggregate::{Grouping, is_aggregate};

/// What a query's columns are wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// They are read.
    Columns,
    /// Only whether there is a row.
    Presence,
}

impl Typer<'_> {
    /// A query with its ordering and limits.
    pub(super) fn block(&mut self, query: &ast::Query, wanted: Wanted) -> Option<Block> {
        let place = self.place(query);
        let ast::Query { with, body, order_by, limit_clause, fetch, locks, .. } = query;
        if !locks.is_empty() {
            self.error_help(place, "a query here locks nothing", "leave `FOR …` out");
            return None;
        }
        let before = self.named_queries.len();
        if let Some(with) = with {
            if with.recursive {
                let message = "recursive queries are not supported";
                self.error_help(place, message, "name a fixed number of levels");
                return None;
            }
            for cte in &with.cte_tables {
                if !cte.alias.columns.is_empty() {
                    let place = self.sql.span(cte.alias.name.span);
                    self.error_help(place, "columns are named inside the query", "use `AS`");
                    return None;
                }
                self.named_queries.push((ident(&cte.alias.name), cte.query.as_ref().clone()));
            }
        }
        let mut blocks = self.body(body, order_by.as_ref(), wanted, place);
        self.named_queries.truncate(before);
        let limits = self.limits(limit_clause.as_ref(), fetch.as_ref(), place);
        if let Some(blocks) = &mut blocks
            && blocks.len() > 1
        {
            self.unite_outputs(blocks, place)?;
        }
        let mut blocks = blocks?.into_iter();
        let (limit, offset) = limits?;
        let mut first = blocks.next()?;
        first.union = blocks.collect();
        first.limit = limit;
        first.offset = offset;
        first.place = place;
        Some(first)
    }

    /// The blocks of a `UNION ALL`, or the only one.
    fn body(
        &mut self,
        body: &SetExpr,
        order: Option<&ast::OrderBy>,
        wanted: Wanted,
        place: Place,
    ) -> Option<Vec<Block>> {
        match body {
            SetExpr::Select(select) => Some(vec![self.select(select, order, wanted)?]),
            SetExpr::Query(query) if order.is_none() => Some(vec![self.block(query, wanted)?]),
            SetExpr::SetOperation { left, op, right, set_quantifier }
                if (*op, *set_quantifier) == (SetOperator::Union, SetQuantifier::All) =>
            {
                if order.is_some() {
                    let message = "the rows of a UNION ALL are not ordered as a whole here";
                    self.error_help(
                        place,
                        message,
                        "write `SELECT … FROM (…) AS u ORDER BY …` around it",
                    );
                    return None;
                }
                let left = self.body(left, None, wanted, place);
                let right = self.body(right, None, wanted, place);
                let mut all = left?;
                all.extend(right?);
                Some(all)
            }
            SetExpr::SetOperation { op, set_quantifier, .. } => {
                let message = format!("`{op} {set_quantifier}` is not supported");
                let message = message.replace(" `", "`");
                let help = match op {
                    SetOperator::Union => "write `SELECT DISTINCT … FROM (… UNION ALL …) AS u`",
                    SetOperator::Intersect => "ask with `EXISTS` for the row of the other query",
                    _ => "ask with `NOT EXISTS` for the row of the other query",
                };
                self.error_help(place, message, help);
                None
            }
            SetExpr::Values(_) => {
                let help = "write `SELECT … UNION ALL SELECT …`, or `unnest(ARRAY[…])`";
                self.error_help(place, "VALUES as rows is not supported", help);
                None
            }
            _ => {
                self.error_help(place, "this form of query is not supported", "write a SELECT");
                None
            }
        }
    }

    /// As many outputs in each block, each in one type.
    fn unite_outputs(&mut self, blocks: &mut [Block], place: Place) -> Option<()> {
        let width = blocks.first().map_or(0, |block| block.outputs.len());
        if blocks.iter().any(|block| block.outputs.len() != width) {
            let message = "the queries of a UNION ALL have not the same number of columns";
            self.error_help(place, message, "select NULL where one has nothing to say");
            return None;
        }
        for column in 0..width {
            let typed = blocks.iter().map(|block| {
                let Output { expr, ty, .. } = &block.outputs[column];
                Typed { expr: expr.clone(), ty: ty.clone(), untyped: false, place }
            });
            let (exprs, ty) = self.unite(typed.collect(), "a column of UNION ALL", place)?;
            for (block, expr) in blocks.iter_mut().zip(exprs) {
                block.outputs[column].expr = expr;
                block.outputs[column].ty = ty.clone();
            }
        }
        Some(())
    }

    fn limits(
        &mut self,
        limit: Option<&LimitClause>,
        fetch: Option<&ast::Fetch>,
        place: Place,
    ) -> Option<(Option<u64>, u64)> {
        let (limit, offset) = match limit {
            None => (None, None),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(_) => {
                self.error_help(place, "this form of LIMIT is not Postgres'", "write `LIMIT 10`");
                return None;
            }
        };
        let fetched = match fetch {
            None => None,
            Some(ast::Fetch { with_ties: false, percent: false, quantity }) => Some(quantity),
            Some(_) => {
                self.error_help(place, "this form of FETCH is not supported", "write `LIMIT 10`");
                return None;
            }
        };
        let limit = match (limit, fetched) {
            (Some(limit), _) => Some(self.count(limit)?),
            (None, Some(Some(quantity))) => Some(self.count(quantity)?),
            (None, Some(None)) => Some(1),
            (None, None) => None,
        };
        let offset = match offset {
            Some(offset) => self.count(offset)?,
            None => 0,
        };
        Some((limit, offset))
    }

    /// A number of rows, which must be written as one.
    fn count(&mut self, of: &ast::Expr) -> Option<u64> {
        if let ast::Expr::Value(value) = of
            && let ast::Value::Number(text, false) = &value.value
            && let Ok(count) = text.parse()
        {
            return Some(count);
        }
        let place = self.place(of);
        self.error_help(place, "a number of rows is written as a number", "write `LIMIT 10`");
        None
    }

    /// One `SELECT`, in a scope of its own.
    fn select(
        &mut self,
        select: &ast::Select,
        order: Option<&ast::OrderBy>,
        wanted: Wanted,
    ) -> Option<Block> {
        self.scopes.push(Scope::default());
        self.frames.push(Frame::default());
        let block = self.selected(select, order, wanted);
        self.scopes.pop();
        let frame = self.frames.pop().unwrap_or_default();
        let mut block = block?;
        block.inputs = frame.inputs;
        block.subqueries = frame.subqueries;
        if let Some(grouping) = frame.grouping {
            let (keys, aggregates) = grouping.finish();
            block.group = Some(keys);
            block.aggregates = aggregates;
        }
        Some(block)
    }

    fn selected(
        &mut self,
        select: &ast::Select,
        order: Option<&ast::OrderBy>,
        wanted: Wanted,
    ) -> Option<Block> {
        let place = self.place(select);
        let ast::Select { distinct, projection, from, selection, group_by, having, .. } = select;
        self.only_postgres(select, place)?;
        let relations = self.from(from);
        let filter = selection.as_ref().map(|filter| self.condition(filter, "`WHERE`"));
        let keys = match group_by {
            GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => keys.as_slice(),
            _ => {
                self.error_help(place, "this form of GROUP BY is not supported", "list its keys");
                return None;
            }
        };
        if keys.iter().any(several_groupings) {
            let message = "several groupings in one query are not supported";
            self.error_help(place, message, "write one query for each, with UNION ALL between");
            return None;
        }
        let relations = relations?;
        // Only now: whatever a condition lacks is worth a word of its own.
        let filter = match filter {
            Some(filter) => Some(filter?),
            None => None,
        };
        if !keys.is_empty() || having.is_some() {
            self.group(keys, projection)?;
        }
        let outputs = self.per_group_if_needed(|typer| typer.outputs(projection, wanted, place))?;
        let having = match having {
            Some(having) => Some(self.condition(having, "`HAVING`")?),
            None => None,
        };
        let order = match order {
            Some(order) => self.per_group_if_needed(|typer| typer.order_by(order, &outputs))?,
            None => Vec::new(),
        };
        let distinct = match distinct {
            None | Some(AstDistinct::All) => Distinct::No,
            Some(AstDistinct::Distinct) => Distinct::Yes,
            Some(AstDistinct::On(keys)) => {
                let keys: Vec<Option<Typed>> = keys.iter().map(|key| self.value(key)).collect();
                let keys: Option<Vec<Typed>> = keys.into_iter().collect();
                let keys: Vec<Expr> = keys?.into_iter().map(|key| key.expr).collect();
                let leading = order.iter().take(keys.len());
                if !leading.into_iter().all(|key: &SortKey| keys.contains(&key.expr)) {
                    let message = "`ORDER BY` must begin with what `DISTINCT ON` names";
                    self.error_help(place, message, "add it in front of the other keys");
                    return None;
                }
                Distinct::On(keys)
            }
        };
        Some(Block { relations, filter, having, outputs, distinct, order, ..Block::over(place) })
    }

    /// Refuses the clauses that sqlparser reads for other databases.
    fn only_postgres(&mut self, select: &ast::Select, place: Place) -> Option<()> {
        let foreign = select.top.is_some()
            || select.exclude.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.value_table_mode.is_some()
            || select.qualify.is_some();
        if foreign {
            let message = "this query has a clause that Postgres has not";
            self.error_help(place, message, "leave out what is not Postgres' SQL");
            return None;
        }
        if select.into.is_some() {
            self.error_help(place, "a query here makes no table", "leave `INTO` out");
            return None;
        }
        if !select.named_window.is_empty() {
            let help = "use `order_by` and `limit`, or a subquery";
            self.error_help(place, "window functions are not supported", help);
            return None;
        }
        Some(())
    }

    fn outputs(
        &mut self,
        projection: &[SelectItem],
        wanted: Wanted,
        place: Place,
    ) -> Option<Vec<Output>> {
        if wanted == Wanted::Presence {
            return Some(Vec::new());
        }
        let mut outputs = Vec::new();
        let mut whole = true;
        for item in projection {
            let (of, name) = match item {
                SelectItem::UnnamedExpr(of) => (of, named(of)),
                SelectItem::ExprWithAlias { expr, alias } => (expr, ident(alias)),
                SelectItem::Wildcard(_)
                | SelectItem::QualifiedWildcard(..)
                | SelectItem::ExprWithAliases { .. } => {
                    let message = "`*` would change with the tables; a document must not";
                    self.error_help(place, message, "name the columns");
                    return None;
                }
            };
            match self.value(of) {
                Some(Typed { expr, ty, .. }) => outputs.push(Output { name, expr, ty }),
                None => whole = false,
            }
        }
        whole.then_some(outputs)
    }

    fn order_by(&mut self, order: &ast::OrderBy, outputs: &[Output]) -> Option<Vec<SortKey>> {
        let OrderByKind::Expressions(keys) = &order.kind else { return None };
        let keys: Vec<Option<SortKey>> =
            keys.iter().map(|key| self.sort_key(key, outputs)).collect();
        keys.into_iter().collect()
    }

    /// One part of an order; the name or number of an output means that output.
    pub(super) fn sort_key(
        &mut self,
        key: &ast::OrderByExpr,
        outputs: &[Output],
    ) -> Option<SortKey> {
        let place = self.place(key);
        let output = match &key.expr {
            ast::Expr::Identifier(name) => {
                let name = ident(name);
                outputs.iter().find(|output| output.name == name)
            }
            ast::Expr::Value(value) => match &value.value {
                ast::Value::Number(text, _) => {
                    let at: usize = text.parse().unwrap_or(0);
                    match at.checked_sub(1).and_then(|at| outputs.get(at)) {
                        Some(output) => Some(output),
                        None => {
                            let message = format!("there is no column number {text} to order by");
                            self.error_help(place, message, "name what to order by");
                            return None;
                        }
                    }
                }
                _ => None,
            },
            _ => None,
        };
        let (expr, ty) = match output {
            Some(Output { expr, ty, .. }) => (expr.clone(), ty.clone()),
            None => {
                let Typed { expr, ty, .. } = self.value(&key.expr)?;
                (expr, ty)
            }
        };
        let class = self.class(&ty, place)?;
        self.by_bytes(&class, place);
        let descending = match &key.options.sort {
            None | Some(OrderBySort::Asc) => false,
            Some(OrderBySort::Desc) => true,
            Some(OrderBySort::Using(_)) => {
                self.error_help(place, "`USING` is not supported", "write ASC or DESC");
                return None;
            }
        };
        let nulls_first = key.options.nulls_first.unwrap_or(descending);
        Some(SortKey { expr, class, descending, nulls_first })
    }
}

/// Whether it groups in more than one way.
fn several_groupings(key: &ast::Expr) -> bool {
    matches!(key, ast::Expr::GroupingSets(_) | ast::Expr::Cube(_) | ast::Expr::Rollup(_))
}

/// How Postgres calls a column that is not named.
fn named(of: &ast::Expr) -> String {
    match of {
        ast::Expr::Identifier(name) => ident(name),
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(ident).unwrap_or_default(),
        ast::Expr::Function(call) => match call.name.0.last() {
            Some(ast::ObjectNamePart::Identifier(name)) => ident(name),
            _ => "?column?".into(),
        },
        ast::Expr::Nested(of) => named(of),
        ast::Expr::Cast { expr, .. } => named(expr),
        ast::Expr::Case { .. } => "case".into(),
        _ => "?column?".into(),
    }
}
