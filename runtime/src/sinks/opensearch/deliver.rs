//! Operations sent until each of them is settled.
//!
//! ```text
//!  operations ─► request ─► _bulk ─┬─► settled
//!                  ▲  ▲             ├─► too large: halves ─┐
//!                  │  └─────────────┼──────────────────────┘
//!                  └── turn, wait ◄─┴─► busy, away, blocked: what is left of it
//! ```
//!
//! What the server could not do for now is sent again, only that, for as long as the run lives:
//! the replication slot holds what comes after. A request without an answer is sent again whole,
//! which versions make safe. An operation is in one request at a time, so none overtakes another
//! on the same document. Of requests in trouble one at a time tries again, the others wait their
//! turn: a server that comes back is not met by all that piled up.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::Method;
use tokio::sync::MutexGuard;

use super::OpenSearch;
use super::bulk::{self, Op, Request, Requests};
use super::client::Answer;
use super::errors::{self, Awaited, Verdict, Whole};
use super::wait::{Backoff, Trouble};
use crate::sinks::{Rejection, SinkError, Written};

/// What an answer leaves to do.
enum Left<'a> {
    /// Nothing.
    Nothing,
    /// The same in halves.
    Halves,
    /// These, again.
    Again(Vec<Op<'a>>, Trouble),
}

impl OpenSearch {
    /// Sends operations on different documents, as many at once as the server takes well.
    pub(super) async fn settle<'a>(&self, ops: Vec<Op<'a>>) -> Result<Written, SinkError> {
        let mut written = Written::default();
        let mut requests = Requests::new(ops.into_iter());
        let mut flying = FuturesUnordered::new();
        loop {
            while flying.len() < self.pace().window()
                && let Some(request) = requests.next(self.pace().size())
            {
                flying.push(self.deliver(request));
            }
            let Some(settled) = flying.next().await else { break };
            written.add(settled?);
        }
        Ok(written)
    }

    /// Sends until all is settled.
    async fn deliver<'a>(&self, request: Request<'a>) -> Result<Written, SinkError> {
        let mut written = Written::default();
        let mut todo = vec![request];
        let mut turn: Option<MutexGuard<'_, Backoff>> = None;
        let mut unclear = 0;
        while let Some(request) = todo.pop() {
            let sent = self.pace().sent(request.size());
            let began = Instant::now();
            let mut timed_out = false;
            let left = match self.post(&request).await {
                Ok(answer) => self.read(&request.ops, &answer, &mut written, &mut unclear)?,
                Err(lost) => {
                    timed_out = lost.timed_out;
                    Left::Again(request.ops.clone(), lost.into())
                }
            };
            written.bytes += request.body.len() as u64;
            match left {
                Left::Nothing => {
                    self.pace().taken(sent, began.elapsed());
                    if let Some(mut turn) = turn.take() {
                        self.client.over(&mut turn);
                    }
                }
                Left::Halves => {
                    self.pace().too_large(sent);
                    match request.halves() {
                        Ok(halves) => todo.extend(halves),
                        Err(op) => written.rejected.push(self.poison(&op, TOO_LARGE)?),
                    }
                }
                Left::Again(ops, trouble) => {
                    if trouble.awaited == Awaited::Room || timed_out {
                        self.pace().refused(sent);
                    }
                    let mut mine = match turn.take() {
                        Some(mine) => mine,
                        None => self.turns.lock().await,
                    };
                    self.client.pause(&mut mine, &trouble).await;
                    turn = Some(mine);
                    let size = self.pace().size();
                    let mut requests = Requests::new(ops.into_iter());
                    todo.extend(std::iter::from_fn(|| requests.next(size)));
                }
            }
        }
        Ok(written)
    }

    async fn post(&self, request: &Request<'_>) -> Result<Answer, super::client::Lost> {
        // The server gives up on a shard that is not there before this end gives up on the
        // server: an answer that says so leaves nothing unknown.
        let patience = (self.options.timeout_secs / 2).max(1);
        let mut path = format!("_bulk?require_alias=true&timeout={patience}s&{}", bulk::FILTER);
        if let Some(pipeline) = &self.options.pipeline {
            path.push_str("&pipeline=");
            path.push_str(pipeline);
        }
        let content = ("application/x-ndjson", request.body.clone());
        self.client.send(Method::POST, &path, Some(content)).await
    }

    /// What became of a request. `unclear` counts the attempts at what may never pass.
    fn read<'a>(
        &self,
        ops: &[Op<'a>],
        answer: &Answer,
        written: &mut Written,
        unclear: &mut u32,
    ) -> Result<Left<'a>, SinkError> {
        let again = |awaited| {
            let words = format!("{} {}", answer.status, answer.words());
            Ok(Left::Again(ops.to_vec(), Trouble { awaited, words }))
        };
        match answer.whole() {
            Whole::Accepted => self.read_items(ops, answer, written, unclear),
            Whole::TooLarge => Ok(Left::Halves),
            Whole::Wait(awaited) => again(awaited),
            Whole::Unclear if *unclear < self.client.max_retries() => {
                *unclear += 1;
                again(Awaited::Recovery)
            }
            Whole::Unclear | Whole::Refused => {
                Err(self.client.refused("POST /_bulk".into(), answer))
            }
        }
    }

    /// Takes each operation's outcome.
    fn read_items<'a>(
        &self,
        ops: &[Op<'a>],
        answer: &Answer,
        written: &mut Written,
        unclear: &mut u32,
    ) -> Result<Left<'a>, SinkError> {
        let may_retry = *unclear < self.client.max_retries();
        let outcomes = match bulk::outcomes(ops, &answer.body) {
            Ok(outcomes) => outcomes,
            Err(words) if may_retry => {
                *unclear += 1;
                let awaited = Awaited::Recovery;
                return Ok(Left::Again(ops.to_vec(), Trouble { awaited, words }));
            }
            Err(reason) => {
                let (sink, what) = (self.name().to_owned(), "POST /_bulk".to_owned());
                return Err(SinkError::Refused { sink, what, status: answer.status, reason });
            }
        };
        let (mut again, mut trouble, mut was_unclear) = (Vec::new(), None, false);
        for (op, outcome) in ops.iter().zip(outcomes) {
            let reason = outcome.error.as_ref().and_then(|e| e.reason.as_deref()).unwrap_or("");
            let error = outcome.error.as_ref().map(|e| (e.kind.as_ref(), reason));
            let awaited = match errors::item(outcome.status, error) {
                Verdict::Done => {
                    written.delivered += 1;
                    continue;
                }
                Verdict::Superseded => {
                    written.superseded += 1;
                    continue;
                }
                // What is lost with an index is made again with it.
                Verdict::Lost => {
                    written.lost.insert(op.index);
                    continue;
                }
                Verdict::Configuration => {
                    let name = &self.prepared(op.index)?.target.name;
                    return Err(SinkError::Refused {
                        sink: self.name().to_owned(),
                        what: format!("a write to index `{name}` ({})", op.generation),
                        status: outcome.status,
                        reason: errors::words(reason),
                    });
                }
                Verdict::Unclear if may_retry => {
                    was_unclear = true;
                    Awaited::Recovery
                }
                Verdict::Poison | Verdict::Unclear => {
                    written.rejected.push(self.poison(op, reason)?);
                    continue;
                }
                Verdict::Wait(awaited) => awaited,
            };
            again.push(*op);
            let words = || format!("{} {}", outcome.status, errors::words(reason));
            trouble.get_or_insert_with(|| Trouble { awaited, words: words() });
        }
        *unclear += u32::from(was_unclear);
        Ok(trouble.map_or(Left::Nothing, |trouble| Left::Again(again, trouble)))
    }

    fn poison(&self, op: &Op<'_>, reason: &str) -> Result<Rejection, SinkError> {
        self.judge(Rejection {
            index: op.index,
            id: op.id.into(),
            at: op.at,
            field: errors::field(reason).map(str::to_owned),
            reason: errors::words(reason),
        })
    }
}

/// Of a document that does not fit into a request of its own.
const TOO_LARGE: &str = "larger than the server takes (http.max_content_length, or \
                         indexing_pressure.memory.limit)";
