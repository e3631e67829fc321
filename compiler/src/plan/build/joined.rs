//! Relations said in SQL: `join:`, whose rows are those of its tables, and `select:`, whose rows are
//! those of its columns.
//!
//! Both are queries, found by key like those inside expressions. What words say inside a `join:`
//! is of its first table, and SQL may name them all; inside a `select:` all is of its columns.

use std::collections::BTreeMap;

use super::lower::{Block, Lowering};
use super::query::{Open, Stand};
use super::row::Row;
use crate::diagnostics::{At, Diagnostic, nearest};
use crate::files::schema::{self, Field, Kind, Origin, RowsFrom};
use crate::plan::{Object, Rows, Value};
use crate::sql::block::{Asks, Block as Query, Phrase};
use crate::sql::scope::{Named, Scope};
use crate::sql::{self, Ground, Sql};
use crate::types::render;

impl Lowering<'_> {
    /// A relation by `join:` or `select:`.
    pub(super) fn rows(
        &mut self,
        outer: &mut Block,
        name: &str,
        rows: &schema::Rows,
    ) -> Option<Value> {
        let field = outer.named(name);
        match &rows.from {
            RowsFrom::Join(sql) => self.joined(outer, field, rows, sql),
            RowsFrom::Select(sql) => self.selected(outer, field, rows, sql),
        }
    }

    fn joined(
        &mut self,
        outer: &Block,
        field: String,
        rows: &schema::Rows,
        sql: &Sql,
    ) -> Option<Value> {
        let row = Row { table: outer.table, scopes: &outer.scopes, home: &self.home };
        let typed = sql::joins(sql, row.ground(&self.tables));
        let (mut block, scope) = row.accept(&mut self.tables, typed)?;
        let mut scopes = outer.scopes.clone();
        scopes.push(scope);
        let within = Row { table: outer.table, scopes: &scopes, home: &self.home };
        if let Some(condition) = &rows.condition {
            let typed = sql::condition(condition, "`where`", within.ground(&self.tables));
            let Phrase { expr, inputs, subqueries, .. } = within.accept(&mut self.tables, typed)?;
            let mut expr = [expr];
            block.absorb(inputs, subqueries, &mut expr);
            let [expr] = expr;
            block.filter = Some(expr);
        }
        if let Some(order) = &rows.order_by {
            let typed = sql::order(order, within.ground(&self.tables));
            let (keys, phrase) = within.accept(&mut self.tables, typed)?;
            let mut exprs: Vec<_> = keys.iter().map(|key| key.expr.clone()).collect();
            block.absorb(phrase.inputs, phrase.subqueries, &mut exprs);
            let renamed = keys.into_iter().zip(exprs);
            block.order = renamed.map(|(key, expr)| sql::block::SortKey { expr, ..key }).collect();
        }
        block.limit = if rows.one { Some(1) } else { rows.limit };

        let frames = outer.frames();
        self.memberships_within(&frames, &mut block);
        let Open { query, rows: mut stands, sites } =
            self.open(&frames, &field, Asks::Array, block)?;
        let beside = stands.split_off(1.min(stands.len()));
        let Some(Stand::Table(first)) = stands.pop() else {
            let error = Diagnostic::error(sql.place, "a join begins with a table");
            self.tables.error(error.help("name the table first, then what is joined to it"));
            return None;
        };
        let mut inner = Block {
            table: first.table,
            demand: first.demand,
            key: first.key,
            up: first.up,
            field: field.clone(),
            reads: Default::default(),
            scopes,
            around: frames,
            beside,
        };
        let object = self.object(&mut inner, &rows.fields);
        self.further.entry(inner.demand).or_default().extend(inner.reads);
        self.close(sites, &field);
        Some(rows_of(query, sql, object, rows.one))
    }

    fn selected(
        &mut self,
        outer: &Block,
        field: String,
        rows: &schema::Rows,
        sql: &Sql,
    ) -> Option<Value> {
        let row = Row { table: outer.table, scopes: &outer.scopes, home: &self.home };
        let typed = sql::query(sql, row.ground(&self.tables));
        let block: Query = row.accept(&mut self.tables, typed)?;
        if block.order.is_empty() {
            let error = Diagnostic::error(sql.place, "the rows of this query have no order");
            self.tables.error(error.help("say it with `ORDER BY`: an array has one"));
            return None;
        }
        let outputs = block.outputs.iter().map(|one| (one.name.clone(), one.ty.clone())).collect();
        let named = Named { alias: String::new(), table: None, columns: Some(outputs) };
        let query = self.query(&outer.frames(), &field, Asks::Array, block)?;
        let mut scopes = outer.scopes.clone();
        scopes.push(Scope { relations: vec![named] });
        let names = query.outputs.iter().map(|one| one.name.clone()).collect();
        let mut frames = outer.frames();
        frames.push(vec![Stand::Outputs(names)]);
        let object = self.columns_of(&frames, &scopes, &field, &rows.fields)?;
        Some(rows_of(query, sql, object, rows.one))
    }

    /// Fields over the columns of a query.
    fn columns_of(
        &mut self,
        frames: &[super::query::Frame],
        scopes: &[Scope],
        field: &str,
        fields: &[Field],
    ) -> Option<Object> {
        let mut object = Object::default();
        let named: BTreeMap<&str, &Field> =
            fields.iter().map(|field| (field.name.as_str(), field)).collect();
        for one in named.into_values() {
            let field = format!("{field}.{}", *one.name);
            let value = match &one.kind {
                Kind::Column(column) => {
                    let sql = match &column.from {
                        Origin::Sql(sql) => sql.clone(),
                        Origin::Column(name) => {
                            self.is_output(name, scopes)?;
                            column_as_sql(name)
                        }
                    };
                    let home = self.home.clone();
                    let ground = Ground { catalog: self.tables.catalog(), home: &home, scopes };
                    let phrase = match sql::value(&sql, ground) {
                        Ok(phrase) => phrase,
                        Err(errors) => {
                            errors.into_iter().for_each(|error| self.tables.error(error));
                            return None;
                        }
                    };
                    let (ty, expr) = (phrase.ty.clone(), phrase.expr.clone());
                    let (expr, ty) = super::filters::finished(&mut self.tables, column, expr, ty)?;
                    let phrase = Phrase { expr, ..phrase };
                    let formula = self.formula(frames, &field, phrase, &sql.text)?;
                    Value::Formula(formula, render(&ty, &column.ty), column.on_error)
                }
                Kind::Object(inner) => {
                    Value::Object(self.columns_of(frames, scopes, &field, inner)?)
                }
                Kind::Constant(value) => Value::Constant(super::lower::json(value).to_string()),
                Kind::Geo { .. } | Kind::Join(_) | Kind::Rows(_) | Kind::Aggregate(_) => {
                    let message = "the fields of a `select` are values of its columns";
                    let error = Diagnostic::error(one.name.place, message);
                    self.tables.error(error.help("add a column to the query"));
                    return None;
                }
            };
            object.fields.push((one.name.value.clone(), value));
        }
        Some(object)
    }

    /// A column is the query's own; one of a row around it is meant only when SQL says so.
    fn is_output(&mut self, name: &At<String>, scopes: &[Scope]) -> Option<()> {
        let outputs = scopes.last().and_then(|scope| scope.relations.first());
        let outputs = outputs.and_then(|named| named.columns.as_deref()).unwrap_or_default();
        if outputs.iter().any(|(output, _)| *output == name.value) {
            return Some(());
        }
        let names: Vec<&str> = outputs.iter().map(|(output, _)| output.as_str()).collect();
        let error = Diagnostic::error(name.place, format!("the query has no column `{}`", **name));
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", names.join(", ")),
        };
        self.tables.error(error.help(help));
        None
    }
}

/// The name of a column as SQL would write it.
fn column_as_sql(name: &At<String>) -> Sql {
    let text = format!("\"{}\"", name.value.replace('"', "\"\""));
    Sql { text, place: name.place, pieces: Vec::new() }
}

fn rows_of(query: crate::plan::Query, sql: &Sql, object: Object, one: bool) -> Value {
    let text = sql.text.split_whitespace().collect::<Vec<_>>().join(" ");
    Value::Rows(Box::new(Rows { query, text, object, one }))
}
