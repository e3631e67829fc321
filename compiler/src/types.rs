//! SQL types as far as flusso tells values apart, and the two things a type decides:
//! how values compare ([`Class`]) and which JSON they become ([`Render`]).
//!
//! A value travels as the text Postgres printed for it, under pinned settings (ISO dates, UTC,
//! hex bytea, `extra_float_digits = 3`), so that `COPY` and the replication stream agree to the
//! byte and equal rows have equal bytes. Only keys and sort prefixes are re-encoded, by class.

use serde::Serialize;

/// The type of a column or of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlType {
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `oid`: unsigned 32 bits.
    Oid,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `numeric`; the scale when declared as `numeric(p, s)`.
    Numeric(Option<i16>),
    /// `money`, printed with `lc_monetary = C`.
    Money,
    /// `text`, `varchar`, `name`.
    Text,
    /// `char(n)`: printed padded, compared without the padding.
    Bpchar,
    /// `citext`: compared without case.
    Citext,
    /// `bytea`.
    Bytea,
    /// `date`.
    Date,
    /// `time`.
    Time,
    /// `time with time zone`.
    TimeTz,
    /// `timestamp`.
    Timestamp,
    /// `timestamp with time zone`.
    TimestampTz,
    /// `interval`.
    Interval,
    /// `uuid`.
    Uuid,
    /// `json`: text as it was written.
    Json,
    /// `jsonb`.
    Jsonb,
    /// An enum with its labels in order.
    Enum(Vec<String>),
    /// An array of one element type, any number of dimensions.
    Array(Box<SqlType>),
    /// Anything else, by its name in `pg_type`; passed on as text.
    Other(String),
    /// No catalog has been seen yet.
    Unknown,
}

/// How two values of a type compare, and so how they are encoded in keys and sort prefixes.
///
/// Two columns may be joined when their classes [`unify`](Class::unify); both sides are then
/// encoded by the common class, so that `bigint` 5 meets `integer` 5 and `numeric` 5.0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// `false < true`.
    Bool,
    /// All integers and `oid`, as 64 bits.
    Int,
    /// Floats; NaN equals itself and is greatest, −0 equals 0.
    Float,
    /// `numeric`; equal values have equal bytes whatever their scale.
    Numeric,
    /// Text by bytes: `COLLATE "C"`.
    Text,
    /// Text without trailing blanks.
    Bpchar,
    /// Text in lower case.
    Citext,
    /// `bytea`.
    Bytes,
    /// Days.
    Date,
    /// Microseconds of a day.
    Time,
    /// Microseconds, with or without zone.
    Timestamp,
    /// Sixteen bytes.
    Uuid,
    /// By the position of the label.
    Enum(Vec<String>),
    /// Equal when the text is equal; has no order that Postgres would share.
    Opaque,
}

/// Which JSON a column's text becomes. Chosen once per plan from the column's type and the
/// field's declared type; the SQL oracle prints the same choice as a Postgres expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Render {
    /// `t`/`f` to `true`/`false`.
    Bool,
    /// Digits as they are; `NaN` and infinities, which no JSON number can say, to `null`.
    Number,
    /// `$1,234.50` to `1234.50`.
    Money,
    /// A JSON string.
    Text,
    /// JSON text, white space removed, the last of duplicate keys kept.
    Json,
    /// `bytea` to base64.
    Base64,
    /// `2024-01-31`; infinite dates to `null`.
    Date,
    /// `2024-01-31T01:02:03.5`; infinite ones to `null`.
    Timestamp,
    /// `2024-01-31T01:02:03.5+00:00`, always UTC; infinite ones to `null`.
    TimestampTz,
    /// A Postgres array literal to a JSON array, element by element.
    Array(Box<Render>),
}
