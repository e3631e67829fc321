//! How long after its commit a change is found by a search, under a modest load.
//!
//! One session marks an order twenty times a second, one looks for all marks that were not yet
//! found, two hundred times a second; what the looking takes counts as ours.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flusso_tests::database::Session;
use flusso_tests::node::ask;
use reqwest::Method;
use serde_json::json;

use crate::Request;

/// Between two marks, and between two looks.
const EVERY: (Duration, Duration) = (Duration::from_millis(47), Duration::from_millis(5));
/// Other changes a second.
const LOAD: u32 = 100;
/// What is found before is not counted: node and client are warming up.
const WARM: Duration = Duration::from_secs(15);
/// How long the last marks may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was found.
pub struct Found {
    /// From after the commit to the first search that found it, rising.
    pub times: Vec<Duration>,
    /// Changes a second meanwhile.
    pub rate: f64,
    /// How long one of the node's refreshes took, on average: it counts from the end of one to the
    /// beginning of the next.
    pub refresh: Duration,
}

/// Marks orders for as long as was asked for, and looks for the marks in an index; `name` sets
/// them apart from others'.
pub fn found(request: &Request, url: &str, index: &str, name: &str) -> Found {
    let (begun, length) = (Instant::now(), WARM + Duration::from_secs(u64::from(request.seconds)));
    let stop = Arc::new(AtomicBool::new(false));
    let changes = Arc::new(AtomicU64::new(0));
    let load = load(request, url, stop.clone(), changes.clone());
    let (count, took) = refreshes(index);
    let marked: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let (marks, orders, database) = (marked.clone(), request.orders, url.to_owned());
    let name = name.to_owned();
    let marker = std::thread::spawn(move || {
        let session = Session::open(&database);
        let mut n = 0;
        while begun.elapsed() < length {
            let (mark, order) = (format!("~{name} {n}"), 1 + n * 7 % orders);
            session.run(&format!("UPDATE orders SET note = '{mark}' WHERE id = {order}"));
            let committed = Instant::now();
            marks.lock().expect("nobody panics while holding it").insert(mark, committed);
            n += 1;
            std::thread::sleep(EVERY.0);
        }
    });
    let mut times = Vec::new();
    let open = || marked.lock().expect("nobody panics while holding it").clone();
    loop {
        let looked = Instant::now();
        let open = open();
        if open.is_empty() && marker.is_finished() {
            break;
        }
        assert!(begun.elapsed() < length + PATIENCE, "{} marks are not found", open.len());
        let names: Vec<&String> = open.keys().collect();
        let query = json!({
            "size": 1000,
            "_source": ["note"],
            "query": { "terms": { "note.keyword": names } },
        });
        let (status, answer) = ask(Method::POST, &format!("{index}/_search"), Some(query));
        assert_eq!(status, 200, "{answer}");
        let now = Instant::now();
        for hit in answer["hits"]["hits"].as_array().into_iter().flatten() {
            let mark = hit["_source"]["note"].as_str().unwrap_or_default();
            let mut marked = marked.lock().expect("nobody panics while holding it");
            let at = marked.remove(mark).filter(|at| *at > begun + WARM);
            times.extend(at.map(|at| now.saturating_duration_since(at)));
        }
        std::thread::sleep(EVERY.1.saturating_sub(looked.elapsed()));
    }
    marker.join().expect("the marker does not panic");
    let rate = changes.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    load.join().expect("the load does not panic");
    times.sort();
    let after = refreshes(index);
    let count = after.0.saturating_sub(count).max(1);
    let refresh = after.1.saturating_sub(took) / u32::try_from(count).unwrap_or(u32::MAX);
    Found { times, rate, refresh }
}

/// How many refreshes an index has had, and what they took together.
fn refreshes(index: &str) -> (u64, Duration) {
    let (_, answer) = ask(Method::GET, &format!("{index}/_stats/refresh"), None);
    let of = |name: &str| answer["_all"]["total"]["refresh"][name].as_u64().unwrap_or_default();
    (of("total"), Duration::from_millis(of("total_time_in_millis")))
}

/// Changes orders that are not marked at the time, steadily.
fn load(
    request: &Request,
    url: &str,
    stop: Arc<AtomicBool>,
    changes: Arc<AtomicU64>,
) -> std::thread::JoinHandle<()> {
    let (orders, url) = (request.orders, url.to_owned());
    std::thread::spawn(move || {
        let session = Session::open(&url);
        let begun = Instant::now();
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let due = begun + Duration::from_secs(1) * n / LOAD;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let order = 1 + (n * 13 + orders / 2) % orders;
            session.run(&format!(
                "UPDATE orders SET placed_at = placed_at + interval '1 s' WHERE id = {order}"
            ));
            changes.fetch_add(1, Ordering::Relaxed);
        }
    })
}
