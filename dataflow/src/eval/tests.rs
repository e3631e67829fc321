//! Expressions over small rows, with Postgres' answers.

use flusso_compiler::types::SqlType;
use proptest::prelude::*;

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

fn program(expr: &Expr) -> Program {
    Program::new(expr, &|column| usize::from(column.0))
}

fn row<'a>(columns: &[Option<&'a str>]) -> Vec<Datum<'a>> {
    columns.iter().map(|c| c.map_or(Datum::Null, |text| Datum::Text(text.as_bytes()))).collect()
}

fn truth(expr: &Expr, columns: &[Option<&str>]) -> Option<bool> {
    program(expr).truth(&row(columns), &mut Scratch::default())
}

fn value(expr: &Expr, columns: &[Option<&str>]) -> Option<String> {
    match program(expr).value(&row(columns), &mut Scratch::default()) {
        Datum::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        Datum::Null | Datum::Unchanged => None,
    }
}

#[test]
fn comparisons_go_by_class() {
    use Comparison::*;
    let cases = [
        ("paid", Eq, "paid", Class::Text, Some(true)),
        ("b", Gt, "a", Class::Text, Some(true)),
        ("9", Lt, "10", Class::Int, Some(true)),
        ("9", Lt, "10", Class::Text, Some(false)),
        ("1.50", Eq, "1.5", Class::Numeric, Some(true)),
        ("NaN", Ge, "Infinity", Class::Float, Some(true)),
        ("x  ", Eq, "x", Class::Bpchar, Some(true)),
        ("ÄB", Ne, "äb", Class::Citext, Some(false)),
        ("2024-01-01 00:00:00+00", Le, "2024-01-01", Class::Timestamp, Some(true)),
        ("t", Ne, "true", Class::Bool, Some(false)),
        ("x", Eq, "5", Class::Int, None),
        ("5", Eq, "x", Class::Int, None),
    ];
    for (left, comparison, right, class, expected) in cases {
        let constant = compare(column(0), comparison, literal(right), class.clone());
        assert_eq!(truth(&constant, &[Some(left)]), expected, "{constant:?}");
        let varying = compare(column(0), comparison, column(1), class.clone());
        assert_eq!(truth(&varying, &[Some(left), Some(right)]), expected, "{varying:?}");
        assert_eq!(truth(&constant, &[None]), None);
        assert_eq!(truth(&varying, &[Some(left), None]), None);
    }
    let labels = Class::Enum(vec!["z".into(), "a".into()]);
    assert_eq!(
        truth(&compare(column(0), Lt, literal("a"), labels.clone()), &[Some("z")]),
        Some(true)
    );
    assert_eq!(truth(&compare(column(0), Eq, literal("a"), labels), &[Some("a")]), Some(true));
}

#[test]
fn membership_has_nulls() {
    let one_of = |list: Vec<Expr>, class| Expr::In(Box::new(column(0)), list, class);
    let plain = one_of(vec![literal("1.0"), literal("2")], Class::Numeric);
    assert_eq!(truth(&plain, &[Some("1")]), Some(true));
    assert_eq!(truth(&plain, &[Some("3")]), Some(false));
    assert_eq!(truth(&plain, &[None]), None);
    let with_null = one_of(vec![literal("a"), null()], Class::Text);
    assert_eq!(truth(&with_null, &[Some("a")]), Some(true));
    assert_eq!(truth(&with_null, &[Some("b")]), None);
    let varying = one_of(vec![column(1), literal("7")], Class::Int);
    assert_eq!(truth(&varying, &[Some("5"), Some("05")]), Some(true));
    assert_eq!(truth(&varying, &[Some("5"), Some("6")]), Some(false));
    assert_eq!(truth(&varying, &[Some("5"), None]), None);
    assert_eq!(truth(&varying, &[Some("7"), None]), Some(true));
    assert_eq!(truth(&one_of(vec![], Class::Text), &[None]), Some(false));
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
    let of = |truth: Option<bool>| match truth {
        None => null(),
        Some(true) => literal("t"),
        Some(false) => literal("f"),
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
            Pattern::new(&pattern).matches(text.as_bytes()),
            naive(&chars(&text), &chars(&pattern))
        );
    }
}
