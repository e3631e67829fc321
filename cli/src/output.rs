//! Standard output: reports go there, whole, and a reader who leaves early is no error.

use std::io::{ErrorKind, IsTerminal, Write};

use crate::failure::Failure;

/// Writes a report.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::Unread),
        Err(error) => Err(Failure::Because(format!("standard output: {error}"))),
    }
}

/// How things are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Headings, names.
    Bold,
    /// What is less important.
    Dim,
    /// Good.
    Green,
    /// Doubtful.
    Yellow,
    /// Wrong.
    Red,
}

/// Whether and how text is coloured.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    /// For standard output: on a terminal without `NO_COLOR`.
    pub fn stdout() -> Paint {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint(!refused && std::io::stdout().is_terminal())
    }

    /// No colour at all.
    #[cfg(test)]
    pub fn plain() -> Paint {
        Paint(false)
    }

    /// Whether there is any colour.
    pub fn colours(self) -> bool {
        self.0
    }

    /// The text, marked.
    pub fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Green => 32,
            Ink::Yellow => 33,
            Ink::Red => 31,
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
