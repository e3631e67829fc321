//! What goes in: copied rows, then the changes of committed transactions.

use crate::row::Row;

/// What a transaction did to one row, as the stream tells it. Rows are packed in the order of the
/// plan's columns of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new row.
    Insert(Row),
    /// A row replaced. `old` when the stream repeats it: the whole row, or its key with the other
    /// columns NULL when only the key changed; `full` says which.
    Update {
        /// The old row or its key.
        old: Option<Row>,
        /// Whether `old` is the whole row.
        full: bool,
        /// The new row; columns may be [`Unchanged`](crate::row::Datum::Unchanged).
        new: Row,
    },
    /// A row gone; at least its key columns are filled in.
    Delete(Row),
    /// All rows gone.
    Truncate,
}
