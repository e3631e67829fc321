//! `flusso check --format json`: the same for programs.

use flusso_compiler::diagnostics::Severity;
use flusso_compiler::files::schema::Literal;
use flusso_compiler::{hash, lock};
use flusso_runtime::postgres::publication::Coverage;
use serde_json::{Map, Value, json};

use super::fields::{Shown, fields};
use super::{Online, Report};

/// The whole report.
pub fn report(report: &Report<'_>) -> Value {
    let enabled = report.indexes().into_iter().filter(|entry| entry.enabled);
    let mapping = enabled.map(|entry| {
        json!({
            "index": entry.name.value,
            "hash": format!("{:08x}", hash::schema(&entry.schema)),
            "fields": shown(&fields(&entry.schema)),
        })
    });
    let online = report.online.as_ref();
    json!({
        "config": lock::config_json(report.config),
        "mappings": mapping.collect::<Vec<_>>(),
        "diagnostics": online.map(diagnostics),
        "coverage": online.map(|online| coverage(&online.coverage, online.will_manage)),
    })
}

fn shown(fields: &[Shown<'_>]) -> Value {
    let one = |field: &Shown<'_>| {
        let mut mapping = Map::new();
        mapping.insert("type".into(), field.ty.into());
        let options = field.field.options.iter();
        mapping.extend(options.map(|(key, value)| (key.clone(), tagged(value))));
        let mut shows = Map::new();
        shows.insert("name".into(), field.name.into());
        shows.insert("mapping".into(), mapping.into());
        shows.insert("nullable".into(), field.nullable.into());
        if field.array {
            shows.insert("array".into(), true.into());
        }
        if !field.children.is_empty() {
            shows.insert("children".into(), shown(&field.children));
        }
        Value::Object(shows)
    };
    fields.iter().map(one).collect()
}

/// A value with its kind, as the lock writes it.
fn tagged(value: &Literal) -> Value {
    match value {
        Literal::Null => "Null".into(),
        Literal::Bool(value) => json!({ "Bool": value }),
        Literal::Int(value) => json!({ "BigInt": value }),
        Literal::Decimal(text) => json!({ "Decimal": text }),
        Literal::String(text) => json!({ "String": text }),
        Literal::Array(items) => json!({ "Array": items.iter().map(tagged).collect::<Value>() }),
        Literal::Map(items) => {
            let items = items.iter().map(|(key, value)| (key.clone(), tagged(value)));
            json!({ "Map": items.collect::<Map<_, _>>() })
        }
    }
}

fn diagnostics(online: &Online) -> Value {
    let one = online.findings.iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        json!({
            "index": finding.index,
            "field": finding.field,
            "severity": severity,
            "message": finding.message,
        })
    });
    one.collect()
}

fn coverage(coverage: &Coverage, will_manage: bool) -> Value {
    let names = |tables: &[flusso_compiler::catalog::TableName]| -> Value {
        tables.iter().map(|it| format!("{}.{}", it.schema, it.name)).collect()
    };
    json!({
        "satisfied": coverage.satisfied(),
        "manageable": coverage.manageable,
        "will_manage": will_manage,
        "present": names(&coverage.present),
        "missing": names(&coverage.missing),
        "blockers": coverage.blockers,
        "remediation": coverage.remediation,
    })
}
