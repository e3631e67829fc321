//! The `flusso` binary: words in, words out, exit codes.
//!
//! 0 is a good end, 1 what went wrong with a sentence on stderr, 2 a command line that cannot be
//! understood. Each command is one file; this one only finds it.

mod allocator;
mod args;
mod build;
mod catalog;
mod check;
mod database;
mod deployment;
mod failure;
mod init;
mod output;
mod panic;
mod plan;
mod preview;
mod quarantine;
mod remote;
mod run;
mod schema;
mod sinks;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use flusso_runtime::telemetry::{self, Form};

use args::{Arguments, Command};
use failure::{Failure, because};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Command::Run(_) = arguments.command {
        allocator::settle();
    }
    panic::install();
    telemetry::start(match arguments.command {
        Command::Run(_) => Form::by_terminal(),
        _ => Form::Human,
    });
    match command(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn command(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => wait(init::init(args)),
        Command::Preview(args) => wait(preview::preview(args)),
        Command::Check(args) => wait(check::check(args)),
        Command::Plan(args) => wait(plan::plan(args)),
        Command::Build(args) => build::build(args),
        Command::Catalog(args) => wait(catalog::catalog(args)),
        Command::Run(args) => wait(run::run(args)),
        Command::Verify(args) => wait(verify::verify(args)),
        Command::Indexes(args) => wait(remote::indexes(args)),
        Command::Reindex(args) => wait(remote::reindex(args)),
        Command::Quarantine(args) => wait(quarantine::quarantine(args)),
        Command::Schema(args) => schema::schema(args.file),
    }
}

/// Runs a command that waits for others; what it leaves running ends with the process.
fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let threads = threads.map_err(|error| because(format!("no threads: {error}")))?;
    let result = threads.block_on(work);
    threads.shutdown_background();
    result
}
