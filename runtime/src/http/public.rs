//! What anyone may ask: is it alive, is it ready, how far is it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json};
use axum::routing::get;

use super::{json, metrics};
use crate::status::Status;

/// `/healthz`, `/readyz`, `/status`, `/metrics`.
pub fn router(status: Arc<Status>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(readyz))
        .route("/status", get(tell))
        .route("/metrics", get(scrape))
        .with_state(status)
}

async fn readyz(State(status): State<Arc<Status>>) -> StatusCode {
    if status.phase().ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn tell(State(status): State<Arc<Status>>) -> impl IntoResponse {
    Json(json::status(&status.read()))
}

async fn scrape(State(status): State<Arc<Status>>) -> impl IntoResponse {
    let kind = "text/plain; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics::text(&status.read()))
}
