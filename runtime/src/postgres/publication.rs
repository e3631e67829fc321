//! The publication: which tables' changes the server sends at all.
//!
//! It must hold every table of the plan before the slot is made. A table without a usable replica
//! identity is never added: from then on Postgres would refuse the owner's own `UPDATE`s.

use flusso_compiler::catalog::TableName;
use tokio_postgres::Client;
use tracing::info;

use super::error::CaptureError;
use super::preflight::Problem;
use super::quote;

const DURING: &str = "looking at the publication";

/// What a publication covers of what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Wanted tables that are published.
    pub present: Vec<TableName>,
    /// Wanted tables that are not.
    pub missing: Vec<TableName>,
    /// Whether this role may publish the missing ones.
    pub manageable: bool,
    /// Why it may not, or must not.
    pub blockers: Vec<String>,
    /// The statements that would publish the missing ones.
    pub remediation: Vec<String>,
}

impl Coverage {
    /// Whether every wanted table is published.
    pub fn satisfied(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Compares a publication with the tables wanted.
pub async fn coverage(
    client: &Client,
    publication: &str,
    wanted: &[TableName],
) -> Result<Coverage, CaptureError> {
    let failed = CaptureError::sql(DURING);
    let found = client.query_opt(PUBLICATION, &[&publication]).await.map_err(&failed)?;
    let mut coverage = Coverage { manageable: true, ..Coverage::default() };
    for name in wanted {
        let row = client
            .query_opt(TABLE, &[&publication, &name.schema, &name.name])
            .await
            .map_err(&failed)?;
        if row.as_ref().is_some_and(|row| row.get("present")) {
            coverage.present.push(name.clone());
            continue;
        }
        coverage.missing.push(name.clone());
        let mut block = |why: String| coverage.blockers.push(why);
        match row {
            None => block(format!("table {name} does not exist")),
            Some(row) => {
                if !row.get::<_, bool>("owned") {
                    block(format!("this role does not own table {name}"));
                }
                if !row.get::<_, bool>("identity") {
                    block(Problem::no_identity(name).to_string());
                }
            }
        }
    }
    if !coverage.missing.is_empty() {
        let tables: Vec<_> = coverage.missing.iter().map(quote::table).collect();
        let (name, tables) = (quote::ident(publication), tables.join(", "));
        let row = client.query_one(RIGHTS, &[]).await.map_err(&failed)?;
        match &found {
            None => {
                coverage.remediation.push(format!("CREATE PUBLICATION {name} FOR TABLE {tables};"));
                if !row.get::<_, bool>("create") {
                    let why = "this role may not create publications in this database";
                    coverage.blockers.push(why.to_owned());
                }
            }
            Some(found) => {
                coverage.remediation.push(format!("ALTER PUBLICATION {name} ADD TABLE {tables};"));
                if !found.get::<_, bool>("owned") {
                    let why = format!("this role does not own publication {publication}");
                    coverage.blockers.push(why);
                }
            }
        }
    }
    coverage.manageable = coverage.blockers.is_empty();
    Ok(coverage)
}

/// Makes the publication cover what is wanted, or says with which statement somebody else can.
pub async fn ensure(
    client: &Client,
    publication: &str,
    wanted: &[TableName],
    manage: bool,
) -> Result<(), CaptureError> {
    let failed = CaptureError::sql("extending the publication");
    let covered = coverage(client, publication, wanted).await?;
    if !covered.satisfied() {
        if !manage || !covered.manageable {
            let problem = Problem::Unpublished {
                publication: publication.to_owned(),
                tables: covered.missing,
                because: covered.blockers,
                cure: covered.remediation.join(" "),
            };
            return Err(CaptureError::Problems(vec![problem]));
        }
        for statement in &covered.remediation {
            client.batch_execute(statement).await.map_err(&failed)?;
            info!(publication, statement, "published tables");
        }
    }
    check_operations(client, publication).await
}

/// A publication may leave out kinds of changes; documents need them all.
async fn check_operations(client: &Client, publication: &str) -> Result<(), CaptureError> {
    let row =
        client.query_opt(PUBLICATION, &[&publication]).await.map_err(CaptureError::sql(DURING))?;
    match row {
        Some(row) if !row.get::<_, bool>("all_operations") => {
            let publication = publication.to_owned();
            Err(CaptureError::Problems(vec![Problem::Operations { publication }]))
        }
        _ => Ok(()),
    }
}

const PUBLICATION: &str = "
    SELECT pg_has_role(pubowner, 'USAGE') AS owned,
           pubinsert AND pubupdate AND pubdelete AND pubtruncate AS all_operations
    FROM pg_publication WHERE pubname = $1";

const RIGHTS: &str = "
    SELECT has_database_privilege(current_database(), 'CREATE') AS create";

/// A table may be published itself, as a partition of one that is, with its schema, or with all.
const TABLE: &str = "
    SELECT EXISTS (SELECT FROM pg_publication p WHERE p.pubname = $1 AND (
               p.puballtables
               OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid
                          AND (r.prrelid = c.oid
                               OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(c.oid))))
               OR EXISTS (SELECT FROM pg_publication_tables t
                          WHERE t.pubname = p.pubname AND t.schemaname = n.nspname
                            AND t.tablename = c.relname))) AS present,
           pg_has_role(c.relowner, 'USAGE') AS owned,
           CASE c.relreplident
               WHEN 'f' THEN true
               WHEN 'd' THEN EXISTS (SELECT FROM pg_index i
                                     WHERE i.indrelid = c.oid AND i.indisprimary)
               WHEN 'i' THEN EXISTS (SELECT FROM pg_index i
                                     WHERE i.indrelid = c.oid AND i.indisreplident)
               ELSE false END AS identity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $2 AND c.relname = $3 AND c.relkind IN ('r', 'p')";
