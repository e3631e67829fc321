//! Expressions over small rows, with Postgres' answers.

mod oracle;

use flusso_compiler::expr::Comparison;
use flusso_compiler::sql::functions::{Function, Text};
use flusso_compiler::types::{Class, SqlType};
use proptest::prelude::*;

use super::like::Pattern;
use super::*;

fn column(position: u16) -> Expr {
    Expr::Column(ColumnId(position))
}

fn literal(text: &str) -> Expr {
    Expr::Literal(Some(text.into()), SqlType::Text)
}

fn null() -> Expr {
    Expr::Literal(None, SqlType::Text)
}

fn compare(left: Expr, comparison: Comparison, right: Expr, class: Class) -> Expr {
    Expr::Compare(comparison, left.into(), right.into(), class)
}

fn program(expr: &Expr, ty: &SqlType) -> Program {
    Program::new(expr, &|column| Place { position: usize::from(column.0), ty: ty.clone() })
}

fn row<'a>(columns: &[Option<&'a str>]) -> Vec<Datum<'a>> {
    columns.iter().map(|c| c.map_or(Datum::Null, |text| Datum::Text(text.as_bytes()))).collect()
}

fn truth_of(
    expr: &Expr,
    ty: &SqlType,
    columns: &[Option<&str>],
) -> Result<Option<bool>, EvalError> {
    program(expr, ty).truth(&row(columns), &mut Scratch::default())
}

fn truth(expr: &Expr, columns: &[Option<&str>]) -> Option<bool> {
    truth_of(expr, &SqlType::Text, columns).unwrap()
}

fn value(expr: &Expr, columns: &[Option<&str>]) -> Option<String> {
    match program(expr, &SqlType::Text).value(&row(columns), &mut Scratch::default()).unwrap() {
        Datum::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        Datum::Null | Datum::Unchanged => None,
    }
}

#[test]
fn comparisons_go_by_class() {
    use Comparison::*;
    let cases = [
        ("paid", Eq, "paid", SqlType::Text, true),
        ("b", Gt, "a", SqlType::Text, true),
        ("9", Lt, "10", SqlType::Int4, true),
        ("9", Lt, "10", SqlType::Text, false),
        ("1.50", Eq, "1.5", SqlType::Numeric(None), true),
        ("NaN", Ge, "Infinity", SqlType::Float8, true),
        ("x  ", Eq, "x", SqlType::Bpchar, true),
        ("ÄB", Ne, "äb", SqlType::Citext, false),
        ("2024-01-01 00:00:00+00", Le, "2024-01-01", SqlType::TimestampTz, true),
        ("t", Ne, "true", SqlType::Bool, false),
        ("1 mon", Eq, "30 days", SqlType::Interval, true),
        ("{\"a\": 1.0}", Eq, "{\"a\": 1}", SqlType::Jsonb, true),
        ("{1,NULL}", Gt, "{1,2}", SqlType::Array(SqlType::Int4.into()), true),
    ];
    for (left, comparison, right, ty, expected) in cases {
        let right_side = Expr::Literal(Some(right.into()), ty.clone());
        let constant = compare(column(0), comparison, right_side, ty.class());
        assert_eq!(truth_of(&constant, &ty, &[Some(left)]), Ok(Some(expected)), "{constant:?}");
        let varying = compare(column(0), comparison, column(1), ty.class());
        let both = truth_of(&varying, &ty, &[Some(left), Some(right)]);
        assert_eq!(both, Ok(Some(expected)), "{varying:?}");
        assert_eq!(truth_of(&constant, &ty, &[None]), Ok(None));
        assert_eq!(truth_of(&varying, &ty, &[Some(left), None]), Ok(None));
    }
    let labels = SqlType::Enum(vec!["z".into(), "a".into()]);
    let label = Expr::Literal(Some("a".into()), labels.clone());
    let less = compare(column(0), Lt, label.clone(), labels.class());
    assert_eq!(truth_of(&less, &labels, &[Some("z")]), Ok(Some(true)));
    let equal = compare(column(0), Eq, label, labels.class());
    assert_eq!(truth_of(&equal, &labels, &[Some("a")]), Ok(Some(true)));
}

#[test]
fn what_fails_fails_where_a_row_comes_to_it() {
    let int = |text: &str| Expr::Literal(Some(text.into()), SqlType::Int4);
    let bad = compare(column(0), Comparison::Eq, int("x"), Class::Int);
    assert_eq!(truth_of(&bad, &SqlType::Int4, &[Some("5")]).unwrap_err().state, "22P02");
    let damaged = compare(column(0), Comparison::Eq, int("5"), Class::Int);
    assert_eq!(truth_of(&damaged, &SqlType::Int4, &[Some("x")]).unwrap_err().state, "22P02");
    let positive = compare(column(0), Comparison::Gt, int("0"), Class::Int);
    let choice = Expr::Case {
        branches: vec![(positive, compare(column(0), Comparison::Eq, int("7"), Class::Int))],
        otherwise: Some(Box::new(bad)),
    };
    assert_eq!(truth_of(&choice, &SqlType::Int4, &[Some("7")]), Ok(Some(true)));
    let program = program(&choice, &SqlType::Int4);
    let mut scratch = Scratch::default();
    assert!(!program.passes(&row(&[Some("-7")]), &mut scratch));
    assert_eq!(program.field(&row(&[Some("-7")]), OnFailure::Null, &mut scratch), Datum::Null);
    assert_eq!(scratch.failures().map(|failures| failures.count), Some(2));
    assert!(scratch.failures().is_none());
}

#[test]
fn membership_has_nulls() {
    let number = |text: &str| Expr::Literal(Some(text.into()), SqlType::Numeric(None));
    let one_of = |list: Vec<Expr>, class| Expr::In(Box::new(column(0)), list, class);
    let truth =
        |expr: &Expr, ty: SqlType, columns: &[Option<&str>]| truth_of(expr, &ty, columns).unwrap();
    let numeric = || SqlType::Numeric(None);
    let plain = one_of(vec![number("2"), number("1.0")], Class::Numeric);
    assert_eq!(truth(&plain, numeric(), &[Some("1")]), Some(true));
    assert_eq!(truth(&plain, numeric(), &[Some("3")]), Some(false));
    assert_eq!(truth(&plain, numeric(), &[None]), None);
    let with_null = one_of(vec![literal("a"), null()], Class::Text);
    assert_eq!(truth(&with_null, SqlType::Text, &[Some("a")]), Some(true));
    assert_eq!(truth(&with_null, SqlType::Text, &[Some("b")]), None);
    let varying = one_of(vec![column(1), number("7")], Class::Numeric);
    assert_eq!(truth(&varying, numeric(), &[Some("5"), Some("5.0")]), Some(true));
    assert_eq!(truth(&varying, numeric(), &[Some("5"), Some("6")]), Some(false));
    assert_eq!(truth(&varying, numeric(), &[Some("5"), None]), None);
    assert_eq!(truth(&varying, numeric(), &[Some("7"), None]), Some(true));
    assert_eq!(truth(&one_of(vec![], Class::Text), SqlType::Text, &[None]), Some(false));
}

#[test]
fn like_goes_by_characters() {
    let cases = [
        ("abc", "abc", true),
        ("abc", "a%", true),
        ("abc", "%c", true),
        ("abc", "a_c", true),
        ("abc", "a_", false),
        ("", "%", true),
        ("", "_", false),
        ("aXbXc", "a%X_", true),
        ("mississippi", "%iss%ip%", true),
        ("mississippi", "%iss%ipp", false),
        ("žluť", "_luť", true),
        ("žluť", "ž__", false),
        ("žluť", "%_ť", true),
        ("10%", "10\\%", true),
        ("100", "10\\%", false),
        ("a_b", "a\\_b", true),
        ("a\\b", "a\\\\b", true),
        ("ABC", "abc", false),
    ];
    for (text, pattern, expected) in cases {
        let like = |fold| Expr::Like {
            of: Box::new(column(0)),
            pattern: Box::new(literal(pattern)),
            escape: Some('\\'),
            fold,
        };
        assert_eq!(truth(&like(false), &[Some(text)]), Some(expected), "{text} LIKE {pattern}");
        let upper = text.to_uppercase();
        assert_eq!(
            truth(&like(true), &[Some(&upper)]),
            Some(expected || text == "ABC"),
            "{upper} ILIKE {pattern}"
        );
        assert_eq!(truth(&like(true), &[None]), None);
    }
}

#[test]
fn truth_has_three_values() {
    let of = |truth: Option<bool>| {
        let text = truth.map(|truth| if truth { "t" } else { "f" }.to_owned());
        Expr::Literal(text, SqlType::Bool)
    };
    let all = [Some(true), Some(false), None];
    for a in all {
        for b in all {
            let and = if a == Some(false) || b == Some(false) {
                Some(false)
            } else {
                a.zip(b).map(|(a, b)| a && b)
            };
            let or = if a == Some(true) || b == Some(true) {
                Some(true)
            } else {
                a.zip(b).map(|(a, b)| a || b)
            };
            assert_eq!(truth(&Expr::And(vec![of(a), of(b)]), &[]), and);
            assert_eq!(truth(&Expr::Or(vec![of(a), of(b)]), &[]), or);
        }
        assert_eq!(truth(&Expr::Not(Box::new(of(a))), &[]), a.map(|a| !a));
        assert_eq!(truth(&Expr::IsTrue(Box::new(of(a))), &[]), Some(a == Some(true)));
        assert_eq!(truth(&Expr::IsNull(Box::new(of(a))), &[]), Some(a.is_none()));
    }
    assert_eq!(truth(&Expr::And(vec![]), &[]), Some(true));
    assert_eq!(truth(&Expr::Or(vec![]), &[]), Some(false));
}

#[test]
fn functions_nest() {
    let call = |function, of| Expr::Call {
        function: Function::Text(function),
        args: vec![of],
        ty: SqlType::Text,
    };
    let lowered = call(Text::Lower, column(0));
    assert_eq!(value(&lowered, &[Some("ŽLUŤ Σ")]).as_deref(), Some("žluť σ"));
    assert_eq!(value(&lowered, &[None]), None);
    let trimmed = call(Text::Trim, lowered.clone());
    assert_eq!(value(&trimmed, &[Some("  A\t ")]).as_deref(), Some("a\t"));
    assert_eq!(value(&call(Text::Trim, column(0)), &[Some("   ")]).as_deref(), Some(""));
    let twice = call(Text::Lower, trimmed.clone());
    let default = Expr::Coalesce(vec![twice, column(1), literal("Z")]);
    assert_eq!(value(&default, &[Some(" A "), Some("B")]).as_deref(), Some("a"));
    assert_eq!(value(&default, &[None, Some("B")]).as_deref(), Some("B"));
    assert_eq!(value(&default, &[None, None]).as_deref(), Some("Z"));
    let same = compare(trimmed, Comparison::Eq, call(Text::Lower, column(1)), Class::Text);
    assert_eq!(value(&same, &[Some(" AB"), Some("Ab")]).as_deref(), Some("t"));
    assert_eq!(value(&same, &[Some(" AB"), Some("Ac")]).as_deref(), Some("f"));
}

/// `LIKE` by definition, character by character.
fn naive(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|at| naive(&text[at..], rest)),
        ['_', rest @ ..] => !text.is_empty() && naive(&text[1..], rest),
        ['\\', one, rest @ ..] | [one, rest @ ..] => {
            text.first() == Some(one) && naive(&text[1..], rest)
        }
    }
}

proptest! {
    #[test]
    fn like_is_as_defined(text in "[abé%\\\\]{0,8}", pattern in "([abé%_]|\\\\[a%_\\\\]){0,6}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(
            Pattern::new(&pattern, Some('\\'), false).matches(text.as_bytes()).unwrap(),
            naive(&chars(&text), &chars(&pattern))
        );
    }
}
