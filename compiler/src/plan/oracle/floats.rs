//! Where a document holds binary floating point, whose last digits depend on the order of sums.
//!
//! Everything else is compared digit by digit; the numbers named here only nearly.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, TableName};
use crate::files::schema::{AggregateOp, Field, FieldType, Kind, Origin, RowsFrom, Schema};
use crate::sql::tables;
use crate::types::SqlType;

/// The dotted paths of these fields; arrays count for nothing in them: `orders.weight`.
pub fn floats(schema: &Schema, catalog: Option<&Catalog>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let root = Row { table: Some(&schema.table.value), home: &schema.db_schema, catalog };
    walk(root, &schema.fields, "", &mut found);
    found
}

/// What columns are read from.
#[derive(Clone, Copy)]
struct Row<'a> {
    /// None where they are those of a query.
    table: Option<&'a TableName>,
    home: &'a str,
    catalog: Option<&'a Catalog>,
}

fn walk(of: Row<'_>, fields: &[Field], under: &str, found: &mut BTreeSet<String>) {
    for field in fields {
        let path = match under {
            "" => field.name.value.clone(),
            under => format!("{under}.{}", field.name.value),
        };
        // Of an expression whose type nobody declared, nothing is known here: it may be one.
        let binary = |table: Option<&TableName>, from: &Origin, declared: Option<&FieldType>| {
            let table = of.catalog.zip(table).and_then(|(it, table)| it.table(table));
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
            Kind::Column(column) => binary(of.table, &column.from, Some(&column.ty)),
            Kind::Aggregate(aggregate) => match &aggregate.op {
                AggregateOp::Sum(from) | AggregateOp::Avg(from) => {
                    binary(Some(&aggregate.table.value), from, aggregate.value_type.as_ref())
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
                walk(of, fields, &path, found);
                false
            }
            Kind::Join(join) => {
                walk(Row { table: Some(&join.table.value), ..of }, &join.fields, &path, found);
                false
            }
            Kind::Rows(rows) => {
                // Columns are of the first table joined; those of a query are like expressions.
                let first = match &rows.from {
                    RowsFrom::Join(sql) => tables(sql, of.home).into_iter().next(),
                    RowsFrom::Select(_) => None,
                };
                walk(Row { table: first.as_ref(), ..of }, &rows.fields, &path, found);
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
