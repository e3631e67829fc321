//! A bad network between flusso and Postgres: whatever it does, the documents of every LSN are
//! delivered, and nobody has to help.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use flusso_tests::churn::{shopping, while_writing};
use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::dice::Dice;
use flusso_tests::docs::STDOUT;
use flusso_tests::exact::{Witness, agree};
use flusso_tests::flusso::{WITH_LSN, command};
use flusso_tests::proxy::{FAIR, Proxy, Way, Weather};
use flusso_tests::server::{Server, fresh_path};
use flusso_tests::shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

static NODE: LazyLock<Server> = LazyLock::new(|| {
    Server::opensearch(fresh_path("node"), &["action.auto_create_index=*flusso_meta"])
});

const ORDERS: usize = 300;

/// Writes while the network is bad, three times over, and compares every moment in between.
fn survives(name: &str, bad: impl Fn(&Proxy)) {
    let shop = shop::deployment(&SERVER, name, ORDERS as u32, STDOUT);
    let proxy = shop.behind_proxy();
    let mut flusso = shop.start_in(2, &[], &[WITH_LSN]);
    shop.expect_equal(&mut flusso, "at seed");
    let witness = Witness::new(&shop);
    let mut seen = Vec::new();
    let work = |session: &_, dice: &mut Dice| {
        std::thread::sleep(Duration::from_millis(3));
        shopping(session, dice, ORDERS)
    };
    let written = while_writing(&shop.url, 1, work, || {
        for _ in 0..3 {
            bad(&proxy);
            seen.push(witness.look());
            proxy.weather(FAIR);
        }
    });
    assert!(written > 20, "{written} transactions are too few to tell");
    shop.expect_equal(&mut flusso, "after the network was bad");
    seen.push(witness.look());
    let agreed = agree(&seen, &flusso.history);
    assert!(agreed.exact > 100, "{agreed:?} is too little to tell");
    assert_eq!(slots(&shop), "1", "a lost connection leaves no slot behind");
}

fn slots(shop: &Deployment) -> String {
    let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
    shop.session.value(slots)
}

/// Waits until a cut that was asked for has come.
fn cut(proxy: &Proxy) {
    let deadline = Instant::now() + PATIENCE;
    while proxy.is_armed() {
        assert!(Instant::now() < deadline, "the cut did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn cut_before_a_transaction_within_it_and_before_its_end() {
    survives("cut_within", |proxy| {
        for message in [b'B', b'U', b'I', b'D', b'C'] {
            proxy.cut_before(message, 2);
            cut(proxy);
        }
    });
}

#[test]
fn cut_anywhere() {
    survives("cut_anywhere", |proxy| {
        for bytes in [1, 100, 3333] {
            proxy.cut_after(bytes);
            cut(proxy);
        }
    });
}

#[test]
fn cut_again_and_again() {
    survives("flapping", |proxy| {
        for _ in 0..10 {
            proxy.cut();
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

#[test]
fn slow_and_in_single_bytes() {
    survives("dripping", |proxy| {
        for way in [Way::Dripping, Way::Slow(50_000)] {
            proxy.weather(Weather { up: way, down: way, refuse: false });
            std::thread::sleep(Duration::from_millis(500));
        }
    });
}

#[test]
fn silent_in_one_direction_and_in_both_and_then_gone() {
    survives("silent", |proxy| {
        for (up, down) in
            [(Way::Stalled, Way::Open), (Way::Open, Way::Stalled), (Way::Stalled, Way::Stalled)]
        {
            proxy.weather(Weather { up, down, refuse: false });
            std::thread::sleep(Duration::from_millis(300));
        }
        proxy.cut();
    });
}

#[test]
fn nobody_answers_for_a_while() {
    survives("refused", |proxy| {
        proxy.weather(Weather { refuse: true, ..FAIR });
        proxy.cut();
        std::thread::sleep(Duration::from_millis(1500));
    });
}

/// What comes slowly comes all the same, commits during the copy included.
#[test]
fn a_slow_copy() {
    let shop = shop::deployment(&SERVER, "slow_copy", ORDERS as u32, STDOUT);
    let proxy = shop.behind_proxy();
    let slow = Way::Slow(200_000);
    proxy.weather(Weather { up: slow, down: slow, refuse: false });
    let mut started = None;
    let work = |session: &_, dice: &mut Dice| shopping(session, dice, ORDERS);
    while_writing(&shop.url, 1, work, || {
        let mut flusso = shop.start(2);
        flusso.until("a first document", PATIENCE, |flusso| !flusso.documents.is_empty());
        started = Some(flusso);
    });
    proxy.weather(FAIR);
    shop.expect_equal(&mut started.expect("it was started"), "after a slow copy");
}

/// Requests without an answer are sent again, and versions keep them from doing harm.
#[test]
fn node_behind_a_bad_network() {
    let (proxy, url) = Proxy::before(&NODE.url);
    let sink = format!(
        "[sinks.search]\ntype = \"opensearch\"\nurl = \"{url}\"\nnumber_of_replicas = 0\n\
         refresh_interval = \"1s\"\ntimeout_secs = 2\nmax_retries = 10\n"
    );
    let shop = shop::deployment(&SERVER, "node_network", ORDERS as u32, &sink);
    shop.edit(|text| format!("prefix = \"network_\"\n{text}"));
    let mut flusso = shop.start(2);
    flusso.until("a complete index", PATIENCE, |it| it.said().contains("following changes"));
    let work = |session: &_, dice: &mut Dice| {
        std::thread::sleep(Duration::from_millis(10));
        shopping(session, dice, ORDERS)
    };
    while_writing(&shop.url, 1, work, || {
        for _ in 0..5 {
            proxy.cut();
            std::thread::sleep(Duration::from_millis(100));
        }
        for (up, down) in [(Way::Stalled, Way::Open), (Way::Open, Way::Stalled)] {
            // Longer than a request may take: whether it was carried out, nobody knows.
            proxy.weather(Weather { up, down, refuse: false });
            std::thread::sleep(Duration::from_millis(2500));
        }
        for way in [Way::Slow(30_000), Way::Dripping] {
            proxy.weather(Weather { up: way, down: way, refuse: false });
            std::thread::sleep(Duration::from_millis(500));
        }
        proxy.weather(Weather { refuse: true, ..FAIR });
        proxy.cut();
        std::thread::sleep(Duration::from_millis(500));
        proxy.weather(FAIR);
    });
    let arguments = ["verify", "--slot", &shop.name, "--publication", &shop.name];
    let verified = command(&shop.folder, &arguments);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    let why = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert_eq!(verified.status.code(), Some(0), "{said}{why}{}", flusso.said());
}
