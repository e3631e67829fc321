//! A server for the tests of a file, and a reader that folds what is captured into tables.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use flusso_compiler::catalog::TableName;
use flusso_compiler::plan::{Column, ColumnId, KeyPart, Plan, Table, TableId};
use flusso_compiler::types::{Class, SqlType};
use flusso_dataflow::Lsn;
use flusso_dataflow::feed::Change;
use flusso_dataflow::row::Row;
use flusso_runtime::postgres::capture::start;
use flusso_runtime::postgres::{Capture, CaptureError, Captured, Connection, Settings};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

/// Longest wait for anything that should happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Postgres that ends when this process does.
pub struct Server {
    pub url: String,
    pub folder: std::path::PathBuf,
    child: Child,
}

impl Server {
    pub fn start() -> Server {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("flusso-capture-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../dev/postgres"))
            .arg(&folder)
            .arg("--leash")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("postgres://"), "the server did not start");
        Server { url: url.trim().to_owned(), folder, child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The server that the tests share.
pub static SHARED: LazyLock<Server> = LazyLock::new(Server::start);

/// A database of its own, with a session on it.
pub struct Database {
    pub url: String,
    pub client: Client,
    pub name: String,
}

pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Database {
    pub async fn new(name: &str, sql: &str) -> Database {
        Database::on(&SHARED, name, sql).await
    }

    pub async fn on(server: &Server, name: &str, sql: &str) -> Database {
        let admin = connect(&server.url).await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (base, _) = server.url.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        let client = connect(&url).await;
        client.batch_execute(sql).await.unwrap();
        Database { url, client, name: name.to_owned() }
    }

    /// Another session on it.
    pub async fn session(&self) -> Client {
        connect(&self.url).await
    }

    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    }

    pub async fn value(&self, sql: &str) -> String {
        let row = self.client.query_one(sql, &[]).await.unwrap();
        row.get(0)
    }

    pub fn settings(&self) -> Settings {
        Settings {
            connection: Connection::from_url(&self.url).unwrap(),
            slot: self.name.clone(),
            publication: format!("Pub {}", self.name),
            manage_publication: true,
            copy_workers: 2,
            queue: 8,
        }
    }

    pub async fn capture(&self, plan: &Plan) -> Result<Reader, CaptureError> {
        let (stop, stopped) = watch::channel(false);
        let capture = start(Arc::new(plan.clone()), self.settings(), None, stopped).await?;
        Ok(Reader { plan: plan.clone(), capture, stop, state: State::default() })
    }

    /// The rows of a table of the plan as a query gives them, values as text.
    pub async fn rows(&self, table: &Table) -> BTreeMap<Values, Values> {
        let texts: Vec<_> =
            table.columns.iter().map(|it| format!("\"{}\"::text", it.name)).collect();
        let sql = format!(
            "SET TimeZone = 'UTC'; SELECT {} FROM \"{}\".\"{}\"",
            texts.join(", "),
            table.name.schema,
            table.name.name
        );
        let messages = self.client.simple_query(&sql).await.unwrap();
        let mut rows = BTreeMap::new();
        for message in messages {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                let values: Values =
                    (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect();
                rows.insert(key(table, &values), values);
            }
        }
        rows
    }
}

/// `name(key, key; other, other)`, in the schema `public`.
pub fn table(name: &str, key: &[&str], others: &[&str]) -> Table {
    let column = |name: &&str| Column { name: (*name).to_owned(), ty: SqlType::Unknown };
    Table {
        name: TableName { schema: "public".into(), name: name.into() },
        key: (0..key.len())
            .map(|at| KeyPart { column: ColumnId(at as u16), class: Class::Text })
            .collect(),
        columns: key.iter().chain(others).map(column).collect(),
    }
}

pub fn plan(tables: Vec<Table>) -> Plan {
    Plan { tables, kept: Vec::new(), indexes: Vec::new() }
}

pub type Values = Vec<Option<String>>;

/// A value of a packed row.
#[derive(Clone, Debug, PartialEq)]
enum Unpacked {
    Value(Option<String>),
    Unchanged,
}

fn unpack(row: &Row) -> Vec<Unpacked> {
    let mut left = &row.0[..];
    let mut values = Vec::new();
    while !left.is_empty() {
        let (mut n, mut shift) = (0usize, 0);
        loop {
            let byte = left[0];
            left = &left[1..];
            n |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        values.push(match n {
            0 => Unpacked::Value(None),
            1 => Unpacked::Unchanged,
            n => {
                let (text, rest) = left.split_at(n - 2);
                left = rest;
                Unpacked::Value(Some(String::from_utf8(text.to_vec()).unwrap()))
            }
        });
    }
    values
}

fn values(row: &Row) -> Values {
    let plain = |value| match value {
        Unpacked::Value(value) => value,
        Unpacked::Unchanged => panic!("an unchanged value in a row that must be whole"),
    };
    unpack(row).into_iter().map(plain).collect()
}

fn key(table: &Table, values: &[Option<String>]) -> Values {
    table.key.iter().map(|part| values[usize::from(part.column.0)].clone()).collect()
}

/// What the tables hold as of the last commit read.
#[derive(Default, Debug)]
pub struct State {
    pub tables: BTreeMap<TableId, BTreeMap<Values, Values>>,
    pub changes: Vec<(TableId, Change)>,
    pub opened: Option<Lsn>,
    pub commit: Lsn,
    pub idle: Lsn,
}

impl State {
    fn apply(&mut self, plan: &Plan, id: TableId, change: Change) {
        let table = &plan.tables[usize::from(id.0)];
        let rows = self.tables.entry(id).or_default();
        match &change {
            Change::Insert(row) => {
                let row = values(row);
                let was = rows.insert(key(table, &row), row);
                assert_eq!(was, None, "inserted twice");
            }
            Change::Update { old, full, new } => {
                let new = unpack(new);
                let new_key: Values = table
                    .key
                    .iter()
                    .map(|part| match &new[usize::from(part.column.0)] {
                        Unpacked::Value(value) => value.clone(),
                        Unpacked::Unchanged => panic!("an unchanged key"),
                    })
                    .collect();
                let old_key = old.as_ref().map_or(new_key.clone(), |old| key(table, &values(old)));
                let was = rows.remove(&old_key).expect("the updated row was there");
                if *full {
                    assert_eq!(values(old.as_ref().unwrap()), was);
                }
                let merged = new.into_iter().zip(was).map(|(new, was)| match new {
                    Unpacked::Value(value) => value,
                    Unpacked::Unchanged => was,
                });
                rows.insert(new_key, merged.collect());
            }
            Change::Delete(old) => {
                let gone = rows.remove(&key(table, &values(old)));
                assert!(gone.is_some(), "the deleted row was there");
            }
            Change::Truncate => rows.clear(),
        }
        self.changes.push((id, change));
    }
}

/// A capture and what it has told.
pub struct Reader {
    pub plan: Plan,
    pub capture: Capture,
    pub stop: watch::Sender<bool>,
    pub state: State,
}

impl Reader {
    /// Reads until something holds, confirming every commit when `confirm`.
    pub async fn until(&mut self, confirm: bool, mut holds: impl FnMut(&State) -> bool) {
        while !holds(&self.state) {
            let Ok(batch) = timeout(PATIENCE, self.capture.events.recv()).await else {
                panic!("nothing came; {:?}", self.state.commit)
            };
            let Some(batch) = batch else {
                panic!("the capture ended: {:?}", (&mut self.capture.task).await)
            };
            self.take(batch);
            if confirm {
                let reached = self.state.commit.max(self.state.opened.unwrap_or(0));
                let reached = reached.max(self.state.idle);
                self.capture.durable.send_replace(reached);
            }
        }
    }

    fn take(&mut self, batch: Vec<Captured>) {
        for event in batch {
            match event {
                Captured::Rows { table, rows } => {
                    assert_eq!(self.state.opened, None);
                    let copied = self.state.tables.entry(table).or_default();
                    for row in rows {
                        let row = values(&row);
                        let at = key(&self.plan.tables[usize::from(table.0)], &row);
                        assert_eq!(copied.insert(at, row), None, "copied twice");
                    }
                }
                Captured::Opened { at, .. } => self.state.opened = Some(at),
                Captured::Changes(changes) => {
                    for (table, change) in changes {
                        self.state.apply(&self.plan, table, change);
                    }
                }
                Captured::Commit { at, .. } => {
                    assert!(at > self.state.commit && Some(at) > self.state.opened);
                    assert!(at > self.state.idle);
                    self.state.commit = at;
                }
                Captured::Idle { upto } => self.state.idle = upto,
            }
        }
    }

    /// Reads to the end of the copy.
    pub async fn open(&mut self) {
        self.until(true, |state| state.opened.is_some()).await;
    }

    /// Reads until everything that is committed now has come, then compares with the tables.
    pub async fn agrees_with(&mut self, database: &Database) {
        let now = database.value("SELECT pg_current_wal_flush_lsn()::text").await;
        let (high, low) = now.split_once('/').unwrap();
        let hex = |text| u64::from_str_radix(text, 16).unwrap();
        let now = hex(high) << 32 | hex(low);
        // Something that surely comes: the server tells its position when it is asked.
        self.until(true, |state| state.commit >= now || state.idle >= now).await;
        for (at, table) in self.plan.tables.iter().enumerate() {
            let ours = self.state.tables.remove(&TableId(at as u16)).unwrap_or_default();
            assert_eq!(ours, database.rows(table).await, "{}", table.name);
            self.state.tables.insert(TableId(at as u16), ours);
        }
    }

    /// How the capture ends, reading what is left.
    pub async fn end(mut self) -> Result<(), CaptureError> {
        let reading = async { while self.capture.events.recv().await.is_some() {} };
        timeout(PATIENCE, reading).await.expect("the capture goes on");
        self.capture.task.await.unwrap()
    }

    /// Asks it to stop and waits.
    pub async fn close(self) {
        self.stop.send_replace(true);
        self.end().await.unwrap();
    }
}
