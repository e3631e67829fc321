//! A few tables for mistakes to be made over, as a catalog.

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::types::SqlType;

/// Users, their orders, and the items of those; the key of each is `id`.
pub fn catalog() -> Catalog {
    let texts = SqlType::Array(Box::new(SqlType::Text));
    let tables = [
        (
            "users",
            vec![
                ("id", SqlType::Int4),
                ("email", SqlType::Text),
                ("name", SqlType::Text),
                ("status", SqlType::Text),
                ("age", SqlType::Int4),
                ("created_at", SqlType::TimestampTz),
                ("deleted_at", SqlType::TimestampTz),
                ("tags", texts),
                ("data", SqlType::Jsonb),
            ],
        ),
        (
            "orders",
            vec![
                ("id", SqlType::Int4),
                ("user_id", SqlType::Int4),
                ("note", SqlType::Text),
                ("total", SqlType::Numeric(Some(2))),
            ],
        ),
        (
            "items",
            vec![
                ("id", SqlType::Int4),
                ("order_id", SqlType::Int4),
                ("sku", SqlType::Text),
                ("qty", SqlType::Int4),
            ],
        ),
    ];
    let mut catalog = Catalog::default();
    for (name, columns) in tables {
        let name = TableName { schema: "public".into(), name: name.into() };
        let columns = columns.into_iter().map(|(name, ty)| Column {
            name: name.into(),
            type_name: ty.to_string(),
            ty,
            not_null: name == "id",
            width: None,
            distinct: None,
        });
        let (columns, primary_key) = (columns.collect(), vec!["id".to_owned()]);
        let table = Table { oid: 1, kind: 'r', columns, primary_key, identity: 'd', rows: None };
        catalog.names.push(name.clone());
        catalog.tables.insert(name, table);
    }
    catalog
}
