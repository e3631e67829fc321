//! `flusso build`: everything a run needs, in one file.

use crate::args::Build;
use crate::deployment::{compile, write_lock};
use crate::failure::Failure;
use crate::output::{Ink, Paint, print};

/// Compiles and writes the lock.
pub fn build(args: Build) -> Result<(), Failure> {
    let deployment = compile(&args.config)?;
    write_lock(&args.out, &deployment.config)?;
    let paint = Paint::stdout();
    let tick = paint.ink(Ink::Green, "✓");
    let count = deployment.config.indexes.len();
    let done = format!("compiled {count} index(es) → {}", args.out.display());
    print(&format!("{tick} {}\n", paint.ink(Ink::Bold, &done)))
}
