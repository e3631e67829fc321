//! A piece of SQL as it stands in another query: names that lead out of it qualified anew, text
//! ordered by its bytes.
//!
//! For the oracle alone: Postgres would look a bare name up in the query around it, whose relations
//! may be called otherwise than the schema file calls them, and would order by the database's
//! collation.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, Distinct, DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident, JoinConstraint, JoinOperator, ObjectName,
    ObjectNamePart, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, Spanned, Value, VisitMut,
    VisitorMut,
};

use super::infer::Typer;
use super::infer::{Marks, Outward, ident};
use super::query::Wanted;
use super::scope::Scope;
use super::{Ground, Sql, parse};
use crate::diagnostics::{Diagnostic, Place};

/// An expression; `written` says how a name that leads out of it is written there.
pub fn expression(
    sql: &Sql,
    ground: Ground<'_>,
    written: &dyn Fn(&Outward) -> String,
) -> Result<String, Diagnostic> {
    let sql = &alone(sql);
    let mut tree = parse::expression(sql)?;
    let mut typer = Typer::new(sql, ground);
    typer.value(&tree);
    let mut rewriter = Rewriter::new(sql, typer, written);
    let ControlFlow::Continue(()) = tree.visit(&mut rewriter);
    Ok(tree.to_string())
}

/// What follows `ORDER BY`, item by item.
pub fn order(
    sql: &Sql,
    ground: Ground<'_>,
    written: &dyn Fn(&Outward) -> String,
) -> Result<Vec<String>, Diagnostic> {
    let sql = &alone(sql);
    let mut keys = parse::order(sql)?;
    let mut typer = Typer::new(sql, ground);
    for key in &keys {
        typer.sort_key(key, &[]);
    }
    let mut rewriter = Rewriter::new(sql, typer, written);
    for key in &mut keys {
        rewriter.sort_key(key);
        let ControlFlow::Continue(()) = key.visit(&mut rewriter);
    }
    Ok(keys.iter().map(OrderByExpr::to_string).collect())
}

/// What follows `JOIN`: relations as after `FROM`, and the condition of the first.
pub fn joins(
    sql: &Sql,
    ground: Ground<'_>,
    written: &dyn Fn(&Outward) -> String,
) -> Result<(String, Option<String>), Diagnostic> {
    let sql = &alone(sql);
    let mut tree = parse::joins(sql)?;
    let mut typer = Typer::new(sql, ground);
    typer.scopes.push(Scope::default());
    typer.joined(&tree.joins);
    let mut rewriter = Rewriter::new(sql, typer, written);
    let ControlFlow::Continue(()) = tree.joins.visit(&mut rewriter);
    let mut from = String::new();
    let mut condition = None;
    for (position, join) in tree.joins.iter().enumerate() {
        match &join.join_operator {
            JoinOperator::Join(JoinConstraint::On(on)) if position == 0 => {
                from += &join.relation.to_string();
                condition = Some(on.to_string());
            }
            _ if position == 0 => from += &join.relation.to_string(),
            _ => from += &format!(" {}", join.to_string().trim()),
        }
    }
    Ok((from, condition))
}

/// A whole query.
pub fn query(
    sql: &Sql,
    ground: Ground<'_>,
    written: &dyn Fn(&Outward) -> String,
) -> Result<String, Diagnostic> {
    let sql = &alone(sql);
    let mut tree = parse::query(sql)?;
    let mut typer = Typer::new(sql, ground);
    typer.block(&tree, Wanted::Columns);
    let mut rewriter = Rewriter::new(sql, typer, written);
    let ControlFlow::Continue(()) = tree.visit(&mut rewriter);
    Ok(tree.to_string())
}

/// The text apart from its file, so that its places are its own bytes.
fn alone(sql: &Sql) -> Sql {
    let place = Place { file: 0, start: 0, end: sql.text.len() as u32 };
    Sql { text: sql.text.clone(), place, pieces: vec![(0, 0)] }
}

struct Rewriter<'a> {
    sql: &'a Sql,
    marks: Marks,
    written: &'a dyn Fn(&Outward) -> String,
    /// Where bare names of tables are looked up.
    home: &'a str,
    /// The queries named by `WITH`, which are no tables.
    named: Vec<String>,
}

impl<'a> Rewriter<'a> {
    fn new(sql: &'a Sql, typer: Typer<'a>, written: &'a dyn Fn(&Outward) -> String) -> Self {
        let (marks, home) = (typer.marks, typer.ground.home);
        Rewriter { sql, marks, written, home, named: Vec::new() }
    }

    fn is_by_bytes(&self, of: &impl Spanned) -> bool {
        self.marks.by_bytes.contains(&self.sql.whole(of.span()))
    }

    fn sort_key(&self, key: &mut OrderByExpr) {
        if self.is_by_bytes(key) {
            by_bytes(&mut key.expr);
        }
    }

    /// What `DISTINCT ON` names must be what `ORDER BY` begins with, and what `DISTINCT` shows what
    /// is ordered by: by bytes as well.
    fn distinct_as_ordered(&self, query: &mut Query) {
        let order = query.order_by.as_ref().map(|order| &order.kind);
        let (SetExpr::Select(select), Some(OrderByKind::Expressions(keys))) =
            (query.body.as_mut(), order)
        else {
            return;
        };
        let ordered = |one: &Expr| keys.iter().any(|key| key.expr == *one && self.is_by_bytes(key));
        match &mut select.distinct {
            Some(Distinct::On(distinct)) => {
                distinct.iter_mut().filter(|one| ordered(one)).for_each(by_bytes);
            }
            Some(Distinct::Distinct) => {
                for item in &mut select.projection {
                    match item {
                        SelectItem::UnnamedExpr(of)
                        | SelectItem::ExprWithAlias { expr: of, .. }
                            if ordered(of) =>
                        {
                            by_bytes(of);
                        }
                        _ => {}
                    }
                }
            }
            Some(Distinct::All) | None => {}
        }
    }

    /// The names that stand where these do, as they are to be written.
    fn renamed(&self, names: &[Ident]) -> Option<Expr> {
        let (first, last) = (names.first()?, names.last()?);
        let place = self.sql.whole(first.span.union(&last.span));
        let outward = self.marks.outward.iter().find(|name| name.place == place)?;
        let (value, span) = ((self.written)(outward), first.span.union(&last.span));
        Some(Expr::Identifier(Ident { value, quote_style: None, span }))
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<Self::Break> {
        if let [ObjectNamePart::Identifier(bare)] = name.0.as_slice()
            && self.home != "public"
            && !self.named.contains(&ident(bare))
        {
            let home = Ident::with_quote('"', self.home);
            name.0.insert(0, ObjectNamePart::Identifier(home));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables);
        self.named.extend(named.map(|one| ident(&one.alias.name)));
        self.distinct_as_ordered(query);
        let Query { body, order_by, .. } = query;
        if let Some(order) = order_by
            && let OrderByKind::Expressions(keys) = &mut order.kind
        {
            keys.iter_mut().for_each(|key| match output(body, key) {
                Some(output) if self.is_by_bytes(key) => by_bytes(output),
                Some(_) => {}
                None => self.sort_key(key),
            });
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let ordered = self.is_by_bytes(expr);
        match expr {
            Expr::BinaryOp { left, op, .. } if ordered && is_order(op) => by_bytes(left),
            Expr::Between { expr, .. } if ordered => by_bytes(expr),
            Expr::AnyOp { left, .. } | Expr::AllOp { left, .. } if ordered => by_bytes(left),
            Expr::Function(call) => {
                if let FunctionArguments::List(list) = &mut call.args {
                    let mut ordered = ordered;
                    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
                    for clause in &mut list.clauses {
                        if let FunctionArgumentClause::OrderBy(keys) = clause {
                            // With DISTINCT the order is that of the argument.
                            ordered |= distinct && keys.iter().any(|key| self.is_by_bytes(key));
                            keys.iter_mut().for_each(|key| self.sort_key(key));
                        }
                    }
                    let first = list.args.first_mut();
                    if let (true, Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first)))) =
                        (ordered, first)
                    {
                        by_bytes(first);
                    }
                }
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                let mut names = match root.as_ref() {
                    Expr::Identifier(one) => vec![one.clone()],
                    Expr::CompoundIdentifier(several) => several.clone(),
                    _ => Vec::new(),
                };
                let dots = access_chain
                    .iter()
                    .take_while(|one| matches!(one, AccessExpr::Dot(Expr::Identifier(_))));
                let dots = if names.is_empty() { 0 } else { dots.count() };
                names.extend(access_chain.iter().take(dots).filter_map(|one| match one {
                    AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
                    _ => None,
                }));
                if let Some(renamed) = self.renamed(&names) {
                    **root = renamed;
                    access_chain.drain(..dots);
                }
            }
            Expr::Identifier(name) => {
                if let Some(renamed) = self.renamed(std::slice::from_ref(name)) {
                    *expr = renamed;
                }
            }
            Expr::CompoundIdentifier(names) => {
                if let Some(renamed) = self.renamed(names) {
                    *expr = renamed;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The output of a query that a sort key names, by its number or name.
fn output<'q>(body: &'q mut SetExpr, key: &OrderByExpr) -> Option<&'q mut Expr> {
    let SetExpr::Select(select) = body else { return None };
    let number = match &key.expr {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        Expr::Identifier(name) => select.projection.iter().position(
            |item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if ident(alias) == ident(name)),
        ),
        _ => None,
    };
    match select.projection.get_mut(number?) {
        Some(SelectItem::UnnamedExpr(of) | SelectItem::ExprWithAlias { expr: of, .. }) => Some(of),
        Some(_) | None => None,
    }
}

fn is_order(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq
    )
}

/// `(of) COLLATE "C"`.
fn by_bytes(of: &mut Expr) {
    let inner = std::mem::replace(of, Expr::Tuple(Vec::new()));
    let collation = ObjectName::from(vec![Ident::with_quote('"', "C")]);
    *of = Expr::Collate { expr: Box::new(Expr::Nested(Box::new(inner))), collation };
}
