//! Deployments written for the reference load here unedited and come out the same; those with a
//! mistake are refused with the file, the line and the key. See `compat/README.md`.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use flusso_compiler::diagnostics::Place;
use flusso_compiler::files::load;
use serde_json::Value;

/// The folders of fixtures whose names begin with a digit.
fn inputs(first: char) -> Vec<(String, PathBuf, Value)> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/inputs");
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if name.starts_with(first) {
            let case = std::fs::read(path.join("case.json")).unwrap();
            inputs.push((name, path, serde_json::from_slice(&case).unwrap()));
        }
    }
    inputs.sort_by(|left, right| left.0.cmp(&right.0));
    inputs
}

#[test]
fn valid_deployments_load() {
    for (name, path, _) in inputs('0').into_iter().chain(inputs('3')) {
        let (sources, config) = load(&path.join("flusso.toml"));
        if let Err(errors) = config {
            panic!("{name} was refused:\n{}", sources.render_all(&errors, false));
        }
    }
}

#[test]
fn what_has_an_obvious_default_may_be_left_out() {
    for (name, path, case) in inputs('2') {
        let twin = path.with_file_name(case["twin"].as_str().unwrap());
        let (sources, config) = load(&path.join("flusso.toml"));
        let mut config = config.map_err(|errors| sources.render_all(&errors, false)).unwrap();
        let mut twin = load(&twin.join("flusso.toml")).1.unwrap();
        // The files are of different lengths, and so are the places of the wholes.
        let nowhere = Place { file: 0, start: 0, end: 0 };
        for index in config.indexes.iter_mut().chain(&mut twin.indexes) {
            index.schema.place = nowhere;
        }
        assert_eq!(config, twin, "{name}");
    }
}

#[test]
fn mistakes_are_refused_with_file_line_and_key() {
    let mut silent = Vec::new();
    for (name, path, case) in inputs('1') {
        let (sources, config) = load(&path.join("flusso.toml"));
        let Err(errors) = config else {
            silent.push(format!("{name} was accepted"));
            continue;
        };
        let text = sources.render_all(&errors, false);
        let file = case["file"].as_str().unwrap();
        let lines = case["lines"].as_array().unwrap();
        let keys = case["keys"].as_array().unwrap();
        let named = |line: &Value| text.matches(&format!("/{file}:{line}:")).count();
        let places: usize = lines.iter().map(named).sum();
        let key = keys.iter().any(|key| text.contains(key.as_str().unwrap()));
        let wide = text.lines().any(|line| line.chars().count() > 100 && !line.contains("-->"));
        if places != errors.len() || !key || !text.contains('^') || wide {
            silent.push(format!("{name}: {lines:?} {keys:?}\n{text}"));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}
