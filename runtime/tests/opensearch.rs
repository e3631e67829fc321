//! The OpenSearch sink against a real node.
//!
//! `FLUSSO_TEST_OPENSEARCH` is the URL of a running node; without it these tests say so and pass.
//! `FLUSSO_TEST_OPENSEARCH_TIGHT` is one started with `thread_pool.write.queue_size=1` and
//! `http.max_content_length=1mb`, for the tests of a server that pushes back.
//! `FLUSSO_TEST_OPENSEARCH_RESTART` is a shell command that kills the first node and starts it
//! again at the same address, for the test of a server that dies.

// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flusso_compiler::files::config::{OnError, OpenSearch as Options, Secret, TextAnalysis};
use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::Document;
use flusso_runtime::sinks::opensearch::Access;
use flusso_runtime::sinks::{OpenSearch, Sink, SinkError, Target};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

fn node(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        eprintln!("SKIPPED: {variable} is not set, no node to test against");
    }
    url
}

fn options() -> Options {
    Options {
        url: Secret::Value(String::new()),
        username: None,
        password: None,
        tls_verify: true,
        batch_size: 1000,
        max_bytes: 10 << 20,
        timeout_secs: 30,
        max_retries: 3,
        pipeline: None,
        number_of_shards: 1,
        number_of_replicas: 0,
        refresh_interval: "7s".into(),
        text_analysis: TextAnalysis::Builtin,
        auto_subfields: true,
    }
}

/// A sink of its own names on a node.
struct Bench {
    url: String,
    prefix: String,
    http: reqwest::Client,
}

impl Bench {
    fn new(url: String, test: &str) -> Bench {
        let prefix = format!("t{}{test}_", std::process::id());
        Bench { url, prefix, http: reqwest::Client::new() }
    }

    fn sink_at(&self, url: &str, options: &Options) -> Sink {
        let access = Access { url: url.to_owned(), username: None, password: None };
        let sink = OpenSearch::new("primary", &self.prefix, options, access).unwrap();
        Sink::OpenSearch(Box::new(sink))
    }

    fn sink(&self) -> Sink {
        self.sink_at(&self.url, &options())
    }

    async fn request(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}/{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    async fn get(&self, path: &str) -> Value {
        self.request(reqwest::Method::GET, path, None).await
    }

    /// A document's version and source in the hash alias's first generation; null when absent.
    async fn document(&self, id: &str) -> (Value, Value) {
        let found = self.get(&format!("{}users_0123abcd_1/_doc/{id}", self.prefix)).await;
        (found["_version"].clone(), found["_source"].clone())
    }

    /// The indexes an alias leads to.
    async fn alias(&self, name: &str) -> Vec<String> {
        let held = self.get(&format!("_alias/{}{name}", self.prefix)).await;
        let held = held.as_object().unwrap();
        held.keys().filter(|k| k.starts_with(&self.prefix)).cloned().collect()
    }

    async fn clean(self) {
        let listed = self.get(&format!("{}*/_alias", self.prefix)).await;
        for index in listed.as_object().unwrap().keys() {
            self.request(reqwest::Method::DELETE, index, None).await;
        }
    }
}

fn target(on_error: OnError) -> Target {
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
        on_error,
    }
}

fn document(id: &str, at: u64, body: Option<Value>) -> Document {
    let body = body.map(|b| b.to_string().into_bytes().into_boxed_slice());
    Document { index: IndexId(0), id: id.into(), at, body, seed: false }
}

#[tokio::test]
async fn documents_come_change_and_go_and_the_older_version_loses() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "life");
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)]).await.unwrap();
    let odd = "a/b \"ü\"";
    let written = sink
        .write(&[
            document("1", 10, Some(json!({"n": 1}))),
            document("2", 10, Some(json!({"n": 2}))),
            document("2", 11, Some(json!({"n": 3}))),
            document(odd, 10, Some(json!({"n": 4}))),
        ])
        .await
        .unwrap();
    assert_eq!((written.delivered, written.superseded), (3, 0));
    assert_eq!(bench.document("2").await, (json!(11), json!({"n": 3})));
    assert_eq!(bench.document("a%2Fb%20%22%C3%BC%22").await.1, json!({"n": 4}));

    let late = sink.write(&[document("2", 9, Some(json!({"n": 0})))]).await.unwrap();
    assert_eq!((late.delivered, late.superseded), (0, 1));
    let again = sink.write(&[document("2", 11, Some(json!({"n": 3})))]).await.unwrap();
    assert_eq!((again.delivered, again.superseded), (1, 0));

    let gone = sink.write(&[document("1", 12, None), document("never", 12, None)]).await.unwrap();
    assert_eq!(gone.delivered, 2);
    let stale = sink.write(&[document("1", 11, Some(json!({"n": 1})))]).await.unwrap();
    assert_eq!(stale.superseded, 1);
    assert_eq!(bench.document("1").await.1, Value::Null);
    bench.clean().await;
}

#[tokio::test]
async fn a_start_builds_the_next_generation_and_the_aliases_follow_when_it_is_full() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "gen");
    let (one, two) =
        (format!("{}users_0123abcd_1", bench.prefix), format!("{}users_0123abcd_2", bench.prefix));
    let meta_path = format!("{0}flusso_meta/_doc/{0}users_0123abcd", bench.prefix);

    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)]).await.unwrap();
    assert_eq!(bench.alias("users").await, [one.as_str()]);
    assert_eq!(bench.alias("users_0123abcd").await, [one.as_str()]);
    let meta = bench.get(&meta_path).await;
    assert_eq!(meta["_source"], json!({"active_generation": 1, "seeded": false}));
    sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap();
    sink.hydrated(IndexId(0)).await.unwrap();
    let settings = bench.get(&format!("{one}/_settings")).await;
    assert_eq!(settings[&one]["settings"]["index"]["refresh_interval"], "7s");
    let found = bench.get(&format!("{}users/_count", bench.prefix)).await;
    assert_eq!(found["count"], 1);
    let meta = bench.get(&meta_path).await;
    assert_eq!(meta["_source"], json!({"active_generation": 1, "seeded": true}));

    // Twice, as after a crash while the second was being filled.
    bench.sink().prepare(&[target(OnError::Stop)]).await.unwrap();
    assert_eq!(bench.alias("users").await, [one.as_str()]);
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)]).await.unwrap();
    assert_eq!(bench.alias("users_0123abcd").await, [one.as_str()]);
    let three = format!("{}users_0123abcd_3", bench.prefix);
    let listed = bench.get(&format!("{}users_*/_alias", bench.prefix)).await;
    let names: Vec<&String> = listed.as_object().unwrap().keys().collect();
    assert_eq!(names, [&one, &three], "{two} is cleaned up");
    sink.hydrated(IndexId(0)).await.unwrap();
    assert_eq!(bench.alias("users").await, [three.as_str()]);
    assert_eq!(bench.alias("users_0123abcd").await, [three.as_str()]);
    assert_eq!(bench.get(&one).await["status"], 404);
    bench.clean().await;
}

#[tokio::test]
async fn another_schema_leaves_the_plain_alias_until_it_is_full() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "hash");
    bench.sink().prepare(&[target(OnError::Stop)]).await.unwrap();
    let mut changed = target(OnError::Stop);
    changed.hash = "ffffffff".into();
    let mut sink = bench.sink();
    sink.prepare(&[changed]).await.unwrap();
    assert_eq!(bench.alias("users").await, [format!("{}users_0123abcd_1", bench.prefix)]);
    sink.hydrated(IndexId(0)).await.unwrap();
    assert_eq!(bench.alias("users").await, [format!("{}users_ffffffff_1", bench.prefix)]);
    assert_eq!(bench.alias("users_0123abcd").await.len(), 1, "the older schema's stays");
    bench.clean().await;
}

#[tokio::test]
async fn an_index_in_the_place_of_an_alias() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "taken");
    let plain = format!("{}users", bench.prefix);
    bench.request(reqwest::Method::PUT, &plain, None).await;
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)]).await.unwrap();
    sink.hydrated(IndexId(0)).await.unwrap();
    assert_eq!(bench.alias("users_0123abcd").await.len(), 1);

    let mut other = target(OnError::Stop);
    other.hash = "eeeeeeee".into();
    bench.request(reqwest::Method::PUT, &format!("{plain}_eeeeeeee"), None).await;
    let error = bench.sink().prepare(&[other]).await.unwrap_err();
    assert!(
        matches!(&error, SinkError::NameTaken { alias, .. } if *alias == format!("{plain}_eeeeeeee"))
    );
    bench.clean().await;
}

#[tokio::test]
async fn a_document_that_does_not_fit_stops_or_is_skipped() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "poison");
    let batch = [
        document("1", 10, Some(json!({"n": 1}))),
        document("2", 10, Some(json!({"n": "secret"}))),
        document("3", 10, Some(json!({"n": 3}))),
        document(&"x".repeat(513), 10, Some(json!({"n": 4}))),
    ];
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)]).await.unwrap();
    let error = sink.write(&batch[..3]).await.unwrap_err();
    let SinkError::Rejected { index, id, field, reason, .. } = &error else { panic!("{error}") };
    assert_eq!((index.as_str(), id.as_str(), field.as_deref()), ("users", "2", Some("n")));
    assert!(!reason.contains("secret") && reason.contains("integer"), "{reason}");

    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Skip)]).await.unwrap();
    let written = sink.write(&batch).await.unwrap();
    let rejected: Vec<usize> = written.rejected.iter().map(|r| r.id.len()).collect();
    assert_eq!((written.delivered, rejected), (2, vec![513, 1]));
    bench.clean().await;
}

#[tokio::test]
async fn a_missing_index_is_no_document_of_poison() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "closed");
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Skip)]).await.unwrap();
    let close = format!("{}users_0123abcd_1/_close", bench.prefix);
    bench.request(reqwest::Method::POST, &close, None).await;
    let error = sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap_err();
    assert!(matches!(error, SinkError::Refused { status: 400, .. }), "{error}");
    bench.clean().await;
}

/// Forwards to the node. While `cut` is set it carries each request over and then hangs up instead
/// of answering; connections that stand when it is set are cut off at once.
async fn unreliable(node: &str, cut: watch::Receiver<bool>, lost: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let node = node.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&node).await.unwrap();
            let (mut cut, lost) = (cut.clone(), Arc::clone(&lost));
            tokio::spawn(async move {
                if *cut.borrow() {
                    let ((mut from, _), (mut answer, mut to)) = (client.split(), server.split());
                    let mut first = [0];
                    tokio::select! {
                        _ = tokio::io::copy(&mut from, &mut to) => {}
                        _ = answer.read(&mut first) => { lost.fetch_add(1, Ordering::SeqCst); }
                    }
                } else {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = cut.wait_for(|cut| *cut) => {}
                    }
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_until_it_comes() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "lost");
    let lost = Arc::new(AtomicUsize::new(0));
    let (cut, cuts) = watch::channel(false);
    let between = unreliable(&bench.url, cuts, Arc::clone(&lost)).await;
    let mut sink = bench.sink_at(&between, &options());
    sink.prepare(&[target(OnError::Stop)]).await.unwrap();

    cut.send(true).unwrap();
    let mend = async {
        while lost.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cut.send(false).unwrap();
    };
    let batch = [document("1", 10, Some(json!({"n": 1}))), document("2", 10, None)];
    let (written, ()) = tokio::join!(sink.write(&batch), mend);
    assert_eq!(written.unwrap().delivered, 2);
    assert_eq!(bench.document("1").await, (json!(10), json!({"n": 1})));
    bench.clean().await;
}

#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH_TIGHT") else { return };
    let bench = Bench::new(url, "busy");
    let small = Options { batch_size: 20, ..options() };
    // Three requests at a time from each of six hands, onto two threads and a queue of one.
    let mut hands = Vec::new();
    for hand in 0..6 {
        let mut sink = bench.sink_at(&bench.url, &small);
        let mut wanted = target(OnError::Skip);
        wanted.name = format!("users{hand}");
        sink.prepare(&[wanted]).await.unwrap();
        hands.push(tokio::spawn(async move {
            let batch: Vec<Document> =
                (0..1000).map(|n| document(&n.to_string(), 10, Some(json!({"n": n})))).collect();
            sink.write(&batch).await.unwrap()
        }));
    }
    for hand in hands {
        let written = hand.await.unwrap();
        assert_eq!((written.delivered, written.rejected), (1000, vec![]));
    }
    let pools = bench.get("_nodes/stats/thread_pool").await;
    let nodes = pools["nodes"].as_object().unwrap();
    let refused = nodes.values().next().unwrap()["thread_pool"]["write"]["rejected"].as_u64();
    assert!(refused.unwrap() > 0, "the queue was never full, so this proved nothing");
    bench.clean().await;
}

#[tokio::test]
async fn a_request_too_large_goes_in_halves_and_a_document_too_large_is_rejected() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH_TIGHT") else { return };
    let bench = Bench::new(url, "large");
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Skip)]).await.unwrap();
    let blob = |bytes: usize| Some(json!({"blob": "x".repeat(bytes)}));
    let mut batch: Vec<Document> =
        (0..20).map(|n| document(&n.to_string(), 10, blob(200_000))).collect();
    batch.push(document("huge", 10, blob(2_000_000)));
    let written = sink.write(&batch).await.unwrap();
    assert_eq!(written.delivered, 20);
    assert_eq!(written.rejected.iter().map(|r| &*r.id).collect::<Vec<_>>(), ["huge"]);
    bench.clean().await;
}

#[tokio::test]
async fn a_killed_node_is_waited_for() {
    let Some(command) = node("FLUSSO_TEST_OPENSEARCH_RESTART") else { return };
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "kill");
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)]).await.unwrap();
    sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap();
    let restart = tokio::task::spawn_blocking(move || {
        std::process::Command::new("sh").args(["-c", &command]).status().unwrap()
    });
    let mut at = 10;
    while !restart.is_finished() {
        at += 1;
        let batch = [document("1", at, Some(json!({"n": at}))), document("2", at, None)];
        assert_eq!(sink.write(&batch).await.unwrap().delivered, 2);
    }
    assert!(restart.await.unwrap().success());
    assert_eq!(bench.document("1").await, (json!(at), json!({"n": at})));
    bench.clean().await;
}
