//! The Prometheus text format: each metric once, its help and type before its samples.
//!
//! A metric without samples is left out whole. Names and help texts are constants and hold
//! nothing that wants escaping; label values may hold anything.

use std::fmt::{Display, Write};

use crate::status::{BUCKETS, Flushes};

/// A page as it grows. Writing to a string cannot fail.
#[derive(Default)]
pub struct Page {
    /// What has been written.
    pub text: String,
}

/// One sample.
pub fn one<T>(sample: T) -> impl Iterator<Item = T> {
    std::iter::once(sample)
}

/// `{key="value"}`
pub fn label(key: &str, value: &str) -> String {
    labels(&[(key, value)])
}

/// `{a="1",b="2"}`; an empty value is the same as no label.
pub fn labels(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

impl Page {
    /// A number that only grows; its name ends in `_total`.
    pub fn counter<T: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, T)>,
    ) {
        self.metric(name, "counter", help, samples);
    }

    /// A number that comes and goes.
    pub fn gauge<T: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, T)>,
    ) {
        self.metric(name, "gauge", help, samples);
    }

    fn metric<T: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, T)>,
    ) {
        let mut first = true;
        for (labels, value) in samples {
            if std::mem::take(&mut first) {
                self.head(name, kind, help);
            }
            let _ = writeln!(self.text, "{name}{labels} {value}");
        }
    }

    /// The histogram of [`BUCKETS`].
    pub fn flushes(&mut self, name: &str, help: &str, flushes: &Flushes) {
        self.head(name, "histogram", help);
        let mut cumulative = 0;
        let bounds = BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(flushes.counts) {
            cumulative += count;
            let _ = writeln!(self.text, "{name}_bucket{} {cumulative}", label("le", &bound));
        }
        let _ = writeln!(self.text, "{name}_sum {}", flushes.total.as_secs_f64());
        let _ = writeln!(self.text, "{name}_count {cumulative}");
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_may_hold_anything() {
        assert_eq!(label("kept", "a \"b\"\\\n"), r#"{kept="a \"b\"\\\n"}"#);
        assert_eq!(labels(&[("a", ""), ("b", "1")]), r#"{b="1"}"#);
        assert_eq!(labels(&[("a", "")]), "");
    }

    #[test]
    fn a_metric_without_samples_is_left_out() {
        let mut page = Page::default();
        page.gauge("x", "help", Vec::<(String, u64)>::new());
        assert_eq!(page.text, "");
        page.gauge("x", "help", [(String::new(), 1), (label("a", "b"), 2)]);
        assert_eq!(page.text, "# HELP x help\n# TYPE x gauge\nx 1\nx{a=\"b\"} 2\n");
    }
}
