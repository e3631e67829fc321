//! The one place that reads files: `flusso.toml`, then every schema file it names.
//!
//! Nothing stops at the first mistake. A schema named by two indexes is read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::{Config, IndexEntry, Source};
use super::config_read::{self, Written, WrittenIndex};
use super::schema::Schema;
use super::{schema_read, toml, yaml};
use crate::diagnostics::{Diagnostic, Place, Severity, Sources};

/// Reads a deployment. Disabled indexes are read and checked like the others.
///
/// The sources are needed to print the diagnostics, and later ones of the plan. The errors are
/// all that there are in all files, in the order of the files.
pub fn load(path: &Path) -> (Sources, Result<Config, Vec<Diagnostic>>) {
    let mut sources = Sources::default();
    let mut found = Vec::new();
    let config = read_config(path, &mut sources, &mut found);
    found.sort_by_key(|diagnostic| diagnostic.place.map(|place| (place.file, place.start)));
    let result = match config {
        Some(config) if found.is_empty() => Ok(config),
        _ => Err(found),
    };
    (sources, result)
}

/// The schema in the text of a `*.schema.yml`, and everything wrong with it. `file` is the
/// position of the text in the [`Sources`] that its places are printed from.
pub fn read_schema(file: u32, text: &str) -> Result<Schema, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let before = found.len();
    let schema = yaml::parse(file, text, &mut found);
    if schema.is_none() && found.len() == before {
        let place = Place { file, start: 0, end: 0 };
        let error = Diagnostic::error(place, "the file is empty");
        found.push(error.help("a schema has at least `table` and `fields`"));
    }
    let schema = schema.and_then(|root| schema_read::schema(&root, &mut found));
    match schema {
        Some(schema) if found.is_empty() => Ok(schema),
        _ => Err(found),
    }
}

fn read_config(path: &Path, sources: &mut Sources, found: &mut Vec<Diagnostic>) -> Option<Config> {
    let file = match read_file(path, sources, found) {
        Ok(file) => file,
        Err(reason) => {
            let message = unreadable(path, &reason);
            found.push(Diagnostic { severity: Severity::Error, place: None, message, help: None });
            return None;
        }
    };
    let text = sources.files[file as usize].1.clone();
    let written = written(file, &text, found);
    let home = path.parent().unwrap_or(Path::new(""));
    let mut schemas: BTreeMap<PathBuf, Option<Schema>> = BTreeMap::new();
    let mut indexes = Vec::new();
    for index in written.indexes {
        let schema = index.path.as_ref().and_then(|at| {
            let path = home.join(&at.value);
            if let Some(schema) = schemas.get(&path) {
                return schema.clone();
            }
            let schema = match read_file(&path, sources, found) {
                Ok(file) => {
                    let read = read_schema(file, &sources.files[file as usize].1);
                    read.map_err(|errors| found.extend(errors)).ok()
                }
                Err(reason) => {
                    let message = unreadable(&path, &reason);
                    let error = Diagnostic::error(at.place, message);
                    found.push(error.help("the path is relative to the file that names it"));
                    None
                }
            };
            schemas.insert(path, schema.clone());
            schema
        });
        let WrittenIndex { name, path, enabled, on_error } = index;
        if let (Some(name), Some(path), Some(schema)) = (name, path, schema) {
            indexes.push(IndexEntry { name, path: path.value, enabled, on_error, schema });
        }
    }
    written.config.map(|config| Config { indexes, ..config })
}

/// What the text of a `flusso.toml` says, without the schema files it names.
fn written(file: u32, text: &str, found: &mut Vec<Diagnostic>) -> Written {
    let before = found.len();
    let root = toml::parse(file, text, found);
    // What a broken file seems to lack may stand on the line that could not be read.
    let mut doubtful = Vec::new();
    let broken = found.len() > before;
    let written = config_read::config(&root, if broken { &mut doubtful } else { found });
    repeated_names(&written.indexes, found);
    written
}

/// A `flusso.toml` whose schema files need not be there yet.
#[derive(Clone, Debug)]
pub struct Head {
    /// Where rows come from.
    pub source: Source,
    /// Each index with the path of its schema file, relative to this one.
    pub indexes: Vec<(String, String)>,
}

/// Reads the text of a `flusso.toml` alone. The errors are as in [`load`].
pub fn read_head(file: u32, text: &str) -> Result<Head, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let Written { config, indexes } = written(file, text, &mut found);
    match config {
        Some(config) if found.is_empty() => {
            let named = |index: WrittenIndex| Some((index.name?.value, index.path?.value));
            let indexes = indexes.into_iter().filter_map(named).collect();
            Ok(Head { source: config.source, indexes })
        }
        _ => Err(found),
    }
}

/// Adds a file to the sources and gives its position, or the reason why it cannot be read.
fn read_file(
    path: &Path,
    sources: &mut Sources,
    found: &mut Vec<Diagnostic>,
) -> Result<u32, std::io::Error> {
    let bytes = std::fs::read(path)?;
    let file = sources.files.len() as u32;
    if u32::try_from(bytes.len()).is_err() {
        return Err(std::io::Error::other("it is larger than 4 GiB"));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let start = error.utf8_error().valid_up_to() as u32;
            let place = Place { file, start, end: start };
            let error_here = Diagnostic::error(place, "a byte that is not UTF-8");
            found.push(error_here.help("save the file as UTF-8"));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
    };
    sources.files.push((path.to_path_buf(), text));
    Ok(file)
}

fn unreadable(path: &Path, reason: &std::io::Error) -> String {
    match reason.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
        _ => format!("cannot read {}: {reason}", path.display()),
    }
}

/// Each name once, whatever its spelling.
fn repeated_names(indexes: &[WrittenIndex], found: &mut Vec<Diagnostic>) {
    let names: Vec<_> = indexes.iter().filter_map(|index| index.name.as_ref()).collect();
    for (position, name) in names.iter().enumerate() {
        if names[..position].iter().any(|other| other.value == name.value) {
            let message = format!("the index `{}` stands here twice", name.value);
            let error = Diagnostic::error(name.place, message);
            found.push(error.help("names are compared in lower case; choose another"));
        }
    }
}
