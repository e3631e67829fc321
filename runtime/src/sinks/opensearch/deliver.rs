//! A bulk request sent until each operation of it is settled.
//!
//! What the server could not do for now is sent again, only that, for as long as the run lives:
//! the replication slot holds what comes after. A request without an answer is sent again whole,
//! which versions make safe. A request too large for the server goes on in halves.

use std::time::Duration;

use reqwest::Method;

use super::bulk::{self, Op, Request};
use super::client::{Answer, Wait};
use super::errors::{self, Verdict, Whole};
use super::{OpenSearch, Prepared};
use crate::sinks::{Rejection, SinkError, Written};

/// Bound of the waits for something that a person has to do.
const SLOW_WAIT: Duration = Duration::from_secs(10);
/// Refusals for load in a row, after which a request is halved.
const HALVE_AFTER: u32 = 3;

/// What an answer leaves to do.
enum Left<'a> {
    /// Nothing.
    Nothing,
    /// These, again, after a wait of which the floor and the reason are given.
    Again(Vec<Op<'a>>, Duration, String),
}

impl OpenSearch {
    /// Sends until all is settled.
    pub(super) async fn deliver<'a>(&self, request: Request<'a>) -> Result<Written, SinkError> {
        let mut written = Written::default();
        let mut todo = vec![request];
        let mut wait = Wait::default();
        let (mut busy, mut unclear) = (0, 0);
        while let Some(request) = todo.pop() {
            let (last, floor) = match self.post(&request).await {
                Err(last) => (last, Duration::ZERO),
                Ok(answer) => {
                    written.bytes += request.body.len() as u64;
                    let said = || format!("{} {}", answer.status, answer.words());
                    match answer.whole() {
                        Whole::Accepted => {
                            busy = 0;
                            match self.settle(&request.ops, &answer, &mut written, &mut unclear)? {
                                Left::Nothing => continue,
                                Left::Again(ops, floor, last) => {
                                    self.client.pause(&mut wait, &last, floor).await;
                                    todo.push(Request::of(ops));
                                    continue;
                                }
                            }
                        }
                        Whole::TooLarge => {
                            match halves(request) {
                                Ok(halves) => todo.extend(halves),
                                Err(op) => written.rejected.push(self.poison(
                                    &op,
                                    "larger than the server takes (http.max_content_length)",
                                )?),
                            }
                            continue;
                        }
                        Whole::Busy => {
                            busy += 1;
                            if busy >= HALVE_AFTER && request.ops.len() > 1 {
                                busy = 0;
                                self.client.pause(&mut wait, &said(), Duration::ZERO).await;
                                todo.extend(halves(request).into_iter().flatten());
                                continue;
                            }
                            (said(), Duration::ZERO)
                        }
                        Whole::Transient => (said(), Duration::ZERO),
                        Whole::Unclear if unclear < self.client.max_retries() => {
                            unclear += 1;
                            (said(), Duration::ZERO)
                        }
                        Whole::Unclear | Whole::Refused => {
                            return Err(self.client.refused("POST /_bulk".into(), &answer));
                        }
                    }
                }
            };
            self.client.pause(&mut wait, &last, floor).await;
            todo.push(request);
        }
        self.client.resumed(&wait);
        Ok(written)
    }

    async fn post(&self, request: &Request<'_>) -> Result<Answer, String> {
        let mut path = format!("_bulk?{}", bulk::FILTER);
        if let Some(pipeline) = &self.options.pipeline {
            path.push_str("&pipeline=");
            path.push_str(pipeline);
        }
        let content = ("application/x-ndjson", request.body.clone());
        self.client.send(Method::POST, &path, Some(content)).await
    }

    /// Takes each operation's outcome. `unclear` counts the attempts at what may never pass.
    fn settle<'a>(
        &self,
        ops: &[Op<'a>],
        answer: &Answer,
        written: &mut Written,
        unclear: &mut u32,
    ) -> Result<Left<'a>, SinkError> {
        let may_retry = *unclear < self.client.max_retries();
        let outcomes = match bulk::outcomes(ops, &answer.body) {
            Ok(outcomes) => outcomes,
            Err(reason) if may_retry => {
                *unclear += 1;
                return Ok(Left::Again(ops.to_vec(), Duration::ZERO, reason));
            }
            Err(reason) => {
                let (sink, what) = (self.name().to_owned(), "POST /_bulk".to_owned());
                return Err(SinkError::Refused { sink, what, status: answer.status, reason });
            }
        };
        let mut again = Vec::new();
        let (mut floor, mut last, mut was_unclear) = (Duration::ZERO, String::new(), false);
        for (op, outcome) in ops.iter().zip(outcomes) {
            let reason = outcome.error.as_ref().and_then(|e| e.reason.as_deref()).unwrap_or("");
            let error = outcome.error.as_ref().map(|e| (e.kind.as_ref(), reason));
            match errors::item(outcome.status, error) {
                Verdict::Done => {
                    written.delivered += 1;
                    continue;
                }
                Verdict::Superseded => {
                    written.superseded += 1;
                    continue;
                }
                Verdict::Configuration => {
                    let Prepared { name, .. } = self.prepared(op.index)?;
                    return Err(SinkError::Refused {
                        sink: self.name().to_owned(),
                        what: format!("a write to index `{name}` ({})", op.generation),
                        status: outcome.status,
                        reason: errors::words(reason),
                    });
                }
                Verdict::Unclear if may_retry => was_unclear = true,
                Verdict::Poison | Verdict::Unclear => {
                    written.rejected.push(self.poison(op, reason)?);
                    continue;
                }
                Verdict::Transient => {}
                Verdict::Slow => floor = SLOW_WAIT,
            }
            again.push(*op);
            last = format!("{} {}", outcome.status, errors::words(reason));
        }
        *unclear += u32::from(was_unclear);
        Ok(if again.is_empty() { Left::Nothing } else { Left::Again(again, floor, last) })
    }

    fn poison(&self, op: &Op<'_>, reason: &str) -> Result<Rejection, SinkError> {
        let (id, words) = (op.id.into(), errors::words(reason));
        self.judge(Rejection { index: op.index, id, reason: words }, errors::field(reason))
    }
}

/// Both halves of a request; a single operation comes back as it is.
fn halves(mut request: Request<'_>) -> Result<[Request<'_>; 2], Op<'_>> {
    let second = request.ops.split_off(request.ops.len() / 2);
    match (request.ops.as_slice(), second.as_slice()) {
        ([], [op]) => Err(*op),
        _ => Ok([Request::of(second), Request::of(request.ops)]),
    }
}
