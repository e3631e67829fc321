//! The rows that have any part in a few documents, and no others.
//!
//! A path of the plan says how a change of a row reaches root keys. Walked from the other end it
//! finds every row that can change the documents of those keys, and so every row they are made of:
//!
//! ```text
//!  root keys ◄─ hop ◄─ hop ◄─ kept.key of a row      one query a path, all in one snapshot
//! ```
//!
//! Where a path finds more than a document shows (rows a filter passes over, rows beyond a limit),
//! the dataflow that the rows are given to leaves it out, as it always does.

use std::collections::BTreeMap;

use flusso_compiler::catalog::Catalog;
use flusso_compiler::plan::join::Reach;
use flusso_compiler::plan::{self, Index, KeyPart, Plan, TableId, oracle};
use flusso_compiler::types::{Class, SqlType};
use flusso_dataflow::row::Row;
use flusso_dataflow::rows::key_of;
use futures_util::{StreamExt, pin_mut};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::copy::Lines;
use super::error::CaptureError;
use super::quote;

const READING: &str = "reading the rows of some documents";

/// Rows by table and primary key.
pub type Rows = BTreeMap<TableId, BTreeMap<Row, Row>>;

/// A session that sees one moment, to ask for the rows of documents of one index.
pub struct Needed<'a> {
    client: &'a Client,
    plan: &'a Plan,
    index: &'a Index,
    catalog: &'a Catalog,
}

impl<'a> Needed<'a> {
    /// Begins the transaction; [`Needed::end`] ends it.
    pub async fn begin(
        client: &'a Client,
        plan: &'a Plan,
        index: &'a Index,
        catalog: &'a Catalog,
    ) -> Result<Needed<'a>, CaptureError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off";
        client.batch_execute(begin).await.map_err(CaptureError::sql(READING))?;
        Ok(Needed { client, plan, index, catalog })
    }

    /// Lets the moment go.
    pub async fn end(self) -> Result<(), CaptureError> {
        self.client.batch_execute("ROLLBACK").await.map_err(CaptureError::sql(READING))
    }

    /// The ids of some root rows in the order of their key, documents or not.
    pub async fn ids(&self, after: usize, count: usize) -> Result<Vec<String>, CaptureError> {
        let root = self.root();
        let key = quote::idents(root.key.iter().map(|part| root.column(part.column).name.as_str()));
        let sql = format!(
            "SELECT {key} FROM {} ORDER BY {key} LIMIT {count} OFFSET {after}",
            quote::table(&root.name)
        );
        let messages = self.client.simple_query(&sql).await.map_err(CaptureError::sql(READING))?;
        let id = |message| match message {
            SimpleQueryMessage::Row(row) => {
                let part = |(at, part): (usize, &KeyPart)| {
                    let text = row.get(at)?;
                    Some(match (&root.column(part.column).ty, text) {
                        (SqlType::Bool, "t") => "true".to_owned(),
                        (SqlType::Bool, _) => "false".to_owned(),
                        (_, text) => text.to_owned(),
                    })
                };
                let parts: Option<Vec<String>> = root.key.iter().enumerate().map(part).collect();
                parts.map(|parts| oracle::id(&parts))
            }
            _ => None,
        };
        Ok(messages.into_iter().filter_map(id).collect())
    }

    /// Every row that the documents of these ids are made of.
    pub async fn rows(&self, ids: &[String]) -> Result<Rows, CaptureError> {
        let mut rows = Rows::new();
        let Some(these) = self.these(ids) else { return Ok(rows) };
        let root = self.plan.kept(self.index.root).table;
        let own = Reach { table: root, key: self.root().key.clone(), links: Vec::new() };
        let paths = self.index.paths.iter();
        let reaches = paths.flat_map(|path| self.plan.reaches(path)).chain([own]);
        let mut queries: Vec<(TableId, String)> =
            reaches.map(|reach| (reach.table, self.query(&reach, &these))).collect();
        // Several indexes and fields may come by the same way.
        queries.sort();
        queries.dedup();
        for (table, sql) in queries {
            self.read(table, &sql, rows.entry(table).or_default()).await?;
        }
        Ok(rows)
    }

    fn root(&self) -> &'a plan::Table {
        self.plan.table(self.plan.kept(self.index.root).table)
    }

    /// Which keys of the root these ids are, over its row `r`; none when they cannot be any.
    fn these(&self, ids: &[String]) -> Option<String> {
        let key = &self.root().key;
        let parts = ids.iter().map(|id| match key.len() {
            1 => vec![id.clone()],
            _ => oracle::parts(id),
        });
        let literals = |parts: Vec<String>| {
            let parts: Vec<String> = parts.iter().map(|part| quote::literal(part)).collect();
            format!("({})", parts.join(", "))
        };
        let known: Vec<String> =
            parts.filter(|parts| parts.len() == key.len()).map(literals).collect();
        let columns = key.iter().map(|part| self.column(self.root(), "r", part));
        let columns: Vec<String> = columns.collect();
        let known = known.join(", ");
        (!known.is_empty()).then(|| format!("({}) IN ({known})", columns.join(", ")))
    }

    fn column(&self, table: &plan::Table, alias: &str, part: &KeyPart) -> String {
        format!("{alias}.{}", quote::ident(&table.column(part.column).name))
    }

    /// One side of an equality, so that both sides compare as the dataflow compares them.
    fn side(&self, table: &plan::Table, alias: &str, part: &KeyPart) -> String {
        let column = self.column(table, alias, part);
        match part.class {
            Class::Opaque => format!("{column}::text"),
            Class::Bpchar => format!("{column}::bpchar"),
            Class::Citext => format!("lower({column}::text)"),
            _ => column,
        }
    }

    fn sides(&self, table: &plan::Table, alias: &str, key: &[KeyPart]) -> Vec<String> {
        key.iter().map(|part| self.side(table, alias, part)).collect()
    }

    /// A table as it is copied: a partitioned one with its partitions, another by itself.
    fn from(&self, table: &plan::Table) -> String {
        let whole = self.catalog.table(&table.name).is_some_and(|table| table.kind == 'p');
        let only = if whole { "" } else { "ONLY " };
        format!("{only}{}", quote::table(&table.name))
    }

    /// The rows that are linked to these root rows.
    fn query(&self, reach: &Reach, these: &str) -> String {
        let Reach { table, key, links } = reach;
        let named = self.plan.table(*table);
        let columns =
            named.columns.iter().map(|column| format!("t.{}", quote::ident(&column.name)));
        let columns: Vec<String> = columns.collect();
        let (mut from, mut found) = (String::new(), Vec::new());
        // What the step before gave, to be met by the key of the next.
        let mut gave: Option<Vec<String>> = None;
        for (n, link) in links.iter().enumerate() {
            let (named, alias) = (self.plan.table(link.table), format!("h{n}"));
            let key = self.sides(named, &alias, &link.key);
            let relation = self.from(named);
            match gave {
                None => {
                    from = format!("{relation} AS {alias}");
                    found = key;
                }
                Some(gave) => {
                    from.push_str(&format!(
                        " JOIN {relation} AS {alias} ON {}",
                        equal(&gave, &key)
                    ));
                }
            }
            gave = Some(self.sides(named, &alias, &link.gives));
        }
        let root = (self.from(self.root()), self.sides(self.root(), "r", &self.root().key));
        match gave {
            None => (from, found) = (format!("{} AS r", root.0), root.1),
            Some(gave) => {
                from.push_str(&format!(" JOIN {} AS r ON {}", root.0, equal(&gave, &root.1)));
            }
        }
        let rows = format!("SELECT {} FROM {} AS t", columns.join(", "), self.from(named));
        match key.as_slice() {
            // What has no key is every document's.
            [] => format!("{rows} WHERE EXISTS (SELECT FROM {from} WHERE {these})"),
            key => format!(
                "{rows} WHERE ({}) IN (SELECT {} FROM {from} WHERE {these})",
                self.sides(named, "t", key).join(", "),
                found.join(", "),
            ),
        }
    }

    async fn read(
        &self,
        table: TableId,
        sql: &str,
        into: &mut BTreeMap<Row, Row>,
    ) -> Result<(), CaptureError> {
        let named = self.plan.table(table);
        let failed = CaptureError::sql(READING);
        let malformed =
            || CaptureError::Protocol(format!("a malformed COPY line of {}", named.name));
        let copy = format!("COPY ({sql}) TO STDOUT");
        let chunks = self.client.copy_out(&copy).await.map_err(&failed)?;
        pin_mut!(chunks);
        let (mut lines, mut rows) = (Lines::new(named.columns.len()), Vec::new());
        while let Some(chunk) = chunks.next().await.transpose().map_err(&failed)? {
            lines.take(&chunk, &mut rows).ok_or_else(malformed)?;
        }
        into.extend(rows.into_iter().filter_map(|row| Some((key_of(&named.key, &row)?, row))));
        Ok(())
    }
}

fn equal(left: &[String], right: &[String]) -> String {
    let pairs = left.iter().zip(right).map(|(left, right)| format!("{left} = {right}"));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { "true".to_owned() } else { pairs.join(" AND ") }
}
