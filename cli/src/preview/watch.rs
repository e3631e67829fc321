//! Waiting for a save: the config and the schema files it names, looked at a few times a second.
//!
//! Editors save in ways that no single notification covers (write, replace, move in place); the
//! time and the size of a file tell of all of them.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flusso_compiler::files;

use crate::args::Format;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(150);

/// Clears a terminal and goes to its first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// A file's time and size; none while it is not there.
type Stamp = Option<(SystemTime, u64)>;

/// The files as they were when last looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<PathBuf, Stamp>);

impl Seen {
    /// Looks at the config and what it names now.
    pub fn look(&mut self, config: &Path) {
        let text = std::fs::read_to_string(config).unwrap_or_default();
        let folder = config.parent().unwrap_or(Path::new(""));
        // Of a config that cannot be read, only the next save is of interest.
        let named = files::read_head(0, &text).map(|head| head.indexes).unwrap_or_default();
        let named = named.into_iter().map(|(_, path)| folder.join(path));
        let stamp = |path: PathBuf| {
            let about = std::fs::metadata(&path).ok();
            let stamp = about.and_then(|it| Some((it.modified().ok()?, it.len())));
            (path, stamp)
        };
        self.0 = std::iter::once(config.to_owned()).chain(named).map(stamp).collect();
    }

    /// Waits until a file is not as it was when last looked at.
    pub async fn changed(&self, config: &Path) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let mut now = Seen::default();
            now.look(config);
            if now != *self {
                return;
            }
        }
    }
}

/// A page of many: on a terminal it takes the place of the last.
pub fn page(page: &str, format: Format) -> String {
    match format {
        Format::Human if std::io::stdout().is_terminal() => format!("{CLEAR}{page}"),
        Format::Human => format!("{page}\n"),
        Format::Json => page.to_owned(),
    }
}
