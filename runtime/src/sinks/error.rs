//! What ends a run at a sink: a sentence that names the place, and what to do about it.

use std::fmt;
use std::time::Duration;

use crate::quarantine::QuarantineError;

/// Why a sink cannot go on. Busy and absent servers are waited for and appear here only while the
/// run is starting up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkError {
    /// The reader of standard output went away: a quiet end with exit code 0, not a fault.
    Closed,
    /// Standard output cannot be written.
    Output {
        /// The system's words.
        reason: String,
    },
    /// The options of a sink cannot be used.
    Options {
        /// The sink.
        sink: String,
        /// What is wrong.
        reason: String,
    },
    /// No usable answer for a long time while starting up.
    Down {
        /// The sink.
        sink: String,
        /// Its address, without credentials.
        address: String,
        /// The last thing that went wrong.
        last: String,
        /// How long it was tried.
        waited: Duration,
    },
    /// The server answers, and says no to more than a single document.
    Refused {
        /// The sink.
        sink: String,
        /// What was asked: method and path, or the logical index.
        what: String,
        /// HTTP status.
        status: u16,
        /// The server's words.
        reason: String,
    },
    /// A document the server will never take, in an index that stops for it.
    Rejected {
        /// The sink.
        sink: String,
        /// Logical index.
        index: String,
        /// Document.
        id: String,
        /// The field at fault, when the server says it.
        field: Option<String>,
        /// The server's words, without the document's values.
        reason: String,
    },
    /// Rejected documents could not be put where they are kept.
    Quarantine(QuarantineError),
    /// A concrete index stands where the alias has to.
    NameTaken {
        /// The sink.
        sink: String,
        /// The alias.
        alias: String,
    },
    /// There is no complete index to read back.
    NotServed {
        /// The sink.
        sink: String,
        /// Logical index.
        index: String,
        /// What is there instead.
        reason: String,
    },
    /// A document for an index that the sink was not prepared for: the caller's mistake.
    Unprepared {
        /// The sink.
        sink: String,
        /// [`IndexId`](flusso_compiler::plan::IndexId) as a number.
        index: u16,
    },
}

impl SinkError {
    /// What a person can do about it; none when there is nothing to do.
    pub fn cure(&self) -> Option<String> {
        Some(match self {
            SinkError::Closed | SinkError::Unprepared { .. } => return None,
            SinkError::Output { .. } => "check where standard output leads".into(),
            SinkError::Options { sink, .. } => format!("correct [sinks.{sink}]"),
            SinkError::Down { sink, .. } => {
                format!("start the server, or correct `url` in [sinks.{sink}]")
            }
            SinkError::Refused { sink, status: 401 | 403, .. } => format!(
                "give [sinks.{sink}] a user that may write documents, make indexes and move \
                 aliases, and see that no index is blocked"
            ),
            SinkError::Refused { sink, status: 404 | 405 | 406 | 501, .. } => format!(
                "see that `url` in [sinks.{sink}] is the base address of an OpenSearch node and \
                 that nobody removed the index"
            ),
            SinkError::Refused { .. } => {
                "correct the index or the server's settings, then start again".into()
            }
            SinkError::Rejected { .. } => "correct the row or the field's type, or set \
                                           on_error = \"skip\" for the index"
                .into(),
            SinkError::NotServed { .. } => "wait until `flusso run` has filled it with this \
                                            version of the schema"
                .into(),
            SinkError::Quarantine(_) => {
                "see that the state folder can be written; no document has been lost".into()
            }
            SinkError::NameTaken { alias, .. } => {
                format!("remove the index `{alias}`, or set another `prefix`")
            }
        })
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SinkError::Closed => f.write_str("the reader of standard output went away"),
            SinkError::Output { reason } => write!(f, "standard output: {reason}"),
            SinkError::Options { sink, reason } => write!(f, "sink `{sink}`: {reason}"),
            SinkError::Down { sink, address, last, waited } => write!(
                f,
                "sink `{sink}`: no use of {address} for {} s; at last: {last}",
                waited.as_secs()
            ),
            SinkError::Refused { sink, what, status, reason } => {
                write!(f, "sink `{sink}`: {what} was refused with {status}: {reason}")
            }
            SinkError::Rejected { sink, index, id, field, reason } => {
                write!(f, "sink `{sink}`: index `{index}`, document `{id}`")?;
                if let Some(field) = field {
                    write!(f, ", field `{field}`")?;
                }
                write!(f, " was rejected: {reason}")
            }
            SinkError::Quarantine(error) => write!(f, "{error}"),
            SinkError::NameTaken { sink, alias } => {
                write!(f, "sink `{sink}`: `{alias}` is an index, and has to be an alias")
            }
            SinkError::NotServed { sink, index, reason } => {
                write!(f, "sink `{sink}`: index `{index}` is not complete: {reason}")
            }
            SinkError::Unprepared { sink, index } => {
                write!(f, "sink `{sink}`: a document for index number {index}, unknown to it")
            }
        }
    }
}

impl std::error::Error for SinkError {}
