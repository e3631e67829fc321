//! `flusso verify`: equal while both sides change, every wrong document found and put right, and
//! nothing claimed that cannot be known.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use flusso_tests::churn::{shopping, while_writing};
use flusso_tests::database::Session;
use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::dice::Dice;
use flusso_tests::flusso::{Flusso, command};
use flusso_tests::node::ask;
use flusso_tests::server::{Server, fresh_path};
use flusso_tests::shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));
static NODE: LazyLock<Server> = LazyLock::new(|| {
    Server::opensearch(fresh_path("node"), &["action.auto_create_index=*flusso_meta"])
});

fn shop_in(name: &str, orders: u32) -> Deployment {
    let sink = format!(
        "[sinks.search]\ntype = \"opensearch\"\nurl = \"{}\"\nnumber_of_replicas = 0\n\
         number_of_shards = 2\nrefresh_interval = \"1s\"\n",
        NODE.url
    );
    let shop = shop::deployment(&SERVER, name, orders, &sink);
    shop.edit(|text| format!("prefix = \"{name}_\"\n{text}"));
    shop
}

/// Starts it and waits until every index is complete.
fn filled(shop: &Deployment) -> Flusso {
    let mut flusso = shop.start(2);
    let complete = |said: &str| said.matches("the index is complete").count() == 4;
    flusso.until("four complete indexes", PATIENCE, |flusso| complete(&flusso.said()));
    flusso
}

/// Exit code, reports and what was said.
fn verify(shop: &Deployment, more: &[&str]) -> (i32, Value, String) {
    let mut arguments =
        vec!["verify", "--format", "json", "--slot", &shop.name, "--publication", &shop.name];
    arguments.extend(more);
    let output = command(&shop.folder, &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let reports = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), reports, said)
}

fn sum(reports: &Value, key: &str) -> u64 {
    let reports = reports.as_array().map(Vec::as_slice).unwrap_or_default();
    reports.iter().filter_map(|report| report[key].as_u64()).sum()
}

#[test]
fn node_equals_the_database_while_both_change() {
    let shop = shop_in("proving", 4000);
    let flusso = filled(&shop);
    let mut verified = None;
    let work = |session: &Session, dice: &mut Dice| {
        std::thread::sleep(Duration::from_millis(10));
        // one that never rests
        session.run("UPDATE users SET name = random()::text WHERE id = 50");
        shopping(session, dice, 4000)
    };
    let written = while_writing(&shop.url, 1, work, || verified = Some(verify(&shop, &[])));
    let (code, reports, said) = verified.expect("it was run");
    assert!(written > 50, "{written} transactions are too few to tell");
    assert_eq!(code, 0, "{reports:#}\n{said}\n{}", flusso.said());
    assert_eq!(reports.as_array().map(Vec::len), Some(4), "{reports:#}");
    assert_eq!((sum(&reports, "wrong"), sum(&reports, "unsettled")), (0, 0), "{reports:#}");
    assert!(sum(&reports, "compared") > 4000, "{reports:#}");
}

#[test]
fn node_with_wrong_documents_is_told_of_and_repaired() {
    let shop = shop_in("repairing", 300);
    let flusso = filled(&shop);
    let url = format!("{}/repairing_orders", NODE.url);
    let document = |id: &str| ask(Method::GET, &format!("{url}/_doc/{id}"), None).1;
    let version = |id: &str| document(id)["_version"].to_string();
    // 5 changed, 6 lost, and two that nobody asked for
    let mut changed = document("5")["_source"].clone();
    changed["customer"]["tier"] = json!("lead");
    changed["totals"]["pieces"] = json!(0.5);
    let put = |id: &str, version: &str, body: &Value| {
        let path = format!("{url}/_doc/{id}?version={version}&version_type=external_gte");
        let (status, answer) = ask(Method::PUT, &path, Some(body.clone()));
        assert!(matches!(status, 200 | 201), "{answer}");
    };
    put("5", &version("5"), &changed);
    put("ghost", "1", &document("7")["_source"]);
    put("999999", "1", &document("7")["_source"]);
    let gone = format!("{url}/_doc/6?version={}&version_type=external_gte", version("6"));
    assert_eq!(ask(Method::DELETE, &gone, None).0, 200);

    let arguments = ["preview", "orders", "4", "5", "6", "999999", "--diff", "--format", "json"];
    let output = command(&shop.folder, &arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    let read = |line: &str| serde_json::from_str::<Value>(line).expect("a line is JSON");
    let kinds: Vec<Value> =
        text.lines().map(|line| read(line)["differs"]["search"]["kind"].clone()).collect();
    assert_eq!(json!(kinds), json!([null, "differs", "missing", "extra"]), "{text}");

    let (code, reports, said) = verify(&shop, &["orders"]);
    assert_eq!(code, 1, "{said}\n{}", flusso.said());
    assert!(said.contains("4 documents are wrong"), "{said}");
    let report = &reports[0];
    let mut found: Vec<(String, String)> = report["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["id"].to_string(), it["kind"].to_string()))
        .collect();
    found.sort();
    let expected = [
        ("\"5\"", "\"differs\""),
        ("\"6\"", "\"missing\""),
        ("\"999999\"", "\"extra\""),
        ("\"ghost\"", "\"extra\""),
    ];
    let expected = expected.map(|(id, kind)| (id.to_owned(), kind.to_owned()));
    assert_eq!(found, expected, "{report:#}");
    let differs = report["differences"].as_array().expect("a list");
    let differs = differs.iter().find(|it| it["kind"] == "differs").expect("it was among them");
    assert_eq!(differs["values"][0]["path"], "customer.tier", "{differs:#}");
    assert_eq!(differs["values"][0]["sink"], "lead", "{differs:#}");
    assert_eq!(differs["values"][1]["path"], "totals.pieces", "{differs:#}");

    // half of 600 would find them by luck; all of them are found for certain
    let (code, reports, said) = verify(&shop, &["orders", "--sample", "1000"]);
    assert_eq!((code, sum(&reports, "wrong")), (1, 4), "{reports:#}\n{said}");

    let (code, reports, said) = verify(&shop, &["--repair"]);
    assert_eq!((code, sum(&reports, "repaired")), (1, 4), "{reports:#}\n{said}");
    let (code, reports, said) = verify(&shop, &[]);
    assert_eq!((code, sum(&reports, "wrong")), (0, 0), "{reports:#}\n{said}");
    assert_eq!(document("5")["_source"]["totals"]["pieces"].as_f64().map(|n| n > 0.5), Some(true));
}

/// What a stopped flusso has delivered can be verified until something changes.
#[test]
fn node_of_a_stopped_flusso_is_verified_while_nothing_changes() {
    let shop = shop_in("resting", 100);
    let mut flusso = filled(&shop);
    flusso.signal("TERM");
    assert_eq!(flusso.end(PATIENCE), 0, "{}", flusso.said());
    let (code, reports, said) = verify(&shop, &[]);
    assert_eq!((code, sum(&reports, "wrong")), (0, 0), "{reports:#}\n{said}");
    shop.session.run("UPDATE orders SET note = 'unseen' WHERE id = 3");
    let (code, reports, said) = verify(&shop, &["orders"]);
    assert_eq!((code, &reports), (1, &Value::Null), "{said}");
    assert!(said.contains("is used by nobody"), "{said}");
    let elsewhere = command(&shop.folder, &["verify", "--slot", "nope"]);
    let (code, said) = (elsewhere.status.code(), String::from_utf8_lossy(&elsewhere.stderr));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("there is no replication slot `nope`"), "{said}");
}
