//! Reading `flusso.toml`: everything but the schema files it names.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::budget::{Budget, NoBudget};
use super::config::{
    Aws, AwsService, Config, Connection, OnError, OpenSearch, Secret, Server, Sink, Source, State,
    TextAnalysis,
};
use super::names;
use super::node::{Entry, Node, Scalar, ScalarKind, Value};
use super::read::{Keys, boolean, choice, items, text, whole, wrong};
use crate::diagnostics::{At, Diagnostic};

/// What `flusso.toml` says. The config has no indexes yet: their schemas stand in other files.
pub struct Written {
    /// None after a mistake outside `[[index]]`.
    pub config: Option<Config>,
    /// As many entries as could be read.
    pub indexes: Vec<WrittenIndex>,
}

/// `[[index]]` before its schema file was read.
pub struct WrittenIndex {
    /// The logical name; none when it is not one.
    pub name: Option<At<String>>,
    /// Path of the schema file.
    pub path: Option<At<String>>,
    /// `true` when not given.
    pub enabled: bool,
    /// Overrides the deployment's.
    pub on_error: Option<OnError>,
}

const ON_ERROR: [(&str, OnError); 2] = [("stop", OnError::Stop), ("skip", OnError::Skip)];

/// Reads the tree of a `flusso.toml`.
pub fn config(root: &Node, found: &mut Vec<Diagnostic>) -> Written {
    let Some(mut keys) = Keys::of(root, "flusso.toml", found) else {
        return Written { config: None, indexes: Vec::new() };
    };
    let on_error = on_error(&mut keys, found).map(|value| value.unwrap_or(OnError::Stop));
    let prefix = optional_text(&mut keys, "prefix", found).map(Option::unwrap_or_default);
    let source = keys.need("source", found).and_then(|node| source(node, found));
    let sinks = match keys.take("sinks") {
        Some(node) => sinks(node, found),
        None => Some(BTreeMap::new()),
    };
    let server = match keys.take("server") {
        Some(node) => server(node, found),
        None => Some(Server::default()),
    };
    let state = match keys.take("state") {
        Some(node) => state(node, found),
        None => Some(State::default()),
    };
    let indexes = keys.take("index").and_then(|node| items(node, "`index`", found));
    let indexes = indexes.unwrap_or(&[]).iter().filter_map(|node| index(node, found)).collect();
    keys.finish(found);
    let whole = || {
        Some(Config {
            source: source?,
            sinks: sinks?,
            indexes: Vec::new(),
            on_error: on_error?,
            server: server?,
            prefix: prefix?,
            state: state?,
        })
    };
    Written { config: whole(), indexes }
}

fn on_error(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Option<OnError>> {
    match keys.take("on_error") {
        Some(node) => choice(node, "`on_error`", &ON_ERROR, found).map(Some),
        None => Some(None),
    }
}

/// The outer option is none after a mistake, the inner one when the key is absent.
fn optional_text(
    keys: &mut Keys<'_>,
    key: &'static str,
    found: &mut Vec<Diagnostic>,
) -> Option<Option<String>> {
    match keys.take(key) {
        Some(node) => text(node, &format!("`{key}`"), found).map(|text| Some(text.value)),
        None => Some(None),
    }
}

fn index(node: &Node, found: &mut Vec<Diagnostic>) -> Option<WrittenIndex> {
    let mut keys = Keys::of(node, "an index", found)?;
    let name = keys.need("name", found);
    let name = name.and_then(|node| named(node, "`name`", "an index", found));
    let path = keys.need("schema", found).and_then(|node| text(node, "`schema`", found));
    let enabled = match keys.take("enabled") {
        Some(node) => boolean(node, "`enabled`", found),
        None => Some(true),
    };
    let on_error = on_error(&mut keys, found);
    keys.finish(found);
    // A mistake was reported, so what stands in for the value is never used.
    let (enabled, on_error) = (enabled.unwrap_or(true), on_error.unwrap_or(None));
    Some(WrittenIndex { name, path, enabled, on_error })
}

/// A folded name that must be written as a text.
fn named(node: &Node, what: &str, of: &str, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
    text(node, what, found)?;
    names::folded(node, of, found)
}

fn source(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Source> {
    let mut keys = Keys::of(node, "`source`", found)?;
    let kind = keys.need("type", found);
    let kind =
        kind.and_then(|node| choice(node, "the `type` of a source", &[("postgres", ())], found));
    let connection = match keys.take("connection_url") {
        Some(node) => connection(node, found).map(Some),
        None => Some(None),
    };
    let manage = match keys.take("manage_publication") {
        Some(node) => boolean(node, "`manage_publication`", found),
        None => Some(true),
    };
    keys.finish(found);
    kind?;
    Some(Source { connection: connection?, manage_publication: manage? })
}

/// `connection_url`: a text, `{ env = … }`, or the parts of a URL.
fn connection(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Connection> {
    let parts = matches!(&node.value, Value::Map(entries) if !entries.iter().any(is_env));
    if !parts {
        return secret(node, "`connection_url`", found).map(Connection::Url);
    }
    let mut keys = Keys::of(node, "`connection_url`", found)?;
    let host = optional_text(&mut keys, "host", found);
    let port = match keys.take("port") {
        Some(node) => whole(node, "`port`", u16::MAX.into(), found),
        None => Some(5432),
    };
    let user = optional_text(&mut keys, "user", found);
    let password = optional_secret(&mut keys, "password", found);
    let database = keys.need("database", found);
    let database = database.and_then(|node| text(node, "`database`", found));
    keys.finish(found);
    Some(Connection::Parts {
        host: host?.unwrap_or_else(|| "127.0.0.1".into()),
        port: u16::try_from(port?).ok()?,
        user: user?.unwrap_or_else(|| "postgres".into()),
        password: password?,
        database: database?.value,
    })
}

fn is_env(entry: &Entry) -> bool {
    entry.key == "env"
}

/// A text, or `{ env = "NAME" }`.
fn secret(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Secret> {
    match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text, .. }) => {
            Some(Secret::Value(text.clone()))
        }
        Value::Map(entries) if entries.iter().any(is_env) => {
            let mut keys = Keys::of(node, what, found)?;
            let name = keys.need("env", found).and_then(|node| text(node, "`env`", found));
            keys.finish(found);
            name.map(|name| Secret::Env(name.value))
        }
        _ => {
            let error = wrong(node, what, "a text or a reference to a variable");
            let help = match &node.value {
                Value::Map(entries) if !entries.is_empty() => {
                    format!("`{}` is no key of it; write {{ env = \"NAME\" }}", entries[0].key)
                }
                _ => "write \"…\" or { env = \"NAME\" }".into(),
            };
            found.push(error.help(help));
            None
        }
    }
}

fn optional_secret(
    keys: &mut Keys<'_>,
    key: &'static str,
    found: &mut Vec<Diagnostic>,
) -> Option<Option<Secret>> {
    match keys.take(key) {
        Some(node) => secret(node, &format!("`{key}`"), found).map(Some),
        None => Some(None),
    }
}

fn sinks(node: &Node, found: &mut Vec<Diagnostic>) -> Option<BTreeMap<String, Sink>> {
    let Value::Map(entries) = &node.value else {
        found.push(wrong(node, "`sinks`", "a table of sinks by name"));
        return None;
    };
    let mut sinks: BTreeMap<String, Sink> = BTreeMap::new();
    let mut complete = true;
    for entry in entries {
        let key = Value::Scalar(Scalar {
            text: entry.key.clone(),
            kind: ScalarKind::Text,
            pieces: Vec::new(),
        });
        let key = Node { place: entry.key_place, value: key };
        let name = names::folded(&key, "a sink", found);
        let sink = sink(&entry.node, entry, found);
        match (name, sink) {
            (Some(name), Some(sink)) => {
                // Two spellings of one name are one sink when they say the same.
                if sinks.get(&name.value).is_some_and(|other| *other != sink) {
                    let message = format!("the sink `{}` stands here twice", name.value);
                    found.push(Diagnostic::error(name.place, message));
                    complete = false;
                }
                sinks.insert(name.value, sink);
            }
            _ => complete = false,
        }
    }
    complete.then_some(sinks)
}

fn sink(node: &Node, entry: &Entry, found: &mut Vec<Diagnostic>) -> Option<Sink> {
    let mut keys = Keys::of(node, "a sink", found)?;
    keys.describe(format!("the sink `{}`", entry.key), entry.key_place);
    let kind = keys.need("type", found)?;
    one_way_in(node, found)?;
    match choice(kind, "the `type` of a sink", &[("opensearch", true), ("stdout", false)], found)? {
        true => opensearch(keys, found).map(Sink::OpenSearch),
        false => {
            let pretty = match keys.take("pretty") {
                Some(node) => boolean(node, "`pretty`", found),
                None => Some(false),
            };
            keys.finish(found);
            pretty.map(|pretty| Sink::Stdout { pretty })
        }
    }
}

/// A sink shows one thing to be let in.
fn one_way_in(node: &Node, found: &mut Vec<Diagnostic>) -> Option<()> {
    let Value::Map(entries) = &node.value else { return Some(()) };
    let is_way = |entry: &&Entry| ["username", "api_key", "aws"].contains(&entry.key.as_str());
    let mut ways = entries.iter().filter(is_way);
    let (Some(one), Some(other)) = (ways.next(), ways.next()) else { return Some(()) };
    let message = format!("`{}` and `{}` are two ways in", one.key, other.key);
    found.push(Diagnostic::error(other.key_place, message).help("keep one of them"));
    None
}

fn opensearch(mut keys: Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<OpenSearch> {
    let url = keys.need("url", found).and_then(|node| secret(node, "`url`", found));
    let username = optional_secret(&mut keys, "username", found);
    let password = optional_secret(&mut keys, "password", found);
    let api_key = optional_secret(&mut keys, "api_key", found);
    let aws = match keys.take("aws") {
        Some(node) => aws(node, found).map(Some),
        None => Some(None),
    };
    let ca_file = optional_text(&mut keys, "tls_ca_file", found);
    let client_file = optional_text(&mut keys, "tls_client_file", found);
    let analysis = match keys.take("text_analysis") {
        Some(node) => {
            let words = [("builtin", TextAnalysis::Builtin), ("icu", TextAnalysis::Icu)];
            choice(node, "`text_analysis`", &words, found)
        }
        None => Some(TextAnalysis::Builtin),
    };
    let pipeline = optional_text(&mut keys, "pipeline", found);
    let refresh = optional_text(&mut keys, "refresh_interval", found);
    let mut flag = |key: &'static str| match keys.take(key) {
        Some(node) => boolean(node, &format!("`{key}`"), found),
        None => Some(true),
    };
    let (tls_verify, auto_subfields) = (flag("tls_verify"), flag("auto_subfields"));
    let mut number = |key: &'static str, max: u64, default: u64| match keys.take(key) {
        Some(node) => whole(node, &format!("`{key}`"), max, found),
        None => Some(default),
    };
    let most = u64::from(u32::MAX);
    let usual = OpenSearch::at(Secret::Value(String::new()));
    let batch_size = number("batch_size", most, usual.batch_size.into());
    let max_bytes = number("max_bytes", u64::MAX, usual.max_bytes);
    let timeout_secs = number("timeout_secs", u64::MAX, usual.timeout_secs);
    let max_retries = number("max_retries", most, usual.max_retries.into());
    let shards = number("number_of_shards", most, usual.number_of_shards.into());
    let replicas = number("number_of_replicas", most, usual.number_of_replicas.into());
    let keep_old_secs = number("keep_old_secs", u64::MAX, usual.keep_old_secs);
    keys.finish(found);
    let narrow = |value: u64| u32::try_from(value).ok();
    Some(OpenSearch {
        username: username?,
        password: password?,
        api_key: api_key?,
        aws: aws?,
        tls_verify: tls_verify?,
        tls_ca_file: ca_file?,
        tls_client_file: client_file?,
        batch_size: batch_size.and_then(narrow)?,
        max_bytes: max_bytes?,
        timeout_secs: timeout_secs?,
        max_retries: max_retries.and_then(narrow)?,
        pipeline: pipeline?,
        number_of_shards: shards.and_then(narrow)?,
        number_of_replicas: replicas.and_then(narrow)?,
        refresh_interval: refresh?.unwrap_or(usual.refresh_interval),
        keep_old_secs: keep_old_secs?,
        text_analysis: analysis?,
        auto_subfields: auto_subfields?,
        url: url?,
    })
}

fn aws(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Aws> {
    let mut keys = Keys::of(node, "`aws`", found)?;
    let services = [AwsService::Es, AwsService::Aoss].map(|service| (service.name(), service));
    let service = keys.need("service", found);
    let service = service.and_then(|node| choice(node, "`service`", &services, found));
    let region = keys.need("region", found).and_then(|node| text(node, "`region`", found));
    let access_key_id = optional_secret(&mut keys, "access_key_id", found);
    let secret_access_key = optional_secret(&mut keys, "secret_access_key", found);
    let session_token = optional_secret(&mut keys, "session_token", found);
    keys.finish(found);
    Some(Aws {
        service: service?,
        region: region?.value,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token: session_token?,
    })
}

fn server(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Server> {
    let mut keys = Keys::of(node, "`server`", found)?;
    let public = address(&mut keys, "public_address", found);
    let private = address(&mut keys, "private_address", found);
    keys.finish(found);
    Some(Server { public_address: public?, private_address: private? })
}

fn state(node: &Node, found: &mut Vec<Diagnostic>) -> Option<State> {
    let mut keys = Keys::of(node, "`state`", found)?;
    let dir = optional_text(&mut keys, "dir", found);
    let sync = match keys.take("sync") {
        Some(node) => boolean(node, "`sync`", found),
        None => Some(true),
    };
    let memory_budget = match keys.take("memory_budget") {
        Some(node) => budget(node, found).map(Some),
        None => Some(None),
    };
    keys.finish(found);
    Some(State { dir: dir?, sync: sync?, memory_budget: memory_budget? })
}

fn budget(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Budget> {
    let written = text(node, "`memory_budget`", found)?;
    let budget = written.value.parse();
    if let Err(error) = &budget {
        found.push(Diagnostic::error(node.place, NoBudget::to_string(error)));
    }
    budget.ok()
}

fn address(
    keys: &mut Keys<'_>,
    key: &'static str,
    found: &mut Vec<Diagnostic>,
) -> Option<Option<SocketAddr>> {
    let Some(node) = keys.take(key) else {
        return Some(None);
    };
    let written = text(node, &format!("`{key}`"), found)?;
    let address = written.value.parse();
    if address.is_err() {
        let message = format!("`{}` is not an address and a port", written.value);
        let error = Diagnostic::error(node.place, message);
        found.push(error.help("an IP address, a colon and a port: \"127.0.0.1:9464\""));
    }
    address.ok().map(Some)
}
