//! Values as evaluation holds them: read once from Postgres' text, then plain data that is copied
//! freely. Whatever does not fit in a few words lies in the row, in the program or in an arena.

use bumpalo::Bump;

use super::interval::Interval;
use super::json::Json;
use super::numeric::Numeric;

/// Where temporaries of one evaluation lie; emptied before the next.
pub(crate) type Arena = Bump;

/// Text under construction in an [`Arena`].
pub(crate) type Draft<'a> = bumpalo::collections::String<'a>;

/// A list under construction in an [`Arena`].
pub(crate) type List<'a, T> = bumpalo::collections::Vec<'a, T>;

/// A value that is not NULL.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// `boolean`.
    Bool(bool),
    /// `smallint`, `integer`, `bigint`, `oid`: whoever makes one has checked the range.
    Int(i64),
    /// `real`.
    Float4(f32),
    /// `double precision`.
    Float8(f64),
    /// `numeric`.
    Numeric(Numeric<'a>),
    /// All kinds of text, labels of enums, and whatever is passed on as text.
    Text(&'a str),
    /// `bytea`.
    Bytes(&'a [u8]),
    /// Days since 2000; the ends of the range are the infinities.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since midnight where clocks are so many seconds west of UTC.
    TimeTz(i64, i32),
    /// Microseconds since 2000; the ends of the range are the infinities.
    Timestamp(i64),
    /// The same in UTC.
    TimestampTz(i64),
    /// `interval`.
    Interval(Interval),
    /// `uuid`.
    Uuid([u8; 16]),
    /// `json` as it was written.
    JsonText(&'a str),
    /// `jsonb`.
    Json(Json<'a>),
    /// An array of any type.
    Array(Array<'a>),
}

/// An array; without dimensions it is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Array<'a> {
    /// Lower bound and length of each dimension.
    pub dimensions: &'a [(i32, i32)],
    /// The last dimension running fastest.
    pub elements: &'a [Option<Value<'a>>],
}

impl<'a> Array<'a> {
    /// No dimensions.
    pub const EMPTY: Array<'static> = Array { dimensions: &[], elements: &[] };

    /// One dimension from 1.
    pub fn flat(elements: &'a [Option<Value<'a>>], arena: &'a Arena) -> Array<'a> {
        if elements.is_empty() {
            return Array::EMPTY;
        }
        // Postgres has no array of more than 2^27 elements, nor have we the memory for one.
        let length = i32::try_from(elements.len()).unwrap_or(i32::MAX);
        Array { dimensions: arena.alloc_slice_copy(&[(1, length)]), elements }
    }
}
