//! What must hold before capturing can start. Everything that does not is found at once, and
//! each finding carries its cure.

use std::fmt;

use flusso_compiler::catalog::TableName;
use flusso_compiler::plan::{Plan, Table};
use tokio_postgres::{Client, Row};

use super::capture::Settings;
use super::error::CaptureError;
use super::quote;

const DURING: &str = "checking that Postgres is ready";

/// One thing that must be changed; its `Display` is a sentence with the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Older than 14.
    Version(i32),
    /// Only `logical` will do.
    WalLevel(String),
    /// The role may not replicate.
    NoReplicationRight(String),
    /// No room in `max_replication_slots` or `max_wal_senders`.
    NoRoom {
        /// The setting.
        setting: &'static str,
        /// Its value.
        limit: i32,
        /// How many more are needed.
        needed: i64,
    },
    /// The table is not there.
    NoTable(TableName),
    /// A view, a foreign or an unlogged table: nothing of it is in the WAL.
    NotReplicable {
        /// The table.
        table: TableName,
        /// What it is.
        is: &'static str,
    },
    /// There is no primary key.
    NoKey(TableName),
    /// Old rows are not told, or not by the primary key.
    Identity {
        /// The table or the partition of it.
        table: String,
    },
    /// Rows cannot be read.
    NoSelect(TableName),
    /// A policy hides rows from us.
    RowSecurity(TableName),
    /// A column the stream does not carry.
    Generated {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// The publication holds back rows or columns that documents need.
    Filtered {
        /// The publication.
        publication: String,
        /// The table.
        table: TableName,
    },
    /// Tables that are not published and that we may not publish.
    Unpublished {
        /// The publication.
        publication: String,
        /// The tables.
        tables: Vec<TableName>,
        /// Why we do not do it ourselves; empty when we were told not to.
        because: Vec<String>,
        /// The statements.
        cure: String,
    },
    /// The publication leaves out kinds of changes.
    Operations {
        /// The publication.
        publication: String,
    },
}

impl Problem {
    /// A table that would break its owner's updates if it were published.
    pub(crate) fn no_identity(table: &TableName) -> Problem {
        Problem::Identity { table: quote::table(table) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Version(is) => {
                write!(f, "the server is PostgreSQL {is}; version 14 or newer is needed")
            }
            Problem::WalLevel(is) => write!(
                f,
                "wal_level is `{is}`; run ALTER SYSTEM SET wal_level = logical; and restart the \
                 server"
            ),
            Problem::NoReplicationRight(role) => write!(
                f,
                "role {role} may not replicate; run ALTER ROLE {} REPLICATION;",
                quote::ident(role)
            ),
            Problem::NoRoom { setting, limit, needed } => write!(
                f,
                "all of {setting} = {limit} are in use and {needed} more are needed; run ALTER \
                 SYSTEM SET {setting} = {}; and restart the server",
                i64::from(*limit) + needed
            ),
            Problem::NoTable(table) => {
                write!(f, "table {table} does not exist, or its schema is not visible to this role")
            }
            Problem::NotReplicable { table, is } => {
                write!(f, "{table} is {is}, and Postgres replicates only ordinary tables")
            }
            Problem::NoKey(table) => write!(
                f,
                "table {table} has no primary key; run ALTER TABLE {} ADD PRIMARY KEY (…);",
                quote::table(table)
            ),
            Problem::Identity { table } => write!(
                f,
                "the replica identity of {table} does not tell the primary key of rows that go; \
                 run ALTER TABLE {table} REPLICA IDENTITY DEFAULT; (or FULL, if there is no \
                 primary key)"
            ),
            Problem::NoSelect(table) => write!(
                f,
                "this role may not read table {table}; run GRANT SELECT ON {} TO CURRENT_USER; \
                 with its name",
                quote::table(table)
            ),
            Problem::RowSecurity(table) => write!(
                f,
                "row level security hides rows of table {table} from this role; run ALTER ROLE \
                 … BYPASSRLS;"
            ),
            Problem::Generated { table, column } => write!(
                f,
                "column `{column}` of table {table} is generated and not replicated; compute it \
                 in the schema file, store it in an ordinary column, or, from Postgres 18 on, \
                 publish it: ALTER PUBLICATION … SET (publish_generated_columns = stored);"
            ),
            Problem::Filtered { publication, table } => write!(
                f,
                "publication {publication} holds back rows or columns of table {table}; run \
                 ALTER PUBLICATION {0} DROP TABLE {1}; ALTER PUBLICATION {0} ADD TABLE {1};",
                quote::ident(publication),
                quote::table(table)
            ),
            Problem::Unpublished { publication, tables, because, cure } => {
                let names: Vec<_> = tables.iter().map(ToString::to_string).collect();
                write!(f, "publication {publication} lacks {}", names.join(", "))?;
                match because.as_slice() {
                    [] => write!(f, " and `manage_publication` is off; run {cure}"),
                    because => write!(f, " ({}); run {cure}", because.join("; ")),
                }
            }
            Problem::Operations { publication } => write!(
                f,
                "publication {publication} leaves out some changes; run ALTER PUBLICATION {} SET \
                 (publish = 'insert, update, delete, truncate');",
                quote::ident(publication)
            ),
        }
    }
}

/// Looks at the server, the role and every table of the plan.
pub async fn check(client: &Client, plan: &Plan, settings: &Settings) -> Result<(), CaptureError> {
    let failed = CaptureError::sql(DURING);
    let row = client.query_one(SERVER, &[&settings.slot]).await.map_err(&failed)?;
    let mut problems = Vec::new();
    let version: i32 = row.get("version");
    if version < 14 {
        return Err(CaptureError::Problems(vec![Problem::Version(version)]));
    }
    check_server(&row, &mut problems);
    for table in &plan.tables {
        let name = &table.name;
        let columns: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
        let key: Vec<&str> = key(table).collect();
        let rows = client
            .query(TABLE, &[&name.schema, &name.name, &columns, &key, &settings.publication])
            .await
            .map_err(&failed)?;
        check_table(&table.name, &rows, &mut problems);
        if version >= 15 {
            let given: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                [&settings.publication, &name.schema, &name.name, &columns];
            if client.query_opt(FILTERED, &given).await.map_err(&failed)?.is_some() {
                let (publication, table) = (settings.publication.clone(), name.clone());
                problems.push(Problem::Filtered { publication, table });
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(CaptureError::Problems(problems)),
    }
}

/// Names of the columns of the primary key.
fn key(table: &Table) -> impl Iterator<Item = &str> {
    table.key.iter().map(|part| table.columns[usize::from(part.column.0)].name.as_str())
}

fn check_server(row: &Row, problems: &mut Vec<Problem>) {
    let wal_level: String = row.get("wal_level");
    if wal_level != "logical" {
        problems.push(Problem::WalLevel(wal_level));
    }
    if !row.get::<_, bool>("may_replicate") {
        problems.push(Problem::NoReplicationRight(row.get("role")));
    }
    // One slot for the copy, beside the permanent one; one walsender at a time.
    let slots_needed = if row.get("has_slot") { 1 } else { 2 };
    for (setting, limit, used, needed) in [
        ("max_replication_slots", row.get::<_, i32>("slots"), row.get("slots_used"), slots_needed),
        ("max_wal_senders", row.get::<_, i32>("senders"), row.get::<_, i64>("senders_used"), 1),
    ] {
        let needed = used + needed - i64::from(limit);
        if needed > 0 {
            problems.push(Problem::NoRoom { setting, limit, needed });
        }
    }
}

/// `rows`: the table, and the partitions that hold its rows.
fn check_table(name: &TableName, rows: &[Row], problems: &mut Vec<Problem>) {
    let Some(root) = rows.iter().find(|row| row.get("root")) else {
        return problems.push(Problem::NoTable(name.clone()));
    };
    let kind: &str = root.get("kind");
    let is = match (kind, root.get("persistence")) {
        ("r" | "p", "p") => None,
        ("r" | "p", "u") => Some("an unlogged table"),
        ("r" | "p", _) => Some("a temporary table"),
        ("v", _) => Some("a view"),
        ("m", _) => Some("a materialized view"),
        ("f", _) => Some("a foreign table"),
        _ => Some("not a table"),
    };
    if let Some(is) = is {
        return problems.push(Problem::NotReplicable { table: name.clone(), is });
    }
    if !root.get::<_, bool>("has_key") {
        problems.push(Problem::NoKey(name.clone()));
    }
    if !root.get::<_, bool>("may_read") {
        problems.push(Problem::NoSelect(name.clone()));
    }
    if root.get("hides_rows") {
        problems.push(Problem::RowSecurity(name.clone()));
    }
    if let Some(column) = root.get::<_, Option<String>>("generated") {
        problems.push(Problem::Generated { table: name.clone(), column });
    }
    for row in rows.iter().filter(|row| row.get::<_, &str>("kind") == "r") {
        if !row.get::<_, bool>("tells_key") {
            problems.push(Problem::Identity { table: row.get("name") });
        }
    }
}

const SERVER: &str = "
    SELECT current_setting('server_version_num')::int / 10000 AS version,
           current_setting('wal_level') AS wal_level,
           current_user::text AS role,
           r.rolsuper OR r.rolreplication OR EXISTS (
               SELECT FROM pg_roles g
               WHERE g.rolname IN ('rds_replication', 'rds_superuser', 'cloudsqlsuperuser')
                 AND pg_has_role(g.oid, 'MEMBER')) AS may_replicate,
           EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1) AS has_slot,
           current_setting('max_replication_slots')::int AS slots,
           (SELECT count(*) FROM pg_replication_slots) AS slots_used,
           current_setting('max_wal_senders')::int AS senders,
           (SELECT count(*) FROM pg_stat_replication) AS senders_used
    FROM pg_roles r WHERE r.rolname = current_user";

/// $3: the columns read, $4: those of the primary key, $5: the publication, which from 18 on may
/// tell generated columns that are stored.
const TABLE: &str = "
    WITH RECURSIVE members AS (
        SELECT c.oid, true AS root FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2
        UNION
        SELECT i.inhrelid, false FROM pg_inherits i JOIN members m ON i.inhparent = m.oid
    )
    SELECT m.root, c.relkind::text AS kind, c.relpersistence::text AS persistence,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_key,
           has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
               SELECT FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attname = ANY ($3::text[])
                 AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')) AS may_read,
           c.relrowsecurity AND row_security_active(c.oid) AS hides_rows,
           (SELECT a.attname::text FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attgenerated <> '' AND a.attname = ANY ($3::text[])
              AND NOT (a.attgenerated = 's' AND EXISTS (
                  SELECT FROM pg_publication p
                  WHERE p.pubname = $5 AND to_jsonb(p) ->> 'pubgencols' = 's'))
            ORDER BY a.attnum LIMIT 1) AS generated,
           CASE c.relreplident
               WHEN 'f' THEN true
               WHEN 'n' THEN false
               ELSE (SELECT count(*) FROM pg_index i JOIN pg_attribute a
                         ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                     WHERE i.indrelid = c.oid AND a.attname = ANY ($4::text[])
                       AND CASE c.relreplident WHEN 'd' THEN i.indisprimary
                                               ELSE i.indisreplident END)
                    = cardinality($4::text[]) AND cardinality($4::text[]) > 0
           END AS tells_key
    FROM members m JOIN pg_class c ON c.oid = m.oid JOIN pg_namespace n ON n.oid = c.relnamespace";

const FILTERED: &str = "
    SELECT FROM pg_publication_tables
    WHERE pubname = $1 AND schemaname = $2 AND tablename = $3
      AND (rowfilter IS NOT NULL OR NOT $4::text[] <@ attnames::text[])
    LIMIT 1";
