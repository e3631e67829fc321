//! `bench --opensearch`: what a real node takes for the seed, beside the same documents sent to
//! it by hand, and how long after its commit a change is found by a search, beside one that is
//! written into the node by hand.
//!
//! ```text
//!  by hand:  documents in memory ─► _bulk, three requests at a time ─► _refresh
//!  flusso:   start ─► copy ─► assemble ─► _bulk ─► _refresh ─► alias
//! ```
//!
//! Both write the same bytes into an index of the same body. The node gets twice as fast within its
//! first two rounds, which are not counted; in the others each goes first in turn.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use flusso_tests::database::{RUNTIME, Session};
use flusso_tests::flusso::Flusso;
use flusso_tests::http::told;
use flusso_tests::node::ask;
use flusso_tests::server::{Server, fresh_path};
use flusso_tests::shop;
use reqwest::Method;
use serde_json::{Value, json};

use crate::found::{Found, Target, found};
use crate::{Request, at};

/// Times each of the two fills the node: for warmth, and counted.
const ROUNDS: (u32, u32) = (2, 16);
/// Documents of one request by hand, and requests at a time.
const BULK: (usize, usize) = (1000, 3);
/// How often the node refreshes, and changes a second beside those looked for.
const INTERVALS: [&str; 2] = ["1s", "200ms"];
const OTHERS: [u32; 2] = [0, 100];
/// The index that is filled by hand.
const BY_HAND: &str = "by_hand";

/// Folders of all that is started; gone when all is measured.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| fresh_path("search"));

/// Runs everything and gives the table.
pub fn measure(request: &Request) -> String {
    let server = Server::postgres(&["max_wal_size=16GB", "shared_buffers=1GB"]);
    Session::open(&server.url).run("CREATE DATABASE shop");
    let url = at(&server.url, "shop");
    let session = Session::open(&url);
    session.run(&shop::rows(request.orders));
    session.run("VACUUM ANALYZE");
    let documents = documents(request, &url);
    let bytes: usize = documents.iter().map(|(_, document)| document.len()).sum();
    let node = Server::opensearch(fresh_path("node"), &[]);
    let (mut by_hand, mut ours) = (Vec::new(), Vec::new());
    let mut running = None;
    for round in 0..ROUNDS.0 + ROUNDS.1 {
        let like = format!("b{}_orders", round - round % 2);
        for turn in [round, round + 1] {
            let (name, times, time) = if turn % 2 == 0 {
                let name = format!("b{round}");
                let (time, flusso) = seed(request, &url, &node.url, &name, INTERVALS[0]);
                running = Some(flusso);
                ("flusso", &mut ours, time)
            } else {
                drop(running.take());
                ("by hand", &mut by_hand, by_hand_once(&node.url, &like, &documents))
            };
            eprintln!("  {name} {time:.2?}");
            times.extend((round >= ROUNDS.0).then_some(time));
        }
    }
    let parsed = |(id, text): &(String, String)| {
        (id.clone(), serde_json::from_str(text).expect("a document is JSON"))
    };
    let parsed: Arc<Vec<(String, Value)>> = Arc::new(documents.iter().map(parsed).collect());
    let direct = format!("{}/{BY_HAND}", node.url);
    let time = Duration::from_secs(u64::from(request.seconds));
    let mut live: Vec<(&str, &str, Found)> = Vec::new();
    for interval in INTERVALS {
        drop(running.take());
        let settings = json!({ "index": { "refresh_interval": interval } });
        ask(Method::PUT, &format!("{direct}/_settings"), Some(settings));
        let name = format!("every{interval}");
        running = Some(seed(request, &url, &node.url, &name, interval).1);
        let followed = format!("{}/{name}_orders", node.url);
        calm(&node.url);
        for others in OTHERS {
            for (who, index, into) in [
                ("by hand", &direct, Target::Index(direct.clone(), parsed.clone())),
                ("flusso", &followed, Target::Postgres(url.clone())),
            ] {
                let name = format!("{interval} {others}");
                let found = found(&into, index, (request.orders, others), time, &name);
                live.push((interval, who, found));
            }
        }
    }
    drop(running);
    let _ = std::fs::remove_dir_all(&*ROOT);
    let (by_hand, ours) = (median(by_hand), median(ours));
    let ratio = ours.as_secs_f64() / by_hand.as_secs_f64();
    let mut text = String::new();
    let megabytes = bytes as f64 / 1e6;
    let _ =
        writeln!(text, "{} documents, {megabytes:.0} MB, median of {}", documents.len(), ROUNDS.1);
    let _ = writeln!(text, "  _bulk by hand        {:>8.2} s", by_hand.as_secs_f64());
    let _ = writeln!(text, "  flusso from Postgres {:>8.2} s  {ratio:.2}×", ours.as_secs_f64());
    let _ = writeln!(text, "from written to found by a search");
    for (interval, who, Found { times, rate, refresh }) in live {
        let of = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_millis();
        let (p50, p99) = (of(50), of(99));
        let count = times.len();
        let refresh = refresh.as_millis();
        let load = format!("{count} among {rate:.0} others a second; a refresh took {refresh} ms");
        let _ = writeln!(
            text,
            "  refresh every {interval:5} {who:8} p50 {p50:>5} ms  p99 {p99:>5} ms  {load}"
        );
    }
    text
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A folder of this name with the plain form of the shop's files, with this in front of the source
/// and for a sink.
fn folder(name: &str, front: &str, sink: &str) -> PathBuf {
    let folder = ROOT.join(name);
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("the temporary folder can be written");
    };
    write("orders.schema.yml", &shop::file("plain/orders.schema.yml"));
    let config = shop::file("plain/flusso.toml");
    write("flusso.toml", &(front.to_owned() + &config.replace("type = \"stdout\"\n", sink)));
    folder
}

fn arguments(name: &str) -> Vec<String> {
    let here = "127.0.0.1:0";
    ["run", "--config", "flusso.toml", "--slot", name, "--publication", name]
        .into_iter()
        .chain(["--public-address", here, "--private-address", here])
        .map(str::to_owned)
        .collect()
}

/// Every document by its id, in the bytes that flusso makes of it.
fn documents(request: &Request, url: &str) -> Vec<(String, String)> {
    let folder = folder("lines", "", "type = \"stdout\"\n");
    let mut child = Command::new(&request.ours)
        .args(arguments("lines"))
        .current_dir(&folder)
        .env("DATABASE_URL", url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", request.ours.display()));
    let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let lines = lines.map_while(Result::ok).take(request.orders as usize);
    let documents = lines
        .map(|line| {
            let rest = line.strip_prefix("{\"document\":").expect("an envelope opens so");
            let end = rest.rfind(",\"id\":\"").expect("an envelope has an id");
            let id = rest[end + 7..].split('"').next().unwrap_or_default();
            (id.to_owned(), rest[..end].to_owned())
        })
        .collect();
    let _ = child.kill();
    let _ = child.wait();
    documents
}

/// A new flusso fills the node; the time from its start until the index is complete.
fn seed(
    request: &Request,
    url: &str,
    node: &str,
    name: &str,
    interval: &str,
) -> (Duration, Flusso) {
    let sink = format!(
        "type = \"opensearch\"\nurl = \"{node}\"\nnumber_of_replicas = 0\n\
         refresh_interval = \"{interval}\"\n"
    );
    let folder = folder(name, &format!("prefix = \"{name}_\"\n"), &sink);
    let arguments = arguments(name);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let variables = [("FLUSSO_LOG_FORMAT", "human"), ("DATABASE_URL", url)];
    let flusso = Flusso::with(&folder, &arguments, &variables);
    let (public, _) = flusso.addresses();
    while told(&public)["indexes"]["orders"] != "seeded" {
        std::thread::sleep(Duration::from_millis(20));
    }
    let time = begun.elapsed();
    let count = ask(Method::GET, &format!("{node}/{name}_orders/_count"), None).1["count"].as_u64();
    assert_eq!(count, Some(u64::from(request.orders)), "{}", flusso.said());
    (time, flusso)
}

/// Waits until the node has merged what a fill has left: searches of a live index are timed.
fn calm(node: &str) {
    let merging = || ask(Method::GET, &format!("{node}/_stats/merge"), None).1;
    while merging()["_all"]["total"]["merges"]["current"] != 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Sends prepared requests into a new index like the one behind `alias`.
fn by_hand_once(node: &str, alias: &str, documents: &[(String, String)]) -> Duration {
    let (_, like) = ask(Method::GET, &format!("{node}/{alias}"), None);
    let like = like.as_object().and_then(|all| all.values().next()).cloned().unwrap_or_default();
    let index = BY_HAND;
    ask(Method::DELETE, &format!("{node}/{index}"), None);
    let settings = json!({
        "analysis": like["settings"]["index"]["analysis"],
        "number_of_shards": like["settings"]["index"]["number_of_shards"],
        "number_of_replicas": 0,
        "refresh_interval": "-1",
    });
    let body = json!({ "settings": settings, "mappings": like["mappings"] });
    let (status, answer) = ask(Method::PUT, &format!("{node}/{index}"), Some(body));
    assert_eq!(status, 200, "{answer}");
    let bodies: Vec<String> = documents.chunks(BULK.0).map(|some| bulk(index, some)).collect();
    let begun = Instant::now();
    RUNTIME.block_on(async {
        let client = reqwest::Client::new();
        let bodies = Arc::new(Mutex::new(bodies));
        let send = || {
            let (client, bodies) = (client.clone(), bodies.clone());
            let url = format!("{node}/_bulk?filter_path=errors");
            tokio::spawn(async move {
                let next = || bodies.lock().expect("nobody panics while holding it").pop();
                while let Some(body) = next() {
                    let request = client.post(&url).header("content-type", "application/x-ndjson");
                    let answer = request.body(body).send().await.expect("the node answers");
                    let answer = answer.text().await.expect("the node answers");
                    assert_eq!(answer, "{\"errors\":false}");
                }
            })
        };
        let senders: Vec<_> = (0..BULK.1).map(|_| send()).collect();
        for sender in senders {
            sender.await.expect("a sender does not panic");
        }
    });
    ask(Method::POST, &format!("{node}/{index}/_refresh"), None);
    let time = begun.elapsed();
    let (_, answer) = ask(Method::GET, &format!("{node}/{index}/_count"), None);
    assert_eq!(answer["count"], Value::from(documents.len()));
    time
}

/// The lines of one request, as flusso writes them.
fn bulk(index: &str, documents: &[(String, String)]) -> String {
    let mut text = String::new();
    for (id, document) in documents {
        let _ = write!(
            text,
            "{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{id}\",\"version\":1000000,\
             \"version_type\":\"external_gte\"}}}}\n{document}\n"
        );
    }
    text
}
