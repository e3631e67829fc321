//! What can go wrong with the source, and whether trying again can help.
//!
//! A closed list of failures is definite: the settings, the rights or the tables must be changed
//! by someone, so the run ends with a sentence and a cure. Everything unknown counts as passing
//! and is tried again with backoff, because the slot keeps what was not confirmed.

use std::fmt;

use super::changed::{Changed, PublicationChanged};
use super::preflight::Problem;
use crate::store::StateError;

/// What the server said, as `ErrorResponse` and `NoticeResponse` carry it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ServerMessage {
    /// SQLSTATE, five characters.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What the server advises.
    pub hint: Option<String>,
    /// Whether logical decoding is what it cannot do: told by the server's function that said so,
    /// whose name is in no language.
    pub decoding: bool,
}

/// The function that checks whether a server can decode.
pub(crate) const DECODING: &str = "CheckLogicalDecodingRequirements";

impl fmt::Display for ServerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)?;
        for more in [&self.detail, &self.hint].into_iter().flatten() {
            write!(f, "; {more}")?;
        }
        Ok(())
    }
}

/// Why capturing could not start or did not go on.
#[derive(Clone, Debug, PartialEq)]
pub enum CaptureError {
    /// The connection settings cannot be used.
    Settings(String),
    /// No connection could be made.
    Absent {
        /// Where, and the system's words.
        cause: String,
    },
    /// A connection ended.
    Lost {
        /// What was being done, as a gerund: "copying rows".
        during: &'static str,
        /// The system's words.
        cause: String,
    },
    /// The server refused.
    Server {
        /// What was being done.
        during: &'static str,
        /// Its words.
        said: ServerMessage,
    },
    /// The server sent what the protocol does not allow.
    Protocol(String),
    /// What must be changed before capturing can start.
    Problems(Vec<Problem>),
    /// Somebody else streams from the slot or is about to.
    SlotBusy {
        /// The slot.
        slot: String,
        /// Who holds it.
        holder: String,
    },
    /// Transactions that were open before us keep a slot from being made.
    Blocked {
        /// Each transaction, as an operator finds it.
        by: Vec<String>,
    },
    /// A table changed so that the rows we hold no longer say what it holds.
    Changed {
        /// The table.
        table: String,
        /// What happened and what to do.
        how: Changed,
    },
    /// The publication changed.
    Publication {
        /// The publication.
        publication: String,
        /// What happened.
        how: PublicationChanged,
    },
    /// The stream cannot continue from where it stopped; a new copy must be made.
    Gap(Gap),
    /// The rows cannot be kept.
    State(StateError),
    /// Nobody takes the rows any more.
    Abandoned,
}

/// Why there is no way on from where the stream stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The slot is not there.
    SlotDropped {
        /// The slot.
        slot: String,
    },
    /// Postgres has forgotten what the slot should have kept.
    SlotLost {
        /// The slot.
        slot: String,
        /// Postgres' word for why, from 17 on: `wal_removed`.
        why: Option<String>,
        /// `max_slot_wal_keep_size` in bytes.
        limit: Option<i64>,
        /// `idle_replication_slot_timeout` in seconds.
        idle: Option<i64>,
    },
    /// Somebody confirmed what we had not read.
    SlotMoved {
        /// The slot.
        slot: String,
    },
    /// Another server answers, or another database of the same name.
    OtherServer,
    /// The server's WAL ends before what was read.
    BackInTime,
    /// The server took another way before what was read.
    Timeline {
        /// The timeline it is on.
        now: u32,
        /// Where it left ours, as Postgres writes it.
        left: String,
        /// Up to where we had read.
        read: String,
    },
    /// Postgres left changes out and said so.
    LeftOut(ServerMessage),
    /// Postgres does not start the stream again.
    Refused(ServerMessage),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gap::SlotDropped { slot } => write!(
                f,
                "the replication slot `{slot}` is gone: somebody dropped it, or a standby that \
                 does not have it was promoted"
            ),
            Gap::SlotLost { slot, why, limit, idle } => {
                write!(f, "Postgres has given up the replication slot `{slot}`")?;
                why.iter().try_for_each(|why| write!(f, " ({why})"))?;
                match (why.as_deref(), limit, idle) {
                    (None | Some("wal_removed"), Some(limit), _) => write!(
                        f,
                        ": more WAL was written than max_slot_wal_keep_size = {0}MB lets it keep; \
                         run ALTER SYSTEM SET max_slot_wal_keep_size = '{1}MB'; SELECT \
                         pg_reload_conf()",
                        limit >> 20,
                        (limit >> 20) * 2
                    ),
                    (Some("idle_timeout"), _, Some(idle)) => write!(
                        f,
                        ": nobody read it for longer than idle_replication_slot_timeout = {idle}s \
                         allows; let that be longer than flusso is ever away or copies tables, as with \
                         ALTER SYSTEM SET idle_replication_slot_timeout = '{}s'; SELECT \
                         pg_reload_conf()",
                        idle * 2
                    ),
                    _ => Ok(()),
                }
            }
            Gap::SlotMoved { slot } => write!(
                f,
                "somebody else has moved the replication slot `{slot}` past what was read; let \
                 nobody else use it, or choose another `--slot`"
            ),
            Gap::OtherServer => f.write_str(
                "the connection now leads to another database than the rows were copied from; \
                 look at `connection_url`",
            ),
            Gap::BackInTime => f.write_str(
                "the server has gone back in time: its WAL ends before what was read, as after \
                 restoring a backup",
            ),
            Gap::Timeline { now, left, read } => write!(
                f,
                "the server is on timeline {now}, which left the one that was read at {left}, \
                 before {read}: what was read after that is undone there"
            ),
            Gap::LeftOut(said) => write!(f, "Postgres left changes out: {said}"),
            Gap::Refused(said) => write!(f, "Postgres cannot continue the stream: {said}"),
        }
    }
}

impl CaptureError {
    /// Wraps an error of a tokio-postgres call.
    pub(crate) fn sql(during: &'static str) -> impl Fn(tokio_postgres::Error) -> CaptureError {
        move |error| match error.as_db_error() {
            Some(db) => CaptureError::Server {
                during,
                said: ServerMessage {
                    code: db.code().code().to_owned(),
                    message: db.message().to_owned(),
                    decoding: db.routine() == Some(DECODING),
                    detail: db.detail().map(str::to_owned),
                    hint: db.hint().map(str::to_owned),
                },
            },
            None => CaptureError::Lost { during, cause: chain(&error) },
        }
    }

    /// Wraps an error of a socket.
    pub(crate) fn io(during: &'static str) -> impl Fn(std::io::Error) -> CaptureError {
        move |error| CaptureError::Lost { during, cause: chain(&error) }
    }

    /// Whether a connection that was there has gone, or the server is going or coming.
    pub fn is_broken(&self) -> bool {
        match self {
            CaptureError::Lost { .. } => true,
            // admin_shutdown, crash_shutdown, cannot_connect_now
            CaptureError::Server { said, .. } => {
                matches!(said.code.as_str(), "57P01" | "57P02" | "57P03")
            }
            _ => false,
        }
    }

    /// Whether the same attempt may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            CaptureError::Lost { .. } | CaptureError::Absent { .. } => true,
            CaptureError::SlotBusy { .. } => true,
            CaptureError::Blocked { .. } => true,
            CaptureError::Server { said, .. } => !is_definite(&said.code) || in_recovery(said),
            CaptureError::Settings(_)
            | CaptureError::Protocol(_)
            | CaptureError::Problems(_)
            | CaptureError::Changed { .. }
            | CaptureError::Publication { .. }
            | CaptureError::Gap(_)
            | CaptureError::State(_)
            | CaptureError::Abandoned => false,
        }
    }
}

/// The SQLSTATEs that stay until somebody acts.
fn is_definite(code: &str) -> bool {
    matches!(
        code,
        // The slot or the publication is missing, or the slot has lost its WAL.
        "42704" | "55000"
        // Settings: the plugin, the snapshot, the protocol, the table, the column.
        | "22023" | "0A000" | "42P01" | "42703"
        // Rights, the password, the database.
        | "42501" | "28000" | "28P01" | "3D000"
        // No room for another slot.
        | "53400"
    )
}

/// A standby that will be promoted decodes nothing yet; what else is not supported stays so.
fn in_recovery(said: &ServerMessage) -> bool {
    said.code == "0A000" && said.decoding
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaptureError::Settings(what) => write!(f, "{what}"),
            CaptureError::Absent { cause } => {
                write!(f, "the connection to Postgres failed while connecting: {cause}")
            }
            CaptureError::Lost { during, cause } => {
                write!(f, "the connection to Postgres failed while {during}: {cause}")
            }
            CaptureError::Server { during, said } => {
                write!(f, "Postgres refused while {during}: {said}")?;
                match cure(&said.code) {
                    Some(cure) => write!(f, "; {cure}"),
                    None => Ok(()),
                }
            }
            CaptureError::Protocol(what) => write!(f, "Postgres sent {what}"),
            CaptureError::Problems(problems) => {
                f.write_str("Postgres is not ready for replication")?;
                problems.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
            CaptureError::SlotBusy { slot, holder } => write!(
                f,
                "the replication slot `{slot}` is in use by {holder}; \
                 one flusso runs on a slot, so stop that one or choose another `--slot`"
            ),
            CaptureError::Blocked { by } => {
                f.write_str("a replication slot waits for transactions that are open; end them:")?;
                by.iter().try_for_each(|one| write!(f, "\n  - {one}"))
            }
            CaptureError::Changed { table, how } => write!(f, "table {table} {how}"),
            CaptureError::Publication { publication, how } => {
                write!(f, "publication {publication} {how}; start again to copy the tables anew")
            }
            CaptureError::Gap(what) => {
                write!(f, "{what}; start with `--rebuild-state` to copy the tables anew")
            }
            CaptureError::State(error) => write!(f, "{error}"),
            CaptureError::Abandoned => f.write_str("nobody takes the captured rows any more"),
        }
    }
}

impl std::error::Error for CaptureError {}

impl From<StateError> for CaptureError {
    fn from(error: StateError) -> CaptureError {
        CaptureError::State(error)
    }
}

/// What to do about an SQLSTATE whose own words leave it open.
fn cure(code: &str) -> Option<&'static str> {
    match code {
        "28P01" | "28000" => Some("look at the user and password of `connection_url`"),
        "3D000" => Some("look at the database of `connection_url`"),
        "42501" => Some("give the role of `connection_url` its rights back"),
        "53300" => Some("raise `max_connections` or `max_wal_senders`, or close other sessions"),
        "53400" => Some("raise `max_replication_slots`, or drop slots nobody uses"),
        "53100" => Some("make room on the server's disk"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str) -> CaptureError {
        let said = ServerMessage { code: code.into(), message: "no".into(), ..Default::default() };
        CaptureError::Server { during: "streaming", said }
    }

    #[test]
    fn only_a_closed_list_is_definite() {
        for code in ["57P01", "57P03", "55006", "53300", "08006", "XX000", "58P01", "99999"] {
            assert!(server(code).is_transient(), "{code}");
        }
        for code in ["42704", "55000", "22023", "42501", "28P01", "3D000", "53400"] {
            assert!(!server(code).is_transient(), "{code}");
        }
        assert!(!CaptureError::Gap(Gap::OtherServer).is_transient());
        assert!(!server("0A000").is_transient());
        let code = "0A000".to_owned();
        let said = ServerMessage { code, decoding: true, ..Default::default() };
        assert!(CaptureError::Server { during: "streaming", said }.is_transient());
    }

    #[test]
    fn a_server_that_goes_or_comes_was_there() {
        for code in ["57P01", "57P02", "57P03"] {
            assert!(server(code).is_broken(), "{code}");
        }
        let cause = "127.0.0.1:1: refused".to_owned();
        let absent = CaptureError::Absent { cause };
        assert!(!server("28P01").is_broken() && !absent.is_broken() && absent.is_transient());
    }

    #[test]
    fn messages_carry_the_code_and_the_cure() {
        let text = server("28P01").to_string();
        assert!(text.contains("28P01") && text.contains("connection_url"), "{text}");
    }
}
