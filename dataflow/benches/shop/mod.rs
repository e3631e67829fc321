//! Users, orders and items without Postgres: feeds rows and changes, and waits for documents.

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

const TABLES: &[(&str, &[(&str, SqlType)])] = &[
    ("users", &[("id", SqlType::Int4), ("name", SqlType::Text)]),
    ("products", &[("id", SqlType::Int4), ("sku", SqlType::Text), ("category_id", SqlType::Int4)]),
    ("categories", &[("id", SqlType::Int4), ("rate_id", SqlType::Int4)]),
    ("rates", &[("id", SqlType::Int4), ("rate", SqlType::Numeric(Some(2)))]),
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

/// The plan of one index.
pub fn plan(index: &str, schema: &str) -> Plan {
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
    let schema = read_schema(0, schema).expect("the schema is right");
    let entry = IndexEntry {
        name: At::new(index.into(), Place { file: 0, start: 0, end: 0 }),
        path: format!("{index}.schema.yml"),
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

/// A running engine.
pub struct Run {
    pub plan: Arc<Plan>,
    pub engine: Engine,
    pub feeder: Feeder,
    said: Receiver<(usize, Emit)>,
    pub workers: usize,
    pub at: Lsn,
}

impl Run {
    /// Starts over no rows.
    pub fn start(plan: Plan, workers: usize) -> Run {
        let plan = Arc::new(plan);
        let (say, said) = channel();
        let emit = Arc::new(move |worker, emit| {
            let _ = say.send((worker, emit));
        });
        let settings = Settings { workers, in_flight: 64 << 20 };
        let rows = Box::new(Memory::default());
        let started = start(Arc::clone(&plan), settings, rows, &[Fill::Emit], emit);
        let (engine, feeder) = started.expect("starts");
        Run { plan, engine, feeder, said, workers, at: 1_000_000_000 }
    }

    fn table(&self, table: &str) -> TableId {
        let found = self.plan.tables.iter().position(|one| one.name.name == table);
        TableId(found.expect("a table of the plan") as u16)
    }

    /// A row with these columns; the plan says which it wants and in which order.
    pub fn row(&self, table: &str, values: &[(&str, String)]) -> Row {
        let mut packer = Packer::default();
        for column in &self.plan.table(self.table(table)).columns {
            let value = values.iter().find(|(name, _)| *name == column.name);
            packer.push(value.map_or(Datum::Null, |(_, text)| Datum::Text(text.as_bytes())));
        }
        packer.finish()
    }

    pub fn order(&self, id: u64, user: u64, status: &str) -> Row {
        let values = [("id", id.to_string()), ("user_id", user.to_string())];
        let [id, user] = values;
        self.row("orders", &[id, user, ("status", status.into())])
    }

    pub fn item(&self, id: u64, order: u64, quantity: u64) -> Row {
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

    pub fn copy(&mut self, table: &str, rows: impl Iterator<Item = Row>) {
        let (id, mut rows) = (self.table(table), rows.peekable());
        while rows.peek().is_some() {
            let chunk: Vec<Row> = rows.by_ref().take(16 * 1024).collect();
            self.feeder.copied(id, chunk).expect("keys are right");
        }
    }

    pub fn change(&mut self, table: &str, new: Row) {
        let table = self.table(table);
        let change = Change::Update { old: None, full: false, new };
        self.feeder.change(table, change).expect("consistent");
    }

    /// Commits what was changed and waits for its documents.
    pub fn commit(&mut self) -> (usize, Duration) {
        let start = Instant::now();
        self.at += 1;
        self.feeder.commit(self.at).expect("consistent");
        self.feeder.close().expect("consistent");
        (self.wait(0), start.elapsed())
    }

    pub fn wait(&mut self, mut fills: usize) -> usize {
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

/// A row of `users`.
pub fn person(id: u64, name: &str) -> [(&'static str, String); 2] {
    [("id", id.to_string()), ("name", format!("Person {id} of {name}"))]
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
