//! What Postgres itself needs for the same: to hand out the rows, to answer one query for all
//! documents, to decode the stream.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flusso_tests::database::Session;
use flusso_tests::server::{Server, fresh_path};
use flusso_tests::shop;

use crate::loads::pgbench;
use crate::{Request, at};

/// The times.
pub struct Limits {
    /// `COPY` of all tables the index reads, one after the other.
    pub copy: Duration,
    /// The query that all documents equal, rows thrown away; none when `plan --sql` has none.
    pub query: Option<Duration>,
    /// Transactions a second that `pg_recvlogical` decodes from a backlog.
    pub decode: Option<f64>,
}

/// The tables the index reads.
const TABLES: [&str; 8] =
    ["orders", "users", "addresses", "shops", "order_items", "products", "order_tags", "tags"];

/// Measures them in the shop itself.
pub fn measure(server: &Server, url: &str, request: &Request) -> Limits {
    let session = Session::open(url);
    let begun = Instant::now();
    for table in TABLES {
        session.rows(&format!("COPY {table} TO '/dev/null'"));
    }
    let copy = begun.elapsed();
    let query = query(request).map(|query| {
        let begun = Instant::now();
        session.rows(&format!("SELECT count(*) FROM ({query}) d WHERE document::text <> ''"));
        begun.elapsed()
    });
    drop(session);
    Limits { copy, query, decode: decode(server, request) }
}

/// The query, without its trailing semicolon and leading remarks.
fn query(request: &Request) -> Option<String> {
    let folder = fresh_path("query");
    std::fs::create_dir_all(&folder).ok()?;
    for file in ["flusso.toml", "orders.schema.yml"] {
        std::fs::write(folder.join(file), shop::file(&format!("plain/{file}"))).ok()?;
    }
    let output = Command::new(&request.ours)
        .args(["plan", "orders", "--sql", "--config", "flusso.toml"])
        .current_dir(&folder)
        .output();
    let _ = std::fs::remove_dir_all(&folder);
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().trim_end_matches(';').to_owned() + "\n")
}

/// A backlog of single-row updates in a copy of the shop, read by `pg_recvlogical`.
fn decode(server: &Server, request: &Request) -> Option<f64> {
    let program = request.pg_recvlogical.as_ref()?;
    let admin = Session::open(&server.url);
    admin.run("CREATE DATABASE decoded TEMPLATE shop");
    let url = at(&server.url, "decoded");
    let session = Session::open(&url);
    session.run("CREATE PUBLICATION decoded FOR ALL TABLES");
    session.run("SELECT pg_create_logical_replication_slot('decoded', 'pgoutput')");
    let transactions = pgbench(request, &url, 1, &["-t", "5000", "-c", "4", "-j", "1"]);
    let end = session.value("SELECT pg_current_wal_flush_lsn()");
    let begun = Instant::now();
    let status = Command::new(program)
        .args(["-d", &url, "--slot", "decoded", "--start", "--endpos", &end, "-f", "/dev/null"])
        .args(["-o", "proto_version=1", "-o", "publication_names=decoded"])
        .stdout(Stdio::null())
        .status();
    let time = begun.elapsed();
    session.run("SELECT pg_drop_replication_slot('decoded')");
    status.is_ok_and(|status| status.success()).then(|| transactions as f64 / time.as_secs_f64())
}
