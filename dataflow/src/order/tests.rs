//! The order of encodings is the order of the values, class by class, against plain models.

use std::cmp::Ordering;

use flusso_compiler::plan::ColumnId;
use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;

fn encoded(class: &Class, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode(class, text.as_bytes(), &mut out).unwrap();
    out
}

fn refused(class: &Class, text: &str) -> bool {
    encode(class, text.as_bytes(), &mut Vec::new()).is_err()
}

/// Each text is less than the next, groups between bars are equal, and no encoding begins another.
fn assert_ascending(class: &Class, texts: &[&str]) {
    let groups: Vec<Vec<Vec<u8>>> = texts
        .iter()
        .map(|group| group.split('|').map(|text| encoded(class, text)).collect())
        .collect();
    for (group, text) in groups.iter().zip(texts) {
        assert!(group.iter().all(|one| *one == group[0]), "{class:?} {text}");
    }
    for (pair, text) in groups.windows(2).zip(texts) {
        assert!(pair[0][0] < pair[1][0], "{class:?} {text}");
    }
    for (i, one) in groups.iter().enumerate() {
        for (j, other) in groups.iter().enumerate() {
            assert!(i == j || !other[0].starts_with(&one[0]), "{class:?} {}", texts[i]);
        }
    }
}

#[test]
fn each_class_stands_in_postgres_order() {
    assert_ascending(&Class::Bool, &["f|false", "t|true"]);
    assert_ascending(
        &Class::Int,
        &["-9223372036854775808", "-70000", "-1", "0|-0", "5", "4294967295", "9223372036854775807"],
    );
    assert_ascending(
        &Class::Float,
        &["-Infinity", "-1e+300", "-0.5", "0|-0", "5e-324", "1|1.0", "1e+20", "Infinity", "NaN"],
    );
    assert_ascending(
        &Class::Numeric,
        &[
            "-Infinity",
            "-1e200",
            "-123456789012345678901234567890.5",
            "-100",
            "-99.99",
            "-1.01",
            "-1|-1.00|-1e0",
            "-0.001",
            "0|0.000|-0",
            "0.000000001",
            "0.1|0.10|1e-1",
            "0.11",
            "1",
            "1.5|1.50|01.5|15e-1",
            "2",
            "10|10.0|1e1",
            "100",
            "100.000001",
            "1e200",
            "Infinity",
            "NaN",
        ],
    );
    assert_ascending(&Class::Text, &["", " ", "A", "a", "a ", "aa", "b", "é"]);
    assert_ascending(&Class::Bpchar, &["|   ", "a|a |a  ", "a b", "b"]);
    assert_ascending(&Class::Citext, &["", "a|A", "aB|Ab", "é|É"]);
    assert_ascending(
        &Class::Bytes,
        &["\\x", "\\x00", "\\x0000", "\\x0001", "\\x01", "\\xff|\\xFF"],
    );
    assert_ascending(
        &Class::Date,
        &[
            "-infinity",
            "4713-01-01 BC",
            "0044-03-15 BC",
            "0001-12-31 BC",
            "0001-01-01",
            "1969-12-31",
            "1970-01-01",
            "2000-02-28",
            "2000-02-29",
            "2000-03-01",
            "9999-12-31",
            "10000-01-01",
            "5874897-12-31",
            "infinity",
        ],
    );
    assert_ascending(
        &Class::Time,
        &["00:00:00", "03:04:05", "03:04:05.000001", "03:04:05.1|03:04:05.100", "24:00:00"],
    );
    assert_ascending(
        &Class::Timestamp,
        &[
            "-infinity",
            "4713-01-01 00:00:00 BC",
            "0044-03-15 12:00:00+00 BC",
            "1999-12-31 23:59:59.999999",
            "2000-01-01 00:00:00|2000-01-01 00:00:00+00|2000-01-01|2000-01-01 05:30:00+05:30",
            "2000-01-01 00:00:00.5",
            "2000-01-01 00:00:01",
            "10000-01-01 00:00:00",
            "294276-12-31 23:59:59.999999+00",
            "infinity",
        ],
    );
    assert_ascending(
        &Class::Uuid,
        &[
            "00000000-0000-0000-0000-000000000001",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "ffffffff-0000-0000-0000-000000000000",
        ],
    );
    let labels = Class::Enum(vec!["new".into(), "done".into(), "again".into()]);
    assert_ascending(&labels, &["new", "done", "again"]);
    assert!(refused(&labels, "other"));
}

#[test]
fn days_are_counted_from_2000() {
    let day = |text| {
        let bytes = encoded(&Class::Date, text).try_into().unwrap();
        i64::from_be_bytes(bytes) ^ i64::MIN
    };
    assert_eq!(day("2000-01-01"), 0);
    assert_eq!(day("1970-01-01"), -10_957);
    assert_eq!(day("0001-01-01") - day("0001-12-31 BC"), 1);
    assert_eq!(day("2024-03-01") - day("2024-02-28"), 2);
    assert_eq!(day("1900-03-01") - day("1900-02-28"), 1);
}

#[test]
fn what_is_no_value_is_refused() {
    for text in ["", "-", "1.5", "x", "9223372036854775808", "-9223372036854775809", "1 "] {
        assert!(refused(&Class::Int, text), "{text}");
    }
    for text in ["", "-", ".", "1.2.3", "1e", "e5", "1 ", "$1"] {
        assert!(refused(&Class::Numeric, text), "{text}");
    }
    for text in ["", "2024", "2024-13-01", "2024-01-01 00:00:00", "99999999999-01-01"] {
        assert!(refused(&Class::Date, text), "{text}");
    }
    for text in ["", "2024-01-01 ", "2024-01-01 25:00:00", "2024-01-01 00:00:00+x"] {
        assert!(refused(&Class::Timestamp, text), "{text}");
    }
    for text in ["", "00", "\\x0", "\\x0g"] {
        assert!(refused(&Class::Bytes, text), "{text}");
    }
    assert!(refused(&Class::Uuid, "00000000-0000-0000-0000_000000000001"));
    assert!(refused(&Class::Bool, "yes"));
    assert!(refused(&Class::Time, "03:04:05+02"));
}

#[test]
fn a_key_with_null_is_none() {
    let part = |column| KeyPart { column: ColumnId(column), class: Class::Int };
    let columns = [Datum::Text(b"5"), Datum::Null, Datum::Text(b"x")];
    let mut out = Vec::new();
    assert_eq!(key(&[part(0), part(0)], &columns, &mut out), Ok(true));
    assert_eq!(out.len(), 16);
    assert_eq!(key(&[part(0), part(1)], &columns, &mut out), Ok(false));
    assert_eq!(
        key(&[part(2)], &columns, &mut out),
        Err(BadValue { class: Class::Int, text: "x".into() })
    );
}

/// An integer over ten to a power: enough to compare decimals exactly.
fn scaled(text: &str) -> BigInt {
    const PLACES: usize = 60;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<PLACES$}").parse().unwrap()
}

fn decimal() -> impl Strategy<Value = String> {
    prop_oneof!["-?[0-9]{1,40}(\\.[0-9]{1,40})?", "-?[0-2]{1,2}(\\.[0-1]{1,4})?"]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab ]{0,4}", "\\PC{0,6}"]
}

fn nullable() -> impl Strategy<Value = Option<i8>> {
    proptest::option::of(-2i8..3)
}

proptest! {
    #[test]
    fn integers(a: i64, b: i64, near in -3i64..3) {
        for b in [b, a.saturating_add(near)] {
            let order = encoded(&Class::Int, &a.to_string()).cmp(&encoded(&Class::Int, &b.to_string()));
            prop_assert_eq!(order, a.cmp(&b));
        }
    }

    #[test]
    fn floats(a: f64, b: f64) {
        let model = match (a.is_nan(), b.is_nan()) {
            (false, false) => a.partial_cmp(&b).unwrap(),
            (a, b) => a.cmp(&b),
        };
        let text = |float: f64| if float.is_infinite() {
            if float > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
        } else {
            format!("{float:e}")
        };
        prop_assert_eq!(
            encoded(&Class::Float, &text(a)).cmp(&encoded(&Class::Float, &text(b))),
            model
        );
    }

    #[test]
    fn decimals(a in decimal(), b in decimal()) {
        prop_assert_eq!(
            encoded(&Class::Numeric, &a).cmp(&encoded(&Class::Numeric, &b)),
            scaled(&a).cmp(&scaled(&b))
        );
    }

    #[test]
    fn texts(a in text(), b in text()) {
        prop_assert_eq!(
            encoded(&Class::Text, &a).cmp(&encoded(&Class::Text, &b)),
            a.as_bytes().cmp(b.as_bytes())
        );
        prop_assert_eq!(
            encoded(&Class::Bpchar, &a).cmp(&encoded(&Class::Bpchar, &b)),
            a.trim_end_matches(' ').as_bytes().cmp(b.trim_end_matches(' ').as_bytes())
        );
    }

    #[test]
    fn bytes(a: Vec<u8>, b: Vec<u8>, zeros in 0usize..3) {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
        };
        let mut longer = a.clone();
        longer.resize(a.len() + zeros, 0);
        for b in [b, longer] {
            prop_assert_eq!(
                encoded(&Class::Bytes, &hex(&a)).cmp(&encoded(&Class::Bytes, &hex(&b))),
                a.cmp(&b)
            );
        }
    }

    /// Several parts, each with its direction and its place for NULLs.
    #[test]
    fn prefixes(
        parts in proptest::collection::vec((nullable(), nullable(), any::<bool>(), any::<bool>()), 1..4),
    ) {
        let order: Vec<_> = parts.iter().enumerate().map(|(at, (_, _, descending, nulls_first))| {
            OrderPart {
                column: ColumnId(at as u16),
                class: Class::Numeric,
                descending: *descending,
                nulls_first: *nulls_first,
            }
        }).collect();
        let encoded = |values: Vec<Option<i8>>| {
            let texts: Vec<_> = values.iter().map(|v| v.map(|v| v.to_string())).collect();
            let row: Vec<_> = texts
                .iter()
                .map(|text| text.as_ref().map_or(Datum::Null, |text| Datum::Text(text.as_bytes())))
                .collect();
            let mut out = Vec::new();
            prefix(&order, &row, &mut out).unwrap();
            out
        };
        let model = parts.iter().map(|(a, b, descending, nulls_first)| match (a, b) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => if *nulls_first { Ordering::Less } else { Ordering::Greater },
            (Some(_), None) => if *nulls_first { Ordering::Greater } else { Ordering::Less },
            (Some(a), Some(b)) => if *descending { b.cmp(a) } else { a.cmp(b) },
        }).fold(Ordering::Equal, Ordering::then);
        let left = encoded(parts.iter().map(|part| part.0).collect());
        let right = encoded(parts.iter().map(|part| part.1).collect());
        prop_assert_eq!(left.cmp(&right), model);
    }
}
