//! What flusso knows of a database: tables, columns, keys and statistics as plain data.
//!
//! Filled by `runtime` from a live server; without one the compiler goes by the declarations in
//! the schema files. Looking a table or a column up never fails silently: see
//! [`Catalog::table`].

use std::collections::BTreeMap;

use crate::types::SqlType;

/// A table's name with its database schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct TableName {
    /// The database schema, `public` unless said otherwise.
    pub schema: String,
    /// The name within it.
    pub name: String,
}

impl std::fmt::Display for TableName {
    /// Bare in `public`, qualified elsewhere.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.schema.as_str() {
            "public" => f.write_str(&self.name),
            schema => write!(f, "{schema}.{}", self.name),
        }
    }
}

impl TableName {
    /// The name as it is written where `home` is the database schema to look in: bare when it
    /// stands there, else qualified.
    pub fn within(&self, home: &str) -> String {
        match self.schema == home {
            true => self.name.clone(),
            false => format!("{}.{}", self.schema, self.name),
        }
    }
}

/// The tables of one database that some schema file names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// By name. A name that was asked for and is not here does not exist.
    pub tables: BTreeMap<TableName, Table>,
    /// All table names of the database, to suggest the nearest from.
    pub names: Vec<TableName>,
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// `pg_class.oid`.
    pub oid: u32,
    /// `pg_class.relkind`: `r` a table, `p` a partitioned one, else unusable.
    pub kind: char,
    /// Columns by `attnum`, dropped ones left out.
    pub columns: Vec<Column>,
    /// Names of the primary key's columns in key order; empty when there is none.
    pub primary_key: Vec<String>,
    /// `pg_class.relreplident`: `d`, `f`, `i` or `n`.
    pub identity: char,
    /// Estimated rows, `pg_class.reltuples`; none when never analysed.
    pub rows: Option<u64>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, domains resolved to their base.
    pub ty: SqlType,
    /// The full name as `format_type` prints it, for messages.
    pub type_name: String,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Average bytes, `pg_stats.avg_width`; none when never analysed.
    pub width: Option<u32>,
    /// Estimated distinct values as `pg_stats.n_distinct` counts them (negative: share of rows).
    pub distinct: Option<f32>,
}

impl Catalog {
    /// The table of that name.
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.get(name)
    }
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
