//! How an expression reads in every printed form: much as SQL writes it, with the columns' names.
//!
//! Implicit casts are written like the others, because they decide what is computed.

use crate::expr::{Expr, Modifier};
use crate::plan::Table;
use crate::sql::functions::{Array, Function};
use crate::types::SqlType;

/// An expression over the columns of a table.
pub(super) fn expr(table: &Table, of: &Expr) -> String {
    let between = |left: &Expr, op: &str, right: &Expr| {
        format!("{} {op} {}", operand(table, left), operand(table, right))
    };
    let joined = |list: &[Expr], by: &str| {
        list.iter().map(|part| operand(table, part)).collect::<Vec<_>>().join(by)
    };
    let called = |name: &str, list: &[Expr]| format!("{name}({})", commas(table, list));
    match of {
        Expr::Column(id) => table.column(*id).name.clone(),
        Expr::Literal(None, _) => "null".into(),
        Expr::Literal(Some(text), _) => quoted(text),
        Expr::Compare(op, left, right, _) => between(left, op.symbol(), right),
        Expr::IsDistinct(left, right, _) => between(left, "is distinct from", right),
        Expr::In(of, list, _) => format!("{} in ({})", operand(table, of), commas(table, list)),
        Expr::Quantified { of, op, array, all, class: _ } => {
            let word = if *all { "all" } else { "any" };
            format!("{} {} {word} ({})", operand(table, of), op.symbol(), expr(table, array))
        }
        Expr::Like { of, pattern, escape, fold } => {
            let like = between(of, if *fold { "ilike" } else { "like" }, pattern);
            match escape {
                Some('\\') => like,
                Some(other) => format!("{like} escape {}", quoted(&other.to_string())),
                None => format!("{like} escape ''"),
            }
        }
        Expr::IsNull(of) => format!("{} is null", operand(table, of)),
        Expr::IsTrue(of) => format!("{} is true", operand(table, of)),
        Expr::And(parts) if parts.is_empty() => "true".into(),
        Expr::Or(parts) if parts.is_empty() => "false".into(),
        Expr::And(parts) => joined(parts, " and "),
        Expr::Or(parts) => joined(parts, " or "),
        Expr::Not(of) => match of.as_ref() {
            Expr::IsNull(of) => format!("{} is not null", operand(table, of)),
            Expr::IsTrue(of) => format!("{} is not true", operand(table, of)),
            Expr::IsDistinct(left, right, _) => between(left, "is not distinct from", right),
            of => format!("not {}", operand(table, of)),
        },
        Expr::Cast { of, from: _, to, modifier } => {
            format!("{}::{}", operand(table, of), sized(to, *modifier))
        }
        Expr::Case { branches, otherwise } => {
            let mut text = "case".to_owned();
            for (when, then) in branches {
                text += &format!(" when {} then {}", expr(table, when), expr(table, then));
            }
            if let Some(otherwise) = otherwise {
                text += &format!(" else {}", expr(table, otherwise));
            }
            text + " end"
        }
        Expr::Coalesce(list) => called("coalesce", list),
        Expr::NullIf(left, right, _) => {
            format!("nullif({}, {})", expr(table, left), expr(table, right))
        }
        Expr::Greatest(list, _) => called("greatest", list),
        Expr::Least(list, _) => called("least", list),
        Expr::Array(list, _) => format!("array[{}]", commas(table, list)),
        Expr::Call { function, args, ty: _ } => call(table, *function, args),
    }
}

/// A function before its arguments, an operator between them.
fn call(table: &Table, function: Function, args: &[Expr]) -> String {
    let entry = function.entry();
    let name = entry.names[0];
    match (function, args) {
        (Function::Array(Array::Subscript), [of, subscripts @ ..]) => {
            let subscripts = subscripts.iter().map(|one| format!("[{}]", expr(table, one)));
            format!("{}{}", operand(table, of), subscripts.collect::<String>())
        }
        (Function::Array(Array::Slice), [of, from, to]) => {
            let bound = |of: &Expr| match of {
                Expr::Literal(None, _) => String::new(),
                of => expr(table, of),
            };
            format!("{}[{}:{}]", operand(table, of), bound(from), bound(to))
        }
        (_, [left, right]) if entry.is_operator() => {
            format!("{} {name} {}", operand(table, left), operand(table, right))
        }
        (_, [of]) if entry.is_operator() => format!("{name} {}", operand(table, of)),
        _ => format!("{name}({})", commas(table, args)),
    }
}

fn commas(table: &Table, list: &[Expr]) -> String {
    list.iter().map(|item| expr(table, item)).collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A type with its declared size.
fn sized(ty: &SqlType, modifier: Option<Modifier>) -> String {
    match (ty, modifier) {
        (SqlType::Text, Some(Modifier::Length(n))) => format!("varchar({n})"),
        (_, None) => ty.to_string(),
        (_, Some(Modifier::Length(n))) => format!("{ty}({n})"),
        (_, Some(Modifier::Fraction(digits))) => format!("{ty}({digits})"),
        (_, Some(Modifier::Numeric { precision, scale })) => format!("{ty}({precision},{scale})"),
    }
}

/// An expression that stands beside an operator.
fn operand(table: &Table, of: &Expr) -> String {
    let alone = match of {
        Expr::And(parts) | Expr::Or(parts) => parts.len() < 2,
        Expr::Call { function: Function::Array(Array::Subscript | Array::Slice), .. } => true,
        Expr::Call { function, .. } => !function.entry().is_operator(),
        _ => true,
    };
    let text = expr(table, of);
    if alone { text } else { format!("({text})") }
}
