//! Where a deployment comes from: the config and its schemas, or the lock made of them.

use std::path::{Path, PathBuf};

use flusso_compiler::catalog::Catalog;
use flusso_compiler::diagnostics::{Diagnostic, Sources};
use flusso_compiler::files::config::Config;
use flusso_compiler::plan::{self, Plan};
use flusso_compiler::{files, lock};

use crate::failure::{Failure, because};

/// A deployment, and the texts its places point into.
pub struct Deployment {
    /// What it says.
    pub config: Config,
    /// Empty when it was read from a lock.
    pub sources: Sources,
    /// The folder it was read from.
    pub folder: PathBuf,
}

impl Deployment {
    /// What would run, with the types and keys of a catalog if there is one.
    pub fn plan(&self, catalog: Option<&Catalog>) -> Result<Plan, Failure> {
        plan::build(&self.config, catalog).map_err(|found| findings(&self.sources, &found))
    }
}

/// What `run` runs.
#[derive(Debug, PartialEq, Eq)]
pub enum Origin {
    /// Compile this, and write the lock.
    Config(PathBuf),
    /// Read the lock.
    Lock,
}

/// Where `run` looks: a config that was named must be there; one that was not may be, and the
/// lock stands in for it.
pub fn origin(
    named: Option<PathBuf>,
    locked: bool,
    exists: impl Fn(&Path) -> bool,
) -> Result<Origin, Failure> {
    match named {
        _ if locked => Ok(Origin::Lock),
        Some(path) if exists(&path) => Ok(Origin::Config(path)),
        Some(path) => Err(because(format!("there is no {}", path.display()))),
        None if exists(Path::new("flusso.toml")) => Ok(Origin::Config("flusso.toml".into())),
        None => Ok(Origin::Lock),
    }
}

/// Reads the config and all its schemas, or says everything that is wrong with them.
pub fn compile(path: &Path) -> Result<Deployment, Failure> {
    let (sources, config) = files::load(path);
    match config {
        Ok(config) => Ok(Deployment { config, sources, folder: folder(path) }),
        Err(found) => Err(findings(&sources, &found)),
    }
}

/// Reads a lock.
pub fn read_lock(path: &Path) -> Result<Deployment, Failure> {
    let cannot = |why: String| {
        let path = path.display();
        because(format!("cannot read {path}: {why}; write it with `flusso build`"))
    };
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let config = lock::read(&bytes).map_err(|error| cannot(error.to_string()))?;
    Ok(Deployment { config, sources: Sources::default(), folder: folder(path) })
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

/// Writes a lock, whole or not at all.
pub fn write_lock(path: &Path, config: &Config) -> Result<(), Failure> {
    let cannot = |why: String| because(format!("cannot write {}: {why}", path.display()));
    let bytes = lock::write(config);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| cannot(error.to_string()))
}

/// Findings as they are read on stderr.
pub fn findings(sources: &Sources, found: &[Diagnostic]) -> Failure {
    Failure::Files(sources.render_all(found, flusso_runtime::telemetry::colours()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(path: &Path) -> bool {
        path == Path::new("flusso.toml") || path == Path::new("a.toml")
    }

    #[test]
    fn a_named_config_must_exist() {
        let config = |name: &str| Ok(Origin::Config(name.into()));
        assert_eq!(origin(Some("a.toml".into()), false, there), config("a.toml"));
        assert!(origin(Some("b.toml".into()), false, there).is_err());
    }

    #[test]
    fn without_a_name_the_usual_config_or_else_the_lock_is_taken() {
        assert_eq!(origin(None, false, there), Ok(Origin::Config("flusso.toml".into())));
        assert_eq!(origin(None, false, |_| false), Ok(Origin::Lock));
    }

    #[test]
    fn locked_looks_at_no_config() {
        assert_eq!(origin(None, true, there), Ok(Origin::Lock));
        assert_eq!(origin(Some("b.toml".into()), true, there), Ok(Origin::Lock));
    }
}
