//! Where the rows of the plan's tables lie, and which types its columns have.
//!
//! A partitioned table has its rows in its leaves, and the stream names leaves, so both the copy
//! and the stream go by *members*: the table itself or all that inherit from it. Types are held
//! by OID because that is what the stream repeats.

use std::collections::HashMap;

use flusso_compiler::plan::{Plan, TableId};
use tokio_postgres::Client;

use super::error::CaptureError;
use super::quote;

const DURING: &str = "looking up tables";

/// All tables of a plan, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) tables: Vec<Place>,
}

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The relations that hold its rows, itself included.
    pub(crate) members: Vec<Member>,
    /// Its columns by name: those of the plan only.
    pub(crate) columns: HashMap<String, ColumnType>,
    /// Rows Postgres estimates, over all members.
    pub(crate) estimate: u64,
}

/// A relation that is, or inherits from, a table of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) oid: u32,
    /// Quoted, with its schema.
    pub(crate) name: String,
    /// Holds rows itself.
    pub(crate) stores: bool,
    /// Blocks of its heap.
    pub(crate) blocks: u64,
    /// Its heap: another one after a rewrite, a `VACUUM FULL` or a `TRUNCATE`.
    pub(crate) file: u32,
}

/// A column as the catalog has it. The stream repeats OID and modifier of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnType {
    pub(crate) oid: u32,
    pub(crate) typmod: i32,
    /// Another one once it has been dropped and made again.
    pub(crate) number: i16,
    /// Who wrote this row of the catalog: whatever alters the column does.
    pub(crate) xmin: String,
}

impl Layout {
    /// Reads it, in the session's snapshot when it has one.
    pub(crate) async fn read(client: &Client, plan: &Plan) -> Result<Layout, CaptureError> {
        let mut layout = Layout::default();
        for table in &plan.tables {
            let name = quote::table(&table.name);
            let gone = || CaptureError::Table {
                table: table.name.to_string(),
                what: "does not exist any more".to_owned(),
            };
            let rows = client
                .query(MEMBERS, &[&table.name.schema, &table.name.name])
                .await
                .map_err(CaptureError::sql(DURING))?;
            let mut place = Place { members: Vec::new(), columns: HashMap::new(), estimate: 0 };
            for row in &rows {
                let kind: String = row.get("kind");
                place.members.push(Member {
                    oid: row.get("oid"),
                    name: row.get("name"),
                    stores: kind == "r",
                    blocks: row.get::<_, i64>("blocks").max(0) as u64,
                    file: row.get("file"),
                });
                place.estimate += row.get::<_, f64>("rows").max(0.0) as u64;
            }
            let root = place.members.iter().find(|it| it.name == name).ok_or_else(gone)?.oid;
            let names: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
            let rows =
                client.query(COLUMNS, &[&root, &names]).await.map_err(CaptureError::sql(DURING))?;
            for row in &rows {
                let (oid, typmod) = (row.get("oid"), row.get("typmod"));
                let (number, xmin) = (row.get("number"), row.get("xmin"));
                place.columns.insert(row.get("name"), ColumnType { oid, typmod, number, xmin });
            }
            layout.tables.push(place);
        }
        Ok(layout)
    }

    /// Which table of the plan a relation belongs to.
    pub(crate) fn table_of(&self, oid: u32) -> Option<TableId> {
        let holds = |place: &Place| place.members.iter().any(|member| member.oid == oid);
        self.tables.iter().position(holds).map(|at| TableId(at as u16))
    }

    /// The tables that a `TRUNCATE` of these relations empties: those that are named or have all
    /// their rows in named ones. An error is a table that loses a part of its rows.
    pub(crate) fn emptied(&self, oids: &[u32]) -> Result<Vec<TableId>, TableId> {
        let named = |member: &Member| oids.contains(&member.oid);
        let mut emptied = Vec::new();
        for (at, place) in self.tables.iter().enumerate() {
            let table = TableId(at as u16);
            let parent = place.members.iter().any(|it| !it.stores && named(it));
            if parent || place.members.iter().filter(|it| it.stores).all(named) {
                emptied.push(table);
            } else if place.members.iter().any(named) {
                return Err(table);
            }
        }
        Ok(emptied)
    }

    /// Takes over members that another reading found.
    pub(crate) fn add_members(&mut self, newer: Layout) {
        for (place, newer) in self.tables.iter_mut().zip(newer.tables) {
            place.members = newer.members;
        }
    }

    /// Whether some table has its rows in others, so that more of those may come.
    pub(crate) fn is_partitioned(&self) -> bool {
        self.tables.iter().any(|place| place.members.iter().any(|member| !member.stores))
    }
}

/// A relation and all that inherit from it.
const MEMBERS: &str = "
    WITH RECURSIVE members AS (
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN members m ON i.inhparent = m.oid
    )
    SELECT c.oid,
           '\"' || replace(n.nspname, '\"', '\"\"') || '\".\"'
                || replace(c.relname, '\"', '\"\"') || '\"' AS name,
           c.relkind::text AS kind,
           coalesce(pg_relation_filenode(c.oid), 0) AS file,
           CASE WHEN c.relkind = 'r' THEN
               coalesce(pg_relation_size(c.oid), 0)
                   / current_setting('block_size')::int8 ELSE 0 END AS blocks,
           CASE WHEN c.relkind = 'r' THEN c.reltuples::float8 ELSE 0 END AS rows
    FROM members m JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')";

const COLUMNS: &str = "
    SELECT attname::text AS name, atttypid AS oid, atttypmod AS typmod, attnum AS number,
           xmin::text AS xmin FROM pg_attribute
    WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attname = ANY ($2::text[])";
