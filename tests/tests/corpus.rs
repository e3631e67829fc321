//! The schema files of `tests/corpus`, written as users would: each has its golden plan and its
//! golden mapping, and its documents equal the query at the seed and after each change.
//!
//! A folder is a database: `tables.sql`, `changes.sql` (a transaction a line), any number of
//! `NAME.schema.yml`. Adding one is adding one file; `UPDATE_GOLDEN=1` writes `NAME.plan.txt` and
//! `NAME.mapping.json` beside it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flusso_compiler::catalog::Catalog;
use flusso_compiler::files::config::{Config, Sink};
use flusso_compiler::files::load;
use flusso_compiler::plan::{self, text};
use flusso_compiler::{hash, mapping};
use flusso_runtime::postgres::{Connection, catalog};
use flusso_tests::database::RUNTIME;
use flusso_tests::deployment::Deployment;
use flusso_tests::flusso::command;
use flusso_tests::server::{Server, repository};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// A sink that nothing is sent to; the mapping goes by its options.
const SEARCH: &str = "[sinks.search]\ntype = \"opensearch\"\nurl = \"http://127.0.0.1:1\"\n";

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a folder holds, by name.
fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Names and texts of the schema files of a folder.
fn schemas(folder: &Path) -> Vec<(String, String)> {
    let name = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".schema.yml")?;
        Some((name.to_owned(), read(path)))
    };
    sorted(folder).iter().filter_map(name).collect()
}

/// The tables, without what changes from one look at the statistics to the next.
fn tables(deployment: &Deployment, config: &Config) -> Catalog {
    let connection = Connection::from_url(&deployment.url).expect("the test's URL is one");
    let read = async {
        let client = connection.client().await?;
        catalog::catalog(&client, &plan::tables(config)).await
    };
    let mut catalog = RUNTIME.block_on(read).expect("the server is there");
    for table in catalog.tables.values_mut() {
        table.rows = None;
        for column in &mut table.columns {
            (column.width, column.distinct) = (None, None);
        }
    }
    catalog
}

/// Compares with a golden file, or writes it; says what differs.
fn golden(path: &Path, text: &str, wrong: &mut String) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, text).expect("the repository can be written");
    }
    if std::fs::read_to_string(path).unwrap_or_default() != text {
        let _ = writeln!(wrong, "{} differs; it is now:\n{text}", path.display());
    }
}

/// Plan and mapping of each schema file of a folder.
fn goldens(folder: &Path, deployment: &Deployment, wrong: &mut String) {
    let path = deployment.folder.join("mapped.toml");
    let text = read(&deployment.folder.join("flusso.toml"));
    let stdout = "[sinks.lines]\ntype = \"stdout\"\n";
    std::fs::write(&path, text.replace(stdout, SEARCH)).expect("the folder can be written");
    let (sources, config) = load(&path);
    let config = config.unwrap_or_else(|found| panic!("{}", sources.render_all(&found, false)));
    let catalog = tables(deployment, &config);
    let Some(Sink::OpenSearch(search)) = config.sinks.get("search") else {
        panic!("the sink was written here");
    };
    for entry in config.indexes.iter().filter(|entry| entry.name.value != "beats") {
        let alone = Config { indexes: vec![entry.clone()], ..config.clone() };
        let plan = plan::build(&alone, Some(&catalog))
            .unwrap_or_else(|found| panic!("{}", sources.render_all(&found, false)));
        let name = &entry.name.value;
        let page = text::text(&plan, None, None, false);
        golden(&folder.join(format!("{name}.plan.txt")), &page, wrong);
        let body = mapping::index_body(&entry.schema, search);
        let mapped = json!({
            "hash": format!("{:08x}", hash::schema(&entry.schema)),
            "mappings": body["mappings"],
        });
        golden(&folder.join(format!("{name}.mapping.json")), &format!("{mapped:#}\n"), wrong);
    }
}

#[test]
fn every_schema_file_is_planned_mapped_and_equal_to_its_query() {
    let (mut count, mut wrong) = (0, String::new());
    for folder in sorted(&repository().join("tests/corpus")) {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a folder has a name");
        let schemas = schemas(&folder);
        let indexes: Vec<(&str, &str)> =
            schemas.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        count += indexes.len();
        let tables = read(&folder.join("tables.sql"));
        let deployment = Deployment::new(&SERVER, &format!("corpus_{name}"), &tables, &indexes);
        goldens(&folder, &deployment, &mut wrong);
        let checked = command(&deployment.folder, &["check"]);
        assert!(checked.status.success(), "{name}: {}", String::from_utf8_lossy(&checked.stdout));
        let mut flusso = deployment.start(2);
        deployment.expect_equal(&mut flusso, "at seed");
        for index in deployment.indexes() {
            let some = flusso.documents.keys().any(|(of, _)| of == index);
            assert!(some, "{name}: {index} has no document, and says nothing");
        }
        for change in read(&folder.join("changes.sql")).lines() {
            deployment.session.run(change);
            deployment.expect_equal(&mut flusso, change);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 77, "{count} schema files");
}
