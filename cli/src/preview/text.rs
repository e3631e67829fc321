//! The documents: indented under their ids for a person, one a line for a program.

use flusso_runtime::preview::Preview;
use flusso_runtime::verify::Difference;
use serde_json::{Map, Value, json};

use super::Held;
use crate::output::{Ink, Paint};
use crate::verify;

/// For a person.
pub fn human(index: &str, made: &Preview, held: &[Held], paint: Paint) -> String {
    if made.documents.is_empty() {
        return format!("{index}: no row of its table is a document\n");
    }
    let mut page = String::new();
    for (at, (id, document)) in made.documents.iter().enumerate() {
        let head = paint.ink(Ink::Bold, &format!("{index}/{id}"));
        page.push_str(&match document {
            Some(document) => format!("{head}\n{:#}\n", value(document)),
            None => format!("{head}  no document: there is no such row, or it is filtered out\n"),
        });
        for (sink, differences) in held {
            page.push_str(&against(sink, id, differences, at, paint));
        }
        page.push('\n');
    }
    let rows = made.rows;
    page.push_str(&paint.ink(Ink::Dim, &format!("made of {rows} rows")));
    page.push('\n');
    page
}

/// What a sink holds under the id.
fn against(
    sink: &str,
    id: &str,
    differences: &[Option<flusso_runtime::verify::What>],
    at: usize,
    paint: Paint,
) -> String {
    let Some(Some(what)) = differences.get(at) else {
        return format!("{} `{sink}` holds the same\n", paint.ink(Ink::Green, "✓"));
    };
    let mut text = format!("{} `{sink}` differs\n", paint.ink(Ink::Red, "✗"));
    let difference = Difference { id: id.to_owned(), at: 0, what: what.clone() };
    verify::text::document(&mut text, &difference, paint);
    text
}

/// For a program.
pub fn lines(index: &str, made: &Preview, held: &[Held]) -> String {
    let line = |(at, (id, document)): (usize, &(String, Option<String>))| {
        let document = document.as_deref().map(value);
        let mut line = json!({"index": index, "id": id, "document": document});
        if !held.is_empty() {
            let one = |(sink, differences): &Held| {
                let what = differences.get(at).and_then(Option::as_ref);
                (sink.clone(), what.map_or(Value::Null, verify::json::what))
            };
            line["differs"] = held.iter().map(one).collect::<Map<_, _>>().into();
        }
        format!("{line}\n")
    };
    made.documents.iter().enumerate().map(line).collect()
}

/// A document is JSON; were it not, its text would be shown.
fn value(document: &str) -> Value {
    serde_json::from_str(document).unwrap_or_else(|_| document.into())
}
