//! Generations of an index, and the aliases that lead to them.

use flusso_compiler::files::config::OnError;
use flusso_compiler::plan::IndexId;
use flusso_runtime::sinks::SinkError;
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
