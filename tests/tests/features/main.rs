//! Every feature of the schema language by itself: equal to its SQL at seed and after every
//! change, and each change sends exactly what it changes.

mod aggregates;
mod fields;
mod filters;
mod queries;
mod relations;
mod rows;
mod sql;

use std::sync::LazyLock;

use flusso_tests::deployment::Deployment;
use flusso_tests::flusso::Flusso;
use flusso_tests::server::Server;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// Seeds one index called `docs` and follows each step, a transaction, with two workers.
fn follow(name: &str, tables: &str, schema: &str, steps: &[&str]) {
    drop(followed(name, tables, schema, steps));
}

/// The same, and leaves it running.
fn followed(name: &str, tables: &str, schema: &str, steps: &[&str]) -> (Deployment, Flusso) {
    let deployment = Deployment::new(&SERVER, name, tables, &[("docs", schema)]);
    let mut flusso = deployment.start(2);
    deployment.expect_equal(&mut flusso, "at seed");
    for step in steps {
        deployment.follow(&mut flusso, step, step);
    }
    (deployment, flusso)
}
