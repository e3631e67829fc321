//! The allocator, and how it is told to keep what it has.
//!
//! By default mimalloc gives freed pages back within 10 ms and takes them again a moment later:
//! while tables are copied, half of the time goes into pages the kernel has to clear again. Huge
//! pages cost a fifth more memory and gain nothing here. It reads its settings from the
//! environment before `main`, so the process replaces itself once with them set; what a user has
//! set stays.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Many small packed rows are made and freed by many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds until freed pages are given back; whether huge pages are used.
const SETTINGS: [(&str, &str); 2] = [("MIMALLOC_PURGE_DELAY", "1000"), ("MIMALLOC_ALLOW_THP", "0")];

/// Starts this process anew with the settings, under the same pid. Goes on without where that
/// cannot be done.
pub fn settle() {
    let wanted = SETTINGS.iter().filter(|(name, _)| std::env::var_os(name).is_none());
    let wanted: Vec<_> = wanted.collect();
    if let (false, Ok(this)) = (wanted.is_empty(), std::env::current_exe()) {
        let mut arguments = std::env::args_os();
        let mut command = Command::new(this);
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        for (name, value) in wanted {
            command.env(name, value);
        }
        // It returns only when it has failed.
        let _ = command.args(arguments).exec();
    }
}
