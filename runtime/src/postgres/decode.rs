//! pgoutput, protocol version 1, text values: bytes to messages that borrow from them.
//!
//! Version 1 delivers whole transactions in commit order, which is all we want. Every length is
//! checked when a message is decoded, so that reading a [`Tuple`] afterwards cannot fail. Bytes
//! that make no sense are an error and never a panic: they end the run, not the process.

use std::fmt;

use flusso_dataflow::Lsn;
use flusso_dataflow::row::Datum;

/// One message of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// A transaction starts.
    Begin {
        /// Where its commit record starts.
        final_lsn: Lsn,
    },
    /// It ends.
    Commit {
        /// Where its commit record ends: how far to confirm.
        end_lsn: Lsn,
        /// Microseconds since 2000 at which it was committed.
        time: i64,
    },
    /// What the columns of a table are, before its first row and after each change of it.
    Relation(Relation),
    /// A row came.
    Insert {
        /// OID of its table.
        relation: u32,
        /// The row.
        new: Tuple<'a>,
    },
    /// A row changed.
    Update {
        /// OID of its table.
        relation: u32,
        /// What was there, as far as the replica identity tells.
        old: Option<Old<'a>>,
        /// The row.
        new: Tuple<'a>,
    },
    /// A row went.
    Delete {
        /// OID of its table.
        relation: u32,
        /// What was there.
        old: Old<'a>,
    },
    /// All rows of these tables went.
    Truncate {
        /// Their OIDs.
        relations: Vec<u32>,
    },
    /// A type, an origin or a logical message: nothing to us.
    Other,
}

/// The old version of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Old<'a> {
    /// The whole row (`REPLICA IDENTITY FULL`) and not only its key.
    pub full: bool,
    /// Its values; of a key, the other columns are NULL.
    pub tuple: Tuple<'a>,
}

/// A table as the stream describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// OID.
    pub oid: u32,
    /// Its database schema; empty for `pg_catalog`.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Replica identity: `d`, `f`, `i` or `n`.
    pub identity: u8,
    /// Its columns as rows carry them.
    pub columns: Vec<RelationColumn>,
}

/// A column of a [`Relation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationColumn {
    /// Part of the replica identity.
    pub identity: bool,
    /// Its name.
    pub name: String,
    /// OID of its type.
    pub type_oid: u32,
    /// Type modifier, −1 for none.
    pub typmod: i32,
}

/// The values of a row, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuple<'a> {
    bytes: &'a [u8],
}

impl<'a> Tuple<'a> {
    /// The values in the order of the relation's columns.
    pub fn values(self) -> Values<'a> {
        Values(self.bytes)
    }
}

/// Iterator over the values of a [`Tuple`].
pub struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Datum<'a>;

    fn next(&mut self) -> Option<Datum<'a>> {
        let (kind, rest) = self.0.split_first()?;
        match kind {
            b'n' => {
                self.0 = rest;
                Some(Datum::Null)
            }
            b'u' => {
                self.0 = rest;
                Some(Datum::Unchanged)
            }
            _ => {
                let (length, rest) = rest.split_first_chunk::<4>()?;
                let (text, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
                self.0 = rest;
                Some(Datum::Text(text))
            }
        }
    }
}

/// Bytes that are no message, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What was expected.
    pub expected: &'static str,
    /// The message's tag.
    pub tag: u8,
    /// Bytes that were left when it failed.
    pub left: usize,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a pgoutput message `{}` that cannot be read: expected {}, {} bytes left",
            self.tag.escape_ascii(),
            self.expected,
            self.left
        )
    }
}

impl std::error::Error for DecodeError {}

/// Decodes one message.
pub fn decode(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let tag = bytes.first().copied().unwrap_or(0);
    let mut input = Input { tag, left: bytes.get(1..).unwrap_or_default() };
    let message = match tag {
        b'B' => {
            let final_lsn = input.u64("the final LSN")?;
            input.take(12, "time and xid")?;
            Message::Begin { final_lsn }
        }
        b'C' => {
            input.take(9, "flags and LSN")?;
            let end_lsn = input.u64("the end LSN")?;
            Message::Commit { end_lsn, time: input.u64("the time")?.cast_signed() }
        }
        b'R' => Message::Relation(input.relation()?),
        b'I' => {
            let relation = input.u32("a relation")?;
            match input.u8("a new row")? {
                b'N' => Message::Insert { relation, new: input.tuple()? },
                _ => return Err(input.expected("a new row")),
            }
        }
        b'U' => {
            let relation = input.u32("a relation")?;
            let (old, mark) = match input.u8("a row")? {
                mark @ (b'K' | b'O') => {
                    let old = Old { full: mark == b'O', tuple: input.tuple()? };
                    (Some(old), input.u8("a new row")?)
                }
                mark => (None, mark),
            };
            match mark {
                b'N' => Message::Update { relation, old, new: input.tuple()? },
                _ => return Err(input.expected("a new row")),
            }
        }
        b'D' => {
            let relation = input.u32("a relation")?;
            match input.u8("an old row")? {
                mark @ (b'K' | b'O') => {
                    let old = Old { full: mark == b'O', tuple: input.tuple()? };
                    Message::Delete { relation, old }
                }
                _ => return Err(input.expected("an old row")),
            }
        }
        b'T' => {
            let count = input.u32("a count")? as usize;
            input.u8("flags")?;
            let oids = input.take(count.saturating_mul(4), "relations")?;
            let oids = oids.chunks_exact(4);
            let relations = oids.map(|oid| u32::from_be_bytes([oid[0], oid[1], oid[2], oid[3]]));
            Message::Truncate { relations: relations.collect() }
        }
        b'Y' | b'O' | b'M' => return Ok(Message::Other),
        _ => return Err(input.expected("a known message")),
    };
    match input.left.is_empty() {
        true => Ok(message),
        false => Err(input.expected("the end")),
    }
}

/// What is left of a message.
struct Input<'a> {
    tag: u8,
    left: &'a [u8],
}

impl<'a> Input<'a> {
    fn expected(&self, expected: &'static str) -> DecodeError {
        DecodeError { expected, tag: self.tag, left: self.left.len() }
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, left) =
            self.left.split_at_checked(length).ok_or_else(|| self.expected(what))?;
        self.left = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let (taken, left) = self.left.split_first_chunk().ok_or_else(|| self.expected(what))?;
        self.left = left;
        Ok(*taken)
    }

    fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array(what).map(u8::from_be_bytes)
    }

    fn u16(&mut self, what: &'static str) -> Result<u16, DecodeError> {
        self.array(what).map(u16::from_be_bytes)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_be_bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_be_bytes)
    }

    fn name(&mut self, what: &'static str) -> Result<String, DecodeError> {
        let end = memchr::memchr(0, self.left).ok_or_else(|| self.expected(what))?;
        let name = self.take(end + 1, what)?;
        Ok(String::from_utf8_lossy(&name[..end]).into_owned())
    }

    fn relation(&mut self) -> Result<Relation, DecodeError> {
        let oid = self.u32("a relation")?;
        let schema = self.name("a schema")?;
        let name = self.name("a name")?;
        let identity = self.u8("a replica identity")?;
        let count = self.u16("a count")?;
        let mut columns = Vec::new();
        for _ in 0..count {
            columns.push(RelationColumn {
                identity: self.u8("flags")? & 1 == 1,
                name: self.name("a column")?,
                type_oid: self.u32("a type")?,
                typmod: self.u32("a type modifier")?.cast_signed(),
            });
        }
        Ok(Relation { oid, schema, name, identity, columns })
    }

    /// Checks every value and keeps the stretch of them.
    fn tuple(&mut self) -> Result<Tuple<'a>, DecodeError> {
        let count = self.u16("a count")?;
        let start = self.left;
        for _ in 0..count {
            match self.u8("a value")? {
                b'n' | b'u' => {}
                b't' => {
                    let length = self.u32("a length")? as usize;
                    self.take(length, "a text")?;
                }
                _ => return Err(self.expected("a value in text form")),
            }
        }
        let bytes = &start[..start.len() - self.left.len()];
        Ok(Tuple { bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Messages as a Postgres 15 sent them, apart from positions and times.
    fn vectors() -> Vec<Vec<u8>> {
        let mut begin = b"B".to_vec();
        begin.extend(0x0153_4A10u64.to_be_bytes());
        begin.extend([0; 12]);
        let mut commit = b"C\0".to_vec();
        commit.extend([0; 8]);
        commit.extend(0x0153_4A40u64.to_be_bytes());
        commit.extend(7i64.to_be_bytes());
        let relation = b"R\0\0\x40\x01public\0users\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\
            \0full name\0\0\0\0\x19\xff\xff\xff\xff";
        vec![
            begin,
            commit,
            relation.to_vec(),
            b"I\0\0\x40\x01N\0\x02t\0\0\0\x017n".to_vec(),
            b"U\0\0\x40\x01N\0\x02t\0\0\0\x017u".to_vec(),
            b"U\0\0\x40\x01K\0\x02t\0\0\0\x017nN\0\x02t\0\0\0\x018t\0\0\0\x03Ann".to_vec(),
            b"U\0\0\x40\x01O\0\x02t\0\0\0\x017nN\0\x02t\0\0\0\x017n".to_vec(),
            b"D\0\0\x40\x01K\0\x02t\0\0\0\x017n".to_vec(),
            b"T\0\0\0\x02\x01\0\0\x40\x01\0\0\x40\x02".to_vec(),
            b"Y\0\0\x40\x03public\0mood\0".to_vec(),
        ]
    }

    #[test]
    fn each_message_is_read() {
        let vectors = vectors();
        let messages: Vec<_> = vectors.iter().map(|bytes| decode(bytes).unwrap()).collect();
        assert_eq!(messages[0], Message::Begin { final_lsn: 0x0153_4A10 });
        assert_eq!(messages[1], Message::Commit { end_lsn: 0x0153_4A40, time: 7 });
        let Message::Relation(relation) = &messages[2] else { panic!("{:?}", messages[2]) };
        assert_eq!((relation.oid, relation.name.as_str()), (0x4001, "users"));
        assert_eq!(relation.columns[1].name, "full name");
        assert_eq!((relation.columns[0].identity, relation.columns[1].identity), (true, false));
        let Message::Update { old: Some(old), new, .. } = &messages[5] else { panic!() };
        assert!(!old.full);
        assert_eq!(old.tuple.values().collect::<Vec<_>>(), [Datum::Text(b"7"), Datum::Null]);
        let texts = [Datum::Text(b"8"), Datum::Text(b"Ann")];
        assert_eq!(new.values().collect::<Vec<_>>(), texts);
        let Message::Update { old: None, new, .. } = &messages[4] else { panic!() };
        assert_eq!(new.values().nth(1), Some(Datum::Unchanged));
        assert!(matches!(&messages[6], Message::Update { old: Some(Old { full: true, .. }), .. }));
        assert_eq!(messages[8], Message::Truncate { relations: vec![0x4001, 0x4002] });
        assert_eq!(messages[9], Message::Other);
    }

    #[test]
    fn a_cut_message_is_an_error() {
        for bytes in vectors().iter().filter(|bytes| bytes[0] != b'Y') {
            for end in 0..bytes.len() {
                assert!(decode(&bytes[..end]).is_err(), "{} up to {end}", bytes[0].escape_ascii());
            }
        }
    }

    #[test]
    fn binary_values_are_refused() {
        assert!(decode(b"I\0\0\x40\x01N\0\x01b\0\0\0\x017").is_err());
    }

    proptest! {
        /// Whatever bytes come, values can be read to the end when decoding succeeded.
        #[test]
        fn mutated_bytes_never_panic(
            which in 0..10usize,
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut bytes = vectors().swap_remove(which);
            for (at, value) in edits {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if let Ok(Message::Insert { new, .. } | Message::Update { new, .. }) = decode(&bytes) {
                prop_assert!(new.values().count() <= usize::from(u16::MAX));
            }
        }
    }
}
