//! The dataflow against a model: random schemas over random transactions.
//!
//! Each case makes a schema, a first content and a list of transactions out of plain numbers, so
//! that proptest can shrink them. The engine runs as in production, with one to three workers;
//! after every closing, what it has emitted must be what [`model`] makes of the tables, byte for
//! byte, and nothing may have been emitted in vain.

mod model;
mod random;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use flusso_compiler::plan::Plan;
use proptest::prelude::*;

use crate::Lsn;
use crate::emit::Emit;
use crate::engine::{Settings, start};
use crate::feed::Feeder;
use crate::rows::Memory;

use self::model::{Documents, Tables};
use self::random::Dice;

/// The documents as a sink would hold them.
struct Sink {
    closed: Vec<Lsn>,
    said: Receiver<(usize, Emit)>,
    documents: Documents,
    versions: BTreeMap<(u16, String), Lsn>,
}

impl Sink {
    /// Takes what is emitted until every worker has said that `at` is complete and, if asked,
    /// that every index has been filled.
    fn until(&mut self, at: Lsn, mut fills: usize) {
        while fills > 0 || self.closed.iter().any(|closed| *closed < at) {
            let said = self.said.recv_timeout(Duration::from_secs(5));
            let (worker, emit) = said.expect("the engine says that it is done within 5 s");
            match emit {
                Emit::Closed(at) => self.closed[worker] = at,
                Emit::Hydrated(_) => fills -= 1,
                Emit::Documents(documents) => documents.into_iter().for_each(|document| {
                    let name = (document.index.0, document.id.to_string());
                    let before = self.versions.insert(name.clone(), document.at).unwrap_or(0);
                    assert!(document.at >= before, "{name:?} went back in time");
                    let old = match &document.body {
                        Some(body) => self.documents.insert(name.clone(), body.to_vec()),
                        None => self.documents.remove(&name),
                    };
                    let seed = document.seed;
                    assert!(seed || old.as_deref() != document.body.as_deref(), "{name:?} again");
                }),
            }
        }
    }
}

/// Runs one case from start to end.
fn check(schema: &[u32], content: &[u32], transactions: &[Vec<u32>], workers: usize) {
    let Some(plan) = random::plan(&mut Dice::new(schema)) else { return };
    let (say, said) = channel();
    let settings = Settings { workers, in_flight: 1 << 20 };
    let emit = Arc::new(move |worker, emit| {
        let _ = say.send((worker, emit));
    });
    let plan = Arc::new(plan);
    let rows = Box::new(Memory::default());
    let (engine, mut feeder) = start(Arc::clone(&plan), settings, rows, emit).expect("starts");
    let documents = Documents::new();
    let mut sink = Sink { closed: vec![0; workers], said, documents, versions: BTreeMap::new() };
    let mut tables = Tables::new(&plan);
    let (mut dice, mut at) = (Dice::new(content), 1000);
    load(&plan, &mut tables, &mut feeder, &mut dice);
    feeder.open(at);
    // Half of the time the first changes come while the first fill goes on.
    let mut fills = plan.indexes.len() * workers;
    if dice.roll(2) == 0 {
        sink.until(at, std::mem::take(&mut fills));
        assert_eq!(sink.documents, tables.documents(&plan), "after the first fill");
    }
    for numbers in transactions {
        let mut dice = Dice::new(numbers);
        at += 1 + Lsn::from(dice.roll(5));
        for (table, change) in tables.transaction(&plan, &mut dice) {
            feeder.change(table, change);
        }
        feeder.commit(at);
        if dice.roll(3) > 0 {
            feeder.close().expect("the model makes consistent changes");
            sink.until(at, std::mem::take(&mut fills));
            assert_eq!(text(&sink.documents), text(&tables.documents(&plan)), "at {at}");
        }
    }
    feeder.close().expect("the model makes consistent changes");
    sink.until(at, fills);
    assert_eq!(text(&sink.documents), text(&tables.documents(&plan)), "at the end");
    drop(feeder);
    engine.join().expect("no worker panics");
}

/// Readable in a failure.
fn text(documents: &Documents) -> Vec<(u16, &str, String)> {
    let each = documents.iter();
    each.map(|((index, id), body)| (*index, &**id, String::from_utf8_lossy(body).into())).collect()
}

fn load(plan: &Plan, tables: &mut Tables, feeder: &mut Feeder, dice: &mut Dice<'_>) {
    for (table, rows) in tables.fill(plan, dice) {
        feeder.copied(table, rows).expect("the model makes readable keys");
    }
}

fn numbers(most: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, max_shrink_iters: 2000, ..Default::default() })]

    #[test]
    fn equals_the_model(
        schema in numbers(120),
        content in numbers(160),
        transactions in prop::collection::vec(numbers(40), 0..12),
        workers in 1usize..4,
    ) {
        check(&schema, &content, &transactions, workers);
    }
}

#[test]
fn plans_are_not_all_refused() {
    let schemas = (0..200u32).map(|seed| {
        let numbers: Vec<u32> = (0..80).map(|n| random::scatter(seed * 1000 + n)).collect();
        random::plan(&mut Dice::new(&numbers)).is_some()
    });
    assert!(schemas.filter(|made| *made).count() > 150, "the generator makes valid schemas");
}
