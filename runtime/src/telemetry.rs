//! Log lines on stderr: coloured on a terminal, plain in a pipe, JSON on demand.
//!
//! `RUST_LOG` chooses what is logged (default `info`), `FLUSSO_LOG_FORMAT=json` the form, and
//! `NO_COLOR` takes the colours away. While bars are drawn a line has to push them aside, so
//! every line goes through the same [`MultiProgress`].

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// Where all bars of the process are drawn.
pub fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// Starts logging. A second call changes nothing.
pub fn start() {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into());
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter.from_env_lossy()).with_writer(Lines);
    let done = match std::env::var("FLUSSO_LOG_FORMAT").as_deref() {
        Ok("json") => logs.json().finish().try_init(),
        _ => logs.with_ansi(colours()).with_target(false).finish().try_init(),
    };
    // Somebody else logs already: their lines, their form.
    let _ = done;
}

/// Whether stderr takes colours.
pub fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::io::stderr().is_terminal()
}

/// Writes each line while the bars stand aside.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line
    }
}

struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        bars().suspend(|| std::io::stderr().write_all(line))?;
        Ok(line.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
