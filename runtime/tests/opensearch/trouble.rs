//! A server that is busy, full, away or cut off is waited for, and nothing is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flusso_compiler::files::config::{OnError, OpenSearch as Options};
use flusso_dataflow::emit::Document;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::*;

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
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();

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

/// Forwards to the node; its answers come after a delay.
async fn sluggish(node: &str, delay: watch::Receiver<Duration>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let node = node.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&node).await.unwrap();
            let delay = delay.clone();
            let ((mut from, mut to), (mut answers, mut requests)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from, &mut requests).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(read @ 1..) = answers.read(&mut bytes).await {
                    let delay = *delay.borrow();
                    tokio::time::sleep(delay).await;
                    if to.write_all(&bytes[..read]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn an_answer_that_comes_too_late_changes_nothing() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "slow");
    let (delay, delays) = watch::channel(Duration::ZERO);
    let between = sluggish(&bench.url, delays).await;
    let impatient = Options { timeout_secs: 1, ..options() };
    let mut sink = bench.sink_at(&between, &impatient);
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    let waits = sink.waits().unwrap();
    delay.send(Duration::from_secs(2)).unwrap();
    let mend = async {
        while waits.begun() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        delay.send(Duration::ZERO).unwrap();
    };
    let batch = [document("1", 10, Some(json!({"n": 1}))), document("2", 10, None)];
    let (written, ()) = tokio::join!(sink.write(&batch), mend);
    // The node had carried it out each time, and external_gte takes its own version again.
    assert_eq!(written.unwrap().delivered, 2);
    sink.write(&[document("1", 11, Some(json!({"n": 2})))]).await.unwrap();
    assert_eq!(bench.document("1").await, (json!(11), json!({"n": 2})));
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
        sink.prepare(&[wanted], PATIENCE).await.unwrap();
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
    sink.prepare(&[target(OnError::Skip)], PATIENCE).await.unwrap();
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
async fn a_request_above_the_servers_memory_goes_in_parts() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH_TIGHT") else { return };
    let bench = Bench::new(url, "memory");
    let refusals = async || {
        let stats = bench.get("_nodes/stats/indexing_pressure").await;
        let node = stats["nodes"].as_object().unwrap().values().next().unwrap().clone();
        node["indexing_pressure"]["memory"]["total"]["coordinating_rejections"].as_u64().unwrap()
    };
    // Below what fits into a request, above what fits into memory.
    let large = Options { max_bytes: 900_000, ..options() };
    let mut sink = bench.sink_at(&bench.url, &large);
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    let before = refusals().await;
    let blob = "x".repeat(50_000);
    let batch: Vec<Document> =
        (0..40).map(|n| document(&n.to_string(), 10, Some(json!({"blob": blob})))).collect();
    assert_eq!(sink.write(&batch).await.unwrap().delivered, 40);
    assert!(refusals().await > before, "it all fitted, so this proved nothing");
    bench.clean().await;
}

/// Writes while the index is blocked, and again when the block is lifted.
async fn blocked(test: &str, block: &str, awaited: &str) {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, test);
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Skip)], PATIENCE).await.unwrap();
    let waits = sink.waits().unwrap();
    let path = format!("{}users_0123abcd_1/_settings", bench.prefix);
    let set = async |value: Value| {
        let blocks = json!({"index": {"blocks": {block: value}}});
        bench.request(reqwest::Method::PUT, &path, Some(blocks)).await;
    };
    set(json!(true)).await;
    let lift = async {
        while waits.begun() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let now = waits.now("sink").unwrap().what;
        assert!(now.contains(awaited), "{now}");
        set(Value::Null).await;
    };
    let batch = [document("1", 10, Some(json!({"n": 1}))), document("2", 10, None)];
    let (written, ()) = tokio::join!(sink.write(&batch), lift);
    let written = written.unwrap();
    assert_eq!((written.delivered, written.rejected), (2, vec![]));
    assert_eq!(waits.now("sink"), None);
    assert_eq!(bench.document("1").await, (json!(10), json!({"n": 1})));
    bench.clean().await;
}

#[tokio::test]
async fn the_flood_stage_is_waited_for() {
    blocked("flood", "read_only_allow_delete", "disk").await;
}

#[tokio::test]
async fn a_block_set_by_hand_is_waited_for() {
    blocked("block", "write", "block").await;
}

#[tokio::test]
async fn a_delete_outlives_a_refresh_and_a_late_write() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "late");
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    // One that was there, one that never was.
    sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap();
    sink.write(&[document("1", 20, None), document("2", 20, None)]).await.unwrap();
    let index = format!("{}users_0123abcd_1", bench.prefix);
    for step in ["_refresh", "_flush", "_forcemerge?max_num_segments=1"] {
        bench.request(reqwest::Method::POST, &format!("{index}/{step}"), None).await;
    }
    let late =
        [document("1", 15, Some(json!({"n": 15}))), document("2", 15, Some(json!({"n": 15})))];
    let written = sink.write(&late).await.unwrap();
    assert_eq!((written.delivered, written.superseded), (0, 2));
    let settings = bench.get(&format!("{index}/_settings")).await;
    let index = &settings[&index]["settings"]["index"];
    assert_eq!(
        (&index["gc_deletes"], &index["translog"]["durability"]),
        (&json!("1h"), &json!("request"))
    );
    bench.clean().await;
}

#[tokio::test]
async fn a_node_killed_ten_times_has_everything_that_was_written() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH_FRAIL") else { return };
    let Some(command) = node("FLUSSO_TEST_OPENSEARCH_RESTART") else { return };
    let bench = Bench::new(url, "kill");
    let mut sink = bench.sink_at(&bench.url, &Options { batch_size: 50, ..options() });
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    let mut at = 10;
    for _ in 0..10 {
        let command = command.clone();
        let restart = tokio::task::spawn_blocking(move || {
            std::process::Command::new("sh").args(["-c", &command]).status().unwrap()
        });
        while !restart.is_finished() {
            at += 1;
            // Some change, some go, and which do moves along.
            let batch: Vec<Document> = (0..200)
                .map(|n| {
                    let id = ((n * 7 + at) % 1000).to_string();
                    let gone = (n + at) % 5 == 0;
                    match gone {
                        true => expected.remove(&id),
                        false => expected.insert(id.clone(), at),
                    };
                    document(&id, at, (!gone).then(|| json!({"n": at})))
                })
                .collect();
            assert_eq!(sink.write(&batch).await.unwrap().delivered, 200);
        }
        assert!(restart.await.unwrap().success());
    }
    bench.request(reqwest::Method::POST, &format!("{}users/_refresh", bench.prefix), None).await;
    let found = bench.get(&format!("{}users/_search?size=2000", bench.prefix)).await;
    let hits = found["hits"]["hits"].as_array().unwrap();
    let held: BTreeMap<String, u64> = hits
        .iter()
        .map(|hit| (hit["_id"].as_str().unwrap().into(), hit["_source"]["n"].as_u64().unwrap()))
        .collect();
    assert_eq!(held, expected);
    bench.clean().await;
}
