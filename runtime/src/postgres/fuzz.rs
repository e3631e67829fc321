//! Bytes that no server sent: every reader of the source takes them, and ends in an error.
//!
//! A changed byte inside a text cannot be noticed. What can is noticed: lengths, tags and counts.
//! So what is decoded is all there was: written again it is the same bytes.

use bytes::{Bytes, BytesMut};
use flusso_dataflow::row::Datum;
use proptest::prelude::*;
use proptest::sample::Index;

use super::copy::Lines;
use super::decode::{Message, Old, Relation, Tuple, decode};
use super::wire::{cut, parse_lsn, row, server_message};

/// Appends a message as pgoutput writes it. Positions and times that are not kept come as `filler`.
fn encode(message: &Message<'_>, filler: &[u8], out: &mut Vec<u8>) {
    match message {
        Message::Begin { final_lsn } => {
            out.push(b'B');
            out.extend(final_lsn.to_be_bytes());
            out.extend(&filler[9..21]);
        }
        Message::Commit { end_lsn, time } => {
            out.push(b'C');
            out.extend(&filler[1..10]);
            out.extend(end_lsn.to_be_bytes());
            out.extend(time.to_be_bytes());
        }
        Message::Relation(relation) => encode_relation(relation, filler, out),
        Message::Insert { relation, new } => {
            out.push(b'I');
            out.extend(relation.to_be_bytes());
            encode_tuple(b'N', *new, out);
        }
        Message::Update { relation, old, new } => {
            out.push(b'U');
            out.extend(relation.to_be_bytes());
            if let Some(old) = old {
                encode_old(old, out);
            }
            encode_tuple(b'N', *new, out);
        }
        Message::Delete { relation, old } => {
            out.push(b'D');
            out.extend(relation.to_be_bytes());
            encode_old(old, out);
        }
        Message::Truncate { relations } => {
            out.push(b'T');
            out.extend((relations.len() as u32).to_be_bytes());
            out.push(filler[5]);
            relations.iter().for_each(|oid| out.extend(oid.to_be_bytes()));
        }
        Message::Other => out.extend(filler),
    }
}

fn encode_old(old: &Old<'_>, out: &mut Vec<u8>) {
    encode_tuple(if old.full { b'O' } else { b'K' }, old.tuple, out);
}

fn encode_tuple(mark: u8, tuple: Tuple<'_>, out: &mut Vec<u8>) {
    out.push(mark);
    out.extend((tuple.values().count() as u16).to_be_bytes());
    for value in tuple.values() {
        match value {
            Datum::Null => out.push(b'n'),
            Datum::Unchanged => out.push(b'u'),
            Datum::Text(text) => {
                out.push(b't');
                out.extend((text.len() as u32).to_be_bytes());
                out.extend(text);
            }
        }
    }
}

/// Of flags only the lowest bit is kept, the others are those of `from`.
fn encode_relation(relation: &Relation, from: &[u8], out: &mut Vec<u8>) {
    out.push(b'R');
    out.extend(relation.oid.to_be_bytes());
    for name in [&relation.schema, &relation.name] {
        out.extend(name.bytes().chain([0]));
    }
    out.push(relation.identity);
    out.extend((relation.columns.len() as u16).to_be_bytes());
    for column in &relation.columns {
        let flags = from.get(out.len()).copied().unwrap_or(0);
        out.push(flags & !1 | u8::from(column.identity));
        out.extend(column.name.bytes().chain([0]));
        out.extend(column.type_oid.to_be_bytes());
        out.extend(column.typmod.to_be_bytes());
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..12)
}

/// A tuple's bytes, its mark included.
fn tuple(mark: u8) -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(b"n".to_vec()),
        Just(b"u".to_vec()),
        text().prop_map(|text| {
            let mut value = b"t".to_vec();
            value.extend((text.len() as u32).to_be_bytes());
            value.extend(text);
            value
        }),
    ];
    prop::collection::vec(value, 0..5).prop_map(move |values| {
        let mut bytes = vec![mark];
        bytes.extend((values.len() as u16).to_be_bytes());
        bytes.extend(values.concat());
        bytes
    })
}

fn after(tag: u8, oid: u32, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(oid.to_be_bytes());
    bytes.extend(parts.concat());
    bytes
}

/// A message that a server could have sent.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    let name = "[a-z \u{e9}]{0,5}";
    let column = (any::<bool>(), name, any::<u32>(), any::<i32>());
    prop_oneof![
        prop::collection::vec(any::<u8>(), 20).prop_map(|rest| [vec![b'B'], rest].concat()),
        prop::collection::vec(any::<u8>(), 25).prop_map(|rest| [vec![b'C'], rest].concat()),
        (any::<u32>(), tuple(b'N')).prop_map(|(oid, new)| after(b'I', oid, &[new])),
        (any::<u32>(), tuple(b'N')).prop_map(|(oid, new)| after(b'U', oid, &[new])),
        (any::<u32>(), tuple(b'O'), tuple(b'N')).prop_map(|(oid, old, new)| after(
            b'U',
            oid,
            &[old, new]
        )),
        (any::<u32>(), tuple(b'K')).prop_map(|(oid, old)| after(b'D', oid, &[old])),
        prop::collection::vec(any::<u32>(), 0..4).prop_map(|oids| {
            let list: Vec<u8> = oids.iter().flat_map(|oid| oid.to_be_bytes()).collect();
            after(b'T', oids.len() as u32, &[vec![1], list])
        }),
        (any::<u32>(), name, name, prop::collection::vec(column, 0..4)).prop_map(
            |(oid, schema, table, columns)| {
                let mut bytes = after(b'R', oid, &[]);
                bytes.extend(format!("{schema}\0{table}\0d").bytes());
                bytes.extend((columns.len() as u16).to_be_bytes());
                for (identity, name, oid, typmod) in columns {
                    bytes.push(identity.into());
                    bytes.extend(name.bytes().chain([0]));
                    bytes.extend(oid.to_be_bytes());
                    bytes.extend(typmod.to_be_bytes());
                }
                bytes
            }
        ),
    ]
}

/// What is decoded is all of it, or it is an error.
fn all_or_nothing(bytes: &[u8]) {
    let Ok(message) = decode(bytes) else { return };
    let lossy = |name: &str| name.contains(char::REPLACEMENT_CHARACTER);
    if let Message::Relation(relation) = &message
        && (lossy(&relation.schema)
            || lossy(&relation.name)
            || relation.columns.iter().any(|column| lossy(&column.name)))
    {
        return;
    }
    let mut again = Vec::new();
    encode(&message, bytes, &mut again);
    assert_eq!(again.escape_ascii().to_string(), bytes.escape_ascii().to_string(), "{message:?}");
}

proptest! {
    #[test]
    fn a_message_is_read_whole(bytes in sent()) {
        prop_assert!(decode(&bytes).is_ok(), "{}", bytes.escape_ascii());
        all_or_nothing(&bytes);
    }

    #[test]
    fn a_damaged_message_is_read_whole_or_refused(
        bytes in sent(),
        edits in prop::collection::vec((any::<Index>(), any::<u8>()), 0..6),
        end in any::<Index>(),
        whole in any::<bool>(),
        tail in text(),
    ) {
        let mut bytes = bytes;
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if !whole {
            bytes.truncate(end.index(bytes.len()));
        }
        bytes.extend(tail);
        all_or_nothing(&bytes);
    }

    #[test]
    fn any_bytes_at_all(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        all_or_nothing(&bytes);
        server_message(&bytes);
        row(Bytes::from(bytes.clone()));
        parse_lsn(&String::from_utf8_lossy(&bytes));
    }

    /// Every byte is in a frame, or still waited for, or behind the length that was refused.
    #[test]
    fn frames_lose_no_byte(
        bytes in prop::collection::vec(prop_oneof![4 => Just(0u8), 1 => any::<u8>()], 0..200),
        cuts in prop::collection::vec(any::<Index>(), 0..5),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|at| at.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut incoming = BytesMut::new();
        let (mut taken, mut refused) = (Vec::new(), false);
        for pair in cuts.windows(2) {
            incoming.extend_from_slice(&bytes[pair[0]..pair[1]]);
            loop {
                match cut(&mut incoming) {
                    Ok(Some(frame)) => {
                        taken.push(frame.tag);
                        taken.extend((frame.body.len() as u32 + 4).to_be_bytes());
                        taken.extend(&frame.body);
                    }
                    Ok(None) => break,
                    Err(_) => {
                        refused = true;
                        break;
                    }
                }
            }
        }
        taken.extend_from_slice(&incoming);
        prop_assert_eq!(&taken, &bytes);
        let length = incoming.get(1..5).map(|it| u32::from_be_bytes([it[0], it[1], it[2], it[3]]));
        prop_assert_eq!(refused, length.is_some_and(|it| !(4..=1 << 30).contains(&it)));
    }

    /// A line of a copy has so many values, or the copy has failed.
    #[test]
    fn lines_of_a_copy(
        text in "[a\\\\\t\nNb]{0,40}",
        columns in 1..4usize,
        at in any::<Index>(),
    ) {
        let (first, second) = text.as_bytes().split_at(at.index(text.len() + 1));
        let (mut lines, mut rows) = (Lines::new(columns), Vec::new());
        let taken = lines.take(first, &mut rows).and_then(|()| lines.take(second, &mut rows));
        let whole: Vec<&str> = text.split_inclusive('\n').filter(|it| it.ends_with('\n')).collect();
        let right = whole.iter().all(|line| line.matches('\t').count() + 1 == columns);
        prop_assert_eq!(taken.is_some(), right);
        if right {
            prop_assert_eq!(rows.len(), whole.len());
            for row in &rows {
                prop_assert_eq!(flusso_dataflow::row::split(&row.0).len(), columns);
            }
        }
    }
}
