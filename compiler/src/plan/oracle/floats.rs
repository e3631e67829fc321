//! Where a document holds binary floating point, whose last digits depend on the order of sums.
//!
//! Everything else is compared digit by digit; the numbers named here only nearly.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, TableName};
use crate::files::schema::{AggregateOp, Field, FieldType, Kind, Origin, Schema};
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
        // Of an expression whose type nobody declared, nothing is known here: it may be one.
        let binary = |table: &TableName, from: &Origin, declared: Option<&FieldType>| {
            let table = catalog.and_then(|it| it.table(table));
            let stored = |column: &str| table.and_then(|it| it.column(column)).map(|it| &it.ty);
            matches!(declared, Some(FieldType::Float | FieldType::Double))
                || match from {
                    Origin::Column(column) => {
                        matches!(stored(&column.value), Some(SqlType::Float4 | SqlType::Float8))
                    }
                    Origin::Sql(_) => declared.is_none(),
                }
        };
        let is_float = match &field.kind {
            Kind::Column(column) => binary(table, &column.from, Some(&column.ty)),
            Kind::Aggregate(aggregate) => match &aggregate.op {
                AggregateOp::Sum(from) | AggregateOp::Avg(from) => {
                    binary(&aggregate.table.value, from, aggregate.value_type.as_ref())
                }
                AggregateOp::Count
                | AggregateOp::Min(_)
                | AggregateOp::Max(_)
                | AggregateOp::Ids(_)
                | AggregateOp::CountOf(_)
                | AggregateOp::CountDistinct(_)
                | AggregateOp::BoolAnd(_)
                | AggregateOp::BoolOr(_)
                | AggregateOp::StringAgg(..)
                | AggregateOp::ArrayAgg(..) => false,
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
