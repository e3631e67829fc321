//! Keeps the process within its memory: reading slows as the budget fills, and the run ends with
//! a sentence before the kernel ends it without one.
//!
//! What counts is what the kernel counts, memory of the process that no file backs: arrangements,
//! rows, documents under way and what sorting and merging take for a while. What an end is blamed
//! on is what the dataflow counts, the bytes of each kept thing.

use std::fmt;
use std::time::{Duration, Instant};

use crate::status::Status;

/// The part of the budget from which on reading is slowed.
const SOFT: f64 = 0.85;
/// Between two looks at what is used.
const EVERY: Duration = Duration::from_millis(20);
/// How long is waited after a look where the budget ends; before that, in proportion.
const LONGEST: Duration = Duration::from_millis(500);
/// Things named when it does not suffice.
const NAMED: usize = 3;

/// The budget used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Bytes allowed.
    pub budget: u64,
    /// Bytes used.
    pub used: u64,
    /// The largest kept things, by name, with their bytes.
    pub largest: Vec<(String, u64)>,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, budget) = (Size(self.used), Size(self.budget));
        write!(f, "memory is used up: {used} of the {budget} that --memory-budget allows")?;
        for (at, (name, bytes)) in self.largest.iter().enumerate() {
            let word = if at == 0 { "; the largest kept things are" } else { "," };
            write!(f, "{word} {name} ({})", Size(*bytes))?;
        }
        f.write_str("; allow more, or let documents read fewer rows and columns")
    }
}

impl std::error::Error for Exhausted {}

/// The guard of a budget, asked before each batch is taken in.
pub struct Guard {
    budget: u64,
    looked: Instant,
}

impl Guard {
    /// Of so many bytes.
    pub fn new(budget: u64) -> Guard {
        Guard { budget, looked: Instant::now() }
    }

    /// Lets a batch pass at once, or later, or not at all.
    pub fn pass(&mut self, status: &Status) -> Result<(), Exhausted> {
        if self.looked.elapsed() < EVERY {
            return Ok(());
        }
        self.looked = Instant::now();
        let Some(used) = used() else { return Ok(()) };
        match pause(used, self.budget) {
            Some(Duration::ZERO) => Ok(()),
            Some(pause) => {
                std::thread::sleep(pause);
                Ok(())
            }
            None => Err(self.exhausted(used, status)),
        }
    }

    fn exhausted(&self, used: u64, status: &Status) -> Exhausted {
        let kept = status.read().reading.kept;
        let mut largest: Vec<_> = kept.into_iter().map(|it| (it.name, it.bytes)).collect();
        largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        largest.truncate(NAMED);
        Exhausted { budget: self.budget, used, largest }
    }
}

/// How long to wait with so much of a budget used; none when it is used up.
fn pause(used: u64, budget: u64) -> Option<Duration> {
    let (used, budget) = (used as f64, budget as f64);
    if used >= budget {
        return None;
    }
    let beyond = (used - budget * SOFT) / (budget * (1.0 - SOFT));
    Some(LONGEST.mul_f64(beyond.clamp(0.0, 1.0)))
}

/// Bytes of the process that no file backs; none where the system does not tell.
pub fn used() -> Option<u64> {
    // Pages: all, resident, of those shared with files.
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = statm.split_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(shared) * PAGE)
}

/// What `statm` counts in, on every machine flusso is built for.
const PAGE: u64 = 4096;

/// Bytes that this process may have at most: the machine's, or the container's when it has less.
pub fn available() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let limits = groups().into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(path).ok()?;
        // A group without a limit says `max`, or a number beyond any machine.
        text.trim().parse::<u64>().ok()
    });
    limits.chain(machine).min()
}

/// Files that may hold a limit: of the process's own group and of those above it.
fn groups() -> Vec<String> {
    let mut files = vec!["/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned()];
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let mut path = own.trim_end_matches('/');
    loop {
        files.push(format!("/sys/fs/cgroup{path}/memory.max"));
        match path.rsplit_once('/') {
            Some((above, _)) => path = above,
            None => return files,
        }
    }
}

/// `MemTotal` in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim_end().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Bytes as a person reads them.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 as f64 / f64::from(1 << 20) {
            mega if mega < 1024.0 => write!(f, "{mega:.0} MiB"),
            mega => write!(f, "{:.1} GiB", mega / 1024.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_towards_the_end_of_the_budget() {
        assert_eq!(pause(0, 1000), Some(Duration::ZERO));
        assert_eq!(pause(850, 1000), Some(Duration::ZERO));
        let later = pause(925, 1000).unwrap();
        assert!(later > Duration::ZERO && later < pause(990, 1000).unwrap());
        assert_eq!(pause(1000, 1000), None);
    }

    #[test]
    fn the_end_names_the_largest_things() {
        let largest = vec![("orders[user_id]".to_owned(), 3 << 30), ("users".to_owned(), 5 << 20)];
        let told = Exhausted { budget: 4 << 30, used: 4 << 30, largest };
        assert_eq!(
            told.to_string(),
            "memory is used up: 4.0 GiB of the 4.0 GiB that --memory-budget allows; the largest \
             kept things are orders[user_id] (3.0 GiB), users (5 MiB); allow more, or let \
             documents read fewer rows and columns"
        );
    }

    #[test]
    fn the_machine_tells_what_it_has() {
        assert_eq!(total("MemTotal:       16303428 kB\nMemFree: 1 kB\n"), Some(16_303_428 * 1024));
        let (used, available) = (used().unwrap(), available().unwrap());
        assert!(0 < used && used < available);
    }
}
