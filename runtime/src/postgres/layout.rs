//! Where the rows of the plan's tables lie, and what must stay as it is for the rows that were
//! read to remain theirs.
//!
//! A partitioned table has its rows in its leaves, and the stream names leaves, so both the copy
//! and the stream go by *members*: the table itself or all that inherit from it. Much that changes
//! what a table holds is never told by the stream: a rewrite, a partition attached, a table taken
//! out of the publication and put back. Every such change leaves a trace in the catalog, an OID or
//! an xmin, and those are kept here, to be compared later ([`super::changed`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flusso_compiler::catalog::TableName;
use flusso_compiler::plan::{Plan, TableId};
use tokio_postgres::{Client, Row};

use super::error::CaptureError;
use super::slot::version;

const DURING: &str = "looking up tables";

/// All tables of a plan, in its order, and the publication.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    pub(crate) tables: Vec<Place>,
    pub(crate) publication: Option<Publication>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// Its OID; 0 when there is no table of that name.
    pub(crate) oid: u32,
    /// The relations that hold its rows, itself included.
    pub(crate) members: Vec<Member>,
    /// Its columns by name: those of the plan only.
    pub(crate) columns: HashMap<String, ColumnType>,
    /// The columns of its primary key; empty when it has none.
    pub(crate) key: Vec<String>,
    /// The catalog's rows that publish it; 0 stands for all tables.
    pub(crate) published: BTreeSet<u32>,
    /// Labels of the enums among its columns, by their OID.
    pub(crate) labels: BTreeMap<u32, String>,
    /// Rows Postgres estimates, over all members.
    pub(crate) estimate: u64,
}

/// A relation that is, or inherits from, a table of the plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) oid: u32,
    /// Quoted, with its schema.
    pub(crate) name: String,
    /// Holds rows itself.
    pub(crate) stores: bool,
    /// Blocks of its heap.
    pub(crate) blocks: u64,
    /// Rows Postgres estimates.
    pub(crate) rows: f64,
    /// Its heap: another one after a rewrite, a `VACUUM FULL` or a `TRUNCATE`.
    pub(crate) file: u32,
    /// Made as a partition, and so empty then; one that was attached brought rows along.
    pub(crate) born: bool,
    /// What it tells of rows that go: `d`, `f`, `i` or `n`.
    pub(crate) identity: char,
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

/// The publication's own row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) oid: u32,
    pub(crate) xmin: String,
    /// It tells every kind of change.
    pub(crate) all_operations: bool,
    /// It speaks of partitioned tables and not of their partitions.
    pub(crate) via_root: bool,
}

impl Layout {
    /// Reads it, in the session's snapshot when it has one.
    pub(crate) async fn read(
        client: &Client,
        plan: &Plan,
        publication: &str,
    ) -> Result<Layout, CaptureError> {
        let failed = CaptureError::sql(DURING);
        let schemas: Vec<&str> = plan.tables.iter().map(|it| it.name.schema.as_str()).collect();
        let names: Vec<&str> = plan.tables.iter().map(|it| it.name.name.as_str()).collect();
        let by_schema = match version(client).await? {
            ..15 => "",
            15.. => PUBLISHED_BY_SCHEMA,
        };
        let members = MEMBERS.replace("{by_schema}", by_schema);
        let mut tables = vec![Place::default(); plan.tables.len()];
        for row in
            client.query(&members, &[&schemas, &names, &publication]).await.map_err(&failed)?
        {
            let place = &mut tables[position(&row)];
            place.published.extend(row.get::<_, Vec<u32>>("published"));
            let member = Member::of(&row);
            if row.get("root") {
                place.oid = member.oid;
            }
            if member.stores {
                place.estimate += member.rows.max(0.0) as u64;
            }
            place.members.push(member);
        }
        let roots: Vec<u32> = tables.iter().map(|place| place.oid).collect();
        for row in client.query(COLUMNS, &[&roots]).await.map_err(&failed)? {
            let (at, name) = (position(&row), row.get::<_, String>("name"));
            let place = &mut tables[at];
            if row.get("in_key") {
                place.key.push(name.clone());
            }
            if plan.tables[at].columns.iter().any(|column| column.name == name) {
                let (oid, typmod) = (row.get("oid"), row.get("typmod"));
                let (number, xmin) = (row.get("number"), row.get("xmin"));
                place.columns.insert(name, ColumnType { oid, typmod, number, xmin });
            }
        }
        for row in client.query(LABELS, &[&roots]).await.map_err(&failed)? {
            let place = &mut tables[position(&row)];
            if place.columns.contains_key(row.get::<_, &str>("column")) {
                place.labels.insert(row.get("oid"), row.get("label"));
            }
        }
        let row = client.query_opt(PUBLICATION, &[&publication]).await.map_err(&failed)?;
        let publication = row.map(|row| Publication {
            oid: row.get("oid"),
            xmin: row.get("xmin"),
            all_operations: row.get("all_operations"),
            via_root: row.get("via_root"),
        });
        Ok(Layout { tables, publication })
    }

    /// The same, of tables that must all be there.
    pub(crate) async fn read_whole(
        client: &Client,
        plan: &Plan,
        publication: &str,
    ) -> Result<Layout, CaptureError> {
        let layout = Layout::read(client, plan, publication).await?;
        match plan.tables.iter().zip(&layout.tables).find(|(_, place)| place.oid == 0) {
            None => Ok(layout),
            Some((table, _)) => Err(CaptureError::Changed {
                table: table.name.to_string(),
                how: super::changed::Changed::Dropped,
            }),
        }
    }

    /// Which table of the plan a relation belongs to.
    pub(crate) fn table_of(&self, oid: u32) -> Option<TableId> {
        let holds = |place: &Place| place.members.iter().any(|member| member.oid == oid);
        self.tables.iter().position(holds).map(|at| TableId(at as u16))
    }

    /// The tables that a `TRUNCATE` of these relations empties: those that are named or have all
    /// their rows in named ones. An error is a table that loses a part of its rows, and that part.
    pub(crate) fn emptied(&self, oids: &[u32]) -> Result<Vec<TableId>, (TableId, &str)> {
        let named = |member: &&Member| oids.contains(&member.oid);
        let mut emptied = Vec::new();
        for (at, place) in self.tables.iter().enumerate() {
            let table = TableId(at as u16);
            let parent = place.members.iter().any(|it| !it.stores && named(&it));
            if parent || place.members.iter().filter(|it| it.stores).all(|it| named(&it)) {
                emptied.push(table);
            } else if let Some(part) = place.members.iter().find(named) {
                return Err((table, &part.name));
            }
        }
        Ok(emptied)
    }

    /// Whether some table has its rows in others, so that more of those may come.
    pub(crate) fn is_partitioned(&self) -> bool {
        self.tables.iter().any(|place| place.members.iter().any(|member| !member.stores))
    }
}

impl Member {
    fn of(row: &Row) -> Member {
        Member {
            oid: row.get("oid"),
            name: row.get("name"),
            stores: row.get::<_, &str>("kind") == "r",
            blocks: row.get::<_, i64>("blocks").max(0).cast_unsigned(),
            rows: row.get("rows"),
            file: row.get("file"),
            born: row.get("born"),
            identity: row.get::<_, &str>("identity").chars().next().unwrap_or('d'),
        }
    }
}

/// Which table of the plan a row of these queries is about; they count from 1.
fn position(row: &Row) -> usize {
    usize::try_from(row.get::<_, i64>("at") - 1).unwrap_or(0)
}

/// The name a table has now, when it is still there under another one.
pub(crate) async fn name_of(client: &Client, oid: u32) -> Result<Option<TableName>, CaptureError> {
    let row = client.query_opt(NAME, &[&oid]).await.map_err(CaptureError::sql(DURING))?;
    Ok(row.map(|row| TableName { schema: row.get(0), name: row.get(1) }))
}

/// The name that the column of this number has now.
pub(crate) async fn column_of(
    client: &Client,
    table: u32,
    number: i16,
) -> Result<Option<String>, CaptureError> {
    let row = client.query_opt(COLUMN, &[&table, &number]).await;
    Ok(row.map_err(CaptureError::sql(DURING))?.map(|row| row.get(0)))
}

/// The wanted tables and all that inherit from them. System columns keep the xmin and cmin of
/// the statement that made the table; attaching writes the others anew.
const MEMBERS: &str = "
    WITH RECURSIVE wanted AS (
        SELECT w.at, c.oid
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (schema, name, at)
        JOIN pg_namespace n ON n.nspname = w.schema
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
        WHERE c.relkind IN ('r', 'p')
    ), members AS (
        SELECT at, oid, true AS root, true AS born FROM wanted
        UNION ALL
        SELECT m.at, i.inhrelid, false, EXISTS (
            SELECT FROM pg_attribute s JOIN pg_attribute a ON a.attrelid = s.attrelid
            WHERE s.attrelid = i.inhrelid AND s.attnum = -1 AND a.attnum > 0
              AND s.xmin = i.xmin AND a.xmin = s.xmin AND a.cmin = s.cmin)
        FROM pg_inherits i JOIN members m ON i.inhparent = m.oid
    )
    SELECT m.at, m.root, m.born AND (m.root OR c.relispartition) AS born, c.oid,
           '\"' || replace(n.nspname, '\"', '\"\"') || '\".\"'
                || replace(c.relname, '\"', '\"\"') || '\"' AS name,
           c.relkind::text AS kind, c.relreplident::text AS identity, c.relfilenode AS file,
           CASE WHEN c.relkind = 'r' THEN
               coalesce(pg_relation_size(c.oid), 0)
                   / current_setting('block_size')::int8 ELSE 0 END AS blocks,
           CASE WHEN c.relkind = 'r' THEN c.reltuples::float8 ELSE 0 END AS rows,
           ARRAY(SELECT 0::oid FROM pg_publication p WHERE p.pubname = $3 AND p.puballtables
                 UNION ALL
                 SELECT r.oid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                 WHERE p.pubname = $3 AND (r.prrelid = c.oid OR m.root AND r.prrelid IN
                     (SELECT relid FROM pg_partition_ancestors(c.oid)))
                 {by_schema}) AS published
    FROM members m JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')";

/// From 15 on.
const PUBLISHED_BY_SCHEMA: &str = "
    UNION ALL
    SELECT s.oid FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid
    WHERE p.pubname = $3 AND s.pnnspid = c.relnamespace";

const COLUMNS: &str = "
    SELECT t.at, a.attname::text AS name, a.attnum AS number, a.atttypid AS oid,
           a.atttypmod AS typmod, a.xmin::text AS xmin, k.at IS NOT NULL AS in_key
    FROM unnest($1::oid[]) WITH ORDINALITY AS t (oid, at)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN LATERAL (
        SELECT k.at FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, at)
        WHERE i.indrelid = t.oid AND i.indisprimary AND k.attnum = a.attnum) k ON true
    ORDER BY t.at, k.at, a.attnum";

const LABELS: &str = "
    SELECT t.at, a.attname::text AS column, e.oid, e.enumlabel::text AS label
    FROM unnest($1::oid[]) WITH ORDINALITY AS t (oid, at)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid
    JOIN pg_enum e ON e.enumtypid IN (y.oid, y.typelem, y.typbasetype)";

const PUBLICATION: &str = "
    SELECT oid, xmin::text AS xmin, pubviaroot AS via_root,
           pubinsert AND pubupdate AND pubdelete AND pubtruncate AS all_operations
    FROM pg_publication WHERE pubname = $1";

const NAME: &str = "
    SELECT n.nspname::text, c.relname::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1";

const COLUMN: &str = "
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = $1 AND attnum = $2 AND NOT attisdropped";
