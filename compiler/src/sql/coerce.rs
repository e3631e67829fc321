//! Which types become which: implicitly, or when asked to.
//!
//! The rows of `pg_cast` for the types known here, its categories and preferred types. They decide
//! which overload a call means, so that a type missing here would change the meaning of others.

use crate::types::SqlType;

/// `pg_type.typcategory`, as far as it tells types apart here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Category {
    Bool,
    Number,
    String,
    DateTime,
    Timespan,
    Array,
    Enum,
    /// All others, which nothing is implicitly cast to.
    User,
    /// What a signature leaves open.
    Pseudo,
}

/// The category of a type.
pub fn category(ty: &SqlType) -> Category {
    match ty {
        SqlType::Bool => Category::Bool,
        SqlType::Int2
        | SqlType::Int4
        | SqlType::Int8
        | SqlType::Oid
        | SqlType::Float4
        | SqlType::Float8
        | SqlType::Numeric(_)
        | SqlType::Money => Category::Number,
        SqlType::Text | SqlType::Bpchar | SqlType::Citext => Category::String,
        SqlType::Date
        | SqlType::Time
        | SqlType::TimeTz
        | SqlType::Timestamp
        | SqlType::TimestampTz => Category::DateTime,
        SqlType::Interval => Category::Timespan,
        SqlType::Array(_) => Category::Array,
        SqlType::Enum(_) => Category::Enum,
        SqlType::Bytea
        | SqlType::Uuid
        | SqlType::Json
        | SqlType::Jsonb
        | SqlType::Other(_)
        | SqlType::Unknown => Category::User,
    }
}

/// Whether Postgres prefers it among those of its category.
pub fn is_preferred(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Bool
            | SqlType::Float8
            | SqlType::Oid
            | SqlType::Text
            | SqlType::TimestampTz
            | SqlType::Interval
    )
}

/// Equal but for a declared size.
pub fn same(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (SqlType::Numeric(_), SqlType::Numeric(_)) => true,
        (SqlType::Array(a), SqlType::Array(b)) => same(a, b),
        (a, b) => a == b,
    }
}

/// Whether a value is cast without being asked to.
pub fn implicit(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::{
        Bpchar, Citext, Date, Float4, Float8, Int2, Int4, Int8, Interval, Numeric, Oid, Text, Time,
        TimeTz, Timestamp, TimestampTz,
    };
    if same(from, to) {
        return true;
    }
    match (from, to) {
        (Int2, Int4 | Int8 | Float4 | Float8 | Numeric(_) | Oid)
        | (Int4, Int8 | Float4 | Float8 | Numeric(_) | Oid)
        | (Int8, Float4 | Float8 | Numeric(_) | Oid)
        | (Numeric(_), Float4 | Float8)
        | (Float4, Float8)
        | (Date, Timestamp | TimestampTz)
        | (Timestamp, TimestampTz)
        | (Time, Interval | TimeTz)
        | (Text, Bpchar)
        | (Bpchar | Citext, Text) => true,
        (SqlType::Array(from), SqlType::Array(to)) => implicit(from, to),
        _ => false,
    }
}

/// Whether a value is cast when asked to.
pub fn explicit(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::{
        Array, Bool, Date, Enum, Float4, Float8, Int2, Int4, Int8, Interval, Json, Jsonb, Money,
        Numeric, Oid, Other, Time, TimeTz, Timestamp, TimestampTz,
    };
    if implicit(from, to) {
        return true;
    }
    let text = |ty: &SqlType| category(ty) == Category::String;
    match (from, to) {
        // By what one prints and the other reads. What has no form known here is only printed.
        (_, to) if text(to) => true,
        (from, Other(_) | SqlType::Unknown) if text(from) => false,
        (from, _) if text(from) => true,
        (
            Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_),
            Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_),
        )
        | (Int4 | Int8 | Numeric(_), Money)
        | (Money, Numeric(_))
        | (Oid, Int4 | Int8)
        | (Int4, Bool)
        | (Bool, Int4)
        | (Timestamp | TimestampTz, Date | Time)
        | (TimestampTz, Timestamp | TimeTz)
        | (TimeTz, Time)
        | (Interval, Time)
        | (Json, Jsonb)
        | (Jsonb, Json)
        | (Jsonb, Bool | Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_)) => true,
        (Array(from), Array(to)) => explicit(from, to),
        (Enum(_), Enum(_)) => false,
        _ => false,
    }
}

/// The type of a choice between values: `CASE`, `COALESCE`, `IN`, `ARRAY`, `UNION`. None when two
/// cannot be brought together.
pub fn common<'a>(types: impl Iterator<Item = &'a SqlType>) -> Result<Option<SqlType>, Clash> {
    let types: Vec<&SqlType> = types.collect();
    let Some(first) = types.first() else { return Ok(None) };
    let mut chosen: &SqlType = first;
    for next in &types[1..] {
        if same(next, chosen) {
            continue;
        }
        if category(next) != category(chosen) {
            return Err(Clash(chosen.clone(), (*next).clone()));
        }
        if !is_preferred(chosen) && implicit(chosen, next) && !implicit(next, chosen) {
            chosen = next;
        }
    }
    let chosen = unsized_where(chosen, &types);
    match types.iter().find(|ty| !implicit(ty, &chosen)) {
        Some(other) => Err(Clash(chosen, (*other).clone())),
        None => Ok(Some(chosen)),
    }
}

/// Two types that have nothing in common.
pub struct Clash(pub SqlType, pub SqlType);

/// A declared scale is that of the choice only when all have it.
fn unsized_where(chosen: &SqlType, types: &[&SqlType]) -> SqlType {
    match chosen {
        SqlType::Numeric(Some(_)) if types.iter().any(|ty| *ty != chosen) => SqlType::Numeric(None),
        other => other.clone(),
    }
}

/// The type both sides of a comparison are brought to; none when Postgres has no operator.
pub fn comparable(left: &SqlType, right: &SqlType) -> Option<SqlType> {
    use SqlType::{Bpchar, Citext, Float4, Float8, Int2, Int4, Int8, Numeric, Oid, Text};
    match (left, right) {
        (left, right) if same(left, right) => Some(unsized_where(left, &[left, right])),
        (Int2 | Int4 | Int8 | Numeric(_), Float4) | (Float4, Int2 | Int4 | Int8 | Numeric(_)) => {
            Some(Float8)
        }
        (Int2 | Int4 | Int8, Oid) | (Oid, Int2 | Int4 | Int8) => Some(Oid),
        (Oid, _) | (_, Oid) => None,
        (Text | Bpchar | Citext, Text | Bpchar | Citext) => Some(Text),
        (SqlType::Array(_), _) | (_, SqlType::Array(_)) => None,
        (left, right) if implicit(left, right) => Some(right.clone()),
        (left, right) if implicit(right, left) => Some(left.clone()),
        _ => None,
    }
}
