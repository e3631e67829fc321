//! Which overload a call means, by Postgres' rules (its manual, chapter 10).
//!
//! ```text
//! exact match? ─► those that can be reached by implicit casts ─► most exact arguments
//!              ─► preferred types ─► what the untyped arguments suggest ─► one, or ambiguous
//! ```
//!
//! Rows that Postgres has and we have not would change the answer for others, so they take part
//! and are refused when they win; see [`refused`](super::refused).

use super::refused::{self, Refused};
use super::{Entry, Function, Json, Text, Ty, families};
use crate::diagnostics::nearest;
use crate::sql::coerce::{Category, category, implicit, is_preferred, same};
use crate::types::SqlType;

/// What is known of an argument: its type, or none for a text or NULL nobody has typed yet, and
/// for a column without a catalog.
pub type Argument = Option<SqlType>;

/// The overload chosen, with the types its arguments are cast to and the type it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Which.
    pub function: Function,
    /// The type of each argument.
    pub args: Vec<SqlType>,
    /// The type of the result.
    pub gives: SqlType,
}

/// Why no overload is chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Unresolved {
    /// Nothing has that name; with the nearest that has.
    NoName(Option<&'static str>),
    /// It exists in Postgres; with the reason why not here.
    Refused(refused::Reason),
    /// It takes other arguments; with what it takes.
    NoMatch(Vec<String>),
    /// It could be several.
    Ambiguous(Vec<String>),
    /// The arguments leave the type of the result open.
    Open,
}

/// One signature that a call may mean.
struct Candidate {
    what: What,
    types: Vec<Ty>,
}

#[derive(Clone, Copy)]
enum What {
    Row(&'static Entry),
    Refused(&'static Refused),
}

/// The overload that a name means with these arguments.
pub fn resolve(name: &str, args: &[Argument]) -> Result<Choice, Unresolved> {
    let all = candidates(name, args.len());
    if all.is_empty() {
        return Err(no_candidate(name));
    }
    let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
    let chosen = match exact(&all, args, is_operator) {
        Some(exact) => exact,
        None => best(&all, args).map_err(|several| match several.as_slice() {
            [] => Unresolved::NoMatch(signatures(name)),
            several => Unresolved::Ambiguous(several.iter().map(|one| shown(name, one)).collect()),
        })?,
    };
    match chosen.what {
        What::Refused(refused) => Err(Unresolved::Refused(refused.why)),
        What::Row(entry) => settle(entry, &chosen.types, args),
    }
}

/// Some overload of as many arguments, whose types are not looked at.
pub fn any(name: &str, count: usize) -> Option<Choice> {
    let unknown = vec![SqlType::Unknown; count];
    candidates(name, count).iter().find_map(|candidate| match candidate.what {
        What::Row(entry) => {
            let (function, args) = (entry.function, unknown.clone());
            Some(Choice { function, args, gives: SqlType::Unknown })
        }
        What::Refused(_) => None,
    })
}

fn rows() -> impl Iterator<Item = &'static Entry> {
    families().into_iter().flat_map(|(_, table)| table)
}

fn no_candidate(name: &str) -> Unresolved {
    if let Some(why) = refused::by_name(name) {
        return Unresolved::Refused(why);
    }
    let named = || rows().flat_map(|entry| entry.names).copied();
    match named().any(|one| one == name) {
        true => Unresolved::NoMatch(signatures(name)),
        false => Unresolved::NoName(nearest(name, named().filter(|one| one.len() > 2))),
    }
}

/// The signatures of as many arguments; those with further ones filled up.
fn candidates(name: &str, count: usize) -> Vec<Candidate> {
    let mut all = Vec::new();
    for entry in rows().filter(|entry| entry.names.contains(&name)) {
        let takes: &[&[Ty]] = if entry.takes.is_empty() { &[&[]] } else { entry.takes };
        for types in takes {
            let mut types = types.to_vec();
            if let Some(rest) = entry.rest {
                let least = types.len() + usize::from(!may_end(entry.function));
                types.resize(least.max(count), rest);
            }
            if types.len() == count {
                all.push(Candidate { what: What::Row(entry), types });
            }
        }
    }
    for refused in refused::overloads(name) {
        if refused.takes.len() == count {
            let types = refused.takes.to_vec();
            all.push(Candidate { what: What::Refused(refused), types });
        }
    }
    all
}

/// Whether what takes further arguments does without any.
fn may_end(function: Function) -> bool {
    matches!(
        function,
        Function::Text(Text::FormatText)
            | Function::Json(Json::JsonBuildObject | Json::JsonBuildArray)
            | Function::Json(Json::JsonbBuildObject | Json::JsonbBuildArray)
    )
}

/// How the calls of a name look.
fn signatures(name: &str) -> Vec<String> {
    let entries = rows().filter(|entry| entry.names.contains(&name));
    entries.map(|entry| super::signature(name, entry.args(), entry.rest)).collect()
}

fn shown(name: &str, candidate: &Candidate) -> String {
    super::signature(name, &candidate.types, None)
}

/// The signature of exactly these types. Beside an operator an untyped argument is first taken to
/// be of the type of the other.
fn exact<'a>(all: &'a [Candidate], args: &[Argument], operator: bool) -> Option<&'a Candidate> {
    let assumed: Option<Vec<&SqlType>> = match args {
        [Some(one), None] | [None, Some(one)] if operator => Some(vec![one, one]),
        args => args.iter().map(Option::as_ref).collect(),
    };
    let assumed = assumed?;
    all.iter().find(|candidate| {
        candidate.types.iter().zip(&assumed).all(|(ty, arg)| is_exactly(*ty, arg))
    })
}

fn is_exactly(ty: Ty, arg: &SqlType) -> bool {
    ty.concrete().is_some_and(|ty| same(&ty, arg))
}

fn accepts(ty: Ty, arg: &SqlType) -> bool {
    match ty {
        Ty::Any | Ty::AnyElement | Ty::Common => true,
        Ty::Other => false,
        Ty::AnyNonArray => !matches!(arg, SqlType::Array(_)),
        Ty::AnyArray | Ty::CommonArray => matches!(arg, SqlType::Array(_)),
        ty => ty.concrete().is_some_and(|ty| implicit(arg, &ty)),
    }
}

fn kind(ty: Ty) -> Category {
    ty.concrete().map_or(Category::Pseudo, |ty| category(&ty))
}

fn preferred(ty: Ty) -> bool {
    ty.concrete().is_some_and(|ty| is_preferred(&ty))
}

/// Keeps those with the highest mark, if it is above none.
fn keep_best(all: Vec<&Candidate>, mark: impl Fn(&Candidate) -> usize) -> Vec<&Candidate> {
    let best = all.iter().map(|one| mark(one)).max().unwrap_or(0);
    all.into_iter().filter(|one| mark(one) == best).collect()
}

/// The one candidate that the rules leave; those left when they are none or several.
fn best<'a>(all: &'a [Candidate], args: &[Argument]) -> Result<&'a Candidate, Vec<&'a Candidate>> {
    let fits = |candidate: &&Candidate| {
        let pairs = candidate.types.iter().zip(args);
        pairs.into_iter().all(|(ty, arg)| arg.as_ref().is_none_or(|arg| accepts(*ty, arg)))
            && consistent(&candidate.types, args)
    };
    let mut left: Vec<&Candidate> = all.iter().filter(fits).collect();
    if let [one] = left.as_slice() {
        return Ok(one);
    }
    let typed = |candidate: &Candidate, test: &dyn Fn(Ty, &SqlType) -> bool| {
        let pairs = candidate.types.iter().zip(args);
        pairs.filter(|(ty, arg)| arg.as_ref().is_some_and(|arg| test(**ty, arg))).count()
    };
    left = keep_best(left, |one| typed(one, &is_exactly));
    if let [one] = left.as_slice() {
        return Ok(one);
    }
    left = keep_best(left, |one| {
        typed(one, &|ty, arg| is_exactly(ty, arg) || (preferred(ty) && kind(ty) == category(arg)))
    });
    if let [one] = left.as_slice() {
        return Ok(one);
    }
    if args.iter().any(Option::is_none) {
        left = by_category(left, args);
        if let [one] = left.as_slice() {
            return Ok(one);
        }
        left = by_sole_type(left, args);
        if let [one] = left.as_slice() {
            return Ok(one);
        }
    }
    Err(left)
}

/// What untyped arguments suggest: text where any candidate takes text, else the category all
/// agree on, and its preferred type.
fn by_category<'a>(all: Vec<&'a Candidate>, args: &[Argument]) -> Vec<&'a Candidate> {
    let mut wanted: Vec<Option<(Category, bool)>> = vec![None; args.len()];
    for (slot, arg) in args.iter().enumerate() {
        if arg.is_some() {
            continue;
        }
        let types = || all.iter().map(|one| one.types[slot]);
        let agreed = match types().any(|ty| kind(ty) == Category::String) {
            true => Category::String,
            false => match types().next().map(kind) {
                Some(first) if types().all(|ty| kind(ty) == first) => first,
                _ => return all,
            },
        };
        let strict = types().any(|ty| kind(ty) == agreed && preferred(ty));
        wanted[slot] = Some((agreed, strict));
    }
    let fits = |one: &&&Candidate| {
        one.types.iter().zip(&wanted).all(|(ty, wanted)| match wanted {
            Some((category, strict)) => kind(*ty) == *category && (!strict || preferred(*ty)),
            None => true,
        })
    };
    let kept: Vec<&Candidate> = all.iter().filter(fits).copied().collect();
    if kept.is_empty() { all } else { kept }
}

/// When all typed arguments are of one type, untyped ones are taken to be of it too.
fn by_sole_type<'a>(all: Vec<&'a Candidate>, args: &[Argument]) -> Vec<&'a Candidate> {
    let mut known = args.iter().flatten();
    let Some(first) = known.next() else { return all };
    if !known.all(|other| same(other, first)) {
        return all;
    }
    // An array beside an untyped text asks for another array, not for an element.
    let takes = |ty: Ty| match first {
        SqlType::Array(_) => matches!(ty, Ty::AnyArray | Ty::CommonArray) || is_exactly(ty, first),
        _ => accepts(ty, first),
    };
    let kept: Vec<&Candidate> =
        all.iter().filter(|one| one.types.iter().all(|ty| takes(*ty))).copied().collect();
    if kept.len() == 1 { kept } else { all }
}

/// Whether what a signature leaves open can be one type throughout.
fn consistent(types: &[Ty], args: &[Argument]) -> bool {
    open(types, args).is_ok()
}

/// The element type that a signature leaves open; none when no argument says.
fn open(types: &[Ty], args: &[Argument]) -> Result<Option<SqlType>, ()> {
    let mut elements: Vec<&SqlType> = Vec::new();
    let mut common = false;
    for (ty, arg) in types.iter().zip(args) {
        let Some(arg) = arg else { continue };
        match (ty, arg) {
            (Ty::AnyArray | Ty::CommonArray, SqlType::Array(element)) => elements.push(element),
            (Ty::AnyArray | Ty::CommonArray, _) => return Err(()),
            (Ty::AnyElement | Ty::AnyNonArray | Ty::Common, arg) => elements.push(arg),
            _ => continue,
        }
        common |= matches!(ty, Ty::Common | Ty::CommonArray);
    }
    if common {
        return crate::sql::coerce::common(elements.into_iter()).map_err(drop);
    }
    match elements.split_first() {
        None => Ok(None),
        Some((first, rest)) if rest.iter().all(|one| same(one, first)) => {
            Ok(Some((*first).clone()))
        }
        Some(_) => Err(()),
    }
}

/// The types of the arguments and of the result. A signature that only decides brings the
/// arguments to the function's own types.
fn settle(entry: &'static Entry, types: &[Ty], args: &[Argument]) -> Result<Choice, Unresolved> {
    let element = open(types, args).map_err(|()| Unresolved::Open)?;
    let needs = |ty: &Ty| {
        matches!(ty, Ty::AnyElement | Ty::AnyNonArray | Ty::AnyArray | Ty::Common | Ty::CommonArray)
    };
    let own: Vec<Ty> = match entry.rest {
        None => entry.args().to_vec(),
        Some(_) => types.to_vec(),
    };
    let element = match (element, own.iter().chain([&entry.gives]).any(needs)) {
        (None, true) if own.iter().any(|ty| matches!(ty, Ty::Common | Ty::CommonArray)) => {
            SqlType::Text
        }
        (None, true) => return Err(Unresolved::Open),
        (element, _) => element.unwrap_or(SqlType::Text),
    };
    let made = |ty: Ty, arg: Option<&SqlType>| match ty {
        Ty::AnyElement | Ty::AnyNonArray | Ty::Common => element.clone(),
        Ty::AnyArray | Ty::CommonArray => SqlType::Array(Box::new(element.clone())),
        Ty::Any => arg.cloned().unwrap_or(SqlType::Text),
        ty => ty.concrete().unwrap_or(SqlType::Text),
    };
    let of_json = matches!(entry.function, Function::Json(_));
    let args = own.iter().zip(args).map(|(ty, arg)| match made(*ty, arg.as_ref()) {
        // To JSON it is no number.
        SqlType::Oid if of_json => SqlType::Text,
        ty => ty,
    });
    let args = args.collect();
    Ok(Choice { function: entry.function, args, gives: made(entry.gives, None) })
}
