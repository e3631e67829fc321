//! The surfaces as a client sees them, over real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{HttpError, Settings, Surfaces};
use crate::reading::{Made, Reading};
use crate::rebuild::Rebuilds;
use crate::sinks::Written;
use crate::status::{IndexState, Phase, Status};

fn settings(private: &str, password: &str) -> Settings {
    Settings {
        public: "127.0.0.1:0".parse().unwrap(),
        private: private.parse().unwrap(),
        user: "admin".to_owned(),
        password: password.to_owned(),
    }
}

async fn serve() -> (Arc<Status>, Arc<Rebuilds>, SocketAddr, SocketAddr) {
    let rebuilds = Arc::new(Rebuilds::default());
    let status = Arc::new(Status::new([("users".to_owned(), true), ("old".to_owned(), false)]));
    let surfaces = Surfaces::bind(settings("127.0.0.1:0", "s")).await.unwrap();
    let (public, private) = surfaces.addresses().unwrap();
    surfaces.serve(status.clone(), Arc::default(), rebuilds.clone());
    (status, rebuilds, public, private)
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_public_surface_tells_health_readiness_and_numbers() {
    let (status, _, public, _) = serve().await;
    assert_eq!(get(public, "/healthz").await, (200, String::new()));
    assert_eq!(get(public, "/healthz/").await.0, 404);
    assert_eq!(get(public, "/readyz").await.0, 503);
    status.enter(Phase::Backfilling);
    assert_eq!(get(public, "/readyz").await.0, 200);

    status.index("users", IndexState::Seeded);
    status.captured(16, SystemTime::now(), 3);
    status.sink("search");
    let written = Written { superseded: 1, ..Written::default() };
    status.wrote("search", Duration::from_millis(2), [("users", 2)].into_iter(), &written);
    let made = Made { built: 2, suppressed: 5, filled: 9, roots: 9 };
    let indexes = BTreeMap::from([("users".to_owned(), made)]);
    status.attach(move || Reading { indexes: indexes.clone(), ..Reading::default() });
    status.lag(77);
    let (_, body) = get(public, "/status").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["phase"], "backfilling");
    assert_eq!(body["indexes"], serde_json::json!({ "users": "seeded", "old": "pending" }));
    assert_eq!(body["changes_in_flight"], 3);
    assert_eq!(body["documents_built"], 2);
    assert_eq!(body["last_flush_micros"], 2000);
    assert_eq!(body["slot_lag_bytes"], 77);
    assert_eq!(body["last_error"], serde_json::Value::Null);

    let (_, page) = get(public, "/metrics?x=1").await;
    for line in [
        "flusso_changes_captured_total 3",
        "flusso_documents_built_total{index=\"users\"} 2",
        "flusso_documents_sent_total{index=\"users\",sink=\"search\"} 2",
        "flusso_documents_suppressed_total{index=\"users\"} 5",
        "flusso_indexes 1",
        "flusso_indexes_seeded_total{index=\"users\"} 1",
        "flusso_flush_duration_seconds_bucket{le=\"0.001\"} 0",
        "flusso_flush_duration_seconds_bucket{le=\"0.005\"} 1",
        "flusso_flush_duration_seconds_bucket{le=\"+Inf\"} 1",
        "flusso_replication_slot_lag_bytes 77",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} is missing in\n{page}");
    }
    assert!(!page.contains("flusso_errors_total"), "appears with the first error");
}

#[tokio::test]
async fn the_private_surface_asks_for_the_login_before_anything_else() {
    let (_, rebuilds, _, private) = serve().await;
    assert_eq!(get(private, "/nowhere").await, (401, "unauthorized".to_owned()));

    let client = reqwest::Client::new();
    let ask = |method: &str, path: &str| {
        let method = method.parse().unwrap();
        let request = client.request(method, format!("http://{private}{path}"));
        let request = request.basic_auth("admin", Some("s"));
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    assert_eq!(ask("GET", "/nowhere").await.0, 404);
    let indexes = (200, "{\"old\":\"pending\",\"users\":\"pending\"}".to_owned());
    assert_eq!(ask("GET", "/indexes").await, indexes);
    assert_eq!(ask("GET", "/reindex").await.0, 405);
    assert_eq!(ask("POST", "/reindex").await.0, 400);
    let invalid = (400, "invalid index name \"x-y\"".to_owned());
    assert_eq!(ask("POST", "/reindex?index=x-y").await, invalid);
    assert_eq!(ask("POST", "/reindex?index=nope").await, (404, "unknown index nope".to_owned()));
    assert_eq!(ask("POST", "/reindex?index=Users").await.0, 503);
    rebuilds.attach(|name| name == "users");
    let accepted = (202, "reindex of users queued".to_owned());
    assert_eq!(ask("POST", "/reindex?index=Users").await, accepted);
    let disabled = (409, "index old is disabled".to_owned());
    assert_eq!(ask("POST", "/reindex?index=old").await, disabled);
}

#[tokio::test]
async fn a_taken_port_and_an_open_default_password_end_the_start() {
    let taken = Surfaces::bind(settings("127.0.0.1:0", "flusso")).await.unwrap();
    let (_, private) = taken.addresses().unwrap();
    let again = Surfaces::bind(settings(&private.to_string(), "flusso")).await;
    assert!(matches!(again, Err(HttpError::Bind { surface: "private", .. })));

    let open = Surfaces::bind(settings("0.0.0.0:0", "flusso")).await;
    assert!(matches!(open, Err(HttpError::DefaultPassword(_))));
    assert!(Surfaces::bind(settings("0.0.0.0:0", "chosen")).await.is_ok());
}
