//! What is being waited for, told while it lasts: a server that is away, a disk that is full.
//!
//! Whoever waits says so and says when it is over; `/status` and `/metrics` read it. The first
//! reason's moment stays while reasons change, so that the age of a trouble can be seen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One place where something may be waited for.
#[derive(Debug, Default)]
pub struct Waits(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    now: Option<(String, Instant)>,
    begun: u64,
}

/// A wait under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// Who waits: `postgres`, `sink search`.
    pub who: String,
    /// For what, in the words of whoever is waited for.
    pub what: String,
    /// For how long so far.
    pub since: Duration,
}

impl Waits {
    /// An attempt has failed, and another will be made.
    pub fn begin(&self, what: &str) {
        let mut waiting = self.lock();
        waiting.begun += 1;
        let since = waiting.now.take().map_or_else(Instant::now, |(_, since)| since);
        waiting.now = Some((what.to_owned(), since));
    }

    /// It goes on.
    pub fn end(&self) {
        self.lock().now = None;
    }

    /// Attempts that have failed so far.
    pub fn begun(&self) -> u64 {
        self.lock().begun
    }

    /// What is waited for now.
    pub fn now(&self, who: &str) -> Option<Wait> {
        let waiting = self.lock();
        let (what, since) = waiting.now.as_ref()?;
        Some(Wait { who: who.to_owned(), what: what.clone(), since: since.elapsed() })
    }

    /// Every operation leaves it whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_until_it_ends_and_counted_after() {
        let waits = Waits::default();
        assert_eq!(waits.now("x"), None);
        waits.begin("connection refused");
        waits.begin("503");
        let now = waits.now("sink search").unwrap();
        assert_eq!((now.who.as_str(), now.what.as_str()), ("sink search", "503"));
        waits.end();
        assert_eq!((waits.now("x"), waits.begun()), (None, 2));
    }
}
