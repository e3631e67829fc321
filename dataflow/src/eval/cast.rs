//! Casts: by value where Postgres has a function for it, by way of text where it has not.

use flusso_compiler::expr::Modifier;
use flusso_compiler::types::{SqlType, canonical, money_text};

use super::error::{BAD_PARAMETER, EvalError, Evaluated};
use super::float;
use super::form;
use super::int::Width;
use super::interval::Interval;
use super::json::Json;
use super::moment::{self, DAY};
use super::numeric::{Numeric, Toward};
use super::text;
use super::value::{Arena, Array, Draft, List, Value};
use crate::order::trim_blanks;

/// A value as one of another type, made to fit a declared size; NULL where that has none for it.
pub(crate) fn cast<'a>(
    value: Value<'a>,
    from: &SqlType,
    to: &SqlType,
    modifier: Option<Modifier>,
    arena: &'a Arena,
) -> Evaluated<Option<Value<'a>>> {
    if let (Value::Timestamp(at) | Value::TimestampTz(at), SqlType::Time | SqlType::TimeTz) =
        (value, to)
        && !moment::is_finite(at)
    {
        // No time of any day.
        return Ok(None);
    }
    if let (Value::Array(array), SqlType::Array(inner), SqlType::Array(outer)) = (value, from, to) {
        let mut elements = List::with_capacity_in(array.elements.len(), arena);
        for element in array.elements {
            elements.push(match element {
                None => None,
                Some(element) => cast(*element, inner, outer, modifier, arena)?,
            });
        }
        let elements = elements.into_bump_slice();
        return Ok(Some(Value::Array(Array { elements, ..array })));
    }
    let converted = match from == to {
        true => value,
        false => convert(value, from, to, arena)?,
    };
    Ok(Some(match modifier {
        None => converted,
        Some(modifier) => fit(converted, to, modifier, arena)?,
    }))
}

fn convert<'a>(
    value: Value<'a>,
    from: &SqlType,
    to: &SqlType,
    arena: &'a Arena,
) -> Evaluated<Value<'a>> {
    if let (Value::Json(json), false) = (
        value,
        matches!(
            to,
            SqlType::Text | SqlType::Jsonb | SqlType::Json | SqlType::Bpchar | SqlType::Citext
        ),
    ) {
        return of_json(json, to, arena);
    }
    Ok(match to {
        SqlType::Bool => match value {
            Value::Int(value) => Value::Bool(value != 0),
            other => by_text(other, from, to, arena)?,
        },
        SqlType::Int2 => Value::Int(integer(Width::Two, value, arena)?),
        // The same 32 bits, with or without a sign.
        SqlType::Int4 if *from == SqlType::Oid => match value {
            Value::Int(value) => Value::Int((value as u32 as i32).into()),
            other => other,
        },
        SqlType::Oid if matches!(from, SqlType::Int2 | SqlType::Int4) => match value {
            Value::Int(value) => Value::Int((value as i32 as u32).into()),
            other => other,
        },
        SqlType::Int4 => Value::Int(integer(Width::Four, value, arena)?),
        SqlType::Int8 => Value::Int(integer(Width::Eight, value, arena)?),
        SqlType::Oid => Value::Int(integer(Width::Oid, value, arena)?),
        SqlType::Float4 => Value::Float4(match value {
            Value::Int(value) => value as f32,
            Value::Float4(value) => value,
            Value::Float8(value) => float::narrow(value)?,
            Value::Numeric(value) => value.to_float4(arena)?,
            other => return by_text(other, from, to, arena),
        }),
        SqlType::Float8 => Value::Float8(match value {
            Value::Int(value) => value as f64,
            Value::Float4(value) => value.into(),
            Value::Float8(value) => value,
            Value::Numeric(value) => value.to_float8(arena)?,
            other => return by_text(other, from, to, arena),
        }),
        SqlType::Numeric(_) => Value::Numeric(match value {
            Value::Int(value) => Numeric::int(value),
            Value::Float4(value) => Numeric::from_float4(value, arena)?,
            Value::Float8(value) => Numeric::from_float8(value, arena)?,
            Value::Numeric(value) => value,
            Value::Text(money) if *from == SqlType::Money => {
                let digits = money.replace(['$', ','], "");
                Numeric::parse(arena.alloc_str(&digits), arena)?
            }
            other => return by_text(other, from, to, arena),
        }),
        SqlType::Money => Value::Text(money(value, from, arena)?),
        SqlType::Date => match value {
            Value::Timestamp(at) | Value::TimestampTz(at) => Value::Date(moment::day_of(at)),
            other => by_text(other, from, to, arena)?,
        },
        SqlType::Timestamp | SqlType::TimestampTz => {
            let at = match value {
                Value::Date(date) => moment::midnight(date)?,
                Value::Timestamp(at) | Value::TimestampTz(at) => at,
                other => return by_text(other, from, to, arena),
            };
            match to {
                SqlType::Timestamp => Value::Timestamp(at),
                _ => Value::TimestampTz(at),
            }
        }
        SqlType::Time => match value {
            Value::TimeTz(micros, _) => Value::Time(micros),
            Value::Interval(span) => Value::Time(span.micros.rem_euclid(DAY)),
            Value::Timestamp(at) | Value::TimestampTz(at) => Value::Time(at.rem_euclid(DAY)),
            other => by_text(other, from, to, arena)?,
        },
        SqlType::TimeTz => match value {
            Value::Time(micros) => Value::TimeTz(micros, 0),
            Value::TimestampTz(at) => Value::TimeTz(at.rem_euclid(DAY), 0),
            other => by_text(other, from, to, arena)?,
        },
        SqlType::Interval => match value {
            Value::Time(micros) => Value::Interval(Interval { micros, ..Interval::default() }),
            other => by_text(other, from, to, arena)?,
        },
        SqlType::Text | SqlType::Bpchar | SqlType::Citext => {
            Value::Text(to_text(value, from, arena))
        }
        _ => by_text(value, from, to, arena)?,
    })
}

/// The text of a value as a cast to text gives it.
pub(crate) fn to_text<'a>(value: Value<'a>, from: &SqlType, arena: &'a Arena) -> &'a str {
    match value {
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Text(text) if *from == SqlType::Bpchar => {
            &text[..trim_blanks(text.as_bytes()).len()]
        }
        other => form::text(other, arena),
    }
}

fn by_text<'a>(
    value: Value<'a>,
    from: &SqlType,
    to: &SqlType,
    arena: &'a Arena,
) -> Evaluated<Value<'a>> {
    form::parse(to, to_text(value, from, arena), arena)
}

fn integer<'a>(width: Width, value: Value<'a>, arena: &'a Arena) -> Evaluated<i64> {
    match value {
        Value::Bool(truth) => Ok(truth.into()),
        Value::Int(value) => width.checked(Some(value)),
        Value::Float4(value) => width.nearest_to_float(value.into()),
        Value::Float8(value) => width.nearest_to_float(value),
        Value::Numeric(value) => width.nearest_to_numeric(value, arena),
        other => width.parse(form::text(other, arena)),
    }
}

/// An amount of money, to the cent.
fn money<'a>(value: Value<'a>, from: &SqlType, arena: &'a Arena) -> Evaluated<&'a str> {
    let cents = match value {
        Value::Int(value) => Width::Eight.checked(value.checked_mul(100))?,
        Value::Numeric(value) if value.scale().is_some() => {
            let rounded = value.round(2, Toward::Nearest, arena)?.text(arena);
            let cents = rounded.replace('.', "").parse().ok();
            Width::Eight.checked(cents)?
        }
        Value::Numeric(_) => return Err(EvalError::unsupported("cannot convert it to bigint")),
        other => {
            let text = to_text(other, from, arena);
            let read = canonical(&SqlType::Money, text);
            let read = read.map_err(|_| EvalError::unsupported("this form of money"))?;
            return Ok(arena.alloc_str(&read));
        }
    };
    Ok(arena.alloc_str(&money_text(cents)))
}

/// Numbers and truth out of `jsonb`.
fn of_json<'a>(json: Json<'a>, to: &SqlType, arena: &'a Arena) -> Evaluated<Value<'a>> {
    match (json, to) {
        (Json::Bool(truth), SqlType::Bool) => Ok(Value::Bool(truth)),
        (Json::Number(digits), ty) if *ty != SqlType::Bool => {
            let number = Value::Numeric(Numeric::parse(digits, arena)?);
            convert(number, &SqlType::Numeric(None), to, arena)
        }
        _ => {
            let message = format!("cannot cast jsonb {} to type {to}", json.kind());
            Err(EvalError::new(BAD_PARAMETER, message))
        }
    }
}

/// A timestamp with so many digits of a second. Postgres prints what is beyond all that there are
/// and takes it no further.
fn fraction(at: i64, digits: u8) -> Evaluated<i64> {
    let beyond = |_| EvalError::unsupported("a timestamp that is rounded out of range");
    match moment::is_finite(at) {
        true => moment::timestamp(Some(moment::to_fraction(at, digits))).map_err(beyond),
        false => Ok(at),
    }
}

fn fit<'a>(
    value: Value<'a>,
    to: &SqlType,
    modifier: Modifier,
    arena: &'a Arena,
) -> Evaluated<Value<'a>> {
    Ok(match (value, modifier) {
        (Value::Numeric(value), Modifier::Numeric { precision, scale }) => {
            Value::Numeric(value.fit(precision, scale, arena)?)
        }
        (Value::Text(given), Modifier::Length(length)) => {
            let kept = &given[..text::offset(given, length as usize)];
            let missing = (length as usize).saturating_sub(text::length(kept) as usize);
            if *to != SqlType::Bpchar || missing == 0 {
                return Ok(Value::Text(kept));
            }
            let mut padded = Draft::with_capacity_in(kept.len() + missing, arena);
            padded.push_str(kept);
            (0..missing).for_each(|_| padded.push(' '));
            Value::Text(padded.into_bump_str())
        }
        (Value::Time(micros), Modifier::Fraction(digits)) => {
            Value::Time(moment::to_fraction(micros, digits))
        }
        (Value::TimeTz(micros, west), Modifier::Fraction(digits)) => {
            Value::TimeTz(moment::to_fraction(micros, digits), west)
        }
        (Value::Timestamp(at), Modifier::Fraction(digits)) => {
            Value::Timestamp(fraction(at, digits)?)
        }
        (Value::TimestampTz(at), Modifier::Fraction(digits)) => {
            Value::TimestampTz(fraction(at, digits)?)
        }
        (Value::Interval(span), Modifier::Fraction(digits)) => {
            Value::Interval(Interval { micros: moment::to_fraction(span.micros, digits), ..span })
        }
        (value, _) => value,
    })
}
