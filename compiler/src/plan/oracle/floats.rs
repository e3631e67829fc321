//! Where a document holds binary floating point, whose last digits depend on the order of sums.
//!
//! Everything else is compared digit by digit; the numbers named here only nearly.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, TableName};
use crate::files::schema::{AggregateOp, Field, FieldType, Kind, Schema};
use crate::types::SqlType;

/// The dotted paths of these fields; arrays count for nothing in them: `orders.weight`.
pub fn floats(schema: &Schema, catalog: Option<&Catalog>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(&schema.table.value, &schema.fields, "", catalog, &mut found);
    found
}

fn walk(
    table: &TableName,
    fields: &[Field],
    under: &str,
    catalog: Option<&Catalog>,
    found: &mut BTreeSet<String>,
) {
    for field in fields {
        let path = match under {
            "" => field.name.value.clone(),
            under => format!("{under}.{}", field.name.value),
        };
        let binary = |table: &TableName, column: &str, declared: Option<&FieldType>| {
            let column = catalog.and_then(|it| it.table(table)).and_then(|it| it.column(column));
            let stored = column.map(|it| &it.ty);
            matches!(declared, Some(FieldType::Float | FieldType::Double))
                || matches!(stored, Some(SqlType::Float4 | SqlType::Float8))
        };
        let is_float = match &field.kind {
            Kind::Column(column) => binary(table, &column.column.value, Some(&column.ty)),
            Kind::Aggregate(aggregate) => match &aggregate.op {
                AggregateOp::Sum(column) | AggregateOp::Avg(column) => {
                    binary(&aggregate.table.value, &column.value, aggregate.value_type.as_ref())
                }
                AggregateOp::Min(_)
                | AggregateOp::Max(_)
                | AggregateOp::Count
                | AggregateOp::Ids(_) => false,
            },
            Kind::Object(fields) => {
                walk(table, fields, &path, catalog, found);
                false
            }
            Kind::Join(join) => {
                walk(&join.table.value, &join.fields, &path, catalog, found);
                false
            }
            // Coordinates are printed, never computed with.
            Kind::Geo { .. } | Kind::Constant(_) => false,
        };
        if is_float {
            found.insert(path);
        }
    }
}
