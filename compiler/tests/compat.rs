//! Deployments written for the reference load here unedited and come out the same; those with a
//! mistake are refused with the file, the line and the key. See `compat/README.md`.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use flusso_compiler::diagnostics::Place;
use flusso_compiler::files::config::{Config, Sink};
use flusso_compiler::files::load;
use flusso_compiler::{hash, lock, mapping};
use serde_json::{Map, Value};

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

/// What flusso 0.15 made of each valid deployment, and what is made of it here.
fn expectations() -> Vec<(String, Value, Config)> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/expected.json");
    let expected: Map<String, Value> =
        serde_json::from_slice(&std::fs::read(home).unwrap()).unwrap();
    let inputs = inputs('0');
    assert_eq!(expected.len(), inputs.len());
    let load = |(name, path, _): (String, PathBuf, Value)| {
        let config = load(&path.join("flusso.toml")).1.unwrap();
        (name.clone(), expected[&name].clone(), config)
    };
    inputs.into_iter().map(load).collect()
}

#[test]
fn locks_hold_the_same() {
    for (name, expected, config) in expectations() {
        let bytes = lock::write(&config);
        let written: Value = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(written["config"], expected["config"], "{name}");
        let read = lock::read(&bytes).unwrap();
        assert_eq!(lock::write(&read), bytes, "{name}");
        assert_eq!(lock::config_json(&read), lock::config_json(&config), "{name}");
    }
}

#[test]
fn a_lock_of_0_15_is_read() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat");
    let read = lock::read(&std::fs::read(home.join("020-deep.lock")).unwrap()).unwrap();
    let config = load(&home.join("inputs/020-deep/flusso.toml")).1.unwrap();
    assert_eq!(lock::write(&read), lock::write(&config));
}

#[test]
fn indexes_keep_their_names_mappings_and_settings() {
    let mut compared = 0;
    for (name, expected, config) in expectations() {
        let Some(Sink::OpenSearch(sink)) = config.sinks.get("search") else { continue };
        let Some(indices) = expected["indices"].as_array() else { continue };
        for index in config.indexes.iter().filter(|index| index.enabled) {
            let hash = hash::schema(&index.schema);
            let suffix = format!("{}_{hash:08x}_1", index.name.value);
            let found = indices.iter().find(|index| index.as_str().unwrap().ends_with(&suffix));
            let found = found.unwrap_or_else(|| panic!("{name}: {suffix} not in {indices:?}"));
            let found = found.as_str().unwrap();
            let body = mapping::index_body(&index.schema, sink);
            assert_eq!(plain(&body["mappings"]), plain(&expected["mappings"][found]), "{name}");
            assert_eq!(body["settings"]["index"]["refresh_interval"], "-1");
            if let Some(expected) = expected["settings"].get(found) {
                let mut settings = Map::new();
                flatten("index", &body["settings"]["index"], &mut settings);
                flatten("index.analysis", &body["settings"]["analysis"], &mut settings);
                // Set anew after seeding.
                settings["index.refresh_interval"] = sink.refresh_interval.clone().into();
                assert_eq!(plain(&Value::Object(settings)), plain(expected), "{name}");
            }
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}

/// `{"a": {"b": 1}}` as `a.b`, the way OpenSearch shows settings.
fn flatten(path: &str, value: &Value, into: &mut Map<String, Value>) {
    match value.as_object() {
        Some(entries) => {
            for (key, value) in entries {
                flatten(&format!("{path}.{key}"), value, into);
            }
        }
        None => drop(into.insert(path.to_string(), value.clone())),
    }
}

/// The same with every number that is not an integer in one spelling.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            Value::from(number.as_f64().unwrap().to_string())
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}
