//! SQL over the row in scope, as expressions of the plan.
//!
//! Names are looked up in the row's own table first and then in the rows around it. What reads no
//! more than its own row becomes a plain expression, evaluated wherever the row is met; the rest
//! waits for its document to be assembled.

use crate::diagnostics::{At, Diagnostic};
use crate::expr::Expr;
use crate::files::schema::Origin;
use crate::plan::{ColumnId, OrderPart, TableId};
use crate::sql::block::{Input, Phrase, Source};
use crate::sql::scope::{Named, Scope};
use crate::sql::{self, Ground, Sql};
use crate::types::SqlType;

use super::scope::Tables;

/// What a piece of SQL reads.
pub enum Reads {
    /// Columns of its own row, in their place.
    Own(Expr),
    /// Rows around it, or queries.
    More(Further),
}

/// SQL that reads more than its own row.
pub struct Further {
    /// What it means.
    pub phrase: Phrase,
    /// How it was written.
    pub text: String,
}

/// A row that SQL can read.
pub struct Row<'a> {
    /// Its table.
    pub table: TableId,
    /// The rows around it, the outermost first, and its own.
    pub scopes: &'a [Scope],
    /// The database schema where bare names of tables are looked up.
    pub home: &'a str,
}

impl Row<'_> {
    /// A column, or `sql:`, with its type.
    pub fn origin(&self, tables: &mut Tables<'_>, of: &Origin) -> Option<(Reads, SqlType)> {
        match of {
            Origin::Column(column) => {
                let id = tables.column(self.table, column)?;
                Some((Reads::Own(Expr::Column(id)), tables.ty(self.table, id).clone()))
            }
            Origin::Sql(sql) => {
                let typed = sql::value(sql, self.ground(tables));
                let phrase = self.accept(tables, typed)?;
                let ty = phrase.ty.clone();
                Some((self.reads(tables, phrase, sql)?, ty))
            }
        }
    }

    /// `where:`, `raw:`.
    pub fn condition(&self, tables: &mut Tables<'_>, sql: &Sql, what: &str) -> Option<Reads> {
        let typed = sql::condition(sql, what, self.ground(tables));
        let phrase = self.accept(tables, typed)?;
        self.reads(tables, phrase, sql)
    }

    fn reads(&self, tables: &mut Tables<'_>, phrase: Phrase, sql: &Sql) -> Option<Reads> {
        let is_own =
            |input: &Input| matches!(input.source, Source::Column { level: 0, relation: 0, .. });
        if !phrase.inputs.iter().all(is_own) {
            return Some(Reads::More(Further { phrase, text: sql.text.clone() }));
        }
        let columns = self.columns(tables, &phrase.inputs)?;
        let mut expr = phrase.expr;
        expr.rename(&|input| columns[usize::from(input.0)]);
        Some(Reads::Own(expr))
    }

    /// `order_by:`.
    pub fn order(&self, tables: &mut Tables<'_>, sql: &Sql) -> Option<Vec<OrderPart>> {
        let typed = sql::order(sql, self.ground(tables));
        let (keys, phrase) = self.accept(tables, typed)?;
        let columns = self.columns(tables, &phrase.inputs)?;
        let mut order = Vec::new();
        for key in keys {
            let Expr::Column(input) = key.expr else {
                let message = "only columns can be sorted by";
                let help = "keep the value in a column, such as a generated one";
                tables.error(Diagnostic::error(sql.place, message).help(help));
                return None;
            };
            order.push(OrderPart {
                column: columns[usize::from(input.0)],
                class: key.class,
                descending: key.descending,
                nulls_first: key.nulls_first,
            });
        }
        Some(order)
    }

    pub fn ground<'g>(&'g self, tables: &Tables<'g>) -> Ground<'g> {
        Ground { catalog: tables.catalog(), home: self.home, scopes: self.scopes }
    }

    pub fn accept<T>(
        &self,
        tables: &mut Tables<'_>,
        typed: Result<T, Vec<Diagnostic>>,
    ) -> Option<T> {
        typed.map_err(|errors| errors.into_iter().for_each(|error| tables.error(error))).ok()
    }

    /// What the inputs are in the plan, when all are columns of this row.
    fn columns(&self, tables: &mut Tables<'_>, inputs: &[Input]) -> Option<Vec<ColumnId>> {
        let columns: Vec<Option<ColumnId>> = inputs
            .iter()
            .map(|input| match &input.source {
                Source::Column { level: 0, column, .. } => {
                    tables.column(self.table, &At::new(column.clone(), input.place))
                }
                Source::Column { .. }
                | Source::Group(_)
                | Source::Aggregate(_)
                | Source::Subquery(_) => {
                    let message = "rows are sorted by their own columns only";
                    let help = "keep the value in a column, such as a generated one";
                    tables.error(Diagnostic::error(input.place, message).help(help));
                    None
                }
            })
            .collect();
        columns.into_iter().collect()
    }
}

/// The scope of one table's row, called by the table's name.
pub fn scope(tables: &Tables<'_>, table: TableId) -> Scope {
    let name = &tables.get(table).name;
    Scope { relations: vec![Named::table(&name.name, name, tables.catalog())] }
}
