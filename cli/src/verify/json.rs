//! What was verified, for a program.

use flusso_runtime::postgres::moment;
use flusso_runtime::verify::{Difference, Report, Unequal, What};
use serde_json::{Map, Value, json};

/// All reports. A value that is not there has no key.
pub fn reports(reports: &[Report]) -> Value {
    reports.iter().map(report).collect()
}

fn report(report: &Report) -> Value {
    json!({
        "sink": report.sink,
        "index": report.index,
        "lsn": moment::text(report.at),
        "compared": report.compared,
        "unsettled": report.unsettled,
        "wrong": report.wrong,
        "repaired": report.repaired,
        "differences": report.differences.iter().map(difference).collect::<Vec<_>>(),
    })
}

fn difference(it: &Difference) -> Value {
    let mut shown = what(&it.what);
    shown["id"] = it.id.as_str().into();
    shown["lsn"] = moment::text(it.at).into();
    shown
}

/// In what way a document is wrong.
pub fn what(what: &What) -> Value {
    match what {
        What::Missing => json!({"kind": "missing"}),
        What::Extra => json!({"kind": "extra"}),
        What::Differs(unequal) => {
            json!({"kind": "differs", "values": unequal.iter().map(value).collect::<Value>()})
        }
    }
}

fn value(it: &Unequal) -> Value {
    let sides = [("database", &it.database), ("sink", &it.sink)];
    let sides = sides.into_iter().filter_map(|(side, value)| Some((side, value.clone()?)));
    let path = ("path", Value::from(it.path.as_str()));
    Value::Object(Map::from_iter(
        std::iter::once(path).chain(sides).map(|(key, value)| (key.to_owned(), value)),
    ))
}
