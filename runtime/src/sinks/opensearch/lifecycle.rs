//! Generations of an index, the two aliases that lead to it, and what `flusso_meta` remembers.
//!
//! State lives in memory in this version and every start copies again. So every start builds the
//! next generation, and the aliases `{name}_{hash}` and `{name}` move to it in one atomic call
//! only when it is hydrated; searches see the old one until then. Where an alias leads nowhere
//! yet, it leads to the new generation at once. Superseded generations of the same hash are
//! deleted after the switch; one that a crash left behind, at the next start. Other hashes'
//! generations stay: they are what one goes back to with an older schema.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{Client, START_UP};
use crate::sinks::{SinkError, Target};

/// Deletes keep their version for so long, and so win over a stale write that the network or the
/// server held back. The server's own minute is less than a request may wait there; a day would
/// cost heap where much is deleted. Set after creation: the body stays the schema's.
const GC_DELETES: &str = "1h";
/// What was acknowledged is on disk, whatever an index template says: flusso forgets it.
const DURABILITY: &str = "request";

/// The index that a run fills, and its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The concrete index.
    pub name: String,
    number: u64,
    /// `{prefix}{logical}_{hash}`.
    hash_alias: String,
    /// `{prefix}{logical}`; none when an index has that name.
    plain_alias: Option<String>,
    /// `{prefix}flusso_meta`.
    meta: String,
}

/// What `flusso_meta` holds under a hash alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Meta {
    active_generation: u64,
    #[serde(default)]
    seeded: bool,
}

/// Generations of one hash by number, each with whether any alias leads to it.
type Existing = BTreeMap<u64, bool>;

/// The concrete indexes behind a name.
enum Behind {
    /// The name is an index itself.
    Itself,
    /// It is an alias of these; of none when there is no such name.
    Indexes(BTreeSet<String>),
}

/// Makes the next generation of a target.
pub async fn prepare(
    client: &Client,
    prefix: &str,
    target: &Target,
) -> Result<Generation, SinkError> {
    let plain = format!("{prefix}{}", target.name);
    let hash_alias = format!("{plain}_{}", target.hash);
    let Behind::Indexes(holders) = behind(client, &hash_alias).await? else {
        return Err(SinkError::NameTaken { sink: client.sink().to_owned(), alias: hash_alias });
    };
    let (plain_alias, plain_free) = match behind(client, &plain).await? {
        Behind::Indexes(holders) => (Some(plain), holders.is_empty()),
        Behind::Itself => {
            tracing::warn!(
                sink = client.sink(),
                "`{plain}` is an index, so only the alias `{hash_alias}` is kept"
            );
            (None, false)
        }
    };
    let meta = format!("{prefix}flusso_meta");
    let known = read_meta(client, &meta, &hash_alias).await?;
    let existing = existing(client, &hash_alias).await?;
    let number = next(&existing, known);
    let name = format!("{hash_alias}_{number}");
    let generation = Generation { name, number, hash_alias, plain_alias, meta };

    for old in left_behind(&existing, known) {
        delete(client, &format!("{}_{old}", generation.hash_alias)).await?;
    }
    write_meta(client, &generation, false).await?;
    create(client, &generation.name, &target.body).await?;
    let mut aliases = Vec::new();
    if holders.is_empty() {
        aliases.push(generation.hash_alias.as_str());
    }
    aliases.extend(generation.plain_alias.as_deref().filter(|_| plain_free));
    if !aliases.is_empty() {
        let actions: Vec<Value> =
            aliases.into_iter().map(|alias| add(&generation.name, alias)).collect();
        point(client, actions).await?;
    }
    tracing::info!(
        sink = client.sink(),
        index = target.name,
        generation = generation.name,
        "filling a generation"
    );
    Ok(generation)
}

/// The generation that readers see and that changes go to; an error when it is not complete.
pub async fn serving(
    client: &Client,
    prefix: &str,
    target: &Target,
) -> Result<Generation, SinkError> {
    let plain = format!("{prefix}{}", target.name);
    let hash_alias = format!("{plain}_{}", target.hash);
    let no = |reason: String| SinkError::NotServed {
        sink: client.sink().to_owned(),
        index: target.name.clone(),
        reason,
    };
    let Behind::Indexes(holders) = behind(client, &hash_alias).await? else {
        return Err(SinkError::NameTaken { sink: client.sink().to_owned(), alias: hash_alias });
    };
    let numbers = holders.iter().filter_map(|index| numbered(&hash_alias, index));
    let Some(number) = numbers.max() else {
        return Err(no(format!("`{hash_alias}` leads to no index")));
    };
    let meta = format!("{prefix}flusso_meta");
    let known = read_meta(client, &meta, &hash_alias).await?;
    match known {
        Some(Meta { active_generation, seeded: true }) if active_generation == number => {
            let name = format!("{hash_alias}_{number}");
            Ok(Generation { name, number, hash_alias, plain_alias: Some(plain), meta })
        }
        Some(Meta { active_generation, .. }) => {
            Err(no(format!("`{hash_alias}_{active_generation}` is still being filled")))
        }
        None => Err(no(format!("`{meta}` says nothing of `{hash_alias}`"))),
    }
}

/// Shows a filled generation to readers and deletes those it supersedes.
pub async fn hydrated(
    client: &Client,
    generation: &Generation,
    refresh_interval: &str,
) -> Result<(), SinkError> {
    let Generation { name, number, hash_alias, .. } = generation;
    // Serverless collections refresh by themselves and know no such call; were it the index that is
    // not there, the next call would say so.
    client.call(Method::POST, &format!("{name}/_refresh"), None, &[404], None).await?;
    let settings = json!({"index": {"refresh_interval": refresh_interval}});
    client.call(Method::PUT, &format!("{name}/_settings"), Some(&settings), &[], None).await?;

    let holders = led(client, generation).await?;
    let actions = moves(name, &holders);
    // A call whose answer was lost has been carried out, and its repetition finds nothing to
    // remove.
    if !actions.is_empty()
        && let Err(error) = point(client, actions).await
        && !moves(name, &led(client, generation).await?).is_empty()
    {
        return Err(error);
    }
    write_meta(client, generation, true).await?;
    if let Some((_, held)) = holders.iter().find(|(alias, _)| alias == hash_alias) {
        for old in held.iter().filter(|old| numbered(hash_alias, old).is_some_and(|n| n < *number))
        {
            delete(client, old).await?;
        }
    }
    let (sink, alias) = (client.sink(), hash_alias);
    tracing::info!(sink, alias, generation = name, "readers see the generation");
    Ok(())
}

/// The aliases of a generation, each with the indexes it leads to now.
async fn led<'a>(
    client: &Client,
    generation: &'a Generation,
) -> Result<Vec<(&'a str, BTreeSet<String>)>, SinkError> {
    let mut holders = Vec::new();
    for alias in std::iter::once(&generation.hash_alias).chain(&generation.plain_alias) {
        if let Behind::Indexes(indexes) = behind(client, alias).await? {
            holders.push((alias.as_str(), indexes));
        }
    }
    Ok(holders)
}

/// One above the highest; a generation that was only announced is taken up.
fn next(existing: &Existing, known: Option<Meta>) -> u64 {
    let highest = existing.keys().next_back().copied().unwrap_or(0);
    let announced = known.filter(|meta| !meta.seeded).map_or(0, |meta| meta.active_generation);
    (highest + 1).max(announced)
}

/// Generations that a crash kept from being finished, or from being deleted when superseded.
/// Without a meta document nothing says that they are ours.
fn left_behind(existing: &Existing, known: Option<Meta>) -> Vec<u64> {
    let Some(Meta { active_generation: active, seeded }) = known else { return Vec::new() };
    let stale = |number: u64| number < active || (number == active && !seeded);
    existing.iter().filter(|(n, led_to)| !**led_to && stale(**n)).map(|(n, _)| *n).collect()
}

/// The actions that make each alias lead to `name` alone.
fn moves(name: &str, holders: &[(&str, BTreeSet<String>)]) -> Vec<Value> {
    let mut actions = Vec::new();
    for (alias, indexes) in holders {
        if !indexes.contains(name) {
            actions.push(add(name, alias));
        }
        for other in indexes.iter().filter(|other| *other != name) {
            actions.push(json!({"remove": {"index": other, "alias": alias}}));
        }
    }
    actions
}

fn add(name: &str, alias: &str) -> Value {
    json!({"add": {"index": name, "alias": alias}})
}

/// The number of a generation; none for any other index.
fn numbered(hash_alias: &str, index: &str) -> Option<u64> {
    let digits = index.strip_prefix(hash_alias)?.strip_prefix('_')?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

async fn behind(client: &Client, name: &str) -> Result<Behind, SinkError> {
    let patience = Some(START_UP);
    let path = format!("_alias/{name}");
    let answer = client.call(Method::GET, &path, None, &[404], patience).await?;
    if answer.status != 404 {
        let indexes: BTreeMap<String, Value> = read(client, &path, &answer)?;
        return Ok(Behind::Indexes(indexes.into_keys().collect()));
    }
    let answer = client.call(Method::HEAD, name, None, &[404], patience).await?;
    Ok(if answer.status == 404 { Behind::Indexes(BTreeSet::new()) } else { Behind::Itself })
}

async fn existing(client: &Client, hash_alias: &str) -> Result<Existing, SinkError> {
    #[derive(Deserialize)]
    struct Aliases {
        aliases: BTreeMap<String, Value>,
    }
    let path = format!("{hash_alias}_*/_alias?expand_wildcards=all");
    let answer = client.call(Method::GET, &path, None, &[404], Some(START_UP)).await?;
    if answer.status == 404 {
        return Ok(Existing::new());
    }
    let indexes: BTreeMap<String, Aliases> = read(client, &path, &answer)?;
    Ok(indexes
        .iter()
        .filter_map(|(index, held)| Some((numbered(hash_alias, index)?, !held.aliases.is_empty())))
        .collect())
}

async fn read_meta(client: &Client, meta: &str, id: &str) -> Result<Option<Meta>, SinkError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_source")]
        source: Value,
    }
    let path = format!("{meta}/_doc/{id}");
    let answer = client.call(Method::GET, &path, None, &[404], Some(START_UP)).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    let found: Found = read(client, &path, &answer)?;
    Ok(serde_json::from_value(found.source).ok())
}

async fn write_meta(
    client: &Client,
    generation: &Generation,
    seeded: bool,
) -> Result<(), SinkError> {
    let path = format!("{}/_doc/{}", generation.meta, generation.hash_alias);
    let meta = json!({"active_generation": generation.number, "seeded": seeded});
    client.call(Method::PUT, &path, Some(&meta), &[], None).await?;
    Ok(())
}

async fn create(client: &Client, name: &str, body: &Value) -> Result<(), SinkError> {
    let answer = client.call(Method::PUT, name, Some(body), &[400], Some(START_UP)).await?;
    // Made by an attempt whose answer was lost: the name was free a moment ago.
    if answer.status == 400 && !answer.words().starts_with("resource_already_exists_exception") {
        return Err(client.refused(format!("PUT /{name}"), &answer));
    }
    let settings =
        json!({"index": {"gc_deletes": GC_DELETES, "translog": {"durability": DURABILITY}}});
    let path = format!("{name}/_settings");
    let answer = client.call(Method::PUT, &path, Some(&settings), &[400, 403], None).await?;
    if answer.status != 200 {
        tracing::warn!(
            sink = client.sink(),
            "index.gc_deletes and index.translog.durability of {name}: {}",
            answer.words()
        );
    }
    Ok(())
}

async fn point(client: &Client, actions: Vec<Value>) -> Result<(), SinkError> {
    let body = json!({"actions": actions});
    client.call(Method::POST, "_aliases", Some(&body), &[], None).await?;
    Ok(())
}

async fn delete(client: &Client, name: &str) -> Result<(), SinkError> {
    client.call(Method::DELETE, name, None, &[404], None).await?;
    tracing::info!(sink = client.sink(), generation = name, "deleted a generation");
    Ok(())
}

fn read<'a, T: Deserialize<'a>>(
    client: &Client,
    path: &str,
    answer: &'a super::client::Answer,
) -> Result<T, SinkError> {
    serde_json::from_slice(&answer.body)
        .map_err(|_| client.refused(format!("the use of GET /{path}"), answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_the_alias_and_a_number() {
        assert_eq!(numbered("users_0123abcd", "users_0123abcd_12"), Some(12));
        for other in ["users_0123abcd", "users_0123abcd_", "users_0123abcd_x_1", "users_1"] {
            assert_eq!(numbered("users_0123abcd", other), None, "{other}");
        }
    }

    #[test]
    fn the_next_number() {
        let meta = |active_generation, seeded| Some(Meta { active_generation, seeded });
        let of = |numbers: &[u64]| numbers.iter().map(|n| (*n, true)).collect::<Existing>();
        assert_eq!(next(&of(&[]), None), 1);
        assert_eq!(next(&of(&[1, 5]), None), 6);
        assert_eq!(next(&of(&[1]), meta(1, true)), 2);
        assert_eq!(next(&of(&[1]), meta(2, false)), 2);
        assert_eq!(next(&of(&[1]), meta(7, false)), 7);
    }

    #[test]
    fn only_our_own_unreachable_generations_are_left_behind() {
        let meta = |active_generation, seeded| Some(Meta { active_generation, seeded });
        let existing = Existing::from([(1, false), (2, true), (3, false), (4, false)]);
        assert!(left_behind(&existing, None).is_empty());
        assert_eq!(left_behind(&existing, meta(3, false)), [1, 3]);
        assert_eq!(left_behind(&existing, meta(3, true)), [1]);
        assert!(left_behind(&existing, meta(1, true)).is_empty());
    }

    #[test]
    fn aliases_move_in_one_call_and_rest_when_right() {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
        let holders = [("u_h", set(&["u_h_1"])), ("u", set(&["u_g_4", "u_h_2"]))];
        assert_eq!(
            json!(moves("u_h_2", &holders)),
            json!([
                {"add": {"index": "u_h_2", "alias": "u_h"}},
                {"remove": {"index": "u_h_1", "alias": "u_h"}},
                {"remove": {"index": "u_g_4", "alias": "u"}},
            ])
        );
        assert!(moves("u_h_2", &[("u", set(&["u_h_2"]))]).is_empty());
    }
}
