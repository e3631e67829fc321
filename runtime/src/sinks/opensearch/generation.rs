//! The names of an index's generations, and what is remembered of them in `flusso_meta`.
//!
//! ```text
//!  {prefix}users ─────────┐ readers
//!  {prefix}users_{hash} ──┴─► {prefix}users_{hash}_4 ◄── {prefix}users_{hash}_4_write   flusso
//! ```
//!
//! Documents are written through an alias that each generation is made with. It goes when the
//! index goes, and so does every write: to the index's own name a write would make the server
//! guess a new index, without mapping and without anybody reading it.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use crate::sinks::SinkError;

/// The names that lead to a target's generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// `{prefix}{logical}_{hash}`.
    pub hash_alias: String,
    /// `{prefix}{logical}`; none when an index has that name.
    pub plain_alias: Option<String>,
    /// `{prefix}flusso_meta`.
    pub meta: String,
}

/// A concrete index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its name.
    pub name: String,
    /// The name documents are written under.
    pub write: String,
    /// From 1.
    pub number: u64,
}

impl Names {
    /// A generation by its number.
    pub fn generation(&self, number: u64) -> Generation {
        let name = format!("{}_{number}", self.hash_alias);
        Generation { write: format!("{name}_write"), name, number }
    }

    /// The number of a generation; none for any other index.
    pub fn number(&self, index: &str) -> Option<u64> {
        let digits = index.strip_prefix(&self.hash_alias)?.strip_prefix('_')?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    /// The aliases that readers use.
    pub fn readers(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.hash_alias).chain(&self.plain_alias)
    }
}

/// What `flusso_meta` holds under a hash alias, for any flusso to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The generation that readers see, or that the first fill goes into.
    pub active_generation: u64,
    /// Whether it is complete.
    #[serde(default)]
    pub seeded: bool,
}

/// What it holds beside, under `{hash alias}.state`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the documents of the complete generation come from; none when they come from a copy
    /// that nobody keeps.
    #[serde(default)]
    pub state: Option<String>,
    /// The generation that is being filled.
    #[serde(default)]
    pub building: Option<u64>,
    /// What the complete one was made with.
    #[serde(default)]
    pub body: Option<String>,
}

impl Names {
    /// What is remembered; nothing of what cannot be read.
    pub async fn remembered(&self, client: &Client) -> Result<(Option<Meta>, State), SinkError> {
        let meta = self.recall(client, &self.hash_alias).await?;
        let state = self.recall(client, &format!("{}.state", self.hash_alias)).await?;
        let state = state.and_then(|source| serde_json::from_value(source).ok());
        let meta = meta.and_then(|source| serde_json::from_value(source).ok());
        Ok((meta, state.unwrap_or_default()))
    }

    /// Remembers the generation that counts.
    pub async fn remember(&self, client: &Client, meta: Meta) -> Result<(), SinkError> {
        self.keep(client, &self.hash_alias, json!(meta)).await
    }

    /// Remembers where documents come from, and what is being filled.
    pub async fn remember_state(&self, client: &Client, state: State) -> Result<(), SinkError> {
        self.keep(client, &format!("{}.state", self.hash_alias), json!(state)).await
    }

    async fn recall(&self, client: &Client, id: &str) -> Result<Option<Value>, SinkError> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(rename = "_source")]
            source: Value,
        }
        let path = format!("{}/_doc/{id}", self.meta);
        let answer = client.call(Method::GET, &path, None, &[404], None).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(Some(read::<Found>(client, &path, &answer)?.source))
    }

    async fn keep(&self, client: &Client, id: &str, value: Value) -> Result<(), SinkError> {
        let path = format!("{}/_doc/{id}", self.meta);
        client.call(Method::PUT, &path, Some(&value), &[], None).await?;
        Ok(())
    }

    /// The generations there are, each with whether readers see it.
    pub async fn existing(&self, client: &Client) -> Result<BTreeMap<u64, bool>, SinkError> {
        let path = format!("{}_*/_alias?expand_wildcards=all", self.hash_alias);
        let answer = client.call(Method::GET, &path, None, &[404], None).await?;
        if answer.status == 404 {
            return Ok(BTreeMap::new());
        }
        let indexes: BTreeMap<String, Aliases> = read(client, &path, &answer)?;
        let seen = |held: &Aliases| held.aliases.keys().any(|alias| !alias.ends_with("_write"));
        let numbered = indexes.iter().filter_map(|(it, held)| Some((self.number(it)?, seen(held))));
        Ok(numbered.collect())
    }
}

/// The aliases of an index.
#[derive(Deserialize)]
pub struct Aliases {
    /// By name.
    pub aliases: BTreeMap<String, Value>,
}

/// An answer's JSON.
pub fn read<'a, T: Deserialize<'a>>(
    client: &Client,
    path: &str,
    answer: &'a Answer,
) -> Result<T, SinkError> {
    serde_json::from_slice(&answer.body)
        .map_err(|_| client.refused(format!("the use of GET /{path}"), answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_the_alias_and_a_number() {
        let names = Names {
            hash_alias: "users_0123abcd".into(),
            plain_alias: None,
            meta: "flusso_meta".into(),
        };
        assert_eq!(names.number(&names.generation(12).name), Some(12));
        for other in ["users_0123abcd", "users_0123abcd_", "users_0123abcd_x_1", "users_1"] {
            assert_eq!(names.number(other), None, "{other}");
        }
        assert_eq!(names.number(&names.generation(12).write), None);
    }
}
