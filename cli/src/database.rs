//! Reaching the database: where it is, and a session there before anything else starts.

use std::time::{Duration, Instant};

use flusso_compiler::catalog::Catalog;
use flusso_compiler::files::config::{self, Config, Secret, Source};
use flusso_compiler::files::overrides::{self, Postgres, ResolveError};
use flusso_compiler::plan;
use flusso_runtime::postgres::connect::{Connection, Ssl};
use flusso_runtime::postgres::{Client, catalog as read};

use crate::failure::{Failure, because};

/// How long an absent server is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the database is, by the files and the environment.
pub fn connection(config: &Config) -> Result<Connection, Failure> {
    source(&config.source)
}

/// Where it is by a file whose schemas need not be there, or by `DATABASE_URL` alone.
pub fn source(source: &Source) -> Result<Connection, Failure> {
    resolved(overrides::connection(source, &environment))
}

/// Where it is by a URL, whatever the environment says.
pub fn at(url: &str) -> Result<Connection, Failure> {
    let url = config::Connection::Url(Secret::Value(url.to_owned()));
    let source = Source { connection: Some(url), manage_publication: true };
    resolved(overrides::connection(&source, &|_| None))
}

fn resolved(found: Result<Postgres, ResolveError>) -> Result<Connection, Failure> {
    let found = found.map_err(because)?;
    let ssl = found.sslmode.as_deref().map(Ssl::parse).transpose().map_err(because)?;
    Ok(Connection {
        host: found.host,
        port: found.port,
        user: found.user,
        password: found.password,
        database: found.database,
        ssl: ssl.unwrap_or_default(),
        ssl_root_cert: None,
    })
}

/// The process's environment; what is not UTF-8 is as good as absent.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A session; a server that is starting or away is waited for, and that is said.
pub async fn client(connection: &Connection) -> Result<Client, Failure> {
    let began = Instant::now();
    let mut told = false;
    loop {
        match connection.client().await {
            Ok(client) => return Ok(client),
            Err(error) if error.is_transient() && began.elapsed() + PAUSE < PATIENCE => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!("{error}; trying for {} s", PATIENCE.as_secs());
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(because(error)),
        }
    }
}

/// What the database says of the tables that a deployment reads.
pub async fn catalog(client: &Client, config: &Config) -> Result<Catalog, Failure> {
    read::catalog(client, &plan::tables(config)).await.map_err(because)
}
