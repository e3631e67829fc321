//! A piece of SQL as it stands in another query: names that lead out of it qualified anew, text
//! ordered by its bytes.
//!
//! For the oracle alone: Postgres would look a bare name up in the query around it, whose relations
//! may be called otherwise than the schema file calls them, and would order by the database's
//! collation.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Ident, ObjectName, OrderByExpr, OrderByKind, Query, Spanned, VisitMut,
    VisitorMut,
};

use super::infer::Typer;
use super::infer::{Marks, Outward};
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
    let mut rewriter = Rewriter { sql, marks: typer.marks, written };
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
    let mut rewriter = Rewriter { sql, marks: typer.marks, written };
    for key in &mut keys {
        rewriter.sort_key(key);
        let ControlFlow::Continue(()) = key.visit(&mut rewriter);
    }
    Ok(keys.iter().map(OrderByExpr::to_string).collect())
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
}

impl Rewriter<'_> {
    fn is_by_bytes(&self, of: &impl Spanned) -> bool {
        self.marks.by_bytes.contains(&self.sql.whole(of.span()))
    }

    fn sort_key(&self, key: &mut OrderByExpr) {
        if self.is_by_bytes(key) {
            by_bytes(&mut key.expr);
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

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(keys) = &mut order.kind
        {
            keys.iter_mut().for_each(|key| self.sort_key(key));
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
                    for clause in &mut list.clauses {
                        if let FunctionArgumentClause::OrderBy(keys) = clause {
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
