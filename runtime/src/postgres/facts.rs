//! What `check` asks a database beside the catalog: indexes, skew and collations of some tables.

use flusso_compiler::catalog::TableName;
use flusso_compiler::check::dear::Facts;
use tokio_postgres::{Client, Row};

use super::error::CaptureError;

const DURING: &str = "looking at indexes and statistics";

/// The facts of these tables.
pub async fn facts(client: &Client, wanted: &[TableName]) -> Result<Facts, CaptureError> {
    let failed = CaptureError::sql(DURING);
    let schemas: Vec<&str> = wanted.iter().map(|name| name.schema.as_str()).collect();
    let names: Vec<&str> = wanted.iter().map(|name| name.name.as_str()).collect();
    let mut facts = Facts::default();
    for row in client.query(INDEXES, &[&schemas, &names]).await.map_err(&failed)? {
        facts.indexes.push((table(&row), row.get("columns")));
    }
    for row in client.query(COMMON, &[&schemas, &names]).await.map_err(&failed)? {
        facts.common.insert((table(&row), row.get("column")), row.get("share"));
    }
    for row in client.query(COLLATIONS, &[&schemas, &names]).await.map_err(&failed)? {
        facts.collations.insert((table(&row), row.get("column")), row.get("collation"));
    }
    Ok(facts)
}

fn table(row: &Row) -> TableName {
    TableName { schema: row.get("schema"), name: row.get("name") }
}

/// The columns up to the first expression.
const INDEXES: &str = "
    SELECT n.nspname::text AS schema, c.relname::text AS name,
           ARRAY(SELECT a.attname::text
                 FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, at)
                 JOIN pg_attribute a ON a.attnum = k.attnum AND a.attrelid = c.oid
                 WHERE k.at <= i.indnkeyatts
                   AND NOT EXISTS (SELECT FROM unnest(i.indkey) WITH ORDINALITY AS e (attnum, at)
                                   WHERE e.attnum = 0 AND e.at <= k.at)
                 ORDER BY k.at) AS columns
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN unnest($1::text[], $2::text[]) AS wanted (schema, name)
        ON n.nspname = wanted.schema AND c.relname = wanted.name
    WHERE i.indisvalid AND i.indpred IS NULL";

const COMMON: &str = "
    SELECT s.schemaname::text AS schema, s.tablename::text AS name, s.attname::text AS column,
           max(s.most_common_freqs[1]) AS share
    FROM pg_stats s
    JOIN unnest($1::text[], $2::text[]) AS wanted (schema, name)
        ON s.schemaname = wanted.schema AND s.tablename = wanted.name
    WHERE s.most_common_freqs IS NOT NULL
    GROUP BY 1, 2, 3";

/// The database's own for a column that has none of its own.
const COLLATIONS: &str = "
    SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS column,
           CASE l.collprovider WHEN 'd' THEN d.datcollate ELSE l.collname END::text AS collation
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN unnest($1::text[], $2::text[]) AS wanted (schema, name)
        ON n.nspname = wanted.schema AND c.relname = wanted.name
    JOIN pg_collation l ON l.oid = a.attcollation
    JOIN pg_database d ON d.datname = current_database()
    WHERE a.attnum > 0 AND NOT a.attisdropped
      AND CASE l.collprovider WHEN 'd' THEN d.datcollate ELSE l.collname END
          NOT IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8', 'ucs_basic')";
