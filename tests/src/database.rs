//! A session of the test with Postgres, blocking; it calls itself `flusso-tests`.

use std::sync::LazyLock;

use tokio::runtime::Runtime;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// One runtime for every session and every request of the process.
pub static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a runtime needs only threads"));

/// An open session.
pub struct Session {
    client: tokio_postgres::Client,
}

impl Session {
    /// Opens one with UTC, ISO dates and hex bytea, as the oracle's query asks for.
    pub fn open(url: &str) -> Session {
        let session = Session::attempt_open(url).unwrap_or_else(|| panic!("{url} does not answer"));
        session.run("SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET bytea_output = 'hex'");
        session
    }

    /// Opens one, with the server's own settings, if there is a server.
    pub fn attempt_open(url: &str) -> Option<Session> {
        let mut config: tokio_postgres::Config = url.parse().expect("the server's URL is one");
        config.application_name("flusso-tests");
        RUNTIME.block_on(async {
            let (client, connection) = config.connect(NoTls).await.ok()?;
            tokio::spawn(connection);
            Some(Session { client })
        })
    }

    /// Whether it is still connected.
    pub fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Runs statements; several of them are one transaction unless they say otherwise.
    pub fn run(&self, sql: &str) {
        RUNTIME
            .block_on(self.client.batch_execute(sql))
            .unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    }

    /// Runs statements that others may be in the way of, and says whether they were accepted.
    pub fn attempt(&self, sql: &str) -> bool {
        RUNTIME.block_on(self.client.batch_execute(sql)).is_ok()
    }

    /// The rows of a query, every value as its text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let messages = RUNTIME
            .block_on(self.client.simple_query(sql))
            .unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
            }
            _ => None,
        };
        messages.into_iter().filter_map(row).collect()
    }

    /// The major version of the server.
    pub fn version(&self) -> u32 {
        let version = self.value("SELECT current_setting('server_version_num')::int / 10000");
        version.parse().expect("it is a number")
    }

    /// The only value of a query.
    pub fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        match rows.first().and_then(|row| row.first()) {
            Some(Some(value)) => value.clone(),
            _ => panic!("no value: {sql}"),
        }
    }
}
