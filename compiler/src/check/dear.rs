//! What a plan may do and its author will regret, as far as only a database can tell: arrays
//! without an end, changes that reach a million documents, lookups without an index, orders that
//! are not the database's.
//!
//! All of these run. They are told before they do, as warnings.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::catalog::{Catalog, TableName};
use crate::diagnostics::Severity;
use crate::expr::Expr;
use crate::plan::{
    Aggregate, AggregateFunction, ColumnId, Holds, Index, KeptId, Object, Plan, Read, TableId,
    Value,
};
use crate::types::Class;

/// Documents from which on one change reaches too many.
const MANY: f64 = 1e6;
/// Rows up to which a table is read as a whole sooner than by an index.
const SMALL: u64 = 1000;

/// What a database knows of its tables beside their shapes.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Each index over whole rows: its table, and its columns in order.
    pub indexes: Vec<(TableName, Vec<String>)>,
    /// The share of a table's rows that have a column's most common value.
    pub common: BTreeMap<(TableName, String), f32>,
    /// Collations that do not order by bytes.
    pub collations: BTreeMap<(TableName, String), String>,
}

/// Everything of a plan that is to be told.
pub fn dear(plan: &Plan, catalog: &Catalog, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for index in &plan.indexes {
        let seen = BTreeSet::new();
        let mut look = Look { plan, catalog, facts, index, seen, found: &mut found };
        look.object(&index.shape, "");
        look.reach();
    }
    found
}

/// One index, looked at.
pub(super) struct Look<'a> {
    pub(super) plan: &'a Plan,
    pub(super) catalog: &'a Catalog,
    pub(super) facts: &'a Facts,
    index: &'a Index,
    /// Lookups already spoken of.
    seen: BTreeSet<KeptId>,
    found: &'a mut Vec<Finding>,
}

impl Look<'_> {
    pub(super) fn say(&mut self, field: &str, message: String) {
        let (index, field) = (self.index.name.clone(), field.to_owned());
        let finding = Finding { index, field, severity: Severity::Warning, message };
        // A value may be ordered by and shown.
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    fn object(&mut self, object: &Object, under: &str) {
        for (name, value) in &object.fields {
            let path = match under {
                "" => name.clone(),
                under => format!("{under}.{name}"),
            };
            match value {
                Value::Scalar(..) | Value::Geo { .. } | Value::Constant(_) => {}
                Value::Formula(formula, ..) => {
                    formula.each_kept(&mut |kept, _| self.lookup(kept, &path));
                    self.array_lengths(&formula.queries, &path);
                }
                Value::Rows(rows) => {
                    rows.query.each_kept(&mut |kept, _| self.lookup(kept, &path));
                    if !rows.one {
                        self.query_length(&rows.query, &path);
                    }
                    self.object(&rows.object, &path);
                }
                Value::Object(inner) => self.object(inner, &path),
                Value::One(read, inner) => {
                    self.read(read, &path);
                    self.object(inner, &path);
                }
                Value::Many(read, inner) => {
                    self.read(read, &path);
                    self.length(read, &path);
                    self.object(inner, &path);
                }
                Value::Aggregate(Aggregate::Tallied { kept, .. }) => self.lookup(*kept, &path),
                Value::Aggregate(Aggregate::Gathered { read, function, of, .. }) => {
                    self.read(read, &path);
                    match (function, of) {
                        (AggregateFunction::Ids | AggregateFunction::ArrayAgg, _) => {
                            self.length(read, &path);
                        }
                        (
                            AggregateFunction::Min | AggregateFunction::Max,
                            Some(Expr::Column(column)),
                        ) => {
                            let table = self.plan.kept(read.kept).table;
                            let class = self.plan.table(table).column(*column).ty.class();
                            self.collation(table, *column, &class, &path);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn read(&mut self, read: &Read, path: &str) {
        if let Some(hop) = &read.through {
            self.lookup(hop.kept, path);
        }
        self.lookup(read.kept, path);
        for formula in &read.further {
            formula.each_kept(&mut |kept, _| self.lookup(kept, path));
        }
        let table = self.plan.kept(read.kept).table;
        for part in &read.order {
            self.collation(table, part.column, &part.class, path);
        }
    }

    /// Rows that are looked up by columns no index begins with.
    fn lookup(&mut self, kept: KeptId, path: &str) {
        if let Holds::Joined(join) = &self.plan.kept(kept).holds {
            join.walks[0].steps.iter().for_each(|step| self.lookup(step.kept, path));
        }
        let table = self.plan.table(self.plan.kept(kept).table);
        let rows = self.catalog.table(&table.name).and_then(|table| table.rows);
        if !self.seen.insert(kept) || rows.is_some_and(|rows| rows < SMALL) {
            return;
        }
        let key = self.plan.kept(kept).key.iter();
        let key: Vec<&String> = key.map(|part| &table.column(part.column).name).collect();
        let begins = |(name, columns): &(TableName, Vec<String>)| {
            *name == table.name
                && columns.len() >= key.len()
                && columns[..key.len()].iter().all(|column| key.contains(&column))
        };
        if key.is_empty() || self.facts.indexes.iter().any(begins) {
            return;
        }
        let columns = key.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!(
            "no index of `{}` begins with `{columns}`: `run` needs none, but `preview` and `verify` \
             read the whole table",
            table.name
        );
        self.say(path, message);
    }

    fn collation(&mut self, table: TableId, column: ColumnId, class: &Class, path: &str) {
        if !matches!(class, Class::Text | Class::Bpchar | Class::Citext) {
            return;
        }
        let table = self.plan.table(table);
        let column = table.column(column).name.clone();
        let Some(collation) = self.facts.collations.get(&(table.name.clone(), column.clone()))
        else {
            return;
        };
        let message = format!(
            "text is ordered by its bytes here; the collation `{collation}` of `{}.{column}` \
             orders differently",
            table.name
        );
        self.say(path, message);
    }

    /// Changes that reach more documents than anybody wants to send.
    fn reach(&mut self) {
        let (index, plan) = (self.index, self.plan);
        let root = &self.plan.table(self.plan.kept(index.root).table).name;
        // There are no more documents than rows.
        let all = self.catalog.table(root).and_then(|table| table.rows).unwrap_or(u64::MAX) as f64;
        for (field, reach) in index
            .paths
            .iter()
            .flat_map(|path| plan.reaches(path).into_iter().map(move |reach| (&path.field, reach)))
        {
            let mut reached = 1.0;
            for link in &reach.links {
                match self.under(link.table, &link.key) {
                    Some(rows) => reached *= rows.max(1.0),
                    None => reached = f64::NAN,
                }
            }
            let reached = if reached.is_nan() { 0.0 } else { reached.min(all) };
            if reached >= MANY {
                let table = &self.plan.table(reach.table).name;
                let message = format!(
                    "one changed row of `{table}` may reach {} documents, by the statistics",
                    about(reached)
                );
                self.say(field, message);
            }
        }
    }
}

/// A figure as good as statistics are: two digits, and blanks between thousands.
pub(super) fn about(figure: f64) -> String {
    let scale = 10_f64.powf((figure.log10().floor() - 1.0).max(0.0));
    let digits = format!("{:.0}", (figure / scale).round() * scale);
    let mut text = String::from("about ");
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::about;

    #[test]
    fn figures_are_no_more_exact_than_they_are() {
        let shown = [1000.0, 1234.0, 9876.5, 1_000_000.0, 12_345_678.0].map(about);
        let expected =
            ["about 1 000", "about 1 200", "about 9 900", "about 1 000 000", "about 12 000 000"];
        assert_eq!(shown, expected);
    }
}
