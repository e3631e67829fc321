//! Cuts, stops, and what the slot is told.

use std::time::{Duration, Instant};

use flusso_runtime::postgres::CaptureError;
use tokio::time::sleep;

use crate::support::{Database, Server, plan, table};

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_neither_loses_nor_repeats() {
    let database = Database::new("cut", "CREATE TABLE t (id int PRIMARY KEY, n text)").await;
    let plan = plan(vec![table("t", &["id"], &["n"])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    // One transaction of many batches, which nobody takes at first: it is cut in the middle.
    database
        .run("INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(1, 100000) n")
        .await;
    let cut = "SELECT count(pg_terminate_backend(active_pid))::text FROM pg_replication_slots \
               WHERE slot_name = 'cut'";
    for part in 1..=4 {
        reader.until(false, |state| state.changes.len() >= part * 15_000).await;
        // On a busy machine it may still be coming back from the cut before.
        while database.value(cut).await == "0" {
            sleep(Duration::from_millis(50)).await;
        }
    }
    for n in 0..20 {
        database.run(&format!("INSERT INTO t VALUES ({}, 'late')", 200_000 + n)).await;
        if n % 5 == 0 {
            database.value(cut).await;
        }
    }
    // `State` refuses an insert that comes twice.
    reader.agrees_with(&database).await;
    assert_eq!(reader.state.changes.len(), 100_020);
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_slot_follows_the_wal() {
    let database =
        Database::new("idle", "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE noise (n text)")
            .await;
    let plan = plan(vec![table("t", &["id"], &[])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    database.run("INSERT INTO noise SELECT repeat('x', 100) FROM generate_series(1, 50000)").await;
    let written = database.value("SELECT pg_current_wal_lsn()::text").await;
    // Whoever reads is told that nothing of theirs was there, and that is durable at once.
    reader.agrees_with(&database).await;
    let behind = format!(
        "SELECT (confirmed_flush_lsn < '{written}')::text FROM pg_replication_slots \
         WHERE slot_name = 'idle'"
    );
    let since = Instant::now();
    while database.value(&behind).await == "true" {
        assert!(since.elapsed() < Duration::from_secs(20), "the slot stays behind");
        sleep(Duration::from_millis(100)).await;
    }
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_durable_is_not_confirmed() {
    let database = Database::new("durable", "CREATE TABLE t (id int PRIMARY KEY)").await;
    let plan = plan(vec![table("t", &["id"], &[])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    database.run("INSERT INTO t VALUES (1)").await;
    reader.until(false, |state| state.commit > 0).await;
    let commit = reader.state.commit;
    let confirmed = format!(
        "SELECT (confirmed_flush_lsn - '0/0'::pg_lsn >= {commit})::text FROM pg_replication_slots \
         WHERE slot_name = 'durable'"
    );
    database.run("CREATE TABLE noise AS SELECT generate_series(1, 10000)").await;
    sleep(Duration::from_secs(6)).await;
    assert_eq!(database.value(&confirmed).await, "false");
    reader.capture.durable.send_replace(commit);
    let since = Instant::now();
    while database.value(&confirmed).await == "false" {
        assert!(since.elapsed() < Duration::from_secs(5), "what is durable is not confirmed");
        sleep(Duration::from_millis(50)).await;
    }
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_not_held_up() {
    let server = Server::start();
    let database = Database::on(&server, "stop", "CREATE TABLE t (id int PRIMARY KEY)").await;
    let plan = plan(vec![table("t", &["id"], &[])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    database.run("INSERT INTO t SELECT generate_series(1, 1000)").await;
    // Everything has been read, and this is not durable.
    reader.until(false, |state| state.commit > 0).await;
    let pid = std::fs::read_to_string(server.folder.join("pid")).unwrap();
    let since = Instant::now();
    let status = std::process::Command::new("kill").args(["-INT", pid.trim()]).status().unwrap();
    assert!(status.success());
    while std::path::Path::new(&format!("/proc/{}", pid.trim())).exists() {
        assert!(since.elapsed() < Duration::from_secs(5), "the shutdown is held up");
        sleep(Duration::from_millis(20)).await;
    }
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_capture_on_a_slot_is_refused_before_it_copies() {
    let database = Database::new("second", "CREATE TABLE t (id int PRIMARY KEY)").await;
    let plan = plan(vec![table("t", &["id"], &[])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    let error = database.capture(&plan).await.err().unwrap();
    assert!(matches!(error, CaptureError::SlotBusy { .. }), "{error}");
    reader.close().await;
    // And when the first has gone the second goes on.
    database.run("INSERT INTO t VALUES (1)").await;
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    reader.agrees_with(&database).await;
    reader.close().await;
}

/// Nobody takes what is read, and still a server that is told to stop may go.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_does_not_wait_for_a_slow_consumer() {
    let server = Server::start();
    let database =
        Database::on(&server, "slow", "CREATE TABLE t (id int PRIMARY KEY, n text)").await;
    let plan = plan(vec![table("t", &["id"], &["n"])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    let rows = "INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 50000) n";
    database.run(rows).await;
    reader.until(false, |state| !state.changes.is_empty()).await;
    let pid = std::fs::read_to_string(server.folder.join("pid")).unwrap();
    let since = Instant::now();
    let status = std::process::Command::new("kill").args(["-INT", pid.trim()]).status().unwrap();
    assert!(status.success());
    while std::path::Path::new(&format!("/proc/{}", pid.trim())).exists() {
        assert!(since.elapsed() < Duration::from_secs(5), "the shutdown is held up");
        sleep(Duration::from_millis(20)).await;
    }
    let waiting = async {
        while reader.capture.progress.waits.now("postgres").is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it says what it waits for");
    drop(reader);
}

/// A slot with a limit is warned about while there is time.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_runs_short_is_told_of() {
    let server = Server::start();
    let database = Database::on(&server, "short", "CREATE TABLE t (id int PRIMARY KEY)").await;
    database.run("ALTER SYSTEM SET max_slot_wal_keep_size = '128MB'").await;
    database.run("SELECT pg_reload_conf()").await;
    let plan = plan(vec![table("t", &["id"], &[])]);
    let mut reader = database.capture(&plan).await.unwrap();
    reader.open().await;
    database.run("INSERT INTO t VALUES (1)").await;
    reader.until(false, |state| state.commit > 0).await;
    let noise = "CREATE TABLE noise AS SELECT repeat('x', 1000) FROM generate_series(1, 115000)";
    database.run(noise).await;
    let progress = reader.capture.progress.clone();
    let told = async {
        while !progress.retention().is_some_and(|it| it.is_short()) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("it is short");
    let sentence = progress.retention().unwrap().sentence("short");
    assert!(sentence.contains("max_slot_wal_keep_size = '256MB'"), "{sentence}");
    // What is confirmed may be forgotten, and then there is room again.
    let since = Instant::now();
    while progress.retention().is_some_and(|it| it.is_short()) {
        assert!(since.elapsed() < Duration::from_secs(60), "it stays short");
        database.run("INSERT INTO noise VALUES ('x'); CHECKPOINT").await;
        reader.agrees_with(&database).await;
    }
    reader.close().await;
}
