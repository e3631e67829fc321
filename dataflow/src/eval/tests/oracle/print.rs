//! An expression as SQL that Postgres reads as just that expression: every type is written out, so
//! that it takes the overload that was meant.

use flusso_compiler::expr::{Comparison, Expr, Modifier};
use flusso_compiler::types::SqlType;

use super::COLUMNS;

pub(super) fn sql(expr: &Expr) -> String {
    let list = |list: &[Expr]| list.iter().map(sql).collect::<Vec<_>>().join(", ");
    match expr {
        Expr::Column(column) => COLUMNS[usize::from(column.0)].0.to_owned(),
        Expr::Literal(None, ty) => format!("NULL::{}", name(ty)),
        Expr::Literal(Some(text), ty) => format!("{}::{}", quoted(text), name(ty)),
        Expr::Compare(op, left, right, _) => {
            format!("({} {} {})", sql(left), op.symbol(), sql(right))
        }
        Expr::IsDistinct(left, right, _) => {
            format!("({} IS DISTINCT FROM {})", sql(left), sql(right))
        }
        Expr::In(of, members, _) => format!("({} IN ({}))", sql(of), list(members)),
        Expr::Quantified { of, op, array, all, .. } => {
            let which = if *all { "ALL" } else { "ANY" };
            format!("({} {} {which} ({}))", sql(of), op.symbol(), sql(array))
        }
        Expr::Like { of, pattern, escape, fold } => {
            let word = if *fold { "ILIKE" } else { "LIKE" };
            let escape = escape.map_or("''".to_owned(), |escape| quoted(&escape.to_string()));
            format!("({} {word} {} ESCAPE {escape})", sql(of), sql(pattern))
        }
        Expr::IsNull(of) => format!("({} IS NULL)", sql(of)),
        Expr::IsTrue(of) => format!("({} IS TRUE)", sql(of)),
        Expr::And(parts) if parts.is_empty() => "true".to_owned(),
        Expr::Or(parts) if parts.is_empty() => "false".to_owned(),
        Expr::And(parts) => {
            format!("({})", parts.iter().map(sql).collect::<Vec<_>>().join(" AND "))
        }
        Expr::Or(parts) => format!("({})", parts.iter().map(sql).collect::<Vec<_>>().join(" OR ")),
        Expr::Not(of) => format!("(NOT {})", sql(of)),
        Expr::Cast { of, to, modifier, .. } => {
            let size = match modifier {
                None => String::new(),
                Some(Modifier::Numeric { precision, scale }) => format!("({precision},{scale})"),
                Some(Modifier::Length(length)) => format!("({length})"),
                Some(Modifier::Fraction(digits)) => format!("({digits})"),
            };
            let name = match (to, modifier) {
                (SqlType::Text, Some(_)) => "varchar".to_owned(),
                _ => name(to),
            };
            // The zone stands behind the digits.
            let (name, zone) = match name.split_once(' ') {
                Some((name, zone)) => (name.to_owned(), format!(" {zone}")),
                None => (name, String::new()),
            };
            format!("CAST({} AS {name}{size}{zone})", sql(of))
        }
        Expr::Case { branches, otherwise } => {
            let branches: String = branches
                .iter()
                .map(|(when, then)| format!(" WHEN {} THEN {}", sql(when), sql(then)))
                .collect();
            let otherwise =
                otherwise.as_ref().map_or(String::new(), |it| format!(" ELSE {}", sql(it)));
            format!("CASE{branches}{otherwise} END")
        }
        Expr::Coalesce(parts) => format!("coalesce({})", list(parts)),
        Expr::NullIf(left, right, _) => format!("nullif({}, {})", sql(left), sql(right)),
        Expr::Greatest(parts, _) => format!("greatest({})", list(parts)),
        Expr::Least(parts, _) => format!("least({})", list(parts)),
        Expr::Array(parts, element) => format!("ARRAY[{}]::{}[]", list(parts), name(element)),
        Expr::Call { function, args, .. } => {
            let entry = function.entry();
            match (entry.names[0], args.as_slice()) {
                ("[]", [array, subscripts @ ..]) => {
                    let subscripts: String =
                        subscripts.iter().map(|one| format!("[{}]", sql(one))).collect();
                    format!("({}){subscripts}", sql(array))
                }
                ("[:]", [array, from, to]) => {
                    let bound = |bound: &Expr| match bound {
                        Expr::Literal(None, _) => String::new(),
                        bound => sql(bound),
                    };
                    format!("({})[{}:{}]", sql(array), bound(from), bound(to))
                }
                (operator, [left, right]) if entry.is_operator() => {
                    format!("({} {operator} {})", sql(left), sql(right))
                }
                (operator, [of]) if entry.is_operator() => format!("({operator} {})", sql(of)),
                ("trim", args) => format!("pg_catalog.\"btrim\"({})", list(args)),
                (name, args) => format!("pg_catalog.\"{name}\"({})", list(args)),
            }
        }
    }
}

pub(super) fn name(ty: &SqlType) -> String {
    match ty {
        SqlType::Bpchar => "char".to_owned(),
        SqlType::Enum(_) => "mood".to_owned(),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
    format!("E'{escaped}'")
}

/// All of them.
pub(super) const COMPARISONS: [Comparison; 6] = [
    Comparison::Eq,
    Comparison::Ne,
    Comparison::Lt,
    Comparison::Le,
    Comparison::Gt,
    Comparison::Ge,
];
