//! The oracle at exact LSNs: what was delivered up to `t` equals SQL at `t`, not only at the end.
//!
//! While faults happen, [`Witness::look`] takes the database's documents at one LSN, by the same
//! kind of snapshot as the copy. When all has been delivered, [`agree`] folds the operations up to
//! each of these LSNs. Standard output may leave out a version of a document that a later one of
//! the same batch replaces: where the version at `t` is not right and a later one came, nothing
//! can be said; such documents are counted, and everything else must be equal.

use flusso_runtime::postgres::moment::Moment;
use flusso_runtime::postgres::{Client, Connection};

use crate::database::RUNTIME;
use crate::deployment::Deployment;
use crate::documents::{Documents, normal};
use crate::flusso::History;

/// Looks at a database now and then.
pub struct Witness {
    connection: Connection,
    client: Client,
    queries: Vec<(String, String)>,
}

/// The documents of one LSN.
pub struct Seen {
    /// Commits up to here are in it.
    pub at: u64,
    /// All of them.
    pub documents: Documents,
}

/// How the operations agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// Documents that were as they had to be, or rightly absent.
    pub exact: u64,
    /// Documents whose version of that LSN was left out for a later one.
    pub replaced: u64,
}

impl Witness {
    /// Of a deployment's database.
    pub fn new(deployment: &Deployment) -> Witness {
        let connection = Connection::from_url(&deployment.url).expect("the server's URL is one");
        let client = RUNTIME.block_on(connection.client()).expect("the server answers");
        Witness { connection, client, queries: deployment.queries.clone() }
    }

    /// The documents now.
    pub fn look(&self) -> Seen {
        RUNTIME.block_on(async {
            let taken = Moment::take(&self.client, &self.connection).await;
            let mut moment = taken.unwrap_or_else(|error| panic!("a moment: {error}"));
            let mut documents = Documents::new();
            for (index, query) in &self.queries {
                moment.open(query).await.expect("the query runs");
                loop {
                    let rows = moment.next().await.expect("the query goes on");
                    if rows.is_empty() {
                        break;
                    }
                    for (id, document) in rows {
                        let document = serde_json::from_str(&document).expect("jsonb is JSON");
                        documents.insert((index.clone(), id), normal(document));
                    }
                }
            }
            Seen { at: moment.at, documents }
        })
    }
}

/// Compares what was seen with what was said; panics with what is wrong. `history` must be
/// complete up to the last moment.
pub fn agree(seen: &[Seen], history: &History) -> Agreed {
    let (agreed, wrong) = compare(seen, history);
    assert!(
        wrong.is_empty(),
        "{} documents are wrong: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(3)]
    );
    agreed
}

/// The same, with a sentence for each document that is wrong.
pub fn compare(seen: &[Seen], history: &History) -> (Agreed, Vec<String>) {
    let (mut agreed, mut wrong) = (Agreed::default(), Vec::new());
    for (moment, Seen { at, documents }) in seen.iter().enumerate() {
        let unsaid = documents.keys().filter(|id| !history.contains_key(*id));
        wrong.extend(
            unsaid.map(|id| format!("{id:?} was there at {at}, and nothing was said of it")),
        );
        for (id, versions) in history.iter().filter(|(id, _)| id.0 != "beats") {
            let before = versions.iter().filter(|(version, _)| version <= at);
            let last = before.max_by_key(|(version, _)| version);
            let said = last.and_then(|(_, document)| document.as_ref());
            let expected = documents.get(id);
            if said == expected {
                agreed.exact += 1;
            } else if versions.iter().any(|(version, _)| version > at)
                || seen[moment + 1..].iter().any(|later| later.documents.get(id) == said)
            {
                // Changes that come together are one step: what they undo again is never said.
                agreed.replaced += 1;
            } else {
                wrong.push(format!("{id:?} at {at}: said {said:?}, and it was {expected:?}"));
            }
        }
    }
    (agreed, wrong)
}

/// Leaves of each document its newest form, which is all that later moments need.
pub fn forget(history: &mut History) {
    for versions in history.values_mut() {
        if let Some(newest) = versions.iter().max_by_key(|(version, _)| version).cloned() {
            *versions = vec![newest];
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(n: &str) -> (String, String) {
        ("docs".to_owned(), n.to_owned())
    }

    #[test]
    fn what_was_said_is_folded_up_to_each_moment() {
        let versions =
            vec![(5, Some(json!(1))), (9, Some(json!(2))), (9, Some(json!(3))), (12, None)];
        let history = History::from([(id("1"), versions), (id("2"), vec![(7, Some(json!(0)))])]);
        let seen = |at, documents: &[(&str, i32)]| Seen {
            at,
            documents: documents.iter().map(|(n, value)| (id(n), json!(value))).collect(),
        };
        let moments =
            [seen(5, &[("1", 1)]), seen(10, &[("1", 3), ("2", 0)]), seen(12, &[("2", 0)])];
        assert_eq!(agree(&moments, &history), Agreed { exact: 6, replaced: 0 });
        let there_and_back =
            [seen(13, &[("1", 4), ("2", 0)]), seen(14, &[("2", 1)]), seen(15, &[("2", 0)])];
        assert_eq!(agree(&there_and_back, &history), Agreed { exact: 4, replaced: 2 });
        let left_out = [seen(6, &[("1", 8)])];
        assert_eq!(agree(&left_out, &history), Agreed { exact: 1, replaced: 1 });
        for wrong in
            [seen(8, &[("1", 1), ("2", 5)]), seen(13, &[]), seen(13, &[("2", 0), ("3", 1)])]
        {
            assert!(std::panic::catch_unwind(|| agree(&[wrong], &history)).is_err());
        }
    }
}
