//! `flusso quarantine`: what sinks rejected, asked of a running flusso over its private address.

use serde_json::Value;

use crate::args::{Asked, Format, Quarantine, QuarantineCommand};
use crate::failure::{Failure, because};
use crate::output::{Ink, Paint, print};
use crate::remote::{client, good};

/// Widest line for a person.
const WIDTH: usize = 100;

/// Lists, shows, or asks for another try.
pub async fn quarantine(asked: Quarantine) -> Result<(), Failure> {
    let paint = Paint::stdout();
    match asked.command {
        QuarantineCommand::List { index, asked: Asked { format, remote } } => {
            let path = query("/quarantine", &[("index", index)]);
            let told = good(client(remote).get(&path).await)?;
            tell(format, &told, |told| list(told, paint))
        }
        QuarantineCommand::Show { index, id, asked: Asked { format, remote } } => {
            let path = format!("/quarantine/{}/{}", escaped(&index), escaped(&id));
            let told = good(client(remote).get(&path).await)?;
            tell(format, &told, |told| show(told, paint))
        }
        QuarantineCommand::Retry { index, id, asked: Asked { format, remote } } => {
            let path = query("/quarantine/retry", &[("index", index), ("id", id)]);
            let told = good(client(remote).post(&path, &[]).await)?;
            tell(format, &told, |told| {
                format!("documents sent again: {}; those that are taken leave\n", told["asked"])
            })
        }
    }
}

fn tell(format: Format, told: &str, human: impl Fn(&Value) -> String) -> Result<(), Failure> {
    let told: Value = serde_json::from_str(told)
        .map_err(|error| because(format!("the server did not answer in JSON: {error}")))?;
    print(&match format {
        Format::Json => format!("{told:#}\n"),
        Format::Human => human(&told),
    })
}

fn documents(told: &Value) -> &[Value] {
    told["documents"].as_array().map_or(&[], Vec::as_slice)
}

/// One line a document; the reason takes what is left of a line.
fn list(told: &Value, paint: Paint) -> String {
    let head = ["sink", "index", "id", "field", "times", "last", "reason"];
    let cell = |document: &Value, name: &str| match &document[name] {
        Value::String(text) if name == "last" => text.split('.').next().unwrap_or_default().into(),
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    };
    let rows: Vec<[String; 7]> =
        documents(told).iter().map(|it| head.map(|name| cell(it, name))).collect();
    let width = |n: usize| {
        let cells = rows.iter().map(|cells| cells[n].chars().count());
        cells.chain([head[n].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |cells: [&str; 7]| {
        let before: Vec<String> =
            (0..6).map(|n| format!("{:width$}", cells[n], width = widths[n])).collect();
        let before = before.join("  ");
        let room = WIDTH.saturating_sub(before.chars().count() + 2).max(20);
        let mut reason: String = cells[6].chars().take(room).collect();
        if cells[6].chars().count() > room {
            reason.pop();
            reason.push('…');
        }
        format!("{before}  {reason}")
    };
    let mut text = paint.ink(Ink::Bold, &line(head)) + "\n";
    for cells in &rows {
        text += &line(cells.each_ref().map(String::as_str));
        text.push('\n');
    }
    let more = told["count"].as_u64().unwrap_or_default().saturating_sub(rows.len() as u64);
    match (rows.len(), more) {
        (0, _) => "nothing is in quarantine\n".to_owned(),
        (_, 0) => text,
        (_, more) => format!("{text}and {more} more\n"),
    }
}

/// Everything about a document, of each sink that rejected it.
fn show(told: &Value, paint: Paint) -> String {
    let one = |document: &Value| {
        let text = |name: &str| match &document[name] {
            Value::String(text) => text.clone(),
            Value::Null => "–".to_owned(),
            other => other.to_string(),
        };
        let title = format!("{} / {} in {}", text("index"), text("id"), text("sink"));
        let lines = ["field", "reason", "lsn", "times", "first", "last"];
        let lines = lines.map(|name| format!("  {name:7} {}\n", text(name)));
        format!("{}\n{}", paint.ink(Ink::Bold, &title), lines.concat())
    };
    documents(told).iter().map(one).collect()
}

/// A path with those of the values that are given.
fn query(path: &str, values: &[(&str, Option<String>)]) -> String {
    let given = values.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let given: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    match given.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", given.join("&")),
    }
}

/// For a place in a URL.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told() -> Value {
        json!({ "count": 3, "documents": [
            { "sink": "search", "index": "users", "id": "7", "lsn": "0/16B3748", "field": "age",
              "reason": "failed to parse field [age] of type [integer] in document with id '7'.",
              "times": 2, "first": "2026-11-21T08:00:00.000Z", "last": "2026-11-21T09:30:00.000Z" },
            { "sink": "search", "index": "users", "id": "a:8", "lsn": "0/16B3748", "field": null,
              "reason": "too large", "times": 1, "first": "2026-11-21T08:00:00.000Z",
              "last": "2026-11-21T08:00:00.000Z" },
        ] })
    }

    #[test]
    fn a_list_fits_a_line_a_document() {
        let expected = "\
sink    index  id   field  times  last                 reason
search  users  7    age    2      2026-11-21T09:30:00  failed to parse field [age] of type [integer…
search  users  a:8  –      1      2026-11-21T08:00:00  too large
and 1 more
";
        let plain = list(&told(), Paint::stdout());
        assert_eq!(plain, expected);
        assert!(plain.lines().all(|line| line.chars().count() <= WIDTH));
        let none = json!({ "count": 0, "documents": [] });
        assert_eq!(list(&none, Paint::stdout()), "nothing is in quarantine\n");
    }

    #[test]
    fn a_document_is_shown_whole() {
        let told = json!({ "documents": [told()["documents"][0]] });
        let expected = "\
users / 7 in search
  field   age
  reason  failed to parse field [age] of type [integer] in document with id '7'.
  lsn     0/16B3748
  times   2
  first   2026-11-21T08:00:00.000Z
  last    2026-11-21T09:30:00.000Z
";
        assert_eq!(show(&told, Paint::stdout()), expected);
    }

    #[test]
    fn ids_may_hold_anything() {
        assert_eq!(escaped("a/b ü"), "a%2Fb%20%C3%BC");
        let values = [("index", Some("users".to_owned())), ("id", None)];
        assert_eq!(query("/q", &values), "/q?index=users");
        assert_eq!(query("/q", &[("id", None)]), "/q");
    }
}
