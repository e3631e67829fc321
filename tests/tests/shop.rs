//! The shop from end to end: every named change sends the documents it changes and no others.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use flusso_tests::deployment::Deployment;
use flusso_tests::docs::STDOUT;
use flusso_tests::documents::Changes;
use flusso_tests::flusso::Flusso;
use flusso_tests::server::Server;
use flusso_tests::shop;
use serde_json::Value;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// All named changes in order, with so many workers.
fn follow(workers: u32) {
    let shop = shop::deployment(&SERVER, &format!("shop_{workers}"), 1000, STDOUT);
    let mut flusso = shop.start(workers);
    shop.expect_equal(&mut flusso, "at seed");
    let seeded = flusso.take_changes();
    assert!(seeded.len() > 1000, "a seed sends each document once, and there are {}", seeded.len());
    let changes = shop::changes();
    assert!(changes.len() > 10, "changes.sql names its changes");
    for (name, sql) in changes {
        shop.follow(&mut flusso, &name, &sql);
    }
}

#[test]
fn one_worker() {
    follow(1);
}

#[test]
fn two_workers() {
    follow(2);
}

#[test]
fn three_workers() {
    follow(3);
}

/// What is said in SQL is the same documents as in words, through every change.
#[test]
fn sql_and_words_are_the_same() {
    let [words, sql] =
        ["plain", "sql"].map(|form| shop::file(&format!("{form}/orders.schema.yml")));
    let indexes = [("words", words.as_str()), ("sql", sql.as_str())];
    let shop = Deployment::with_sink(&SERVER, "two_forms", &shop::rows(1000), &indexes, STDOUT);
    let mut flusso = shop.start(2);
    let of = |index: &str, flusso: &Flusso| -> BTreeMap<String, Value> {
        let mine = flusso.documents.iter().filter(|((of, _), _)| of == index);
        mine.map(|((_, id), document)| (id.clone(), document.clone())).collect()
    };
    shop.expect_equal(&mut flusso, "at seed");
    assert!(of("words", &flusso).len() >= 1000);
    for (name, sql) in shop::changes() {
        shop.follow(&mut flusso, &name, &sql);
        assert_eq!(of("words", &flusso), of("sql", &flusso), "{name}");
    }
}

/// The sizes of the changes themselves, so that an oracle gone silent would be noticed.
#[test]
fn some_changes_are_many_documents_and_some_are_none() {
    let shop = shop::deployment(&SERVER, "shop_sizes", 1000, STDOUT);
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    let changes = shop::changes();
    let mut sent = |name: &str| -> Changes {
        let (name, sql) = changes.iter().find(|(n, _)| n.contains(name)).expect("it is named so");
        shop.quiet(&mut flusso);
        flusso.operations.clear();
        shop.session.run(sql);
        shop.expect_equal(&mut flusso, name);
        shop.quiet(&mut flusso);
        flusso.take_changes()
    };
    assert!(sent("one address under many orders").len() >= 20);
    let leaves = sent("a customer leaves");
    assert_eq!(leaves.get(&("users".to_owned(), "20".to_owned())), Some(&None));
    assert!(sent("stay as they are").is_empty());
    assert!(sent("no document shows").is_empty());
    let order = ("orders".to_owned(), "10".to_owned());
    assert_eq!(sent("all that belongs to it is deleted").get(&order), Some(&None));
}
