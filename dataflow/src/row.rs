//! Packed rows: the columns a plan reads of a table, as Postgres' text, back to back.
//!
//! Each column is a varint and its bytes: 0 is NULL, 1 is *unchanged* (a TOASTed value the stream
//! did not repeat; never in a stored row), n + 2 is a text of n bytes. Equal rows have equal bytes.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Packed bytes: a row, a key or a value of an arrangement. Up to two integers lie in place: most
/// keys are sorted and moved without following a pointer.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Row(pub SmallVec<[u8; 16]>);

impl Ord for Row {
    fn cmp(&self, other: &Row) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Row) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As slices compare; two keys of one integer each by one comparison.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    match (<[u8; 8]>::try_from(a), <[u8; 8]>::try_from(b)) {
        (Ok(a), Ok(b)) => u64::from_be_bytes(a).cmp(&u64::from_be_bytes(b)),
        _ => a.cmp(b),
    }
}

impl From<&[u8]> for Row {
    fn from(bytes: &[u8]) -> Row {
        Row(SmallVec::from_slice(bytes))
    }
}

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
    /// Packs after what is there already.
    pub fn onto(bytes: Vec<u8>) -> Packer {
        Packer(bytes)
    }

    /// All bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

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
        let row = Row::from(self.0.as_slice());
        self.0.clear();
        row
    }
}

/// The columns of a row, for access in any order; on the stack up to sixteen.
pub type Columns<'a> = SmallVec<[Datum<'a>; 16]>;

/// The columns one after another. Bytes no [`Packer`] made end the row early.
pub fn columns(row: &[u8]) -> impl Iterator<Item = Datum<'_>> {
    let mut rest = row;
    std::iter::from_fn(move || {
        let (datum, after) = first(rest)?;
        rest = after;
        Some(datum)
    })
}

/// The column at a position, those before it skipped undecoded; NULL when the row is shorter.
pub fn column(row: &[u8], position: usize) -> Datum<'_> {
    columns(row).nth(position).unwrap_or(Datum::Null)
}

/// All columns at once.
pub fn split(row: &[u8]) -> Columns<'_> {
    let (mut columns, mut rest) = (Columns::new(), row);
    while let Some((datum, after)) = first(rest) {
        columns.push(datum);
        rest = after;
    }
    columns
}

/// The hash that spreads keys over workers.
pub fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The first column and the bytes after it.
fn first(row: &[u8]) -> Option<(Datum<'_>, &[u8])> {
    let (&byte, mut rest) = row.split_first()?;
    let mut n = usize::from(byte & 0x7f);
    let mut more = byte & 0x80 != 0;
    let mut shift = 7;
    while more {
        let Some((&byte, after)) = rest.split_first().filter(|_| shift < usize::BITS) else {
            debug_assert!(false, "a length is cut off: {}", row.escape_ascii());
            return None;
        };
        n |= usize::from(byte & 0x7f) << shift;
        more = byte & 0x80 != 0;
        rest = after;
        shift += 7;
    }
    match n {
        0 => Some((Datum::Null, rest)),
        1 => Some((Datum::Unchanged, rest)),
        n => {
            let text = rest.split_at_checked(n - 2);
            debug_assert!(text.is_some(), "a text is cut off: {}", row.escape_ascii());
            text.map(|(text, rest)| (Datum::Text(text), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(columns: &[Option<Option<Vec<u8>>>]) -> (Vec<Datum<'_>>, Row) {
        let mut packer = Packer::default();
        let columns: Vec<_> = columns
            .iter()
            .map(|column| match column {
                None => Datum::Unchanged,
                Some(None) => Datum::Null,
                Some(Some(text)) => Datum::Text(text),
            })
            .collect();
        columns.iter().for_each(|column| packer.push(*column));
        (columns, packer.finish())
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read_back(
            columns: Vec<Option<Option<Vec<u8>>>>, long in 100usize..40_000,
        ) {
            let mut given = columns;
            given.push(Some(Some(vec![b'x'; long])));
            let (given, row) = pack(&given);
            prop_assert_eq!(split(&row.0).to_vec(), given.clone());
            for (position, datum) in given.iter().enumerate() {
                prop_assert_eq!(column(&row.0, position), *datum);
            }
            prop_assert_eq!(column(&row.0, given.len()), Datum::Null);
        }
    }
}
