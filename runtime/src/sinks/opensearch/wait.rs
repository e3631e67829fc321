//! How to wait before the next attempt, and what to say meanwhile.
//!
//! Waits are drawn at random below a bound that doubles, so that many writers thrown off by one
//! restart do not come back at one moment. A reason to wait is logged once, when it has lasted a
//! moment: a busy server refuses and takes in turns, and no log should follow that.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use super::errors::Awaited;
use crate::waits::Waits;

/// Bound of the first wait.
const FIRST: Duration = Duration::from_millis(100);
/// Bound of the longest. One request a sink asks again at a time, so asking often harms nobody.
const LONGEST: Duration = Duration::from_secs(5);
/// A wait shorter than this is not worth a line.
const QUIET: Duration = Duration::from_secs(1);

/// Why an attempt came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What has to change.
    pub awaited: Awaited,
    /// The server's words, or the network's.
    pub words: String,
}

/// Attempts in a row that came to nothing.
#[derive(Debug, Default)]
pub struct Backoff {
    since: Option<Instant>,
    attempts: u32,
    said: Option<Awaited>,
}

impl Backoff {
    /// Since the first of them.
    pub fn waited(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Sleeps before the next attempt, having said what for.
    pub async fn pause(&mut self, sink: &str, address: &str, trouble: &Trouble, waits: &Waits) {
        let Trouble { awaited, words } = trouble;
        self.since.get_or_insert_with(Instant::now);
        if self.said != Some(*awaited) && self.waited() >= QUIET {
            self.said = Some(*awaited);
            tracing::warn!(sink, address, "waiting for {}: {words}", awaited.what());
        }
        waits.begin(&format!("{}: {words}", awaited.what()));
        let bound = FIRST.saturating_mul(1 << self.attempts.min(9)).min(LONGEST);
        self.attempts += 1;
        tokio::time::sleep(bound.mul_f64(chance())).await;
    }

    /// An attempt came through: the next trouble is a new one.
    pub fn over(&mut self, sink: &str, waits: &Waits) {
        if self.said.is_some() {
            tracing::info!(sink, "goes on after {} s", self.waited().as_secs());
        }
        if self.since.is_some() {
            waits.end();
        }
        *self = Backoff::default();
    }
}

/// Evenly between 0 and 1. The seed of a hash map is chance enough to spread waits.
fn chance() -> f64 {
    let drawn = RandomState::new().build_hasher().finish() >> 32;
    drawn as f64 / f64::from(u32::MAX)
}
