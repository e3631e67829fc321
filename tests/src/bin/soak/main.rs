//! `dev/test --soak MINUTES`: random faults against continuous change, and how many documents
//! came of it, how many were compared, and how many were lost.
//!
//! ```text
//! soak MINUTES [SEED]
//! ```
//!
//! Every document of every moment looked at must be as SQL says at that LSN, and when writing
//! rests now and then, all of them. It ends with 1 when one was not, or when flusso ended by
//! itself, which none of these faults allows.

#![allow(clippy::print_stdout)]

mod faults;
mod writers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flusso_tests::deployment::Deployment;
use flusso_tests::dice::Dice;
use flusso_tests::documents::explain;
use flusso_tests::exact::{Agreed, Seen, Witness, compare, forget};
use flusso_tests::flusso::{Flusso, WITH_LSN};
use flusso_tests::proxy::Proxy;
use flusso_tests::server::Server;
use flusso_tests::shop;

use faults::{FAULTS, Fault};
use writers::Writers;

/// Orders in the shop at the start.
const ORDERS: usize = 1000;
/// Between two rests in which everything is compared.
const REST_EVERY: Duration = Duration::from_secs(20);
/// How long the last change may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything under test.
struct World {
    server: Server,
    shop: Deployment,
    proxy: Proxy,
    flusso: Flusso,
    witness: Witness,
    seen: Vec<Seen>,
    counts: Counts,
}

/// What is told at the end.
#[derive(Default)]
struct Counts {
    faults: BTreeMap<&'static str, u64>,
    operations: u64,
    rests: u64,
    moments: u64,
    agreed: Agreed,
    compared: u64,
    lost: u64,
    ended: u64,
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let (Some(Ok(minutes)), seed) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: soak MINUTES [SEED]");
        std::process::exit(2);
    };
    let seed = seed.and_then(Result::ok).unwrap_or_else(Dice::seed);
    println!("soak of {minutes} minutes, seed {seed}");
    let mut dice = Dice::new(seed);
    let server = Server::postgres(&["wal_sender_timeout=5s"]);
    let sink = "[sinks.lines]\ntype = \"stdout\"\n";
    let shop = shop::deployment(&server, "soak", ORDERS as u32, sink);
    let proxy = shop.behind_proxy();
    let flusso = shop.start_in(2, &[], &[WITH_LSN]);
    let witness = Witness::new(&shop);
    let (seen, counts) = (Vec::new(), Counts::default());
    let writers = Writers::start(&shop.url, 2, ORDERS);
    let mut world = World { server, shop, proxy, flusso, witness, seen, counts };
    let began = Instant::now();
    let (mut rested, mut told) = (began, began);
    while began.elapsed() < Duration::from_secs(minutes * 60) {
        let fault = *dice.pick(&FAULTS);
        world.suffer(fault, &mut dice);
        world.go_on(Duration::from_millis(200 + dice.below(1500) as u64));
        if rested.elapsed() >= REST_EVERY {
            writers.rest(|| world.compare());
            rested = Instant::now();
        }
        if told.elapsed() >= Duration::from_secs(60) {
            told = Instant::now();
            world.counts.line(began.elapsed(), writers.done());
        }
    }
    writers.rest(|| world.compare());
    world.counts.table(writers.done());
    std::process::exit(i32::from(world.counts.lost + world.counts.ended > 0));
}

impl World {
    /// One fault, and a look at the database while it lasts.
    fn suffer(&mut self, fault: Fault, dice: &mut Dice) {
        *self.counts.faults.entry(fault.name()).or_default() += 1;
        faults::inflict(self, fault, dice);
        if dice.once_in(3) {
            self.seen.push(self.witness.look());
            self.counts.moments += 1;
        }
    }

    /// Reads for a while; a flusso that has ended by itself is started again, as its keeper would.
    fn go_on(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.flusso.read(Duration::from_millis(20));
        }
        if let Some(code) = self.flusso.ended() {
            println!("it ended by itself with {code}:\n{}", last_lines(&self.flusso));
            self.counts.ended += 1;
            self.next_life();
        }
    }

    /// Starts it again; the reader keeps what it was sent.
    fn next_life(&mut self) {
        while self.flusso.read(Duration::from_millis(100)) {}
        self.flusso = self.shop.start_in(2, &[], &[WITH_LSN]).after(&mut self.flusso);
    }

    /// While nobody writes: everything must arrive, and be right.
    fn compare(&mut self) {
        let beat = ("beats".to_owned(), "1".to_owned());
        let wanted = self.shop.beat();
        let wanted = flusso_tests::documents::normal(serde_json::json!({ "beat": wanted }));
        let deadline = Instant::now() + PATIENCE;
        while self.flusso.documents.get(&beat) != Some(&wanted) {
            self.go_on(Duration::from_millis(50));
            if Instant::now() > deadline {
                println!("nothing arrives any more:\n{}", last_lines(&self.flusso));
                self.counts.lost += 1;
                return;
            }
        }
        let expected = self.shop.oracle();
        let mut difference = None;
        for _ in 0..50 {
            while self.flusso.read(Duration::from_millis(100)) {}
            let mut found = self.flusso.documents.clone();
            found.retain(|id, _| id.0 != "beats");
            difference = explain(&expected, &found);
            if difference.is_none() {
                break;
            }
        }
        if let Some(difference) = difference {
            println!("at rest {difference}");
            self.counts.lost += 1;
        }
        let seen = std::mem::take(&mut self.seen);
        let (agreed, wrong) = compare(&seen, &self.flusso.history);
        wrong.iter().take(3).for_each(|wrong| println!("{wrong}"));
        let counts = &mut self.counts;
        counts.lost += wrong.len() as u64;
        counts.agreed.exact += agreed.exact;
        counts.agreed.replaced += agreed.replaced;
        counts.compared += expected.len() as u64;
        counts.rests += 1;
        counts.operations += self.flusso.operations.len() as u64;
        self.flusso.operations.clear();
        forget(&mut self.flusso.history);
    }
}

fn last_lines(flusso: &Flusso) -> String {
    let said = flusso.said();
    let lines: Vec<&str> = said.lines().rev().take(5).collect();
    lines.into_iter().rev().map(|line| format!("  {line}\n")).collect()
}

impl Counts {
    /// One a minute.
    fn line(&self, since: Duration, transactions: u64) {
        let faults: u64 = self.faults.values().sum();
        println!(
            "{:>3} min  {transactions} transactions  {} documents  {faults} faults  \
             {} moments  {} lost  {} ends",
            since.as_secs() / 60,
            self.operations,
            self.moments,
            self.lost,
            self.ended
        );
    }

    /// At the end.
    fn table(&self, transactions: u64) {
        println!("\nfaults");
        for (name, count) in &self.faults {
            println!("  {name:<44} {count:>10}");
        }
        let rows = [
            ("transactions", transactions),
            ("documents delivered", self.operations),
            ("moments looked at", self.moments),
            ("documents right at their LSN", self.agreed.exact),
            ("documents whose version there was left out", self.agreed.replaced),
            ("rests", self.rests),
            ("documents compared at rest", self.compared),
            ("ended by itself", self.ended),
            ("lost", self.lost),
        ];
        println!("counts");
        for (name, count) in rows {
            println!("  {name:<44} {count:>10}");
        }
    }
}
