//! Long work seen from outside: a bar on a terminal, otherwise a log line every few seconds.
//!
//! How much is done is read from counters by whoever draws, so the work itself never waits for a
//! terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::telemetry::bars;
use crate::work::Work;

/// Between two log lines.
const EVERY: Duration = Duration::from_secs(5);

/// What takes less is not long work.
const LONG: Duration = Duration::from_secs(1);

/// A piece of work under way, and how it is shown.
pub struct Progress {
    /// Its numbers.
    pub work: Work,
    /// `copying`, `filling`.
    name: &'static str,
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows work that begins now.
    pub fn new(name: &'static str, work: Work) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = bars().add(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
            bar.set_message(name);
            bar.set_style(style(false));
            bar
        });
        Progress { work, name, told: Instant::now(), bar }
    }

    /// So much is done, of so much if that is known.
    pub fn at(&mut self, done: u64, of: Option<u64>) {
        self.work.at(done, of);
        let of = self.work.of;
        if let Some(bar) = &self.bar {
            if bar.length() != of {
                bar.set_style(style(of.is_some()));
                of.map_or_else(|| bar.unset_length(), |of| bar.set_length(of));
            }
            bar.set_position(done);
        } else if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            tracing::info!("{}: {}", self.name, sentence(&self.work));
        }
    }

    /// It is finished; what did not take long is not spoken of.
    pub fn end(&mut self, done: u64) {
        self.work.end(done);
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            bars().remove(&bar);
        }
        let took = self.work.took();
        if took >= LONG {
            let (name, unit, rate) = (self.name, self.work.unit, rate(&self.work));
            let (done, took) = (HumanCount(done), took.as_secs_f64());
            tracing::info!("{name} done: {done} {unit} in {took:.1} s, {rate}/s");
        }
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

fn rate(work: &Work) -> HumanCount {
    HumanCount(work.rate() as u64)
}

/// `1,200,000 of 3,000,000 rows (40%), 240,000/s, 8 seconds left`
fn sentence(work: &Work) -> String {
    let (done, unit, rate) = (HumanCount(work.done), work.unit, rate(work));
    match work.of.filter(|of| *of > 0).zip(work.left()) {
        Some((of, left)) => {
            let share = work.done * 100 / of;
            let (of, left) = (HumanCount(of), HumanDuration(left));
            format!("{done} of {of} {unit} ({share}%), {rate}/s, {left} left")
        }
        None => format!("{done} {unit}, {rate}/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_share_rate_and_time_left() {
        let mut work = Work::lasting(Duration::from_secs(5));
        work.at(1_200_000, Some(3_000_000));
        let known = "1,200,000 of 3,000,000 rows (40%), 240,000/s, 8 seconds left";
        assert_eq!(sentence(&work), known);
        work.at(10, None);
        assert_eq!(sentence(&work), "10 rows, 2/s");
    }
}
