//! What a node rejects is kept and shown until it is taken; and no secret is printed on the way.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::flusso::{Flusso, binary, command};
use flusso_tests::forward::free;
use flusso_tests::node::ask;
use flusso_tests::server::{Server, fresh_path};

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

const TABLES: &str = "CREATE TABLE docs (id int PRIMARY KEY, name text)";
const SCHEMA: &str = "table: docs\nprimary_key: id\nfields:\n  - keyword: name\n";
/// In what no one may see.
const MARKER: &str = "m4rk3r";

/// What `flusso quarantine` says as JSON.
fn quarantine(folder: &Path, private: &str, arguments: &[&str]) -> Value {
    let mut all = vec!["quarantine"];
    all.extend(arguments);
    all.extend(["--format", "json", "--server", private]);
    let output = command(folder, &all);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("it was asked for JSON")
}

/// The arguments of `flusso run` with its two addresses chosen.
fn arguments(deployment: &Deployment, public: &str, private: &str) -> Vec<String> {
    let mut arguments = deployment.arguments(1);
    for (flag, address) in [("--public-address", public), ("--private-address", private)] {
        let at = arguments.iter().position(|it| it == flag).expect("it is among them");
        arguments[at + 1] = address.to_owned();
    }
    arguments
}

/// Starts it with its private address chosen.
fn start(deployment: &Deployment, private: &str) -> Flusso {
    let arguments = arguments(deployment, "127.0.0.1:0", private);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let flusso = Flusso::start(&deployment.folder, &arguments);
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(private).is_err() {
        assert!(Instant::now() < deadline, "it does not answer:\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    flusso
}

/// Waits until so many documents are in quarantine, and gives them.
fn until_kept(deployment: &Deployment, private: &str, flusso: &Flusso, count: u64) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = quarantine(&deployment.folder, private, &["list"]);
        if told["count"] == count {
            return told;
        }
        assert!(Instant::now() < deadline, "{told} is not {count}; it said:\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the node has this name in a document, or no such document.
fn until_found(url: &str, id: u32, name: Option<&str>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, found) = ask(Method::GET, &format!("{url}/kept_docs/_doc/{id}"), None);
        if found["found"].is_boolean() && found["_source"]["name"].as_str() == name {
            return;
        }
        assert!(Instant::now() < deadline, "{found}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn node_rejects_and_what_it_rejects_is_kept_until_it_is_taken() {
    let folder = fresh_path("node");
    let node = Server::opensearch(folder.clone(), &[]);
    let url = &node.url;
    let sink =
        format!("[sinks.search]\ntype = \"opensearch\"\nurl = \"{url}\"\nnumber_of_replicas = 0\n");
    let deployment = Deployment::with_sink(&SERVER, "kept", TABLES, &[("docs", SCHEMA)], &sink);
    deployment.edit(|text| format!("prefix = \"kept_\"\non_error = \"skip\"\n{text}"));
    let run = |sql: &str| deployment.session.run(sql);
    let long = format!("repeat('{MARKER}', 10000)");
    run(&format!("INSERT INTO docs VALUES (1, 'one'), (2, {long})"));
    let private = free().to_string();
    let mut flusso = start(&deployment, &private);
    let told = until_kept(&deployment, &private, &flusso, 1);
    let one = &told["documents"][0];
    assert_eq!(
        (&one["sink"], &one["index"], &one["id"]),
        (&"search".into(), &"docs".into(), &"2".into())
    );
    assert_eq!(one["field"], "name");
    assert!(one["reason"].as_str().is_some_and(|it| it.contains("immense term")), "{one}");
    until_found(url, 1, Some("one"));

    run(&format!(
        "UPDATE docs SET name = {long} WHERE id = 1; INSERT INTO docs VALUES (3, {long})"
    ));
    let told = until_kept(&deployment, &private, &flusso, 3);
    assert!(!told.to_string().contains(MARKER), "{told}");
    until_found(url, 1, Some("one"));
    run("UPDATE docs SET name = 'two' WHERE id = 2; DELETE FROM docs WHERE id = 3");
    let told = until_kept(&deployment, &private, &flusso, 1);
    assert_eq!(told["documents"][0]["id"], "1");
    until_found(url, 2, Some("two"));

    let shown = quarantine(&deployment.folder, &private, &["show", "docs", "1"]);
    assert_eq!(shown["documents"], told["documents"]);

    // Another try rejects it again.
    let asked = quarantine(&deployment.folder, &private, &["retry", "docs", "1"]);
    assert_eq!(asked["asked"], 1);
    let deadline = Instant::now() + PATIENCE;
    let times = |told: &Value| told["documents"][0]["times"].as_u64();
    while times(&quarantine(&deployment.folder, &private, &["list"])) <= times(&shown) {
        assert!(Instant::now() < deadline, "it was not tried again:\n{}", flusso.said());
        std::thread::sleep(Duration::from_millis(50));
    }

    // It outlives the process, and a change that fits lets it go.
    flusso.signal("KILL");
    flusso.end(Duration::from_secs(5));
    let mut flusso = start(&deployment, &private);
    until_kept(&deployment, &private, &flusso, 1);
    run("UPDATE docs SET name = 'fits' WHERE id = 1");
    until_kept(&deployment, &private, &flusso, 0);
    until_found(url, 1, Some("fits"));
    assert!(!flusso.said().contains(MARKER), "{}", flusso.said());

    // The other policy ends the run with the document, the field and the server's words.
    flusso.signal("TERM");
    flusso.end(PATIENCE);
    deployment.edit(|text| text.replace("\"skip\"", "\"stop\""));
    run(&format!("INSERT INTO docs VALUES (4, {long})"));
    let mut flusso = deployment.start(1);
    assert_eq!(flusso.end(PATIENCE), 1);
    let said = flusso.said();
    for words in ["`4`", "`name`", "immense term", "on_error"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(MARKER), "{said}");
    drop(node);
    let _ = std::fs::remove_dir_all(folder);
}

/// Nobody listens at the sink's address, so flusso has much to say about it.
#[test]
fn secrets_are_nowhere() {
    let away = free().to_string();
    let sinks = format!(
        "[sinks.basic]\ntype = \"opensearch\"\nurl = {{ env = \"SECRET_URL\" }}\n\
         username = \"flusso\"\npassword = {{ env = \"SECRET\" }}\n\
         [sinks.key]\ntype = \"opensearch\"\nurl = \"http://{away}\"\n\
         api_key = {{ env = \"SECRET\" }}\n\
         [sinks.signed]\ntype = \"opensearch\"\nurl = \"http://{away}\"\n\
         aws = {{ service = \"es\", region = \"eu-west-1\", access_key_id = \"id\", \
         secret_access_key = {{ env = \"SECRET\" }}, session_token = {{ env = \"SECRET\" }} }}\n"
    );
    let deployment = Deployment::with_sink(&SERVER, "secrets", TABLES, &[("docs", SCHEMA)], &sinks);
    let (public, said) = (free().to_string(), deployment.folder.join("said"));
    let file = std::fs::File::create(&said).expect("the folder is ours");
    let mut flusso = Command::new(binary())
        .args(arguments(&deployment, &public, "127.0.0.1:0"))
        .args(["--admin-password", MARKER])
        .env("SECRET", MARKER)
        .env("SECRET_URL", format!("http://flusso:{MARKER}@{away}"))
        .env("RUST_LOG", "trace")
        .current_dir(&deployment.folder)
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .expect("the binary can be run");
    let said = || std::fs::read_to_string(&said).expect("it is text");
    let deadline = Instant::now() + PATIENCE;
    while !said().contains("waiting for an answer") {
        assert!(Instant::now() < deadline, "{}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut printed = String::new();
    for path in ["status", "metrics"] {
        let told = ask(Method::GET, &format!("http://{public}/{path}"), None);
        assert_eq!(told.0, 200);
        printed += &told.1.to_string();
    }
    flusso.kill().and_then(|()| flusso.wait()).expect("it is ours");
    printed += &said();
    for arguments in [&["check", "--offline"][..], &["check", "--offline", "--format", "json"]] {
        let output = command(&deployment.folder, arguments);
        printed += &String::from_utf8_lossy(&output.stdout);
        printed += &String::from_utf8_lossy(&output.stderr);
    }
    let lock = std::fs::read(deployment.folder.join("flusso.lock")).expect("run writes it");
    printed += &String::from_utf8_lossy(&lock);
    assert!(printed.contains("SECRET"), "the lock names the variable");
    let line = printed.lines().find(|line| line.contains(MARKER));
    assert_eq!(line, None);
}
