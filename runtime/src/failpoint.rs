//! Named points in the code where a test ends the process, as `kill -9` would.
//!
//! `FLUSSO_FAIL_AT=name` aborts at the first passing of that point, `name:n` at the n-th. Only
//! builds with debug assertions have them, which tests use and releases are not: so one build
//! serves all tests, and what is shipped cannot be told to die. By the same rule
//! `FLUSSO_STDOUT_LSN=true` puts the LSN into the lines on standard output, whose format has none.
//!
//! | point | where |
//! | --- | --- |
//! | `copy` | a piece of a table has been handed on |
//! | `fill` | documents of a first fill are in a sink |
//! | `reindex` | documents of a later fill are in a sink |
//! | `delivered` | documents of a change are in a sink, nothing is committed |
//! | `settled` | what was delivered is about to be committed |
//! | `committed` | the state has it, the slot is about to be confirmed |

/// Passes a point.
#[cfg(debug_assertions)]
pub fn pass(point: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let wanted = std::env::var("FLUSSO_FAIL_AT").ok()?;
        let (point, n) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        Some((point.to_owned(), AtomicU64::new(n.parse().ok()?)))
    });
    if let Some((wanted, left)) = &*WANTED
        && wanted == point
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        eprintln!("ends here: {point}");
        std::process::abort();
    }
}

/// Nothing, in a release.
#[cfg(not(debug_assertions))]
pub fn pass(_point: &str) {}

/// Whether lines on standard output tell the commit of their document.
#[cfg(debug_assertions)]
pub fn shows_lsn() -> bool {
    static SHOWS: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        std::env::var("FLUSSO_STDOUT_LSN").is_ok_and(|it| it == "true")
    });
    *SHOWS
}

/// Not in a release.
#[cfg(not(debug_assertions))]
pub fn shows_lsn() -> bool {
    false
}
