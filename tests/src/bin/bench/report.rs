//! The table: a line a measure, ours, theirs, the ratio (above 1 is better for us), the limit.

use std::fmt::Write;
use std::time::Duration;

use crate::Request;
use crate::limits::Limits;

/// What was measured of one binary.
pub struct Measures {
    /// From its start to the last document of the seed.
    pub seed: Duration,
    /// The most memory until then, in bytes.
    pub seed_peak: u64,
    /// By rising number of documents.
    pub fan_in: Vec<FanIn>,
    /// Single-row changes at pgbench's full speed, one and ten to a transaction.
    pub live: [Live; 2],
    /// Changes a second after a pause.
    pub backlog: f64,
    /// p50 and p99 at a thousand transactions a second.
    pub latency: (Duration, Duration),
    /// The most memory of all, in bytes.
    pub peak: u64,
}

/// One row under many documents.
pub struct FanIn {
    /// How many.
    pub documents: u64,
    /// From the commit to the last of them.
    pub time: Duration,
}

/// Changes at full speed.
pub struct Live {
    /// How many.
    pub changes: u64,
    /// From the end of the load to its last document.
    pub behind: Duration,
    /// Changes a second from its begin to its last document.
    pub rate: f64,
}

/// A measure, less of which is better.
struct Line {
    name: String,
    ours: f64,
    theirs: Option<f64>,
    show: fn(f64) -> String,
    less_is_better: bool,
    limit: String,
}

/// Everything as text.
pub fn table(
    request: &Request,
    ours: &Measures,
    theirs: Option<(&str, &Measures)>,
    limits: &Limits,
) -> String {
    let name = theirs.map_or("", |(name, _)| name);
    let mut text = format!("\n{:42}{:>12}{name:>20}{:>9}   limit\n", "", "flusso", "ratio");
    for line in lines(request, ours, theirs.map(|(_, theirs)| theirs), limits) {
        let shown = line.theirs.map_or_else(String::new, line.show);
        let ratio = line.theirs.map(|theirs| {
            if line.less_is_better {
                theirs / line.ours.max(1e-9)
            } else {
                line.ours / theirs.max(1e-9)
            }
        });
        let ratio = ratio.map_or_else(String::new, |ratio| {
            format!("{ratio:.*}×", usize::from(ratio < 10.0) + 1)
        });
        let ours = (line.show)(line.ours);
        let row = format!("{:42}{ours:>12}{shown:>20}{ratio:>9}   {}", line.name, line.limit);
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

fn lines(
    request: &Request,
    ours: &Measures,
    theirs: Option<&Measures>,
    limits: &Limits,
) -> Vec<Line> {
    let less =
        |name: String, show: fn(f64) -> String, of: &dyn Fn(&Measures) -> f64, limit: String| {
            Line { name, ours: of(ours), theirs: theirs.map(of), show, less_is_better: true, limit }
        };
    let more = |name: String, of: &dyn Fn(&Measures) -> f64, limit: String| Line {
        less_is_better: false,
        ..less(name, rate, of, limit)
    };
    let query = limits.query.map(|query| format!("; one query {}", seconds(query.as_secs_f64())));
    let copy = format!("COPY {}{}", seconds(limits.copy.as_secs_f64()), query.unwrap_or_default());
    let decode =
        limits.decode.map_or_else(String::new, |decode| format!("pg_recvlogical {}", rate(decode)));
    let mut lines = vec![less(
        format!("seed of {} documents", request.orders),
        seconds,
        &|m| m.seed.as_secs_f64(),
        copy,
    )];
    for (i, fan_in) in ours.fan_in.iter().enumerate() {
        let name = format!("one row under {} documents", fan_in.documents);
        lines.push(less(name, seconds, &move |m| m.fan_in[i].time.as_secs_f64(), String::new()));
    }
    for (i, of) in ["each a transaction", "ten to a transaction"].into_iter().enumerate() {
        let pgbench = ours.live[i].changes as f64 / f64::from(request.seconds);
        lines.push(more(
            format!("single-row changes, {of}"),
            &move |m| m.live[i].rate,
            format!("pgbench {}", rate(pgbench)),
        ));
        lines.push(less(
            "  behind pgbench at its end".into(),
            seconds,
            &move |m| m.live[i].behind.as_secs_f64(),
            String::new(),
        ));
    }
    lines.push(more("backlog after a pause".into(), &|m| m.backlog, decode));
    lines.push(less(
        "commit to line at 1,000/s, p50".into(),
        seconds,
        &|m| m.latency.0.as_secs_f64(),
        String::new(),
    ));
    lines.push(less(
        "commit to line at 1,000/s, p99".into(),
        seconds,
        &|m| m.latency.1.as_secs_f64(),
        String::new(),
    ));
    lines.push(less(
        "most memory during the seed".into(),
        megabytes,
        &|m| m.seed_peak as f64,
        String::new(),
    ));
    lines.push(less("most memory".into(), megabytes, &|m| m.peak as f64, String::new()));
    lines
}

fn seconds(value: f64) -> String {
    if value < 1.0 { format!("{:.1} ms", value * 1000.0) } else { format!("{value:.2} s") }
}

fn rate(value: f64) -> String {
    format!("{value:.0}/s")
}

fn megabytes(value: f64) -> String {
    format!("{:.0} MB", value / 1e6)
}
