//! Changes that are not on disk yet, over the rows that are.
//!
//! ```text
//!  read:   open ─► sealed ─► disk           the first that knows the key answers
//!  write:  open ──seal──► sealed ──commit──► disk
//! ```
//!
//! Two generations: one is being written to, and one that is sealed waits until every sink has
//! its documents and is then committed whole. So nothing has to be sorted out by commit, and a
//! row that changes often is written once a generation.

use std::sync::Arc;

use flusso_compiler::plan::TableId;
use flusso_dataflow::Lsn;
use flusso_dataflow::row::Row;
use flusso_dataflow::rows::Changes;
use std::collections::HashMap;

/// Counted for each row beside its bytes: the table's slot, and two allocations.
const ENTRY: usize = 80;

/// What became of the rows of one table.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Nothing from before is left.
    pub(crate) emptied: bool,
    /// The row there is now, or none.
    pub(crate) rows: HashMap<Row, Option<Row>>,
}

/// What became of rows up to a commit.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    pub(crate) tables: HashMap<TableId, Rows>,
    /// The last commit in it.
    pub(crate) upto: Lsn,
    bytes: usize,
}

/// Both generations.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    open: Generation,
    sealed: Option<Arc<Generation>>,
}

/// What is known of a key without looking on disk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The row, or that there is none.
    Here(Option<Row>),
    /// What is on disk.
    Below,
}

impl Generation {
    fn find(&self, table: TableId, key: &Row) -> Found {
        let Some(table) = self.tables.get(&table) else { return Found::Below };
        match table.rows.get(key) {
            Some(row) => Found::Here(row.clone()),
            None if table.emptied => Found::Here(None),
            None => Found::Below,
        }
    }

    fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    fn emptied(&self, table: TableId) -> bool {
        self.tables.get(&table).is_some_and(|table| table.emptied)
    }
}

impl Overlay {
    /// What is known of a key.
    pub(crate) fn find(&self, table: TableId, key: &Row) -> Found {
        match (self.open.find(table, key), &self.sealed) {
            (Found::Below, Some(sealed)) => sealed.find(table, key),
            (found, _) => found,
        }
    }

    /// Takes changes up to a commit in.
    pub(crate) fn apply(&mut self, upto: Lsn, changes: Changes) {
        let Generation { tables, bytes, .. } = &mut self.open;
        for table in changes.emptied {
            let table = tables.entry(table).or_default();
            *bytes -= table.rows.iter().map(|(key, row)| size(key, row)).sum::<usize>();
            *table = Rows { emptied: true, rows: HashMap::new() };
        }
        for (table, key, row) in changes.rows {
            let rows = &mut tables.entry(table).or_default().rows;
            *bytes += size(&key, &row);
            let length = key.0.len();
            if let Some(before) = rows.insert(key, row) {
                *bytes -= length + before.map_or(0, |row| row.0.len()) + ENTRY;
            }
        }
        self.open.upto = upto;
    }

    /// The sealed generation, sealing the open one when there is none and there is something in it.
    pub(crate) fn seal(&mut self) -> Option<Arc<Generation>> {
        if self.sealed.is_none() && !self.open.is_empty() {
            self.sealed = Some(Arc::new(std::mem::take(&mut self.open)));
        }
        self.sealed.clone()
    }

    /// The sealed generation is on disk.
    pub(crate) fn committed(&mut self) {
        self.sealed = None;
    }

    /// Whether everything is on disk.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sealed.is_none()
    }

    /// Whether a generation waits to be committed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// Bytes of both generations, about.
    pub(crate) fn bytes(&self) -> usize {
        self.open.bytes + self.sealed.as_ref().map_or(0, |sealed| sealed.bytes)
    }

    /// Whether no row of a table on disk is left.
    pub(crate) fn covers(&self, table: TableId) -> bool {
        self.open.emptied(table) || self.sealed.as_ref().is_some_and(|it| it.emptied(table))
    }

    /// The rows of a table in here, as they are now; none for those that went.
    pub(crate) fn rows(&self, table: TableId) -> HashMap<Row, Option<Row>> {
        let mut rows = HashMap::new();
        if let Some(sealed) = self.sealed.as_ref().filter(|_| !self.open.emptied(table))
            && let Some(sealed) = sealed.tables.get(&table)
        {
            rows.clone_from(&sealed.rows);
        }
        if let Some(open) = self.open.tables.get(&table) {
            rows.extend(open.rows.iter().map(|(key, row)| (key.clone(), row.clone())));
        }
        rows
    }
}

fn size(key: &Row, row: &Option<Row>) -> usize {
    key.0.len() + row.as_ref().map_or(0, |row| row.0.len()) + ENTRY
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: TableId = TableId(0);

    fn row(text: &str) -> Row {
        Row::from(text.as_bytes())
    }

    fn put(overlay: &mut Overlay, upto: Lsn, key: &str, value: Option<&str>) {
        let rows = vec![(T, row(key), value.map(row))];
        overlay.apply(upto, Changes { emptied: vec![], rows });
    }

    #[test]
    fn the_newest_answers() {
        let mut overlay = Overlay::default();
        assert_eq!(overlay.find(T, &row("a")), Found::Below);
        put(&mut overlay, 1, "a", Some("1"));
        put(&mut overlay, 1, "b", Some("1"));
        overlay.seal();
        put(&mut overlay, 2, "a", None);
        assert_eq!(overlay.find(T, &row("a")), Found::Here(None));
        assert_eq!(overlay.find(T, &row("b")), Found::Here(Some(row("1"))));
        assert_eq!(overlay.find(T, &row("c")), Found::Below);
        assert_eq!(overlay.seal().map(|sealed| sealed.upto), Some(1));
        overlay.committed();
        assert_eq!(overlay.find(T, &row("b")), Found::Below);
        assert_eq!(overlay.seal().map(|sealed| sealed.upto), Some(2));
    }

    #[test]
    fn an_emptied_table_hides_what_is_below() {
        let mut overlay = Overlay::default();
        put(&mut overlay, 1, "a", Some("1"));
        overlay.seal();
        put(&mut overlay, 2, "b", Some("1"));
        overlay.apply(3, Changes { emptied: vec![T], rows: vec![(T, row("c"), Some(row("2")))] });
        assert!(overlay.covers(T));
        for gone in ["a", "b", "never there"] {
            assert_eq!(overlay.find(T, &row(gone)), Found::Here(None), "{gone}");
        }
        assert_eq!(overlay.rows(T), HashMap::from([(row("c"), Some(row("2")))]));
    }

    #[test]
    fn bytes_come_and_go_with_the_rows() {
        let mut overlay = Overlay::default();
        put(&mut overlay, 1, "a", Some("1"));
        let one = overlay.bytes();
        put(&mut overlay, 2, "a", Some("2"));
        assert_eq!(overlay.bytes(), one);
        overlay.apply(3, Changes { emptied: vec![T], rows: vec![] });
        assert_eq!(overlay.bytes(), 0);
        put(&mut overlay, 4, "a", Some("1"));
        overlay.seal();
        assert_eq!(overlay.bytes(), one);
        overlay.committed();
        assert!(overlay.is_empty() && overlay.bytes() == 0);
    }
}
