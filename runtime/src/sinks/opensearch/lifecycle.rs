//! From one generation of an index to the next.
//!
//! ```text
//!  find ─┬─► complete, and of the state that the run goes on from: written to as it is
//!        └─► begin ─► filled ─► show: readers see it, in one call ─► later: the old one deleted
//!              ▲
//!              └── asked for, or the complete one is gone or was made with other settings
//! ```
//!
//! While the next is filled the complete one is written to as well, so nobody ever sees less or
//! older. Where an alias leads nowhere yet, it leads to the new generation at once. Everything can
//! be interrupted: what is being filled is written down before it is made, and deleted at the next
//! start. Other hashes' generations stay: they are what one goes back to with an older schema.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flusso_compiler::{hash, mapping};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::generation::{Aliases, Generation, Meta, Names, State, read};
use crate::sinks::{SinkError, Target};

/// Deletes keep their version for so long, and so win over a stale write that the network or the
/// server held back. The server's own minute is less than a request may wait there; a day would
/// cost heap where much is deleted. Set after creation: the body stays the schema's.
const GC_DELETES: &str = "1h";
/// What was acknowledged is on disk, whatever an index template says: flusso forgets it.
const DURABILITY: &str = "request";

/// The concrete indexes behind a name.
enum Behind {
    /// The name is an index itself.
    Itself,
    /// It is an alias of these; of none when there is no such name.
    Indexes(BTreeSet<String>),
}

/// What there is of a target.
pub struct Found {
    /// Its names.
    pub names: Names,
    /// The generation that can be gone on with.
    pub complete: Option<Generation>,
    /// It was made with other settings, and is to be built anew beside it.
    pub outdated: bool,
}

/// Looks for what there is of a target. What an interrupted run left half done is deleted.
pub async fn find(
    client: &Client,
    prefix: &str,
    target: &Target,
    patience: Duration,
) -> Result<Found, SinkError> {
    let (names, holders) = named(client, prefix, target, patience).await?;
    let (meta, state) = names.remembered(client).await?;
    let complete = complete(&names, &holders, meta, &state, target.token.as_deref());
    let existing = names.existing(client).await?;
    for number in left_behind(&existing, complete, meta, &state) {
        delete(client, &names.generation(number).name).await?;
    }
    let complete = complete.map(|number| names.generation(number));
    if let Some(Generation { name, .. }) = &complete {
        let (sink, index) = (client.sink(), &target.name);
        tracing::info!(sink, index, generation = name, "going on with the generation");
    }
    let outdated = complete.is_some() && state.body != Some(body(target));
    Ok(Found { names, complete, outdated })
}

/// A target's names, and the indexes behind the hash alias.
async fn named(
    client: &Client,
    prefix: &str,
    target: &Target,
    patience: Duration,
) -> Result<(Names, BTreeSet<String>), SinkError> {
    let plain = format!("{prefix}{}", target.name);
    let hash_alias = format!("{plain}_{}", target.hash);
    let Behind::Indexes(holders) = behind(client, &hash_alias, Some(patience)).await? else {
        return Err(SinkError::NameTaken { sink: client.sink().to_owned(), alias: hash_alias });
    };
    let plain_alias = match behind(client, &plain, Some(patience)).await? {
        Behind::Indexes(_) => Some(plain),
        Behind::Itself => {
            tracing::warn!(
                sink = client.sink(),
                "`{plain}` is an index, so only the alias `{hash_alias}` is kept"
            );
            None
        }
    };
    Ok((Names { hash_alias, plain_alias, meta: format!("{prefix}flusso_meta") }, holders))
}

/// What is remembered of an index's body: all that a server does not change in place.
fn body(target: &Target) -> String {
    format!("{:08x}", hash::bytes(mapping::lasting(&target.body).to_string().as_bytes()))
}

/// The number of the generation readers see, if it is complete and of this state.
fn complete(
    names: &Names,
    holders: &BTreeSet<String>,
    meta: Option<Meta>,
    state: &State,
    token: Option<&str>,
) -> Option<u64> {
    let of = token.is_some() && state.state.as_deref() == token;
    seen(names, holders, meta).filter(|_| of)
}

/// The number of the generation readers see, if it is complete. One that was shown and not yet
/// written down counts: it is shown when it is complete.
fn seen(names: &Names, holders: &BTreeSet<String>, meta: Option<Meta>) -> Option<u64> {
    let meta = meta.filter(|meta| meta.seeded)?;
    let mut numbers = holders.iter().map(|holder| names.number(holder));
    let (Some(number), None) = (numbers.next()?, numbers.next()) else { return None };
    (number >= meta.active_generation).then_some(number)
}

/// Generations that a crash kept from being finished, or from being deleted when superseded.
/// Without a meta document nothing says that they are ours.
fn left_behind(
    existing: &BTreeMap<u64, bool>,
    complete: Option<u64>,
    meta: Option<Meta>,
    state: &State,
) -> Vec<u64> {
    let Some(Meta { active_generation: active, seeded }) = meta else { return Vec::new() };
    let stale = |number: u64| {
        number < active || (number == active && !seeded) || state.building == Some(number)
    };
    let unseen = existing.iter().filter(|(_, seen)| !**seen).map(|(number, _)| *number);
    unseen.filter(|number| Some(*number) != complete && stale(*number)).collect()
}

/// Makes the next generation. With a `complete` one it is built beside it.
pub async fn begin(
    client: &Client,
    names: &Names,
    target: &Target,
    complete: Option<&Generation>,
) -> Result<Generation, SinkError> {
    let (meta, state) = names.remembered(client).await?;
    let generation = names.generation(next(&names.existing(client).await?, meta, &state));
    if complete.is_none() {
        let meta = Meta { active_generation: generation.number, seeded: false };
        names.remember(client, meta).await?;
    }
    let kept = if complete.is_some() { state } else { State::default() };
    names.remember_state(client, State { building: Some(generation.number), ..kept }).await?;
    create(client, &generation, &target.body).await?;
    let mut free = Vec::new();
    for alias in names.readers() {
        if let Behind::Indexes(holders) = behind(client, alias, None).await?
            && holders.is_empty()
        {
            free.push(add(&generation.name, alias));
        }
    }
    if !free.is_empty()
        && let Err(error) = point(client, free).await
        && !gone(&error)
    {
        return Err(error);
    }
    let (sink, index) = (client.sink(), &target.name);
    tracing::info!(sink, index, generation = generation.name, "filling a generation");
    Ok(generation)
}

/// The generation that readers see and that changes go to; an error when it is not complete.
pub async fn serving(
    client: &Client,
    prefix: &str,
    target: &Target,
    patience: Duration,
) -> Result<(Names, Generation), SinkError> {
    let (names, holders) = named(client, prefix, target, patience).await?;
    let (meta, _) = names.remembered(client).await?;
    let generation = seen(&names, &holders, meta).map(|number| names.generation(number));
    let generation = generation.ok_or_else(|| SinkError::NotServed {
        sink: client.sink().to_owned(),
        index: target.name.clone(),
        reason: match (meta, holders.is_empty()) {
            (_, true) => format!("`{}` leads to no index", names.hash_alias),
            (Some(_), false) => format!("what `{}` leads to is being filled", names.hash_alias),
            (None, false) => format!("`{}` says nothing of `{}`", names.meta, names.hash_alias),
        },
    })?;
    Ok((names, generation))
}

/// One above all that were ever spoken of: a write to a deleted one that the network held back must
/// find nothing.
fn next(existing: &BTreeMap<u64, bool>, known: Option<Meta>, state: &State) -> u64 {
    let highest = existing.keys().next_back().copied();
    let announced = known.map(|meta| meta.active_generation);
    1 + highest.max(announced).max(state.building).unwrap_or(0)
}

/// Whether a call failed because the index it was about is not there. What is written to it next
/// finds that out, and it is begun anew.
fn gone(error: &SinkError) -> bool {
    matches!(error, SinkError::Refused { status: 404, .. })
}

/// Lets searches find what a generation has.
pub async fn refresh(client: &Client, generation: &Generation) -> Result<(), SinkError> {
    // Serverless collections refresh by themselves and know no such call; were it the index that is
    // not there, the next call would say so.
    let path = format!("{}/_refresh", generation.name);
    client.call(Method::POST, &path, None, &[404], None).await.map(drop)
}

/// Gives a generation what an index has that is complete.
pub async fn settle(
    client: &Client,
    target: &Target,
    Generation { name, .. }: &Generation,
    refresh_interval: &str,
) -> Result<(), SinkError> {
    let path = format!("{name}/_settings");
    let settings = json!({"index": {"refresh_interval": refresh_interval}});
    client.call(Method::PUT, &path, Some(&settings), &[], None).await?;
    let replicas = &target.body["settings"]["index"]["number_of_replicas"];
    let settings = json!({"index": {"number_of_replicas": replicas}});
    let answer = client.call(Method::PUT, &path, Some(&settings), &[400, 403], None).await?;
    if answer.status != 200 {
        let words = answer.words();
        tracing::warn!(sink = client.sink(), "index.number_of_replicas of {name}: {words}");
    }
    Ok(())
}

/// Shows a filled generation to readers. Returns the indexes that it supersedes, which nobody
/// reads any more; none when it is gone itself.
pub async fn show(
    client: &Client,
    names: &Names,
    target: &Target,
    generation: &Generation,
    refresh_interval: &str,
) -> Result<Option<Vec<String>>, SinkError> {
    match shown(client, names, target, generation, refresh_interval).await {
        Ok(superseded) => Ok(Some(superseded)),
        Err(error) if gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn shown(
    client: &Client,
    names: &Names,
    target: &Target,
    generation: &Generation,
    refresh_interval: &str,
) -> Result<Vec<String>, SinkError> {
    let Generation { name, number, .. } = generation;
    refresh(client, generation).await?;
    settle(client, target, generation, refresh_interval).await?;
    let holders = led(client, names).await?;
    let actions = moves(name, &holders);
    // A call whose answer was lost has been carried out, and its repetition finds nothing to
    // remove.
    if !actions.is_empty()
        && let Err(error) = point(client, actions).await
        && !moves(name, &led(client, names).await?).is_empty()
    {
        return Err(error);
    }
    names.remember(client, Meta { active_generation: *number, seeded: true }).await?;
    let state = State { state: target.token.clone(), building: None, body: Some(body(target)) };
    names.remember_state(client, state).await?;
    let (sink, alias) = (client.sink(), &names.hash_alias);
    tracing::info!(sink, alias, generation = name, "readers see the generation");
    let before = holders.into_iter().find(|(it, _)| *it == alias).map(|(_, held)| held);
    let older = |old: &String| names.number(old).is_some_and(|old| old < *number);
    Ok(before.into_iter().flatten().filter(older).collect())
}

/// Whether a generation is still there. Aliases that lead nowhere lead to it again if readers are
/// to see it; one that somebody has led elsewhere is left alone.
pub async fn stands(
    client: &Client,
    names: &Names,
    generation: &Generation,
    seen: bool,
) -> Result<bool, SinkError> {
    let path = format!("{}/_alias", generation.name);
    let answer = client.call(Method::GET, &path, None, &[404], None).await?;
    if answer.status == 404 {
        return Ok(false);
    }
    let held: BTreeMap<String, Aliases> = read(client, &path, &answer)?;
    let has = |alias: &String| held.values().any(|held| held.aliases.contains_key(alias));
    let mut missing = Vec::new();
    for alias in names.readers().filter(|alias| seen && !has(alias)) {
        if let Behind::Indexes(holders) = behind(client, alias, None).await?
            && holders.is_empty()
        {
            tracing::warn!(sink = client.sink(), alias, "the alias was gone; set again");
            missing.push(add(&generation.name, alias));
        }
    }
    if !has(&generation.write) {
        missing.push(add(&generation.name, &generation.write));
    }
    match missing.is_empty() {
        true => Ok(true),
        false => match point(client, missing).await {
            Err(error) if gone(&error) => Ok(false),
            pointed => pointed.map(|()| true),
        },
    }
}

/// Deletes an index, if there is one.
pub async fn delete(client: &Client, name: &str) -> Result<(), SinkError> {
    client.call(Method::DELETE, name, None, &[404], None).await?;
    tracing::info!(sink = client.sink(), generation = name, "deleted a generation");
    Ok(())
}

/// The readers' aliases, each with the indexes it leads to now.
async fn led<'a>(
    client: &Client,
    names: &'a Names,
) -> Result<Vec<(&'a String, BTreeSet<String>)>, SinkError> {
    let mut holders = Vec::new();
    for alias in names.readers() {
        if let Behind::Indexes(indexes) = behind(client, alias, None).await? {
            holders.push((alias, indexes));
        }
    }
    Ok(holders)
}

/// The actions that make each alias lead to `name` alone.
fn moves(name: &str, holders: &[(&String, BTreeSet<String>)]) -> Vec<Value> {
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

async fn behind(
    client: &Client,
    name: &str,
    patience: Option<Duration>,
) -> Result<Behind, SinkError> {
    let path = format!("_alias/{name}");
    let answer = client.call(Method::GET, &path, None, &[404], patience).await?;
    if answer.status != 404 {
        let indexes: BTreeMap<String, Value> = read(client, &path, &answer)?;
        return Ok(Behind::Indexes(indexes.into_keys().collect()));
    }
    let answer = client.call(Method::HEAD, name, None, &[404], patience).await?;
    Ok(if answer.status == 404 { Behind::Indexes(BTreeSet::new()) } else { Behind::Itself })
}

/// Makes the index of a generation: the schema's body, its write alias, and while it is filled no
/// replicas, each of which would cost as much as the index itself.
async fn create(client: &Client, generation: &Generation, body: &Value) -> Result<(), SinkError> {
    let Generation { name, write, .. } = generation;
    let mut body = body.clone();
    body["settings"]["index"]["number_of_replicas"] = json!(0);
    body["aliases"] = json!({ write: {} });
    let answer = client.call(Method::PUT, name, Some(&body), &[400], None).await?;
    // Made by an attempt whose answer was lost: the name was free a moment ago.
    if answer.status == 400 && !answer.words().starts_with("resource_already_exists_exception") {
        return Err(client.refused(format!("PUT /{name}"), &answer));
    }
    let settings =
        json!({"index": {"gc_deletes": GC_DELETES, "translog": {"durability": DURABILITY}}});
    let path = format!("{name}/_settings");
    let answer = client.call(Method::PUT, &path, Some(&settings), &[400, 403, 404], None).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(active_generation: u64, seeded: bool) -> Option<Meta> {
        Some(Meta { active_generation, seeded })
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn the_next_number() {
        let of = |numbers: &[u64]| numbers.iter().map(|n| (*n, true)).collect();
        let next = |numbers, meta, building| {
            next(&of(numbers), meta, &State { building, ..State::default() })
        };
        assert_eq!(next(&[], None, None), 1);
        assert_eq!(next(&[1, 5], None, None), 6);
        assert_eq!(next(&[1], meta(1, true), None), 2);
        assert_eq!(next(&[1], meta(2, false), None), 3);
        assert_eq!(next(&[1], meta(1, true), Some(4)), 5);
    }

    #[test]
    fn only_a_complete_generation_of_the_same_state_is_gone_on_with() {
        let names = Names { hash_alias: "u_h".into(), plain_alias: None, meta: "m".into() };
        let state = State { state: Some("s-0".into()), building: Some(3), body: None };
        let of =
            |holders: &[&str], meta, token| complete(&names, &set(holders), meta, &state, token);
        assert_eq!(of(&["u_h_2"], meta(2, true), Some("s-0")), Some(2));
        assert_eq!(of(&["u_h_3"], meta(2, true), Some("s-0")), Some(3), "shown, not yet said");
        assert_eq!(of(&["u_h_2"], meta(2, false), Some("s-0")), None);
        assert_eq!(of(&["u_h_1"], meta(2, true), Some("s-0")), None);
        assert_eq!(of(&["u_h_2", "u_h_1"], meta(2, true), Some("s-0")), None);
        assert_eq!(of(&["u_h_2"], meta(2, true), Some("s-1")), None);
        assert_eq!(of(&["u_h_2"], meta(2, true), None), None);
        assert_eq!(of(&[], meta(2, true), Some("s-0")), None);
        assert_eq!(of(&["u_h_2"], None, Some("s-0")), None);
    }

    #[test]
    fn only_our_own_unreachable_generations_are_left_behind() {
        let existing = BTreeMap::from([(1, false), (2, true), (3, false), (4, false)]);
        let of = |complete, meta, building| {
            left_behind(&existing, complete, meta, &State { building, ..State::default() })
        };
        assert!(of(None, None, Some(4)).is_empty());
        assert_eq!(of(None, meta(3, false), None), [1, 3]);
        assert_eq!(of(None, meta(3, true), None), [1]);
        assert_eq!(of(Some(2), meta(2, true), Some(4)), [1, 4]);
        assert!(of(None, meta(1, true), None).is_empty());
    }

    #[test]
    fn aliases_move_in_one_call_and_rest_when_right() {
        let (hash, plain) = ("u_h".to_owned(), "u".to_owned());
        let holders = [(&hash, set(&["u_h_1"])), (&plain, set(&["u_g_4", "u_h_2"]))];
        assert_eq!(
            json!(moves("u_h_2", &holders)),
            json!([
                {"add": {"index": "u_h_2", "alias": "u_h"}},
                {"remove": {"index": "u_h_1", "alias": "u_h"}},
                {"remove": {"index": "u_g_4", "alias": "u"}},
            ])
        );
        assert!(moves("u_h_2", &[(&plain, set(&["u_h_2"]))]).is_empty());
    }
}
