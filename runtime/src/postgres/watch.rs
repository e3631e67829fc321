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
use flusso_dataflow::Lsn;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tracing::{info, warn};

use super::capture::Settings;
use super::changed::{Changed, compare, compare_publication};
use super::error::{CaptureError, Gap};
use super::layout::{Layout, column_of, name_of};
use super::progress::Progress;
use super::seen::Seen;
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

    /// The slot, if it is there, keeps what was not confirmed, and is ours to take.
    pub(crate) async fn slot(&self, taking: bool) -> Result<Seen, CaptureError> {
        let slot = &self.settings.slot;
        let gap = |gap| Err(CaptureError::Gap(gap));
        let Some(seen) = Seen::of(&self.client, slot).await? else {
            return gap(Gap::SlotDropped { slot: slot.clone() });
        };
        if let Some(lost) = &seen.lost {
            return gap(lost.clone());
        }
        if let Some(holder) = seen.holder.clone().filter(|_| taking) {
            return Err(CaptureError::SlotBusy { slot: slot.clone(), holder });
        }
        if self.progress.note_retention(seen.retention) {
            warn!("{}", seen.retention.sentence(slot));
        }
        Ok(seen)
    }

    /// Looks until something is wrong, and gives that.
    async fn keep_looking(&self, mut layout: Layout) -> CaptureError {
        let mut held_back = HeldBack::default();
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
            match self.slot(false).await {
                Ok(seen) => held_back.note(seen.standbys, &self.progress),
                Err(error) => return error,
            }
        }
    }
}

/// Whether the slot sends nothing because standbys come first, as `synchronized_standby_slots` has
/// it of slots that fail over. Every commit waits so for a moment: only one that nothing has come
/// past between two looks is told.
#[derive(Default)]
struct HeldBack {
    /// What had been received when it was last seen to wait.
    at: Option<Lsn>,
    told: bool,
}

impl HeldBack {
    fn note(&mut self, standbys: Option<String>, progress: &Progress) {
        let received = progress.received();
        let before = std::mem::replace(&mut self.at, standbys.is_some().then_some(received));
        let stuck = standbys.filter(|_| before == Some(received));
        match stuck {
            Some(standbys) if !self.told => {
                let sentence = format!(
                    "Postgres holds changes back until standbys have them; \
                     synchronized_standby_slots names {standbys}: start these standbys, or take \
                     their slots out of it"
                );
                warn!("{sentence}");
                progress.waits.begin(&sentence);
                self.told = true;
            }
            None if self.told => {
                info!("the standbys have caught up");
                progress.waits.end();
                self.told = false;
            }
            Some(_) | None => {}
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
