//! How long each part of the dataflow has worked: timely's own log of when an operator ran, added
//! up by the plan's names.
//!
//! A part is one kept thing (its encoding, arranging and publishing), or one of [`OTHERS`]. Which
//! operator belongs to which part is known from the order they were built in, the same on every
//! worker. The log is read on the worker itself, so nothing is done there but adding integers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use timely::logging::{StartStop, TimelyEvent, TimelyEventBuilder};
use timely::worker::Worker;

use crate::measure::Live;

/// The parts beside the kept things, in the order a change meets them: rows coming in, root keys
/// found, documents assembled.
pub const OTHERS: [&str; 3] = ["feed", "propagate", "assemble"];

/// Whose an operator is, by its identifier; filled in while operators are built.
#[derive(Clone, Default)]
pub(crate) struct Parts(Rc<RefCell<Vec<Option<usize>>>>);

impl Parts {
    /// Every operator built since the last call belongs to this part, or to none.
    pub(crate) fn built(&self, worker: &Worker, part: Option<usize>) {
        self.0.borrow_mut().resize(worker.peek_identifier(), part);
    }
}

/// Follows a worker's log; to be called before its dataflow is built.
pub(crate) fn follow(worker: &Worker, live: Arc<Live>) -> Parts {
    let parts = Parts::default();
    let whose = parts.clone();
    // Operators that are of a part do not run within each other.
    let mut began = Duration::ZERO;
    let add = move |_: &Duration, events: &mut Option<Vec<(Duration, TimelyEvent)>>| {
        let whose = whose.0.borrow();
        for (at, event) in events.iter().flatten() {
            let TimelyEvent::Schedule(schedule) = event else { continue };
            let Some(Some(part)) = whose.get(schedule.id) else { continue };
            match schedule.start_stop {
                StartStop::Start => began = *at,
                StartStop::Stop => {
                    let took = at.saturating_sub(began).as_nanos();
                    live.busy[*part].fetch_add(u64::try_from(took).unwrap_or(u64::MAX), Relaxed);
                }
            }
        }
    };
    if let Some(mut log) = worker.log_register() {
        log.insert::<TimelyEventBuilder, _>("timely", add);
    }
    parts
}
