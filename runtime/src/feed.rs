//! Takes what is captured to the dataflow, in one thread of its own: commits have one order, and
//! looking up old rows must not stall the network.
//!
//! The dataflow is closed only between transactions, and not for each: as long as more is at
//! hand it is taken in first, so that many small transactions cost one round and not many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flusso_dataflow::feed::{FeedError, Feeder};
use tokio::sync::mpsc;

use crate::postgres::Captured;
use crate::status::Status;

/// Changes after which the workers see what has been committed, even if more is at hand.
const ROUND: u64 = 8 * 1024;

/// Rounds that follow each other faster than `RUSH` wait for `GATHER`: a round has a price of its
/// own, and what comes together shares it.
const RUSH: Duration = Duration::from_micros(300);
const GATHER: Duration = Duration::from_millis(2);

/// Feeds until the capture ends. `kept` says that the row store has every row that is captured.
pub fn feed(
    mut events: mpsc::Receiver<Vec<Captured>>,
    feeder: Feeder,
    kept: bool,
    status: Arc<Status>,
) -> Result<(), FeedError> {
    let mut feed = Feed { feeder, kept, status, changes: 0, round: 0 };
    let (mut closed, mut rushed) = (Instant::now(), false);
    while let Some(batch) = events.blocking_recv() {
        let copying = matches!(batch.first(), Some(Captured::Rows { .. }));
        rushed = !copying && closed.elapsed() < if rushed { GATHER } else { RUSH };
        if rushed {
            std::thread::sleep(GATHER);
        }
        feed.take(batch)?;
        while feed.round < ROUND {
            let Ok(batch) = events.try_recv() else { break };
            feed.take(batch)?;
        }
        feed.feeder.close()?;
        feed.round = 0;
        closed = Instant::now();
    }
    Ok(())
}

struct Feed {
    feeder: Feeder,
    kept: bool,
    status: Arc<Status>,
    /// Of the transaction at hand.
    changes: u64,
    /// Since the workers were last let see.
    round: u64,
}

impl Feed {
    fn take(&mut self, batch: Vec<Captured>) -> Result<(), FeedError> {
        for event in batch {
            match event {
                Captured::Rows { table, rows } if self.kept => self.feeder.stored(table, rows),
                Captured::Rows { table, rows } => self.feeder.copied(table, rows)?,
                Captured::Opened { at, told, whole } => {
                    self.feeder.open(at, told, whole);
                    self.status.opened(at);
                }
                Captured::Changes(changes) => {
                    self.changes += changes.len() as u64;
                    self.round += changes.len() as u64;
                    for (table, change) in changes {
                        self.feeder.change(table, change);
                    }
                }
                Captured::Commit { at, time } => {
                    self.feeder.commit(at)?;
                    self.status.captured(at, time, std::mem::take(&mut self.changes));
                }
                Captured::Idle { upto } => {
                    self.feeder.idle(upto)?;
                    self.status.idle(upto);
                }
            }
        }
        Ok(())
    }
}
