//! An index built anew while it is read and written: readers never see less or older documents,
//! and whatever interrupts it is gone on with or cleaned up.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use flusso_tests::database::Session;
use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::flusso::{Flusso, command};
use flusso_tests::http::{status, told};
use flusso_tests::node::{ask, expect_equal};
use flusso_tests::server::{Server, fresh_path};

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));
static NODE: LazyLock<Server> = LazyLock::new(|| {
    Server::opensearch(fresh_path("node"), &["action.auto_create_index=*flusso_meta"])
});

const SCHEMA: &str = "table: items
primary_key: id
fields:
  - long: revision
  - belongs_to: shelf
    column: shelf_id
    table: shelves
    primary_key: id
    fields:
      - keyword: label
";
/// `POST /reindex?index=items` with the login that is usual.
const REQUEST: &[u8] = b"POST /reindex?index=items HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
    Authorization: Basic YWRtaW46Zmx1c3Nv\r\nContent-Length: 0\r\n\r\n";

/// So many items on a hundred shelves.
fn stock(name: &str, items: u32) -> Deployment {
    let tables = format!(
        "CREATE TABLE shelves (id int PRIMARY KEY, label text);
         CREATE TABLE items (id int PRIMARY KEY, shelf_id int, revision bigint);
         INSERT INTO shelves SELECT n, 'shelf ' || n FROM generate_series(1, 100) n;
         INSERT INTO items SELECT n, 1 + n % 100, 0 FROM generate_series(1, {items}) n"
    );
    let sink = format!(
        "[sinks.search]\ntype = \"opensearch\"\nurl = \"{}\"\nnumber_of_replicas = 0\n\
         refresh_interval = \"100ms\"\nkeep_old_secs = 3\n",
        NODE.url
    );
    let stock = Deployment::with_sink(&SERVER, name, &tables, &[("items", SCHEMA)], &sink);
    stock.edit(|text| format!("prefix = \"{name}_\"\n{text}"));
    stock
}

/// The indexes that a pattern names.
fn indexes(path: &str) -> BTreeSet<String> {
    let (_, held) = ask(Method::GET, &format!("{}/{path}", NODE.url), None);
    held.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// Waits until readers see this generation alone, and gives its name.
fn until_shown(stock: &Deployment, generation: u32, flusso: &Flusso) -> String {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        let seen = indexes(&format!("_alias/{}_items", stock.name));
        if let [shown] = seen.iter().collect::<Vec<_>>()[..]
            && shown.ends_with(&format!("_{generation}"))
        {
            return shown.clone();
        }
        assert!(Instant::now() < deadline, "{seen:?} is seen\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until there is no other index of the items than this.
fn until_alone(stock: &Deployment, name: &str, flusso: &Flusso) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let there = indexes(&format!("{}_items_*/_alias", stock.name));
        if there.iter().eq([name]) {
            return;
        }
        assert!(Instant::now() < deadline, "{there:?} are there\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until all items are seen: from there on they may not become fewer.
fn until_seeded(stock: &Deployment, flusso: &mut Flusso) {
    expect_equal(stock, flusso, &NODE.url, "at seed");
    let deadline = Instant::now() + PATIENCE;
    while !flusso.said().contains("live: following changes") {
        assert!(Instant::now() < deadline, "it is not live\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Set at the end, whatever the end.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Counts through the alias until it is over; gives how often.
fn count(name: &str, over: &AtomicBool) -> u32 {
    let url = format!("{}/{name}_items/_search", NODE.url);
    let question = json!({
        "size": 0,
        "track_total_hits": true,
        "aggs": { "newest": { "max": { "field": "revision" } } },
    });
    let (mut items, mut revision, mut times) = (0, 0.0, 0);
    while !over.load(Relaxed) {
        let (status, answer) = ask(Method::POST, &url, Some(question.clone()));
        assert_eq!((status, &answer["_shards"]["failed"]), (200, &json!(0)), "{answer}");
        let now = answer["hits"]["total"]["value"].as_u64().expect("the node says it");
        let newest = answer["aggregations"]["newest"]["value"].as_f64().expect("the node says it");
        assert!(now >= items, "{now} items after {items}");
        assert!(newest >= revision, "revision {newest} after {revision}");
        (items, revision, times) = (now, newest, times + 1);
        std::thread::sleep(Duration::from_millis(50));
    }
    times
}

/// Adds and changes items and labels until it is over; gives how many transactions.
fn change(url: &str, items: u32, over: &AtomicBool) -> u32 {
    let session = Session::open(url);
    let mut n = 0;
    while !over.load(Relaxed) {
        n += 1;
        let (new, old, shelf) = (items + n, 1 + n % items, 1 + n % 100);
        session.run(&format!(
            "INSERT INTO items VALUES ({new}, {shelf}, {n});
             UPDATE items SET revision = {n} WHERE id = {old}"
        ));
        if n.is_multiple_of(50) {
            session.run(&format!("UPDATE shelves SET label = label || '.{n}' WHERE id = {shelf}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    n
}

#[test]
fn node_builds_anew_and_readers_see_neither_less_nor_older() {
    const ITEMS: u32 = 100_000;
    let stock = stock("unseen", ITEMS);
    let mut flusso = stock.start(2);
    until_seeded(&stock, &mut flusso);
    let (public, private) = flusso.addresses();
    let (name, url, over) = (stock.name.as_str(), stock.url.as_str(), AtomicBool::new(false));
    let last = std::thread::scope(|scope| {
        let end = Over(&over);
        let reader = scope.spawn(|| count(name, &over));
        let writer = scope.spawn(|| change(url, ITEMS, &over));
        let asked = command(&stock.folder, &["reindex", "items", "--server", &private]);
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        until_shown(&stock, 2, &flusso);
        assert_eq!(status(&private, REQUEST), 202);
        let last = until_shown(&stock, 3, &flusso);
        // The older ones go while they are still counted.
        until_alone(&stock, &last, &flusso);
        drop(end);
        let (reads, writes) = (reader.join().unwrap(), writer.join().unwrap());
        assert!(reads > 10 && writes > 10, "{reads} reads, {writes} transactions");
        last
    });
    expect_equal(&stock, &mut flusso, &NODE.url, "after all");
    assert_eq!(until_shown(&stock, 3, &flusso), last);
    let works = told(&public)["work"].clone();
    let mut works = works.as_array().into_iter().flatten();
    let work = works.find(|work| work["what"] == "reindex").expect("it is told of");
    let of = (&work["index"], &work["sink"], &work["finished"]);
    assert_eq!(of, (&json!("items"), &json!("search"), &json!(true)), "{work}");
    assert!(work["done"].as_u64() >= Some(ITEMS.into()), "{work}");
}

#[test]
fn node_is_left_clean_by_a_kill_in_the_midst() {
    let stock = stock("midst", 20_000);
    let mut flusso = stock.start(2);
    until_seeded(&stock, &mut flusso);
    for (round, wait) in [0, 100, 400].into_iter().enumerate() {
        let (_, private) = flusso.addresses();
        let before = indexes(&format!("{}_items_*/_alias", stock.name));
        assert_eq!(status(&private, REQUEST), 202);
        let deadline = Instant::now() + PATIENCE;
        while indexes(&format!("{}_items_*/_alias", stock.name)).is_subset(&before) {
            assert!(Instant::now() < deadline, "none is begun\n{}", flusso.said());
        }
        std::thread::sleep(Duration::from_millis(wait));
        flusso.signal("KILL");
        flusso.end(Duration::from_secs(5));
        stock.session.run(&format!(
            "DELETE FROM items WHERE id % 100 = {round}; UPDATE items SET revision = {round}"
        ));
        flusso = stock.start(2);
        until_seeded(&stock, &mut flusso);
    }
    let seen = indexes(&format!("_alias/{}_items", stock.name));
    let shown = seen.first().expect("one is seen");
    until_alone(&stock, shown, &flusso);
}

#[test]
fn node_gets_back_what_was_taken_from_it() {
    let stock = stock("taken", 1_000);
    let mut flusso = stock.start(2);
    until_seeded(&stock, &mut flusso);
    let shown = until_shown(&stock, 1, &flusso);
    let ended = |method, path: &str, body: Option<Value>| {
        let (status, answer) = ask(method, &format!("{}/{path}", NODE.url), body);
        assert_eq!(status, 200, "{answer}");
    };

    let remove = json!({ "actions": [{ "remove": { "index": shown, "alias": "taken_items" } }] });
    ended(Method::POST, "_aliases", Some(remove));
    assert_eq!(until_shown(&stock, 1, &flusso), shown);
    stock.session.run("UPDATE items SET revision = 1 WHERE id % 2 = 0");
    expect_equal(&stock, &mut flusso, &NODE.url, "after the alias was taken away");

    ended(Method::DELETE, &shown, None);
    stock.session.run("UPDATE items SET revision = 2 WHERE id % 3 = 0");
    let again = until_shown(&stock, 2, &flusso);
    until_alone(&stock, &again, &flusso);
    expect_equal(&stock, &mut flusso, &NODE.url, "after the index was deleted");

    ended(Method::DELETE, "taken_*", None);
    let deadline = Instant::now() + PATIENCE;
    while indexes("_alias/taken_beats").is_empty() || indexes("_alias/taken_items").is_empty() {
        assert!(Instant::now() < deadline, "not all are there again\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    expect_equal(&stock, &mut flusso, &NODE.url, "after everything was deleted");
}

/// With the same state a restart sends what it lacks; with other settings it builds beside.
#[test]
fn node_goes_on_after_a_restart_with_what_is_complete() {
    let stock = stock("goes", 2_000);
    let mut flusso = stock.start(2);
    until_seeded(&stock, &mut flusso);
    let shown = until_shown(&stock, 1, &flusso);
    assert!(stock.confirmed(), "{}", flusso.said());
    flusso.signal("KILL");
    flusso.end(Duration::from_secs(5));
    stock
        .session
        .run("UPDATE items SET revision = 7 WHERE id <= 10; DELETE FROM items WHERE id = 11");
    let mut flusso = stock.start(2);
    until_seeded(&stock, &mut flusso);
    assert_eq!(until_shown(&stock, 1, &flusso), shown);
    let told = told(&flusso.addresses().0);
    let sent = &told["sinks"]["search"]["documents_sent"]["items"];
    assert!(sent.as_u64() < Some(100), "{sent} documents were sent");

    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(20)), 0, "{}", flusso.said());
    stock.edit(|text| {
        text.replace("number_of_replicas", "auto_subfields = false\nnumber_of_replicas")
    });
    let mut flusso = stock.start(2);
    let shown = until_shown(&stock, 2, &flusso);
    until_alone(&stock, &shown, &flusso);
    expect_equal(&stock, &mut flusso, &NODE.url, "with other settings");
}

#[test]
fn node_takes_a_changed_schema_and_keeps_the_older_index() {
    let mut stock = stock("changed", 1_000);
    let mut flusso = stock.start(2);
    until_seeded(&stock, &mut flusso);
    let before = until_shown(&stock, 1, &flusso);
    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(20)), 0, "{}", flusso.said());
    stock.change("items", &format!("{SCHEMA}  - integer: shelfNumber\n    column: shelf_id\n"));
    let mut flusso = stock.start(2);
    until_seeded(&stock, &mut flusso);
    let after = until_shown(&stock, 1, &flusso);
    assert_ne!(before, after);
    let there = indexes(&format!("{}_items_*/_alias", stock.name));
    assert_eq!(there, BTreeSet::from([before, after]), "one goes back with the older schema");
}
