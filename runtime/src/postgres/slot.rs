//! The permanent replication slot: made once, never dropped while it is of use, and ours alone.
//!
//! Two processes on one slot would both copy before the second learns that it is taken, so an
//! advisory lock named after the slot is held from before the first operation to the end.

use std::time::Duration;

use flusso_dataflow::Lsn;
use tokio_postgres::Client;
use tracing::{info, warn};

use super::connect::Connection;
use super::error::{CaptureError, Gap};
use super::quote;
use super::seen::Seen;
use super::wire::Walsender;

const DURING: &str = "preparing the replication slot";

/// First half of the advisory lock's key, so that no other program's lock meets ours: "flus".
const LOCK_CLASS: i32 = 0x666c_7573;
/// How long a predecessor may take to end.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// Attempts at making a slot, each waiting as long as [`LOCK_TIMEOUT`] for open transactions.
const CREATE_ATTEMPTS: u32 = 12;
/// `statement_timeout` does not bound the making of a slot; this does.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '10s'";

/// Takes the lock of a slot; it is held as long as the client lives.
pub(crate) async fn lock(client: &Client, slot: &str) -> Result<(), CaptureError> {
    for _ in 0..LOCK_ATTEMPTS {
        let row = client
            .query_one("SELECT pg_try_advisory_lock($1, hashtext($2))", &[&LOCK_CLASS, &slot])
            .await
            .map_err(CaptureError::sql(DURING))?;
        if row.get(0) {
            return Ok(());
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    let row = client.query_opt(HOLDER, &[&LOCK_CLASS, &slot]).await;
    let holder = match row.map_err(CaptureError::sql(DURING))? {
        Some(row) => row.get(0),
        None => "another flusso".to_owned(),
    };
    Err(CaptureError::SlotBusy { slot: slot.to_owned(), holder })
}

/// Makes the permanent slot unless it is there and usable; gives the position up to which it has
/// let go of changes, none when it was made now. With `needed` its changes are: state goes on from
/// them. Without, a slot that was given up is made anew: what it would have told is in the copy
/// that follows.
pub(crate) async fn ensure(
    client: &Client,
    connection: &Connection,
    slot: &str,
    needed: bool,
) -> Result<Option<Lsn>, CaptureError> {
    let settings = |what: String| Err(CaptureError::Settings(what));
    let mut seen = Seen::of(client, slot).await?;
    // The server may take a moment to notice that a predecessor has gone.
    for _ in 0..LOCK_ATTEMPTS {
        if seen.as_ref().is_none_or(|seen| seen.holder.is_none()) {
            break;
        }
        tokio::time::sleep(LOCK_PAUSE).await;
        seen = Seen::of(client, slot).await?;
    }
    if let Some(Seen { plugin, here, lost, confirmed, holder, .. }) = seen {
        let drop = format!("SELECT pg_drop_replication_slot({})", quote::literal(slot));
        if plugin.as_deref() != Some("pgoutput") {
            let plugin = plugin.as_deref().unwrap_or("no plugin");
            return settings(format!(
                "the replication slot `{slot}` uses {plugin} and not pgoutput; choose another \
                 `--slot`, or drop it if nobody needs it: {drop};"
            ));
        }
        if !here {
            return settings(format!(
                "the replication slot `{slot}` belongs to another database; choose another `--slot`"
            ));
        }
        if let Some(holder) = holder {
            return Err(CaptureError::SlotBusy { slot: slot.to_owned(), holder });
        }
        let Some(lost) = lost else { return Ok(confirmed) };
        if needed {
            return Err(CaptureError::Gap(lost));
        }
        warn!(slot, "the replication slot was given up by Postgres and is made anew");
        client.batch_execute(&drop).await.map_err(CaptureError::sql(DURING))?;
    }
    if needed {
        return Err(CaptureError::Gap(Gap::SlotDropped { slot: slot.to_owned() }));
    }
    let mut session = Walsender::connect(connection).await?;
    let options =
        if version(client).await? >= 15 { "(SNAPSHOT 'nothing')" } else { "NOEXPORT_SNAPSHOT" };
    let name = quote::ident(slot);
    let sql = format!("CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput {options}");
    create(client, &mut session, None, &sql).await?;
    session.close().await;
    info!(slot, "made the replication slot");
    Ok(None)
}

/// Runs a slot-making command until the transactions it waits for have ended, telling which they
/// are; each time in a new transaction where one is to be begun. Gives the command's answer.
pub(crate) async fn create(
    client: &Client,
    session: &mut Walsender,
    begin: Option<&str>,
    sql: &str,
) -> Result<Vec<Option<String>>, CaptureError> {
    session.query(DURING, LOCK_TIMEOUT).await?;
    let mut by = Vec::new();
    for _ in 0..CREATE_ATTEMPTS {
        if let Some(begin) = begin {
            session.query(DURING, begin).await?;
        }
        match session.query(DURING, sql).await {
            Ok(rows) => {
                let none = || CaptureError::Protocol("no answer about the slot".to_owned());
                return rows.into_iter().next().ok_or_else(none);
            }
            Err(CaptureError::Server { said, .. }) if said.code == "55P03" => {
                let rows = client.query(BLOCKERS, &[]).await.map_err(CaptureError::sql(DURING))?;
                by = rows.iter().map(|row| row.get(0)).collect();
                warn!(by = by.join(", "), "making a replication slot waits for open transactions");
                if begin.is_some() {
                    session.query(DURING, "ROLLBACK").await?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(CaptureError::Blocked { by })
}

/// Major version of the server.
pub(crate) async fn version(client: &Client) -> Result<i32, CaptureError> {
    let sql = "SELECT current_setting('server_version_num')::int / 10000";
    let row = client.query_one(sql, &[]).await.map_err(CaptureError::sql(DURING))?;
    Ok(row.get(0))
}

const HOLDER: &str = "
    SELECT 'process ' || l.pid || coalesce(' from ' || host(a.client_addr), '')
    FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted
      AND l.classid = $1::int4::oid AND l.objid::int8 = hashtext($2)::int8 & 4294967295
    LIMIT 1";

const BLOCKERS: &str = "
    SELECT 'process ' || pid || ' of ' || coalesce(usename, '?') || ', open since '
        || to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS') || ': ' || left(query, 60)
    FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT 'prepared transaction ' || quote_literal(gid) || ' of ' || owner FROM pg_prepared_xacts";
