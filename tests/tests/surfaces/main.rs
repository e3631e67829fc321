//! What a running flusso tells of itself: its log, its two HTTP surfaces, and that neither can be
//! used against it.

mod bad;
mod log;
mod told;

use std::sync::LazyLock;

use flusso_tests::server::{Server, repository};

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

const LINES: &str = "[sinks.lines]\ntype = \"stdout\"\n";

/// Compares with a file beside these tests; `UPDATE_GOLDEN=1` writes it instead.
fn golden(name: &str, text: &str) {
    let path = repository().join("tests/tests/surfaces").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the repository can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{name} differs; it is now:\n{text}");
}
