//! What two documents of one id say about the sink, at one moment that it has passed.

use std::collections::BTreeSet;

use flusso_dataflow::Lsn;
use serde_json::Value;

use super::What;
use super::compare::{Unequal, differences};
use crate::sinks::opensearch::inspect::Held;

/// The two sides of one id.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The query's document as of the moment.
    pub database: Option<&'a str>,
    /// What the sink held later.
    pub sink: Option<&'a Held>,
    /// The newest that it held at the moment or before, of what was seen: others may have been
    /// between that and the moment.
    pub before: Option<&'a Held>,
    /// Whether it was missing at the moment before this one too.
    pub missing: bool,
}

/// What is to be said.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The sink was right.
    Equal,
    /// It has changed since: look again.
    Later {
        /// The sink has no such document.
        missing: bool,
    },
    /// The sink is wrong.
    Wrong(What),
}

/// Judges; an error when either is not JSON.
pub fn judge(
    at: Lsn,
    pair: Pair<'_>,
    floats: &BTreeSet<String>,
) -> Result<Verdict, serde_json::Error> {
    Ok(match (pair.database, pair.sink) {
        (None, None) => Verdict::Equal,
        (Some(_), None) if pair.missing => Verdict::Wrong(What::Missing),
        (Some(_), None) => Verdict::Later { missing: true },
        (database, Some(held)) if held.at > at => match (database, pair.before) {
            (Some(database), Some(before)) if unequal(database, before, floats)?.is_empty() => {
                Verdict::Equal
            }
            _ => Verdict::Later { missing: false },
        },
        (None, Some(_)) => Verdict::Wrong(What::Extra),
        (Some(database), Some(held)) => match unequal(database, held, floats)? {
            none if none.is_empty() => Verdict::Equal,
            found => Verdict::Wrong(What::Differs(found)),
        },
    })
}

fn unequal(
    database: &str,
    sink: &Held,
    floats: &BTreeSet<String>,
) -> Result<Vec<Unequal>, serde_json::Error> {
    let sink: Value = serde_json::from_str(sink.body.get())?;
    Ok(differences(&serde_json::from_str(database)?, &sink, floats))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn held((at, body): (Lsn, &str)) -> Held {
        Held { at, body: RawValue::from_string(body.to_owned()).unwrap() }
    }

    fn said(database: Option<&str>, sink: Option<(Lsn, &str)>, missing: bool) -> Verdict {
        let sink = sink.map(held);
        let pair = Pair { database, sink: sink.as_ref(), before: None, missing };
        judge(100, pair, &BTreeSet::new()).unwrap()
    }

    #[test]
    fn only_what_did_not_change_after_the_moment_is_compared() {
        let (old, new) = (Some((100, r#"{"n":1}"#)), Some((101, r#"{"n":1}"#)));
        assert_eq!(said(Some(r#"{"n": 1.0}"#), old, false), Verdict::Equal);
        assert!(matches!(said(Some(r#"{"n": 2}"#), old, false), Verdict::Wrong(What::Differs(_))));
        assert_eq!(said(Some(r#"{"n": 2}"#), new, false), Verdict::Later { missing: false });
        assert_eq!(said(None, old, false), Verdict::Wrong(What::Extra));
        assert_eq!(said(None, new, true), Verdict::Later { missing: false });
    }

    #[test]
    fn what_was_seen_on_the_way_proves_right_and_never_wrong() {
        let (sink, before) = (held((101, r#"{"n":2}"#)), held((99, r#"{"n":1}"#)));
        let said = |database| {
            let pair = Pair { database, sink: Some(&sink), before: Some(&before), missing: false };
            judge(100, pair, &BTreeSet::new()).unwrap()
        };
        assert_eq!(said(Some(r#"{"n":1}"#)), Verdict::Equal);
        assert_eq!(said(Some(r#"{"n":3}"#)), Verdict::Later { missing: false });
        assert_eq!(said(None), Verdict::Later { missing: false });
    }

    #[test]
    fn what_is_missing_must_be_so_twice() {
        assert_eq!(said(Some("{}"), None, false), Verdict::Later { missing: true });
        assert_eq!(said(Some("{}"), None, true), Verdict::Wrong(What::Missing));
        assert_eq!(said(None, None, true), Verdict::Equal);
    }
}
