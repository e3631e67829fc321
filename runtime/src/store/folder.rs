//! The state folder: whose it is, in which format, and that one process has it.
//!
//! ```text
//!  flusso-state/
//!    format     "flusso state 1": a folder without it and not empty is somebody else's
//!    lock       locked as long as a process uses it
//!    rows/      the tables and what is known of them
//! ```
//!
//! Others may keep files of their own beside these; only `rows` is thrown away by a rebuild.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::StateError;

/// What the folder holds is read by versions that know this number.
const FORMAT: u32 = 1;
const MARK: &str = "flusso state ";

/// A folder that is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and takes it. With `rebuild`, what it held is forgotten.
    pub(crate) fn open(path: &Path, rebuild: bool) -> Result<Folder, StateError> {
        let unwritable = |error: std::io::Error| StateError::Unwritable {
            path: path.to_owned(),
            cause: error.to_string(),
        };
        fs::create_dir_all(path).map_err(unwritable)?;
        let found = match fs::read(path.join("format")) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(unwritable(error)),
        };
        if found.is_none() && others(path).map_err(unwritable)? {
            return Err(StateError::Foreign { path: path.to_owned() });
        }
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Taken { path: path.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let folder = Folder { path: path.to_owned(), _lock: lock };
        match found {
            Some(bytes) => folder.check(&bytes, rebuild)?,
            None => folder.mark().map_err(unwritable)?,
        }
        if rebuild {
            folder.forget().map_err(unwritable)?;
        }
        Ok(folder)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the rows are.
    pub(crate) fn rows(&self) -> PathBuf {
        self.path.join("rows")
    }

    fn check(&self, found: &[u8], rebuild: bool) -> Result<(), StateError> {
        let path = self.path.clone();
        let said = String::from_utf8_lossy(found);
        match said.strip_prefix(MARK).and_then(|format| format.trim_end().parse().ok()) {
            Some(FORMAT) => Ok(()),
            _ if rebuild => Ok(()),
            Some(format) if format > FORMAT => Err(StateError::Newer { path, format }),
            _ => {
                Err(StateError::Damaged { path, what: "its file `format` says nothing".to_owned() })
            }
        }
    }

    /// Whole or not at all.
    fn mark(&self) -> std::io::Result<()> {
        let beside = self.path.join("format.new");
        let mut file = File::create(&beside)?;
        writeln!(file, "{MARK}{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&beside, self.path.join("format"))?;
        File::open(&self.path)?.sync_all()
    }

    fn forget(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(self.rows()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.mark()
    }
}

/// Whether there is anything in it that opening a folder for the first time does not leave there.
fn others(path: &Path) -> std::io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if !["lock", "format.new", "lost+found"].iter().any(|ours| name == *ours) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Scratch;

    #[test]
    fn one_process_has_it() {
        let scratch = Scratch::new("taken");
        let first = Folder::open(&scratch.0, false).unwrap();
        let second = Folder::open(&scratch.0, false).unwrap_err();
        assert_eq!(second, StateError::Taken { path: scratch.0.clone() });
        drop(first);
        Folder::open(&scratch.0, false).unwrap();
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let scratch = Scratch::new("foreign");
        fs::create_dir_all(&scratch.0).unwrap();
        fs::write(scratch.0.join("letter"), "dear").unwrap();
        for rebuild in [false, true] {
            let error = Folder::open(&scratch.0, rebuild).unwrap_err();
            assert_eq!(error, StateError::Foreign { path: scratch.0.clone() });
        }
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
    }

    #[test]
    fn a_newer_or_unreadable_format_is_refused_until_rebuilt() {
        let scratch = Scratch::new("format");
        drop(Folder::open(&scratch.0, false).unwrap());
        fs::create_dir(scratch.0.join("rows")).unwrap();
        fs::write(scratch.0.join("format"), "flusso state 2\n").unwrap();
        let error = Folder::open(&scratch.0, false).unwrap_err();
        assert_eq!(error, StateError::Newer { path: scratch.0.clone(), format: 2 });
        fs::write(scratch.0.join("format"), "\0\0\0").unwrap();
        let error = Folder::open(&scratch.0, false).unwrap_err();
        assert!(matches!(error, StateError::Damaged { .. }), "{error}");
        drop(Folder::open(&scratch.0, true).unwrap());
        assert!(!scratch.0.join("rows").exists());
        drop(Folder::open(&scratch.0, false).unwrap());
    }
}
