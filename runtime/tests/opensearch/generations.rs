//! Generations of an index, and the aliases that lead to them.

use flusso_compiler::files::config::{OnError, OpenSearch as Options};
use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::Document;
use flusso_runtime::sinks::{SinkError, Target};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_start_builds_the_next_generation_and_the_aliases_follow_when_it_is_full() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "gen");
    let (one, two) =
        (format!("{}users_0123abcd_1", bench.prefix), format!("{}users_0123abcd_2", bench.prefix));
    let meta_path = format!("{0}flusso_meta/_doc/{0}users_0123abcd", bench.prefix);

    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
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
    bench.sink().prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    assert_eq!(bench.alias("users").await, [one.as_str()]);
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
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
    bench.sink().prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    let mut changed = target(OnError::Stop);
    changed.hash = "ffffffff".into();
    let mut sink = bench.sink();
    sink.prepare(&[changed], PATIENCE).await.unwrap();
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
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    sink.hydrated(IndexId(0)).await.unwrap();
    assert_eq!(bench.alias("users_0123abcd").await.len(), 1);

    let mut other = target(OnError::Stop);
    other.hash = "eeeeeeee".into();
    bench.request(reqwest::Method::PUT, &format!("{plain}_eeeeeeee"), None).await;
    let error = bench.sink().prepare(&[other], PATIENCE).await.unwrap_err();
    assert!(
        matches!(&error, SinkError::NameTaken { alias, .. } if *alias == format!("{plain}_eeeeeeee"))
    );
    bench.clean().await;
}

#[tokio::test]
async fn a_complete_generation_of_the_same_state_is_gone_on_with() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "goes");
    let (zero, one) = (IndexId(0), format!("{}users_0123abcd_1", bench.prefix));
    let of = |token: &str| Target { token: Some(token.into()), ..target(OnError::Stop) };
    let mut sink = bench.sink();
    assert_eq!(sink.prepare(&[of("a")], PATIENCE).await.unwrap(), [zero]);
    sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap();
    assert!(sink.hydrated(zero).await.unwrap());

    // Settings that the server changes in place.
    let mut wanted = of("a");
    wanted.body["settings"]["index"]["number_of_replicas"] = json!(1);
    let mut sink =
        bench.sink_at(&bench.url, &Options { refresh_interval: "3s".into(), ..options() });
    assert_eq!(sink.prepare(&[wanted], PATIENCE).await.unwrap(), []);
    assert_eq!(sink.outdated(), []);
    let settings = bench.get(&format!("{one}/_settings")).await;
    let settings = &settings[&one]["settings"]["index"];
    assert_eq!(
        (&settings["refresh_interval"], &settings["number_of_replicas"]),
        (&json!("3s"), &json!("1"))
    );
    sink.write(&[document("2", 20, Some(json!({"n": 2})))]).await.unwrap();
    assert_eq!(bench.alias("users").await, [one.as_str()]);

    // Settings that it does not: beside the one that goes on, another is begun.
    let mut wanted = of("a");
    wanted.body["mappings"]["properties"]["more"] = json!({"type": "keyword"});
    let mut sink = bench.sink();
    assert_eq!(sink.prepare(&[wanted], PATIENCE).await.unwrap(), []);
    assert_eq!(sink.outdated(), [zero]);
    sink.filling(zero, 1);
    sink.write(&[document("3", 30, Some(json!({"n": 3})))]).await.unwrap();
    let filled = Document { fill: Some(1), ..document("1", 30, Some(json!({"n": 1}))) };
    sink.write(&[filled]).await.unwrap();
    assert_eq!(bench.document("3").await.0, 30, "changes go to both");
    assert_eq!(bench.document("1").await.0, 10, "the fill to the new one alone");
    assert!(sink.hydrated(zero).await.unwrap());
    assert_eq!(bench.alias("users").await, [format!("{}users_0123abcd_2", bench.prefix)]);

    // Of another state nothing is known.
    let mut sink = bench.sink();
    assert_eq!(sink.prepare(&[of("b")], PATIENCE).await.unwrap(), [zero]);
    bench.clean().await;
}

#[tokio::test]
async fn an_index_that_goes_while_it_is_filled_is_begun_anew() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "gone");
    let (zero, one) = (IndexId(0), format!("{}users_0123abcd_1", bench.prefix));
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap();
    bench.request(reqwest::Method::DELETE, &one, None).await;
    assert!(!sink.hydrated(zero).await.unwrap());
    let written = sink.write(&[document("2", 20, Some(json!({"n": 2})))]).await.unwrap();
    assert_eq!(written.lost.into_iter().collect::<Vec<_>>(), [zero]);
    assert_eq!(sink.look().await.unwrap(), [zero]);
    sink.begin(zero).await.unwrap();
    assert!(sink.hydrated(zero).await.unwrap());
    assert_eq!(bench.alias("users").await, [format!("{}users_0123abcd_2", bench.prefix)]);
    bench.clean().await;
}
