//! The bulk request: operations into lines, and the answer back onto the operations.
//!
//! Every operation carries the document's LSN as an external version with `external_gte`: sent
//! twice it is applied once, and one that comes late loses against what is newer. Operations on
//! one document within a batch become the last of them, so no two requests in flight ever carry
//! the same document and full documents lose nothing by it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use flusso_compiler::plan::IndexId;
use flusso_dataflow::Lsn;
use serde::Deserialize;

use super::pace::Size;

/// Of an `_id`, in bytes of UTF-8; a longer one makes the server refuse the whole request.
pub const MAX_ID: usize = 512;

/// One operation: a body to index, or a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op<'a> {
    /// For the policy.
    pub index: IndexId,
    /// The concrete index it goes to.
    pub generation: &'a str,
    /// `_id`.
    pub id: &'a str,
    /// Version.
    pub at: Lsn,
    /// The document, none to delete.
    pub body: Option<&'a [u8]>,
}

impl Op<'_> {
    /// Appends its one or two lines.
    fn render(&self, lines: &mut Vec<u8>) {
        lines.extend_from_slice(match self.body {
            Some(_) => b"{\"index\":{\"_index\":\"",
            None => b"{\"delete\":{\"_index\":\"",
        });
        lines.extend_from_slice(self.generation.as_bytes());
        lines.extend_from_slice(b"\",\"_id\":");
        quote(lines, self.id);
        lines.extend_from_slice(b",\"version\":");
        lines.extend_from_slice(self.at.to_string().as_bytes());
        lines.extend_from_slice(b",\"version_type\":\"external_gte\"}}\n");
        if let Some(body) = self.body {
            lines.extend_from_slice(body);
            lines.push(b'\n');
        }
    }
}

/// Appends a text as a JSON string.
pub fn quote(lines: &mut Vec<u8>, text: &str) {
    lines.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => lines.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => lines.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => lines.push(byte),
        }
    }
    lines.push(b'"');
}

/// The last operation on each document of a generation, in the order of their first mention.
pub fn coalesce(ops: Vec<Op<'_>>) -> Vec<Op<'_>> {
    let mut last: Vec<Op<'_>> = Vec::with_capacity(ops.len());
    let mut places: HashMap<(&str, &str), usize> = HashMap::with_capacity(ops.len());
    for op in ops {
        match places.entry((op.generation, op.id)) {
            Entry::Occupied(place) => last[*place.get()] = op,
            Entry::Vacant(place) => {
                place.insert(last.len());
                last.push(op);
            }
        }
    }
    last
}

/// Operations that travel together.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// In the order of the body.
    pub ops: Vec<Op<'a>>,
    /// Their lines.
    pub body: Bytes,
}

impl<'a> Request<'a> {
    /// Of these operations, whatever their size.
    pub fn of(ops: Vec<Op<'a>>) -> Request<'a> {
        let mut body = Vec::new();
        ops.iter().for_each(|op| op.render(&mut body));
        Request { ops, body: body.into() }
    }

    /// Its operations and bytes.
    pub fn size(&self) -> Size {
        Size { ops: self.ops.len(), bytes: self.body.len() }
    }

    /// Both halves; a single operation comes back as it is.
    pub fn halves(mut self) -> Result<[Request<'a>; 2], Op<'a>> {
        let second = self.ops.split_off(self.ops.len() / 2);
        match (self.ops.as_slice(), second.as_slice()) {
            ([], [op]) => Err(*op),
            _ => Ok([Request::of(second), Request::of(self.ops)]),
        }
    }
}

/// Cuts operations into requests, made when asked for.
pub struct Requests<'a, I: Iterator<Item = Op<'a>>> {
    ops: I,
    /// Rendered, but too much for the request before.
    held: Option<(Op<'a>, Vec<u8>)>,
}

impl<'a, I: Iterator<Item = Op<'a>>> Requests<'a, I> {
    /// Of all these.
    pub fn new(ops: I) -> Requests<'a, I> {
        Requests { ops, held: None }
    }

    /// The next, of at most this size; an operation above it travels alone.
    pub fn next(&mut self, most: Size) -> Option<Request<'a>> {
        let (mut ops, mut body) = match self.held.take() {
            Some((op, lines)) => (vec![op], lines),
            None => (Vec::new(), Vec::new()),
        };
        while ops.len() < most.ops
            && let Some(op) = self.ops.next()
        {
            let start = body.len();
            op.render(&mut body);
            if body.len() > most.bytes && !ops.is_empty() {
                self.held = Some((op, body.split_off(start)));
                break;
            }
            ops.push(op);
        }
        (!ops.is_empty()).then(|| Request { ops, body: body.into() })
    }
}

/// The part of a bulk answer that is asked for; texts borrow from the answer's bytes.
#[derive(Debug, Deserialize)]
pub struct Answer<'a> {
    /// In the order of the operations.
    #[serde(borrow, default)]
    pub items: Vec<Item<'a>>,
}

/// What one operation was and became.
#[derive(Debug, Deserialize)]
pub enum Item<'a> {
    /// Of an index operation.
    #[serde(rename = "index", borrow)]
    Index(Outcome<'a>),
    /// Of a delete.
    #[serde(rename = "delete", borrow)]
    Delete(Outcome<'a>),
}

/// What an operation became.
#[derive(Debug, Deserialize)]
pub struct Outcome<'a> {
    /// `_id`.
    #[serde(rename = "_id", borrow, default)]
    pub id: Cow<'a, str>,
    /// HTTP status of this one.
    pub status: u16,
    /// Why not.
    #[serde(borrow, default)]
    pub error: Option<Fault<'a>>,
}

/// An error of the server.
#[derive(Debug, Deserialize)]
pub struct Fault<'a> {
    /// Its type.
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    /// Its words.
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
}

/// The part of the answer that [`outcomes`] needs, as a query parameter.
pub const FILTER: &str =
    "filter_path=errors,items.*._id,items.*.status,items.*.error.type,items.*.error.reason";

/// The outcomes, one for each operation. An answer that does not fit the operations one by one
/// says nothing about any of them: the error is why.
pub fn outcomes<'a>(ops: &[Op<'_>], answer: &'a [u8]) -> Result<Vec<Outcome<'a>>, String> {
    let answer: Answer<'a> =
        serde_json::from_slice(answer).map_err(|e| format!("the answer cannot be read: {e}"))?;
    if answer.items.len() != ops.len() {
        return Err(format!("{} outcomes for {} operations", answer.items.len(), ops.len()));
    }
    let mut outcomes = Vec::with_capacity(ops.len());
    for (op, item) in ops.iter().zip(answer.items) {
        let outcome = match (item, op.body) {
            (Item::Index(outcome), Some(_)) | (Item::Delete(outcome), None) => outcome,
            _ => return Err(format!("another operation than was sent for `{}`", op.id)),
        };
        if outcome.id != op.id {
            return Err(format!("an outcome of `{}` in the place of `{}`", outcome.id, op.id));
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op<'a>(id: &'a str, body: Option<&'a str>) -> Op<'a> {
        let body = body.map(str::as_bytes);
        Op { index: IndexId(0), generation: "users_0123abcd_1", id, at: 42, body }
    }

    #[test]
    fn lines() {
        let request = Request::of(vec![op("a\"\n", Some(r#"{"n":1}"#)), op("b", None)]);
        assert_eq!(
            request.body,
            concat!(
                r#"{"index":{"_index":"users_0123abcd_1","_id":"a\"\u000a","version":42,"version_type":"external_gte"}}"#,
                "\n{\"n\":1}\n",
                r#"{"delete":{"_index":"users_0123abcd_1","_id":"b","version":42,"version_type":"external_gte"}}"#,
                "\n",
            )
        );
    }

    #[test]
    fn requests_keep_both_limits_and_every_operation() {
        let big = format!(r#"{{"x":"{}"}}"#, "y".repeat(900));
        let ops = [
            op("1", Some("{}")),
            op("2", Some("{}")),
            op("3", Some("{}")),
            op("4", Some(&big)),
            op("5", None),
        ];
        let ids = |most, bytes| -> Vec<Vec<&str>> {
            let mut requests = Requests::new(ops.iter().copied());
            std::iter::from_fn(|| requests.next(Size { ops: most, bytes }))
                .inspect(|r| assert_eq!(r.body, Request::of(r.ops.clone()).body))
                .map(|r| r.ops.iter().map(|op| op.id).collect())
                .collect()
        };
        assert_eq!(ids(2, 10_000), [vec!["1", "2"], vec!["3", "4"], vec!["5"]]);
        assert_eq!(ids(100, 250), [vec!["1", "2"], vec!["3"], vec!["4"], vec!["5"]]);
        assert_eq!(ids(1, 1).len(), 5);
        assert_eq!(ids(100, 100_000), [vec!["1", "2", "3", "4", "5"]]);
    }

    #[test]
    fn the_last_operation_on_a_document_stays() {
        let of = |generation, id, at| Op { generation, at, ..op(id, None) };
        let ops = vec![of("g1", "a", 1), of("g1", "b", 1), of("g1", "a", 2), of("g2", "a", 3)];
        let kept: Vec<_> = coalesce(ops).iter().map(|op| (op.generation, op.id, op.at)).collect();
        assert_eq!(kept, [("g1", "a", 2), ("g1", "b", 1), ("g2", "a", 3)]);
    }

    #[test]
    fn an_answer_that_does_not_fit_says_nothing() {
        let ops = [op("1", Some("{}")), op("a\"b", None)];
        let fits = br#"{"errors":true,"items":[{"index":{"_id":"1","status":400,"error":
            {"type":"mapper_parsing_exception","reason":"field \"n\""}}},
            {"delete":{"_id":"a\"b","status":404}}]}"#;
        let settled = outcomes(&ops, fits).unwrap();
        let fault = settled[0].error.as_ref().unwrap();
        assert_eq!(fault.kind, "mapper_parsing_exception");
        assert_eq!(settled[1].status, 404);
        for wrong in [
            r#"{"errors":false}"#,
            r#"{"items":[{"index":{"_id":"1","status":200}}]}"#,
            r#"{"items":[{"delete":{"_id":"1","status":200}},{"delete":{"_id":"a\"b","status":200}}]}"#,
            r#"{"items":[{"index":{"_id":"2","status":200}},{"delete":{"_id":"a\"b","status":200}}]}"#,
            r#"{"items":[{"index":{"_id":"1","st"#,
        ] {
            assert!(outcomes(&ops, wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
