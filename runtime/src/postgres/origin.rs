//! Which database this is and what its tables look like, as the state remembers it: to tell at the
//! next start whether the rows it holds are still the rows of these tables.

use std::collections::HashMap;

use flusso_compiler::plan::Plan;
use flusso_dataflow::Lsn;
use tokio_postgres::Client;

use super::connect::Connection;
use super::error::CaptureError;
use super::layout::Layout;
use super::timeline::{self, Identity};
use super::wire::Walsender;
use crate::store::{Form, FormMember, Origin};

const DURING: &str = "asking which database this is";

/// The database behind a connection, and where its WAL ends now. An error when what was read of
/// `before`, up to a position, is not its past.
pub(crate) async fn origin(
    client: &Client,
    connection: &Connection,
    slot: &str,
    before: Option<(Origin, Lsn)>,
) -> Result<(Origin, Lsn), CaptureError> {
    let mut session = Walsender::connect(connection).await?;
    let is = Identity::of(&mut session).await?;
    if let Some((Origin { system, timeline, life, .. }, read)) = before {
        let was = Identity { system, timeline, life, newest: read };
        timeline::check(&mut session, &was, &is, read).await?;
    }
    session.close().await;
    let sql = "SELECT oid FROM pg_database WHERE datname = current_database()";
    let row = client.query_one(sql, &[]).await.map_err(CaptureError::sql(DURING))?;
    let Identity { system, timeline, life, newest } = is;
    Ok((Origin { system, timeline, life, database: row.get(0), slot: slot.to_owned() }, newest))
}

/// The form of each table of a plan.
pub(crate) fn forms(plan: &Plan, layout: &Layout) -> Vec<Form> {
    let published = layout.publication.as_ref().map(|it| (it.oid, &it.xmin, it.via_root));
    let form = |(table, place): (_, &super::layout::Place)| {
        let member = |it: &super::layout::Member| FormMember { relation: it.oid, born: it.born };
        let mut members: Vec<_> = place.members.iter().map(member).collect();
        members.sort_unstable();
        let labels = place.labels.clone();
        let catalog = format!("{published:?} {:?} {:?}", place.published, place.key);
        Form::of(table, members, labels, catalog, |column| match place.columns.get(column) {
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
