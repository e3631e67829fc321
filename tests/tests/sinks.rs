//! Several sinks go at their own pace: one that is away holds up nobody, and has everything when
//! it is back.

use std::sync::LazyLock;

use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::flusso::Flusso;
use flusso_tests::forward::{Forward, free};
use flusso_tests::http::told;
use flusso_tests::node::expect_equal;
use flusso_tests::server::{Server, fresh_path};

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

const ITEMS: u32 = 10_000;
const SCHEMA: &str = "table: items
primary_key: id
fields:
  - long: revision
  - keyword: words
";

/// Changes every item several times over: more than may ever wait for a sink.
fn flood(stock: &Deployment, flusso: &mut Flusso, round: u32) {
    for turn in 1..=8 {
        stock.session.run(&format!("UPDATE items SET revision = {round} * 10 + {turn}"));
        stock.settle(flusso);
    }
    stock.session.run(&format!("DELETE FROM items WHERE id % 100 = {round}"));
    stock.expect_equal(flusso, "while the other is away");
}

#[test]
fn node_that_is_away_holds_up_no_other_sink() {
    let node = Server::opensearch(fresh_path("node"), &[]);
    let (way, tables) = (
        free(),
        format!(
            "CREATE TABLE items (id int PRIMARY KEY, revision bigint, words text);
             INSERT INTO items SELECT n, 0, repeat('word ', 100) FROM generate_series(1, {ITEMS}) n"
        ),
    );
    let sinks = format!(
        "[sinks.lines]\ntype = \"stdout\"\n\n[sinks.search]\ntype = \"opensearch\"\n\
         url = \"http://{way}\"\nnumber_of_replicas = 0\nrefresh_interval = \"100ms\"\n"
    );
    let stock = Deployment::with_sink(&SERVER, "pace", &tables, &[("items", SCHEMA)], &sinks);
    stock.edit(|text| format!("prefix = \"pace_\"\n{text}"));

    // Not there at the start.
    let mut flusso = stock.start(2);
    stock.expect_equal(&mut flusso, "at seed");
    flood(&stock, &mut flusso, 1);
    let (public, _) = flusso.addresses();
    let behind = |flusso: &mut Flusso, what: &str, wanted: &dyn Fn(u64, u64) -> bool| {
        flusso.until(what, PATIENCE, |_| {
            let sinks = &told(&public)["sinks"];
            let bytes = |name: &str| sinks[name]["lag"]["bytes"].as_u64();
            let lines = bytes("lines").expect("it has delivered");
            wanted(lines, bytes("search").unwrap_or(u64::MAX))
        });
    };
    behind(&mut flusso, "the lag of each", &|lines, search| search > lines + 1_000_000);
    let open = Forward::open(way, &node.url);
    expect_equal(&stock, &mut flusso, &node.url, "once it is there");

    // Gone while it runs.
    drop(open);
    flood(&stock, &mut flusso, 2);
    behind(&mut flusso, "the lag of each", &|lines, search| search > lines + 1_000_000);
    let open = Forward::open(way, &node.url);
    expect_equal(&stock, &mut flusso, &node.url, "once it is back");
    behind(&mut flusso, "the end of the lag", &|_, search| search < 1_000_000);
    assert!(flusso.said().contains("was behind"), "{}", flusso.said());
    assert!(stock.confirmed(), "the slot waits for both, and both have everything");
    drop((flusso, open));
}
