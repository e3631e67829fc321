//! A source that misbehaves: restarts, promotions, lost slots, changed publications and tables.
//! Either the documents go on to equal what Postgres says, or the run ends with the cure.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use flusso_tests::database::Session;
use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::docs::{STDOUT, complains, docs};
use flusso_tests::flusso::Flusso;
use flusso_tests::http::told;
use flusso_tests::server::Server;
use flusso_tests::shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// Starts it and waits until it streams: what has come may have come with the copy.
fn streaming(deployment: &Deployment) -> Flusso {
    let mut flusso = deployment.start(1);
    deployment.expect_equal(&mut flusso, "at seed");
    let active = format!(
        "SELECT coalesce(bool_or(active), false) FROM pg_replication_slots WHERE slot_name = '{}'",
        deployment.name
    );
    flusso.until("the stream", PATIENCE, |_| deployment.session.value(&active) == "t");
    flusso
}

/// Cuts the stream and runs statements before flusso can take it up again.
fn unseen(deployment: &Deployment, flusso: &Flusso, statements: &[&str]) {
    flusso.signal("STOP");
    deployment.session.value(&format!(
        "SELECT count(pg_terminate_backend(active_pid, 5000)) FROM pg_replication_slots \
         WHERE slot_name = '{}'",
        deployment.name
    ));
    statements.iter().for_each(|statement| deployment.session.run(statement));
    flusso.signal("CONT");
}

#[test]
fn a_restarted_server_is_taken_up_again() {
    let server = Server::postgres(&[]);
    let mut shop = shop::deployment(&server, "restarted", 500, STDOUT);
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    for signal in ["INT", "QUIT", "INT"] {
        shop.session.run("UPDATE users SET name = name || '+'");
        server.restart(signal);
        shop.reconnect();
        shop.session.run("DELETE FROM order_items WHERE order_id % 7 = 1");
        shop.expect_equal(&mut flusso, &format!("after a {signal}"));
    }
}

/// The slot survives here because the promoted server is the one that has it. From Postgres 16 on
/// a stream goes on through the promotion, or begins before it; what the state says of the server
/// must be right in each case.
#[test]
fn a_promotion_that_keeps_the_slot_is_followed() {
    let server = Server::postgres(&[]);
    let mut deployment = docs(&server, "promoted");
    let mut flusso = streaming(&deployment);
    let standby = server.folder.join("data/standby.signal");
    std::fs::write(standby, "").expect("the data folder is ours");
    server.restart("INT");
    deployment.reconnect();
    assert_eq!(deployment.session.value("SELECT pg_promote()"), "t");
    deployment.session.run("UPDATE docs SET name = 'after' WHERE id = 1");
    let timeline = "SELECT timeline_id FROM pg_control_checkpoint()";
    deployment.session.run("CHECKPOINT");
    assert_eq!(deployment.session.value(timeline), "2");
    deployment.expect_equal(&mut flusso, "after the promotion");
    flusso.signal("KILL");
    flusso.end(PATIENCE);
    deployment.session.run("UPDATE docs SET name = 'between' WHERE id = 2");
    let mut flusso = deployment.restart(&mut flusso, 1);
    deployment.expect_equal(&mut flusso, "in the next life");
    assert!(!flusso.said().contains("copying the tables"), "{}", flusso.said());
}

#[test]
fn a_slot_that_was_dropped_ends_the_run() {
    let deployment = docs(&SERVER, "dropped_slot");
    let mut flusso = streaming(&deployment);
    unseen(&deployment, &flusso, &["SELECT pg_drop_replication_slot('dropped_slot')"]);
    let said = complains(&mut flusso);
    assert!(said.contains("`dropped_slot` is gone"), "{said}");
    assert!(said.contains("--rebuild-state"), "{said}");
}

#[test]
fn a_slot_that_lost_its_wal_ends_the_run_with_the_setting() {
    let server = Server::postgres(&["max_slot_wal_keep_size=1MB", "max_wal_size=32MB"]);
    let deployment = docs(&server, "lost");
    let mut flusso = streaming(&deployment);
    flusso.signal("STOP");
    deployment.session.run("CREATE TABLE noise (n text)");
    let lost = "SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = 'lost'";
    while deployment.session.value(lost) != "t" {
        deployment
            .session
            .run("INSERT INTO noise SELECT repeat('x', 900) FROM generate_series(1, 20000)");
        deployment.session.value("SELECT pg_switch_wal()");
        deployment.session.run("CHECKPOINT");
    }
    flusso.signal("CONT");
    let said = complains(&mut flusso);
    assert!(said.contains("max_slot_wal_keep_size = '2MB'"), "the cure: {said}");
    // The next life has state to go on from, and nothing to go on with.
    let said = complains(&mut deployment.start(1));
    assert!(said.contains("--rebuild-state"), "the cure: {said}");
    let mut flusso = deployment.start_with(1, &["--rebuild-state"]);
    deployment.expect_equal(&mut flusso, "in the next life");
}

/// From Postgres 18 on.
#[test]
fn a_slot_that_was_idle_for_too_long_is_refused() {
    let server = Server::postgres(&[]);
    let deployment = docs(&server, "forgotten");
    if deployment.session.version() < 18 {
        return;
    }
    let mut flusso = streaming(&deployment);
    flusso.signal("TERM");
    assert_eq!(flusso.end(PATIENCE), 0, "{}", flusso.said());
    deployment.session.run("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'");
    deployment.session.run("SELECT pg_reload_conf()");
    let lost = "SELECT invalidation_reason IS NOT DISTINCT FROM 'idle_timeout' \
                FROM pg_replication_slots WHERE slot_name = 'forgotten'";
    let deadline = Instant::now() + PATIENCE;
    while deployment.session.value(lost) != "t" {
        assert!(Instant::now() < deadline, "Postgres does not give the slot up");
        std::thread::sleep(Duration::from_millis(200));
        deployment.session.run("CHECKPOINT");
    }
    deployment.session.run("UPDATE docs SET name = 'after' WHERE id = 1");
    let said = complains(&mut deployment.start(1));
    assert!(said.contains("idle_replication_slot_timeout = '2s'"), "the cure: {said}");
    assert!(said.contains("--rebuild-state"), "the cure: {said}");
    let mut flusso = deployment.start_with(1, &["--rebuild-state"]);
    deployment.expect_equal(&mut flusso, "in the next life");
}

/// Whether `/status` tells that Postgres is waited for, in words with each of these.
fn waits_for(public: &str, words: &[&str]) -> bool {
    let told = told(public);
    let waits = told["waiting_for"].as_array().into_iter().flatten();
    let mut waits = waits.filter(|wait| wait["who"] == "postgres");
    waits.any(|wait| words.iter().all(|word| wait["what"].to_string().contains(word)))
}

/// From Postgres 17 on a slot may fail over, and then sends nothing that a standby lacks.
#[test]
fn a_standby_that_must_come_first_is_waited_for() {
    let server = Server::postgres(&[]);
    let deployment = docs(&server, "held_back");
    if deployment.session.version() < 17 {
        return;
    }
    let run = |sql: &str| deployment.session.run(sql);
    run("CREATE PUBLICATION held_back FOR ALL TABLES");
    run("SELECT pg_create_physical_replication_slot('standby', true)");
    run("SELECT pg_create_logical_replication_slot('held_back', 'pgoutput', failover => true)");
    run("ALTER SYSTEM SET synchronized_standby_slots = 'standby'");
    run("SELECT pg_reload_conf()");
    let set = || Session::open(&deployment.url).value("SHOW synchronized_standby_slots");
    while set() != "standby" {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut flusso = deployment.start(1);
    let (public, _) = flusso.addresses();
    flusso.until("the copy", PATIENCE, |flusso| flusso.documents.len() == 3);
    let name = |flusso: &Flusso| flusso.documents[&("docs".to_owned(), "1".to_owned())].clone();
    let before = name(&flusso);
    run("UPDATE docs SET name = 'held back' WHERE id = 1");
    let named = ["synchronized_standby_slots", "standby (no standby reads it)"];
    flusso.until("a word about the standby", PATIENCE, |_| waits_for(&public, &named));
    assert_eq!(name(&flusso), before, "it came all the same");
    run("SELECT pg_replication_slot_advance('standby', pg_current_wal_flush_lsn())");
    flusso.until("what was held back", PATIENCE, |flusso| name(flusso) != before);
    run("UPDATE docs SET name = 'held back again' WHERE id = 2");
    flusso.until("a word about the standby", PATIENCE, |_| waits_for(&public, &named));
    run("ALTER SYSTEM RESET synchronized_standby_slots");
    run("SELECT pg_reload_conf()");
    deployment.expect_equal(&mut flusso, "without standbys");
    flusso.until("the end of the wait", PATIENCE, |_| !waits_for(&public, &[]));
}

/// A limit on the size of files stands for the disk of the server: what a large transaction is put
/// aside in cannot be written, and Postgres says that no space is left.
#[test]
fn a_full_disk_of_the_server_is_waited_for() {
    let server = Server::postgres(&["logical_decoding_work_mem=64kB"]);
    let deployment = docs(&server, "brimful");
    let run = |sql: &str| deployment.session.run(sql);
    run("CREATE TABLE noise (n int); CREATE TEMP TABLE said (line text)");
    let pid = std::fs::read_to_string(server.folder.join("pid")).expect("it tells its pid");
    // For the sessions that begin from now on. A segment of the WAL still fits.
    let limit = |bytes: &str| {
        let prlimit = format!("prlimit --pid {} --fsize={bytes}:", pid.trim());
        run(&format!("COPY said FROM PROGRAM '{prlimit}'"));
    };
    let mut flusso = streaming(&deployment);
    let (public, _) = flusso.addresses();
    limit("20971520");
    let large = "INSERT INTO noise SELECT generate_series(1, 600000); \
                 UPDATE docs SET name = 'with the noise' WHERE id = 1; \
                 INSERT INTO docs VALUES (3, 'with the noise')";
    unseen(&deployment, &flusso, &[large, "UPDATE docs SET name = 'after' WHERE id = 2"]);
    let refused = ["could not write", "53100"];
    flusso.until("a word about the disk", PATIENCE, |_| waits_for(&public, &refused));
    let attempts = |flusso: &Flusso| flusso.said().matches("could not write").count();
    flusso.until("more attempts", PATIENCE, |flusso| {
        assert!(waits_for(&public, &refused), "one wait lasts over all of them");
        attempts(flusso) > 4
    });
    assert_eq!(flusso.documents.len(), 3, "two documents and a beat: {:?}", flusso.documents);
    limit("unlimited");
    deployment.expect_equal(&mut flusso, "with room");
    flusso.until("the end of the wait", PATIENCE, |_| !waits_for(&public, &[]));
}

#[test]
fn a_slot_that_others_moved_ends_the_run() {
    let deployment = docs(&SERVER, "moved");
    let mut flusso = streaming(&deployment);
    let moved = "SELECT pg_replication_slot_advance('moved', pg_current_wal_lsn())";
    unseen(&deployment, &flusso, &["UPDATE docs SET name = 'unseen'", moved]);
    let said = complains(&mut flusso);
    assert!(said.contains("somebody else has moved the replication slot"), "{said}");
}

#[test]
fn a_role_that_lost_its_right_ends_the_run() {
    let deployment = docs(&SERVER, "righted");
    deployment.session.run(
        "CREATE ROLE righted LOGIN REPLICATION; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \
         righted; CREATE PUBLICATION righted FOR ALL TABLES",
    );
    deployment.edit(|text| text.replace("postgres://postgres@", "postgres://righted@"));
    let mut flusso = streaming(&deployment);
    deployment.session.run("ALTER ROLE righted NOREPLICATION");
    deployment.session.value(
        "SELECT count(pg_terminate_backend(active_pid)) FROM pg_replication_slots \
         WHERE slot_name = 'righted'",
    );
    let said = complains(&mut flusso);
    assert!(said.contains("42501") && said.contains("rights"), "{said}");
}

#[test]
fn too_many_connections_are_waited_for() {
    let deployment = docs(&SERVER, "crowded");
    deployment.session.run(
        "CREATE ROLE crowded LOGIN REPLICATION; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \
         crowded; CREATE PUBLICATION crowded FOR ALL TABLES",
    );
    deployment.edit(|text| text.replace("postgres://postgres@", "postgres://crowded@"));
    let mut flusso = streaming(&deployment);
    deployment.session.run("ALTER ROLE crowded CONNECTION LIMIT 0");
    deployment.session.value(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'crowded'",
    );
    deployment.session.run("UPDATE docs SET name = 'meanwhile'");
    let waits = |flusso: &Flusso| flusso.said().contains("53300");
    flusso.until("a word about the limit", PATIENCE, waits);
    deployment.session.run("ALTER ROLE crowded CONNECTION LIMIT -1");
    deployment.expect_equal(&mut flusso, "after the crowd");
}

/// What a role or a database may set changes nothing of what is read or how values print.
#[test]
fn odd_settings_change_nothing() {
    let shop = shop::deployment(&SERVER, "odd", 300, STDOUT);
    for setting in [
        "DateStyle = 'German, DMY'",
        "TimeZone = 'Asia/Kathmandu'",
        "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "IntervalStyle = 'sql_standard'",
        "lc_monetary = 'C.UTF-8'",
        "search_path = 'nowhere'",
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
        "idle_session_timeout = '1ms'",
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'",
        "row_security = off",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
    ] {
        shop.session.run(&format!("ALTER DATABASE odd SET {setting}"));
    }
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    for (name, sql) in shop::changes() {
        shop.session.run(&sql);
        shop.expect_equal(&mut flusso, &name);
    }
    let cut = "SELECT count(pg_terminate_backend(active_pid)) FROM pg_replication_slots WHERE \
               slot_name = 'odd'";
    shop.session.value(cut);
    shop.session.run("UPDATE users SET name = name || '!'");
    shop.expect_equal(&mut flusso, "after the connection was cut");
}

/// A slot of an idle database goes on when others write.
#[test]
fn an_idle_database_holds_no_wal() {
    let deployment = docs(&SERVER, "idle");
    let mut flusso = streaming(&deployment);
    let other = docs(&SERVER, "busy");
    other
        .session
        .run("CREATE TABLE noise AS SELECT repeat('x', 500) FROM generate_series(1, 20000)");
    assert!(deployment.confirmed(), "the slot stays behind: {}", flusso.said());
    assert_eq!(flusso.ended(), None);
    flusso.signal("TERM");
    assert_eq!(flusso.end(Duration::from_secs(10)), 0, "{}", flusso.said());
}
