//! The body of `/status`: the reference's keys, then ours.

use serde_json::{Map, Value, json};

use crate::status::State;

/// The state as `/status` tells it.
pub fn status(state: &State) -> Value {
    let built: u64 = state.indexes.values().map(|index| index.built).sum();
    let quarantined: u64 = state.indexes.values().map(|index| index.quarantined).sum();
    let suppressed: u64 = state.reading.suppressed.iter().map(|(_, count)| count).sum();
    let flush = u64::try_from(state.flushes.last.as_micros()).unwrap_or(u64::MAX);
    let copies = state
        .copies
        .iter()
        .map(|(table, copy)| (table.clone(), json!({ "rows": copy.rows, "of": copy.of })));
    let kept = state.reading.kept.iter().map(|(name, records, bytes)| {
        (name.clone(), json!({ "records": records, "bytes": bytes }))
    });
    json!({
        "phase": state.phase.name(),
        "uptime_seconds": state.uptime.as_secs(),
        "indexes": indexes(state),
        "changes_captured": state.captured,
        "changes_committed": state.committed,
        "changes_in_flight": state.captured - state.committed,
        "documents_built": built,
        "documents_quarantined": quarantined,
        "batches": state.batches,
        "last_flush_micros": flush,
        "slot_lag_bytes": state.lag_bytes,
        "errors": state.errors,
        "last_error": state.last_error,
        "documents_suppressed": suppressed,
        "bytes_in_flight": state.reading.in_flight,
        "rows_unkeyed": state.reading.unkeyed,
        "slot": state.retention.map(|slot| {
            json!({ "wal_held_bytes": slot.held, "wal_left_bytes": slot.left })
        }),
        "lag_seconds": state.lag.as_secs_f64(),
        "durable_lsn": lsn(state.durable),
        "copy": Map::from_iter(copies),
        "kept": Map::from_iter(kept),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Each index's state by its name: the body of `/indexes`.
pub fn indexes(state: &State) -> Value {
    let named = state.indexes.iter().map(|(name, index)| (name.clone(), index.state.name().into()));
    Value::Object(named.collect())
}

/// As Postgres writes it: `16/B374D848`.
pub fn lsn(at: u64) -> String {
    format!("{:X}/{:X}", at >> 32, at & 0xffff_ffff)
}
