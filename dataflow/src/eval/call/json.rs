//! `json` and `jsonb`.

use flusso_compiler::sql::functions::Json as Function;

use super::Args;
use crate::eval::error::{BAD_SUBSCRIPT, EvalError, Evaluated};
use crate::eval::json::change::{self, Change};
use crate::eval::json::{Json, access, build, contain, raw};
use crate::eval::value::{Array, Draft, List, Value};

pub(super) fn call<'a>(function: Function, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    use Function::*;
    let arena = args.arena;
    let jsonb = |json: Option<Json<'a>>| Ok(json.map(Value::Json));
    let jsonb_text =
        |json: Option<Json<'a>>| Ok(json.and_then(|it| access::text(it, arena)).map(Value::Text));
    let json = |text: Option<&'a str>| Ok(text.map(Value::JsonText));
    let json_text = |text: Option<&'a str>| match text {
        Some(text) => Ok(raw::text(text, arena)?.map(Value::Text)),
        None => Ok(None),
    };
    Ok(Some(match function {
        JsonGet => return json(raw::get(args.text(0)?, args.text(1)?, arena)?),
        JsonAt => return json(raw::at(args.text(0)?, args.int(1)?, arena)?),
        JsonGetText => return json_text(raw::get(args.text(0)?, args.text(1)?, arena)?),
        JsonAtText => return json_text(raw::at(args.text(0)?, args.int(1)?, arena)?),
        JsonPath => {
            let steps = access::texts(args.array(1)?);
            return json(raw::path(args.text(0)?, steps, arena)?);
        }
        JsonPathText => {
            let steps = access::texts(args.array(1)?);
            return json_text(raw::path(args.text(0)?, steps, arena)?);
        }
        JsonExtractPath => return json(raw::path(args.text(0)?, steps(args), arena)?),
        JsonExtractPathText => return json_text(raw::path(args.text(0)?, steps(args), arena)?),
        JsonTypeof => Value::Text(raw::kind(args.text(0)?)),
        JsonArrayLength => Value::Int(raw::array_length(args.text(0)?, arena)?),
        JsonStripNulls => {
            let mut out = Draft::new_in(arena);
            raw::strip_nulls(args.text(0)?, arena, &mut out)?;
            Value::JsonText(out.into_bump_str())
        }
        ToJson | ArrayToJson => {
            let mut out = Draft::new_in(arena);
            build::json(args.any(0), arena, &mut out);
            Value::JsonText(out.into_bump_str())
        }
        JsonBuildObject => {
            let mut out = Draft::new_in(arena);
            build::object_text(args.values, arena, &mut out)?;
            Value::JsonText(out.into_bump_str())
        }
        JsonBuildArray => {
            let mut out = Draft::new_in(arena);
            build::list_text(args.values, arena, &mut out);
            Value::JsonText(out.into_bump_str())
        }
        JsonObject | JsonObjectOf => {
            let values = if function == JsonObject { None } else { Some(args.array(1)?) };
            let members = build::text_members(args.array(0)?, values, arena)?;
            let mut out = Draft::new_in(arena);
            build::members_text(members, &mut out);
            Value::JsonText(out.into_bump_str())
        }
        JsonbGet => return jsonb(args.json(0)?.get(args.text(1)?)),
        JsonbAt => return jsonb(access::element(args.json(0)?, args.int(1)?)),
        JsonbGetText => return jsonb_text(args.json(0)?.get(args.text(1)?)),
        JsonbAtText => return jsonb_text(access::element(args.json(0)?, args.int(1)?)),
        JsonbPath => return jsonb(access::path(args.json(0)?, access::texts(args.array(1)?))),
        JsonbPathText => {
            return jsonb_text(access::path(args.json(0)?, access::texts(args.array(1)?)));
        }
        JsonbExtractPath => return jsonb(access::path(args.json(0)?, steps(args))),
        JsonbExtractPathText => return jsonb_text(access::path(args.json(0)?, steps(args))),
        JsonbTypeof => Value::Text(args.json(0)?.kind()),
        JsonbArrayLength => Value::Int(access::array_length(args.json(0)?)?),
        JsonbStripNulls => Value::Json(change::strip_nulls(args.json(0)?, arena)),
        ToJsonb => Value::Json(build::jsonb(args.any(0), arena)?),
        JsonbBuildObject => Value::Json(build::object_of(args.values, arena)?),
        JsonbBuildArray => {
            let mut list = List::new_in(arena);
            for value in args.values {
                list.push(build::jsonb(*value, arena)?);
            }
            Value::Json(Json::Array(list.into_bump_slice()))
        }
        JsonbObject | JsonbObjectOf => {
            let values = if function == JsonbObject { None } else { Some(args.array(1)?) };
            let members = build::text_members(args.array(0)?, values, arena)?;
            Value::Json(build::members_object(members, arena))
        }
        Contains => Value::Bool(contain::contains(args.json(0)?, args.json(1)?, arena)),
        Contained => Value::Bool(contain::contains(args.json(1)?, args.json(0)?, arena)),
        HasKey => Value::Bool(contain::has(args.json(0)?, args.text(1)?)),
        HasAny => {
            let given = args.json(0)?;
            let mut keys = access::texts(args.array(1)?).flatten();
            Value::Bool(keys.any(|key| contain::has(given, key)))
        }
        HasAll => {
            let given = args.json(0)?;
            let mut keys = access::texts(args.array(1)?).flatten();
            Value::Bool(keys.all(|key| contain::has(given, key)))
        }
        JsonbConcat => Value::Json(change::concat(args.json(0)?, args.json(1)?, arena)),
        DeleteKey => {
            let gone = args.text(1)?;
            Value::Json(change::delete_keys(args.json(0)?, |key| key == gone, arena)?)
        }
        DeleteKeys => {
            let list = flat(args.array(1)?)?;
            let gone = |key: &str| access::texts(list).any(|gone| gone == Some(key));
            Value::Json(change::delete_keys(args.json(0)?, gone, arena)?)
        }
        DeleteAt => Value::Json(change::delete_at(args.json(0)?, args.int(1)?, arena)?),
        DeletePath => Value::Json(at_path(args, Change::Delete)?),
        Set => Value::Json(at_path(args, Change::Set(args.json(2)?, true))?),
        SetOrNot => Value::Json(at_path(args, Change::Set(args.json(2)?, args.bool(3)?))?),
        Insert => Value::Json(at_path(args, Change::Insert(args.json(2)?, false))?),
        InsertAfter => Value::Json(at_path(args, Change::Insert(args.json(2)?, args.bool(3)?))?),
        Pretty => {
            let mut out = Draft::new_in(arena);
            args.json(0)?.pretty(0, &mut out);
            Value::Text(out.into_bump_str())
        }
    }))
}

/// The path in the arguments after the first.
fn steps<'r, 'a>(args: Args<'r, 'a>) -> impl Iterator<Item = Option<&'a str>> + use<'r, 'a> {
    (1..args.values.len()).map(move |at| args.text(at).ok())
}

/// A path or a list of keys, which has one dimension.
fn flat(array: Array<'_>) -> Evaluated<Array<'_>> {
    match array.dimensions.len() {
        0 | 1 => Ok(array),
        _ => Err(EvalError::new(BAD_SUBSCRIPT, "wrong number of array subscripts")),
    }
}

fn at_path<'a>(args: Args<'_, 'a>, change: Change<'a>) -> Evaluated<Json<'a>> {
    let mut path = List::new_in(args.arena);
    path.extend(access::texts(flat(args.array(1)?)?));
    change::at_path(args.json(0)?, &path, change, args.arena)
}
