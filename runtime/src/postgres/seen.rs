//! The permanent slot as the server tells it: whether it keeps what was not confirmed, who reads
//! it, and what it waits for.
//!
//! Asked before a run takes the slot, at each connection and every few seconds; so one query
//! tells all, and what only newer servers know costs older ones nothing.

use flusso_dataflow::Lsn;
use tokio_postgres::Client;

use super::error::{CaptureError, Gap};
use super::progress::Retention;

const DURING: &str = "looking at the replication slot";

/// The slot at one moment.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its output plugin; none of a physical slot.
    pub(crate) plugin: Option<String>,
    /// Whether it belongs to this database.
    pub(crate) here: bool,
    /// Why it is of no use any more.
    pub(crate) lost: Option<Gap>,
    /// Up to where it has let go of changes.
    pub(crate) confirmed: Option<Lsn>,
    /// Who reads it, as an operator finds it.
    pub(crate) holder: Option<String>,
    /// What it keeps.
    pub(crate) retention: Retention,
    /// The standbys without which it sends nothing now, each with how it is.
    pub(crate) standbys: Option<String>,
}

impl Seen {
    /// The slot of this name, if there is one.
    pub(crate) async fn of(client: &Client, slot: &str) -> Result<Option<Seen>, CaptureError> {
        let row = client.query_opt(SEEN, &[&slot]).await.map_err(CaptureError::sql(DURING))?;
        let Some(row) = row else { return Ok(None) };
        let limit = row.get("keep");
        let lost = row.get::<_, bool>("lost").then(|| Gap::SlotLost {
            slot: slot.to_owned(),
            why: row.get("why"),
            limit,
            idle: row.get("idle"),
        });
        Ok(Some(Seen {
            plugin: row.get("plugin"),
            here: row.get("here"),
            lost,
            confirmed: row.get::<_, Option<i64>>("confirmed").map(i64::cast_unsigned),
            holder: row.get("holder"),
            retention: Retention { held: row.get("held"), left: row.get("left"), limit },
            standbys: row.get("standbys"),
        }))
    }
}

/// Through JSON, because older servers lack some of the columns; a setting they lack is null.
const SEEN: &str = "
    SELECT s.plugin::text, s.database IS NOT DISTINCT FROM current_database() AS here,
           s.wal_status IS NOT DISTINCT FROM 'lost'
               OR to_jsonb(s) ->> 'invalidation_reason' IS NOT NULL
               OR coalesce((to_jsonb(s) ->> 'conflicting')::bool, false) AS lost,
           to_jsonb(s) ->> 'invalidation_reason' AS why,
           (SELECT nullif(setting, '-1')::int8 * 1048576 FROM pg_settings
            WHERE name = 'max_slot_wal_keep_size') AS keep,
           (SELECT nullif(setting, '0')::int8 FROM pg_settings
            WHERE name = 'idle_replication_slot_timeout') AS idle,
           s.safe_wal_size AS left,
           (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                 ELSE pg_current_wal_lsn() END - s.restart_lsn)::int8 AS held,
           (s.confirmed_flush_lsn - '0/0'::pg_lsn)::int8 AS confirmed,
           CASE WHEN s.active THEN 'process ' || s.active_pid
               || coalesce(' (' || nullif(a.application_name, '') || ')', '') END AS holder,
           CASE WHEN a.wait_event = 'WaitForStandbyConfirmation' THEN
               (SELECT string_agg(listed.name || CASE
                           WHEN p.slot_name IS NULL THEN ' (there is no such slot)'
                           WHEN NOT p.active THEN ' (no standby reads it)'
                           ELSE ' (at ' || coalesce(p.restart_lsn::text, 'nothing') || ')' END,
                       ', ')
                FROM (SELECT trim(each, ' \"') AS name FROM unnest(string_to_array(
                          current_setting('synchronized_standby_slots', true), ',')) each) listed
                LEFT JOIN pg_replication_slots p ON p.slot_name = listed.name) END AS standbys
    FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
    WHERE s.slot_name = $1";
