//! Reaching the database: where it is, and a session there before anything else starts.

use std::time::{Duration, Instant};

use flusso_compiler::catalog::{Catalog, TableName};
use flusso_compiler::files::config::Config;
use flusso_runtime::postgres::{Connection, catalog as read};

use crate::failure::{Failure, because};

/// How long an absent server is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// A session; a server that is starting or away is waited for, and that is said.
pub async fn client(connection: &Connection) -> Result<tokio_postgres::Client, Failure> {
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

/// What the database says of the tables of all enabled indexes.
pub async fn catalog(client: &tokio_postgres::Client, config: &Config) -> Result<Catalog, Failure> {
    read::catalog(client, &tables(config)).await.map_err(because)
}
