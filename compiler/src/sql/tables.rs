//! The tables that a piece of SQL names, seen before anybody knows them: a catalog is asked for
//! these, and only then can the piece be typed.

use std::ops::ControlFlow;

use sqlparser::ast::{Ident, ObjectName, Query, Visit, Visitor};

use super::infer::ident;
use super::{Sql, parse};
use crate::catalog::TableName;

/// The tables, in the order they are written, by whichever way the piece can be read. `home` is
/// the database schema of those named without one.
pub fn tables(sql: &Sql, home: &str) -> Vec<TableName> {
    let mut named = Named { home, queries: Vec::new(), tables: Vec::new() };
    let ControlFlow::Continue(()) = if let Ok(tree) = parse::expression(sql) {
        tree.visit(&mut named)
    } else if let Ok(tree) = parse::query(sql) {
        tree.visit(&mut named)
    } else if let Ok(tree) = parse::joins(sql) {
        tree.joins.visit(&mut named)
    } else {
        ControlFlow::Continue(())
    };
    let Named { queries, mut tables, .. } = named;
    tables.retain(|table| table.schema != home || !queries.contains(&table.name));
    tables
}

struct Named<'a> {
    home: &'a str,
    /// Called so by `WITH`, which are no tables.
    queries: Vec<String>,
    tables: Vec<TableName>,
}

impl Visitor for Named<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        self.queries.extend(with.map(|one| ident(&one.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Self::Break> {
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(|part: &Ident| ident(part))
            .collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (self.home.to_owned(), name.clone()),
            [schema, name] => (schema.clone(), name.clone()),
            // Refused when it is typed.
            _ => return ControlFlow::Continue(()),
        };
        self.tables.push(TableName { schema, name });
        ControlFlow::Continue(())
    }
}
