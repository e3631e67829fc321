//! The binary as a shell sees it: exit codes, what stands on which stream, and the golden texts.

#![allow(clippy::unwrap_used)] // In helpers of tests, which clippy does not see as tests.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A run of the binary in a fixture's folder, without any variable of ours.
fn flusso(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flusso"));
    let ours = |name: &str| name.starts_with("FLUSSO_") || name == "DATABASE_URL";
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments).envs(environment.iter().copied());
    command.output().unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy of a fixture that a test may write to.
fn scratch(name: &str, test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    folder
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Compares with a file beside the fixtures; `UPDATE_GOLDEN=1` writes it instead.
fn golden(name: &str, text: &str) {
    let path = fixture(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(expected == text, "{name} differs; it is now:\n{text}");
}

#[test]
fn help_is_worth_reading() {
    let here = fixture("shipping");
    for (name, arguments) in [
        ("help.txt", &["--help"][..]),
        ("help-run.txt", &["run", "--help"]),
        ("help-check.txt", &["check", "--help"]),
        ("help-plan.txt", &["plan", "--help"]),
        ("help-verify.txt", &["verify", "--help"]),
        ("help-init.txt", &["init", "--help"]),
        ("help-preview.txt", &["preview", "--help"]),
    ] {
        let output = flusso(&here, arguments, &[]);
        assert_eq!(code(&output), 0);
        golden(name, &out(&output));
        assert!(out(&output).lines().all(|line| line.chars().count() <= 100), "{name} is too wide");
    }
}

#[test]
fn check_shows_the_deployment_and_its_fields() {
    for name in ["shipping", "many-sinks"] {
        let output = flusso(&fixture(name), &["check", "--offline"], &[]);
        assert_eq!((code(&output), err(&output)), (0, String::new()));
        golden(&format!("{name}.check.txt"), &out(&output));
    }
}

#[test]
fn check_speaks_json_to_programs() {
    let arguments = ["check", "--offline", "--format", "json"];
    let output = flusso(&fixture("shipping"), &arguments, &[]);
    let report: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert!(report["diagnostics"].is_null() && report["coverage"].is_null());
    let mapping = &report["mappings"][0];
    assert_eq!(mapping["index"], "clients");
    assert_eq!(mapping["fields"][0]["mapping"]["type"], "keyword");
    assert_eq!(mapping["fields"][0]["nullable"], false);
    assert_eq!(report["config"]["source"]["manage_publication"], true);
}

#[test]
fn every_mistake_in_the_files_is_shown_with_its_place() {
    let folder = scratch("shipping", "mistakes");
    let schema = "table: customers\nfields:\n  - keywrd: email\n  - text: name\n    colum: n\n";
    std::fs::write(folder.join("clients.schema.yml"), schema).unwrap();
    let output = flusso(&folder, &["check", "--offline"], &[]);
    assert_eq!((code(&output), out(&output)), (1, String::new()));
    let said = err(&output);
    for part in ["clients.schema.yml:3", "clients.schema.yml:5", "keyword", "colum", "^"] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
}

#[test]
fn a_command_line_that_cannot_be_understood_ends_with_2() {
    let here = fixture("shipping");
    for arguments in [
        &["frobnicate"][..],
        &["check", "--offline=true"],
        &["check", "--offline", "--offline"],
        &["check", "--format", "xml"],
        &["run", "--public-address", "localhost:9464"],
        &["run", "--queue-capacity", "0"],
        &["run", "--workers", "0"],
        &["plan", "--sql", "--verbose"],
        &["schema", "other"],
    ] {
        assert_eq!(code(&flusso(&here, arguments, &[])), 2, "{arguments:?}");
    }
    for value in ["1", "0", "yes", ""] {
        let output = flusso(&here, &["check"], &[("FLUSSO_OFFLINE", value)]);
        assert_eq!(code(&output), 2, "FLUSSO_OFFLINE={value}");
    }
    assert_eq!(code(&flusso(&here, &["check"], &[("FLUSSO_OFFLINE", "true")])), 0);
}

#[test]
fn build_writes_a_lock_that_equals_itself() {
    let folder = scratch("shipping", "build");
    let output = flusso(&folder, &["build"], &[]);
    assert_eq!(code(&output), 0);
    assert_eq!(out(&output), "✓ compiled 1 index(es) → flusso.lock\n");
    let arguments = ["build", "--out", "again.lock"];
    assert_eq!(code(&flusso(&folder, &arguments, &[])), 0);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_eq!(read("flusso.lock"), read("again.lock"));
}

#[test]
fn run_says_what_it_lacks_before_it_does_anything() {
    let folder = scratch("shipping", "run");
    let variable = [("CARGO_DB", "postgres://cargo@127.0.0.1:1/cargo")];
    for (arguments, part) in [
        (&["run", "--config", "nope.toml"][..], "nope.toml"),
        (&["run", "--locked"], "flusso build"),
        (&["run", "--index-prefix", "Dev_"], "lower case"),
        (&["run", "--private-address", "0.0.0.0:0"], "--admin-password"),
    ] {
        let output = flusso(&folder, arguments, &variable);
        assert_eq!(code(&output), 1, "{arguments:?}");
        assert!(err(&output).contains(part), "{part} is missing in\n{}", err(&output));
    }
}

#[test]
fn run_writes_the_lock_and_names_a_variable_that_is_not_set() {
    let folder = scratch("shipping", "unset");
    let ports = ["run", "--public-address", "127.0.0.1:0", "--private-address", "127.0.0.1:0"];
    let output = flusso(&folder, &ports, &[]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("CARGO_DB"), "{}", err(&output));
    assert!(folder.join("flusso.lock").exists());
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let output = flusso(&fixture("shipping"), &["indexes", "--server", "127.0.0.1:1"], &[]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("http://127.0.0.1:1/indexes"), "{}", err(&output));
}

/// Answers one request with this body, as a running flusso would.
fn answering(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap();
        assert!(request[..read].starts_with(b"GET /status HTTP/1.1"));
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    });
    address
}

#[test]
fn a_plan_is_shown_beside_what_a_server_measures() {
    let server = answering(include_str!("fixtures/shipping.status.json"));
    let arguments = ["plan", "--analyze", "--server", &server];
    let output = flusso(&fixture("shipping"), &arguments, &[]);
    assert_eq!((code(&output), err(&output)), (0, String::new()));
    golden("shipping.analyze.txt", &out(&output));
}

/// Edits a file of a folder.
fn edit(folder: &Path, file: &str, changes: &[(&str, &str)]) {
    let path = folder.join(file);
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn what_a_changed_schema_will_cost_is_said_beforehand() {
    let folder = scratch("shipping", "diff");
    assert_eq!(code(&flusso(&folder, &["build", "--out", "old.lock"], &[])), 0);
    let differs = |name: &str| {
        let output = flusso(&folder, &["plan", "--diff", "old.lock"], &[]);
        assert_eq!((code(&output), err(&output)), (0, String::new()));
        golden(name, &out(&output));
    };
    differs("shipping.same.txt");

    edit(&folder, "flusso.toml", &[("9200\"", "9200\"\nnumber_of_replicas = 2")]);
    differs("shipping.replicas.txt");
    edit(&folder, "flusso.toml", &[("replicas = 2", "replicas = 2\nauto_subfields = false")]);
    differs("shipping.settings.txt");

    let schema = [
        ("  - text: full_name\n    required: false\n", ""),
        ("  - keyword: email\n", "  - text: email\n"),
        ("      - decimal: cost\n", "      - text: note\n      - decimal: cost\n"),
    ];
    edit(&folder, "clients.schema.yml", &schema);
    let more = "[sinks.lines]\ntype = \"stdout\"\n\n[[index]]\nname = \"places\"\n\
                schema = \"places.schema.yml\"\n\n[[index]]\nname = \"clients\"";
    edit(&folder, "flusso.toml", &[("[[index]]\nname = \"clients\"", more)]);
    let places = "table: places\nprimary_key: id\nfields:\n  - keyword: name\n";
    std::fs::write(folder.join("places.schema.yml"), places).unwrap();
    differs("shipping.diff.txt");
    let arguments = ["plan", "--diff", "old.lock", "--format", "json"];
    let data: serde_json::Value =
        serde_json::from_str(&out(&flusso(&folder, &arguments, &[]))).unwrap();
    assert_eq!(data["indexes"][0]["fate"], "rebuilt");
    assert_eq!(data["sinks"], serde_json::json!([{ "name": "lines", "only": "after" }]));
    let graph = flusso(&folder, &["plan", "--diff", "old.lock", "--format", "dot"], &[]);
    assert_eq!(code(&graph), 1, "{}", err(&graph));
}

#[test]
fn the_schemas_for_editors_are_printed() {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let written = |name: &str| std::fs::read_to_string(schemas.join(name)).unwrap();
    let config = flusso(&fixture("shipping"), &["schema", "config"], &[]);
    assert_eq!(out(&config).trim_end(), written("config.schema.json").trim_end());
    let index = flusso(&fixture("shipping"), &["schema"], &[("FLUSSO_SCHEMA", "index")]);
    assert_eq!(out(&index).trim_end(), written("index.schema.json").trim_end());
}
