//! The loads: seed, fan-in, single-row changes, a backlog, a steady thousand a second.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flusso_tests::database::Session;

use crate::Request;
use crate::report::{FanIn, Live, Measures};
use crate::subject::Subject;

/// Transactions a second of the latency load.
const RATE: u32 = 1000;
/// Times that a change of few documents is repeated, whose time is that of a wake-up or two.
const REPEATS: usize = 21;

/// All of them in turn on one binary.
pub fn all(subject: &mut Subject, request: &Request) -> Measures {
    let orders = u64::from(request.orders);
    subject.until("the seed", |seen| seen.lines >= orders);
    let seed = subject.look(|seen| seen.last) - subject.started;
    let seed_peak = subject.peak();
    eprintln!("  seed {seed:.2?}");
    subject.live();
    let fan_in = (1..=3).map(|shop| fan_in(subject, shop)).collect();
    let live = [1, 10].map(|each| live(subject, request, each));
    let backlog = backlog(subject, request);
    eprintln!("  backlog {:.0}/s", backlog);
    let latency = latency(subject, request);
    Measures { seed, seed_peak, fan_in, live, backlog, latency, peak: subject.peak() }
}

/// One shop is renamed: the time from its commit to the last of its orders.
fn fan_in(subject: &mut Subject, shop: u32) -> FanIn {
    let count = format!("SELECT count(*) FROM orders WHERE shop_id = {shop}");
    let documents: u64 = subject.session.value(&count).parse().expect("a count is a number");
    let times: Vec<Duration> = (0..if documents > 5000 { 1 } else { REPEATS })
        .map(|n| {
            let before = subject.look(|seen| seen.lines);
            subject
                .session
                .run(&format!("UPDATE shops SET name = 'Renamed {n}' WHERE id = {shop}"));
            let committed = Instant::now();
            subject.until("the fan-in", |seen| seen.lines >= before + documents);
            subject.look(|seen| seen.last).saturating_duration_since(committed)
        })
        .collect();
    let time = median(times);
    eprintln!("  fan-in of {documents}: {time:.2?}");
    FanIn { documents, time }
}

/// Single-row updates at full speed, so many to a transaction. One to a transaction, pgbench and
/// the commits themselves are the limit; with ten, what follows them is.
fn live(subject: &mut Subject, request: &Request, each: u32) -> Live {
    let begun = Instant::now();
    let seconds = request.seconds.to_string();
    let arguments = ["-T", &seconds, "-c", "4", "-j", "1"];
    let changes = pgbench(request, &subject.url, each, &arguments) * u64::from(each);
    let ended = Instant::now();
    let arrived = subject.passed(&format!("~live-end-{each}"));
    let behind = arrived.saturating_duration_since(ended);
    let rate = changes as f64 / (arrived - begun).as_secs_f64();
    eprintln!("  live {changes} changes, {behind:.2?} behind at the end");
    Live { changes, behind, rate }
}

/// The same while it is stopped: changes a second once it goes on.
fn backlog(subject: &mut Subject, request: &Request) -> f64 {
    subject.signal("STOP");
    let transactions = pgbench(request, &subject.url, 1, &["-t", "5000", "-c", "4", "-j", "1"]);
    subject.mark("~backlog-end");
    let resumed = Instant::now();
    subject.signal("CONT");
    subject.until("the backlog", |seen| seen.markers.contains_key("~backlog-end"));
    let arrived = subject.look(|seen| seen.markers["~backlog-end"]);
    transactions as f64 / (arrived - resumed).as_secs_f64()
}

/// A thousand transactions a second from four sessions; p50 and p99 of the time from sending a
/// transaction to its line, which takes the commit itself in.
fn latency(subject: &mut Subject, request: &Request) -> (Duration, Duration) {
    const SESSIONS: u32 = 4;
    let (url, orders) = (subject.url.clone(), request.orders);
    let each = RATE * request.seconds / SESSIONS;
    let threads: Vec<_> = (0..SESSIONS)
        .map(|session| {
            let url = url.clone();
            std::thread::spawn(move || {
                let connection = Session::open(&url);
                let begun = Instant::now();
                (0..each)
                    .map(|n| {
                        let due = begun + Duration::from_secs(1) * (n * SESSIONS) / RATE;
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        let (order, marker) = (
                            2 + (n * SESSIONS + session) % (orders - 2),
                            format!("~l{session}-{n}"),
                        );
                        let sent = Instant::now();
                        connection.run(&format!(
                            "UPDATE orders SET note = '{marker}' WHERE id = {order}"
                        ));
                        (marker, sent)
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let sent: Vec<(String, Instant)> = threads
        .into_iter()
        .flat_map(|thread| thread.join().expect("a writer does not panic"))
        .collect();
    subject.passed("~latency-end");
    std::thread::sleep(Duration::from_millis(500));
    let mut times: Vec<Duration> = subject.look(|seen| {
        let time = |(marker, sent): &(String, Instant)| {
            Some(seen.markers.get(marker)?.saturating_duration_since(*sent))
        };
        sent.iter().filter_map(time).collect()
    });
    assert!(times.len() * 10 > sent.len() * 9, "{} of {} changes arrived", times.len(), sent.len());
    times.sort();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    eprintln!("  latency p50 {p50:.2?}, p99 {p99:.2?}");
    (p50, p99)
}

/// Runs pgbench with transactions of so many single-row updates, sent together, and gives the
/// number of transactions.
pub fn pgbench(request: &Request, url: &str, each: u32, arguments: &[&str]) -> u64 {
    // Rising ids: transactions that take rows in one order wait for each other and never lock up.
    let step = request.orders / each;
    let mut ids = format!("\\set id0 random(2, {step})\n");
    ids.extend((1..each).map(|n| format!("\\set id{n} :id0 + {}\n", n * step)));
    let updates: String = (0..each)
        .map(|n| format!("UPDATE orders SET note = 'n' || random() WHERE id = :id{n};\n"))
        .collect();
    let script = match each {
        1 => format!("{ids}{updates}"),
        _ => format!("{ids}\\startpipeline\nBEGIN;\n{updates}COMMIT;\n\\endpipeline\n"),
    };
    let file = flusso_tests::server::fresh_path("pgbench");
    std::fs::write(&file, script).expect("the temporary folder can be written");
    let output = run(&request.pgbench, &file, url, arguments);
    let _ = std::fs::remove_file(&file);
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("number of transactions actually processed: "));
    let digits: String =
        line.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("pgbench said: {output}"))
}

fn run(pgbench: &Path, script: &Path, url: &str, arguments: &[&str]) -> String {
    let output = Command::new(pgbench)
        .args(["-n", "-M", "prepared", "-f"])
        .arg(script)
        .args(arguments)
        .arg(url)
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", pgbench.display()));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
