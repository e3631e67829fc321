//! Answers with bounds on all that a stranger could take of us: connections, time and bytes.
//!
//! A surface shares the process with the stream of changes, so whoever holds connections open,
//! sends a byte a second or a megabyte of headers must run out of something before we do. What
//! can be answered is answered with its status; what cannot even be read is hung up on.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections of a surface at once; whoever comes later waits in the system's queue.
const CONNECTIONS: usize = 256;
/// From the first byte, or the last answer, to the end of a request's headers.
const HEADERS: Duration = Duration::from_secs(5);
/// From the end of its headers to the answer.
const ANSWER: Duration = Duration::from_secs(10);
/// After which a connection is asked to close, and after which it is cut.
const LIFE: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(15));
/// Bytes of a path with its query, of all headers, and of a body.
const MOST: (usize, usize, u64) = (8 << 10, 64 << 10, 64 << 10);
/// When the system has no more connections to give.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers until the process ends.
pub async fn serve(listener: TcpListener, router: Router) {
    let router = router.layer(from_fn(bounded));
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(slot) = slots.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    converse(stream, router).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be taken");
                sleep(PAUSE).await;
            }
        }
    }
}

/// One connection to its end. How it ends is nobody's business but the other side's.
async fn converse(stream: TcpStream, router: Router) {
    let (_, headers, _) = MOST;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(headers)
        .max_header_size(headers)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    if timeout(LIFE.0, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(LIFE.1, connection).await;
    }
}

/// Refuses what is too long, and gives up on what takes too long to be read.
async fn bounded(request: Request, next: Next) -> Response {
    let (path, _, body) = MOST;
    if request.uri().to_string().len() > path {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > body) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let answered = timeout(ANSWER, next.run(request)).await;
    answered.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}
