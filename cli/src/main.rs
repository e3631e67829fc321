//! The `flusso` binary: words in, words out, exit codes.

mod args;
use clap::Parser;

fn main() {
    let a = args::Arguments::parse();
    eprintln!("{a:?}");
}
