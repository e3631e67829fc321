//! What the tests share: a sink of its own names on a node, and documents to give it.

use std::time::Duration;

use flusso_compiler::files::cluster::{Auth, Cluster};
use flusso_compiler::files::config::{OnError, OpenSearch as Options, Secret};
use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::Document;
use flusso_runtime::sinks::{OpenSearch, Sink, Target};
use serde_json::{Value, json};

pub fn node(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        eprintln!("SKIPPED: {variable} is not set, no node to test against");
    }
    url
}

/// For a node that starts anew.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn options() -> Options {
    Options {
        number_of_replicas: 0,
        refresh_interval: "7s".into(),
        keep_old_secs: 0,
        ..Options::at(Secret::Value(String::new()))
    }
}

/// A sink of its own names on a node.
pub struct Bench {
    pub url: String,
    pub prefix: String,
    http: reqwest::Client,
}

impl Bench {
    pub fn new(url: String, test: &str) -> Bench {
        let prefix = format!("t{}{test}_", std::process::id());
        Bench { url, prefix, http: reqwest::Client::new() }
    }

    pub fn sink_at(&self, url: &str, options: &Options) -> Sink {
        self.sink_as(url, options, Auth::Open)
    }

    pub fn sink_as(&self, url: &str, options: &Options, auth: Auth) -> Sink {
        let cluster = Cluster { url: url.to_owned(), auth };
        let sink = OpenSearch::new("primary", &self.prefix, options, cluster).unwrap();
        Sink::OpenSearch(Box::new(sink))
    }

    pub fn sink(&self) -> Sink {
        self.sink_at(&self.url, &options())
    }

    pub async fn request(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}/{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    pub async fn get(&self, path: &str) -> Value {
        self.request(reqwest::Method::GET, path, None).await
    }

    /// A document's version and source in the hash alias's first generation; null when absent.
    pub async fn document(&self, id: &str) -> (Value, Value) {
        let found = self.get(&format!("{}users_0123abcd_1/_doc/{id}", self.prefix)).await;
        (found["_version"].clone(), found["_source"].clone())
    }

    /// The indexes an alias leads to.
    pub async fn alias(&self, name: &str) -> Vec<String> {
        let held = self.get(&format!("_alias/{}{name}", self.prefix)).await;
        let held = held.as_object().unwrap();
        held.keys().filter(|k| k.starts_with(&self.prefix)).cloned().collect()
    }

    pub async fn clean(self) {
        let listed = self.get(&format!("{}*/_alias", self.prefix)).await;
        for index in listed.as_object().unwrap().keys() {
            self.request(reqwest::Method::DELETE, index, None).await;
        }
    }
}

pub fn target(on_error: OnError) -> Target {
    Target {
        index: IndexId(0),
        name: "users".into(),
        hash: "0123abcd".into(),
        body: json!({
            "settings": {"index": {"refresh_interval": "-1", "number_of_shards": 1,
                "number_of_replicas": 0}},
            "mappings": {"dynamic": "strict", "properties": {
                "n": {"type": "integer"}, "blob": {"type": "keyword", "index": false,
                "doc_values": false}}},
        }),
        fields: 2,
        on_error,
        token: None,
    }
}

pub fn document(id: &str, at: u64, body: Option<Value>) -> Document {
    let body = body.map(|b| b.to_string().into_bytes().into());
    Document { index: IndexId(0), id: id.into(), at, body, fill: None }
}
