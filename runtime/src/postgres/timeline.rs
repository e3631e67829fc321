//! Which way a server took: after a promotion its WAL goes on as a new timeline, and what was read
//! of the old one beyond the fork never happened there. Within one life of a server nothing is
//! undone: a standby that is promoted goes on with what it had, also to those who read from it.

use flusso_dataflow::Lsn;

use super::error::{CaptureError, Gap};
use super::wire::{Walsender, parse_lsn};
use crate::lag::lsn;

const DURING: &str = "looking at the server's timeline";
const LIFE: &str = "SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";

/// Who a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Made with the cluster; its standbys have the same.
    pub(crate) system: String,
    /// Counts promotions.
    pub(crate) timeline: u32,
    /// When its postmaster started, in microseconds.
    pub(crate) life: String,
    /// Where its WAL ends.
    pub(crate) newest: Lsn,
}

impl Identity {
    /// Asks.
    pub(crate) async fn of(wire: &mut Walsender) -> Result<Identity, CaptureError> {
        let rows = wire.query(DURING, "IDENTIFY_SYSTEM").await?;
        let mut values = rows.into_iter().flatten().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (system, timeline, newest) = (next(), next().parse(), next());
        let life = wire.query(DURING, LIFE).await?.into_iter().flatten().next().flatten();
        let life = life.unwrap_or_default();
        match (timeline, parse_lsn(&newest)) {
            (Ok(timeline), Some(newest)) => Ok(Identity { system, timeline, life, newest }),
            _ => Err(CaptureError::Protocol("no identity where one was due".to_owned())),
        }
    }
}

/// Whether what was read of `was` up to `read` is also the past of `is`.
pub(crate) async fn check(
    wire: &mut Walsender,
    was: &Identity,
    is: &Identity,
    read: Lsn,
) -> Result<(), CaptureError> {
    let gap = |gap| Err(CaptureError::Gap(gap));
    if was.system != is.system {
        return gap(Gap::OtherServer);
    }
    if was.timeline != is.timeline && was.life != is.life {
        let rows = wire.query(DURING, &format!("TIMELINE_HISTORY {}", is.timeline)).await?;
        let history = rows.into_iter().flatten().nth(1).flatten().unwrap_or_default();
        // A history without our timeline is that of another past altogether.
        let left = fork(&history, was.timeline).unwrap_or(0);
        if left < read {
            let [left, read] = [left, read].map(lsn);
            return gap(Gap::Timeline { now: is.timeline, left, read });
        }
    }
    if is.newest < read { gap(Gap::BackInTime) } else { Ok(()) }
}

/// Where a timeline was left, by the history file of a later one.
fn fork(history: &str, timeline: u32) -> Option<Lsn> {
    history.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()?.parse() == Ok(timeline)).then(|| parse_lsn(words.next()?))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_tells_where_each_timeline_was_left() {
        let history = "1\t0/3000060\tno recovery target specified\n\n2\t1/A0\tbefore 2024-01-01\n";
        assert_eq!(fork(history, 1), Some(0x300_0060));
        assert_eq!(fork(history, 2), Some(0x1_0000_00a0));
        assert_eq!(fork(history, 3), None);
    }
}
