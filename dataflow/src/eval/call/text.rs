//! Text and bytes.

use flusso_compiler::sql::functions::Text;

use super::Args;
use crate::eval::error::{BAD_SUBSCRIPT, EvalError, Evaluated};
use crate::eval::form;
use crate::eval::text::cut::{self, Ends};
use crate::eval::text::{self, bytes, case, format, quote, replace};
use crate::eval::value::{Draft, List, Value};
use crate::order::trim_blanks;

pub(super) fn call<'a>(function: Text, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    use Text::*;
    let arena = args.arena;
    Ok(Some(match function {
        Concat => Value::Text(cut::joined(&[args.text(0)?, args.text(1)?], arena)?),
        ConcatAll => Value::Text(all(args, 0, "")?),
        ConcatWs => match args.any(0) {
            Some(Value::Text(separator)) => Value::Text(all(args, 1, separator)?),
            _ => return Ok(None),
        },
        Lower => Value::Text(case::lower(args.text(0)?, arena)),
        Upper => Value::Text(case::upper(args.text(0)?, arena)),
        Initcap => Value::Text(case::initcap(args.text(0)?, arena)),
        Length => Value::Int(text::length(args.text(0)?)),
        BpcharLength => {
            let given = args.text(0)?;
            Value::Int(text::length(&given[..trim_blanks(given.as_bytes()).len()]))
        }
        OctetLength | BpcharOctetLength => Value::Int(args.text(0)?.len() as i64),
        BitLength => Value::Int(args.text(0)?.len() as i64 * 8),
        Trim => Value::Text(cut::trim(args.text(0)?, " ", Ends::Both)),
        TrimOf => Value::Text(cut::trim(args.text(0)?, args.text(1)?, Ends::Both)),
        Ltrim => Value::Text(cut::trim(args.text(0)?, " ", Ends::Start)),
        LtrimOf => Value::Text(cut::trim(args.text(0)?, args.text(1)?, Ends::Start)),
        Rtrim => Value::Text(cut::trim(args.text(0)?, " ", Ends::End)),
        RtrimOf => Value::Text(cut::trim(args.text(0)?, args.text(1)?, Ends::End)),
        Lpad => Value::Text(cut::pad(args.text(0)?, args.int(1)?, " ", true, arena)?),
        LpadWith => Value::Text(cut::pad(args.text(0)?, args.int(1)?, args.text(2)?, true, arena)?),
        Rpad => Value::Text(cut::pad(args.text(0)?, args.int(1)?, " ", false, arena)?),
        RpadWith => {
            Value::Text(cut::pad(args.text(0)?, args.int(1)?, args.text(2)?, false, arena)?)
        }
        Left => Value::Text(cut::left(args.text(0)?, args.int(1)?)),
        Right => Value::Text(cut::right(args.text(0)?, args.int(1)?)),
        Repeat => Value::Text(replace::repeat(args.text(0)?, args.int(1)?, arena)?),
        Replace => {
            Value::Text(replace::replace(args.text(0)?, args.text(1)?, args.text(2)?, arena)?)
        }
        Reverse => Value::Text(replace::reverse(args.text(0)?, arena)),
        SplitPart => Value::Text(cut::split_part(args.text(0)?, args.text(1)?, args.int(2)?)?),
        Position => Value::Int(text::position(args.text(0)?, args.text(1)?)),
        SubstringFrom => Value::Text(cut::substring(args.text(0)?, args.int(1)?, None)?),
        SubstringFor => {
            Value::Text(cut::substring(args.text(0)?, args.int(1)?, Some(args.int(2)?))?)
        }
        Overlay => {
            let part = args.text(1)?;
            let count = text::length(part);
            Value::Text(cut::overlay(args.text(0)?, part, args.int(2)?, count, arena)?)
        }
        OverlayFor => {
            let count = args.int(3)?;
            Value::Text(cut::overlay(args.text(0)?, args.text(1)?, args.int(2)?, count, arena)?)
        }
        Translate => {
            Value::Text(replace::translate(args.text(0)?, args.text(1)?, args.text(2)?, arena))
        }
        Ascii => Value::Int(replace::ascii(args.text(0)?)),
        Chr => Value::Text(replace::chr(args.int(0)?, arena)?),
        StartsWith => Value::Bool(args.text(0)?.starts_with(args.text(1)?)),
        Md5 => Value::Text(bytes::md5(args.text(0)?.as_bytes(), arena)),
        Md5Bytes => Value::Text(bytes::md5(args.bytes(0)?, arena)),
        Sha224 => Value::Bytes(bytes::sha::<sha2::Sha224>(args.bytes(0)?, arena)),
        Sha256 => Value::Bytes(bytes::sha::<sha2::Sha256>(args.bytes(0)?, arena)),
        Sha384 => Value::Bytes(bytes::sha::<sha2::Sha384>(args.bytes(0)?, arena)),
        Sha512 => Value::Bytes(bytes::sha::<sha2::Sha512>(args.bytes(0)?, arena)),
        QuoteIdent => drafted(args, quote::ident)?,
        QuoteLiteral => drafted(args, quote::literal)?,
        QuoteNullable => match args.any(0) {
            None => Value::Text("NULL"),
            Some(_) => drafted(args, quote::literal)?,
        },
        FormatText => {
            let Some(Value::Text(template)) = args.any(0) else { return Ok(None) };
            let mut texts = List::new_in(arena);
            texts
                .extend(args.values[1..].iter().map(|value| value.map(|it| form::text(it, arena))));
            Value::Text(format::format(template, &texts, arena)?)
        }
        Int4ToHex => Value::Text(arena.alloc_str(&format!("{:x}", args.int(0)? as i32))),
        Int8ToHex => Value::Text(arena.alloc_str(&format!("{:x}", args.int(0)?))),
        BytesConcat => {
            let mut out = List::new_in(arena);
            out.extend_from_slice(args.bytes(0)?);
            out.extend_from_slice(args.bytes(1)?);
            Value::Bytes(out.into_bump_slice())
        }
        BytesLength => Value::Int(args.bytes(0)?.len() as i64),
        BytesSubstringFrom => Value::Bytes(part(args.bytes(0)?, args.int(1)?, None)?),
        BytesSubstringFor => Value::Bytes(part(args.bytes(0)?, args.int(1)?, Some(args.int(2)?))?),
        BytesPosition => {
            let found = memchr::memmem::find(args.bytes(0)?, args.bytes(1)?);
            Value::Int(found.map_or(0, |at| at as i64 + 1))
        }
        GetByte => {
            let (given, at) = (args.bytes(0)?, args.int(1)?);
            let byte = usize::try_from(at).ok().and_then(|at| given.get(at));
            let wrong = || {
                let last = given.len() as i64 - 1;
                let message = format!("index {at} out of valid range, 0..{last}");
                EvalError::new(BAD_SUBSCRIPT, message)
            };
            Value::Int((*byte.ok_or_else(wrong)?).into())
        }
        Encode => {
            let mut out = Draft::new_in(arena);
            bytes::encode(args.bytes(0)?, args.text(1)?, &mut out)?;
            Value::Text(out.into_bump_str())
        }
        Decode => Value::Bytes(bytes::decode(args.text(0)?, args.text(1)?, arena)?),
        ConvertFrom => {
            bytes::only_utf8(args.text(1)?)?;
            Value::Text(bytes::utf8(args.bytes(0)?)?)
        }
        ConvertTo => {
            bytes::only_utf8(args.text(1)?)?;
            Value::Bytes(args.text(0)?.as_bytes())
        }
        NumNulls => Value::Int(args.values.iter().filter(|value| value.is_none()).count() as i64),
        NumNonnulls => {
            Value::Int(args.values.iter().filter(|value| value.is_some()).count() as i64)
        }
    }))
}

/// What is not NULL of the arguments from one on, with a separator between.
fn all<'a>(args: Args<'_, 'a>, from: usize, separator: &str) -> Evaluated<&'a str> {
    let mut out = Draft::new_in(args.arena);
    for (position, value) in args.values[from..].iter().flatten().enumerate() {
        if position > 0 {
            text::size(Some(out.len() + separator.len()))?;
            out.push_str(separator);
        }
        form::print(*value, &mut out);
    }
    Ok(out.into_bump_str())
}

fn drafted<'a>(
    args: Args<'_, 'a>,
    write: impl FnOnce(&str, &mut Draft<'a>),
) -> Evaluated<Value<'a>> {
    let mut out = Draft::new_in(args.arena);
    write(args.text(0)?, &mut out);
    Ok(Value::Text(out.into_bump_str()))
}

fn part(bytes: &[u8], from: i64, length: Option<i64>) -> Evaluated<&[u8]> {
    let (start, end) = cut::window(from, length)?;
    Ok(&bytes[start.min(bytes.len())..end.min(bytes.len())])
}
