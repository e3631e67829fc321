//! Turns what the stream says of a row into what it was and what it is.

use flusso_compiler::plan::TableId;

use crate::row::Row;

/// The rows of every table, by encoded primary key. In memory today; on disk behind the same
/// trait when state is to outlive the process.
pub trait Rows: Send {
    /// The row under a key.
    fn get(&self, table: TableId, key: &Row) -> Option<Row>;
    /// Puts a row in place of what was there.
    fn put(&mut self, table: TableId, key: Row, row: Row);
    /// Takes a row out.
    fn delete(&mut self, table: TableId, key: &Row);
    /// Takes all rows of a table out, giving each.
    fn clear(&mut self, table: TableId, each: &mut dyn FnMut(Row));
}
