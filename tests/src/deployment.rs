//! A database with tables, a folder with the two kinds of files, and the comparison of what
//! flusso made of them with what Postgres says.
//!
//! Beside the test's own indexes stands `beats`, over a table of one row: a beat is an update of
//! that row, and once its document has come, everything committed before it has been worked on.

use std::cell::Cell;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::database::Session;
use crate::documents::{Documents, difference, explain, normal};
use crate::flusso::{Flusso, HUMAN, command};
use crate::proxy::Proxy;
use crate::server::{Server, fresh_path};

/// How long anything may take before it counts as lost. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A deployment.
pub struct Deployment {
    /// A session with its database.
    pub session: Session,
    /// Its database's URL.
    pub url: String,
    /// The folder of `flusso.toml`.
    pub folder: PathBuf,
    /// Database, slot and publication are called so.
    pub name: String,
    /// Each index with the query its documents equal.
    pub queries: Vec<(String, String)>,
    beat: Cell<u64>,
}

/// Between two looks at a slot.
const LOOK: Duration = Duration::from_millis(50);

/// The index over the beats.
const BEATS: &str = "table: beats
primary_key: id
fields:
  - long: beat
";

impl Deployment {
    /// Makes a database with these tables and files for these indexes (name and schema file),
    /// with documents on standard output.
    pub fn new(server: &Server, name: &str, tables: &str, indexes: &[(&str, &str)]) -> Deployment {
        Deployment::with_sink(server, name, tables, indexes, "[sinks.lines]\ntype = \"stdout\"\n")
    }

    /// The same with another sink.
    pub fn with_sink(
        server: &Server,
        name: &str,
        tables: &str,
        indexes: &[(&str, &str)],
        sink: &str,
    ) -> Deployment {
        Session::open(&server.url).run(&format!("CREATE DATABASE {name}"));
        let (base, _) = server.url.rsplit_once('/').expect("the URL names a database");
        let url = format!("{base}/{name}");
        let session = Session::open(&url);
        session.run(tables);
        session.run(
            "CREATE TABLE beats (id int PRIMARY KEY, beat bigint); INSERT INTO beats VALUES (1, 0)",
        );
        let folder = fresh_path(name);
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let mut config =
            format!("[source]\ntype = \"postgres\"\nconnection_url = \"{url}\"\n\n{sink}");
        let beats = [("beats", BEATS)];
        for (index, schema) in indexes.iter().chain(&beats) {
            let _ = write!(
                config,
                "\n[[index]]\nname = \"{index}\"\nschema = \"{index}.schema.yml\"\n"
            );
            write(&folder.join(format!("{index}.schema.yml")), schema);
        }
        write(&folder.join("flusso.toml"), &config);
        let queries = indexes.iter().map(|(index, _)| ((*index).to_owned(), query(&folder, index)));
        let queries = queries.collect();
        Deployment { session, url, folder, name: name.to_owned(), queries, beat: Cell::new(0) }
    }

    /// The arguments of `flusso run` for it.
    pub fn arguments(&self, workers: u32) -> Vec<String> {
        let pairs = [
            ("--config", "flusso.toml"),
            ("--slot", &self.name),
            ("--publication", &self.name),
            ("--public-address", "127.0.0.1:0"),
            ("--private-address", "127.0.0.1:0"),
            ("--workers", &workers.to_string()),
        ];
        let pairs =
            pairs.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]);
        std::iter::once("run".to_owned()).chain(pairs).collect()
    }

    /// Starts `flusso run`.
    pub fn start(&self, workers: u32) -> Flusso {
        self.start_with(workers, &[])
    }

    /// Starts it with more arguments.
    pub fn start_with(&self, workers: u32, more: &[&str]) -> Flusso {
        self.start_in(workers, more, &[])
    }

    /// Starts it with more arguments and these variables.
    pub fn start_in(&self, workers: u32, more: &[&str], variables: &[(&str, &str)]) -> Flusso {
        let arguments = self.arguments(workers);
        let arguments: Vec<&str> =
            arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let variables: Vec<_> = variables.iter().copied().chain([HUMAN]).collect();
        Flusso::with(&self.folder, &arguments, &variables)
    }

    /// Starts it where no file may grow over so many blocks of 512 bytes.
    pub fn start_limited(&self, workers: u32, blocks: u32) -> Flusso {
        let arguments = self.arguments(workers);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Flusso::limited(&self.folder, &arguments, blocks)
    }

    /// Puts a bad network between it and Postgres; the test's own session stays as it is.
    pub fn behind_proxy(&self) -> Proxy {
        let (proxy, through) = Proxy::before(&self.url);
        self.edit(|text| text.replace(&self.url, &format!("{through}?sslmode=disable")));
        proxy
    }

    /// Starts it again after an end, for a reader that has kept what it was sent.
    pub fn restart(&self, before: &mut Flusso, workers: u32) -> Flusso {
        self.start(workers).after(before)
    }

    /// Opens another session: the old one ends with the server.
    pub fn reconnect(&mut self) {
        self.session = Session::open(&self.url);
    }

    /// What the documents must be now.
    pub fn oracle(&self) -> Documents {
        let mut documents = Documents::new();
        for (index, query) in &self.queries {
            for row in self.session.rows(query) {
                let mut row = row.into_iter();
                let (Some(Some(id)), Some(Some(document))) = (row.next(), row.next()) else {
                    panic!("{index}: the query gives an id and a document:\n{query}");
                };
                let document: Value = serde_json::from_str(&document).expect("jsonb is JSON");
                let before = documents.insert((index.clone(), id.clone()), normal(document));
                assert!(before.is_none(), "{index} {id} twice in the query's answer");
            }
        }
        documents
    }

    /// The test's own indexes.
    pub fn indexes(&self) -> impl Iterator<Item = &str> {
        self.queries.iter().map(|(index, _)| index.as_str())
    }

    /// Changes the schema of an index, and with it what its documents must be.
    pub fn change(&mut self, index: &str, schema: &str) {
        self.write(&format!("{index}.schema.yml"), schema);
        for (_, sql) in self.queries.iter_mut().filter(|(name, _)| name == index) {
            *sql = query(&self.folder, index);
        }
    }

    /// Commits a beat and gives its number.
    pub fn beat(&self) -> u64 {
        self.beat.set(self.beat.get() + 1);
        self.session.run(&format!("UPDATE beats SET beat = {}", self.beat.get()));
        self.beat.get()
    }

    /// Commits a beat and reads until its document has come; the beats' own operations are
    /// dropped.
    pub fn settle(&self, flusso: &mut Flusso) {
        let id = ("beats".to_owned(), "1".to_owned());
        let document = normal(serde_json::json!({ "beat": self.beat() }));
        flusso.until("the beat", PATIENCE, |flusso| flusso.documents.get(&id) == Some(&document));
        flusso.operations.retain(|(id, _)| id.0 != "beats");
    }

    /// Waits until the folded documents equal Postgres' answer, or panics with the difference.
    pub fn expect_equal(&self, flusso: &mut Flusso, when: &str) {
        self.settle(flusso);
        let expected = self.oracle();
        let deadline = Instant::now() + PATIENCE / 4;
        loop {
            let mut found = flusso.documents.clone();
            found.retain(|id, _| id.0 != "beats");
            let Some(difference) = explain(&expected, &found) else { break };
            let late = Instant::now() >= deadline;
            // Comparing is slow: all that has come is read before it is done again.
            let came = flusso.read(Duration::from_millis(200));
            assert!(came || !late, "{} {when}: {difference}", self.name);
            while flusso.read(Duration::ZERO) {}
        }
        flusso.operations.retain(|(id, _)| id.0 != "beats");
    }

    /// Reads until nothing has come for a moment. A beat is no end of what was sent before it: the
    /// seed goes on sending deletes for rows that are no documents.
    pub fn quiet(&self, flusso: &mut Flusso) {
        while flusso.read(Duration::from_millis(80)) {}
        flusso.operations.retain(|(id, _)| id.0 != "beats");
    }

    /// Runs one transaction and expects exactly the documents it changes, each sent once.
    pub fn follow(&self, flusso: &mut Flusso, when: &str, sql: &str) {
        let before = self.oracle();
        self.quiet(flusso);
        flusso.operations.clear();
        self.session.run(sql);
        self.expect_equal(flusso, when);
        self.quiet(flusso);
        let expected = difference(&before, &self.oracle());
        let sent = flusso.take_changes();
        assert_eq!(
            sent.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "{} {when}: what was sent, and what changed",
            self.name
        );
    }

    /// Takes in an index that a command has added to the files.
    pub fn adopt(&mut self, index: &str) {
        self.queries.push((index.to_owned(), query(&self.folder, index)));
    }

    /// Gives one of its indexes another schema.
    pub fn reshape(&mut self, index: &str, schema: &str) {
        self.write(&format!("{index}.schema.yml"), schema);
        let query = query(&self.folder, index);
        for (name, old) in &mut self.queries {
            if name == index {
                old.clone_from(&query);
            }
        }
    }

    /// Writes a file of the deployment.
    pub fn write(&self, file: &str, text: &str) {
        write(&self.folder.join(file), text);
    }

    /// Changes its `flusso.toml`.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.join("flusso.toml");
        let text = std::fs::read_to_string(&path).expect("it was written here");
        write(&path, &change(text));
    }

    /// Whether the slot has confirmed everything written so far, waiting for it.
    pub fn confirmed(&self) -> bool {
        let position = self.session.value("SELECT pg_current_wal_flush_lsn()");
        let passed = format!(
            "SELECT confirmed_flush_lsn >= '{position}' FROM pg_replication_slots WHERE slot_name = '{}'",
            self.name
        );
        // Counted in looks: a machine that stands still for a while lets nobody look.
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if self.session.value(&passed) == "t" {
                return true;
            }
            std::thread::sleep(LOOK);
        }
        let stands = format!(
            "SELECT to_jsonb(s), to_jsonb(r), to_jsonb(a), pg_current_wal_flush_lsn() \
             FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid \
             LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = '{}'",
            self.name
        );
        eprintln!("{position} is not confirmed: {:?}", self.session.rows(&stands));
        false
    }
}

/// The folder goes; the database stays with the throwaway server.
impl Drop for Deployment {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the files are in {}", self.folder.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// What `flusso plan --sql` prints for an index.
fn query(folder: &Path, index: &str) -> String {
    let output = command(folder, &["plan", index, "--sql", "--live", "--config", "flusso.toml"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "plan {index} --sql: {said}");
    String::from_utf8(output.stdout).expect("a query is text")
}
