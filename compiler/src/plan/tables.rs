//! Which tables a deployment reads: what to ask a catalog for, and what to publish.

use std::collections::BTreeSet;

use crate::catalog::TableName;
use crate::files::config::Config;
use crate::files::schema::{AggregateKey, Field, Filter, Kind, Link, Order, Origin};
use crate::sql::Sql;

/// The tables of all enabled indexes, each once, by name.
pub fn tables(config: &Config) -> Vec<TableName> {
    let mut tables = BTreeSet::new();
    for entry in config.indexes.iter().filter(|entry| entry.enabled) {
        let schema = &entry.schema;
        tables.insert(schema.table.value.clone());
        let mut all = All { home: &schema.db_schema, tables: &mut tables };
        all.conditions(schema.filters.as_deref(), schema.condition.as_ref());
        all.fields(&schema.fields);
    }
    tables.into_iter().collect()
}

struct All<'a> {
    /// Where bare names are looked up.
    home: &'a str,
    tables: &'a mut BTreeSet<TableName>,
}

impl All<'_> {
    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            match &field.kind {
                Kind::Column(column) => {
                    if let Origin::Sql(sql) = &column.from {
                        self.sql(sql);
                    }
                }
                Kind::Geo { .. } | Kind::Constant(_) => {}
                Kind::Object(fields) => self.fields(fields),
                Kind::Join(join) => {
                    self.tables.insert(join.table.value.clone());
                    if let Link::ManyToMany(through) = &join.link {
                        self.tables.insert(through.table.value.clone());
                    }
                    self.conditions(join.filters.as_deref(), join.condition.as_ref());
                    self.fields(&join.fields);
                }
                Kind::Rows(rows) => {
                    self.sql(rows.from.sql());
                    rows.condition.iter().chain(&rows.order_by).for_each(|sql| self.sql(sql));
                    self.fields(&rows.fields);
                }
                Kind::Aggregate(aggregate) => {
                    self.tables.insert(aggregate.table.value.clone());
                    match &aggregate.key {
                        AggregateKey::Direct(_) => {}
                        AggregateKey::Through(through) => {
                            self.tables.insert(through.table.value.clone());
                        }
                        AggregateKey::Join(sql) => self.sql(sql),
                    }
                    if let Some(Order::Sql(sql)) = &aggregate.order_by {
                        self.sql(sql);
                    }
                    if let Some(Origin::Sql(sql)) = aggregate.op.of() {
                        self.sql(&sql);
                    }
                    self.conditions(aggregate.filters.as_deref(), aggregate.condition.as_ref());
                }
            }
        }
    }

    fn conditions(&mut self, filters: Option<&[Filter]>, condition: Option<&Sql>) {
        for filter in filters.unwrap_or_default() {
            if let Filter::Raw(sql) = filter {
                self.sql(sql);
            }
        }
        condition.into_iter().for_each(|sql| self.sql(sql));
    }

    fn sql(&mut self, sql: &Sql) {
        self.tables.extend(crate::sql::tables(sql, self.home));
    }
}
