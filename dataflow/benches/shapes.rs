//! The shapes of the shop without Postgres: how long the dataflow itself takes.
//!
//!     cargo bench -p flusso-dataflow                     50 000 orders, one worker
//!     cargo bench -p flusso-dataflow -- 200000 2         orders, workers
//!
//! Orders with a customer, five items each with a product, a count and a sum. The first fill is
//! timed from the first row fed to the last document; a change from its commit to the moment all
//! workers have said that everything up to it has been emitted.

#![allow(clippy::print_stdout)] // what it is for

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::diagnostics::{At, Place};
use flusso_compiler::files::config::{Config, IndexEntry, OnError, Server, Source, State};
use flusso_compiler::files::read_schema;
use flusso_compiler::plan::{Plan, TableId, build};
use flusso_compiler::types::SqlType;
use flusso_dataflow::Lsn;
use flusso_dataflow::emit::Emit;
use flusso_dataflow::engine::{Engine, Fill, Settings, start};
use flusso_dataflow::feed::{Change, Feeder};
use flusso_dataflow::row::{Datum, Packer, Row};
use flusso_dataflow::rows::Memory;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCHEMA: &str = "
table: orders
primary_key: id
fields:
  - keyword: status
  - belongs_to: customer
    column: user_id
    table: users
    primary_key: id
    fields:
      - text: name
  - has_many: items
    table: items
    foreign_key: order_id
    primary_key: id
    fields:
      - integer: quantity
      - decimal: price
      - belongs_to: product
        column: product_id
        table: products
        primary_key: id
        fields:
          - keyword: sku
  - count: lines
    table: items
    foreign_key: order_id
  - sum: total
    table: items
    foreign_key: order_id
    column: price
    value_type: decimal
";

const TABLES: &[(&str, &[(&str, SqlType)])] = &[
    ("users", &[("id", SqlType::Int4), ("name", SqlType::Text)]),
    ("products", &[("id", SqlType::Int4), ("sku", SqlType::Text)]),
    ("orders", &[("id", SqlType::Int4), ("user_id", SqlType::Int4), ("status", SqlType::Text)]),
    (
        "items",
        &[
            ("id", SqlType::Int4),
            ("order_id", SqlType::Int4),
            ("product_id", SqlType::Int4),
            ("quantity", SqlType::Int4),
            ("price", SqlType::Numeric(Some(2))),
        ],
    ),
];

fn name(table: &str) -> TableName {
    TableName { schema: "public".into(), name: table.into() }
}

fn plan() -> Plan {
    let column = |(name, ty): &(&str, SqlType)| Column {
        name: name.to_string(),
        ty: ty.clone(),
        type_name: String::new(),
        not_null: *name == "id",
        width: None,
        distinct: None,
    };
    let table = |columns: &[(&str, SqlType)]| Table {
        oid: 1,
        kind: 'r',
        columns: columns.iter().map(column).collect(),
        primary_key: vec!["id".into()],
        identity: 'd',
        rows: None,
    };
    let tables: BTreeMap<_, _> =
        TABLES.iter().map(|(table_name, columns)| (name(table_name), table(columns))).collect();
    let catalog = Catalog { names: tables.keys().cloned().collect(), tables };
    let schema = read_schema(0, SCHEMA).expect("the schema is right");
    let entry = IndexEntry {
        name: At::new("orders".into(), Place { file: 0, start: 0, end: 0 }),
        path: "orders.schema.yml".into(),
        enabled: true,
        on_error: None,
        schema,
    };
    let config = Config {
        source: Source { connection: None, manage_publication: true },
        sinks: BTreeMap::new(),
        indexes: vec![entry],
        on_error: OnError::Stop,
        server: Server::default(),
        prefix: String::new(),
        state: State::default(),
    };
    build(&config, Some(&catalog)).expect("the plan is right")
}

struct Run {
    plan: Arc<Plan>,
    engine: Engine,
    feeder: Feeder,
    said: Receiver<(usize, Emit)>,
    workers: usize,
    at: Lsn,
}

impl Run {
    fn table(&self, table: &str) -> TableId {
        let found = self.plan.tables.iter().position(|one| one.name.name == table);
        TableId(found.expect("a table of the plan") as u16)
    }

    /// A row with these columns; the plan says which it wants and in which order.
    fn row(&self, table: &str, values: &[(&str, String)]) -> Row {
        let mut packer = Packer::default();
        for column in &self.plan.table(self.table(table)).columns {
            let value = values.iter().find(|(name, _)| *name == column.name);
            packer.push(value.map_or(Datum::Null, |(_, text)| Datum::Text(text.as_bytes())));
        }
        packer.finish()
    }

    fn order(&self, id: u64, user: u64, status: &str) -> Row {
        let values = [("id", id.to_string()), ("user_id", user.to_string())];
        let [id, user] = values;
        self.row("orders", &[id, user, ("status", status.into())])
    }

    fn item(&self, id: u64, order: u64, quantity: u64) -> Row {
        self.row(
            "items",
            &[
                ("id", id.to_string()),
                ("order_id", order.to_string()),
                ("product_id", (1 + id * 7 % 1000).to_string()),
                ("quantity", quantity.to_string()),
                ("price", format!("{}.{:02}", id % 90, id % 100)),
            ],
        )
    }

    fn copy(&mut self, table: &str, rows: impl Iterator<Item = Row>) {
        let (id, mut rows) = (self.table(table), rows.peekable());
        while rows.peek().is_some() {
            let chunk: Vec<Row> = rows.by_ref().take(16 * 1024).collect();
            self.feeder.copied(id, chunk).expect("keys are right");
        }
    }

    fn change(&mut self, table: &str, new: Row) {
        let table = self.table(table);
        self.feeder.change(table, Change::Update { old: None, full: false, new });
    }

    /// Commits what was changed and waits for its documents.
    fn commit(&mut self) -> (usize, Duration) {
        let start = Instant::now();
        self.at += 1;
        self.feeder.commit(self.at).expect("consistent");
        self.feeder.close().expect("consistent");
        (self.wait(0), start.elapsed())
    }

    fn wait(&mut self, mut fills: usize) -> usize {
        let (mut closed, mut documents) = (0, 0);
        while closed < self.workers || fills > 0 {
            match self.said.recv().expect("the engine runs").1 {
                Emit::Closed(at) if at == self.at => closed += 1,
                Emit::Closed(_) => {}
                Emit::Hydrated(..) => fills -= 1,
                Emit::Documents(some, room) => {
                    documents += some.len();
                    drop(room);
                }
            }
        }
        documents
    }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let orders = numbers.first().copied().unwrap_or(50_000);
    let workers = numbers.get(1).map_or(1, |workers| *workers as usize);
    let plan = Arc::new(plan());
    let (say, said) = channel();
    let emit = Arc::new(move |worker, emit| {
        let _ = say.send((worker, emit));
    });
    let settings = Settings { workers, in_flight: 64 << 20 };
    let rows = Box::new(Memory::default());
    let started = start(Arc::clone(&plan), settings, rows, &[Fill::Emit], emit);
    let (engine, feeder) = started.expect("starts");
    let mut run = Run { plan, engine, feeder, said, workers, at: 1_000_000_000 };

    // User 1 has a tenth of the orders, user 2 a thousand, user 3 ten.
    let users = 10 + orders / 50;
    let whale = orders / 10;
    let user = |order: u64| match order {
        n if n < whale => 1,
        n if n < whale + 1000 => 2,
        n if n < whale + 1010 => 3,
        n => 4 + n % (users - 3),
    };
    let rows = users + 1000 + orders * 6;
    let start = Instant::now();
    let people: Vec<Row> = (1..=users).map(|n| run.row("users", &person(n, "first"))).collect();
    run.copy("users", people.into_iter());
    let products = |n: u64| [("id", n.to_string()), ("sku", format!("SKU-{n:06}"))];
    let goods: Vec<Row> = (1..=1000).map(|n| run.row("products", &products(n))).collect();
    run.copy("products", goods.into_iter());
    let made: Vec<Row> = (0..orders).map(|n| run.order(n, user(n), "open")).collect();
    run.copy("orders", made.into_iter());
    let made: Vec<Row> = (0..orders * 5).map(|n| run.item(n, n / 5, 1 + n % 4)).collect();
    run.copy("items", made.into_iter());
    run.feeder.open(run.at, run.at, run.at);
    let fed = start.elapsed();
    let documents = run.wait(workers);
    println!("{workers} workers, {orders} orders, {rows} rows");
    let rate = rows as f64 / fed.as_secs_f64();
    println!("feed            {fed:>10.1?}   {:>9.0} rows/s", rate);
    let whole = start.elapsed();
    let rate = documents as f64 / whole.as_secs_f64();
    println!("first fill      {whole:>10.1?}   {:>9.0} documents/s of {documents}", rate);
    let held: usize = run.engine.measure().kept.iter().map(|(_, bytes)| bytes).sum();
    println!("kept            {:>8} kB   {:>9.0} B a row", held / 1000, held as f64 / rows as f64);

    for (who, fan) in [(3, 10), (2, 1000), (1, whale)] {
        let mut times = Vec::new();
        for round in 0..9 {
            let row = run.row("users", &person(who, &format!("round {round}")));
            run.change("users", row);
            let (documents, took) = run.commit();
            assert_eq!(documents as u64, fan, "one row under its documents");
            times.push(took);
        }
        let took = median(times);
        let each = took.as_secs_f64() * 1e6 / fan as f64;
        println!("one under {fan:<6}{took:>10.1?}   {each:>9.2} µs a document");
    }
    let mut times = Vec::new();
    for round in 0..2000 {
        let item = (round * 7919) % (orders * 5);
        let row = run.item(item, item / 5, 10 + round);
        run.change("items", row);
        times.push(run.commit().1);
    }
    println!("one child       {:>10.1?}   p50, each in its own closing", median(times));
    let start = Instant::now();
    for round in 0..20_000 {
        let item = (round * 7919 + 3) % (orders * 5);
        let row = run.item(item, item / 5, 5000 + round);
        run.change("items", row);
        run.at += 1;
        run.feeder.commit(run.at).expect("consistent");
        if round % 50 == 49 {
            run.feeder.close().expect("consistent");
        }
    }
    run.wait(0);
    let took = start.elapsed();
    let rate = 20_000.0 / took.as_secs_f64();
    println!("20000 children  {took:>10.1?}   {rate:>9.0} transactions/s, 50 a closing");
    drop(run.feeder);
    run.engine.join().expect("no worker panics");
}

fn person(id: u64, name: &str) -> [(&'static str, String); 2] {
    [("id", id.to_string()), ("name", format!("Person {id} of {name}"))]
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
