//! Reading SQL: the text with the way back to its file, parsed here so that what is no SQL is said
//! with all the other mistakes of a load. What names and types mean is seen when the plan is built.

use super::node::{Node, Scalar, ScalarKind, Value};
use super::read::{Keys, wrong};
use super::schema::{Filter, Origin};
use crate::diagnostics::Diagnostic;
use crate::sql::{Sql, parse};

/// The text of a node, whatever YAML takes it for: `sql: 5` is the number in SQL too.
fn text(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Sql> {
    match &node.value {
        Value::Scalar(Scalar { text, kind, pieces }) if *kind != ScalarKind::Null => {
            Some(Sql { text: text.clone(), place: node.place, pieces: pieces.clone() })
        }
        _ => {
            found.push(wrong(node, what, "a text of SQL"));
            None
        }
    }
}

/// A text that one of the parsers must take.
fn parsed<T>(
    node: &Node,
    what: &str,
    parse: impl Fn(&Sql) -> Result<T, Diagnostic>,
    found: &mut Vec<Diagnostic>,
) -> Option<Sql> {
    let sql = text(node, what, found)?;
    match parse(&sql) {
        Ok(_) => Some(sql),
        Err(error) => {
            found.push(error);
            None
        }
    }
}

/// An expression.
pub fn expression(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Sql> {
    parsed(node, what, parse::expression, found)
}

/// What follows `ORDER BY`.
pub fn order(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Sql> {
    parsed(node, "`order_by`", parse::order, found)
}

/// What follows `JOIN`.
pub fn joins(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Sql> {
    parsed(node, "`join`", parse::joins, found)
}

/// A whole query.
pub fn query(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Sql> {
    parsed(node, "`select`", parse::query, found)
}

/// `where:`. The outer option is none after a mistake.
pub fn condition(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Option<Sql>> {
    match keys.take("where") {
        Some(node) => expression(node, "`where`", found).map(Some),
        None => Some(None),
    }
}

/// `raw:` of a filter.
pub fn raw(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Filter> {
    expression(node, "`raw`", found).map(Filter::Raw)
}

/// `sql:`, when it is there. The outer option is none after a mistake.
pub fn origin(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Option<Origin>> {
    match keys.take("sql") {
        Some(node) => expression(node, "`sql`", found).map(|sql| Some(Origin::Sql(sql))),
        None => Some(None),
    }
}
