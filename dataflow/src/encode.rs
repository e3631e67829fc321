//! From changes of rows to updates of one arrangement.
//!
//! What no document shows is gone before it is arranged: where the projected key and value of the
//! old and the new row are equal there is no update, and nothing downstream hears of it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use flusso_compiler::plan::TableId;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

use crate::Lsn;
use crate::eval::Scratch;
use crate::feed::{Delta, Deltas};
use crate::measure::Live;
use crate::order::BadValue;
use crate::row::{Datum, Row, split};
use crate::spine::{Diff, Update};
use crate::tally::{Tallies, TallyProgram};
use crate::value::Encoder;

/// One message to all arrangements on a worker.
pub type Message = Rc<Deltas>;

/// Updates of an arrangement of rows.
pub fn rows<'scope>(
    deltas: Stream<'scope, Lsn, Vec<Message>>,
    table: TableId,
    name: &str,
    encoder: Encoder,
    live: Arc<Live>,
) -> Stream<'scope, Lsn, Vec<Update<i64>>> {
    let mut scratch = Vec::new();
    updates(deltas, table, name, live, move |at, delta, give| {
        let [old, new] = [&delta.old, &delta.new]
            .map(|row| project(row, |row| encoder.encode(row, &mut scratch)));
        let (old, new) = (old?, new?);
        if old != new {
            old.into_iter().for_each(|pair| give((pair, at, -1)));
            new.into_iter().for_each(|pair| give((pair, at, 1)));
        }
        Ok(())
    })
}

/// Updates of a reduction: the tallies of a row ride in the diff, under its key and no value.
pub fn tallies<'scope>(
    deltas: Stream<'scope, Lsn, Vec<Message>>,
    table: TableId,
    name: &str,
    encoder: Encoder,
    program: TallyProgram,
    live: Arc<Live>,
) -> Stream<'scope, Lsn, Vec<Update<Tallies>>> {
    let (mut bytes, mut scratch) = (Vec::new(), Scratch::default());
    let counts = Arc::clone(&live);
    updates(deltas, table, name, live, move |at, delta, give| {
        let mut counted = |row: &[Datum<'_>]| -> Result<Option<(Row, Tallies)>, BadValue> {
            let key = encoder.key(row, &mut bytes)?;
            Ok(key.map(|key| (key, program.of(row, &mut scratch))))
        };
        let [old, new] = [&delta.old, &delta.new].map(|row| project(row, &mut counted));
        if let Some(failures) = scratch.failures() {
            counts.failed(&failures);
        }
        let (old, new) = (old?, new?);
        if old != new {
            let old = old.map(|(key, mut tallies)| {
                tallies.times(-1);
                (key, tallies)
            });
            for (key, tallies) in old.into_iter().chain(new) {
                if !tallies.is_zero() {
                    give(((key, Row::default()), at, tallies));
                }
            }
        }
        Ok(())
    })
}

/// What `make` makes of a row, if there is one.
fn project<T>(
    row: &Option<Row>,
    make: impl FnOnce(&[Datum<'_>]) -> Result<Option<T>, BadValue>,
) -> Result<Option<T>, BadValue> {
    match row {
        None => Ok(None),
        Some(row) => make(&split(&row.0)),
    }
}

/// The operator both share: picks its table's deltas and counts rows that cannot be keyed.
fn updates<'scope, R: Diff>(
    deltas: Stream<'scope, Lsn, Vec<Message>>,
    table: TableId,
    name: &str,
    live: Arc<Live>,
    mut make: impl FnMut(Lsn, &Delta, &mut dyn FnMut(Update<R>)) -> Result<(), BadValue> + 'static,
) -> Stream<'scope, Lsn, Vec<Update<R>>> {
    deltas.unary(Pipeline, name, move |_, _| {
        move |input, output| {
            input.for_each(|capability, messages| {
                let mut session = output.session(&capability);
                for message in messages.drain(..).filter(|message| message.table == table) {
                    for delta in &message.deltas {
                        if make(message.at, delta, &mut |update| session.give(update)).is_err() {
                            live.unkeyed.fetch_add(1, Relaxed);
                        }
                    }
                }
            });
        }
    })
}
