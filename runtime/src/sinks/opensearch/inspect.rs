//! Reading back what an index holds, for `verify`.
//!
//! Documents are asked for by id, past the refresh: what a bulk request was told is there, is
//! seen. Ids are walked shard by shard in the order of `_seq_no`. Unlike a scroll or a point in
//! time that keeps nothing open on the server, a request whose answer was lost can be sent again,
//! and a document that changes meanwhile moves towards the end, so that none is passed over.

use std::time::Duration;

use flusso_dataflow::Lsn;
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::client::Answer;
use super::generation::Generation;
use super::lifecycle;
use super::{OpenSearch, Prepared};
use crate::sinks::{SinkError, Target};

/// How long the cluster may be away.
const PATIENCE: Duration = Duration::from_secs(60);

/// A document as the sink holds it.
#[derive(Debug)]
pub struct Held {
    /// The commit that made it so.
    pub at: Lsn,
    /// Its JSON.
    pub body: Box<RawValue>,
}

/// Where a walk over all ids stands.
#[derive(Debug)]
pub struct Walk {
    shards: u64,
    shard: u64,
    /// `_seq_no` of the last id seen in this shard; none before the first.
    after: Option<u64>,
}

#[derive(Deserialize)]
struct Found {
    docs: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    found: bool,
    #[serde(rename = "_version", default)]
    version: Lsn,
    #[serde(rename = "_source")]
    source: Option<Box<RawValue>>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Page {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    sort: Vec<u64>,
}

impl OpenSearch {
    /// Makes ready to read and correct the index that readers see, instead of filling another.
    pub async fn attach(&mut self, target: &Target) -> Result<(), SinkError> {
        let (client, prefix) = (&self.client, &self.prefix);
        let (names, serving) = lifecycle::serving(client, prefix, target, PATIENCE).await?;
        let (target, complete) = (target.clone(), Some(serving));
        let index = target.index;
        let prepared = Prepared { target, names, complete, building: None, fill: None };
        self.prepared.insert(index, prepared);
        Ok(())
    }

    /// The name of the generation that it was attached to.
    fn attached(&self, target: &Target) -> Result<&str, SinkError> {
        let Prepared { complete, .. } = self.prepared(target.index)?;
        let unprepared =
            || SinkError::Unprepared { sink: self.name().to_owned(), index: target.index.0 };
        complete.as_ref().map(|Generation { name, .. }| name.as_str()).ok_or_else(unprepared)
    }

    /// The documents of these ids, one for each; none where there is no such document.
    pub async fn held(
        &self,
        target: &Target,
        ids: &[&str],
    ) -> Result<Vec<Option<Held>>, SinkError> {
        let path = format!("{}/_mget", self.attached(target)?);
        let answer = self.ask(Method::POST, &path, Some(&json!({ "ids": ids }))).await?;
        let found: Found = self.parse(&path, &answer)?;
        if found.docs.len() != ids.len() || found.docs.iter().any(|item| item.error.is_some()) {
            return Err(self.unusable(&path, &answer));
        }
        let held = |item: Item| match item.source {
            Some(body) if item.found => Some(Held { at: item.version, body }),
            _ => None,
        };
        Ok(found.docs.into_iter().map(held).collect())
    }

    /// Begins a walk over all documents that are there now.
    pub async fn walk(&self, target: &Target) -> Result<Walk, SinkError> {
        let generation = self.attached(target)?;
        self.ask(Method::POST, &format!("{generation}/_refresh"), None).await?;
        let path = format!("{generation}/_settings/index.number_of_shards?flat_settings=true");
        let answer = self.ask(Method::GET, &path, None).await?;
        let settings: Value = self.parse(&path, &answer)?;
        let shards = &settings[generation]["settings"]["index.number_of_shards"];
        let shards = shards.as_str().and_then(|shards| shards.parse().ok());
        let shards = shards.ok_or_else(|| self.unusable(&path, &answer))?;
        Ok(Walk { shards, shard: 0, after: None })
    }

    /// At most `size` more ids; none at the end.
    pub async fn ids(
        &self,
        target: &Target,
        walk: &mut Walk,
        size: usize,
    ) -> Result<Vec<String>, SinkError> {
        let generation = self.attached(target)?;
        while walk.shard < walk.shards {
            let path = format!("{generation}/_search?preference=_shards:{}", walk.shard);
            let mut body = json!({
                "size": size, "_source": false, "sort": ["_seq_no"], "track_total_hits": false,
            });
            if let Some(after) = walk.after {
                body["query"] = json!({"range": {"_seq_no": {"gt": after}}});
            }
            let answer = self.ask(Method::POST, &path, Some(&body)).await?;
            let hits = self.hits(&path, &answer)?;
            if let Some(last) = hits.last() {
                let last = last.sort.first().ok_or_else(|| self.unusable(&path, &answer))?;
                walk.after = Some(*last);
                return Ok(hits.into_iter().map(|hit| hit.id).collect());
            }
            (walk.shard, walk.after) = (walk.shard + 1, None);
        }
        Ok(Vec::new())
    }

    /// So many ids at random, at most ten thousand.
    pub async fn some_ids(&self, target: &Target, size: usize) -> Result<Vec<String>, SinkError> {
        let generation = self.attached(target)?;
        self.ask(Method::POST, &format!("{generation}/_refresh"), None).await?;
        let path = format!("{generation}/_search");
        let body = json!({
            "size": size.min(10_000), "_source": false, "track_total_hits": false,
            "query": {"function_score": {"random_score": {}}},
        });
        let answer = self.ask(Method::POST, &path, Some(&body)).await?;
        Ok(self.hits(&path, &answer)?.into_iter().map(|hit| hit.id).collect())
    }

    /// All hits or an error: a shard that did not answer would seem to hold nothing.
    fn hits(&self, path: &str, answer: &Answer) -> Result<Vec<Hit>, SinkError> {
        let page: Page = self.parse(path, answer)?;
        match page.shards.failed == 0 && !page.timed_out {
            true => Ok(page.hits.hits),
            false => Err(self.unusable(path, answer)),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, SinkError> {
        self.client.call(method, path, body, &[], Some(PATIENCE)).await
    }

    fn parse<'a, T: Deserialize<'a>>(
        &self,
        path: &str,
        answer: &'a Answer,
    ) -> Result<T, SinkError> {
        serde_json::from_slice(&answer.body).map_err(|_| self.unusable(path, answer))
    }

    fn unusable(&self, path: &str, answer: &Answer) -> SinkError {
        self.client.refused(format!("the use of /{path}"), answer)
    }
}
