//! What holds while writers write: the copy leaves no hole, a transaction is one step, Postgres
//! is not asked again, and the slot moves only with delivery.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use flusso_tests::database::Session;
use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::dice::Dice;
use flusso_tests::server::Server;
use flusso_tests::shop;

static SERVER: LazyLock<Server> =
    LazyLock::new(|| Server::postgres(&["log_statement=all", "log_line_prefix=%a|%d|"]));

const STDOUT: &str = "[sinks.lines]\ntype = \"stdout\"\n";

/// Runs `work` over and over in so many threads while `during` runs, and says how often it
/// succeeded.
fn while_writing(
    url: &str,
    writers: usize,
    work: impl Fn(&Session, &mut Dice) -> bool + Sync,
    during: impl FnOnce(),
) -> u64 {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (stop, done, work) = (&stop, &done, &work);
            scope.spawn(move || {
                let session = Session::open(url);
                let mut dice = Dice::new(writer as u64 + 1);
                while !stop.load(Ordering::Relaxed) {
                    done.fetch_add(work(&session, &mut dice).into(), Ordering::Relaxed);
                }
            });
        }
        // the writers end with a panic in here as well
        let stopper = Stopper(&stop);
        during();
        drop(stopper);
    });
    done.into_inner()
}

struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One random transaction on the shop; false when a key or another writer stood in its way.
fn shopping(session: &Session, dice: &mut Dice, orders: usize) -> bool {
    let (order, other) = (1 + dice.below(orders), 1 + dice.below(orders));
    session.attempt(&match dice.below(7) {
        0 => format!("UPDATE orders SET status = 'paid', user_id = {} WHERE id = {order}", 1 + other % 50),
        1 => format!("UPDATE order_items SET order_id = {other} WHERE order_id = {order}"),
        2 => format!("DELETE FROM order_items WHERE order_id = {order}"),
        3 => format!("UPDATE products SET name = name || '.' WHERE id = {}", 1 + order % 40),
        4 => format!("DELETE FROM order_tags WHERE order_id = {order}; DELETE FROM order_items WHERE order_id = {order}; DELETE FROM orders WHERE id = {order}"),
        5 => format!(
            "INSERT INTO orders VALUES ({}, 1, 1, 1, 'open', NULL, now()) ON CONFLICT DO NOTHING",
            orders + order
        ),
        _ => format!("UPDATE addresses SET city = 'City {other}' WHERE id = {}", 1 + order % 100),
    })
}

#[test]
fn commits_during_the_first_copy_are_all_there() {
    const ORDERS: usize = 15_000;
    let shop = shop::deployment(&SERVER, "copying", ORDERS as u32, STDOUT);
    let mut flusso = None;
    let written = while_writing(
        &shop.url,
        2,
        |session, dice| shopping(session, dice, ORDERS),
        || {
            std::thread::sleep(Duration::from_millis(300));
            let mut started = shop.start(2);
            started.until("the first documents", PATIENCE, |flusso| flusso.documents.len() > 1000);
            shop.settle(&mut started);
            flusso = Some(started);
        },
    );
    assert!(written > 50, "{written} transactions are too few to tell");
    let mut flusso = flusso.expect("it was started");
    shop.expect_equal(&mut flusso, "after writers wrote through the copy");
}

/// A transaction that was open when the slot was made, and commits after the copy.
#[test]
fn a_transaction_that_spans_the_copy() {
    let tables = "CREATE TABLE docs (id int PRIMARY KEY, n int); INSERT INTO docs SELECT n, n FROM generate_series(1, 100) n";
    let schema = "table: docs\nprimary_key: id\nfields: [{ integer: n }]\n";
    let deployment = Deployment::new(&SERVER, "spanning", tables, &[("docs", schema)]);
    let open = Session::open(&deployment.url);
    open.run("BEGIN; UPDATE docs SET n = -1 WHERE id = 1; DELETE FROM docs WHERE id = 2");
    let mut flusso = deployment.start(2);
    // making a slot waits for it; that it does must not keep anything else from ending
    std::thread::sleep(Duration::from_secs(1));
    open.run("INSERT INTO docs VALUES (1000, 0); COMMIT");
    deployment.expect_equal(&mut flusso, "after the open transaction committed");
}

/// Each transaction puts one new stamp on a parent and on all its children.
#[test]
fn no_document_shows_two_transactions() {
    let tables = "
CREATE TABLE docs (id int PRIMARY KEY, stamp text);
CREATE TABLE parts (id int PRIMARY KEY, doc_id int, stamp text);
CREATE INDEX ON parts (doc_id);
INSERT INTO docs SELECT n, 'seed' FROM generate_series(1, 2000) n;
INSERT INTO parts SELECT n, 1 + n % 2000, 'seed' FROM generate_series(1, 6000) n";
    let schema = "
table: docs
primary_key: id
fields:
  - keyword: stamp
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    fields: [{ keyword: stamp }]
  - max: last
    table: parts
    foreign_key: doc_id
    column: stamp
    value_type: keyword
";
    let deployment = Deployment::new(&SERVER, "stamps", tables, &[("docs", schema)]);
    let stamps = AtomicU64::new(0);
    let stamp = |session: &Session, dice: &mut Dice| {
        let (stamp, first) = (stamps.fetch_add(1, Ordering::Relaxed), 1 + dice.below(1990));
        let last = first + dice.below(4);
        session.attempt(&format!(
            "UPDATE docs SET stamp = 's{stamp}' WHERE id BETWEEN {first} AND {last}; \
             UPDATE parts SET stamp = 's{stamp}' WHERE doc_id BETWEEN {first} AND {last}"
        ))
    };
    let mut flusso = None;
    while_writing(&deployment.url, 2, stamp, || {
        let mut started = deployment.start(3);
        started.until("the seed", PATIENCE, |flusso| flusso.documents.len() >= 2000);
        let end = std::time::Instant::now() + Duration::from_secs(4);
        while std::time::Instant::now() < end {
            started.read(Duration::from_millis(50));
        }
        flusso = Some(started);
    });
    let mut flusso = flusso.expect("it was started");
    let seen = flusso.operations.len();
    assert!(seen > 3000, "{seen} documents are too few to tell");
    for ((index, id), document) in &flusso.operations {
        let Some(document) = document.as_ref().filter(|_| index == "docs") else { continue };
        let stamp = &document["stamp"];
        let parts = document["parts"].as_array().expect("parts is an array");
        let same =
            parts.iter().all(|part: &Value| part["stamp"] == *stamp) && document["last"] == *stamp;
        assert!(same, "document {id} shows two transactions: {document}");
    }
    deployment.expect_equal(&mut flusso, "after the stamps");
}

#[test]
fn postgres_is_not_asked_after_the_copy() {
    let shop = shop::deployment(&SERVER, "quiet", 500, STDOUT);
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    std::thread::sleep(Duration::from_secs(1));
    shop.session.run("SELECT 'from here on'");
    let mut dice = Dice::new(7);
    let done = (0..100).filter(|_| shopping(&shop.session, &mut dice, 500)).count();
    assert!(done > 50, "{done} transactions are too few to tell");
    shop.expect_equal(&mut flusso, "after churn");
    std::thread::sleep(Duration::from_secs(2));
    shop.session.run("SELECT 'up to here'");
    let log = SERVER.log();
    let (_, log) =
        log.rsplit_once("SELECT 'from here on'").expect("the test's statement is logged");
    let (log, _) = log.split_once("SELECT 'up to here'").expect("the test's statement is logged");
    // What only the catalog tells (slot, publication, definitions) is looked at from time to time;
    // rows are not.
    const TABLES: [&str; 12] = [
        "addresses",
        "beats",
        "categories",
        "levels",
        "order_items",
        "order_tags",
        "orders",
        "products",
        "reviews",
        "shops",
        "tags",
        "users",
    ];
    let asked: Vec<&str> = log
        .lines()
        .filter(|line| {
            line.contains("|quiet|LOG:  statement:") || line.contains("|quiet|LOG:  execute")
        })
        .filter(|line| !line.starts_with("flusso-tests|"))
        .filter(|line| line.contains("COPY") || TABLES.iter().any(|table| line.contains(table)))
        .collect();
    assert!(log.contains("flusso-tests|quiet|"), "the churn itself stands in the log");
    assert!(asked.is_empty(), "flusso asked Postgres: {asked:#?}");
}

#[test]
fn the_slot_follows_delivery() {
    let shop = shop::deployment(&SERVER, "confirming", 300, STDOUT);
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    assert!(
        shop.confirmed(),
        "everything is delivered and the slot has not moved:\n{}",
        flusso.said()
    );
    // WAL that no document needs must not pile up either
    shop.session
        .run("CREATE TABLE unread (n int); INSERT INTO unread SELECT generate_series(1, 1000)");
    assert!(shop.confirmed(), "the slot holds WAL back that nothing needs:\n{}", flusso.said());
    // what has not been taken off standard output is not delivered
    let slot =
        "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'confirming'";
    let before = shop.session.value(slot);
    flusso.signal("STOP");
    shop.session.run("UPDATE users SET name = name || '!'");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(before, shop.session.value(slot));
    flusso.signal("CONT");
    shop.expect_equal(&mut flusso, "after it was stopped for a while");
    assert!(shop.confirmed(), "the slot has not moved on");
}
