//! `flusso indexes` and `flusso reindex`: a running flusso is asked over its private address.

use flusso_runtime::http::client::{Answer, Client};

use crate::args::{Reindex, Remote};
use crate::failure::{Failure, because};
use crate::output::print;

/// Prints every index and its state as JSON.
pub async fn indexes(remote: Remote) -> Result<(), Failure> {
    let body = good(client(remote).get("/indexes").await)?;
    let states: serde_json::Value = serde_json::from_str(&body)
        .map_err(|error| because(format!("the server did not answer in JSON: {error}")))?;
    print(&format!("{states:#}\n"))
}

/// Asks for a rebuild and prints the answer.
pub async fn reindex(asked: Reindex) -> Result<(), Failure> {
    let query = [("index", asked.index.as_str())];
    let body = good(client(asked.remote).post("/reindex", &query).await)?;
    print(&format!("{body}\n"))
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
