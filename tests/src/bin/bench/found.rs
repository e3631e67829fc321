//! How long after it is written a change is found by a search, alone and under a modest load.
//!
//! One thread marks an order twenty times a second, another may change others, and all marks that
//! were not yet found are looked for a hundred times a second. What is written goes into Postgres,
//! or by hand into the index itself: that much is the node's own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flusso_tests::database::Session;
use flusso_tests::node::{ask, ask_by};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Between two marks, and between two looks.
const EVERY: (Duration, Duration) = (Duration::from_millis(47), Duration::from_millis(10));
/// What is found before is not counted: node and client are warming up.
const WARM: Duration = Duration::from_secs(5);
/// How long the last marks may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where changes are written.
#[derive(Clone)]
pub enum Target {
    /// This database, which flusso follows.
    Postgres(String),
    /// This index, by hand: these documents, by id.
    Index(String, Arc<Vec<(String, Value)>>),
}

/// What was found.
pub struct Found {
    /// From after the commit, or the node's answer, to the first search that found it, rising.
    pub times: Vec<Duration>,
    /// Other changes a second meanwhile.
    pub rate: f64,
    /// How long one of the node's refreshes took, on average: it counts from the end of one to the
    /// beginning of the next.
    pub refresh: Duration,
}

impl Target {
    /// Writes notes into orders.
    fn writer(&self) -> Box<dyn FnMut(u32, &str)> {
        match self.clone() {
            Target::Postgres(url) => {
                let session = Session::open(&url);
                Box::new(move |order, note| {
                    session.run(&format!("UPDATE orders SET note = '{note}' WHERE id = {order}"));
                })
            }
            Target::Index(index, documents) => {
                let client = Client::new();
                Box::new(move |order, note| {
                    let (id, document) = &documents[order as usize - 1];
                    let mut document = document.clone();
                    document["note"] = note.into();
                    let url = format!("{index}/_doc/{id}");
                    let (status, answer) = ask_by(&client, Method::PUT, &url, Some(document));
                    assert_eq!(status, 200, "{answer}");
                })
            }
        }
    }
}

/// Marks orders for this long, among so many other changes a second, and looks for the marks in an
/// index; `name` sets them apart from others'.
pub fn found(
    into: &Target,
    index: &str,
    (orders, others): (u32, u32),
    time: Duration,
    name: &str,
) -> Found {
    let (begun, length) = (Instant::now(), WARM + time);
    let stop = Arc::new(AtomicBool::new(false));
    let changes = Arc::new(AtomicU64::new(0));
    let load =
        (others > 0).then(|| load(into.clone(), (orders, others), stop.clone(), changes.clone()));
    let (count, took) = refreshes(index);
    let marked: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let (marks, into, name) = (marked.clone(), into.clone(), name.to_owned());
    let marker = std::thread::spawn(move || {
        let mut write = into.writer();
        let mut n = 0;
        while begun.elapsed() < length {
            let mark = format!("~{name} {n}");
            write(1 + n * 7 % orders, &mark);
            let written = Instant::now();
            marks.lock().expect("nobody panics while holding it").insert(mark, written);
            n += 1;
            std::thread::sleep(EVERY.0);
        }
    });
    let client = Client::new();
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
        let url = format!("{index}/_search");
        let (status, answer) = ask_by(&client, Method::POST, &url, Some(query));
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
    if let Some(load) = load {
        load.join().expect("the load does not panic");
    }
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

/// Changes orders that are not marked at the time, so many a second.
fn load(
    into: Target,
    (orders, others): (u32, u32),
    stop: Arc<AtomicBool>,
    changes: Arc<AtomicU64>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut write = into.writer();
        let begun = Instant::now();
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let due = begun + Duration::from_secs(1) * n / others;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            write(1 + (n * 13 + orders / 2) % orders, &format!("changed {n}"));
            changes.fetch_add(1, Ordering::Relaxed);
        }
    })
}
