//! Questions to an OpenSearch node.

use serde_json::{Value, json};

use crate::database::RUNTIME;
use crate::documents::{Documents, normal};

/// Asks and gives status and body.
pub fn ask(method: reqwest::Method, url: &str, body: Option<Value>) -> (u16, Value) {
    RUNTIME.block_on(async {
        let mut request = reqwest::Client::new().request(method, url);
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
        ask(reqwest::Method::POST, &format!("{url}/{name}/_refresh"), None);
        let mut after = Value::Null;
        loop {
            let mut body = json!({ "size": 1000, "sort": ["_id"], "version": true });
            if !after.is_null() {
                body["search_after"] = after.clone();
            }
            let (status, answer) =
                ask(reqwest::Method::POST, &format!("{url}/{name}/_search"), Some(body));
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
