//! `flusso.catalog.json`: what a database says of a deployment's tables, kept beside the files so
//! that a build without a database knows names and types too.
//!
//! Statistics are left out: they would change the file with every run of ANALYZE. What is left
//! changes only when the tables do, and reads well in a diff.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Column, Table, TableName};
use crate::types::SqlType;

/// What the file is called, beside `flusso.toml`.
pub const NAME: &str = "flusso.catalog.json";

/// The whole file.
#[derive(Serialize, Deserialize)]
struct File {
    /// By full name, as in `public.users`.
    tables: BTreeMap<String, WrittenTable>,
}

#[derive(Serialize, Deserialize)]
struct WrittenTable {
    /// `pg_class.relkind`.
    kind: char,
    /// `pg_class.relreplident`.
    identity: char,
    primary_key: Vec<String>,
    columns: Vec<WrittenColumn>,
}

#[derive(Serialize, Deserialize)]
struct WrittenColumn {
    name: String,
    /// As Postgres calls it.
    type_name: String,
    /// As it is known here.
    #[serde(rename = "type")]
    ty: SqlType,
    not_null: bool,
}

/// The file of a catalog.
pub fn write(catalog: &Catalog) -> String {
    let tables = catalog.tables.iter().map(|(name, table)| {
        let columns = table.columns.iter().map(|column| WrittenColumn {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            ty: column.ty.clone(),
            not_null: column.not_null,
        });
        let written = WrittenTable {
            kind: table.kind,
            identity: table.identity,
            primary_key: table.primary_key.clone(),
            columns: columns.collect(),
        };
        (format!("{}.{}", name.schema, name.name), written)
    });
    let file = File { tables: tables.collect() };
    // Maps with text keys and plain values are always JSON.
    serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
}

/// The catalog in a file, without statistics; or what is wrong with the file, a sentence without a
/// full stop.
pub fn read(text: &str) -> Result<Catalog, String> {
    let file: File = serde_json::from_str(text)
        .map_err(|error| format!("it is not what `flusso catalog` writes ({error})"))?;
    let mut catalog = Catalog::default();
    for (name, table) in file.tables {
        let Some((schema, name)) = name.split_once('.') else {
            return Err(format!("`{name}` is no full name of a table"));
        };
        let name = TableName { schema: schema.into(), name: name.into() };
        let columns = table.columns.into_iter().map(|column| Column {
            name: column.name,
            ty: column.ty,
            type_name: column.type_name,
            not_null: column.not_null,
            width: None,
            distinct: None,
        });
        catalog.names.push(name.clone());
        let table = Table {
            oid: 0,
            kind: table.kind,
            columns: columns.collect(),
            primary_key: table.primary_key,
            identity: table.identity,
            rows: None,
        };
        catalog.tables.insert(name, table);
    }
    Ok(catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let column = |name: &str, ty: SqlType, type_name: &str| Column {
            name: name.into(),
            ty,
            type_name: type_name.into(),
            not_null: name == "id",
            width: None,
            distinct: None,
        };
        let labels = SqlType::Enum(vec!["a".into(), "b".into()]);
        let columns = vec![
            column("id", SqlType::Int8, "bigint"),
            column("price", SqlType::Numeric(Some(2)), "numeric(10,2)"),
            column("tags", SqlType::Array(Box::new(SqlType::Text)), "text[]"),
            column("mood", labels, "mood"),
            column("at", SqlType::Other("inet".into()), "inet"),
        ];
        let name = TableName { schema: "public".into(), name: "things".into() };
        let primary_key = vec!["id".to_owned()];
        let table = Table { oid: 0, kind: 'r', columns, primary_key, identity: 'd', rows: None };
        Catalog { tables: BTreeMap::from([(name.clone(), table)]), names: vec![name] }
    }

    #[test]
    fn what_is_written_is_read() {
        let catalog = catalog();
        assert_eq!(read(&write(&catalog)).unwrap(), catalog);
    }

    #[test]
    fn another_file_is_refused() {
        assert!(read("{}").unwrap_err().contains("flusso catalog"));
        assert!(read("").is_err());
        assert!(read(r#"{"tables": {"users": {"kind": "r"}}}"#).is_err());
    }
}
