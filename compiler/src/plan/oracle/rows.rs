//! Relations said in SQL: the author's own joins and queries, with what they name around them
//! called as it is called here.

use crate::diagnostics::{At, Diagnostic};
use crate::files::schema::{Rows, RowsFrom};
use crate::sql::block::From;
use crate::sql::scope::Named;
use crate::sql::{self, Sql, rewrite};

use super::scope::{Called, Printer, Scope};
use super::write::{Select, name};

/// A `join:` in scope.
pub(super) struct Entered<'a> {
    /// Its tables, in the order they are written.
    pub(super) tables: Vec<Scope<'a>>,
    /// What follows FROM.
    pub(super) from: String,
    /// The condition of the first table.
    pub(super) on: Option<String>,
}

impl<'a> Printer<'a> {
    /// The rows of a `join:` or `select:`: one object or null, or an array.
    pub(super) fn rows(&mut self, row: &Scope<'_>, rows: &Rows) {
        match &rows.from {
            RowsFrom::Join(sql) => self.joined(rows, sql),
            RowsFrom::Select(sql) => self.selected(row, rows, sql),
        }
    }

    fn joined(&mut self, rows: &Rows, sql: &Sql) {
        let depth = self.depth();
        let Some(Entered { tables, from, on }) = self.enter_join(sql) else { return };
        let mut conditions: Vec<String> = on.into_iter().collect();
        conditions.extend(rows.condition.as_ref().map(|sql| self.holds(sql)));
        let mut order = rows.order_by.as_ref().map_or(Vec::new(), |sql| self.order_keys(sql));
        order.extend(tables.iter().flat_map(|one| self.ties(one, sql.place)).collect::<Vec<_>>());
        let Some(far) = tables.into_iter().next() else { return };
        let select = Select { from, conditions, ..Select::default() };
        self.out.open("(");
        if rows.one {
            self.out.push("SELECT ");
            self.object(&far, &rows.fields);
            self.out.line();
            self.out.tail(&Select { order, limit: Some(1), ..select });
        } else {
            self.out.push("SELECT coalesce(jsonb_agg(listed.document ORDER BY listed.n), '[]')");
            self.out.line();
            self.out.open("FROM (");
            self.out.push("SELECT ");
            self.object(&far, &rows.fields);
            let by = order.join(", ");
            self.out.push(&format!(" AS document, row_number() OVER (ORDER BY {by}) AS n"));
            self.out.line();
            let limit = rows.limit;
            self.out.tail(&Select { order, limit, ..select });
            self.out.shut(") AS listed");
        }
        self.out.shut(")");
        self.rows.pop();
        self.leave(depth);
    }

    /// Brings the relations of a `join:` into scope; their rows are to be taken off again.
    pub(super) fn enter_join(&mut self, sql: &Sql) -> Option<Entered<'a>> {
        let names = self.names_in_scope();
        let typed = sql::joins(sql, self.ground(&names));
        let written = rewrite::joins(sql, self.ground(&names), &|name| self.called(name));
        let ((block, scope), (from, on)) = match (typed, written) {
            (Ok(typed), Ok(written)) => (typed, written),
            (Err(errors), _) => {
                errors.into_iter().for_each(|error| self.complain(error));
                return None;
            }
            (_, Err(error)) => {
                self.complain(error);
                return None;
            }
        };
        let called = |named: Named| Called { alias: name(&named.alias), named };
        self.rows.push(scope.relations.into_iter().map(called).collect());
        let mut tables = Vec::new();
        for relation in &block.relations {
            if let From::Table(table) = &relation.from {
                tables.push(self.known(table, &relation.alias, relation.place));
            }
        }
        if tables.is_empty() {
            self.complain(Diagnostic::error(sql.place, "a join begins with a table"));
            return None;
        }
        Some(Entered { tables, from, on: on.map(|on| format!("({on})")) })
    }

    fn selected(&mut self, row: &Scope<'_>, rows: &Rows, sql: &Sql) {
        let names = self.names_in_scope();
        let typed = sql::query(sql, self.ground(&names));
        let written = rewrite::query(sql, self.ground(&names), &|name| self.called(name));
        let (block, query) = match (typed, written) {
            (Ok(block), Ok(query)) => (block, query),
            (Err(errors), _) => return errors.into_iter().for_each(|error| self.complain(error)),
            (_, Err(error)) => return self.complain(error),
        };
        let columns = block.outputs.iter().map(|one| (one.name.clone(), one.ty.clone())).collect();
        let named = Named { alias: "listed".into(), table: None, columns: Some(columns) };
        self.rows.push(vec![Called { named, alias: "listed".into() }]);
        self.out.open("(");
        self.out.push("SELECT coalesce(jsonb_agg(");
        // Every value is one of the query's columns, none of the row's.
        self.by_sql = true;
        self.object(row, &rows.fields);
        self.by_sql = false;
        self.out.push("), '[]')");
        self.out.line();
        self.out.push(&format!("FROM ({query}) AS listed"));
        self.out.shut(")");
        self.rows.pop();
    }

    /// A column of the innermost scope by way of SQL.
    pub(super) fn column_by_sql(&mut self, column: &At<String>) -> super::scope::Typed {
        let text = format!("\"{}\"", column.value.replace('"', "\"\""));
        self.value(&Sql { text, place: column.place, pieces: Vec::new() })
    }
}
