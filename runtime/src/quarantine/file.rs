//! The quarantine on disk: one JSON line for each that comes, and for each that goes.
//!
//! Lines are appended and synced before anything counts on them. A torn last line is what a crash
//! leaves of a batch that was never confirmed, and is cut off. When most lines say nothing any
//! more the file is written anew beside itself and renamed over, so it is whole at any moment.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Entry, Key, QuarantineError};

/// Lines beyond twice the entries, at which the file is written anew.
const SLACK: usize = 1000;

/// What a line says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// It was rejected; the last one of a key counts.
    Put(Entry),
    /// It was taken.
    Gone(Key),
}

/// The open file.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    file: fs::File,
    lines: usize,
}

impl File {
    /// Opens it and reads what is in it, in the order of the keys.
    pub fn open(path: &Path) -> Result<(File, Vec<Entry>), QuarantineError> {
        let failed = |reason: String| QuarantineError { path: path.to_owned(), reason };
        let told = |error: io::Error| failed(error.to_string());
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(told(error)),
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut entries: BTreeMap<Key, Entry> = BTreeMap::new();
        let mut lines = 0;
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            lines += 1;
            match serde_json::from_slice(line) {
                Ok(Line::Put(entry)) => drop(entries.insert(entry.key.clone(), entry)),
                Ok(Line::Gone(key)) => drop(entries.remove(&key)),
                Err(error) => return Err(failed(format!("line {lines}: {error}"))),
            }
        }
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(told)?;
        file.set_len(whole as u64).map_err(told)?;
        Ok((File { path: path.to_owned(), file, lines }, entries.into_values().collect()))
    }

    /// Appends lines; `entries` are all there are with them. On disk when this returns.
    pub fn write(
        &mut self,
        lines: &[Line],
        entries: &BTreeMap<Key, Entry>,
    ) -> Result<(), QuarantineError> {
        self.lines += lines.len();
        let written = if self.lines > 2 * entries.len() + SLACK {
            self.anew(entries)
        } else {
            self.append(lines)
        };
        written
            .map_err(|error| QuarantineError { path: self.path.clone(), reason: error.to_string() })
    }

    fn append(&mut self, lines: &[Line]) -> io::Result<()> {
        self.file.write_all(&text(lines.iter())?)?;
        self.file.sync_data()
    }

    fn anew(&mut self, entries: &BTreeMap<Key, Entry>) -> io::Result<()> {
        let beside = self.path.with_extension("part");
        let mut file = fs::File::create(&beside)?;
        let lines: Vec<Line> = entries.values().cloned().map(Line::Put).collect();
        file.write_all(&text(lines.iter())?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::File::open(folder)?.sync_all()?;
        }
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.lines = lines.len();
        Ok(())
    }
}

fn text<'a>(lines: impl Iterator<Item = &'a Line>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}
