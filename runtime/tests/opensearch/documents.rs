//! Documents come, change and go; some are rejected.

use flusso_compiler::files::config::OnError;
use flusso_runtime::sinks::SinkError;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn documents_come_change_and_go_and_the_older_version_loses() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "life");
    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
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
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    let error = sink.write(&batch[..3]).await.unwrap_err();
    let SinkError::Rejected { index, id, field, reason, .. } = &error else { panic!("{error}") };
    assert_eq!((index.as_str(), id.as_str(), field.as_deref()), ("users", "2", Some("n")));
    assert!(!reason.contains("secret") && reason.contains("integer"), "{reason}");

    let mut sink = bench.sink();
    sink.prepare(&[target(OnError::Skip)], PATIENCE).await.unwrap();
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
    sink.prepare(&[target(OnError::Skip)], PATIENCE).await.unwrap();
    let close = format!("{}users_0123abcd_1/_close", bench.prefix);
    bench.request(reqwest::Method::POST, &close, None).await;
    let error = sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap_err();
    assert!(matches!(error, SinkError::Refused { status: 400, .. }), "{error}");
    bench.clean().await;
}
