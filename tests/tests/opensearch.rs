//! Documents in a real node equal their SQL: after the seed, after churn, after restarts of
//! either side.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use reqwest::Method;

use flusso_tests::deployment::Deployment;
use flusso_tests::node::{ask, expect_equal};
use flusso_tests::server::{Server, fresh_path};
use flusso_tests::shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));
static NODE: LazyLock<Server> = LazyLock::new(|| {
    Server::opensearch(fresh_path("node"), &["action.auto_create_index=*flusso_meta"])
});

/// The shop with a node; index names begin with the deployment's name.
fn shop_in(name: &str, node: &str) -> Deployment {
    let sink = format!(
        "[sinks.search]\ntype = \"opensearch\"\nurl = \"{node}\"\nnumber_of_replicas = 0\n\
         refresh_interval = \"1s\"\nmax_retries = 10\n"
    );
    let shop = shop::deployment(&SERVER, name, 600, &sink);
    shop.edit(|text| format!("prefix = \"{name}_\"\n{text}"));
    shop
}

#[test]
fn node_has_the_shop() {
    has_the_shop("shop", &NODE.url);
}

/// The main path on the other major version: seed, changes, restart.
#[test]
fn newer_node_has_the_shop() {
    let node = Server::opensearch_of("3.6.0");
    let (_, root) = ask(Method::GET, &node.url, None);
    assert_eq!(root["version"]["number"], "3.6.0", "{root}");
    has_the_shop("newer", &node.url);
}

/// Documents in a node equal their SQL after the seed, after each named change, and after a
/// restart.
fn has_the_shop(name: &str, node: &str) {
    let shop = shop_in(name, node);
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, node, "at seed");
    for (name, sql) in shop::changes() {
        shop.session.run(&sql);
        expect_equal(&shop, &mut flusso, node, &name);
    }
    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(20)), 0, "{}", flusso.said());
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, node, "after a restart");
    let found = ask(
        Method::POST,
        &format!("{node}/{name}_orders/_count"),
        Some(serde_json::json!({ "query": { "term": { "address.city": "Reykjavik" } } })),
    );
    let expected = shop.session.value("SELECT count(*) FROM orders WHERE address_id = 2");
    assert_eq!(found.1["count"].to_string(), expected, "a search finds what was changed");
}

/// A search finds a change within the interval, whenever the node refreshes: here it never does.
#[test]
fn node_is_asked_to_refresh_in_time() {
    let shop = shop_in("fresh", &NODE.url);
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, &NODE.url, "at seed");
    let index = format!("{}/fresh_orders", NODE.url);
    let never = serde_json::json!({ "index": { "refresh_interval": "-1" } });
    assert_eq!(ask(Method::PUT, &format!("{index}/_settings"), Some(never)).0, 200);
    for round in 0..3 {
        shop.session.run(&format!("UPDATE orders SET note = 'seen {round}' WHERE id <= 50"));
        let term = serde_json::json!({ "note.keyword": format!("seen {round}") });
        let query = serde_json::json!({ "query": { "term": term } });
        flusso.until("a search that finds the change", Duration::from_secs(30), |_| {
            let (_, answer) = ask(Method::POST, &format!("{index}/_count"), Some(query.clone()));
            answer["count"] == 50
        });
    }
}

#[test]
fn node_is_found_again_after_a_restart_and_a_kill() {
    let shop = shop_in("again", &NODE.url);
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, &NODE.url, "at seed");
    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(20)), 0, "{}", flusso.said());
    shop.session.run(
        "BEGIN; DELETE FROM order_tags WHERE order_id = 30; DELETE FROM order_items WHERE order_id = 30; \
         DELETE FROM orders WHERE id = 30; COMMIT; UPDATE users SET deleted_at = now() WHERE id = 7; \
         UPDATE shops SET name = 'While away' WHERE id = 5",
    );
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, &NODE.url, "after a restart");
    flusso.signal("KILL");
    flusso.end(Duration::from_secs(5));
    shop.session.run("TRUNCATE order_tags; UPDATE products SET active = false WHERE id < 10");
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, &NODE.url, "after a kill");
}

/// A node of its own, on a port that it finds again.
#[test]
fn node_goes_and_comes_back() {
    let folder: PathBuf = fresh_path("restarted");
    std::fs::create_dir_all(&folder).unwrap();
    let node = Server::opensearch(folder.clone(), &[]);
    let url = node.url.clone();
    let (_, port) = url.rsplit_once(':').expect("a URL with a port");
    let shop = shop_in("restarted", &url);
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, &url, "at seed");
    drop(node);
    shop.session
        .run("UPDATE shops SET name = 'Nobody home'; DELETE FROM order_items WHERE quantity = 2");
    std::thread::sleep(Duration::from_secs(1));
    let node = Server::opensearch(folder.clone(), &[&format!("http.port={port}")]);
    expect_equal(&shop, &mut flusso, &node.url, "after the node came back");
    drop(node);
    let _ = std::fs::remove_dir_all(folder);
}

/// Whatever was under way when either side was killed is there afterwards.
#[test]
fn node_and_flusso_are_killed_ten_times_each() {
    let node = Server::opensearch_again();
    let shop = shop_in("killed", &node.url);
    let mut flusso = shop.start(2);
    expect_equal(&shop, &mut flusso, &node.url, "at seed");
    let change = |round: u32, of: u32| {
        shop.session.run(&format!(
            "UPDATE shops SET name = 'Round {round}.{of}';
             UPDATE order_items SET quantity = quantity + 1 WHERE order_id % 10 = {round};
             UPDATE orders SET user_id = user_id % 50 + 1 WHERE id % 10 = {of};
             DELETE FROM order_tags WHERE order_id % 30 = {round} + 10 * {of}"
        ));
    };
    for round in 0..10 {
        change(round, 0);
        flusso.signal("KILL");
        flusso.end(Duration::from_secs(5));
        change(round, 1);
        flusso = shop.start(2);
        change(round, 2);
        node.restart("KILL");
        expect_equal(&shop, &mut flusso, &node.url, &format!("after round {round}"));
    }
}
