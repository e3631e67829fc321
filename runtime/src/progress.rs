//! Long work seen from outside: a bar on a terminal, otherwise a log line every few seconds.
//!
//! One [`Progress`] is one piece of work with an end: copying the tables, filling the indexes.
//! How much is done is read from the status by whoever draws, so the work itself never waits for
//! a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::telemetry::bars;

/// Between two log lines.
const EVERY: Duration = Duration::from_secs(5);

/// What takes less is not long work.
const LONG: Duration = Duration::from_secs(1);

/// A piece of work under way.
pub struct Progress {
    what: &'static str,
    unit: &'static str,
    began: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Work that begins now: `copying`, counted in `rows`.
    pub fn new(what: &'static str, unit: &'static str) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = bars().add(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
            bar.set_message(what);
            bar.set_style(style(false));
            bar
        });
        let now = Instant::now();
        Progress { what, unit, began: now, told: now, bar }
    }

    /// So much is done, of so much if that is known.
    pub fn at(&mut self, done: u64, of: Option<u64>) {
        // An estimate that was overtaken says nothing.
        let of = of.filter(|of| *of >= done);
        if let Some(bar) = &self.bar {
            if bar.length() != of {
                bar.set_style(style(of.is_some()));
                of.map_or_else(|| bar.unset_length(), |of| bar.set_length(of));
            }
            bar.set_position(done);
        } else if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            tracing::info!("{}", sentence(self.what, self.unit, done, of, self.began.elapsed()));
        }
    }

    /// It is finished; what did not take long is not spoken of.
    pub fn end(self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            bars().remove(bar);
        }
        let took = self.began.elapsed();
        if took < LONG {
            return;
        }
        let rate = rate(done, took);
        let (what, unit, done) = (self.what, self.unit, HumanCount(done));
        tracing::info!("{what} done: {done} {unit} in {:.1} s, {rate}/s", took.as_secs_f64());
    }
}

impl Drop for Progress {
    /// Work that was given up leaves no bar behind.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(known: bool) -> ProgressStyle {
    let known = match known {
        true => {
            "{msg:>12} [{bar:30}] {percent:>3}%  {human_pos}/{human_len}  {per_sec}  {eta} left"
        }
        false => "{msg:>12} {spinner} {human_pos}  {per_sec}",
    };
    // The templates are constants; if one were wrong, a plain bar would be drawn.
    ProgressStyle::with_template(known).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn rate(done: u64, took: Duration) -> HumanCount {
    HumanCount((done as f64 / took.as_secs_f64().max(0.001)) as u64)
}

/// `copying: 1,200,000 of 3,000,000 rows (40%), 240,000/s, 8 seconds left`
fn sentence(what: &str, unit: &str, done: u64, of: Option<u64>, took: Duration) -> String {
    let speed = rate(done, took);
    let at = HumanCount(done);
    match of.filter(|of| *of > 0) {
        Some(of) => {
            let share = done * 100 / of;
            let left = took.mul_f64((of - done) as f64 / done.max(1) as f64);
            let (of, left) = (HumanCount(of), HumanDuration(left));
            format!("{what}: {at} of {of} {unit} ({share}%), {speed}/s, {left} left")
        }
        None => format!("{what}: {at} {unit}, {speed}/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_share_rate_and_time_left() {
        let took = Duration::from_secs(5);
        let known = sentence("copying", "rows", 1_200_000, Some(3_000_000), took);
        assert_eq!(known, "copying: 1,200,000 of 3,000,000 rows (40%), 240,000/s, 8 seconds left");
        assert_eq!(sentence("copying", "rows", 10, None, took), "copying: 10 rows, 2/s");
    }
}
