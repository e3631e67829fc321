//! Which tables a deployment reads: what to ask a catalog for, and what to publish.

use std::collections::BTreeSet;

use crate::catalog::TableName;
use crate::files::config::Config;
use crate::files::schema::{AggregateKey, Field, Kind, Link};

/// The tables of all enabled indexes, each once, by name.
pub fn tables(config: &Config) -> Vec<TableName> {
    let mut tables = BTreeSet::new();
    for entry in config.indexes.iter().filter(|entry| entry.enabled) {
        tables.insert(entry.schema.table.value.clone());
        of_fields(&entry.schema.fields, &mut tables);
    }
    tables.into_iter().collect()
}

fn of_fields(fields: &[Field], tables: &mut BTreeSet<TableName>) {
    for field in fields {
        match &field.kind {
            Kind::Column(_) | Kind::Geo { .. } | Kind::Constant(_) => {}
            Kind::Object(fields) => of_fields(fields, tables),
            Kind::Join(join) => {
                tables.insert(join.table.value.clone());
                if let Link::ManyToMany(through) = &join.link {
                    tables.insert(through.table.value.clone());
                }
                of_fields(&join.fields, tables);
            }
            Kind::Aggregate(aggregate) => {
                tables.insert(aggregate.table.value.clone());
                if let AggregateKey::Through(through) = &aggregate.key {
                    tables.insert(through.table.value.clone());
                }
            }
        }
    }
}
