//! How a running flusso is asked to build an index anew, from what it keeps.

use std::sync::{Mutex, PoisonError};

/// Asks for it; false when the run has no such index.
type Ask = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Where it is asked for.
#[derive(Default)]
pub struct Rebuilds(Mutex<Option<Ask>>);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Every sink will begin one.
    Accepted,
    /// The index is not kept by this run.
    Disabled,
    /// There is no run to ask yet.
    NotRunning,
}

impl Rebuilds {
    /// Whom to ask.
    pub fn attach(&self, ask: impl Fn(&str) -> bool + Send + Sync + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(ask));
    }

    /// Asks for an index by its logical name.
    pub fn ask(&self, index: &str) -> Answer {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Answer::NotRunning,
            Some(ask) if ask(index) => Answer::Accepted,
            Some(_) => Answer::Disabled,
        }
    }
}
