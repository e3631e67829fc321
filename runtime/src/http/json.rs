//! The body of `/status`: the reference's keys, then ours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::memory;
use crate::lag::{Lag, lsn};
use crate::status::{SinkStatus, State};
use crate::work::Work;

/// The state as `/status` tells it.
pub fn status(state: &State) -> Value {
    let reading = &state.reading;
    let mut told = json!({
        "phase": state.phase.name(),
        "uptime_seconds": state.uptime.as_secs(),
        "indexes": indexes(state),
        "changes_captured": state.captured,
        "changes_committed": state.committed,
        "changes_in_flight": state.captured - state.committed,
        "documents_built": reading.indexes.values().map(|made| made.built).sum::<u64>(),
        "documents_quarantined": state.indexes.values().map(|it| it.quarantined).sum::<u64>(),
        "batches": state.batches,
        "last_flush_micros": u64::try_from(state.flushes.last.as_micros()).unwrap_or(u64::MAX),
        "slot_lag_bytes": state.lag_bytes,
        "errors": state.errors,
        "last_error": state.last_error,
    });
    let lags = state.lags.iter().map(|(stage, it)| (stage.name(), it.as_ref().map(lag)));
    let parts = reading.parts.iter().map(|(name, busy)| (*name, busy.as_secs_f64()));
    let kept = reading.kept.iter().map(|it| {
        let busy = it.busy.as_secs_f64();
        let numbers = json!({ "records": it.records, "bytes": it.bytes, "busy_seconds": busy });
        (it.name.as_str(), numbers)
    });
    let documents = reading.indexes.iter().map(|(name, made)| {
        let quarantined = state.indexes.get(name).map_or(0, |it| it.quarantined);
        let numbers = json!({
            "roots": made.roots,
            "built": made.built,
            "suppressed": made.suppressed,
            "quarantined": quarantined,
        });
        (name.as_str(), numbers)
    });
    let copy =
        state.copies.iter().map(|(table, it)| (table, json!({ "rows": it.rows, "of": it.of })));
    let waits = state
        .waits
        .iter()
        .map(|it| json!({ "who": it.who, "what": it.what, "seconds": it.since.as_secs_f64() }));
    let ours = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "memory_bytes": memory::resident(),
        "server_lsn": lsn(reading.server),
        "slot": reading.retention.map(|slot| {
            json!({ "wal_held_bytes": slot.held, "wal_left_bytes": slot.left })
        }),
        "state": reading.state.map(|state| {
            json!({ "bytes": state.bytes, "watermark": state.watermark.map(lsn) })
        }),
        "lag": object(lags),
        "sinks": object(state.sinks.iter().map(|(name, it)| (name, sink(it)))),
        "documents": object(documents),
        "waiting_for": waits.collect::<Value>(),
        "retries": state.retries,
        "work": state.works.iter().map(work).collect::<Value>(),
        "copy": object(copy),
        "queues": {
            "captured_batches": reading.queue.0,
            "captured_batches_limit": reading.queue.1,
            "rows_waiting": reading.waiting,
            "document_bytes_in_flight": reading.in_flight,
        },
        "rows_unkeyed": reading.unkeyed,
        "kept": object(kept),
        "busy_seconds": object(parts),
    });
    if let (Value::Object(told), Value::Object(ours)) = (&mut told, ours) {
        told.extend(ours);
    }
    told
}

/// Each index's state by its name: the body of `/indexes`.
pub fn indexes(state: &State) -> Value {
    object(state.indexes.iter().map(|(name, index)| (name, index.state.name())))
}

fn object<K: ToString, V: Into<Value>>(pairs: impl Iterator<Item = (K, V)>) -> Value {
    let pairs: BTreeMap<String, Value> =
        pairs.map(|(key, value)| (key.to_string(), value.into())).collect();
    json!(pairs)
}

fn lag(lag: &Lag) -> Value {
    json!({ "lsn": lsn(lag.at), "bytes": lag.bytes, "seconds": lag.age.as_secs_f64() })
}

fn sink(sink: &SinkStatus) -> Value {
    json!({
        "lag": sink.lag.as_ref().map(lag),
        "documents_sent": sink.sent,
        "documents_superseded": sink.superseded,
        "documents_rejected": sink.rejected,
        "bytes_sent": sink.bytes,
    })
}

fn work(work: &Work) -> Value {
    json!({
        "what": work.what,
        "index": work.index,
        "sink": work.sink,
        "unit": work.unit,
        "done": work.done,
        "of": work.of,
        "finished": work.finished(),
        "seconds": work.took().as_secs_f64(),
        "per_second": work.rate(),
        "seconds_left": work.left().map(|left| left.as_secs_f64()),
    })
}
