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
    /// Busy or away: again soon.
    Transient,
    /// Blocked until someone acts (disk full, index read-only): again, slowly.
    Slow,
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
    Transient,
    /// As [`Whole::Transient`], and smaller after a few times: a request above the server's memory
    /// limit is refused for ever.
    Busy,
    /// Send it in halves.
    TooLarge,
    /// It will not get better: credentials, or not an OpenSearch at all.
    Refused,
    /// Again a few times.
    Unclear,
}

/// Types that pass by themselves.
const TRANSIENT: [&str; 10] = [
    "rejected_execution_exception",
    "es_rejected_execution_exception",
    "circuit_breaking_exception",
    "unavailable_shards_exception",
    "process_cluster_event_timeout_exception",
    "node_closed_exception",
    "node_disconnected_exception",
    "no_shard_available_action_exception",
    "primary_missing_action_exception",
    "receive_timeout_transport_exception",
];

/// Types that say that the index, not the document, is at fault.
const CONFIGURATION: [&str; 6] = [
    "index_not_found_exception",
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
            429 | 502..=504 => Verdict::Transient,
            _ => Verdict::Unclear,
        };
    };
    match (kind, status) {
        ("version_conflict_engine_exception", _) => Verdict::Superseded,
        ("cluster_block_exception", 503) => Verdict::Transient,
        ("cluster_block_exception", _) => Verdict::Slow,
        (kind, _) if TRANSIENT.contains(&kind) => Verdict::Transient,
        (kind, _) if CONFIGURATION.contains(&kind) => Verdict::Configuration,
        ("illegal_argument_exception", _) if blames_index(reason) => Verdict::Configuration,
        (_, 429 | 502..=504) => Verdict::Transient,
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

/// Judges a request by its status and, when there is one, the error's type.
pub fn request(status: u16, kind: Option<&str>) -> Whole {
    match (status, kind) {
        (200..=299, _) => Whole::Accepted,
        (413, _) => Whole::TooLarge,
        (429, Some("cluster_block_exception")) => Whole::Transient,
        (429, _) => Whole::Busy,
        (502..=504, _) => Whole::Transient,
        (_, Some(kind)) if TRANSIENT.contains(&kind) => Whole::Transient,
        (401 | 403 | 404 | 405 | 406 | 501, _) => Whole::Refused,
        _ => Whole::Unclear,
    }
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
            (429, Some(("rejected_execution_exception", "queue full")), Transient),
            (429, Some(("circuit_breaking_exception", "")), Transient),
            (503, Some(("unavailable_shards_exception", "")), Transient),
            (503, Some(("cluster_block_exception", "no master")), Transient),
            (429, Some(("cluster_block_exception", "TOO_MANY_REQUESTS/12/disk")), Slow),
            (403, Some(("cluster_block_exception", "FORBIDDEN/8/index write")), Slow),
            (404, Some(("index_not_found_exception", "no such index")), Configuration),
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
        for (status, kind, whole) in [
            (200, None, Whole::Accepted),
            (413, None, Whole::TooLarge),
            (429, Some("rejected_execution_exception"), Whole::Busy),
            (503, None, Whole::Transient),
            (500, Some("process_cluster_event_timeout_exception"), Whole::Transient),
            (401, None, Whole::Refused),
            (404, Some("index_not_found_exception"), Whole::Refused),
            (400, Some("parse_exception"), Whole::Unclear),
            (500, Some("input_coercion_exception"), Whole::Unclear),
        ] {
            assert_eq!(request(status, kind), whole, "{status} {kind:?}");
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
