//! How a kept row lies in an arrangement.
//!
//! ```text
//!  key:    [key parts, encoded]
//!  value:  [order, encoded][primary key, encoded][columns, packed][length of each of the first two]
//! ```
//!
//! Encoded parts sort by their bytes as Postgres sorts the values, so the values under a key
//! stand in the order a document shows them, and the first k can be read off without sorting.
//! The primary key makes the order total and the row unique. Arrangements that only lead from one
//! key to another have neither order nor primary key: equal links fall together into one.

use flusso_compiler::plan::{ColumnId, KeyPart, OrderPart};

use crate::order::{self, BadValue};
use crate::row::{Datum, Packer, Row};

/// Turns rows of a table into keys and values of one arrangement.
pub struct Encoder {
    /// What the row is found by.
    pub key: Vec<KeyPart>,
    /// What it is sorted by.
    pub order: Vec<OrderPart>,
    /// What makes it unique; empty for links.
    pub unique: Vec<KeyPart>,
    /// What is kept of it.
    pub columns: Vec<ColumnId>,
}

impl Encoder {
    /// The key and the value; none when a part of the key is NULL. What is in `scratch` does not
    /// matter.
    pub fn encode(
        &self,
        row: &[Datum<'_>],
        scratch: &mut Vec<u8>,
    ) -> Result<Option<(Row, Row)>, BadValue> {
        let Some(key) = self.key(row, scratch)? else { return Ok(None) };
        scratch.clear();
        order::prefix(&self.order, row, scratch)?;
        let order = scratch.len();
        order::key(&self.unique, row, scratch)?;
        let unique = scratch.len() - order;
        let mut packer = Packer::onto(std::mem::take(scratch));
        for column in &self.columns {
            packer.push(row[usize::from(column.0)]);
        }
        *scratch = packer.into_bytes();
        push_length(scratch, unique);
        push_length(scratch, order);
        Ok(Some((key, Row::from(scratch.as_slice()))))
    }

    /// The key alone.
    pub fn key(&self, row: &[Datum<'_>], scratch: &mut Vec<u8>) -> Result<Option<Row>, BadValue> {
        scratch.clear();
        let whole = order::key(&self.key, row, scratch)?;
        Ok(whole.then(|| Row::from(scratch.as_slice())))
    }
}

/// A value taken apart.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The order and the primary key as they are encoded: what the value is sorted by.
    pub prefix: &'a [u8],
    /// The primary key alone.
    pub unique: &'a [u8],
    /// The columns.
    pub packed: &'a [u8],
}

/// Takes a value apart.
pub fn split(value: &[u8]) -> Parts<'_> {
    let (order, value) = pop_length(value);
    let (unique, value) = pop_length(value);
    let (prefix, packed) = value.split_at(order + unique);
    Parts { prefix, unique: &prefix[order..], packed }
}

/// Says that the length stands in the four bytes before.
const LONG: u8 = u8::MAX;

fn push_length(value: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < LONG => value.push(short),
        _ => {
            // A prefix is shorter than its row, and a row is shorter than 1 GiB.
            value.extend_from_slice(&(length as u32).to_le_bytes());
            value.push(LONG);
        }
    }
}

fn pop_length(value: &[u8]) -> (usize, &[u8]) {
    match value {
        [rest @ .., a, b, c, d, LONG] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        [rest @ .., short] => (usize::from(*short), rest),
        [] => (0, value),
    }
}
