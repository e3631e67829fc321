//! The database at one LSN, asked for documents: what `verify` compares with.
//!
//! The snapshot is tied to the WAL by a temporary slot, as the copy's is: it holds exactly the
//! commits that end at or before [`Moment::at`]. A snapshot taken without one would not do: a
//! commit is in the WAL, and with its consumers, before other sessions can see it. The slot is
//! let go as soon as the session has the snapshot, so no WAL is kept for a long comparison.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use flusso_compiler::plan::oracle;
use flusso_dataflow::Lsn;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::connect::Connection;
use super::error::CaptureError;
use super::quote;
use super::snapshot::Snapshot;
use super::wire::parse_lsn;

const READING: &str = "reading documents";
const WAITING: &str = "waiting for the replication slot";

/// Between two looks at a slot that moves, and at one that nobody uses: the second look decodes.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Between two words about waiting.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// How long a slot may stand still. An idle server is confirmed to every few seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Text of documents aimed at in one batch, in bytes.
const BATCH_BYTES: usize = 4 << 20;
/// Documents in a batch: the first, and the most.
const BATCH: (usize, usize) = (64, 1000);

/// An id and its document, JSON on one line.
pub type Row = (String, String);

/// The database as of one LSN.
pub struct Moment {
    /// Commits up to and including this one are seen.
    pub at: Lsn,
    client: Client,
    /// Documents in the next batch.
    batch: usize,
}

impl Moment {
    /// Takes one; `client` is any session, to tell what it waits for.
    pub async fn take(client: &Client, connection: &Connection) -> Result<Moment, CaptureError> {
        let snapshot = Snapshot::take(client, connection).await?;
        let session = snapshot.session(connection).await?;
        let at = snapshot.at;
        snapshot.release().await;
        let settings = oracle::SETTINGS.iter().chain(&LIGHT);
        let set = |(name, value): &(&str, &str)| format!("SET {name} = {}", quote::literal(value));
        let settings: Vec<String> = settings.map(set).collect();
        session.batch_execute(&settings.join(";")).await.map_err(CaptureError::sql(READING))?;
        Ok(Moment { at, client: session, batch: BATCH.0 })
    }

    /// Begins to read the rows of a query (id and document) in the order they lie in.
    pub async fn open(&self, query: &str) -> Result<(), CaptureError> {
        let sql = format!("CLOSE ALL; DECLARE documents NO SCROLL CURSOR FOR {query}");
        self.client.batch_execute(&sql).await.map_err(CaptureError::sql(READING))
    }

    /// The next of them; none at the end.
    pub async fn next(&mut self) -> Result<Vec<Row>, CaptureError> {
        let rows = self.rows(&format!("FETCH {} FROM documents", self.batch)).await?;
        let bytes: usize = rows.iter().map(|(_, document)| document.len()).sum();
        if let Some(fit) = (BATCH_BYTES * rows.len()).checked_div(bytes) {
            self.batch = fit.clamp(1, BATCH.1);
        }
        Ok(rows)
    }

    /// So many ids of a query's rows at random. The documents are not made for it.
    pub async fn some_ids(&self, query: &str, size: usize) -> Result<Vec<String>, CaptureError> {
        let sql =
            format!("SELECT id, '' FROM ({query}) AS all_of_them ORDER BY random() LIMIT {size}");
        Ok(self.rows(&sql).await?.into_iter().map(|(id, _)| id).collect())
    }

    /// The documents of these ids, by a query that `query` makes of them. An id that is no key at
    /// all, which only a foreign document has, is one that has no document.
    pub async fn among(
        &self,
        ids: &[&str],
        query: &impl Fn(&[&str]) -> String,
    ) -> Result<HashMap<String, String>, CaptureError> {
        let mut found = HashMap::new();
        let mut left = vec![ids];
        while let Some(ids) = left.pop() {
            let failed = CaptureError::sql(READING);
            self.client.batch_execute("SAVEPOINT among").await.map_err(&failed)?;
            match self.rows(&query(ids)).await {
                Ok(rows) => found.extend(rows),
                // Class 22: a constant that is not of the column's type.
                Err(CaptureError::Server { said, .. }) if said.code.starts_with("22") => {
                    self.client.batch_execute("ROLLBACK TO among").await.map_err(&failed)?;
                    if let (true, (one, other)) = (ids.len() > 1, ids.split_at(ids.len() / 2)) {
                        left.extend([one, other]);
                    }
                }
                Err(error) => return Err(error),
            }
            self.client.batch_execute("RELEASE among").await.map_err(&failed)?;
        }
        Ok(found)
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Row>, CaptureError> {
        let messages = self.client.simple_query(sql).await.map_err(CaptureError::sql(READING))?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }
}

/// One process is enough to be asked by us.
const LIGHT: [(&str, &str); 2] = [("max_parallel_workers_per_gather", "0"), ("jit", "off")];

/// Waits until everything up to `at` has been delivered through the slot: confirmed, or, when
/// nobody streams, because nothing of ours lies between.
pub async fn passed(
    client: &Client,
    slot: &str,
    publication: &str,
    at: Lsn,
) -> Result<(), CaptureError> {
    let (mut before, mut moved, mut said) = (0, Instant::now(), Instant::now());
    loop {
        let row = client.query_opt(POSITION, &[&slot]).await.map_err(CaptureError::sql(WAITING))?;
        let none = || {
            CaptureError::Settings(format!(
                "there is no replication slot `{slot}`: run `flusso run`, or name its slot with \
                 `--slot`"
            ))
        };
        let row = row.ok_or_else(none)?;
        let confirmed = row.get::<_, Option<&str>>(0).and_then(parse_lsn).unwrap_or(0);
        let active: bool = row.get(1);
        if confirmed >= at || (!active && nothing_left(client, slot, publication, at).await?) {
            return Ok(());
        }
        let behind = at - confirmed;
        if confirmed > before {
            (before, moved) = (confirmed, Instant::now());
        } else if moved.elapsed() > PATIENCE || !active && moved.elapsed() > SAY_EVERY {
            let streams = if active { "does not move" } else { "is used by nobody" };
            return Err(CaptureError::Settings(format!(
                "the replication slot `{slot}` {streams} and is {behind} bytes behind the \
                 database: only what a running flusso has delivered can be verified"
            )));
        }
        if said.elapsed() > SAY_EVERY {
            said = Instant::now();
            tracing::info!(slot, "waiting until flusso has delivered {behind} more bytes of WAL");
        }
        tokio::time::sleep(if active { LOOK_EVERY.0 } else { LOOK_EVERY.1 }).await;
    }
}

/// Whether a slot that nobody uses holds no change up to `at`.
async fn nothing_left(
    client: &Client,
    slot: &str,
    publication: &str,
    at: Lsn,
) -> Result<bool, CaptureError> {
    let sql = format!(
        "SELECT count(*) FROM pg_logical_slot_peek_binary_changes({}, '{}', 1, \
         'proto_version', '1', 'publication_names', {})",
        quote::literal(slot),
        text(at),
        quote::literal(&quote::ident(publication)),
    );
    match client.query_one(&sql, &[]).await {
        Ok(row) => Ok(row.get::<_, i64>(0) == 0),
        // Taken in the meantime: then it moves by itself.
        Err(error) => match CaptureError::sql(WAITING)(error) {
            CaptureError::Server { said, .. } if said.code == "55006" => Ok(false),
            error => Err(error),
        },
    }
}

const POSITION: &str = "SELECT confirmed_flush_lsn::text, active FROM pg_replication_slots \
                        WHERE slot_name = $1";

/// An LSN as Postgres prints it.
pub fn text(at: Lsn) -> String {
    format!("{:X}/{:X}", at >> 32, at & 0xffff_ffff)
}
