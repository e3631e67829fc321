//! SQL as values: names resolved, types settled, nothing left to guess.
//!
//! ```text
//! Sql ─► parse ─► ast ─► infer, query ─► Phrase, Block
//!                          │  scope: what a name means        coerce: which type becomes which
//!                          └─ functions: what can be called, and which overload is meant
//! ```
//!
//! A [`Phrase`] is an expression over the rows in scope, a [`Block`] a query; both say for each
//! column where it comes from. Without a catalog everything is parsed and shaped, and what depends
//! on types is left for when one is seen.

pub mod block;
pub mod coerce;
pub mod functions;
mod infer;
pub mod parse;
mod precedence;
mod query;
pub mod rewrite;
pub mod scope;
mod tables;
pub mod text;

use self::block::{Block, Phrase, SortKey};
use self::infer::{Frame, Typed, Typer};
use self::query::Wanted;
use self::scope::Scope;
use crate::diagnostics::Diagnostic;
use crate::expr::Expr;
use crate::types::SqlType;

pub use self::infer::{Ground, Outward};
pub use self::tables::tables;
pub use self::text::Sql;

/// An expression over the rows in scope.
pub fn value(sql: &Sql, ground: Ground<'_>) -> Result<Phrase, Vec<Diagnostic>> {
    let tree = parse::expression(sql).map_err(|error| vec![error])?;
    let mut typer = Typer::new(sql, ground);
    let typed = typer.value(&tree);
    typer.phrase(typed)
}

/// A condition on the rows in scope; `what` names it in a report: "`where`".
pub fn condition(sql: &Sql, what: &str, ground: Ground<'_>) -> Result<Phrase, Vec<Diagnostic>> {
    let tree = parse::expression(sql).map_err(|error| vec![error])?;
    let mut typer = Typer::new(sql, ground);
    let expr = typer.condition(&tree, what);
    let typed =
        expr.map(|expr| Typed { expr, ty: SqlType::Bool, untyped: false, place: sql.place });
    typer.phrase(typed).map(|phrase| Phrase { is_condition: true, ..phrase })
}

/// An order of the rows in scope. What the keys read stands in the phrase, whose own expression
/// says nothing.
pub fn order(sql: &Sql, ground: Ground<'_>) -> Result<(Vec<SortKey>, Phrase), Vec<Diagnostic>> {
    let tree = parse::order(sql).map_err(|error| vec![error])?;
    let mut typer = Typer::new(sql, ground);
    let keys: Vec<Option<SortKey>> = tree.iter().map(|key| typer.sort_key(key, &[])).collect();
    let none = Expr::Literal(None, SqlType::Unknown);
    let typed = Typed { expr: none, ty: SqlType::Unknown, untyped: false, place: sql.place };
    let phrase = typer.phrase(Some(typed))?;
    Ok((keys.into_iter().flatten().collect(), phrase))
}

/// What follows `JOIN`: relations with their conditions, and no outputs. Level 1 of its inputs is
/// the innermost row in scope. With them what they are called in what reads them.
pub fn joins(sql: &Sql, ground: Ground<'_>) -> Result<(Block, Scope), Vec<Diagnostic>> {
    let tree = parse::joins(sql).map_err(|error| vec![error])?;
    let mut typer = Typer::new(sql, ground);
    typer.scopes.push(Scope::default());
    typer.frames.push(Frame::default());
    let relations = typer.joined(&tree.joins);
    let Frame { inputs, subqueries, .. } = typer.frames.pop().unwrap_or_default();
    let scope = typer.scopes.pop().unwrap_or_default();
    let Some(relations) = relations.filter(|_| typer.found.is_empty()) else {
        return Err(typer.found);
    };
    let block = Block { inputs, subqueries, relations, ..Block::over(sql.place) };
    Ok((block, scope))
}

/// A query. Level 1 of its inputs is the innermost row in scope.
pub fn query(sql: &Sql, ground: Ground<'_>) -> Result<Block, Vec<Diagnostic>> {
    let tree = parse::query(sql).map_err(|error| vec![error])?;
    let mut typer = Typer::new(sql, ground);
    match typer.block(&tree, Wanted::Columns) {
        Some(block) if typer.found.is_empty() => Ok(block),
        _ => Err(typer.found),
    }
}
