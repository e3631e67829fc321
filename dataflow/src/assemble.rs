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

use flusso_compiler::plan::{KeptId, KeyPart};
use flusso_compiler::types::Render;
use smallvec::SmallVec;

use crate::aggregate::{self, Over, Values};
use crate::eval::Scratch;
use crate::lookup::Shards;
use crate::order;
use crate::query::Frame;
use crate::row::{Columns, Datum};
use crate::shape::{Aggregate, Document, Field, Listed, Piece, Reader, Shape};
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

    /// Likewise of tallies.
    pub fn tallies(&self, kept: KeptId) -> &Shards<Tallies> {
        match &self.0[usize::from(kept.0)] {
            View::Tallies(shards) => shards,
            View::Rows(_) => unreachable!("the plan reads tallies of {kept:?}, which holds rows"),
        }
    }
}

/// Space used from document to document.
#[derive(Default)]
pub struct Space {
    /// For expressions, and those of them that failed.
    pub scratch: Scratch,
    key: Vec<u8>,
}

/// A row in scope: its value in the arrangement, and its columns.
pub struct Found<'a> {
    unique: &'a [u8],
    /// Its columns.
    pub row: Columns<'a>,
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
    let frame = Frame { rows: &[&root], outer: None };
    let present = filter.is_none_or(|it| it.passes(&root, &mut space.scratch))
        && document.further.iter().all(|it| it.passes(&frame, views, &mut space.scratch));
    if present {
        shape(&document.shape, &frame, views, space, out);
    }
    Some((root, present && !space.scratch.skips()))
}

fn shape(
    shape: &Shape,
    frame: &Frame<'_, '_>,
    views: &Views,
    space: &mut Space,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (position, Field { name, piece: value }) in shape.fields.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        piece(value, frame, views, space, out);
    }
    out.push(b'}');
}

fn piece(
    piece: &Piece,
    frame: &Frame<'_, '_>,
    views: &Views,
    space: &mut Space,
    out: &mut Vec<u8>,
) {
    let row = frame.row();
    match piece {
        Piece::Formula(formula, render, on_error) => {
            let write = |value: Datum<'_>| json::datum(render, value, out);
            formula.field(frame, views, *on_error, &mut space.scratch, write);
        }
        Piece::Column(position, render) => json::datum(render, row[*position], out),
        Piece::Expr(program, render, on_error) => {
            json::datum(render, program.field(row, *on_error, &mut space.scratch), out);
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
        Piece::Object(object) => shape(object, frame, views, space, out),
        Piece::One(reader, object) => match read(reader, frame, views, space).first() {
            Some(found) => {
                let inner = Frame { rows: &[&found.row], outer: Some(frame) };
                shape(object, &inner, views, space, out);
            }
            None => out.extend_from_slice(b"null"),
        },
        Piece::Many(reader, object) => {
            out.push(b'[');
            for (position, found) in read(reader, frame, views, space).iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                let inner = Frame { rows: &[&found.row], outer: Some(frame) };
                shape(object, &inner, views, space, out);
            }
            out.push(b']');
        }
        Piece::Rows(listed) => {
            let Listed { query, object, one } = listed.as_ref();
            let start = out.len();
            query.each(frame, views, space, |row, space| {
                out.push(if out.len() == start { b'[' } else { b',' });
                shape(object, row, views, space, out);
            });
            match (one, out.len() == start) {
                (true, true) => out.extend_from_slice(b"null"),
                (true, false) => {
                    out.remove(start);
                }
                (false, true) => out.extend_from_slice(b"[]"),
                (false, false) => out.push(b']'),
            }
        }
        Piece::Aggregate(Aggregate::Tallied { kept, key, tally, function, ty }) => {
            let tallies = match keyed(key, row, &mut space.key) {
                true => views.tallies(*kept).sum(&space.key),
                false => None,
            };
            tally::finish(tallies.as_ref(), *tally, *function, ty, out);
        }
        Piece::Aggregate(Aggregate::Gathered {
            reader,
            function,
            of,
            class,
            ty,
            render,
            separator,
        }) => {
            let rows = read(reader, frame, views, space);
            let values = Values::of(&rows, of.as_ref(), &mut space.scratch);
            let over = Over { function: *function, class, ty, render, separator };
            aggregate::write(&over, &values, out);
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
    frame: &Frame<'_, '_>,
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
            let further = |scratch: &mut Scratch| {
                let found = Frame { rows: &[&row], outer: Some(frame) };
                reader.further.iter().all(|it| it.passes(&found, views, scratch))
            };
            if reader.filter.as_ref().is_none_or(|it| it.passes(&row, scratch)) && further(scratch)
            {
                for _ in 0..count * times {
                    rows.push(Found { unique, row: row.clone() });
                }
            }
        }
    };
    if !keyed(&reader.key, frame.row(), &mut space.key) {
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
