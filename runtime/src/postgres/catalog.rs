//! Fills the compiler's catalog from a live server: only the tables asked for, with their columns,
//! keys and statistics, in a handful of queries however many tables there are.

use std::collections::{BTreeMap, HashMap};

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::types::SqlType;
use tokio_postgres::Client;

use super::error::CaptureError;

const DURING: &str = "reading the catalog";

/// Reads what is known of the wanted tables. Those that do not exist are left out.
pub async fn catalog(client: &Client, wanted: &[TableName]) -> Result<Catalog, CaptureError> {
    let failed = CaptureError::sql(DURING);
    let schemas: Vec<&str> = wanted.iter().map(|name| name.schema.as_str()).collect();
    let names: Vec<&str> = wanted.iter().map(|name| name.name.as_str()).collect();
    let mut catalog = Catalog::default();
    for row in client.query(NAMES, &[]).await.map_err(&failed)? {
        catalog.names.push(TableName { schema: row.get(0), name: row.get(1) });
    }
    let mut by_oid = BTreeMap::new();
    for row in client.query(TABLES, &[&schemas, &names]).await.map_err(&failed)? {
        let name = TableName { schema: row.get("schema"), name: row.get("name") };
        let table = Table {
            oid: row.get("oid"),
            kind: first(row.get("kind")),
            columns: Vec::new(),
            primary_key: row.get("key"),
            identity: first(row.get("identity")),
            rows: row.get::<_, Option<f64>>("rows").map(|rows| rows as u64),
        };
        by_oid.insert(table.oid, (name, table));
    }
    let oids: Vec<u32> = by_oid.keys().copied().collect();
    let columns = client.query(COLUMNS, &[&oids]).await.map_err(&failed)?;
    let types = Types::read(client, columns.iter().map(|row| row.get("type")).collect()).await?;
    for row in &columns {
        let Some((_, table)) = by_oid.get_mut(&row.get::<_, u32>("oid")) else { continue };
        table.columns.push(Column {
            name: row.get("name"),
            ty: types.resolve(row.get("type"), row.get("typmod")),
            type_name: row.get("type_name"),
            not_null: row.get("not_null"),
            width: row.get::<_, Option<i32>>("width").map(i32::cast_unsigned),
            distinct: row.get("distinct"),
        });
    }
    catalog.tables = by_oid.into_values().collect();
    Ok(catalog)
}

/// The first character; catalogs keep single letters in "char" columns, which are never empty.
fn first(letter: &str) -> char {
    letter.chars().next().unwrap_or(' ')
}

/// The rows of `pg_type` that some column leads to.
#[derive(Default)]
struct Types {
    by_oid: HashMap<u32, Type>,
}

struct Type {
    name: String,
    kind: char,
    /// Of the elements, when it is an array.
    element: u32,
    /// Of the base, when it is a domain.
    base: u32,
    base_typmod: i32,
    /// Of an enum, in order.
    labels: Vec<String>,
}

impl Types {
    /// Reads these types and all they are made of.
    async fn read(client: &Client, mut wanted: Vec<u32>) -> Result<Types, CaptureError> {
        let mut types = Types::default();
        while !wanted.is_empty() {
            let rows = client.query(TYPES, &[&wanted]).await.map_err(CaptureError::sql(DURING))?;
            wanted.clear();
            for row in &rows {
                let ty = Type {
                    name: row.get("name"),
                    kind: first(row.get("kind")),
                    element: row.get("element"),
                    base: row.get("base"),
                    base_typmod: row.get("base_typmod"),
                    labels: row.get("labels"),
                };
                wanted.extend([ty.element, ty.base].into_iter().filter(|oid| *oid != 0));
                types.by_oid.insert(row.get("oid"), ty);
            }
            wanted.retain(|oid| !types.by_oid.contains_key(oid));
        }
        Ok(types)
    }

    /// The type of a column, domains followed to their base.
    fn resolve(&self, oid: u32, typmod: i32) -> SqlType {
        let Some(ty) = self.by_oid.get(&oid) else { return SqlType::Other(oid.to_string()) };
        if ty.kind == 'd' {
            let typmod = if typmod >= 0 { typmod } else { ty.base_typmod };
            return self.resolve(ty.base, typmod);
        }
        if ty.element != 0 {
            return SqlType::Array(Box::new(self.resolve(ty.element, typmod)));
        }
        if ty.kind == 'e' {
            return SqlType::Enum(ty.labels.clone());
        }
        match ty.name.as_str() {
            "bool" => SqlType::Bool,
            "int2" => SqlType::Int2,
            "int4" => SqlType::Int4,
            "int8" => SqlType::Int8,
            "oid" => SqlType::Oid,
            "float4" => SqlType::Float4,
            "float8" => SqlType::Float8,
            "numeric" => SqlType::Numeric(scale(typmod)),
            "money" => SqlType::Money,
            "text" | "varchar" | "name" => SqlType::Text,
            "bpchar" => SqlType::Bpchar,
            "citext" => SqlType::Citext,
            "bytea" => SqlType::Bytea,
            "date" => SqlType::Date,
            "time" => SqlType::Time,
            "timetz" => SqlType::TimeTz,
            "timestamp" => SqlType::Timestamp,
            "timestamptz" => SqlType::TimestampTz,
            "interval" => SqlType::Interval,
            "uuid" => SqlType::Uuid,
            "json" => SqlType::Json,
            "jsonb" => SqlType::Jsonb,
            _ => SqlType::Other(ty.name.clone()),
        }
    }
}

/// The scale in the modifier of `numeric(p, s)`: eleven bits, signed from Postgres 15 on.
fn scale(typmod: i32) -> Option<i16> {
    const HEADER: i32 = 4;
    let packed = typmod.checked_sub(HEADER).filter(|packed| *packed >= 0)?;
    let scale = (packed & 0x7ff) as i16;
    Some((scale ^ 1024) - 1024)
}

const NAMES: &str = "
    SELECT n.nspname::text, c.relname::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1, 2";

/// A partitioned table is seldom analysed itself; its partitions are.
const TABLES: &str = "
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
           c.relreplident::text AS identity,
           CASE WHEN c.reltuples >= 0 AND c.relkind <> 'p' THEN c.reltuples::float8
                WHEN c.relkind = 'p' THEN
                    (SELECT sum(l.reltuples::float8) FROM pg_partition_tree(c.oid) t
                     JOIN pg_class l ON l.oid = t.relid WHERE t.isleaf AND l.reltuples >= 0)
           END AS rows,
           ARRAY(SELECT a.attname::text
                 FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, at)
                 JOIN pg_attribute a ON a.attnum = k.attnum
                 WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid
                 ORDER BY k.at) AS key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN unnest($1::text[], $2::text[]) AS wanted (schema, name)
        ON n.nspname = wanted.schema AND c.relname = wanted.name
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')";

const COLUMNS: &str = "
    SELECT a.attrelid AS oid, a.attname::text AS name, a.atttypid AS type, a.atttypmod AS typmod,
           format_type(a.atttypid, a.atttypmod) AS type_name, a.attnotnull AS not_null,
           s.avg_width AS width, s.n_distinct AS distinct
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT avg_width, n_distinct FROM pg_stats s
        WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
        ORDER BY s.inherited DESC LIMIT 1) s ON true
    WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum";

const TYPES: &str = "
    SELECT t.oid, t.typname::text AS name, t.typtype::text AS kind, t.typbasetype AS base,
           t.typtypmod AS base_typmod,
           coalesce((SELECT e.oid FROM pg_type e WHERE e.typarray = t.oid), 0) AS element,
           ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid
                 ORDER BY e.enumsortorder) AS labels
    FROM pg_type t WHERE t.oid = ANY ($1)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_may_be_absent_or_negative() {
        let typmod = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        assert_eq!(scale(-1), None);
        assert_eq!(scale(typmod(10, 2)), Some(2));
        assert_eq!(scale(typmod(10, 0)), Some(0));
        assert_eq!(scale(typmod(3, -2)), Some(-2));
    }
}
