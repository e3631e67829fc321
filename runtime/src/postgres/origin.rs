//! Which database this is and what its tables look like, as the state remembers it: to tell at the
//! next start whether the rows it holds are still the rows of these tables.

use std::collections::HashMap;

use flusso_compiler::plan::Plan;
use flusso_dataflow::Lsn;
use tokio_postgres::Client;

use super::connect::Connection;
use super::error::CaptureError;
use super::layout::Layout;
use super::wire::{Walsender, parse_lsn};
use crate::store::{Form, Origin};

const DURING: &str = "asking which server this is";

/// The database behind a connection, and where its WAL ends now.
pub(crate) async fn origin(
    client: &Client,
    connection: &Connection,
    slot: &str,
) -> Result<(Origin, Lsn), CaptureError> {
    let mut session = Walsender::connect(connection).await?;
    let rows = session.query(DURING, "IDENTIFY_SYSTEM").await?;
    session.close().await;
    let mut row = rows.into_iter().flatten().map(Option::unwrap_or_default);
    let (system, timeline, end) = (row.next(), row.next(), row.next());
    let end = end.as_deref().and_then(parse_lsn);
    let timeline = timeline.and_then(|text| text.parse().ok());
    let (Some(system), Some(timeline), Some(end)) = (system, timeline, end) else {
        return Err(CaptureError::Protocol("an incomplete IDENTIFY_SYSTEM".to_owned()));
    };
    let sql = "SELECT oid FROM pg_database WHERE datname = current_database()";
    let row = client.query_one(sql, &[]).await.map_err(CaptureError::sql(DURING))?;
    Ok((Origin { system, timeline, database: row.get(0), slot: slot.to_owned() }, end))
}

/// The form of each table of a plan.
pub(crate) fn forms(plan: &Plan, layout: &Layout) -> Vec<Form> {
    let form = |(table, place): (_, &super::layout::Place)| {
        let mut members: Vec<u32> = place.members.iter().map(|member| member.oid).collect();
        members.sort_unstable();
        Form::of(table, members, |column| match place.columns.get(column) {
            Some(it) => format!("{} {} {} {}", it.number, it.oid, it.typmod, it.xmin),
            None => String::new(),
        })
    };
    plan.tables.iter().zip(&layout.tables).map(form).collect()
}

/// The file of each relation.
pub(crate) fn files(layout: &Layout) -> HashMap<u32, u32> {
    let members = layout.tables.iter().flat_map(|place| &place.members);
    members.map(|member| (member.oid, member.file)).collect()
}
