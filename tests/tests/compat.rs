//! The exit codes of `build`, `check` and `run` for deployments written for the reference: those
//! of the reference, but for the keys it wants and here have a default. The deployments stand in
//! `compiler/tests/compat`, with what else is compared of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use flusso_tests::database::Session;
use flusso_tests::flusso::binary;
use flusso_tests::server::{Server, fresh_path, repository};
use serde_json::Value;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// The only valid one whose files contradict the database.
const CONTRADICTS: &str = "070-check-finds-faults";

/// A deployment in a folder of its own, with its environment.
struct Case {
    name: String,
    folder: PathBuf,
    case: Value,
    url: String,
}

impl Case {
    /// A copy that leads to the test's server.
    fn copy(from: &Path, into: &Path, url: &str) -> Case {
        let name = from.file_name().and_then(|name| name.to_str()).expect("it has a name");
        let folder = into.join(name);
        let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or("");
        copy(from, &folder, port);
        let case = std::fs::read(folder.join("case.json")).expect("it tells what it is for");
        let case = serde_json::from_slice(&case).expect("it is JSON");
        Case { name: name.to_owned(), folder, case, url: url.to_owned() }
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(&self.folder).env_clear().env("NO_COLOR", "1");
        for (name, value) in self.case["env"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let value = value.replace("{{PG}}", &self.url).replace("{{OS1}}", "http://127.0.0.1:1");
            command.env(name, value);
        }
        command.output().expect("the binary can be run")
    }

    /// Runs it and notes when it ends otherwise.
    fn expect(&self, code: i32, arguments: &[&str], wrong: &mut Vec<String>) -> String {
        let output = self.command(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(code) {
            wrong.push(format!("{} {arguments:?} ended with {}: {said}", self.name, output.status));
        }
        said
    }
}

/// Copies a folder; every file there says another port.
fn copy(from: &Path, into: &Path, port: &str) {
    std::fs::create_dir_all(into).expect("the temporary folder can be written");
    for entry in std::fs::read_dir(from).expect("it is there").flatten() {
        let (path, into) = (entry.path(), into.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &into, port);
            continue;
        }
        let mut text = std::fs::read(path).expect("it can be read");
        if entry.file_name() == "flusso.toml" {
            let read = String::from_utf8(text).expect("it is text");
            let read = read.replace("127.0.0.1:5432", &format!("127.0.0.1:{port}"));
            text = read.replace("port = 5432", &format!("port = {port}")).into_bytes();
        }
        std::fs::write(into, text).expect("it can be written");
    }
}

#[test]
fn every_deployment_ends_as_with_the_reference() {
    let home = repository().join("compiler/tests/compat");
    let server = Session::open(&SERVER.url);
    for statement in ["CREATE DATABASE cargo", "CREATE ROLE reader LOGIN SUPERUSER"] {
        server.run(statement);
    }
    let (base, _) = SERVER.url.rsplit_once('/').expect("the URL names a database");
    let url = format!("{base}/cargo");
    let tables = std::fs::read_to_string(home.join("db.sql")).expect("the tables are there");
    Session::open(&url).run(&tables);
    let into = fresh_path("compat");
    let (mut wrong, mut kinds) = (Vec::new(), [0; 4]);
    for entry in std::fs::read_dir(home.join("inputs")).expect("they are there").flatten() {
        let case = Case::copy(&entry.path(), &into, &url);
        let kind = case.name.bytes().next().map_or(9, |digit| usize::from(digit - b'0'));
        kinds[kind] += 1;
        let refused = i32::from(kind == 1);
        case.expect(refused, &["build"], &mut wrong);
        case.expect(refused, &["check", "--offline"], &mut wrong);
        match kind {
            0 => {
                let contradicts = i32::from(case.name == CONTRADICTS);
                case.expect(contradicts, &["check"], &mut wrong);
            }
            3 => {
                let ports = ["--public-address", "127.0.0.1:0", "--private-address", "127.0.0.1:0"];
                let more = case.case["run_args"].as_array().into_iter().flatten();
                let arguments: Vec<&str> = ["run"]
                    .into_iter()
                    .chain(ports)
                    .chain(more.filter_map(Value::as_str))
                    .collect();
                let said = case.expect(1, &arguments, &mut wrong);
                let keys = case.case["keys"].as_array().into_iter().flatten();
                if !keys.filter_map(Value::as_str).any(|key| said.contains(key)) {
                    wrong.push(format!("{} names nothing of it: {said}", case.name));
                }
            }
            _ => {}
        }
    }
    let _ = std::fs::remove_dir_all(&into);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(kinds, [41, 48, 4, 7], "none is passed over");
}
