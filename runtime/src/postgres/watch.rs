//! Looks at what the stream does not tell: the slot, the publication and the catalog.
//!
//! ```text
//!  at each connection ─┐
//!  every few seconds  ─┼─► slot, publication, tables ─► as before? ─► go on, or a sentence
//!  a table described ──┘
//! ```
//!
//! One SQL session does it, the one that holds the slot's lock. Postgres ends SQL sessions at the
//! first word of a shutdown and streams at the last, after they have been read to their end: so
//! the end of this session is also the sign to let the stream go, and nobody waits for us.

use std::sync::Arc;
use std::time::Duration;

use flusso_compiler::plan::Plan;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tracing::warn;

use super::capture::Settings;
use super::changed::{Changed, compare, compare_publication};
use super::error::{CaptureError, Gap};
use super::layout::{Layout, column_of, name_of};
use super::progress::{Progress, Retention};
use super::slot;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// Between two glances at whether the session lives.
const GLANCE: Duration = Duration::from_millis(250);

const DURING: &str = "looking at the replication slot";

/// The session and what it looks at.
pub(crate) struct Watch {
    plan: Arc<Plan>,
    settings: Settings,
    progress: Arc<Progress>,
    client: Client,
}

impl Watch {
    /// Over a session that holds the slot's lock.
    pub(crate) fn new(
        plan: Arc<Plan>,
        settings: Settings,
        progress: Arc<Progress>,
        client: Client,
    ) -> Watch {
        Watch { plan, settings, progress, client }
    }

    /// Over a new session if this one has ended; the lock went with it and is taken again.
    pub(crate) async fn renewed(self: Arc<Watch>) -> Result<Arc<Watch>, CaptureError> {
        if !self.client.is_closed() {
            return Ok(self);
        }
        let client = self.settings.connection.client().await?;
        slot::lock(&client, &self.settings.slot).await?;
        let (plan, settings) = (self.plan.clone(), self.settings.clone());
        Ok(Arc::new(Watch::new(plan, settings, self.progress.clone(), client)))
    }

    /// The tables as they are now, if the rows that were read are still theirs.
    pub(crate) async fn look(&self, was: &Layout) -> Result<Layout, CaptureError> {
        let publication = &self.settings.publication;
        let is = Layout::read(&self.client, &self.plan, publication).await?;
        if let Some(how) = compare_publication(was, &is) {
            return Err(CaptureError::Publication { publication: publication.clone(), how });
        }
        match compare(was, &is, &self.plan) {
            None => Ok(is),
            Some((id, how)) => {
                let table = self.plan.tables[usize::from(id.0)].name.to_string();
                let error = CaptureError::Changed { table, how };
                Err(self.named(error, was).await?)
            }
        }
    }

    /// The same error, knowing what is only called differently.
    pub(crate) async fn named(
        &self,
        error: CaptureError,
        was: &Layout,
    ) -> Result<CaptureError, CaptureError> {
        let CaptureError::Changed { table, how } = error else { return Ok(error) };
        let mut tables = self.plan.tables.iter().zip(&was.tables);
        let place = tables.find(|(it, _)| it.name.to_string() == table).map(|(_, place)| place);
        let Some(place) = place else { return Ok(CaptureError::Changed { table, how }) };
        let how = match how {
            how @ (Changed::Dropped | Changed::Remade) => {
                let now = name_of(&self.client, place.oid).await?;
                now.map_or(how, |to| Changed::Renamed { to: to.to_string() })
            }
            Changed::ColumnDropped { ref column } | Changed::ColumnRemade { ref column } => {
                let number = place.columns.get(column).map_or(0, |column| column.number);
                let column = column.clone();
                let now = column_of(&self.client, place.oid, number).await?;
                match now.filter(|to| *to != column) {
                    Some(to) => Changed::ColumnRenamed { column, to },
                    None => how,
                }
            }
            how => how,
        };
        Ok(CaptureError::Changed { table, how })
    }

    /// Whether the slot is there, keeps what was not confirmed, and is ours to take. Gives what
    /// has been confirmed.
    pub(crate) async fn slot(&self, taking: bool) -> Result<Option<u64>, CaptureError> {
        let slot = &self.settings.slot;
        let failed = CaptureError::sql(DURING);
        let row = self.client.query_opt(SLOT, &[slot]).await.map_err(failed)?;
        let gap = |gap| Err(CaptureError::Gap(gap));
        let Some(row) = row else { return gap(Gap::SlotDropped { slot: slot.clone() }) };
        let limit: Option<i64> = row.get("keep");
        if row.get("lost") {
            let why = row.get("why");
            return gap(Gap::SlotLost { slot: slot.clone(), why, limit });
        }
        if let Some(holder) = row.get::<_, Option<String>>("holder").filter(|_| taking) {
            return Err(CaptureError::SlotBusy { slot: slot.clone(), holder });
        }
        let (held, left) = (row.get("held"), row.get::<_, Option<i64>>("left"));
        let retention = Retention { held, left, limit };
        if self.progress.note_retention(retention) {
            warn!("{}", retention.sentence(slot));
        }
        Ok(row.get::<_, Option<i64>>("confirmed").map(i64::cast_unsigned))
    }

    /// Looks until something is wrong, and gives that.
    async fn keep_looking(&self, mut layout: Layout) -> CaptureError {
        loop {
            for _ in 0..EVERY.as_millis() / GLANCE.as_millis() {
                tokio::time::sleep(GLANCE).await;
                if self.client.is_closed() {
                    let cause = "the server ended the session".to_owned();
                    return CaptureError::Lost { during: DURING, cause };
                }
            }
            layout = match self.look(&layout).await {
                Ok(layout) => layout,
                Err(error) => return error,
            };
            if let Err(error) = self.slot(false).await {
                return error;
            }
        }
    }
}

/// A watch that looks by itself as long as this lives.
pub(crate) struct Looking(JoinHandle<CaptureError>);

impl Looking {
    pub(crate) fn start(watch: Arc<Watch>, layout: Layout) -> Looking {
        Looking(tokio::spawn(async move { watch.keep_looking(layout).await }))
    }

    /// Waits until something is wrong. May be dropped; to be waited for once only.
    pub(crate) async fn ended(&mut self) -> CaptureError {
        let lost = |error: tokio::task::JoinError| CaptureError::Lost {
            during: DURING,
            cause: error.to_string(),
        };
        (&mut self.0).await.unwrap_or_else(lost)
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Through JSON, because older servers lack some of the columns.
const SLOT: &str = "
    SELECT s.wal_status IS NOT DISTINCT FROM 'lost'
               OR to_jsonb(s) ->> 'invalidation_reason' IS NOT NULL
               OR coalesce((to_jsonb(s) ->> 'conflicting')::bool, false) AS lost,
           to_jsonb(s) ->> 'invalidation_reason' AS why,
           (SELECT nullif(setting, '-1')::int8 * 1048576 FROM pg_settings
            WHERE name = 'max_slot_wal_keep_size') AS keep,
           s.safe_wal_size AS left,
           (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                 ELSE pg_current_wal_lsn() END - s.restart_lsn)::int8 AS held,
           (s.confirmed_flush_lsn - '0/0'::pg_lsn)::int8 AS confirmed,
           CASE WHEN s.active THEN 'process ' || s.active_pid
               || coalesce(' (' || nullif(a.application_name, '') || ')', '') END AS holder
    FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
    WHERE s.slot_name = $1";
