//! The body of `/metrics`: the Prometheus text format, the reference's names first.
//!
//! Kept things bear the names the plan gives them, so that a panel and `flusso plan` speak of
//! the same.

use std::fmt::Display;

use super::memory;
use super::page::{Page, label, labels, one};
use crate::status::{IndexStatus, State};

/// The state as Prometheus reads it.
pub fn text(state: &State) -> String {
    let mut page = Page::default();
    reference(&mut page, state);
    lag(&mut page, state);
    documents(&mut page, state);
    dataflow(&mut page, state);
    progress(&mut page, state);
    page.gauge(
        "process_resident_memory_bytes",
        "Memory of the process",
        memory::resident().map(bare),
    );
    let version = env!("CARGO_PKG_VERSION");
    let process = labels(&[("service_name", "flusso"), ("service_version", version)]);
    page.gauge("target_info", "The process", one((process, 1)));
    page.text
}

/// What the reference tells, under its names.
fn reference(page: &mut Page, state: &State) {
    let enabled = || state.indexes.iter().filter(|(_, index)| index.enabled);
    let by_index = |count: fn(&IndexStatus) -> u64| {
        enabled().map(move |(name, index)| (label("index", name), count(index)))
    };
    let help = "Row changes read from the stream";
    page.counter("flusso_changes_captured_total", help, one(bare(state.captured)));
    let help = "Row changes whose documents are in every sink";
    page.counter("flusso_changes_committed_total", help, one(bare(state.committed)));
    let in_flight = state.captured - state.committed;
    let help = "Row changes not yet in every sink";
    page.gauge("flusso_changes_in_flight", help, one(bare(in_flight)));
    let built = enabled().map(|(name, _)| {
        (label("index", name), state.reading.indexes.get(name).map_or(0, |made| made.built))
    });
    page.counter("flusso_documents_built_total", "Documents made, deletions included", built);
    page.counter("flusso_batches_total", "Batches written to a sink", one(bare(state.batches)));
    page.gauge("flusso_indexes", "Enabled indexes", one(bare(enabled().count())));
    let seeded = by_index(|index| index.seeded);
    page.counter("flusso_indexes_seeded_total", "Times an index became complete", seeded);
    let rejected = by_index(|index| index.quarantined).filter(|(_, count)| *count > 0);
    let help = "Documents a sink rejected and the run passed over";
    page.counter("flusso_documents_quarantined_total", help, rejected);
    let errors = one(bare(state.errors)).filter(|(_, count)| *count > 0);
    page.counter("flusso_errors_total", "Things that went wrong", errors);
    let help = "Time a sink took to take a batch";
    page.flushes("flusso_flush_duration_seconds", help, &state.flushes);
    let help = "WAL the slot has not confirmed, sampled";
    page.gauge("flusso_replication_slot_lag_bytes", help, state.lag_bytes.map(bare));
}

/// How far behind each stage and each sink is, and what is waited for.
fn lag(page: &mut Page, state: &State) {
    let stages = || {
        let known = state.lags.iter().filter_map(|(stage, lag)| Some((stage.name(), (*lag)?)));
        known.map(|(stage, lag)| (label("stage", stage), lag))
    };
    let help = "WAL between a stage and the server's end";
    page.gauge("flusso_lag_bytes", help, stages().map(|(of, lag)| (of, lag.bytes)));
    let help = "Age of the oldest commit that a stage has not passed";
    page.gauge("flusso_lag_seconds", help, stages().map(|(of, lag)| (of, lag.age.as_secs_f64())));
    let slot = state.reading.retention;
    let help = "WAL that the slot keeps Postgres from removing";
    page.gauge("flusso_slot_wal_held_bytes", help, slot.and_then(|slot| slot.held).map(bare));
    let help = "WAL that may still be written before Postgres gives the slot up";
    page.gauge("flusso_slot_wal_left_bytes", help, slot.and_then(|slot| slot.left).map(bare));
    let help = "Disk that the state takes";
    page.gauge("flusso_state_bytes", help, state.reading.state.map(|it| bare(it.bytes)));
    let sinks = || {
        let known = state.sinks.iter().filter_map(|(name, sink)| Some((name, sink.lag?)));
        known.map(|(name, lag)| (label("sink", name), lag))
    };
    let help = "WAL between what a sink has and the server's end";
    page.gauge("flusso_sink_lag_bytes", help, sinks().map(|(of, lag)| (of, lag.bytes)));
    let help = "Age of the oldest commit that a sink does not have";
    let ages = sinks().map(|(of, lag)| (of, lag.age.as_secs_f64()));
    page.gauge("flusso_sink_lag_seconds", help, ages);
    let waiting = state.retries.keys().map(|who| {
        let wait = state.waits.iter().find(|wait| wait.who == *who);
        (label("who", who), wait.map_or(0.0, |wait| wait.since.as_secs_f64()))
    });
    let help = "How long a server has been waited for; 0 when it is not";
    page.gauge("flusso_waiting_seconds", help, waiting);
    let retries = state.retries.iter().map(|(who, count)| (label("who", who), *count));
    page.counter("flusso_retries_total", "Attempts that failed and were made again", retries);
}

/// What became of documents, by index and sink.
fn documents(page: &mut Page, state: &State) {
    let made = state.reading.indexes.iter();
    let suppressed = made.map(|(name, made)| (label("index", name), made.suppressed));
    let help = "Documents found to be as before, and not sent";
    page.counter("flusso_documents_suppressed_total", help, suppressed);
    let sent = state.sinks.iter().flat_map(|(sink, it)| {
        let sent = it.sent.iter();
        sent.map(move |(index, count)| (labels(&[("index", index), ("sink", sink)]), *count))
    });
    let help = "Documents given to a sink, deletions included";
    page.counter("flusso_documents_sent_total", help, sent);
    let sinks = || state.sinks.iter().map(|(name, sink)| (label("sink", name), sink));
    let help = "Documents that a sink already held a newer version of";
    let superseded = sinks().map(|(of, sink)| (of, sink.superseded));
    page.counter("flusso_documents_superseded_total", help, superseded);
    let rejected = sinks().map(|(of, sink)| (of, sink.rejected));
    page.counter("flusso_documents_rejected_total", "Documents a sink refused", rejected);
    let help = "Bytes sent to a sink, repetitions included";
    page.counter("flusso_sink_bytes_total", help, sinks().map(|(of, sink)| (of, sink.bytes)));
}

/// What is kept, how long the parts worked, and what waits between them.
fn dataflow(page: &mut Page, state: &State) {
    let reading = &state.reading;
    let kept = || reading.kept.iter().map(|kept| (label("kept", &kept.name), kept));
    let records = kept().map(|(of, kept)| (of, kept.records));
    page.gauge("flusso_kept_records", "Rows or groups held, by the plan's name", records);
    let bytes = kept().map(|(of, kept)| (of, kept.bytes));
    page.gauge("flusso_kept_bytes", "Bytes held, by the plan's name", bytes);
    let nodes = reading.kept.iter().map(|kept| (kept.name.as_str(), kept.busy));
    let busy = nodes.chain(reading.parts.iter().copied());
    let busy = busy.map(|(name, busy)| (label("node", name), busy.as_secs_f64()));
    let help = "Time worked by a node of the plan, all workers together";
    page.counter("flusso_busy_seconds_total", help, busy);
    let help = "Rows left out because a key could not be read";
    page.counter("flusso_rows_unkeyed_total", help, one(bare(reading.unkeyed)));
    let (waiting, limit) = reading.queue;
    let help = "Batches between Postgres and the dataflow";
    page.gauge("flusso_queue_batches", help, one(bare(waiting)));
    page.gauge("flusso_queue_batches_limit", "How many there may be", one(bare(limit)));
    page.gauge("flusso_rows_waiting", "Rows waiting for the workers", one(bare(reading.waiting)));
    let help = "Bytes of documents between the workers and the sinks";
    page.gauge("flusso_document_bytes_in_flight", help, one(bare(reading.in_flight)));
}

/// Long work.
fn progress(page: &mut Page, state: &State) {
    let rows = state.copies.iter().map(|(table, copy)| (label("table", table), copy.rows));
    page.gauge("flusso_copy_rows", "Rows copied", rows);
    let of = state.copies.iter();
    let of = of.filter_map(|(table, copy)| Some((label("table", table), copy.of?)));
    page.gauge("flusso_copy_rows_expected", "Rows to copy, by Postgres' statistics", of);
    let fills = || {
        let fills = state.works.iter().filter(|work| work.what == "fill");
        fills.filter_map(|work| Some((label("index", work.index.as_deref()?), work)))
    };
    let done = fills().map(|(of, work)| (of, work.done));
    page.gauge("flusso_fill_documents", "Documents walked by the fill", done);
    let of = fills().filter_map(|(of, work)| Some((of, work.of?)));
    page.gauge("flusso_fill_documents_expected", "Documents to walk", of);
    let left = state.works.iter().filter(|work| !work.finished()).filter_map(|work| {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        let (index, sink) = (name(&work.index), name(&work.sink));
        let of = labels(&[("work", work.what), ("index", &index), ("sink", &sink)]);
        Some((of, work.left()?.as_secs_f64()))
    });
    let help = "How long work that is under way will still take";
    page.gauge("flusso_work_seconds_left", help, left);
}

/// A sample without labels.
fn bare<T: Display>(value: T) -> (String, T) {
    (String::new(), value)
}
