//! Where rows enter the dataflow: one channel a worker, emptied as far as it can be digested.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, PoisonError};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::CapabilitySet;
use timely::dataflow::operators::generic::source;
use timely::dataflow::{Scope, Stream};

use crate::Lsn;
use crate::encode::Message;
use crate::feed::{Input, Waiting, Wake};

/// Rows taken before the operators behind get their turn.
const GULP: usize = 64 * 1024;

/// The deltas a worker is sent. Its frontier is what the feeder has closed.
pub fn deltas<'scope>(
    scope: Scope<'scope, Lsn>,
    wake: &Wake,
    waiting: &Waiting,
    receiver: Receiver<Input>,
) -> Stream<'scope, Lsn, Vec<Message>> {
    let (waiting, wake) = (Arc::clone(waiting), Arc::clone(wake));
    source::<_, CapacityContainerBuilder<Vec<Message>>, _, _>(scope, "feed", move |first, info| {
        let address = info.address.to_vec();
        *wake.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(scope.worker().sync_activator_for(address));
        let again = scope.activator_for(info.address);
        let mut capabilities = CapabilitySet::from_elem(first);
        move |output| {
            let mut taken = 0;
            loop {
                match receiver.try_recv() {
                    Ok(Input::Deltas(sent)) => {
                        taken += sent.deltas.len();
                        waiting.fetch_sub(sent.deltas.len(), Relaxed);
                        let capability = capabilities.delayed(&sent.at);
                        output.session(&capability).give(Rc::new(sent));
                    }
                    Ok(Input::Closed(time)) => capabilities.downgrade([time]),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        capabilities.downgrade::<Lsn, _>([]);
                        break;
                    }
                }
                if taken > GULP {
                    again.activate();
                    break;
                }
            }
        }
    })
}
