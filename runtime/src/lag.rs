//! How far behind the database each stage is, in bytes of WAL and in seconds.
//!
//! ```text
//!  server ─► received ─► applied ─► assembled ─► delivered ─► confirmed
//!  WAL end   read        in the     documents    in every     Postgres
//!                        dataflow   made         sink         may forget
//! ```
//!
//! The difference of two neighbours says where the time goes. Seconds are the age of the oldest
//! commit that a stage has not passed. A commit that was not even received has no age that we
//! could know; for it, the time since the server was first heard to be further counts.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use flusso_dataflow::Lsn;

/// Server positions that are remembered: at four a second more than an hour.
const HEARD: usize = 16 * 1024;

/// The stages, in the order a commit passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Read from the stream.
    Received,
    /// Taken into the dataflow.
    Applied,
    /// Its documents are made.
    Assembled,
    /// Its documents are in every sink.
    Delivered,
    /// Postgres has been told that it may forget it.
    Confirmed,
}

impl Stage {
    /// All of them.
    pub const ALL: [Stage; 5] =
        [Stage::Received, Stage::Applied, Stage::Assembled, Stage::Delivered, Stage::Confirmed];

    /// As `/status` and `/metrics` write it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Received => "received",
            Stage::Applied => "applied",
            Stage::Assembled => "assembled",
            Stage::Delivered => "delivered",
            Stage::Confirmed => "confirmed",
        }
    }
}

/// A position as Postgres writes it: `16/B374D848`.
pub fn lsn(at: Lsn) -> String {
    format!("{:X}/{:X}", at >> 32, at & 0xffff_ffff)
}

/// How far a stage is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Where it stands: every commit up to here has passed it.
    pub at: Lsn,
    /// WAL between there and the server's end.
    pub bytes: u64,
    /// Age of the oldest commit that has not passed it.
    pub age: Duration,
}

/// Commits under way, and what has been heard of the server.
#[derive(Debug, Default)]
pub struct Commits {
    /// Not yet past every stage, oldest first.
    open: VecDeque<(Lsn, SystemTime)>,
    /// Where the server was, and when that was heard; only what was not yet received.
    heard: VecDeque<(Lsn, Instant)>,
}

impl Commits {
    /// A commit was read.
    pub fn begin(&mut self, at: Lsn, committed: SystemTime) {
        self.open.push_back((at, committed));
    }

    /// Everything up to here has passed every stage.
    pub fn end(&mut self, at: Lsn) {
        while self.open.pop_front_if(|(open, _)| *open <= at).is_some() {}
    }

    /// The server's WAL ends here, and so much of it has been received.
    pub fn hear(&mut self, server: Lsn, received: Lsn) {
        while self.heard.pop_front_if(|(heard, _)| *heard <= received).is_some() {}
        let further = self.heard.back().is_none_or(|(heard, _)| *heard < server);
        if server > received && further && self.heard.len() < HEARD {
            self.heard.push_back((server, Instant::now()));
        }
    }

    /// How far a stage at `at` is behind; none before it has begun.
    pub fn lag(&self, stage: Stage, at: Lsn, server: Lsn) -> Option<Lag> {
        if at == 0 {
            return None;
        }
        let first = self.open.partition_point(|(open, _)| *open <= at);
        let commit = self.open.get(first).and_then(|(_, committed)| committed.elapsed().ok());
        let heard = self.heard.iter().find(|(heard, _)| *heard > at);
        let unread = match stage {
            Stage::Received => heard.map(|(_, since)| since.elapsed()),
            _ => None,
        };
        let age = commit.or(unread).unwrap_or_default();
        Some(Lag { at, bytes: server.saturating_sub(at), age })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits() -> Commits {
        let mut commits = Commits::default();
        let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
        commits.begin(10, ago(300));
        commits.begin(20, ago(200));
        commits.begin(30, ago(100));
        commits
    }

    #[test]
    fn a_stage_is_as_old_as_the_first_commit_it_has_not_passed() {
        let commits = commits();
        for (at, seconds) in [(9, 300), (10, 200), (19, 200), (25, 100), (30, 0)] {
            let lag = commits.lag(Stage::Delivered, at, 40).unwrap();
            assert_eq!((lag.age.as_secs(), lag.bytes), (seconds, 40 - at), "at {at}");
        }
        assert_eq!(commits.lag(Stage::Delivered, 0, 40), None, "it has not begun");
    }

    #[test]
    fn a_commit_that_every_stage_has_passed_is_forgotten() {
        let mut commits = commits();
        commits.end(20);
        assert_eq!(commits.open.len(), 1);
        assert_eq!(commits.lag(Stage::Confirmed, 20, 30).unwrap().age.as_secs(), 100);
    }

    #[test]
    fn what_was_not_received_is_as_old_as_the_news_of_it() {
        let mut commits = Commits::default();
        commits.hear(50, 50);
        assert_eq!(commits.lag(Stage::Received, 50, 50).unwrap().age, Duration::ZERO);
        commits.hear(60, 50);
        std::thread::sleep(Duration::from_millis(2));
        assert!(commits.lag(Stage::Received, 50, 60).unwrap().age > Duration::ZERO);
        commits.hear(60, 60);
        assert_eq!(commits.lag(Stage::Received, 60, 60).unwrap().age, Duration::ZERO);
    }
}
