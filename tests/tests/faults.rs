//! Ends and beginnings: signals, kills, cut connections, closed pipes, and what cannot work.

use std::process::Output;
use std::sync::LazyLock;
use std::time::Duration;

use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::flusso::{Flusso, closed_early, command};
use flusso_tests::server::Server;
use flusso_tests::shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

const STDOUT: &str = "[sinks.lines]\ntype = \"stdout\"\n";
const TABLES: &str =
    "CREATE TABLE docs (id int PRIMARY KEY, name text); INSERT INTO docs VALUES (1, 'a'), (2, 'b')";
const SCHEMA: &str = "table: docs\nprimary_key: id\nfields:\n  - text: name\n";

/// Ends within seconds, with 0, and at a line's end.
fn ends_cleanly(signal: &str) {
    let name = format!("ends_{}", signal.to_lowercase());
    let shop = shop::deployment(&SERVER, &name, 500, STDOUT);
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    shop.session.run("UPDATE users SET name = name || '?'");
    flusso.signal(signal);
    assert_eq!(flusso.end(Duration::from_secs(10)), 0, "{}", flusso.said());
}

#[test]
fn a_sigterm_ends_it() {
    ends_cleanly("TERM");
}

#[test]
fn a_ctrl_c_ends_it() {
    ends_cleanly("INT");
}

#[test]
fn a_sigterm_during_the_copy_ends_it() {
    let shop = shop::deployment(&SERVER, "ends_early", 20_000, STDOUT);
    let mut flusso = shop.start(2);
    flusso.until("a first document", PATIENCE, |flusso| !flusso.documents.is_empty());
    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(10)), 0, "{}", flusso.said());
}

#[test]
fn a_kill_loses_nothing() {
    let shop = shop::deployment(&SERVER, "killed", 500, STDOUT);
    let mut flusso = shop.start(2);
    for round in 1..=3 {
        shop.expect_equal(&mut flusso, &format!("in life {round}"));
        shop.session
            .run(&format!("UPDATE users SET name = 'life {round}' WHERE id % 3 = {round} - 1"));
        flusso.signal("KILL");
        flusso.end(Duration::from_secs(5));
        shop.session.run(&format!("DELETE FROM order_items WHERE order_id % 5 = {round}"));
        flusso = shop.restart(&mut flusso, 2);
    }
    shop.expect_equal(&mut flusso, "in its last life");
    let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = 'killed'";
    assert_eq!(shop.session.value(slots), "1", "a killed life leaves no slot behind");
}

#[test]
fn a_cut_connection_is_taken_up_again() {
    let shop = shop::deployment(&SERVER, "cut", 500, STDOUT);
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    for _ in 0..3 {
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication WHERE pid IN \
                   (SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'cut')";
        assert_eq!(shop.session.value(cut), "1");
        shop.session
            .run("UPDATE users SET name = name || '+'; DELETE FROM order_tags WHERE tag_id = 3");
        shop.expect_equal(&mut flusso, "after the connection was cut");
    }
}

#[test]
fn a_closed_standard_output_is_a_quiet_end() {
    let shop = shop::deployment(&SERVER, "closed", 5000, STDOUT);
    let arguments = shop.arguments(2);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (code, said) = closed_early(&shop.folder, &arguments, 1000);
    assert_eq!(code, 0, "{said}");
    assert!(!said.to_lowercase().contains("broken pipe"), "{said}");
}

#[test]
fn a_second_instance_is_told_that_the_slot_is_taken() {
    let deployment = Deployment::new(&SERVER, "taken", TABLES, &[("docs", SCHEMA)]);
    let mut first = deployment.start(1);
    deployment.expect_equal(&mut first, "at seed");
    let mut second = deployment.start_with(1, &["--state-dir", "none"]);
    let said = complains(&mut second);
    assert!(said.contains("taken") && said.contains("slot"), "{said}");
    assert!(second.documents.is_empty(), "it delivered before it had the slot");
    deployment.session.run("UPDATE docs SET name = 'c' WHERE id = 1");
    deployment.expect_equal(&mut first, "beside a second instance");
}

/// Waits for an end with 1 and gives what was said.
fn complains(flusso: &mut Flusso) -> String {
    let code = flusso.end(PATIENCE);
    let said = flusso.said();
    assert_eq!(code, 1, "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn the_wrong_wal_level() {
    let server = Server::postgres(&["wal_level=replica"]);
    let deployment = Deployment::new(&server, "replica", TABLES, &[("docs", SCHEMA)]);
    let said = complains(&mut deployment.start(1));
    assert!(said.contains("wal_level"), "{said}");
    assert!(said.contains("logical"), "the cure: {said}");
}

#[test]
fn a_missing_privilege() {
    let deployment = Deployment::new(&SERVER, "meek", TABLES, &[("docs", SCHEMA)]);
    deployment
        .session
        .run("CREATE ROLE meek LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO meek");
    deployment.edit(|text| text.replace("postgres://postgres@", "postgres://meek@"));
    let said = complains(&mut deployment.start(1));
    assert!(said.to_lowercase().contains("replication"), "{said}");
    assert!(said.contains("ALTER ROLE") || said.contains("GRANT"), "the cure: {said}");
}

#[test]
fn a_table_without_a_primary_key() {
    let tables = "CREATE TABLE docs (id int PRIMARY KEY); CREATE TABLE parts (id int, doc_id int)";
    let schema = "
table: docs
primary_key: id
fields:
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    fields: [{ integer: id }]
";
    let said = refused("keyless", tables, schema);
    assert!(said.contains("primary key") && said.contains("parts"), "{said}");
}

/// With a unique index as identity, the stream does not name the primary key of a deleted row.
#[test]
fn a_replica_identity_without_the_primary_key() {
    let tables = "CREATE TABLE docs (id int PRIMARY KEY, name text NOT NULL UNIQUE); \
                  ALTER TABLE docs REPLICA IDENTITY USING INDEX docs_name_key";
    let said = refused("identity", tables, SCHEMA);
    assert!(said.contains("docs") && said.contains("REPLICA IDENTITY DEFAULT"), "{said}");
}

#[test]
fn an_unknown_column_and_the_nearest_one() {
    let schema = "table: docs\nprimary_key: id\nfields:\n  - text: nam\n";
    let said = refused("unknown", TABLES, schema);
    assert!(said.contains("nam") && said.contains("`name`"), "the nearest name: {said}");
    assert!(said.contains("docs.schema.yml:4"), "the place: {said}");
}

#[test]
fn an_unknown_table_and_the_nearest_one() {
    let said =
        refused("no_table", TABLES, "table: doc\nprimary_key: id\nfields:\n  - text: name\n");
    assert!(said.contains("`docs`"), "the nearest name: {said}");
}

/// Makes a deployment whose schema does not fit its tables and gives what `run` says.
fn refused(name: &str, tables: &str, schema: &str) -> String {
    let deployment = Deployment::new(&SERVER, name, tables, &[]);
    deployment.write("docs.schema.yml", schema);
    let index = "\n[[index]]\nname = \"docs\"\nschema = \"docs.schema.yml\"\n";
    deployment.edit(|text| text + index);
    complains(&mut deployment.start(1))
}

#[test]
fn postgres_is_not_there() {
    let deployment = Deployment::new(&SERVER, "absent", TABLES, &[("docs", SCHEMA)]);
    let (_, address) = deployment.url.split_once("127.0.0.1:").expect("it listens on loopback");
    deployment.edit(|text| text.replace(address, "1/absent"));
    let said = complains(&mut deployment.start(1));
    assert!(said.contains("127.0.0.1:1"), "where it looked: {said}");
}

/// It is waited for, that is said, and waiting does not keep it from ending.
#[test]
fn a_sink_that_is_down() {
    let sink = "[sinks.search]\ntype = \"opensearch\"\nurl = \"http://127.0.0.1:1\"\n";
    let deployment = Deployment::with_sink(&SERVER, "down", TABLES, &[("docs", SCHEMA)], sink);
    let mut flusso = deployment.start(1);
    let named = |said: &str| said.contains("search") && said.contains("http://127.0.0.1:1");
    flusso.until("a word about the sink", PATIENCE, |flusso| named(&flusso.said()));
    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(10)), 0, "{}", flusso.said());
}

#[test]
fn mistakes_in_files_are_all_shown() {
    let schema =
        "table: docs\nprimary_key: id\nfields:\n  - text: name\n    colum: x\n  - txt: other\n";
    let deployment = Deployment::new(&SERVER, "mistakes", TABLES, &[]);
    deployment.write("docs.schema.yml", schema);
    let config = "[source]\ntype = \"postgres\"\n\n[[index]]\nname = \"docs\"\nschema = \"docs.schema.yml\"\n";
    deployment.write("flusso.toml", config);
    let Output { status, stderr, stdout } =
        command(&deployment.folder, &["check", "--offline", "--config", "flusso.toml"]);
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("docs.schema.yml:5") && said.contains("`column`"), "{said}");
    assert!(said.contains("docs.schema.yml:6") && said.contains("`text`"), "{said}");
}
