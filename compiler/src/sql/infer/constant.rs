//! Constants and the names of types.
//!
//! A number is the first of integer, bigint and numeric that holds it, as in Postgres. Text in
//! quotes stays untyped until something asks for a type.

use sqlparser::ast::{self, DataType, ExactNumberInfo, TimezoneInfo, Value};

use super::{Typed, Typer, ident};
use crate::diagnostics::{Place, nearest};
use crate::expr::{Expr, Modifier};
use crate::types::SqlType;

/// The names of types that sqlparser has no word for.
const NAMES: [(&str, SqlType); 13] = [
    ("timestamptz", SqlType::TimestampTz),
    ("timetz", SqlType::TimeTz),
    ("int2", SqlType::Int2),
    ("int4", SqlType::Int4),
    ("int8", SqlType::Int8),
    ("float4", SqlType::Float4),
    ("float8", SqlType::Float8),
    ("bool", SqlType::Bool),
    ("bytea", SqlType::Bytea),
    ("citext", SqlType::Citext),
    ("money", SqlType::Money),
    ("oid", SqlType::Oid),
    ("bpchar", SqlType::Bpchar),
];

impl Typer<'_> {
    pub(super) fn constant(&mut self, value: &Value, place: Place) -> Option<Typed> {
        let typed = |expr, ty| Some(Typed { expr, ty, untyped: false, place });
        let untyped = |text: Option<String>| {
            let expr = Expr::Literal(text, SqlType::Unknown);
            Some(Typed { expr, ty: SqlType::Unknown, untyped: true, place })
        };
        match value {
            Value::Null => untyped(None),
            Value::Boolean(value) => {
                let text = if *value { "t" } else { "f" };
                typed(Expr::Literal(Some(text.into()), SqlType::Bool), SqlType::Bool)
            }
            Value::Number(text, false) => self.number(text, false, place),
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text) => untyped(Some(text.clone())),
            Value::DollarQuotedString(text) => untyped(Some(text.value.clone())),
            _ => {
                let message = "this form of constant is not supported";
                self.error_help(place, message, "write a number, or a text in single quotes");
                None
            }
        }
    }

    /// A number, with its sign if it has one.
    pub(super) fn number(&mut self, text: &str, negative: bool, place: Place) -> Option<Typed> {
        let Some((text, ty)) = number(text, negative) else {
            self.error(place, format!("`{text}` is not a number that Postgres reads"));
            return None;
        };
        Some(Typed { expr: Expr::Literal(Some(text), ty.clone()), ty, untyped: false, place })
    }

    /// `DATE '2024-01-31'`.
    pub(super) fn typed_string(&mut self, of: &ast::TypedString, place: Place) -> Option<Typed> {
        let (ty, modifier) = self.data_type(&of.data_type, place)?;
        let text = self.constant(&of.value.value, place)?;
        self.cast(text, &ty, modifier, place)
    }

    /// `INTERVAL '1 day'`.
    pub(super) fn interval(&mut self, of: &ast::Interval, place: Place) -> Option<Typed> {
        let ast::Interval { value, leading_field, leading_precision, last_field, .. } = of;
        let plain = leading_field.is_none() && last_field.is_none() && leading_precision.is_none();
        let text = self.expr(value)?;
        if !plain || !text.untyped {
            let message = "only `INTERVAL '…'` with its units in the text is supported";
            self.error_help(place, message, "write `INTERVAL '1 day'`");
            return None;
        }
        self.cast(text, &SqlType::Interval, None, place)
    }

    /// A type by its name, with its declared size.
    pub fn data_type(
        &mut self,
        of: &DataType,
        place: Place,
    ) -> Option<(SqlType, Option<Modifier>)> {
        let plain = |ty| Some((ty, None));
        match of {
            DataType::SmallInt(None) | DataType::Int2(None) => plain(SqlType::Int2),
            DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => {
                plain(SqlType::Int4)
            }
            DataType::BigInt(None) | DataType::Int8(None) => plain(SqlType::Int8),
            DataType::Real | DataType::Float4 => plain(SqlType::Float4),
            DataType::Float8
            | DataType::DoublePrecision
            | DataType::Float(ExactNumberInfo::None) => plain(SqlType::Float8),
            DataType::Float(ExactNumberInfo::Precision(bits @ 1..=53)) => {
                plain(if *bits <= 24 { SqlType::Float4 } else { SqlType::Float8 })
            }
            DataType::Numeric(size) | DataType::Decimal(size) | DataType::Dec(size) => {
                self.numeric(size, place)
            }
            DataType::Bool | DataType::Boolean => plain(SqlType::Bool),
            DataType::Text => plain(SqlType::Text),
            DataType::Uuid => plain(SqlType::Uuid),
            DataType::Bytea => plain(SqlType::Bytea),
            DataType::JSON => plain(SqlType::Json),
            DataType::JSONB => plain(SqlType::Jsonb),
            DataType::Date => plain(SqlType::Date),
            DataType::CharacterVarying(size)
            | DataType::CharVarying(size)
            | DataType::Varchar(size) => {
                let size = self.length(size.as_ref(), place)?;
                Some((SqlType::Text, size.map(Modifier::Length)))
            }
            DataType::Character(size) | DataType::Char(size) => {
                let size = self.length(size.as_ref(), place)?;
                Some((SqlType::Bpchar, Some(Modifier::Length(size.unwrap_or(1)))))
            }
            DataType::Time(digits, zone) => {
                let ty = if zoned(zone) { SqlType::TimeTz } else { SqlType::Time };
                self.moment(ty, *digits, place)
            }
            DataType::Timestamp(digits, zone) => {
                let ty = if zoned(zone) { SqlType::TimestampTz } else { SqlType::Timestamp };
                self.moment(ty, *digits, place)
            }
            DataType::Interval { fields: None, precision } => {
                self.moment(SqlType::Interval, *precision, place)
            }
            DataType::Array(
                ast::ArrayElemTypeDef::SquareBracket(element, _)
                | ast::ArrayElemTypeDef::Qualified(element, _),
            ) => {
                // Postgres has one array type for all dimensions.
                match self.data_type(element, place)? {
                    (array @ SqlType::Array(_), None) => plain(array),
                    (element, None) => plain(SqlType::Array(Box::new(element))),
                    (_, Some(_)) => {
                        let message = "an array of a type with a declared size is not supported";
                        self.error_help(place, message, "leave the size out");
                        None
                    }
                }
            }
            DataType::Custom(name, size) if size.is_empty() => {
                let parts = self.object_name(name, place)?;
                self.named_type(&parts, place)
            }
            other => self.no_type(&other.to_string().to_lowercase(), place),
        }
    }

    fn named_type(
        &mut self,
        parts: &[String],
        place: Place,
    ) -> Option<(SqlType, Option<Modifier>)> {
        let name = match parts {
            [schema, name] if schema == "pg_catalog" => name,
            [name] | [_, name] => name,
            _ => return self.no_type(&parts.join("."), place),
        };
        match NAMES.iter().find(|(word, _)| word == name) {
            Some((_, ty)) => Some((ty.clone(), None)),
            None => self.no_type(name, place),
        }
    }

    fn no_type(&mut self, name: &str, place: Place) -> Option<(SqlType, Option<Modifier>)> {
        const COMMON: [&str; 16] = [
            "integer",
            "bigint",
            "smallint",
            "numeric",
            "text",
            "boolean",
            "date",
            "timestamp",
            "timestamptz",
            "time",
            "interval",
            "uuid",
            "jsonb",
            "json",
            "bytea",
            "varchar",
        ];
        let message = format!("the type `{name}` is not supported");
        match nearest(name, COMMON.into_iter()) {
            Some(near) => self.error_help(place, message, format!("did you mean `{near}`?")),
            None => self.error_help(place, message, "cast to text, or leave the cast out"),
        }
        None
    }

    fn numeric(
        &mut self,
        size: &ExactNumberInfo,
        place: Place,
    ) -> Option<(SqlType, Option<Modifier>)> {
        let (precision, scale) = match *size {
            ExactNumberInfo::None => return Some((SqlType::Numeric(None), None)),
            ExactNumberInfo::Precision(precision) => (precision, 0),
            ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
        };
        match (u16::try_from(precision), i16::try_from(scale)) {
            (Ok(precision @ 1..=1000), Ok(scale @ -1000..=1000)) => {
                let modifier = Modifier::Numeric { precision, scale };
                Some((SqlType::Numeric(Some(scale)), Some(modifier)))
            }
            _ => {
                let message = "numeric has 1 to 1000 digits, and a scale from -1000 to 1000";
                self.error(place, message);
                None
            }
        }
    }

    /// The outer option is none after a mistake.
    fn length(&mut self, size: Option<&ast::CharacterLength>, place: Place) -> Option<Option<u32>> {
        match size {
            None => Some(None),
            Some(ast::CharacterLength::IntegerLength { length, unit: None })
                if (1..=10_485_760).contains(length) =>
            {
                Some(u32::try_from(*length).ok())
            }
            Some(_) => {
                self.error(place, "a length is a number from 1 to 10485760");
                None
            }
        }
    }

    fn moment(
        &mut self,
        ty: SqlType,
        digits: Option<u64>,
        place: Place,
    ) -> Option<(SqlType, Option<Modifier>)> {
        match digits {
            None => Some((ty, None)),
            Some(digits @ 0..=6) => Some((ty, Some(Modifier::Fraction(digits as u8)))),
            Some(_) => {
                self.error(place, "a second has 0 to 6 digits after the point here");
                None
            }
        }
    }

    /// The parts of the name of a function, a type or a table.
    pub fn object_name(&mut self, name: &ast::ObjectName, place: Place) -> Option<Vec<String>> {
        let parts: Option<Vec<String>> = name
            .0
            .iter()
            .map(|part| match part {
                ast::ObjectNamePart::Identifier(one) => Some(ident(one)),
                ast::ObjectNamePart::Function(_) => None,
            })
            .collect();
        if parts.is_none() {
            self.error(place, "this is not a name");
        }
        parts
    }
}

fn zoned(zone: &TimezoneInfo) -> bool {
    matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz)
}

/// A number as Postgres prints it, and its type; none when it is no decimal number.
fn number(text: &str, negative: bool) -> Option<(String, SqlType)> {
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    let signed = format!("{}{text}", if negative { "-" } else { "" });
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(value) = signed.parse::<i64>()
    {
        let ty = if i32::try_from(value).is_ok() { SqlType::Int4 } else { SqlType::Int8 };
        return Some((value.to_string(), ty));
    }
    let ty = SqlType::Numeric(None);
    crate::types::canonical(&ty, &signed).ok().map(|text| (text, ty))
}
