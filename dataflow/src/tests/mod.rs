//! The dataflow against a model: random schemas over random transactions.
//!
//! Each case makes a schema, a first content and a list of transactions out of plain numbers, so
//! that proptest can shrink them. The engine runs as in production, with one to three workers;
//! after every closing, what it has emitted must be what [`model`] makes of the tables, byte for
//! byte, and nothing may have been emitted in vain. Fills are asked for in between: whoever takes
//! one, and the changes beside it, must come to hold the same. And a run goes on from the middle of
//! another, before sinks that know more of that than it does itself.

mod joins;
mod model;
mod random;
mod sink;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use flusso_compiler::plan::{Holds, IndexId, Kept, Plan, TableId};
use proptest::prelude::*;

use crate::Lsn;
use crate::emit::Emit;
use crate::engine::{Engine, Fill, Settings, start};
use crate::feed::{Change, Feeder};
use crate::rows::Memory;

use self::model::Tables;
use self::random::Dice;
use self::sink::{Sink, Taker, text};

/// What a commit record takes: in it are the positions of a transaction's pieces.
const RECORD: Lsn = 34;

/// Engine, tables and sink of one case.
struct Case {
    plan: Arc<Plan>,
    /// Before the engine: it waits when dropped until the feed has ended.
    feeder: Feeder,
    engine: Engine,
    tables: Tables,
    sink: Sink,
}

type Started = (Engine, Feeder, Receiver<(usize, Emit)>);

fn run(plan: &Arc<Plan>, workers: usize, fills: &[Fill], in_flight: usize) -> Started {
    let (say, said) = channel();
    let emit = Arc::new(move |worker, emit| {
        let _ = say.send((worker, emit));
    });
    let (rows, settings) = (Box::new(Memory::default()), Settings { workers, in_flight });
    let (engine, feeder) = start(Arc::clone(plan), settings, rows, fills, emit).expect("starts");
    (engine, feeder, said)
}

impl Case {
    /// None when the numbers make no schema.
    fn new(numbers: &Numbers, workers: usize, choice: &mut Dice<'_>) -> Option<Case> {
        let plan = Arc::new(random::plan(&mut Dice::new(&numbers.schema))?);
        let indexes = plan.indexes.len();
        let in_flight = [1 << 20, 0][choice.roll(2) as usize];
        let (engine, mut feeder, said) = run(&plan, workers, &vec![Fill::Emit; indexes], in_flight);
        // Small ones are whole, others go in piece by piece.
        feeder.most.0 = 1 + choice.roll(6) as usize;
        let (tables, sink) = (Tables::new(&plan), Sink::new(said, workers, indexes));
        let mut case = Case { plan, engine, feeder, tables, sink };
        let rows = case.tables.fill(&case.plan, &mut Dice::new(&numbers.content));
        case.load(rows);
        Some(case)
    }

    fn load(&mut self, rows: Vec<(TableId, Vec<crate::row::Row>)>) {
        for (table, rows) in rows {
            self.feeder.copied(table, rows).expect("the model makes readable keys");
        }
    }

    fn commit(&mut self, changes: impl IntoIterator<Item = (TableId, Change)>, at: Lsn) {
        self.feeder.begin(at - RECORD);
        for (table, change) in changes {
            self.feeder.change(table, change).expect("the model makes consistent changes");
        }
        self.feeder.commit(at).expect("the model makes consistent changes");
    }

    /// Closes, and holds the sink against the model.
    fn close(&mut self, at: Lsn, fills: bool) {
        self.feeder.close().expect("the model makes consistent changes");
        self.sink.until(at, fills);
        let wanted = self.tables.documents(&self.plan);
        if self.sink.owed == 0 {
            assert_eq!(text(&self.sink.documents), text(&wanted), "at {at}");
            self.sink.takers.values().for_each(|taker| taker.equals(&wanted));
        }
    }

    /// Now and then asks for a fill of an index, or of some of its documents.
    fn ask(&mut self, dice: &mut Dice<'_>) {
        let index = dice.roll(self.plan.indexes.len() as u32) as u16;
        let (number, taker) = match dice.roll(6) {
            0 => (self.engine.refill(IndexId(index)), Taker::new(index, None)),
            1 => {
                let all = self.tables.documents(&self.plan);
                let mine = all.into_keys().filter(|(of, _)| *of == index).map(|(_, id)| id);
                let mut ids: BTreeSet<String> = mine.filter(|_| dice.roll(2) == 0).collect();
                ids.extend(["77", "nobody", "7:a", "a:b:c", ""].map(String::from));
                let asked = ids.iter().map(|id| id.as_str().into()).collect();
                (self.engine.again(IndexId(index), asked), Taker::new(index, Some(ids)))
            }
            _ => return,
        };
        self.sink.takers.insert(number, taker);
        self.sink.owed += self.sink.closed.len();
    }

    fn end(self) -> Sink {
        drop(self.feeder);
        self.engine.join().expect("no worker panics");
        self.sink
    }
}

/// What a case is made of.
#[derive(Clone, Debug)]
struct Numbers {
    schema: Vec<u32>,
    content: Vec<u32>,
    transactions: Vec<Vec<u32>>,
    /// When to close, to wait, and to ask for a fill.
    choices: Vec<u32>,
}

/// Runs one case from start to end.
fn check(numbers: &Numbers, workers: usize) {
    let choice = &mut Dice::new(&numbers.choices);
    let Some(mut case) = Case::new(numbers, workers, choice) else { return };
    let mut at = 1000;
    case.feeder.open(at, at, at);
    // Half of the time the first changes come while the first fill goes on.
    if choice.roll(2) == 1 {
        case.close(at, true);
    }
    for numbers in &numbers.transactions {
        at += RECORD + Lsn::from(choice.roll(5));
        let changes = case.tables.transaction(&case.plan, &mut Dice::new(numbers));
        case.commit(changes, at);
        case.ask(choice);
        if choice.roll(3) > 0 {
            let fills = choice.roll(2) > 0;
            case.close(at, fills);
        }
    }
    case.close(at, true);
    case.end();
}

/// Runs a case twice: the second time from the rows as of a commit that the first went beyond,
/// closing at other moments. The sink keeps what it has of some indexes and begins anew with others.
fn check_restart(numbers: &Numbers, workers: usize) {
    let choice = &mut Dice::new(&numbers.choices);
    let Some(mut case) = Case::new(numbers, workers, choice) else { return };
    let mut at = 1000;
    case.feeder.open(at, at, at);
    let mut log = vec![(at, Vec::new(), case.tables.clone())];
    let (first, rest) = numbers.transactions.split_at(numbers.transactions.len() * 2 / 3);
    for numbers in first {
        at += RECORD + Lsn::from(choice.roll(5));
        let changes = case.tables.transaction(&case.plan, &mut Dice::new(numbers));
        log.push((at, changes.clone(), case.tables.clone()));
        case.commit(changes, at);
        if choice.roll(2) == 1 {
            case.close(at, true);
        }
    }
    case.close(at, true);
    let (plan, tables) = (Arc::clone(&case.plan), case.tables.clone());
    let sink = case.end();

    let from = choice.roll(log.len() as u32) as usize;
    let indexes = 0..plan.indexes.len() as u16;
    let anew: BTreeSet<u16> = indexes.clone().filter(|_| choice.roll(3) == 2).collect();
    let fill = |index| if anew.contains(&index) { Fill::Emit } else { Fill::Silent };
    let fills: Vec<Fill> = indexes.map(fill).collect();
    let (engine, mut feeder, said) = run(&plan, workers, &fills, 1 << 20);
    feeder.most.0 = 1 + choice.roll(6) as usize;
    let mut case = Case { plan, engine, feeder, tables, sink: sink.restart(said, &anew, at) };
    case.load(log[from].2.rows());
    case.feeder.open(log[from].0, at, log[from].0);
    for (at, changes, _) in log.drain(..).skip(from + 1) {
        case.commit(changes, at);
        case.ask(choice);
        if choice.roll(2) == 1 {
            case.feeder.close().expect("the model makes consistent changes");
            case.sink.until(at, choice.roll(2) == 1);
        }
    }
    for numbers in rest {
        at += RECORD + Lsn::from(choice.roll(5));
        let changes = case.tables.transaction(&case.plan, &mut Dice::new(numbers));
        case.commit(changes, at);
        if choice.roll(2) == 1 {
            case.close(at, true);
        }
    }
    case.close(at, true);
    case.end();
}

fn numbers(content: usize, changes: usize) -> impl Strategy<Value = Numbers> {
    let some = |most| prop::collection::vec(any::<u32>(), 0..most);
    let transactions = prop::collection::vec(some(changes), 0..12);
    (some(120), some(content), transactions, some(80)).prop_map(
        |(schema, content, transactions, choices)| Numbers {
            schema,
            content,
            transactions,
            choices,
        },
    )
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, max_shrink_iters: 2000, ..Default::default() }
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn equals_the_model(numbers in numbers(160, 40), workers in 1usize..4) {
        check(&numbers, workers);
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_run_goes_on_from_the_middle_of_another(
        numbers in numbers(60, 16),
        workers in 1usize..4,
    ) {
        check_restart(&numbers, workers);
    }
}

#[test]
fn plans_are_not_all_refused() {
    let schemas = (0..200u32).filter_map(|seed| {
        let numbers: Vec<u32> = (0..80).map(|n| random::scatter(seed * 1000 + n)).collect();
        random::plan(&mut Dice::new(&numbers))
    });
    let made: Vec<Plan> = schemas.collect();
    assert!(made.len() > 150, "the generator makes valid schemas");
    let is_joined = |kept: &Kept| matches!(kept.holds, Holds::Joined(_));
    let joined = made.iter().filter(|plan| plan.kept.iter().any(is_joined)).count();
    assert!(joined > 40, "the generator makes joins: {joined}");
}
