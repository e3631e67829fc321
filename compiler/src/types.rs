//! SQL types as far as flusso tells values apart, and the two things a type decides:
//! how values compare ([`Class`]) and which JSON they become ([`Render`]).
//!
//! A value travels as the text Postgres printed for it, under pinned settings (ISO dates, UTC,
//! hex bytea, `extra_float_digits = 3`), so that `COPY` and the replication stream agree to the
//! byte and equal rows have equal bytes. Only keys and sort prefixes are re-encoded, by class.

mod float;
mod literal;
mod moment;

use serde::{Deserialize, Serialize};

use crate::files::schema::FieldType;

pub use self::float::{float4_text, float8_text};
pub use self::literal::{canonical, money_text};

/// The type of a column or of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl SqlType {
    /// How values of the type compare.
    pub fn class(&self) -> Class {
        match self {
            SqlType::Bool => Class::Bool,
            SqlType::Int2 | SqlType::Int4 | SqlType::Int8 | SqlType::Oid => Class::Int,
            SqlType::Float4 | SqlType::Float8 => Class::Float,
            SqlType::Numeric(_) => Class::Numeric,
            SqlType::Text => Class::Text,
            SqlType::Bpchar => Class::Bpchar,
            SqlType::Citext => Class::Citext,
            SqlType::Bytea => Class::Bytes,
            SqlType::Date => Class::Date,
            SqlType::Time => Class::Time,
            SqlType::Timestamp | SqlType::TimestampTz => Class::Timestamp,
            SqlType::Uuid => Class::Uuid,
            SqlType::Enum(labels) => Class::Enum(labels.clone()),
            SqlType::TimeTz
            | SqlType::Interval
            | SqlType::Money
            | SqlType::Json
            | SqlType::Jsonb
            | SqlType::Array(_)
            | SqlType::Other(_)
            | SqlType::Unknown => Class::Opaque,
        }
    }

    /// Whether a catalog said what it is.
    pub fn is_known(&self) -> bool {
        *self != SqlType::Unknown
    }

    /// Whether `LIKE`, `lower` and `trim` take it.
    pub fn is_text(&self) -> bool {
        matches!(self, SqlType::Text | SqlType::Bpchar | SqlType::Citext)
    }

    /// Whether `sum` and `avg` take it.
    pub fn is_number(&self) -> bool {
        match self {
            SqlType::Oid => false,
            SqlType::Money => true,
            _ => matches!(self.class(), Class::Int | Class::Float | Class::Numeric),
        }
    }
}

impl std::fmt::Display for SqlType {
    /// As Postgres calls it, without modifiers; an enum by its nature.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SqlType::Bool => "boolean",
            SqlType::Int2 => "smallint",
            SqlType::Int4 => "integer",
            SqlType::Int8 => "bigint",
            SqlType::Oid => "oid",
            SqlType::Float4 => "real",
            SqlType::Float8 => "double precision",
            SqlType::Numeric(_) => "numeric",
            SqlType::Money => "money",
            SqlType::Text => "text",
            SqlType::Bpchar => "character",
            SqlType::Citext => "citext",
            SqlType::Bytea => "bytea",
            SqlType::Date => "date",
            SqlType::Time => "time",
            SqlType::TimeTz => "time with time zone",
            SqlType::Timestamp => "timestamp",
            SqlType::TimestampTz => "timestamp with time zone",
            SqlType::Interval => "interval",
            SqlType::Uuid => "uuid",
            SqlType::Json => "json",
            SqlType::Jsonb => "jsonb",
            SqlType::Enum(_) => "an enum",
            SqlType::Array(element) => return write!(f, "{element}[]"),
            SqlType::Other(name) => name,
            SqlType::Unknown => "unknown",
        })
    }
}

impl Class {
    /// The class by which values of both can be compared; none when Postgres has no `=` for them.
    pub fn unify(a: &Class, b: &Class) -> Option<Class> {
        match (a, b) {
            (a, b) if a == b => Some(a.clone()),
            (Class::Float, Class::Int | Class::Numeric)
            | (Class::Int | Class::Numeric, Class::Float) => Some(Class::Float),
            (Class::Int, Class::Numeric) | (Class::Numeric, Class::Int) => Some(Class::Numeric),
            (Class::Text, Class::Bpchar) | (Class::Bpchar, Class::Text) => Some(Class::Bpchar),
            (Class::Text, Class::Citext) | (Class::Citext, Class::Text) => Some(Class::Citext),
            _ => None,
        }
    }

    /// Whether the encoding of the class sorts as Postgres does.
    pub fn is_ordered(&self) -> bool {
        *self != Class::Opaque
    }
}

/// Which JSON a column becomes: its type decides, and where that leaves a choice, or is not
/// known yet, the declared type does.
pub fn render(ty: &SqlType, declared: &FieldType) -> Render {
    match ty {
        SqlType::Bool => Render::Bool,
        SqlType::Int2
        | SqlType::Int4
        | SqlType::Int8
        | SqlType::Oid
        | SqlType::Float4
        | SqlType::Float8
        | SqlType::Numeric(_) => Render::Number,
        SqlType::Money if is_number(declared) => Render::Money,
        SqlType::Bytea if *declared == FieldType::Binary => Render::Base64,
        SqlType::Date => Render::Date,
        SqlType::Timestamp => Render::Timestamp,
        SqlType::TimestampTz => Render::TimestampTz,
        SqlType::Json | SqlType::Jsonb => Render::Json,
        SqlType::Array(element) => Render::Array(Box::new(render(element, declared))),
        SqlType::Unknown => declared_render(declared),
        SqlType::Money
        | SqlType::Text
        | SqlType::Bpchar
        | SqlType::Citext
        | SqlType::Bytea
        | SqlType::Time
        | SqlType::TimeTz
        | SqlType::Interval
        | SqlType::Uuid
        | SqlType::Enum(_)
        | SqlType::Other(_) => Render::Text,
    }
}

fn declared_render(declared: &FieldType) -> Render {
    match declared {
        FieldType::Text
        | FieldType::Identifier
        | FieldType::Keyword
        | FieldType::Enum
        | FieldType::Uuid
        | FieldType::Custom { .. } => Render::Text,
        FieldType::Boolean => Render::Bool,
        FieldType::Short
        | FieldType::Integer
        | FieldType::Long
        | FieldType::Float
        | FieldType::Double
        | FieldType::Decimal => Render::Number,
        FieldType::Date => Render::Date,
        FieldType::Timestamp => Render::TimestampTz,
        FieldType::Binary => Render::Base64,
        FieldType::Json | FieldType::Map(_) | FieldType::GeoPoint => Render::Json,
    }
}

fn is_number(declared: &FieldType) -> bool {
    declared_render(declared) == Render::Number
}

#[cfg(test)]
mod tests;
