//! The commonest mistakes and what each is answered with, loading or planning. The golden files are
//! the page of the manual, too. `UPDATE_GOLDEN=1` writes them.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::diagnostics::{Diagnostic, Sources};
use flusso_compiler::files::load;
use flusso_compiler::plan;
use flusso_compiler::types::SqlType;

fn catalog() -> Catalog {
    let tables = [
        (
            "users",
            vec![
                ("id", SqlType::Int4),
                ("email", SqlType::Text),
                ("name", SqlType::Text),
                ("status", SqlType::Text),
                ("age", SqlType::Int4),
                ("created_at", SqlType::TimestampTz),
                ("deleted_at", SqlType::TimestampTz),
            ],
        ),
        (
            "orders",
            vec![("id", SqlType::Int4), ("user_id", SqlType::Int4), ("note", SqlType::Text)],
        ),
    ];
    let mut catalog = Catalog::default();
    for (name, columns) in tables {
        let name = TableName { schema: "public".into(), name: name.into() };
        let columns = columns.into_iter().map(|(name, ty)| Column {
            name: name.into(),
            type_name: ty.to_string(),
            ty,
            not_null: name == "id",
            width: None,
            distinct: None,
        });
        let (columns, primary_key) = (columns.collect(), vec!["id".to_owned()]);
        let table = Table { oid: 1, kind: 'r', columns, primary_key, identity: 'd', rows: None };
        catalog.names.push(name.clone());
        catalog.tables.insert(name, table);
    }
    catalog
}

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
