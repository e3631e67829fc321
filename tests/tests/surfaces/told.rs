//! `/status` and `/metrics` of a real run, and the commands that ask it.

use std::time::{Duration, Instant};

use flusso_tests::deployment::PATIENCE;
use flusso_tests::flusso::command;
use flusso_tests::http::{get, told};
use flusso_tests::server::repository;
use flusso_tests::{prometheus, shop};
use serde_json::{Value, json};

use super::{LINES, SERVER};

/// The reference's keys of `/status`, with their types as JSON writes them.
const KEYS: [&str; 13] = [
    "phase",
    "uptime_seconds",
    "indexes",
    "changes_captured",
    "changes_committed",
    "changes_in_flight",
    "documents_built",
    "documents_quarantined",
    "batches",
    "last_flush_micros",
    "slot_lag_bytes",
    "errors",
    "last_error",
];

/// Asks until it holds.
fn until(public: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = told(public);
        if holds(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "{what} did not come: {now:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn status_and_metrics_tell_what_happens() {
    let shop = shop::deployment(&SERVER, "told", 300, LINES);
    let mut flusso = shop.start(2);
    let (public, private) = flusso.addresses();
    shop.expect_equal(&mut flusso, "at seed");
    shop.session.run("UPDATE shops SET name = 'Told' WHERE id = 1");
    // No document shows an address in capitals.
    shop.session.run("UPDATE users SET email = upper(email) WHERE id < 5");
    shop.expect_equal(&mut flusso, "after changes");
    assert!(shop.confirmed());
    let now = until(&public, "the end of all work", |now| {
        let lags = now["lag"].as_object().into_iter().flatten();
        now["phase"] == "live"
            && now["changes_in_flight"] == 0
            && lags.clone().count() == 5
            && lags.clone().all(|(_, lag)| lag["seconds"] == 0.0)
            && now["work"].as_array().into_iter().flatten().all(|work| work["finished"] == true)
    });
    for key in KEYS {
        assert!(now.get(key).is_some(), "{key} is missing in {now:#}");
    }
    assert_eq!(now["errors"], 0);
    assert_eq!(now["last_error"], Value::Null);
    assert_eq!(now["waiting_for"], json!([]));
    assert_eq!(now["retries"], json!({ "postgres": 0 }));
    let indexes =
        json!({ "orders": "seeded", "users": "seeded", "products": "seeded", "beats": "seeded" });
    assert_eq!(now["indexes"], indexes);
    assert!(now["documents"]["orders"]["suppressed"].as_u64() > Some(0), "{now:#}");
    let built = now["documents"]["orders"]["built"].as_u64();
    assert!(built >= Some(300), "{now:#}");
    assert_eq!(now["sinks"]["lines"]["documents_sent"]["orders"].as_u64(), built, "{now:#}");
    assert_eq!(now["copy"]["orders"]["rows"], 300);
    assert_eq!(now["work"][0]["what"], "copy");
    let kept = now["kept"].as_object().expect("named things").clone();
    assert_eq!(kept["orders[id]"]["records"], 300);
    assert!(kept["orders[id]"]["bytes"].as_u64() > Some(0));
    assert!(kept["orders[id]"]["busy_seconds"].as_f64() > Some(0.0));
    assert!(now["busy_seconds"]["assemble"].as_f64() > Some(0.0));

    let (status, page) = get(&public, "/metrics");
    assert_eq!(status, 200);
    let samples = prometheus::read(&page).unwrap_or_else(|wrong| panic!("{wrong}\n{page}"));
    for (name, value) in [
        ("flusso_changes_in_flight", 0.0),
        ("flusso_indexes", 4.0),
        ("flusso_indexes_seeded_total{index=\"orders\"}", 1.0),
        ("flusso_kept_records{kept=\"orders[id]\"}", 300.0),
        ("flusso_retries_total{who=\"postgres\"}", 0.0),
        ("flusso_waiting_seconds{who=\"postgres\"}", 0.0),
        ("flusso_lag_seconds{stage=\"confirmed\"}", 0.0),
        ("flusso_copy_rows{table=\"orders\"}", 300.0),
        ("flusso_fill_documents_expected{index=\"orders\"}", 300.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in\n{page}");
    }
    for name in [
        "flusso_changes_captured_total",
        "flusso_changes_committed_total",
        "flusso_documents_built_total{index=\"orders\"}",
        "flusso_batches_total",
        "flusso_flush_duration_seconds_count",
        "flusso_replication_slot_lag_bytes",
        "flusso_documents_sent_total{index=\"orders\",sink=\"lines\"}",
        "flusso_documents_suppressed_total{index=\"orders\"}",
        "flusso_busy_seconds_total{node=\"propagate\"}",
        "process_resident_memory_bytes",
    ] {
        assert!(samples.contains_key(name), "{name} is missing in\n{page}");
    }
    documented(&now, &page);
    commands(&shop.folder, &private);
    drop(flusso);
}

/// The manual names every key and every metric, and the dashboard shows none but those.
fn documented(status: &Value, page: &str) {
    let path = repository().join("docs/src/watching.md");
    let manual = std::fs::read_to_string(path).expect("the manual has the page");
    let keys = status.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let metrics = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in keys.chain(metrics).filter(|name| *name != "target_info") {
        assert!(manual.contains(&format!("`{name}`")), "`{name}` is not in the manual");
    }
    let path = repository().join("dev/grafana/flusso.json");
    let dashboard = std::fs::read_to_string(path).expect("there is a dashboard");
    for rest in dashboard.split("flusso_").skip(1) {
        let word = |c: char| c.is_ascii_lowercase() || c == '_';
        let name = rest.split(|c| !word(c)).next().unwrap_or_default();
        let name = format!("`flusso_{}`", name.trim_end_matches("_bucket"));
        assert!(manual.contains(&name), "the dashboard shows {name}");
    }
}

/// `flusso indexes` and `flusso reindex` against it.
fn commands(folder: &std::path::Path, private: &str) {
    let asked = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--server", private]);
        let output = command(folder, &all);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, err) = asked(&["indexes"]);
    let states = "{\n  \"beats\": \"seeded\",\n  \"orders\": \"seeded\",\n  \"products\": \"seeded\",\n  \"users\": \"seeded\"\n}\n";
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), states, ""));
    let (code, out, _) = asked(&["indexes", "--format", "human"]);
    assert_eq!(code, Some(0));
    let orders = out.lines().find(|line| line.trim_start().starts_with("orders")).expect("a line");
    let words: Vec<&str> = orders.split_whitespace().collect();
    assert_eq!(words[..3], ["orders", "seeded", "300"], "{out}");
    let (code, out, err) = asked(&["indexes", "--admin-password", "wrong"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(err, "error: the server answered 401: unauthorized\n");
    let (code, _, err) = asked(&["reindex", "nope"]);
    assert_eq!(
        (code, err.as_str()),
        (Some(1), "error: the server answered 404: unknown index nope\n")
    );
    let (code, _, err) = asked(&["reindex", "x-y"]);
    let refused = "error: the server answered 400: invalid index name \"x-y\"\n";
    assert_eq!((code, err.as_str()), (Some(1), refused));
}
