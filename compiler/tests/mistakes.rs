//! The commonest mistakes and what each is answered with, loading or planning. The golden files are
//! the page of the manual, too. `UPDATE_GOLDEN=1` writes them.
#![allow(clippy::unwrap_used)]

mod tables;

use std::path::Path;

use flusso_compiler::diagnostics::{Diagnostic, Sources};
use flusso_compiler::files::load;
use flusso_compiler::plan;

use tables::catalog;

/// What loading and planning a schema file says.
fn mistakes(schema: &Path) -> (Sources, Vec<Diagnostic>) {
    let name = schema.file_name().unwrap().to_str().unwrap();
    let toml =
        format!("source = {{ type = 'postgres' }}\n[[index]]\nname = 'users'\nschema = '{name}'\n");
    let config = schema.with_file_name(format!(".{name}.{}.toml", std::process::id()));
    std::fs::write(&config, toml).unwrap();
    let (mut sources, config_read) = load(&config);
    std::fs::remove_file(&config).unwrap();
    for (path, _) in &mut sources.files {
        *path = path.file_name().unwrap().into();
    }
    let found = match config_read {
        Err(found) => found,
        Ok(config) => plan::build(&config, Some(&catalog())).unwrap_err(),
    };
    (sources, found)
}

#[test]
fn each_mistake_is_answered_as_recorded() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut seen = 0;
    for entry in std::fs::read_dir(&home).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "yml") {
            continue;
        }
        seen += 1;
        let (sources, found) = mistakes(&path);
        assert!(found.iter().all(|one| one.place.is_some()), "{found:?}");
        let said = sources.render_all(&found, false);
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &said).unwrap();
        }
        let recorded = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(said, recorded, "{}", golden.display());
    }
    assert_eq!(seen, 20);
}
