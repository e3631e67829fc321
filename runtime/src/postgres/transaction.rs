//! From frames to what is captured: which transactions are new, and their changes in batches.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flusso_compiler::plan::{Plan, TableId};
use flusso_dataflow::Lsn;
use flusso_dataflow::feed::Change;
use tracing::{info, warn};

use super::capture::Captured;
use super::changed::Changed;
use super::decode::{Message, Old, Relation, Tuple, decode};
use super::error::{CaptureError, Gap, ServerMessage};
use super::layout::Layout;
use super::relations::Relations;
use super::watch::Watch;
use super::wire::{Frame, server_message};
use crate::store::Opening;

/// A batch is handed on at this many bytes.
const BATCH_BYTES: usize = 256 << 10;
/// Counted for each event beside its rows.
const EVENT_BYTES: usize = 48;
/// Where Postgres' clock starts.
const EPOCH_2000: Duration = Duration::from_secs(946_684_800);

/// What a frame says beside changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Nothing,
    /// A position of the server.
    Server(Lsn),
    /// Everything up to `at` has been sent.
    Keepalive {
        at: Lsn,
        /// The server wants to hear from us now.
        reply: bool,
    },
}

/// Reads frames. Survives connections; see the rules at [`super::stream`].
pub(crate) struct Reader {
    plan: Arc<Plan>,
    pub(crate) layout: Layout,
    /// Asked when a table may have changed in a way the stream does not tell.
    pub(crate) watch: Arc<Watch>,
    relations: Relations,
    /// By table: a transaction whose commit record starts before this is in its rows.
    from: Vec<Lsn>,
    /// What has been read and not handed on.
    pub(crate) batch: Batch,
    /// A transaction whose commit record starts before this is known.
    floor: Lsn,
    /// End of the last commit put into a batch; at first the snapshot.
    due: Lsn,
    /// The last position told as idle.
    idle: Lsn,
    open: Option<Open>,
    /// The transaction last read from and how many of its changes were put into batches.
    taken: (Lsn, u64),
    /// The last notice, while nothing has come after it.
    said: Option<ServerMessage>,
}

/// The transaction being read.
struct Open {
    final_lsn: Lsn,
    known: bool,
    changes: u64,
}

impl Reader {
    pub(crate) fn new(
        plan: Arc<Plan>,
        layout: Layout,
        watch: Arc<Watch>,
        opening: &Opening,
    ) -> Reader {
        let at = opening.at;
        Reader {
            plan,
            layout,
            watch,
            relations: Relations::default(),
            from: opening.from.clone(),
            batch: Batch::default(),
            floor: at,
            due: at,
            idle: at,
            open: None,
            taken: (0, 0),
            said: None,
        }
    }

    /// A transaction whose commit record starts before this is known.
    pub(crate) fn floor(&self) -> Lsn {
        self.floor
    }

    /// Everything up to here has been put into a batch.
    pub(crate) fn read(&self) -> Lsn {
        self.due.max(self.idle)
    }

    /// Whether the end of a transaction is still to come.
    pub(crate) fn is_amid(&self) -> bool {
        self.open.is_some()
    }

    /// The connection was cut: what was open will be told again, relations included.
    pub(crate) fn cut(&mut self) {
        self.open = None;
        self.relations = Relations::default();
    }

    /// Puts an `Idle` into the batch when the server has moved past the last commit.
    pub(crate) fn note_idle(&mut self) {
        if self.floor > self.idle.max(self.due) && self.open.is_none() {
            self.idle = self.floor;
            self.batch.push(Captured::Idle { upto: self.floor });
        }
    }

    /// Takes a frame.
    pub(crate) async fn take(&mut self, frame: Frame) -> Result<Signal, CaptureError> {
        let malformed = || CaptureError::Protocol("a malformed replication message".to_owned());
        let body = &frame.body[..];
        match (frame.tag, body.first()) {
            (b'd', Some(b'w')) => {
                let (header, payload) = body.split_at_checked(25).ok_or_else(malformed)?;
                self.said = None;
                self.message(payload).await?;
                Ok(Signal::Server(lsn(header, 9).ok_or_else(malformed)?))
            }
            (b'd', Some(b'k')) => {
                let at = lsn(body, 1).ok_or_else(malformed)?;
                let reply = *body.get(17).ok_or_else(malformed)? == 1;
                if self.open.is_none() {
                    self.floor = self.floor.max(at);
                }
                Ok(Signal::Keepalive { at, reply })
            }
            (b'd', _) => Err(malformed()),
            (b'N', _) => self.notice(server_message(body)).map(|()| Signal::Nothing),
            (b'E', _) => {
                Err(CaptureError::Server { during: "streaming", said: server_message(body) })
            }
            (b'c', _) => Err(CaptureError::Lost {
                during: "streaming",
                cause: "the server ended the stream".to_owned(),
            }),
            _ => Ok(Signal::Nothing),
        }
    }

    /// From Postgres 18 on, a missing publication is only a notice, and its rows are left out. What
    /// is said over and over, with nothing new in between, is passed on once.
    fn notice(&mut self, said: ServerMessage) -> Result<(), CaptureError> {
        if said.message.contains("skipped loading publication") {
            return Err(CaptureError::Gap(Gap::LeftOut(said)));
        }
        if self.said.as_ref() != Some(&said) {
            match said.code.as_str() {
                "00000" => info!("Postgres says: {said}"),
                _ => warn!("Postgres says: {said}"),
            }
            self.said = Some(said);
        }
        Ok(())
    }

    async fn message(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        let message = decode(bytes).map_err(|error| CaptureError::Protocol(error.to_string()))?;
        if !fits(&message, self.open.is_some()) {
            return Err(CaptureError::Protocol("a transaction out of order".to_owned()));
        }
        match message {
            Message::Begin { final_lsn } => {
                let known = final_lsn < self.floor;
                self.open = Some(Open { final_lsn, known, changes: 0 });
                if self.taken.0 != final_lsn {
                    self.taken = (final_lsn, 0);
                }
            }
            Message::Commit { end_lsn, time } => {
                let known = self.open.take().is_none_or(|open| open.known);
                self.floor = self.floor.max(end_lsn);
                if !known {
                    self.due = end_lsn;
                    self.batch.push(Captured::Commit { at: end_lsn, time: clock(time) });
                }
            }
            Message::Relation(relation) => self.describe(&relation).await?,
            Message::Insert { relation, new } => {
                if let Some(table) = self.next_change(relation)? {
                    let new = self.relations.pack(relation, new)?;
                    self.batch.change(self.taken.0, table, Change::Insert(new));
                }
            }
            Message::Update { relation, old, new } => {
                if let Some(table) = self.next_change(relation)? {
                    self.update(table, relation, old, new)?;
                }
            }
            Message::Delete { relation, old } => {
                if let Some(table) = self.next_change(relation)? {
                    let old = self.relations.pack(relation, old.tuple)?;
                    self.batch.change(self.taken.0, table, Change::Delete(old));
                }
            }
            Message::Truncate { relations } => self.truncate(&relations)?,
            Message::Other => {}
        }
        Ok(())
    }

    fn update(
        &mut self,
        table: TableId,
        relation: u32,
        old: Option<Old<'_>>,
        new: Tuple<'_>,
    ) -> Result<(), CaptureError> {
        let full = old.is_some_and(|old| old.full);
        let old = old.map(|old| self.relations.pack(relation, old.tuple)).transpose()?;
        let new = self.relations.pack(relation, new)?;
        self.batch.change(self.taken.0, table, Change::Update { old, full, new });
        Ok(())
    }

    /// The table of a change, when it is one to take.
    fn next_change(&mut self, relation: u32) -> Result<Option<TableId>, CaptureError> {
        let Some(table) = self.relations.table(relation)? else { return Ok(None) };
        Ok((self.lacks(table) && self.count()).then_some(table))
    }

    /// Whether a table's rows lack what the open transaction does.
    fn lacks(&self, table: TableId) -> bool {
        let from = self.from.get(usize::from(table.0)).copied().unwrap_or(0);
        self.open.as_ref().is_some_and(|open| open.final_lsn >= from)
    }

    /// Whether the rows of a relation's table are newer than the open transaction.
    fn is_past(&self, relation: u32) -> bool {
        self.layout.table_of(relation).is_some_and(|table| !self.lacks(table))
    }

    /// Counts a change of the open transaction; true when it is new.
    fn count(&mut self) -> bool {
        let Some(open) = self.open.as_mut().filter(|open| !open.known) else { return false };
        open.changes += 1;
        let new = open.changes > self.taken.1;
        if new {
            self.taken = (open.final_lsn, open.changes);
        }
        new
    }

    async fn describe(&mut self, relation: &Relation) -> Result<(), CaptureError> {
        let ours = self.layout.table_of(relation.oid).is_some();
        // Described once more, it has changed somehow; unknown, it may be a new partition.
        let look = match ours {
            true => self.relations.knows(relation.oid),
            false => self.layout.is_partitioned(),
        };
        let bound = self.relations.describe(relation, &self.plan, &self.layout);
        match bound {
            // It was altered before its rows were copied, and is described again after that.
            Err(_) if self.is_past(relation.oid) => {
                self.relations.pass_over(relation.oid);
                return Ok(());
            }
            Err(error) => return Err(self.watch.named(error, &self.layout).await?),
            Ok(()) if !look => return Ok(()),
            Ok(()) => {}
        }
        self.layout = self.watch.look(&self.layout).await?;
        self.relations.describe(relation, &self.plan, &self.layout)
    }

    fn truncate(&mut self, relations: &[u32]) -> Result<(), CaptureError> {
        let emptied = self.layout.emptied(relations);
        if self.open.as_ref().is_none_or(|open| open.known) {
            return Ok(());
        }
        let partly = |(table, member): (TableId, &str)| CaptureError::Changed {
            table: self.plan.tables[usize::from(table.0)].name.to_string(),
            how: Changed::Emptied { member: member.to_owned() },
        };
        let emptied = emptied.map_err(partly)?;
        for table in emptied {
            if self.lacks(table) && self.count() {
                self.batch.change(self.taken.0, table, Change::Truncate);
            }
        }
        Ok(())
    }
}

/// Events that go together, and how large they are.
#[derive(Default)]
pub(crate) struct Batch {
    events: Vec<Captured>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, event: Captured) {
        self.bytes += EVENT_BYTES;
        self.events.push(event);
    }

    /// A change of the transaction whose commit record begins at `of`.
    fn change(&mut self, of: Lsn, table: TableId, change: Change) {
        self.bytes += EVENT_BYTES
            + match &change {
                Change::Insert(row) | Change::Delete(row) => row.0.len(),
                Change::Update { old, new, .. } => {
                    new.0.len() + old.as_ref().map_or(0, |old| old.0.len())
                }
                Change::Truncate => 0,
            };
        match self.events.last_mut() {
            Some(Captured::Changes { record, changes }) if *record == of => {
                changes.push((table, change));
            }
            _ => self.events.push(Captured::Changes { record: of, changes: vec![(table, change)] }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES
    }

    pub(crate) fn take(&mut self) -> Vec<Captured> {
        self.bytes = 0;
        std::mem::take(&mut self.events)
    }
}

fn lsn(bytes: &[u8], at: usize) -> Option<Lsn> {
    let eight = bytes.get(at..at + 8)?.first_chunk()?;
    Some(u64::from_be_bytes(*eight))
}

/// Whether a message may come now: what is inside a transaction, and what is not.
fn fits(message: &Message<'_>, inside: bool) -> bool {
    match message {
        Message::Begin { .. } => !inside,
        Message::Commit { .. }
        | Message::Insert { .. }
        | Message::Update { .. }
        | Message::Delete { .. }
        | Message::Truncate { .. } => inside,
        Message::Relation(_) | Message::Other => true,
    }
}

/// Microseconds since 2000 as a time.
fn clock(micros: i64) -> SystemTime {
    UNIX_EPOCH + EPOCH_2000 + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_commits_stand_inside_a_transaction() {
        let begin = Message::Begin { final_lsn: 1 };
        let commit = Message::Commit { end_lsn: 1, time: 0 };
        let truncate = Message::Truncate { relations: vec![1] };
        assert!(fits(&begin, false) && !fits(&begin, true));
        assert!(fits(&commit, true) && !fits(&commit, false));
        assert!(fits(&truncate, true) && !fits(&truncate, false));
        assert!(fits(&Message::Other, true) && fits(&Message::Other, false));
    }
}
