//! How much is sent at once: operations and bytes of a request, and requests on their way.
//!
//! ```text
//!  taken ──► a little more         refused for load ──► half the requests, then half their size
//!  slower than it was ──► fewer    too large ──► half the size, and that large never again
//! ```
//!
//! Growing by little and shrinking by half is what lets several writers share one server (TCP
//! does so). A server with a long queue takes far more than it can do and never refuses; so
//! requests are also taken back when each takes much longer a byte than the quickest did: more of
//! them would only lie in that queue, and take from searches what they do not gain.

use std::time::Duration;

/// Above this, larger requests are not carried out faster and only take memory.
const GOOD_BYTES: usize = 1 << 20;
/// Requests on their way at first, and at most.
const WINDOW: (f64, f64) = (2.0, 16.0);
/// Requests that may lie in the server's queue: below, one more is sent; above, one less.
const QUEUED: (f64, f64) = (1.0, 2.0);
/// Steps in which a halved size comes back.
const STEPS: usize = 16;
/// Full requests after which quickness is learnt afresh: nodes come, go and warm up.
const AFRESH: u32 = 1000;

/// The size of a request. One operation always fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Operations.
    pub ops: usize,
    /// Bytes of the body.
    pub bytes: usize,
}

/// A request as it was sent, to be told what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    size: Size,
    round: u32,
}

/// What one server takes, as learnt so far.
#[derive(Debug)]
pub struct Pace {
    most: Size,
    size: Size,
    /// Least bytes that the server has called too large.
    too_large: usize,
    window: f64,
    /// Seconds a byte, of the quickest full request.
    quickest: f64,
    /// Full requests since that was learnt afresh.
    learnt: u32,
    /// Counts refusals. Requests sent before one say nothing new when they are refused too.
    round: u32,
}

impl Pace {
    /// Within these bounds of a request; zero counts as one.
    pub fn new(ops: usize, bytes: usize) -> Pace {
        let most = Size { ops: ops.max(1), bytes: bytes.clamp(1, GOOD_BYTES) };
        let (window, quickest) = (WINDOW.0, f64::INFINITY);
        Pace { most, size: most, too_large: usize::MAX, window, quickest, learnt: 0, round: 0 }
    }

    /// Of the next request.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Requests that may be on their way.
    pub fn window(&self) -> usize {
        self.window as usize
    }

    /// A request goes out.
    pub fn sent(&self, size: Size) -> Sent {
        Sent { size, round: self.round }
    }

    /// It was carried out in this time.
    pub fn taken(&mut self, sent: Sent, took: Duration) {
        let most = self.most.bytes.min(self.too_large.saturating_sub(1)).max(1);
        let full = sent.size.ops * 2 >= self.size.ops || sent.size.bytes * 2 >= self.size.bytes;
        if !full {
            return;
        }
        self.size.ops = (self.size.ops + self.most.ops.div_ceil(STEPS)).min(self.most.ops);
        self.size.bytes = (self.size.bytes + most.div_ceil(STEPS)).min(most);
        let slowness = took.as_secs_f64() / sent.size.bytes.max(1) as f64;
        self.learnt += 1;
        if self.learnt > AFRESH {
            (self.window, self.quickest, self.learnt) = (WINDOW.0, slowness, 1);
        }
        self.quickest = self.quickest.min(slowness);
        let queued = self.window * (1.0 - self.quickest / slowness);
        if queued < QUEUED.0 {
            self.window = (self.window + 1.0 / self.window).min(WINDOW.1);
        } else if queued > QUEUED.1 {
            self.window = (self.window - 1.0 / self.window).max(WINDOW.0);
        }
    }

    /// It was refused for load, or not answered in time.
    pub fn refused(&mut self, sent: Sent) {
        if sent.round != self.round {
            return;
        }
        self.round += 1;
        if self.window >= 2.0 {
            self.window /= 2.0;
        } else {
            self.size.ops = (self.size.ops / 2).max(1);
            self.size.bytes = (self.size.bytes / 2).max(1);
        }
    }

    /// It is more than the server ever takes.
    pub fn too_large(&mut self, sent: Sent) {
        self.too_large = self.too_large.min(sent.size.bytes);
        self.size.bytes = self.size.bytes.min(sent.size.bytes / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Size = Size { ops: 1000, bytes: 1 << 20 };

    fn pace() -> Pace {
        Pace::new(FULL.ops, 10 << 20)
    }

    fn take(pace: &mut Pace, millis: u64) {
        let sent = pace.sent(pace.size());
        pace.taken(sent, Duration::from_millis(millis));
    }

    #[test]
    fn refusals_of_one_round_halve_once_and_what_is_taken_brings_it_back() {
        let mut pace = pace();
        let sent = [pace.sent(FULL), pace.sent(FULL)];
        sent.iter().for_each(|sent| pace.refused(*sent));
        assert_eq!((pace.window(), pace.size()), (1, FULL));
        pace.refused(pace.sent(FULL));
        assert_eq!(pace.size(), Size { ops: 500, bytes: 1 << 19 });
        (0..9).for_each(|_| take(&mut pace, 10));
        assert_eq!(pace.size(), FULL);
        (0..30).for_each(|_| pace.refused(pace.sent(FULL)));
        assert_eq!(pace.size(), Size { ops: 1, bytes: 1 });
    }

    #[test]
    fn what_was_too_large_is_never_sent_again() {
        let mut pace = pace();
        pace.too_large(pace.sent(Size { ops: 9, bytes: 900_000 }));
        assert_eq!(pace.size().bytes, 450_000);
        (0..100).for_each(|_| take(&mut pace, 10));
        assert_eq!(pace.size().bytes, 899_999);
    }

    /// A server of so many hands, each of which takes 10 ms for a request.
    fn settle(pace: &mut Pace, hands: f64) -> usize {
        for _ in 0..AFRESH {
            let millis = 10.0 * (pace.window() as f64 / hands).max(1.0);
            take(pace, millis as u64);
        }
        pace.window()
    }

    #[test]
    fn requests_in_flight_keep_the_hands_busy_and_no_more() {
        assert!((3..=5).contains(&settle(&mut pace(), 2.0)));
        assert!((9..=11).contains(&settle(&mut pace(), 8.0)));
        assert_eq!(settle(&mut pace(), 64.0), 16);
    }

    #[test]
    fn small_requests_say_nothing_about_the_pace() {
        let mut pace = pace();
        let small = pace.sent(Size { ops: 1, bytes: 100 });
        (0..100).for_each(|_| pace.taken(small, Duration::from_millis(1)));
        assert_eq!(pace.window(), 2);
    }
}
