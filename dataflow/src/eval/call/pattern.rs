//! Regular expressions. A constant one is compiled with the program, any other when it is met.

use flusso_compiler::pattern::{self, PatternError};
use flusso_compiler::sql::functions::Pattern as Function;
use regex::{Captures, Regex};

use super::Args;
use crate::eval::error::{BAD_PARAMETER, BAD_REGEX, EvalError, Evaluated};
use crate::eval::text::size;
use crate::eval::value::{Arena, Array, Draft, List, Value};

/// A regular expression with its flags.
#[derive(Debug)]
pub(in crate::eval) struct Compiled {
    regex: Regex,
    groups: usize,
    ambiguous: Option<&'static str>,
    each: bool,
}

impl Compiled {
    /// Of a pattern, flags as text, and whether the function is without regard to case.
    pub(in crate::eval) fn new(pattern: &str, flags: &str, fold: bool) -> Evaluated<Compiled> {
        let (folds, each) = pattern::flags(flags).map_err(|error| refused(error, BAD_PARAMETER))?;
        let fold = fold || folds;
        let read = pattern::read(pattern, fold).map_err(|error| refused(error, BAD_REGEX))?;
        let regex = Regex::new(&read.regex)
            .map_err(|_| EvalError::unsupported("a regular expression of this size"))?;
        Ok(Compiled { regex, groups: read.groups, ambiguous: read.ambiguous, each })
    }

    /// The engine, where ends and groups of matches are asked for.
    fn exact(&self) -> Evaluated<&Regex> {
        match self.ambiguous {
            None => Ok(&self.regex),
            Some(reason) => Err(EvalError::unsupported(format!(
                "what this regular expression matches: {reason}"
            ))),
        }
    }
}

fn refused(error: PatternError, state: &'static str) -> EvalError {
    match error {
        PatternError::Invalid(message) => EvalError::new(state, message),
        PatternError::Unsupported(_) => EvalError::unsupported(error.to_string()),
    }
}

/// Where a function has its flags, and whether it is without regard to case.
pub(in crate::eval) fn flags(function: Function) -> (Option<usize>, bool) {
    match function {
        Function::Matches
        | Function::MatchesNot
        | Function::Like
        | Function::Count
        | Function::Match
        | Function::Replace
        | Function::SplitToArray
        | Function::Substring
        | Function::Substr => (None, false),
        Function::MatchesFold | Function::MatchesNotFold => (None, true),
        Function::LikeFlags | Function::MatchFlags | Function::SplitToArrayFlags => {
            (Some(2), false)
        }
        Function::ReplaceFlags => (Some(3), false),
    }
}

pub(super) fn call<'a>(function: Function, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    match args.pattern {
        Some(compiled) => apply(function, compiled, args),
        None => {
            let (flags, fold) = flags(function);
            let flags = match flags {
                Some(at) => args.text(at)?,
                None => "",
            };
            apply(function, &Compiled::new(args.text(1)?, flags, fold)?, args)
        }
    }
}

fn apply<'a>(
    function: Function,
    compiled: &Compiled,
    args: Args<'_, 'a>,
) -> Evaluated<Option<Value<'a>>> {
    let (text, arena) = (args.text(0)?, args.arena);
    let global = |name: &str| {
        let message = format!("{name}() does not support the \"global\" option");
        Err(EvalError::new(BAD_PARAMETER, message))
    };
    Ok(match function {
        Function::Matches | Function::MatchesFold => Some(matches(compiled, text)),
        Function::LikeFlags if compiled.each => return global("regexp_like"),
        Function::Like | Function::LikeFlags => Some(matches(compiled, text)),
        Function::MatchesNot | Function::MatchesNotFold => {
            Some(Value::Bool(!compiled.regex.is_match(text)))
        }
        Function::Count => Some(Value::Int(all(compiled.exact()?, text).count() as i64)),
        Function::MatchFlags if compiled.each => return global("regexp_match"),
        Function::Match | Function::MatchFlags => {
            compiled.exact()?.captures(text).map(|found| groups(compiled, &found, arena))
        }
        Function::Replace | Function::ReplaceFlags => {
            Some(Value::Text(replaced(compiled, text, args.text(2)?, arena)?))
        }
        Function::SplitToArrayFlags if compiled.each => return global("regexp_split_to_array"),
        Function::SplitToArray | Function::SplitToArrayFlags => {
            Some(Value::Array(split(compiled.exact()?, text, arena)))
        }
        Function::Substring => compiled.exact()?.captures(text).and_then(|found| {
            let group = usize::from(compiled.groups > 0);
            found.get(group).map(|part| Value::Text(part.as_str()))
        }),
        Function::Substr => compiled.exact()?.find(text).map(|found| Value::Text(found.as_str())),
    })
}

/// One match after another. An empty one may follow right after another one here; the search goes
/// on behind the next character then.
fn all<'a>(regex: &Regex, text: &'a str) -> impl Iterator<Item = Captures<'a>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let found = regex.captures_at(text, next?)?;
        let whole = found.get(0)?;
        next = match whole.is_empty() {
            false => Some(whole.end()),
            true => text[whole.end()..].chars().next().map(|c| whole.end() + c.len_utf8()),
        };
        Some(found)
    })
}

fn matches<'a>(compiled: &Compiled, text: &str) -> Value<'a> {
    Value::Bool(compiled.regex.is_match(text))
}

/// What the groups hold; without groups all of the match.
fn groups<'a>(compiled: &Compiled, found: &Captures<'a>, arena: &'a Arena) -> Value<'a> {
    let mut parts = List::new_in(arena);
    let from = usize::from(compiled.groups > 0);
    parts.extend(
        (from..=compiled.groups).map(|at| found.get(at).map(|part| Value::Text(part.as_str()))),
    );
    Value::Array(Array::flat(parts.into_bump_slice(), arena))
}

/// The first match, or each, replaced: `\1` to `\9` are groups, `\&` is all of it, `\\` a
/// backslash.
fn replaced<'a>(
    compiled: &Compiled,
    text: &'a str,
    with: &str,
    arena: &'a Arena,
) -> Evaluated<&'a str> {
    let regex = compiled.exact()?;
    let mut out = Draft::with_capacity_in(text.len(), arena);
    let mut at = 0;
    for found in all(regex, text).take(if compiled.each { usize::MAX } else { 1 }) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[at..whole.start()]);
        at = whole.end();
        let mut rest = with;
        while let Some(next) = rest.find('\\') {
            out.push_str(&rest[..next]);
            rest = &rest[next + 1..];
            match rest.chars().next() {
                Some('&') => out.push_str(whole.as_str()),
                Some(digit @ '1'..='9') => {
                    let group = digit as usize - '0' as usize;
                    out.push_str(found.get(group).map_or("", |part| part.as_str()));
                }
                Some('\\') => out.push('\\'),
                // Anything else stays, the backslash too.
                _ => {
                    out.push('\\');
                    continue;
                }
            }
            rest = &rest[1..];
        }
        out.push_str(rest);
        size(Some(out.len()))?;
    }
    if at == 0 && out.is_empty() {
        return Ok(text);
    }
    out.push_str(&text[at..]);
    Ok(out.into_bump_str())
}

/// The parts between matches. One that is empty at the beginning, at the end or right after the
/// one before is passed over.
fn split<'a>(regex: &Regex, text: &'a str, arena: &'a Arena) -> Array<'a> {
    let mut parts = List::new_in(arena);
    let mut at = 0;
    for found in all(regex, text) {
        let Some(found) = found.get(0) else { continue };
        if found.is_empty() && (found.start() == at || found.start() >= text.len()) {
            continue;
        }
        parts.push(Some(Value::Text(&text[at..found.start()])));
        at = found.end();
    }
    parts.push(Some(Value::Text(&text[at..])));
    Array::flat(parts.into_bump_slice(), arena)
}
