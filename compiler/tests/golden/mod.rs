//! Pages of the manual that are made by tests.

use std::path::PathBuf;

/// Compares a page with what it should be, or writes it.
pub fn page(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/src").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/src/{name} is not current; run with UPDATE_GOLDEN=1");
}
