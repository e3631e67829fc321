//! Postgres' own answers, line by line.

use super::*;
use crate::eval::form;
use crate::eval::value::Value;

#[test]
fn as_postgres_answered() {
    let arena = Arena::new();
    let number = |text: &str| Numeric::parse(text, &arena).unwrap();
    let mut wrong = Vec::new();
    for line in include_str!("answers.txt").lines() {
        let (asked, answer) = line.split_once(" = ").unwrap();
        let words: Vec<&str> = asked.split(' ').collect();
        let ours = match words[..] {
            ["sqrt", of] => number(of).sqrt(&arena),
            ["round", of, places] => {
                number(of).round(places.parse().unwrap(), Toward::Nearest, &arena)
            }
            ["fit", of] => number(of).fit(5, 2, &arena),
            [a, "+", b] => number(a).add(number(b), &arena),
            [a, "*", b] => number(a).multiply(number(b), &arena),
            [a, "/", b] => number(a).divide(number(b), &arena),
            [a, "%", b] => number(a).modulo(number(b), &arena),
            _ => panic!("{line}"),
        };
        let ours = match ours {
            Ok(value) => form::text(Value::Numeric(value), &arena).to_owned(),
            Err(error) => error.state.to_owned(),
        };
        if ours != answer {
            wrong.push(format!("{line}\n  ours {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn order_is_by_value() {
    let arena = Arena::new();
    let rising =
        ["-Infinity", "-1e40", "-2.5", "-2.49", "0", "1e-30", "1.0", "1e39", "Infinity", "NaN"];
    for (position, a) in rising.iter().enumerate() {
        for (other, b) in rising.iter().enumerate() {
            let [a, b] = [a, b].map(|text| Numeric::parse(text, &arena).unwrap());
            assert_eq!(a.cmp(&b), position.cmp(&other), "{a:?} {b:?}");
        }
    }
    let equal = ["1", "1.00", "1e0", "0.1e1"].map(|text| Numeric::parse(text, &arena).unwrap());
    assert!(equal.iter().all(|one| one.cmp(&equal[0]).is_eq()));
}
