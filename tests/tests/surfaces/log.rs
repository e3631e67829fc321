//! The log of a whole run, line by line, with what differs from run to run masked.

use std::time::Duration;

use flusso_tests::flusso::Flusso;
use flusso_tests::shop;
use serde_json::Value;

use super::{LINES, SERVER, golden};

/// A line without its time and with `#` for every number; none for progress, which only slow runs
/// speak of.
fn masked(line: &str) -> Option<String> {
    let mut line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let keys: Vec<_> = line.as_object().into_iter().flatten().map(|(key, _)| key).collect();
    assert_eq!(keys, ["fields", "level", "target", "timestamp"]);
    let message = line["fields"]["message"].as_str().expect("a line says something").to_owned();
    line["timestamp"].take();
    let text = line.to_string();
    let hex = |c: char| c.is_ascii_digit() || ('A'..='F').contains(&c);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..at]);
        out.push('#');
        rest = rest[at..].trim_start_matches(hex);
    }
    out.push_str(rest);
    (!message.starts_with("copying:") && !message.starts_with("filling:"))
        .then_some(out)
        .filter(|_| !message.contains(" done: "))
}

#[test]
fn a_run_says_what_matters_and_nothing_of_each_document() {
    let shop = shop::deployment(&SERVER, "logged", 300, LINES);
    let arguments = shop.arguments(2);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // No form is asked for: standard error is no terminal.
    let mut flusso = Flusso::with(&shop.folder, &arguments, &[]);
    shop.expect_equal(&mut flusso, "at seed");
    for (name, sql) in shop::changes() {
        shop.session.run(&sql);
        shop.expect_equal(&mut flusso, &name);
    }
    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(20)), 0, "{}", flusso.said());
    let lines: Vec<String> = flusso.said().lines().filter_map(masked).collect();
    golden("run.log", &(lines.join("\n") + "\n"));
}

#[test]
fn what_ends_a_run_is_a_line_too() {
    let shop = shop::deployment(&SERVER, "unlogged", 10, LINES);
    let arguments = ["run", "--config", "nope.toml"];
    let mut flusso = Flusso::with(&shop.folder, &arguments, &[]);
    assert_eq!(flusso.end(Duration::from_secs(20)), 1);
    let line: Value = serde_json::from_str(flusso.said().trim()).expect("one line of JSON");
    assert_eq!(
        (&line["level"], &line["target"]),
        (&"ERROR".into(), &"flusso_runtime::telemetry".into())
    );
    assert_eq!(line["fields"]["message"], "there is no nope.toml");

    let mut flusso = Flusso::start(&shop.folder, &arguments);
    assert_eq!(flusso.end(Duration::from_secs(20)), 1);
    assert_eq!(flusso.said(), "error: there is no nope.toml\n");
}
