//! `flusso indexes` and `flusso reindex`: a running flusso is asked over its private address.

use std::io::IsTerminal;

use flusso_compiler::plan::analyze::Measured;
use flusso_runtime::http::client::{Answer, Client};
use serde_json::{Value, json};

use crate::args::{Format, Indexes, Reindex, Remote};
use crate::failure::{Failure, because};
use crate::output::{Ink, Paint, print};

/// Prints every index and its state: for programs the map that the server answers with, for
/// people with what else is known of each.
pub async fn indexes(asked: Indexes) -> Result<(), Failure> {
    let client = client(asked.remote);
    let by_stdout = || match std::io::stdout().is_terminal() {
        true => Format::Human,
        false => Format::Json,
    };
    match asked.format.unwrap_or_else(by_stdout) {
        Format::Json => print(&format!("{:#}\n", data(client.get("/indexes").await)?)),
        Format::Human => {
            let status = data(client.get("/status").await)?;
            print(&table(&status, Paint::stdout()))
        }
    }
}

/// Asks for a rebuild and prints the answer.
pub async fn reindex(asked: Reindex) -> Result<(), Failure> {
    let query = [("index", asked.index.as_str())];
    let body = good(client(asked.remote).post("/reindex", &query).await)?;
    print(&match asked.format {
        Format::Human => format!("{body}\n"),
        Format::Json => format!("{:#}\n", json!({ "index": asked.index, "answer": body })),
    })
}

/// What a running flusso measures of its plan.
pub async fn measured(remote: Remote) -> Result<Measured, Failure> {
    let status = data(client(remote).get("/status").await)?;
    serde_json::from_value(status)
        .map_err(|error| because(format!("the server tells nothing of its plan: {error}")))
}

/// Who is asked.
pub fn client(remote: Remote) -> Client {
    let Remote { server, login } = remote;
    Client { server, user: login.admin_user, password: login.admin_password }
}

/// The body of an answer that says yes.
pub fn good(answer: Result<Answer, String>) -> Result<String, Failure> {
    match answer {
        Ok(Answer { status: 200..=299, body }) => Ok(body),
        Ok(Answer { status, body }) => {
            Err(because(format!("the server answered {status}: {body}")))
        }
        Err(sentence) => Err(because(sentence)),
    }
}

fn data(answer: Result<Answer, String>) -> Result<Value, Failure> {
    serde_json::from_str(&good(answer)?)
        .map_err(|error| because(format!("the server did not answer in JSON: {error}")))
}

/// One line an index: state, root rows, documents built, suppressed and quarantined, and how far
/// it is while it is filled.
fn table(status: &Value, paint: Paint) -> String {
    let head = ["index", "state", "rows", "built", "suppressed", "quarantined"];
    let states = status["indexes"].as_object().into_iter().flatten();
    let rows: Vec<([String; 6], String)> = states
        .map(|(name, state)| {
            let of = &status["documents"][name];
            let number = |key: &str| of[key].as_u64().map_or("–".to_owned(), |n| n.to_string());
            let cells = [
                name.clone(),
                state.as_str().unwrap_or_default().to_owned(),
                number("roots"),
                number("built"),
                number("suppressed"),
                number("quarantined"),
            ];
            (cells, progress(status, name))
        })
        .collect();
    let width = |n: usize| {
        let cells = rows.iter().map(|(cells, _)| cells[n].chars().count());
        cells.max().unwrap_or(0).max(head[n].len())
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |cells: [&str; 6]| {
        let cells = cells.iter().zip(widths).enumerate();
        let cells = cells.map(|(n, (cell, width))| match n {
            0 | 1 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    let mut text = paint.ink(Ink::Bold, &line(head)) + "\n";
    for (cells, progress) in &rows {
        let row = format!("{}  {progress}", line(cells.each_ref().map(String::as_str)));
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// `40%, 12 s left` while an index is filled.
fn progress(status: &Value, index: &str) -> String {
    let works = status["work"].as_array().into_iter().flatten();
    let mut mine = works.filter(|work| work["index"] == index && work["finished"] == false);
    let Some(work) = mine.next() else { return String::new() };
    let share = match (work["done"].as_u64(), work["of"].as_u64()) {
        (Some(done), Some(of)) if of > 0 => Some(format!("{}%", done * 100 / of)),
        _ => None,
    };
    let left = work["seconds_left"].as_f64().map(|left| format!("{left:.0} s left"));
    share.into_iter().chain(left).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_filled_shows_how_far_it_is() {
        let status = json!({
            "indexes": { "orders": "backfilling", "old": "pending" },
            "documents": { "orders": { "roots": 1000, "built": 400, "suppressed": 0, "quarantined": 2 } },
            "work": [
                { "what": "copy", "index": null, "finished": false },
                { "what": "fill", "index": "orders", "finished": false, "done": 400, "of": 1000,
                  "seconds_left": 11.6 },
            ],
        });
        let expected = "\
index   state        rows  built  suppressed  quarantined
old     pending         –      –           –            –
orders  backfilling  1000    400           0            2  40%, 12 s left
";
        assert_eq!(table(&status, Paint::plain()), expected);
    }
}
