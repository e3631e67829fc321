//! One moment C that a copy and the stream agree on.
//!
//! A temporary slot gives it: the snapshot holds exactly the transactions whose commit record
//! starts before C. Any number of sessions import it while the walsender that made it stays
//! open; when the process dies the slot goes by itself.

use flusso_dataflow::Lsn;
use tokio_postgres::Client;

use super::connect::Connection;
use super::error::CaptureError;
use super::quote;
use super::slot;
use super::wire::{Walsender, parse_lsn};

const DURING: &str = "taking a snapshot";

/// A snapshot that sessions can import as long as this lives.
pub(crate) struct Snapshot {
    /// C.
    pub(crate) at: Lsn,
    /// Its name.
    name: String,
    /// Holds it open.
    session: Walsender,
}

impl Snapshot {
    /// Takes one.
    pub(crate) async fn take(
        client: &Client,
        connection: &Connection,
    ) -> Result<Snapshot, CaptureError> {
        let mut session = Walsender::connect(connection).await?;
        let options =
            if slot::version(client).await? >= 15 { "(SNAPSHOT 'use')" } else { "USE_SNAPSHOT" };
        let unpin = "SELECT set_config(name, '0', false) FROM pg_settings \
                     WHERE name = 'transaction_timeout'";
        session.query(DURING, unpin).await?;
        // Unique among sessions: only one backend has this process id.
        let pid = one(session.query(DURING, "SELECT pg_backend_pid()").await?)?;
        let create = format!(
            "CREATE_REPLICATION_SLOT \"flusso_copy_{pid}\" TEMPORARY LOGICAL pgoutput {options}"
        );
        let begin = Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let created = slot::create(client, &mut session, begin, &create).await?;
        let at = created.get(1).and_then(Option::as_deref).and_then(parse_lsn);
        let at = at.ok_or_else(|| CaptureError::Protocol("no consistent point".to_owned()))?;
        let name = one(session.query(DURING, "SELECT pg_export_snapshot()").await?)?;
        Ok(Snapshot { at, name, session })
    }

    /// A session that sees the database as of it.
    pub(crate) async fn session(&self, connection: &Connection) -> Result<Client, CaptureError> {
        let client = connection.client().await?;
        let import = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}",
            quote::literal(&self.name)
        );
        client.batch_execute(&import).await.map_err(CaptureError::sql(DURING))?;
        Ok(client)
    }

    /// Lets it go, and the temporary slot with it.
    pub(crate) async fn release(self) {
        self.session.close().await;
    }
}

/// The only value of a result.
fn one(rows: Vec<Vec<Option<String>>>) -> Result<String, CaptureError> {
    let value = rows.into_iter().flatten().next().flatten();
    value.ok_or_else(|| CaptureError::Protocol("no row where one was due".to_owned()))
}
