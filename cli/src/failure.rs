//! Why a command ends with 1, and what is said about it.

use std::process::ExitCode;

use flusso_runtime::telemetry;

/// The end of a command that did not do what was asked.
#[derive(Debug, PartialEq)]
pub enum Failure {
    /// Findings in the user's files, rendered with places.
    Files(String),
    /// A sentence, and what can be done.
    Because(String),
    /// The reader of standard output went away: nobody is left to tell.
    Unread,
}

impl Failure {
    /// Says it on stderr and gives the exit code.
    pub fn report(self) -> ExitCode {
        match self {
            Failure::Files(text) => telemetry::last_words("", text.trim_end()),
            Failure::Because(sentence) => telemetry::last_words("error: ", &sentence),
            Failure::Unread => return ExitCode::SUCCESS,
        }
        ExitCode::FAILURE
    }
}

/// Any typed error as a sentence.
pub fn because(error: impl std::fmt::Display) -> Failure {
    Failure::Because(error.to_string())
}
