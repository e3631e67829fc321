//! Log lines on stderr: for people on a terminal, JSON for whoever collects them.
//!
//! `RUST_LOG` chooses what is logged (default `info`), `FLUSSO_LOG_FORMAT` the form whatever
//! stderr is, and `NO_COLOR` takes the colours away. While bars are drawn a line has to push them
//! aside, so every line goes through the same [`MultiProgress`].

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

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One sentence a line, its fields behind it.
    Human,
    /// One object a line: `timestamp`, `level`, `fields`, `target`.
    Json,
}

impl Form {
    /// Of a process that is watched on a terminal, or else collected from.
    pub fn by_terminal() -> Form {
        if std::io::stderr().is_terminal() { Form::Human } else { Form::Json }
    }
}

static FORM: OnceLock<Form> = OnceLock::new();

/// Starts logging in this form unless `FLUSSO_LOG_FORMAT` names another. A second call changes
/// nothing.
pub fn start(form: Form) {
    let form = match std::env::var("FLUSSO_LOG_FORMAT").as_deref() {
        Ok("json") => Form::Json,
        Ok("human") => Form::Human,
        _ => form,
    };
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into());
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter.from_env_lossy()).with_writer(Lines);
    let done = match FORM.get_or_init(|| form) {
        Form::Json => logs.json().finish().try_init(),
        Form::Human => logs.with_ansi(colours()).with_target(false).finish().try_init(),
    };
    // Somebody else logs already: their lines, their form.
    let _ = done;
}

/// The last words of a command that could not do what was asked; the mark is for people.
pub fn last_words(mark: &str, text: &str) {
    match FORM.get() {
        Some(Form::Json) => tracing::error!("{text}"),
        Some(Form::Human) | None => bars().suspend(|| eprintln!("{mark}{text}")),
    }
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
