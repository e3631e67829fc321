//! How long an array may become, by the statistics: of one read of rows, or of a query in SQL.
//!
//! A figure is about the most, for the key that most rows have. Where a part of it is not known
//! (a table never analysed, an array, groups of what is computed) there is no figure, and nothing
//! is said.

use super::dear::Look;
use crate::expr::Expr;
use crate::plan::query::{Found, Query, Relation, Rows, Source};
use crate::plan::{KeptId, KeyPart, Read, TableId, cost};
use crate::sql::block::{Asks, Distinct, JoinKind};

/// Elements from which on an array is too long without a limit.
const LONG: f64 = 1000.0;

impl Look<'_> {
    /// What is found in a kept thing under one key: the most, as far as is known.
    fn group(&self, kept: KeptId) -> Option<f64> {
        let kept = self.plan.kept(kept);
        self.under(kept.table, &kept.key)
    }

    /// The same of a table by some columns.
    pub(super) fn under(&self, table: TableId, key: &[KeyPart]) -> Option<f64> {
        let average = cost::group(self.plan, self.catalog, table, key)?;
        let table = self.plan.table(table);
        let [part] = key else { return Some(average) };
        let column = (table.name.clone(), table.column(part.column).name.clone());
        let rows = self.catalog.table(&table.name)?.rows? as f64;
        let common = self.facts.common.get(&column).map(|share| f64::from(*share) * rows);
        Some(common.unwrap_or(0.0).max(average))
    }

    /// An array of the rows that are read.
    pub(super) fn length(&mut self, read: &Read, path: &str) {
        let between = read.through.as_ref().map_or(Some(1.0), |hop| self.group(hop.kept));
        let length = between.zip(self.group(read.kept)).map(|(between, rows)| between * rows);
        let Some(length) = length.filter(|length| read.limit.is_none() && *length >= LONG) else {
            return;
        };
        let table = &self.plan.table(self.plan.kept(read.kept).table).name;
        let message = format!(
            "one document may hold {} rows of `{table}`, by the statistics; give it a `limit`",
            super::dear::about(length)
        );
        self.say(path, message);
    }

    /// An array of the rows of a query.
    pub(super) fn query_length(&mut self, query: &Query, path: &str) {
        let Some(length) = self.rows(query).filter(|length| *length >= LONG) else { return };
        let what = match query.first().map(|kept| self.plan.table(self.plan.kept(kept).table)) {
            Some(table) => format!("rows of a query over `{}`", table.name),
            None => "rows of its query".to_owned(),
        };
        let message = format!(
            "one document may hold {} {what}, by the statistics; give it a limit",
            super::dear::about(length)
        );
        self.say(path, message);
    }

    /// The arrays that queries inside an expression make.
    pub(super) fn array_lengths(&mut self, queries: &[Query], path: &str) {
        for query in queries.iter().filter(|query| query.asks == Asks::Array) {
            self.query_length(query, path);
        }
    }

    /// Rows of a query for one document.
    fn rows(&self, query: &Query) -> Option<f64> {
        let mut rows = self.own_rows(query)?;
        for further in &query.union {
            rows += self.rows(further)?;
        }
        Some(query.limit.map_or(rows, |limit| rows.min(limit as f64)))
    }

    /// The same without what is united with it, and before its limit.
    fn own_rows(&self, query: &Query) -> Option<f64> {
        let Found::Rows { relations, .. } = &query.from else { return Some(1.0) };
        let mut rows = 1.0;
        for relation in relations {
            let found = match &relation.rows {
                Rows::Kept { kept, .. } => self.group(*kept)?,
                Rows::Query(inner) => self.rows(inner)?,
                Rows::Unnest(_) => return None,
            };
            rows *= match relation.join {
                JoinKind::Inner => found,
                JoinKind::Left => found.max(1.0),
            };
        }
        let different: Vec<&Expr> = match (&query.group, &query.distinct) {
            (Some(keys), _) | (None, Distinct::On(keys)) => keys.iter().collect(),
            (None, Distinct::Yes) => query.outputs.iter().map(|output| &output.expr).collect(),
            (None, Distinct::No) => return Some(rows),
        };
        let mut values = 1.0;
        for one in different {
            values *= self.values(query, relations, one)?;
        }
        Some(values.min(rows))
    }

    /// How many values an expression of a query takes, for one document.
    fn values(&self, query: &Query, relations: &[Relation], of: &Expr) -> Option<f64> {
        let Expr::Column(input) = of else { return None };
        let Source::Column { level, relation, column } = query.inputs[usize::from(input.0)].source
        else {
            return None;
        };
        if level > 0 {
            return Some(1.0);
        }
        let relation = relations.iter().find(|one| one.number == relation)?;
        let Rows::Kept { kept, .. } = relation.rows else { return None };
        let table = self.plan.table(self.plan.kept(kept).table);
        let key = [KeyPart { column, class: table.column(column).ty.class() }];
        cost::distinct(table, self.catalog.table(&table.name)?, &key)
    }
}
