//! The body of `/metrics`: the Prometheus text format, the reference's names first.
//!
//! Kept things bear the names the plan gives them, so that a panel and `flusso plan` speak of
//! the same.

use std::fmt::{Display, Write};

use crate::status::{BUCKETS, Flushes, State};

/// The state as Prometheus reads it.
pub fn text(state: &State) -> String {
    let mut page = Page(String::new());
    let enabled = || state.indexes.iter().filter(|(_, index)| index.enabled);
    let by_index = |count: fn(&crate::status::IndexStatus) -> u64| {
        enabled().map(move |(name, index)| (Some(("index", name.as_str())), count(index)))
    };

    page.counter("changes_captured", "Row changes read from the stream", one(state.captured));
    let help = "Row changes whose documents are in every sink";
    page.counter("changes_committed", help, one(state.committed));
    let in_flight = state.captured - state.committed;
    page.gauge("changes_in_flight", "Row changes not yet in every sink", one(in_flight));
    page.counter("documents_built", "Documents written or deleted", by_index(|i| i.built));
    page.counter("batches", "Batches written to the sinks", one(state.batches));
    page.gauge("indexes", "Enabled indexes", one(enabled().count()));
    page.counter("indexes_seeded", "Times an index became complete", by_index(|i| i.seeded));
    let rejected = by_index(|i| i.quarantined).filter(|(_, count)| *count > 0);
    page.counter("documents_quarantined", "Documents rejected and passed over", rejected);
    page.counter("errors", "Errors", one(state.errors).filter(|(_, count)| *count > 0));
    page.flushes(&state.flushes);
    let lag = state.lag_bytes.map(|bytes| (None, bytes));
    page.gauge("replication_slot_lag_bytes", "WAL the slot has not confirmed", lag.into_iter());

    let help = "Age of the oldest commit that is not in every sink";
    page.gauge("replication_lag_seconds", help, one(state.lag.as_secs_f64()));
    let reading = &state.reading;
    let suppressed = reading.suppressed.iter().map(|(name, n)| (Some(("index", &**name)), *n));
    page.counter("documents_suppressed", "Documents found to be as before", suppressed);
    page.gauge("bytes_in_flight", "Bytes between workers and sinks", one(reading.in_flight));
    page.counter("rows_unkeyed", "Rows left out: a key is unreadable", one(reading.unkeyed));
    let records = reading.kept.iter().map(|(name, n, _)| (Some(("kept", &**name)), *n));
    page.gauge("kept_records", "Records held, by the plan's name", records);
    let bytes = reading.kept.iter().map(|(name, _, n)| (Some(("kept", &**name)), *n));
    page.gauge("kept_bytes", "Bytes held, by the plan's name", bytes);
    let rows = state.copies.iter().map(|(table, copy)| (Some(("table", &**table)), copy.rows));
    page.gauge("copy_rows", "Rows copied", rows);
    let of = state.copies.iter().filter_map(|(table, copy)| Some((&**table, copy.of?)));
    let of = of.map(|(table, of)| (Some(("table", table)), of));
    page.gauge("copy_rows_expected", "Rows to copy, by Postgres' statistics", of);
    page.info();
    page.0
}

type Label<'a> = Option<(&'static str, &'a str)>;

fn one<'a, T>(value: T) -> impl Iterator<Item = (Label<'a>, T)> {
    std::iter::once((None, value))
}

/// The text as it grows. Writing to a string cannot fail.
struct Page(String);

impl Page {
    fn counter<'a, T: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (Label<'a>, T)>,
    ) {
        self.metric(&format!("{name}_total"), "counter", help, samples);
    }

    fn gauge<'a, T: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (Label<'a>, T)>,
    ) {
        self.metric(name, "gauge", help, samples);
    }

    /// Nothing at all when there is no sample.
    fn metric<'a, T: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl Iterator<Item = (Label<'a>, T)>,
    ) {
        let mut first = true;
        for (label, value) in samples {
            if std::mem::take(&mut first) {
                self.head(name, kind, help);
            }
            let _ = match label {
                Some((key, text)) => {
                    writeln!(self.0, "flusso_{name}{{{key}=\"{}\"}} {value}", escape(text))
                }
                None => writeln!(self.0, "flusso_{name} {value}"),
            };
        }
    }

    fn flushes(&mut self, flushes: &Flushes) {
        let name = "flush_duration_seconds";
        self.head(name, "histogram", "Time to write a batch to every sink");
        let mut cumulative = 0;
        let bounds = BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(flushes.counts) {
            cumulative += count;
            let _ = writeln!(self.0, "flusso_{name}_bucket{{le=\"{bound}\"}} {cumulative}");
        }
        let _ = writeln!(self.0, "flusso_{name}_sum {}", flushes.total.as_secs_f64());
        let _ = writeln!(self.0, "flusso_{name}_count {cumulative}");
    }

    fn info(&mut self) {
        let version = env!("CARGO_PKG_VERSION");
        let labels = format!("service_name=\"flusso\",service_version=\"{version}\"");
        let _ = writeln!(self.0, "# HELP target_info The process\n# TYPE target_info gauge");
        let _ = writeln!(self.0, "target_info{{{labels}}} 1");
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP flusso_{name} {help}\n# TYPE flusso_{name} {kind}");
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
