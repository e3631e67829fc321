//! How mistakes look. Each folder of `errors/` is a deployment with some; the snapshot is what a
//! person reads.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use flusso_compiler::files::load;

/// What loading one of the deployments prints, at most 100 columns wide.
fn errors(name: &str) -> String {
    let (sources, config) = load(&Path::new("tests/errors").join(name).join("flusso.toml"));
    let text = sources.render_all(&config.unwrap_err(), false);
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    text
}

#[test]
fn connection() {
    insta::assert_snapshot!(errors("connection"));
}

#[test]
fn empty_schema() {
    insta::assert_snapshot!(errors("empty-schema"));
}

#[test]
fn filters() {
    insta::assert_snapshot!(errors("filters"));
}

#[test]
fn long_line() {
    insta::assert_snapshot!(errors("long-line"));
}

#[test]
fn missing_file() {
    insta::assert_snapshot!(errors("missing-file"));
}

#[test]
fn misspelt_key() {
    insta::assert_snapshot!(errors("misspelt-key"));
}

#[test]
fn misspelt_type() {
    insta::assert_snapshot!(errors("misspelt-type"));
}

#[test]
fn open_bracket() {
    insta::assert_snapshot!(errors("open-bracket"));
}

#[test]
fn relations() {
    insta::assert_snapshot!(errors("relations"));
}

#[test]
fn repeated() {
    insta::assert_snapshot!(errors("repeated"));
}

#[test]
fn toml_syntax() {
    insta::assert_snapshot!(errors("toml-syntax"));
}

#[test]
fn two_files() {
    insta::assert_snapshot!(errors("two-files"));
}

#[test]
fn two_in_one_file() {
    insta::assert_snapshot!(errors("two-in-one-file"));
}

#[test]
fn yaml_syntax() {
    insta::assert_snapshot!(errors("yaml-syntax"));
}

#[test]
fn colors_stand_only_where_they_are_asked_for() {
    let (sources, config) = load(Path::new("tests/errors/misspelt-key/flusso.toml"));
    let error = &config.unwrap_err()[0];
    let (plain, colored) = (sources.render(error, false), sources.render(error, true));
    assert!(!plain.contains('\x1b') && colored.contains("\x1b[1;31merror"));
    let mut uncolored = colored;
    for code in ["\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"] {
        uncolored = uncolored.replace(code, "");
    }
    assert_eq!(uncolored, plain);
}
