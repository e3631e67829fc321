//! Packed rows: the columns a plan reads of a table, as Postgres' text, back to back.
//!
//! Each column is a varint and its bytes: 0 is NULL, 1 is *unchanged* (a TOASTed value the stream
//! did not repeat; never in a stored row), n + 2 is a text of n bytes. Equal rows have equal bytes.

use serde::{Deserialize, Serialize};

/// Packed bytes: a row, a key or a value of an arrangement.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Row(pub Box<[u8]>);

impl std::fmt::Debug for Row {
    /// Escaped, so that text in it can be read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// One column of a packed row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datum<'a> {
    /// SQL NULL.
    Null,
    /// A value the stream did not repeat.
    Unchanged,
    /// Postgres' text for the value.
    Text(&'a [u8]),
}

/// Packs columns one after another.
#[derive(Default)]
pub struct Packer(Vec<u8>);

impl Packer {
    /// Appends a column.
    pub fn push(&mut self, datum: Datum<'_>) {
        match datum {
            Datum::Null => self.0.push(0),
            Datum::Unchanged => self.0.push(1),
            Datum::Text(bytes) => {
                let mut n = bytes.len() + 2;
                while n >= 0x80 {
                    self.0.push(n as u8 | 0x80);
                    n >>= 7;
                }
                self.0.push(n as u8);
                self.0.extend_from_slice(bytes);
            }
        }
    }

    /// The row, leaving the packer empty for the next.
    pub fn finish(&mut self) -> Row {
        let row = Row(self.0.as_slice().into());
        self.0.clear();
        row
    }
}
