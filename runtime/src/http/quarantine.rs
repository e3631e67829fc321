//! `/quarantine`: documents that sinks rejected, and another try for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::instant::timestamp;
use crate::lag::lsn;
use crate::quarantine::{Entry, Quarantine};

/// Entries of an answer, unless `limit` says otherwise.
const LIMIT: usize = 1000;

/// The three routes.
pub fn router(quarantine: Arc<Quarantine>) -> Router {
    Router::new()
        .route("/quarantine", get(list))
        .route("/quarantine/retry", post(retry))
        .route("/quarantine/{index}/{*id}", get(show))
        .with_state(quarantine)
}

type Asked = Query<HashMap<String, String>>;

async fn list(State(quarantine): State<Arc<Quarantine>>, Query(asked): Asked) -> Response {
    let limit = match asked.get("limit").map(|text| text.parse::<usize>()) {
        None => LIMIT,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => return (StatusCode::BAD_REQUEST, "limit is a number").into_response(),
    };
    let entries = quarantine.list(asked.get("index").map(String::as_str), None);
    let told: Vec<Value> = entries.iter().take(limit).map(tell).collect();
    Json(json!({ "count": entries.len(), "documents": told })).into_response()
}

async fn show(
    State(quarantine): State<Arc<Quarantine>>,
    Path((index, id)): Path<(String, String)>,
) -> Response {
    let entries = quarantine.list(Some(&index), Some(&id));
    if entries.is_empty() {
        return unknown(Some(&index), Some(&id));
    }
    let told: Vec<Value> = entries.iter().map(tell).collect();
    Json(json!({ "count": entries.len(), "documents": told })).into_response()
}

/// Answers at once; what the sinks take leaves the quarantine when they have taken it.
async fn retry(State(quarantine): State<Arc<Quarantine>>, Query(asked): Asked) -> Response {
    let (index, id) = (asked.get("index"), asked.get("id"));
    let (index, id) = (index.map(String::as_str), id.map(String::as_str));
    match quarantine.retry(index, id) {
        None => (StatusCode::SERVICE_UNAVAILABLE, "not running yet").into_response(),
        Some(0) if index.is_some() || id.is_some() => unknown(index, id),
        Some(asked) => (StatusCode::ACCEPTED, Json(json!({ "asked": asked }))).into_response(),
    }
}

fn unknown(index: Option<&str>, id: Option<&str>) -> Response {
    let of = match (index, id) {
        (Some(index), Some(id)) => format!("document {id} of index {index}"),
        (Some(index), None) => format!("document of index {index}"),
        (None, Some(id)) => format!("document {id}"),
        (None, None) => "document".to_owned(),
    };
    (StatusCode::NOT_FOUND, format!("no {of} is in quarantine")).into_response()
}

fn tell(entry: &Entry) -> Value {
    let instant = |seconds| timestamp(Duration::from_secs(seconds));
    json!({
        "sink": entry.key.sink,
        "index": entry.key.index,
        "id": entry.key.id,
        "lsn": lsn(entry.at),
        "field": entry.field,
        "reason": entry.reason,
        "times": entry.times,
        "first": instant(entry.first),
        "last": instant(entry.last),
    })
}

#[cfg(test)]
mod tests {
    use flusso_compiler::plan::IndexId;

    use super::*;
    use crate::sinks::Rejection;

    async fn serve(quarantine: Arc<Quarantine>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { crate::http::server::serve(listener, router(quarantine)).await });
        url
    }

    async fn ask(request: reqwest::RequestBuilder) -> (u16, String) {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn what_is_in_quarantine_is_listed_shown_and_tried_again() {
        let quarantine = Arc::new(Quarantine::default());
        let url = serve(quarantine.clone()).await;
        let get = async |path: &str| ask(reqwest::Client::new().get(format!("{url}{path}"))).await;
        let post =
            async |path: &str| ask(reqwest::Client::new().post(format!("{url}{path}"))).await;
        assert_eq!(get("/quarantine").await, (200, r#"{"count":0,"documents":[]}"#.to_owned()));
        assert_eq!(post("/quarantine/retry").await.0, 503);

        let rejected = |id: &str| Rejection {
            index: IndexId(0),
            id: id.into(),
            at: 0x1_0000_00ff,
            field: Some("n".to_owned()),
            reason: "no number".to_owned(),
        };
        let rejected = [rejected("a/b c"), rejected("2")];
        quarantine.settle("search", |_| "users", &[], &rejected).unwrap();
        quarantine.attach(|_, _| {});
        let (_, body) = get("/quarantine?index=users&limit=1").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["count"], &body["documents"][0]["id"]), (&json!(2), &json!("2")));
        assert_eq!(get("/quarantine?index=orders").await.1, r#"{"count":0,"documents":[]}"#);
        assert_eq!(get("/quarantine?limit=x").await.0, 400);

        let (status, body) = get("/quarantine/users/a%2Fb%20c").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let one = &body["documents"][0];
        assert_eq!((status, &one["id"], &one["lsn"]), (200, &json!("a/b c"), &json!("1/FF")));
        assert_eq!((&one["sink"], &one["field"]), (&json!("search"), &json!("n")));
        assert_eq!(get("/quarantine/users/3").await.0, 404);

        assert_eq!(post("/quarantine/retry").await, (202, r#"{"asked":2}"#.to_owned()));
        assert_eq!(post("/quarantine/retry?index=users&id=2").await.1, r#"{"asked":1}"#);
        assert_eq!(post("/quarantine/retry?index=orders").await.0, 404);
        assert_eq!(get("/quarantine/retry").await.0, 405);
    }
}
