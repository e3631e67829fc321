//! Everything `flusso init` asks a database: all its tables and what binds them to each other.

use flusso_compiler::catalog::TableName;
use flusso_compiler::draft::{Reference, Survey};
use tokio_postgres::{Client, Row};

use super::catalog::catalog;
use super::error::CaptureError;

const DURING: &str = "looking at the tables";

/// Looks at every table this role can see the name of.
pub async fn survey(client: &Client) -> Result<Survey, CaptureError> {
    let failed = CaptureError::sql(DURING);
    let names = catalog(client, &[]).await?.names;
    let mut survey = Survey { catalog: catalog(client, &names).await?, ..Survey::default() };
    for row in client.query(REFERENCES, &[]).await.map_err(&failed)? {
        survey.references.push(Reference {
            table: table(&row, "schema", "name"),
            columns: row.get("columns"),
            to: table(&row, "to_schema", "to_name"),
            to_columns: row.get("to_columns"),
        });
    }
    for row in client.query(UNIQUE, &[]).await.map_err(&failed)? {
        let columns: Vec<String> = row.get("columns");
        survey.unique.insert((table(&row, "schema", "name"), columns.into_iter().collect()));
    }
    for row in client.query(GENERATED, &[]).await.map_err(&failed)? {
        survey.generated.insert((table(&row, "schema", "name"), row.get("column")));
    }
    Ok(survey)
}

fn table(row: &Row, schema: &str, name: &str) -> TableName {
    TableName { schema: row.get(schema), name: row.get(name) }
}

/// Those of partitions are their parent's.
const REFERENCES: &str = "
    SELECT n.nspname::text AS schema, c.relname::text AS name,
           tn.nspname::text AS to_schema, t.relname::text AS to_name,
           ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY AS k (attnum, at)
                 JOIN pg_attribute a ON a.attnum = k.attnum AND a.attrelid = f.conrelid
                 ORDER BY k.at) AS columns,
           ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY AS k (attnum, at)
                 JOIN pg_attribute a ON a.attnum = k.attnum AND a.attrelid = f.confrelid
                 ORDER BY k.at) AS to_columns
    FROM pg_constraint f
    JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class t ON t.oid = f.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE f.contype = 'f' AND f.conparentid = 0
      AND NOT c.relispartition AND NOT t.relispartition
    ORDER BY 1, 2, f.conkey, f.conname";

/// Whole columns of all rows; an index over some rows or over expressions promises nothing.
const UNIQUE: &str = "
    SELECT n.nspname::text AS schema, c.relname::text AS name,
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) AS columns
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

const GENERATED: &str = "
    SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS column
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attgenerated <> '' AND a.attnum > 0 AND NOT a.attisdropped
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
