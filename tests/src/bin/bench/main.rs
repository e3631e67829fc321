//! `dev/bench`: the shop at a chosen size, one binary or two of the same command line, and the
//! limits that Postgres itself sets. Ends with one table.
//!
//! ```text
//! bench --ours BINARY [--against BINARY | --stateless] [--sql] [--opensearch] [--orders N]
//!       [--seconds N] --pgbin FOLDER
//! ```

#![allow(clippy::print_stdout)]

mod found;
mod limits;
mod loads;
mod report;
mod search;
mod subject;

use std::path::PathBuf;

use flusso_tests::database::Session;
use flusso_tests::server::Server;
use flusso_tests::shop;

use report::Measures;
use subject::Subject;

/// What was asked for.
pub struct Request {
    ours: PathBuf,
    against: Option<PathBuf>,
    /// Our own reads the shop in SQL, the other the same documents in words.
    sql: bool,
    /// Beside our own binary that keeps no state.
    stateless: bool,
    /// The OpenSearch side instead of the rest.
    opensearch: bool,
    /// Orders in the shop, which is documents in the index.
    pub orders: u32,
    /// Length of each load.
    pub seconds: u32,
    /// Postgres' own load generator.
    pub pgbench: PathBuf,
    /// Postgres' own stream reader, when it is there.
    pub pg_recvlogical: Option<PathBuf>,
}

fn main() {
    let request = match request(std::env::args().skip(1)) {
        Ok(request) => request,
        Err(message) => {
            eprintln!("bench: {message}");
            std::process::exit(2);
        }
    };
    eprintln!("a shop with {} orders", request.orders);
    if request.opensearch {
        print!("{}", search::measure(&request));
        return;
    }
    let server = Server::postgres(&["max_wal_size=16GB", "shared_buffers=1GB"]);
    Session::open(&server.url).run("CREATE DATABASE shop");
    let template = at(&server.url, "shop");
    {
        let session = Session::open(&template);
        session.run(&shop::rows(request.orders));
        session.run("VACUUM ANALYZE");
    }
    let limits = limits::measure(&server, &template, &request);
    let form = if request.sql { "sql" } else { "plain" };
    let ours = measure("ours", &request.ours, form, &[], &server, &request);
    let (other, more): (_, &[&str]) = match request.stateless {
        true => (Some(&request.ours), &["--state-dir", "none"]),
        false => (request.against.as_ref(), &[]),
    };
    let theirs = other.map(|binary| measure("theirs", binary, "plain", more, &server, &request));
    let name = request.against.as_ref().and_then(|path| path.file_name());
    let name = name.map_or_else(|| more.join(" "), |name| name.to_string_lossy().into_owned());
    print!(
        "{}",
        report::table(
            &request,
            &ours,
            theirs.as_ref().map(|theirs| (name.as_str(), theirs)),
            &limits
        )
    );
}

/// Another database of the same server.
fn at(url: &str, database: &str) -> String {
    let (base, _) = url.rsplit_once('/').expect("the URL names a database");
    format!("{base}/{database}")
}

/// Everything about one binary, on a copy of the shop.
fn measure(
    name: &str,
    binary: &std::path::Path,
    form: &str,
    more: &[&str],
    server: &Server,
    request: &Request,
) -> Measures {
    eprintln!("{name}: {} {}", binary.display(), more.join(" "));
    Session::open(&server.url).run(&format!("CREATE DATABASE {name} TEMPLATE shop"));
    let mut subject = Subject::start(name, binary, form, more, &at(&server.url, name));
    let measures = loads::all(&mut subject, request);
    subject.stop();
    Session::open(&server.url).run(&format!(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{name}'"
    ));
    measures
}

fn request(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let (mut ours, mut against, mut pgbin) = (None, None, PathBuf::new());
    let (mut orders, mut seconds) = (50_000, 10);
    let (mut sql, mut opensearch, mut stateless) = (false, false, false);
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--sql" => {
                sql = true;
                continue;
            }
            "--opensearch" => {
                opensearch = true;
                continue;
            }
            "--stateless" => {
                stateless = true;
                continue;
            }
            _ => {}
        }
        let value = arguments.next().ok_or_else(|| format!("{flag} wants a value"))?;
        let number = || value.parse::<u32>().map_err(|_| format!("{flag} wants a number"));
        match flag.as_str() {
            "--ours" => ours = Some(PathBuf::from(value)),
            "--against" => against = Some(PathBuf::from(value)),
            "--orders" => orders = number()?.max(2000),
            "--seconds" => seconds = number()?.max(1),
            "--pgbin" => pgbin = PathBuf::from(value),
            _ => return Err(format!("unknown argument {flag}")),
        }
    }
    let ours = ours.ok_or("--ours is missing")?;
    let pg_recvlogical = Some(pgbin.join("pg_recvlogical")).filter(|path| path.exists());
    let pgbench = pgbin.join("pgbench");
    if stateless && against.is_some() {
        return Err("--stateless measures one binary, beside itself".to_owned());
    }
    Ok(Request {
        ours,
        against,
        sql,
        stateless,
        opensearch,
        orders,
        seconds,
        pgbench,
        pg_recvlogical,
    })
}
