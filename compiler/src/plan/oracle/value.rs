//! Values as JSON: for each SQL type and declared type the expression that `jsonb_build_object`
//! turns into what the documents hold.
//!
//! Postgres' own conversion is taken wherever it is right. It is not for numbers that JSON cannot
//! say and infinite times (null here), for money, for `bytea`, and for types without a JSON form
//! that may have a cast to one (their text).

use crate::diagnostics::At;
use crate::files::schema::{Column, FieldType, Literal, Origin, Transform};
use crate::types::SqlType;

use super::scope::{Printer, Scope, Typed};
use super::write::literal;

impl Printer<'_> {
    /// A column, or an expression over the row in scope.
    pub(super) fn origin(&mut self, row: &Scope<'_>, of: &Origin) -> Typed {
        match of {
            Origin::Column(column) => self.column(row, column),
            Origin::Sql(sql) => self.value(sql),
        }
    }

    /// A column with its transforms and default.
    pub(super) fn scalar(&mut self, row: &Scope<'_>, column: &Column) -> String {
        let Typed { mut sql, mut ty } = self.origin(row, &column.from);
        for transform in &column.transforms {
            sql = match transform {
                Transform::Lowercase => format!("lower({sql})"),
                Transform::Trim => format!("trim({sql})"),
            };
            ty = SqlType::Text;
        }
        if let Some(default) = column.default.as_ref().and_then(|default| constant_text(default)) {
            sql = format!("coalesce({sql}, {})", literal(&default));
        }
        json(&sql, &ty, &column.ty)
    }

    /// A pair of coordinates, or null when either is.
    pub(super) fn geo(&mut self, row: &Scope<'_>, lat: &At<String>, lon: &At<String>) -> String {
        let (lat, lon) = (self.column(row, lat), self.column(row, lon));
        format!(
            "CASE WHEN {} IS NOT NULL AND {} IS NOT NULL\n  \
             THEN jsonb_build_object(\n    'lat', {},\n    'lon', {}\n  ) END",
            lat.sql,
            lon.sql,
            json(&lat.sql, &lat.ty, &FieldType::Double),
            json(&lon.sql, &lon.ty, &FieldType::Double)
        )
    }
}

/// The expression whose JSON is the value, its lines for [`Out::lines`](super::write::Out::lines).
/// `sql` must bind tighter than a cast.
pub(super) fn json(sql: &str, ty: &SqlType, declared: &FieldType) -> String {
    match ty {
        SqlType::Bool
        | SqlType::Int2
        | SqlType::Int4
        | SqlType::Int8
        | SqlType::Text
        | SqlType::Bpchar
        | SqlType::Uuid
        | SqlType::Json
        | SqlType::Jsonb
        | SqlType::Enum(_) => sql.to_owned(),
        SqlType::Oid => format!("{sql}::int8"),
        SqlType::Float4 | SqlType::Float8 | SqlType::Numeric(_) => finite_number(sql, ty),
        SqlType::Money if numeric(declared) => format!("{sql}::numeric"),
        SqlType::Bytea if *declared == FieldType::Binary => {
            format!("replace(encode({sql}, 'base64'), E'\\n', '')")
        }
        SqlType::Date | SqlType::Timestamp | SqlType::TimestampTz => {
            format!("CASE WHEN isfinite({sql}) THEN {sql} END")
        }
        SqlType::Money
        | SqlType::Citext
        | SqlType::Bytea
        | SqlType::Time
        | SqlType::TimeTz
        | SqlType::Interval => format!("{sql}::text"),
        // A cast may say more than the type prints: `inet` adds `/32`. `%s` is what it prints.
        SqlType::Other(_) => format!("CASE WHEN {sql} IS NOT NULL THEN format('%s', {sql}) END"),
        SqlType::Array(element) => array(sql, element, declared),
        SqlType::Unknown => match declared {
            FieldType::Binary => format!("replace(encode({sql}, 'base64'), E'\\n', '')"),
            FieldType::Date | FieldType::Timestamp => {
                format!("CASE WHEN {sql}::text NOT IN ('infinity', '-infinity')\n  THEN {sql} END")
            }
            FieldType::Float | FieldType::Double | FieldType::Decimal => finite_number(sql, ty),
            _ => sql.to_owned(),
        },
    }
}

/// A number, or null where JSON has no word for it. NaN is greater than infinity; a numeric with
/// a declared scale is never infinite.
pub(super) fn finite_number(sql: &str, ty: &SqlType) -> String {
    match ty {
        SqlType::Numeric(Some(_)) => format!("nullif({sql}, 'NaN')"),
        SqlType::Float4 | SqlType::Float8 | SqlType::Numeric(None) => {
            format!("CASE WHEN abs({sql}) < 'Infinity' THEN {sql} END")
        }
        _ => format!(
            "CASE WHEN {sql}::text NOT IN ('NaN', 'Infinity', '-Infinity')\n  THEN {sql} END"
        ),
    }
}

/// Element by element where Postgres' conversion of the whole would differ; arrays of several
/// dimensions are left to it.
fn array(sql: &str, element: &SqlType, declared: &FieldType) -> String {
    let each = json("element", element, declared);
    if each == "element" {
        return sql.to_owned();
    }
    format!(
        "CASE WHEN array_ndims({sql}) = 1\n  \
         THEN (SELECT jsonb_agg({each} ORDER BY n)\n    \
         FROM unnest({sql}) WITH ORDINALITY AS e (element, n))\n  \
         ELSE to_jsonb({sql}) END"
    )
}

/// Whether a declared type is one of the numbers.
fn numeric(declared: &FieldType) -> bool {
    match declared {
        FieldType::Short
        | FieldType::Integer
        | FieldType::Long
        | FieldType::Float
        | FieldType::Double
        | FieldType::Decimal => true,
        FieldType::Text
        | FieldType::Identifier
        | FieldType::Keyword
        | FieldType::Enum
        | FieldType::Uuid
        | FieldType::Boolean
        | FieldType::Date
        | FieldType::Timestamp
        | FieldType::Binary
        | FieldType::Json
        | FieldType::Map(_)
        | FieldType::GeoPoint
        | FieldType::Custom { .. } => false,
    }
}

/// A constant with its JSON type.
pub(super) fn constant(value: &Literal) -> String {
    format!("{}::jsonb", literal(&json_text(value)))
}

fn json_text(value: &Literal) -> String {
    match value {
        Literal::Null => "null".into(),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Decimal(digits) => digits.clone(),
        Literal::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Literal::Array(items) => {
            format!("[{}]", items.iter().map(json_text).collect::<Vec<_>>().join(", "))
        }
        Literal::Map(map) => {
            let pairs = map.iter().map(|(key, value)| {
                format!("{}: {}", serde_json::Value::from(key.as_str()), json_text(value))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A default as the text that Postgres casts to the column's type; none when it is null.
fn constant_text(value: &Literal) -> Option<String> {
    match value {
        Literal::Null => None,
        Literal::String(text) => Some(text.clone()),
        Literal::Bool(_) | Literal::Int(_) | Literal::Decimal(_) => Some(json_text(value)),
        Literal::Array(_) | Literal::Map(_) => Some(json_text(value)),
    }
}
