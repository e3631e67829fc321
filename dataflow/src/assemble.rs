//! Writes one document: lookups from the root downwards, straight into JSON.
//!
//! ```text
//!  root key ─► row ─► present? ─► { fields
//!                                   scalar          the row's own text
//!                                   one, many       key from this row ─► group ─► rows ─► { … }
//!                                   aggregate       key from this row ─► tally, or rows
//!                                 }
//! ```
//!
//! No state and no intermediate form: rows are read where the batches hold them, as of one closed
//! moment for the whole document, so it is the state at one commit. See `shape` for how a plan
//! becomes what is walked here.

use flusso_compiler::plan::{AggregateFunction, KeptId, KeyPart};
use flusso_compiler::types::{Class, Render};
use smallvec::SmallVec;

use crate::eval::Scratch;
use crate::lookup::Shards;
use crate::order;
use crate::row::{Columns, Datum};
use crate::shape::{Aggregate, Document, Field, Piece, Reader, Shape};
use crate::tally::{self, Tallies};
use crate::value::{Parts, split};
use crate::{json, row};

/// The shards of one kept thing, as of one moment.
pub enum View {
    /// Rows by key.
    Rows(Shards<i64>),
    /// Tallies by key.
    Tallies(Shards<Tallies>),
}

/// Everything a document may read, as of one moment.
pub struct Views(pub Vec<View>);

impl Views {
    /// The planner lets only what reads rows name a kept thing of rows.
    pub fn rows(&self, kept: KeptId) -> &Shards<i64> {
        match &self.0[usize::from(kept.0)] {
            View::Rows(shards) => shards,
            View::Tallies(_) => {
                unreachable!("the plan reads rows of {kept:?}, which holds tallies")
            }
        }
    }

    /// The most batches that any of them lies in.
    pub fn batches(&self) -> usize {
        let batches = |view: &View| match view {
            View::Rows(shards) => shards.batches(),
            View::Tallies(shards) => shards.batches(),
        };
        self.0.iter().map(batches).max().unwrap_or(0)
    }

    fn tallies(&self, kept: KeptId) -> &Shards<Tallies> {
        match &self.0[usize::from(kept.0)] {
            View::Tallies(shards) => shards,
            View::Rows(_) => unreachable!("the plan reads tallies of {kept:?}, which holds rows"),
        }
    }
}

/// Space used from document to document.
#[derive(Default)]
pub struct Space {
    scratch: Scratch,
    key: Vec<u8>,
}

/// A row in scope: its value in the arrangement, and its columns.
struct Found<'a> {
    unique: &'a [u8],
    row: Columns<'a>,
}

/// The root row under a key, and whether it is a document, which is then written; none when there
/// is no such row.
pub fn document<'a>(
    document: &Document,
    key: &[u8],
    views: &'a Views,
    space: &mut Space,
    out: &mut Vec<u8>,
) -> Option<(Columns<'a>, bool)> {
    let (value, _) = views.rows(document.root).group(key).next()?;
    let root = row::split(split(value).packed);
    let filter = document.present.as_ref();
    let present = filter.is_none_or(|it| it.truth(&root, &mut space.scratch) == Some(true));
    if present {
        shape(&document.shape, &root, views, space, out);
    }
    Some((root, present))
}

fn shape(shape: &Shape, row: &[Datum<'_>], views: &Views, space: &mut Space, out: &mut Vec<u8>) {
    out.push(b'{');
    for (position, Field { name, piece: value }) in shape.fields.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        piece(value, row, views, space, out);
    }
    out.push(b'}');
}

fn piece(piece: &Piece, row: &[Datum<'_>], views: &Views, space: &mut Space, out: &mut Vec<u8>) {
    match piece {
        Piece::Column(position, render) => json::datum(render, row[*position], out),
        Piece::Expr(program, render) => {
            json::datum(render, program.value(row, &mut space.scratch), out);
        }
        Piece::Geo { lat, lon } => match (row[*lat], row[*lon]) {
            (lat @ Datum::Text(_), lon @ Datum::Text(_)) => {
                out.extend_from_slice(b"{\"lat\":");
                json::datum(&Render::Number, lat, out);
                out.extend_from_slice(b",\"lon\":");
                json::datum(&Render::Number, lon, out);
                out.push(b'}');
            }
            _ => out.extend_from_slice(b"null"),
        },
        Piece::Constant(json) => out.extend_from_slice(json),
        Piece::Object(object) => shape(object, row, views, space, out),
        Piece::One(reader, object) => match read(reader, row, views, space).first() {
            Some(found) => shape(object, &found.row, views, space, out),
            None => out.extend_from_slice(b"null"),
        },
        Piece::Many(reader, object) => {
            out.push(b'[');
            for (position, found) in read(reader, row, views, space).iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                shape(object, &found.row, views, space, out);
            }
            out.push(b']');
        }
        Piece::Aggregate(Aggregate::Tallied { kept, key, tally, function, ty }) => {
            let tallies = match keyed(key, row, &mut space.key) {
                true => views.tallies(*kept).sum(&space.key),
                false => None,
            };
            tally::finish(tallies.as_ref(), *tally, *function, ty, out);
        }
        Piece::Aggregate(Aggregate::Gathered { reader, function, column, class, ty, render }) => {
            let rows = read(reader, row, views, space);
            gathered(&rows, *function, *column, class, ty, render, out);
        }
    }
}

/// Encodes a lookup key; false when a part is NULL, or is no value of the other side's class.
fn keyed(parts: &[KeyPart], row: &[Datum<'_>], key: &mut Vec<u8>) -> bool {
    key.clear();
    order::key(parts, row, key).unwrap_or(false)
}

/// Bytes that most sort keys find room in.
const SORT_KEY: usize = 64;

/// The rows of a block in its order.
fn read<'a>(
    reader: &Reader,
    row: &[Datum<'_>],
    views: &'a Views,
    space: &mut Space,
) -> SmallVec<[Found<'a>; 8]> {
    let mut rows = SmallVec::new();
    let limit = reader.limit.unwrap_or(usize::MAX);
    let enough = if reader.sorted { limit } else { usize::MAX };
    let mut take = |key: &[u8], times: i64, scratch: &mut Scratch| {
        for (value, count) in views.rows(reader.kept).group(key) {
            if rows.len() >= enough {
                break;
            }
            let Parts { unique, packed, .. } = split(value);
            let row = row::split(packed);
            if reader.filter.as_ref().is_none_or(|it| it.truth(&row, scratch) == Some(true)) {
                for _ in 0..count * times {
                    rows.push(Found { unique, row: row.clone() });
                }
            }
        }
    };
    if !keyed(&reader.key, row, &mut space.key) {
        return rows;
    }
    match &reader.through {
        None => take(&space.key, 1, &mut space.scratch),
        Some((junction, gives)) => {
            let mut key = Vec::new();
            for (value, count) in views.rows(*junction).group(&space.key) {
                if keyed(gives, &row::split(split(value).packed), &mut key) {
                    take(&key, count, &mut space.scratch);
                }
            }
        }
    }
    if !reader.sorted && rows.len() > 1 {
        rows.sort_by_cached_key(|found: &Found<'_>| {
            let mut key = Vec::with_capacity(SORT_KEY);
            // A value that cannot be encoded sorts where the encoding stopped, the same each time.
            let _ = order::prefix(&reader.order, &found.row, &mut key);
            key.extend_from_slice(found.unique);
            key
        });
    }
    rows.truncate(limit);
    rows
}

fn gathered(
    rows: &[Found<'_>],
    function: AggregateFunction,
    column: usize,
    class: &Class,
    ty: &flusso_compiler::types::SqlType,
    render: &Render,
    out: &mut Vec<u8>,
) {
    let texts = rows.iter().filter_map(|found| match found.row[column] {
        Datum::Text(text) => Some(text),
        Datum::Null | Datum::Unchanged => None,
    });
    let encoded = |text: &&[u8]| {
        let mut key = Vec::new();
        order::encode(class, text, &mut key).map(|()| key).ok()
    };
    let one = match function {
        AggregateFunction::Min => texts.min_by_key(encoded),
        AggregateFunction::Max => texts.max_by_key(encoded),
        AggregateFunction::Ids => {
            out.push(b'[');
            for (position, text) in texts.enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                json::write(render, text, out);
            }
            return out.push(b']');
        }
        AggregateFunction::Count => {
            return out.extend_from_slice(rows.len().to_string().as_bytes());
        }
        AggregateFunction::Sum | AggregateFunction::Avg => {
            return tally::finish(tally::over(texts, ty).as_ref(), 0, function, ty, out);
        }
    };
    json::datum(render, one.map_or(Datum::Null, Datum::Text), out);
}
