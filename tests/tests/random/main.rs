//! Random schemas over random transactions: equal to their SQL at seed and after every round,
//! for 1, 2 and 3 workers. A failure prints its seed; `FLUSSO_SEED=…` repeats it.

mod queries;
mod schema;
mod tables;
mod transactions;

use std::sync::LazyLock;

use flusso_tests::deployment::Deployment;
use flusso_tests::dice::Dice;
use flusso_tests::server::Server;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

const SCHEMAS: u64 = 10;
const ROUNDS: usize = 25;

/// So many schemas, each in a database of its own.
fn cases(workers: u32) {
    let start = Dice::seed();
    for case in 0..SCHEMAS {
        let seed = start.wrapping_add(case * 3 + u64::from(workers));
        let printed = Printed { seed, workers };
        let mut dice = Dice::new(seed);
        let tables = tables::random(&mut dice);
        let schemas = [schema::random(&mut dice, &tables), schema::random(&mut dice, &tables)];
        let indexes = [("one", schemas[0].as_str()), ("two", schemas[1].as_str())];
        let name = format!("random_{workers}_{case}");
        let mut ddl = tables::create(&tables);
        for _ in 0..60 {
            ddl.push_str(&transactions::insert(&mut dice, &tables));
        }
        let deployment = Deployment::new(&SERVER, &name, &ddl, &indexes);
        let mut flusso = deployment.start(workers);
        deployment.expect_equal(&mut flusso, "at seed");
        for round in 1..=ROUNDS {
            let transactions: Vec<String> =
                (0..1 + dice.below(4)).map(|_| transactions::random(&mut dice, &tables)).collect();
            for transaction in &transactions {
                deployment.session.run(transaction);
            }
            let when = format!("in round {round}, after\n{}\n", transactions.join("\n"));
            deployment.expect_equal(&mut flusso, &when);
        }
        drop(printed);
    }
}

/// Says the seed when a test fails.
struct Printed {
    seed: u64,
    workers: u32,
}

impl Drop for Printed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let first = self.seed.wrapping_sub(u64::from(self.workers));
            eprintln!("{} workers: repeat with FLUSSO_SEED={first}", self.workers);
        }
    }
}

#[test]
fn one_worker() {
    cases(1);
}

#[test]
fn two_workers() {
    cases(2);
}

#[test]
fn three_workers() {
    cases(3);
}
