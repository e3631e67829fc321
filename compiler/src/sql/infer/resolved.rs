//! Calls of the table of functions: the overload that is meant, its arguments brought to its types,
//! and what to say when there is none.

use super::{Typed, Typer};
use crate::diagnostics::Place;
use crate::expr::Expr;
use crate::pattern;
use crate::sql::functions::refused::Reason;
use crate::sql::functions::{Function, Pattern, resolve};
use crate::types::SqlType;

impl Typer<'_> {
    /// An operator or function of typed arguments, by the table.
    pub(super) fn resolved(&mut self, name: &str, args: Vec<Typed>, place: Place) -> Option<Typed> {
        let types: Vec<resolve::Argument> =
            args.iter().map(|arg| arg.ty.is_known().then(|| arg.ty.clone())).collect();
        let open = args.iter().any(|arg| !arg.untyped && !arg.ty.is_known());
        let choice = match resolve::resolve(name, &types) {
            Ok(choice) => choice,
            // Without a catalog, any overload will do: nothing but the name is printed of it.
            Err(resolve::Unresolved::Ambiguous(_) | resolve::Unresolved::Open) if open => {
                resolve::any(name, args.len())?
            }
            Err(why) => {
                self.unresolved(name, &args, why, place);
                return None;
            }
        };
        let given: Vec<Option<Typed>> =
            args.into_iter().zip(&choice.args).map(|(arg, ty)| self.give(arg, ty)).collect();
        let args: Option<Vec<Typed>> = given.into_iter().collect();
        let args = args?;
        self.pattern(choice.function, &args)?;
        let args = args.into_iter().map(|arg| arg.expr).collect();
        let ty = if open && !choice.gives.is_known() { SqlType::Unknown } else { choice.gives };
        let expr = Expr::Call { function: choice.function, args, ty: ty.clone() };
        Some(Typed { expr, ty, untyped: false, place })
    }

    fn unresolved(&mut self, name: &str, args: &[Typed], why: resolve::Unresolved, place: Place) {
        use resolve::Unresolved;
        let operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
        let kind = if operator { "operator" } else { "function" };
        let types: Vec<String> = args
            .iter()
            .map(|arg| if arg.ty.is_known() { arg.ty.to_string() } else { "text".into() })
            .collect();
        let call = match (operator, types.as_slice()) {
            (true, [left, right]) => format!("{left} {name} {right}"),
            (true, [of]) => format!("{name} {of}"),
            (_, types) => format!("{name}({})", types.join(", ")),
        };
        match why {
            Unresolved::NoName(near) => {
                let message = format!("there is no {kind} `{name}`");
                match near {
                    Some(near) => {
                        self.error_help(place, message, format!("did you mean `{near}`?"))
                    }
                    None => {
                        let help = "the page on functions in the manual lists those there are";
                        self.error_help(place, message, help);
                    }
                }
            }
            Unresolved::Refused(Reason { why, cure }) => {
                self.error_help(place, format!("`{name}` is not supported: {why}"), cure);
            }
            Unresolved::NoMatch(mut signatures) => {
                let message = format!("there is no `{call}`");
                // Those that take one of the types first.
                let near = |one: &String| types.iter().filter(|ty| one.contains(*ty)).count();
                signatures.sort_by_key(|one| std::cmp::Reverse(near(one)));
                let shown: Vec<String> =
                    signatures.iter().take(4).map(|one| format!("`{one}`")).collect();
                let more = if signatures.len() > 4 { ", …" } else { "" };
                self.error_help(place, message, format!("there is {}{more}", shown.join(", ")));
            }
            Unresolved::Ambiguous(signatures) => {
                let message = format!("`{call}` could be several {kind}s");
                let mut shown: Vec<&str> = signatures.iter().take(4).map(String::as_str).collect();
                if signatures.len() > shown.len() {
                    shown.push("…");
                }
                let help = format!("cast an argument: it could be {}", shown.join(", "));
                self.error_help(place, message, help);
            }
            Unresolved::Open => {
                let message = format!("the type of `{name}` cannot be told from its arguments");
                self.error_help(place, message, "cast an argument, as in `'…'::text`");
            }
        }
    }

    /// A regular expression that is a constant is looked at now, not at the first row.
    fn pattern(&mut self, function: Function, args: &[Typed]) -> Option<()> {
        let Function::Pattern(function) = function else { return Some(()) };
        let constant = |at: usize| match args.get(at).map(|arg| &arg.expr) {
            Some(Expr::Literal(Some(text), _)) => Some(text.as_str()),
            _ => None,
        };
        let (flags_at, asks_where) = match function {
            Pattern::Matches
            | Pattern::MatchesFold
            | Pattern::MatchesNot
            | Pattern::MatchesNotFold
            | Pattern::Like => (None, false),
            Pattern::LikeFlags => (Some(2), false),
            Pattern::Count
            | Pattern::Match
            | Pattern::Replace
            | Pattern::SplitToArray
            | Pattern::Substring
            | Pattern::Substr => (None, true),
            Pattern::MatchFlags | Pattern::SplitToArrayFlags => (Some(2), true),
            Pattern::ReplaceFlags => (Some(3), true),
        };
        let mut fold = matches!(function, Pattern::MatchesFold | Pattern::MatchesNotFold);
        if let Some(at) = flags_at
            && let Some(flags) = constant(at)
        {
            match pattern::flags(flags) {
                Ok((folds, _)) => fold |= folds,
                Err(error) => {
                    self.error_help(args[at].place, error.to_string(), error.cure());
                    return None;
                }
            }
        }
        let Some(text) = constant(1) else { return Some(()) };
        let place = args[1].place;
        match pattern::read(text, fold) {
            Err(error) => {
                self.error_help(place, error.to_string(), error.cure());
                None
            }
            Ok(read) => match read.ambiguous.filter(|_| asks_where) {
                None => Some(()),
                Some(reason) => {
                    let message = format!("what this regular expression matches is open: {reason}");
                    let help = "say what may not match, as in `([^@]*)@(.*)` for `(.*)@(.*)`";
                    self.error_help(place, message, help);
                    None
                }
            },
        }
    }
}
