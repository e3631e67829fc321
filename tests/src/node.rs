//! Questions to an OpenSearch node.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::database::RUNTIME;
use crate::deployment::{Deployment, PATIENCE};
use crate::documents::{Documents, explain, normal};
use crate::flusso::Flusso;

/// Asks and gives status and body.
pub fn ask(method: Method, url: &str, body: Option<Value>) -> (u16, Value) {
    ask_by(&Client::new(), method, url, body)
}

/// The same by a client that is at hand: making one, and its connection, costs milliseconds.
pub fn ask_by(client: &Client, method: Method, url: &str, body: Option<Value>) -> (u16, Value) {
    RUNTIME.block_on(async {
        let mut request = client.request(method, url);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let text = response.text().await.unwrap_or_default();
                (status, serde_json::from_str(&text).unwrap_or(Value::Null))
            }
            Err(_) => (0, Value::Null),
        }
    })
}

/// Everything in these indexes as a search sees it, the prefix taken off the names.
pub fn documents(url: &str, prefix: &str, indexes: &[&str]) -> Documents {
    let mut documents = Documents::new();
    for index in indexes {
        let name = format!("{prefix}{index}");
        ask(Method::POST, &format!("{url}/{name}/_refresh"), None);
        let mut after = Value::Null;
        loop {
            let mut body = json!({ "size": 1000, "sort": ["_id"], "version": true });
            if !after.is_null() {
                body["search_after"] = after.clone();
            }
            let (status, answer) = ask(Method::POST, &format!("{url}/{name}/_search"), Some(body));
            assert!(matches!(status, 200 | 404), "{name}: {answer}");
            let hits = answer["hits"]["hits"].as_array().cloned().unwrap_or_default();
            let Some(last) = hits.last() else { break };
            after = last["sort"].clone();
            for hit in hits {
                let id = hit["_id"].as_str().expect("a hit has an id").to_owned();
                documents.insert(((*index).to_owned(), id), normal(hit["_source"].clone()));
            }
        }
    }
    documents
}

/// Waits until the node has the latest beat and all documents equal Postgres' answer. Names of
/// indexes begin with the deployment's.
pub fn expect_equal(deployment: &Deployment, flusso: &mut Flusso, node: &str, when: &str) {
    let beat = deployment.beat();
    let prefix = format!("{}_", deployment.name);
    let deadline = Instant::now() + PATIENCE;
    let url = format!("{node}/{prefix}beats/_doc/1");
    while ask(Method::GET, &url, None).1["_source"]["beat"].as_u64() != Some(beat) {
        let ended = flusso.ended();
        assert!(ended.is_none(), "{when}: it ended with {ended:?}\n{}", flusso.said());
        assert!(Instant::now() < deadline, "{when}: the beat did not come\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    let expected = deployment.oracle();
    let indexes: Vec<&str> = deployment.indexes().collect();
    let deadline = Instant::now() + PATIENCE / 3;
    while let Some(difference) = explain(&expected, &documents(node, &prefix, &indexes)) {
        assert!(Instant::now() < deadline, "{when}: {difference}\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(200));
    }
}
