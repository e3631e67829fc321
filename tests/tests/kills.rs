//! `kill -9` at the points where it hurts most, and anywhere: what was not confirmed comes again,
//! and nothing else is needed.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use flusso_tests::churn::{shopping, while_writing};
use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::dice::Dice;
use flusso_tests::docs::STDOUT;
use flusso_tests::flusso::{Flusso, command};
use flusso_tests::server::{Server, fresh_path};
use flusso_tests::shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));
static NODE: LazyLock<Server> = LazyLock::new(|| {
    Server::opensearch(fresh_path("node"), &["action.auto_create_index=*flusso_meta"])
});

const ORDERS: usize = 300;

/// Each point, and at which of its passings.
const POINTS: [&str; 5] = ["copy:3", "fill:1", "delivered:5", "settled:4", "committed:3"];

/// Starts it with a point at which it dies, writes until it has, and gives what is left of it.
fn dies(shop: &Deployment, point: &str) -> Flusso {
    let mut flusso = shop.start_in(2, &[], &[("FLUSSO_FAIL_AT", point)]);
    let work = |session: &_, dice: &mut Dice| {
        std::thread::sleep(Duration::from_millis(5));
        shopping(session, dice, ORDERS)
    };
    while_writing(&shop.url, 1, work, || {
        let deadline = Instant::now() + PATIENCE;
        while flusso.ended().is_none() {
            flusso.read(Duration::from_millis(20));
            assert!(Instant::now() < deadline, "{point} is never passed:\n{}", flusso.said());
        }
    });
    flusso.end(PATIENCE);
    let (name, _) = named(point);
    let said = flusso.said();
    assert!(said.contains(&format!("ends here: {name}")), "{point}: {said}");
    flusso
}

fn named(point: &str) -> (&str, &str) {
    point.split_once(':').expect("name and number")
}

#[test]
fn at_each_point() {
    for point in POINTS {
        let name = format!("at_{}", named(point).0);
        let shop = shop::deployment(&SERVER, &name, ORDERS as u32, STDOUT);
        let mut flusso = dies(&shop, point);
        let mut flusso = shop.restart(&mut flusso, 2);
        shop.expect_equal(&mut flusso, &format!("after an end at {point}"));
        let slots = format!("SELECT count(*) FROM pg_replication_slots WHERE database = '{name}'");
        assert_eq!(shop.session.value(&slots), "1", "a killed life leaves no slot behind");
    }
}

/// The index is complete and right after each, by flusso's own word, which asks Postgres.
#[test]
fn node_at_each_point() {
    let sink = format!(
        "[sinks.search]\ntype = \"opensearch\"\nurl = \"{}\"\nnumber_of_replicas = 0\n\
         refresh_interval = \"1s\"\n",
        NODE.url
    );
    for point in POINTS {
        let name = format!("node_at_{}", named(point).0);
        let shop = shop::deployment(&SERVER, &name, ORDERS as u32, &sink);
        shop.edit(|text| format!("prefix = \"{name}_\"\n{text}"));
        dies(&shop, point);
        let mut flusso = shop.start(2);
        let live = |flusso: &Flusso| flusso.said().contains("following changes");
        flusso.until("a complete index", PATIENCE, live);
        let arguments = ["verify", "--slot", &shop.name, "--publication", &shop.name];
        let verified = command(&shop.folder, &arguments);
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        let why = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert_eq!(verified.status.code(), Some(0), "after {point}: {said}{why}{}", flusso.said());
        assert_eq!(said.matches('✓').count(), 4, "{said}");
    }
}

#[test]
fn anywhere() {
    let shop = shop::deployment(&SERVER, "anywhere", ORDERS as u32, STDOUT);
    let mut dice = Dice::new(Dice::seed());
    let work = |session: &_, dice: &mut Dice| shopping(session, dice, ORDERS);
    let mut flusso = shop.start(2);
    while_writing(&shop.url, 1, work, || {
        for _ in 0..8 {
            let end = Instant::now() + Duration::from_millis(100 + dice.below(1500) as u64);
            while Instant::now() < end {
                flusso.read(Duration::from_millis(20));
            }
            flusso.signal("KILL");
            flusso.end(PATIENCE);
            flusso = shop.restart(&mut flusso, 2);
        }
    });
    shop.expect_equal(&mut flusso, "in its last life");
}
