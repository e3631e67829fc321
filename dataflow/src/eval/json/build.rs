//! JSON made of values of any type.

use super::read::{self, object};
use super::{Json, print::string};
use crate::eval::error::{BAD_PARAMETER, BAD_SUBSCRIPT, EvalError, Evaluated, NULL_NOT_ALLOWED};
use crate::eval::form;
use crate::eval::moment::print as moment;
use crate::eval::numeric::Numeric;
use crate::eval::value::{Arena, Array, Draft, List, Value};

/// As `to_jsonb` gives it.
pub(crate) fn jsonb<'a>(value: Option<Value<'a>>, arena: &'a Arena) -> Evaluated<Json<'a>> {
    let Some(value) = value else { return Ok(Json::Null) };
    Ok(match value {
        Value::Bool(truth) => Json::Bool(truth),
        Value::Json(json) => json,
        Value::JsonText(text) => read::parse(text, arena)?,
        Value::Array(array) => nested(array.dimensions, array.elements, arena)?,
        Value::Int(_) | Value::Float4(_) | Value::Float8(_) | Value::Numeric(_) => {
            let text = form::text(value, arena);
            match text.ends_with(['y', 'N']) {
                // Infinity and NaN are no numbers of JSON.
                true => Json::String(text),
                false => Json::Number(Numeric::parse(text, arena)?.text(arena)),
            }
        }
        other => Json::String(plain(other, arena)),
    })
}

fn nested<'a>(
    dimensions: &[(i32, i32)],
    elements: &'a [Option<Value<'a>>],
    arena: &'a Arena,
) -> Evaluated<Json<'a>> {
    let mut list = List::new_in(arena);
    match dimensions {
        [] => {}
        [_] => {
            for element in elements {
                list.push(jsonb(*element, arena)?);
            }
        }
        [(_, length), inner @ ..] => {
            for part in elements.chunks(elements.len() / (*length).max(1) as usize) {
                list.push(nested(inner, part, arena)?);
            }
        }
    }
    Ok(Json::Array(list.into_bump_slice()))
}

/// Appends what `to_json` gives.
pub(crate) fn json<'a>(value: Option<Value<'a>>, arena: &'a Arena, out: &mut Draft<'_>) {
    let Some(value) = value else { return out.push_str("null") };
    match value {
        Value::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
        Value::Json(json) => json.print(out),
        Value::JsonText(text) => out.push_str(text),
        Value::Array(array) => nested_text(array.dimensions, array.elements, arena, out),
        Value::Int(_) | Value::Float4(_) | Value::Float8(_) | Value::Numeric(_) => {
            let text = form::text(value, arena);
            match text.ends_with(['y', 'N']) {
                true => string(text, out),
                false => out.push_str(text),
            }
        }
        other => string(plain(other, arena), out),
    }
}

fn nested_text<'a>(
    dimensions: &[(i32, i32)],
    elements: &[Option<Value<'a>>],
    arena: &'a Arena,
    out: &mut Draft<'_>,
) {
    out.push('[');
    if let [(_, length), inner @ ..] = dimensions {
        let each = elements.len() / (*length).max(1) as usize;
        for (position, part) in elements.chunks(each.max(1)).enumerate() {
            if position > 0 {
                out.push(',');
            }
            match inner {
                [] => part.iter().for_each(|element| json(*element, arena, out)),
                inner => nested_text(inner, part, arena, out),
            }
        }
    }
    out.push(']');
}

/// The text of a scalar; moments as ISO 8601 has them.
fn plain<'a>(value: Value<'a>, arena: &'a Arena) -> &'a str {
    let mut out = Draft::new_in(arena);
    match value {
        Value::Timestamp(micros) => moment::timestamp(micros, 'T', "", &mut out),
        Value::TimestampTz(micros) => moment::timestamp(micros, 'T', "+00:00", &mut out),
        other => return form::text(other, arena),
    }
    out.into_bump_str()
}

/// Keys and values in turn.
pub(crate) fn object_of<'a>(args: &[Option<Value<'a>>], arena: &'a Arena) -> Evaluated<Json<'a>> {
    let mut members = List::new_in(arena);
    for pair in pairs(args)? {
        members.push((key(pair[0], arena)?, jsonb(pair[1], arena)?));
    }
    Ok(object(members))
}

/// The same as `json`, which keeps order and repetition.
pub(crate) fn object_text<'a>(
    args: &[Option<Value<'a>>],
    arena: &'a Arena,
    out: &mut Draft<'_>,
) -> Evaluated<()> {
    out.push('{');
    for (position, pair) in pairs(args)?.iter().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        string(key(pair[0], arena)?, out);
        out.push_str(" : ");
        json(pair[1], arena, out);
    }
    out.push('}');
    Ok(())
}

fn pairs<'r, 'a>(args: &'r [Option<Value<'a>>]) -> Evaluated<&'r [[Option<Value<'a>>; 2]]> {
    let (pairs, odd) = args.as_chunks::<2>();
    match odd {
        [] => Ok(pairs),
        _ => {
            let message = "argument list must have even number of elements";
            Err(EvalError::new(BAD_PARAMETER, message))
        }
    }
}

fn key<'a>(value: Option<Value<'a>>, arena: &'a Arena) -> Evaluated<&'a str> {
    match value {
        None => Err(EvalError::new(BAD_PARAMETER, "key must not be null")),
        Some(Value::Bool(truth)) => Ok(if truth { "true" } else { "false" }),
        Some(Value::Json(_) | Value::JsonText(_) | Value::Array(_)) => Err(EvalError::new(
            BAD_PARAMETER,
            "key value must be scalar, not array, composite, or json",
        )),
        Some(other) => Ok(plain(other, arena)),
    }
}

/// Keys and texts: in turn in one array, or in two of the same length.
pub(crate) fn text_members<'a>(
    keys: Array<'a>,
    values: Option<Array<'a>>,
    arena: &'a Arena,
) -> Evaluated<&'a [(&'a str, Option<&'a str>)]> {
    let wrong = |message| Err(EvalError::new(BAD_SUBSCRIPT, message));
    let text = |value: &Option<Value<'a>>| value.map(|value| form::text(value, arena));
    let mut members = List::new_in(arena);
    let mut push = |key: &Option<Value<'a>>, value: &Option<Value<'a>>| match text(key) {
        Some(key) => {
            members.push((key, text(value)));
            Ok(())
        }
        None => Err(EvalError::new(NULL_NOT_ALLOWED, "null value not allowed for object key")),
    };
    match (keys.dimensions, values) {
        (_, Some(values)) => {
            if keys.dimensions.len() > 1 || values.dimensions.len() > 1 {
                return wrong("wrong number of array subscripts");
            }
            if keys.elements.len() != values.elements.len() {
                return wrong("mismatched array dimensions");
            }
            for (key, value) in keys.elements.iter().zip(values.elements) {
                push(key, value)?;
            }
        }
        ([], None) => {}
        ([_] | [_, (_, 2)], None) => {
            let (pairs, odd) = keys.elements.as_chunks::<2>();
            if !odd.is_empty() {
                return wrong("array must have even number of elements");
            }
            for [key, value] in pairs {
                push(key, value)?;
            }
        }
        ([_, _], None) => return wrong("array must have two columns"),
        (_, None) => return wrong("wrong number of array subscripts"),
    }
    Ok(members.into_bump_slice())
}

/// `[1, 2]` as `json_build_array` writes it.
pub(crate) fn list_text<'a>(args: &[Option<Value<'a>>], arena: &'a Arena, out: &mut Draft<'_>) {
    out.push('[');
    for (position, value) in args.iter().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        json(*value, arena, out);
    }
    out.push(']');
}

/// Texts as `json_object` writes them.
pub(crate) fn members_text(members: &[(&str, Option<&str>)], out: &mut Draft<'_>) {
    out.push('{');
    for (position, (key, value)) in members.iter().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        string(key, out);
        out.push_str(" : ");
        match value {
            Some(text) => string(text, out),
            None => out.push_str("null"),
        }
    }
    out.push('}');
}

/// Texts as an object of `jsonb`.
pub(crate) fn members_object<'a>(
    members: &[(&'a str, Option<&'a str>)],
    arena: &'a Arena,
) -> Json<'a> {
    let mut list = List::with_capacity_in(members.len(), arena);
    list.extend(members.iter().map(|(key, value)| (*key, value.map_or(Json::Null, Json::String))));
    object(list)
}
