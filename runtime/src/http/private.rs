//! What an operator may ask for, behind a login that comes before everything else: without it
//! even an unknown path answers 401.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};

use super::auth::Login;
use super::json;
use crate::quarantine::Quarantine;
use crate::rebuild::{Answer, Rebuilds};
use crate::status::Status;

/// `/indexes`, `/reindex`, `/quarantine`, and `/status` for whoever cannot reach the public address.
pub fn router(
    status: Arc<Status>,
    quarantine: Arc<Quarantine>,
    rebuilds: Arc<Rebuilds>,
    login: Login,
) -> Router {
    let reindexes =
        Router::new().route("/reindex", post(reindex)).with_state((status.clone(), rebuilds));
    Router::new()
        .route("/indexes", get(indexes))
        .route("/status", get(tell))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(status)
        .merge(reindexes)
        .merge(super::quarantine::router(quarantine))
        .layer(from_fn_with_state(login, guard))
}

async fn guard(State(login): State<Login>, request: Request, next: Next) -> Response {
    if login.admits(request.headers()) {
        return next.run(request).await;
    }
    let challenge = "Basic realm=\"flusso\", charset=\"UTF-8\"";
    let headers = [(header::WWW_AUTHENTICATE, challenge)];
    (StatusCode::UNAUTHORIZED, headers, "unauthorized").into_response()
}

async fn indexes(State(status): State<Arc<Status>>) -> impl IntoResponse {
    Json(json::indexes(&status.read()))
}

async fn tell(State(status): State<Arc<Status>>) -> impl IntoResponse {
    Json(json::status(&status.read()))
}

/// Answers at once; every sink then builds the index anew, and shows it when it is complete.
async fn reindex(
    State((status, rebuilds)): State<(Arc<Status>, Arc<Rebuilds>)>,
    Query(query): Query<HashMap<String, String>>,
) -> (StatusCode, String) {
    let Some(given) = query.get("index") else {
        return (StatusCode::BAD_REQUEST, "missing query parameter ?index=<name>".to_owned());
    };
    let name = given.trim().to_lowercase();
    if !is_name(&name) {
        return (StatusCode::BAD_REQUEST, format!("invalid index name \"{given}\""));
    }
    if !status.read().indexes.contains_key(&name) {
        return (StatusCode::NOT_FOUND, format!("unknown index {name}"));
    }
    match rebuilds.ask(&name) {
        Answer::Accepted => (StatusCode::ACCEPTED, format!("reindex of {name} queued")),
        Answer::Disabled => (StatusCode::CONFLICT, format!("index {name} is disabled")),
        Answer::NotRunning => (StatusCode::SERVICE_UNAVAILABLE, "not running yet".to_owned()),
    }
}

/// `[a-z_][a-z0-9_]*`, at most 63 characters.
fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let first = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    first && name.len() <= 63 && name.chars().all(word)
}
