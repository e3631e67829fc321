//! Reads a page of the Prometheus text format as strictly as the format is written down: one
//! block a metric, help and type before the samples, no sample twice, counters named `_total`.

use std::collections::{BTreeMap, BTreeSet};

/// The samples by name and labels, or what is wrong with the page and in which line.
pub fn read(page: &str) -> Result<BTreeMap<String, f64>, String> {
    let mut samples = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let (mut helped, mut metric, mut kind) = ("", "", "");
    if !page.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    for line in page.lines() {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else { return wrong("no help") };
            if !is_name(name, true) || help.is_empty() || !seen.insert(name) {
                return wrong("not a new metric with a help text");
            }
            (helped, metric, kind) = (name, "", "");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, is)) = rest.split_once(' ') else { return wrong("no type") };
            let known = ["counter", "gauge", "histogram"].contains(&is);
            if name != helped || !metric.is_empty() || !known {
                return wrong("not the type of what was helped");
            }
            if (is == "counter") != name.ends_with("_total") {
                return wrong("counters and nothing else end in _total");
            }
            (metric, kind) = (name, is);
        } else {
            let (name, labels, value) = sample(line)?;
            let parts = ["_bucket", "_sum", "_count"];
            let part = name.strip_prefix(metric).is_some_and(|it| parts.contains(&it));
            let fits = if kind == "histogram" { part } else { name == metric };
            if metric.is_empty() || !fits {
                return wrong("a sample outside of its block");
            }
            if kind != "gauge" && (value < 0.0 || value.is_nan()) {
                return wrong("not a count");
            }
            if samples.insert(format!("{name}{labels}"), value).is_some() {
                return wrong("twice");
            }
        }
    }
    histograms(&samples)?;
    Ok(samples)
}

/// Name, labels as written, and value.
fn sample(line: &str) -> Result<(&str, &str, f64), String> {
    let wrong = |what: &str| format!("{what}: {line}");
    let end = line.find(['{', ' ']).ok_or_else(|| wrong("no value"))?;
    let (name, rest) = line.split_at(end);
    if !is_name(name, true) {
        return Err(wrong("not a name"));
    }
    let (labels, value) = match rest.starts_with('{') {
        true => rest.split_at(after_labels(rest).ok_or_else(|| wrong("labels"))?),
        false => ("", rest),
    };
    let value = value.strip_prefix(' ').ok_or_else(|| wrong("no blank"))?;
    let number = match value {
        "+Inf" => f64::INFINITY,
        "NaN" => f64::NAN,
        value => value.parse().map_err(|_| wrong("not a number"))?,
    };
    Ok((name, labels, number))
}

/// Where `{a="…",b="…"}` ends; none when it is not of that form.
fn after_labels(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        let (name, _) = text[at..].split_once('=')?;
        if !is_name(name, false) {
            return None;
        }
        at += name.len() + 1;
        let mut escaped = false;
        let value = text[at..].strip_prefix('"')?;
        let end = value.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        at += end + 2;
        match text[at..].chars().next()? {
            ',' => at += 1,
            '}' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn is_name(name: &str, colons: bool) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    name.chars().all(word) && name.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

/// Buckets grow and end with all.
fn histograms(samples: &BTreeMap<String, f64>) -> Result<(), String> {
    for (name, all) in samples.iter().filter(|(name, _)| name.ends_with("_bucket{le=\"+Inf\"}")) {
        let base = name.trim_end_matches("_bucket{le=\"+Inf\"}");
        if samples.get(&format!("{base}_count")) != Some(all) {
            return Err(format!("{base}_count is not its last bucket"));
        }
        let bound = |name: &str| -> Option<f64> {
            let bound = name.strip_prefix(base)?.strip_prefix("_bucket{le=\"")?;
            bound.strip_suffix("\"}")?.parse().ok()
        };
        let mut buckets: Vec<(f64, f64)> =
            samples.iter().filter_map(|(name, count)| Some((bound(name)?, *count))).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !buckets.is_sorted_by(|a, b| a.1 <= b.1) {
            return Err(format!("{base}: the buckets do not grow"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_or_refused() {
        let good =
            "# HELP a_total x\n# TYPE a_total counter\na_total{k=\"a\\\"},b\"} 1\na_total 2\n";
        let samples = read(good).expect("a good page");
        assert_eq!(samples["a_total{k=\"a\\\"},b\"}"], 1.0);
        for (bad, why) in [
            ("a 1\n", "no block"),
            ("# HELP a x\n# TYPE a counter\na 1\n", "a counter without _total"),
            ("# HELP a x\n# TYPE a gauge\na 1\na 2\n", "twice"),
            ("# HELP a x\n# TYPE a gauge\na{1=\"\"} 1\n", "no name of a label"),
            ("# HELP a x\n# TYPE a gauge\na{k=\"\\\"} 1\n", "an open label"),
            ("# HELP a x\n# TYPE a gauge\na 1", "no line end"),
            ("# HELP a x\n# TYPE a gauge\na one\n", "no number"),
            ("# HELP a x\n# TYPE a gauge\n# HELP b x\n# TYPE b gauge\na 1\n", "another block"),
        ] {
            assert!(read(bad).is_err(), "{why}");
        }
    }
}
