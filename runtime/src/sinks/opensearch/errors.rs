//! What an answer means.
//!
//! The error's type decides, then the status: one status covers a full queue that clears in a
//! second, a disk that someone must empty, and a document that will never fit. Taking the first
//! for the last loses documents, taking the last for the first waits for ever, and taking a
//! broken index for broken documents throws the whole table away one by one.

/// What to do about one operation of a bulk request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Applied; a delete of what is not there counts.
    Done,
    /// The index holds a newer version.
    Superseded,
    /// Again, when what it waits for is there.
    Wait(Awaited),
    /// The index is gone.
    Lost,
    /// Every document of the index would fail.
    Configuration,
    /// This document will never be taken.
    Poison,
    /// A fault of the server that may or may not pass: again a few times, then poison.
    Unclear,
}

/// What to do about a whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Read the answer.
    Accepted,
    /// Send the same again, for as long as it takes.
    Wait(Awaited),
    /// Send it in halves.
    TooLarge,
    /// It will not get better: credentials, or not an OpenSearch at all.
    Refused,
    /// Again a few times.
    Unclear,
}

/// What a sink can wait for; nobody is served by giving up on any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// An answer: the server is away, or the way to it is broken.
    Answer,
    /// Its queues or its memory to empty.
    Room,
    /// A node to be elected, or the cluster's state to be recovered.
    Manager,
    /// A primary shard to be started: the index is red.
    Shard,
    /// The disk to be emptied: over the flood stage the server lets nothing be written.
    Disk,
    /// Someone to lift a block set by hand.
    Block,
    /// The server to get over an error of its own.
    Recovery,
}

impl Awaited {
    /// What a person reads after "waiting for".
    pub fn what(self) -> &'static str {
        match self {
            Awaited::Answer => "an answer",
            Awaited::Room => "the server to take more",
            Awaited::Manager => "the cluster to have a manager",
            Awaited::Shard => "a shard of a red index to start",
            Awaited::Disk => "room on the server's disk",
            Awaited::Block => "someone to lift a block on writes",
            Awaited::Recovery => "the server to get over an error",
        }
    }

    /// By a type that passes by itself or a status that says so; none for any other error.
    fn of(status: u16, kind: &str, reason: &str) -> Option<Awaited> {
        Some(match (kind, status) {
            ("cluster_block_exception", 503) => Awaited::Manager,
            // Disk blocks bear these numbers: an index at the flood stage, and the whole cluster
            // closed to new indexes when every node is above the high watermark.
            ("cluster_block_exception", _) => {
                let disk = ["/12/", "/10/cluster create-index"];
                match disk.iter().any(|mark| reason.contains(mark)) {
                    true => Awaited::Disk,
                    false => Awaited::Block,
                }
            }
            ("rejected_execution_exception" | "es_rejected_execution_exception", _)
            | ("circuit_breaking_exception", _) => Awaited::Room,
            ("unavailable_shards_exception" | "no_shard_available_action_exception", _)
            | ("primary_missing_action_exception", _) => Awaited::Shard,
            ("master_not_discovered_exception" | "cluster_manager_not_discovered_exception", _)
            | ("process_cluster_event_timeout_exception", _) => Awaited::Manager,
            ("node_closed_exception" | "node_disconnected_exception", _)
            | ("node_not_connected_exception" | "receive_timeout_transport_exception", _) => {
                Awaited::Answer
            }
            (_, 429) => Awaited::Room,
            (_, 502..=504) => Awaited::Answer,
            _ => return None,
        })
    }
}

/// Types that say that the index, not the document, is at fault.
const CONFIGURATION: [&str; 5] = [
    "index_closed_exception",
    "invalid_index_name_exception",
    "security_exception",
    "routing_missing_exception",
    "action_request_validation_exception",
];

/// Judges one operation by its status, error type and reason.
pub fn item(status: u16, error: Option<(&str, &str)>) -> Verdict {
    let Some((kind, reason)) = error else {
        return match status {
            200..=299 | 404 => Verdict::Done,
            409 => Verdict::Superseded,
            _ => Awaited::of(status, "", "").map_or(Verdict::Unclear, Verdict::Wait),
        };
    };
    if kind == "version_conflict_engine_exception" {
        return Verdict::Superseded;
    }
    if kind == "index_not_found_exception" {
        return Verdict::Lost;
    }
    if CONFIGURATION.contains(&kind) {
        return Verdict::Configuration;
    }
    if let Some(awaited) = Awaited::of(status, kind, reason) {
        return Verdict::Wait(awaited);
    }
    match (kind, status) {
        ("illegal_argument_exception", _) if blames_index(reason) => Verdict::Configuration,
        (_, 401 | 403 | 404) => Verdict::Configuration,
        (_, 500..) => Verdict::Unclear,
        _ => Verdict::Poison,
    }
}

/// `illegal_argument_exception` stands for a bad value and for a bad index.
fn blames_index(reason: &str) -> bool {
    reason.contains("no write index is defined for alias")
        || reason.contains("Limit of total fields")
        || (reason.contains("pipeline with id") && reason.contains("does not exist"))
}

/// Judges a request by its status and, when there is one, the error's type and reason.
pub fn request(status: u16, error: Option<(&str, &str)>) -> Whole {
    let (kind, reason) = error.unwrap_or_default();
    match status {
        200..=299 => Whole::Accepted,
        413 => Whole::TooLarge,
        429 if never_fits(reason) => Whole::TooLarge,
        _ => match Awaited::of(status, kind, reason) {
            Some(awaited) => Whole::Wait(awaited),
            None if matches!(status, 401 | 403 | 404 | 405 | 406 | 501) => Whole::Refused,
            None => Whole::Unclear,
        },
    }
}

/// Whether a request alone is above what the server lets all requests hold in memory. Such a one
/// is refused for ever, in the words of a server that is merely busy:
/// `[…, coordinating_operation_bytes=9, max_coordinating_and_primary_bytes=8]`.
fn never_fits(reason: &str) -> bool {
    let number = |name: &str| {
        let (_, rest) = reason.split_once(name)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u64>().ok()
    };
    let bytes = number("coordinating_operation_bytes=");
    let most = number("max_coordinating_and_primary_bytes=");
    bytes.zip(most).is_some_and(|(bytes, most)| bytes > most)
}

/// The server's words without the values it quotes: they belong to the document, not in a log.
pub fn words(reason: &str) -> String {
    let end =
        [" Preview of field's value", ", all of which were skipped", "The prefix of the first"]
            .iter()
            .filter_map(|mark| reason.find(mark))
            .min()
            .unwrap_or(reason.len());
    let words: String = reason[..end].trim_end().chars().take(500).collect();
    words
}

/// The field that the server blames.
pub fn field(reason: &str) -> Option<&str> {
    [
        ("field [", ']'),
        ("field=\"", '"'),
        ("dynamic introduction of [", ']'),
        ("mapping for [", ']'),
    ]
    .iter()
    .find_map(|(open, close)| {
        let rest = &reason[reason.find(open)? + open.len()..];
        rest.split(*close).next().filter(|name| !name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        use Verdict::*;
        let cases: &[(u16, Option<(&str, &str)>, Verdict)] = &[
            (200, None, Done),
            (201, None, Done),
            (404, None, Done),
            (409, Some(("version_conflict_engine_exception", "current version [9]")), Superseded),
            (429, Some(("rejected_execution_exception", "queue full")), Wait(Awaited::Room)),
            (429, Some(("circuit_breaking_exception", "")), Wait(Awaited::Room)),
            (503, Some(("unavailable_shards_exception", "")), Wait(Awaited::Shard)),
            (503, Some(("cluster_block_exception", "no master")), Wait(Awaited::Manager)),
            (
                429,
                Some(("cluster_block_exception", "[TOO_MANY_REQUESTS/12/disk usage exceeded];")),
                Wait(Awaited::Disk),
            ),
            (
                403,
                Some(("cluster_block_exception", "[FORBIDDEN/8/index write (api)];")),
                Wait(Awaited::Block),
            ),
            (404, Some(("index_not_found_exception", "no such index")), Lost),
            (400, Some(("index_closed_exception", "closed")), Configuration),
            (403, Some(("security_exception", "no permissions")), Configuration),
            (
                400,
                Some((
                    "illegal_argument_exception",
                    "Limit of total fields [1000] has been exceeded",
                )),
                Configuration,
            ),
            (
                400,
                Some(("illegal_argument_exception", "Document contains at least one immense term")),
                Poison,
            ),
            (400, Some(("mapper_parsing_exception", "failed to parse field [n]")), Poison),
            (400, Some(("document_parsing_exception", "[1:2] failed")), Poison),
            (400, Some(("strict_dynamic_mapping_exception", "")), Poison),
            (500, Some(("null_pointer_exception", "")), Unclear),
        ];
        for (status, error, verdict) in cases {
            assert_eq!(item(*status, *error), *verdict, "{status} {error:?}");
        }
    }

    #[test]
    fn requests() {
        let busy = "rejected execution of coordinating operation [coordinating_and_primary_bytes=7, \
                    coordinating_operation_bytes=5, max_coordinating_and_primary_bytes=8]";
        let never = "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, \
                     coordinating_operation_bytes=9, max_coordinating_and_primary_bytes=8]";
        let full = "blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];";
        for (status, error, whole) in [
            (200, None, Whole::Accepted),
            (413, None, Whole::TooLarge),
            (429, Some(("rejected_execution_exception", busy)), Whole::Wait(Awaited::Room)),
            (429, Some(("rejected_execution_exception", never)), Whole::TooLarge),
            (403, Some(("cluster_block_exception", full)), Whole::Wait(Awaited::Disk)),
            (503, None, Whole::Wait(Awaited::Answer)),
            (
                500,
                Some(("process_cluster_event_timeout_exception", "")),
                Whole::Wait(Awaited::Manager),
            ),
            (401, None, Whole::Refused),
            (403, Some(("security_exception", "")), Whole::Refused),
            (404, Some(("index_not_found_exception", "")), Whole::Refused),
            (400, Some(("parse_exception", "")), Whole::Unclear),
            (500, Some(("input_coercion_exception", "")), Whole::Unclear),
        ] {
            assert_eq!(request(status, error), whole, "{status} {error:?}");
        }
    }

    #[test]
    fn words_leave_values_out_and_name_the_field() {
        let reason = "failed to parse field [o.n] of type [integer] in document with id '1'. \
                      Preview of field's value: 'secret'";
        assert_eq!(
            words(reason),
            "failed to parse field [o.n] of type [integer] in document with id '1'."
        );
        assert_eq!(field(reason), Some("o.n"));
        let immense = "Document contains at least one immense term in field=\"k\" (whose UTF8 \
                       encoding is longer than the max length 32766), all of which were skipped. \
                       The prefix of the first immense term is: '[115]...'";
        assert_eq!(field(immense), Some("k"));
        assert!(!words(immense).contains("115"));
        let strict = "mapping set to strict, dynamic introduction of [x] within [_doc] is not \
                      allowed";
        assert_eq!(field(strict), Some("x"));
        assert_eq!(field("busy"), None);
    }
}
