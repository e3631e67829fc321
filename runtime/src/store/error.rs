//! What can be wrong with a state folder, each with its cure.

use std::fmt;
use std::path::PathBuf;

/// Why the state cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateError {
    /// The folder cannot be made or written.
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        cause: String,
    },
    /// Another process has it.
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds other things.
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Written by a version after this one.
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// What is in it is not what was written.
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// It belongs to another database, server or slot.
    Elsewhere {
        /// The folder.
        path: PathBuf,
        /// In what they differ.
        what: String,
    },
    /// Reading or writing failed.
    Failed {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        cause: String,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Unwritable { path, cause } => write!(
                f,
                "the state folder {} cannot be written: {cause}; name one that can with \
                 `--state-dir`, or keep no state with `--state-dir none`",
                path.display()
            ),
            StateError::Taken { path } => write!(
                f,
                "another flusso uses the state folder {}; stop that one or choose another with \
                 `--state-dir`",
                path.display()
            ),
            StateError::Foreign { path } => write!(
                f,
                "{} holds something else than the state of a flusso; choose another folder with \
                 `--state-dir`, or empty it",
                path.display()
            ),
            StateError::Newer { path, format } => write!(
                f,
                "the state in {} has format {format}, written by a newer flusso; run that one, or \
                 start with `--rebuild-state` to copy the tables anew",
                path.display()
            ),
            StateError::Damaged { path, what } => write!(
                f,
                "the state in {} is damaged: {what}; start with `--rebuild-state` to copy the \
                 tables anew",
                path.display()
            ),
            StateError::Elsewhere { path, what } => write!(
                f,
                "the state in {} is not of this database: {what}; choose another folder with \
                 `--state-dir`, or start with `--rebuild-state` to copy the tables anew",
                path.display()
            ),
            StateError::Failed { path, cause } => write!(
                f,
                "the state in {} cannot be kept: {cause}; make room and start again, nothing is lost",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StateError {}
