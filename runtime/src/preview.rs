//! A few documents as `run` would make them, without running: the rows they need go through the
//! same dataflow, in memory and for a moment.
//!
//! ```text
//!  ids ─► Needed: their rows, as of one moment ─► engine ─► documents of these ids
//! ```
//!
//! Other documents for which some of the rows are root rows come out too, made of too little; they
//! are dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::channel;

use flusso_compiler::catalog::Catalog;
use flusso_compiler::plan::{IndexId, Plan};
use flusso_dataflow::emit::Emit;
use flusso_dataflow::engine::{self, Fill, Panicked, Settings};
use flusso_dataflow::feed::FeedError;
use flusso_dataflow::rows::Memory;
use serde_json::Value;
use tokio_postgres::Client;

use crate::postgres::CaptureError;
use crate::postgres::needed::{Needed, Rows};
use crate::sinks::opensearch::inspect::Held;
use crate::sinks::{OpenSearch, SinkError, Target};
use crate::verify::{What, differences};

/// Root rows looked at for the first documents: so many, then more, when those are none.
const LOOKS: [usize; 3] = [3, 30, 300];

/// Documents in flight, in bytes: they are all kept.
const IN_FLIGHT: usize = usize::MAX / 2;

/// Which documents.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Of these ids.
    Ids(&'a [String]),
    /// So many, in the order of the root's key.
    First(usize),
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Each id with its document, JSON on one line; none when there is no such document.
    pub documents: Vec<(String, Option<String>)>,
    /// Rows that were read for them.
    pub rows: usize,
}

/// Why nothing could be made.
#[derive(Debug)]
pub enum PreviewError {
    /// Postgres.
    Capture(CaptureError),
    /// The rows do not fit the plan.
    Feed(FeedError),
    /// A defect.
    Panicked(Panicked),
    /// The engine's thread is gone.
    Ended,
}

impl From<CaptureError> for PreviewError {
    fn from(error: CaptureError) -> PreviewError {
        PreviewError::Capture(error)
    }
}

impl std::fmt::Display for PreviewError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PreviewError::Capture(error) => error.fmt(f),
            PreviewError::Feed(FeedError::Inconsistent(error)) => error.fmt(f),
            PreviewError::Feed(FeedError::Unusable(error)) => error.fmt(f),
            PreviewError::Panicked(error) => error.fmt(f),
            PreviewError::Ended => f.write_str("the dataflow ended before its documents came"),
        }
    }
}

impl std::error::Error for PreviewError {}

/// Makes documents of the only index of a plan.
pub async fn preview(
    client: &Client,
    plan: Arc<Plan>,
    catalog: &Catalog,
    wanted: Wanted<'_>,
) -> Result<Preview, PreviewError> {
    let Some(index) = plan.indexes.first() else { return Ok(Preview::default()) };
    let needed = Needed::begin(client, &plan, index, catalog).await?;
    let made = match wanted {
        Wanted::Ids(ids) => some(&needed, &plan, ids).await,
        Wanted::First(count) => first(&needed, &plan, count).await,
    };
    // After an error the transaction is over whatever it says.
    let ended = needed.end().await;
    let made = made?;
    ended?;
    Ok(made)
}

async fn some(
    needed: &Needed<'_>,
    plan: &Arc<Plan>,
    ids: &[String],
) -> Result<Preview, PreviewError> {
    let rows = needed.rows(ids).await?;
    let count = rows.values().map(BTreeMap::len).sum();
    let plan = Arc::clone(plan);
    let made = tokio::task::spawn_blocking(move || documents(&plan, rows));
    let mut made = made.await.map_err(|_| PreviewError::Ended)??;
    let documents = ids.iter().map(|id| (id.clone(), made.remove(id.as_str())));
    Ok(Preview { documents: documents.collect(), rows: count })
}

async fn first(
    needed: &Needed<'_>,
    plan: &Arc<Plan>,
    count: usize,
) -> Result<Preview, PreviewError> {
    let (mut all, mut after) = (Preview::default(), 0);
    for look in LOOKS {
        let ids = needed.ids(after, look.max(count)).await?;
        let found = some(needed, plan, &ids).await?;
        all.rows += found.rows;
        all.documents.extend(found.documents.into_iter().filter(|(_, body)| body.is_some()));
        all.documents.truncate(count);
        after += ids.len();
        if all.documents.len() == count || ids.is_empty() {
            break;
        }
    }
    Ok(all)
}

/// Everything that the dataflow makes of some rows.
fn documents(plan: &Arc<Plan>, rows: Rows) -> Result<BTreeMap<String, String>, PreviewError> {
    /// Above the ticks at which rows go in.
    const AT: u64 = 1 << 32;
    let (send, receive) = channel();
    // A worker never outlives the receiver by more than its last words.
    let emit = Arc::new(move |_: usize, said: Emit| drop(send.send(said)));
    let settings = Settings { workers: 1, in_flight: IN_FLIGHT };
    let store = Box::new(Memory::default());
    let (engine, mut feeder) =
        engine::start(Arc::clone(plan), settings, store, &[Fill::Emit], emit)
            .map_err(PreviewError::Panicked)?;
    for (table, rows) in rows {
        let rows = rows.into_values().collect();
        feeder.copied(table, rows).map_err(PreviewError::Feed)?;
    }
    feeder.open(AT, AT, AT);
    let mut made = BTreeMap::new();
    loop {
        match receive.recv() {
            Ok(Emit::Documents(documents, _)) => {
                for document in documents {
                    let body =
                        document.body.map(|body| String::from_utf8_lossy(&body).into_owned());
                    if let Some(body) = body {
                        made.insert(document.id.into_string(), body);
                    }
                }
            }
            Ok(Emit::Hydrated(IndexId(_), _)) => break,
            Ok(Emit::Closed(_)) => {}
            Err(_) => {
                drop(feeder);
                engine.join().map_err(PreviewError::Panicked)?;
                return Err(PreviewError::Ended);
            }
        }
    }
    drop(feeder);
    engine.join().map_err(PreviewError::Panicked)?;
    Ok(made)
}

/// How a sink's documents differ from these, one for each; none where they are equal. The sink may
/// be behind, or ahead: only `verify` knows of a moment that both have passed.
pub async fn compare(
    sink: &mut OpenSearch,
    target: &Target,
    preview: &Preview,
    floats: &BTreeSet<String>,
) -> Result<Vec<Option<What>>, SinkError> {
    sink.attach(target).await?;
    let ids: Vec<&str> = preview.documents.iter().map(|(id, _)| id.as_str()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let held = sink.held(target, &ids).await?;
    let one = |((_, made), held): (&(String, Option<String>), Option<Held>)| match (made, held) {
        (None, None) => None,
        (Some(_), None) => Some(What::Missing),
        (None, Some(_)) => Some(What::Extra),
        (Some(made), Some(held)) => {
            let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
            let found = differences(&read(made), &read(held.body.get()), floats);
            (!found.is_empty()).then_some(What::Differs(found))
        }
    };
    Ok(preview.documents.iter().zip(held).map(one).collect())
}
