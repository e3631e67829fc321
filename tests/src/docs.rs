//! The smallest deployment: one table, one index over it, lines on standard output. For tests of
//! how a run begins and ends, which need documents but care little which.

use crate::deployment::{Deployment, PATIENCE};
use crate::flusso::Flusso;
use crate::server::Server;

/// The only sink.
pub const STDOUT: &str = "[sinks.lines]\ntype = \"stdout\"\n";
/// The table and its two rows.
pub const TABLES: &str =
    "CREATE TABLE docs (id int PRIMARY KEY, name text); INSERT INTO docs VALUES (1, 'a'), (2, 'b')";
/// The index.
pub const SCHEMA: &str = "table: docs\nprimary_key: id\nfields:\n  - text: name\n";

/// The deployment, with a database of that name.
pub fn docs(server: &Server, name: &str) -> Deployment {
    Deployment::new(server, name, TABLES, &[("docs", SCHEMA)])
}

/// Waits for an end with 1 and gives what was said.
pub fn complains(flusso: &mut Flusso) -> String {
    let code = flusso.end(PATIENCE);
    let said = flusso.said();
    assert_eq!(code, 1, "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}
