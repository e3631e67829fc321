//! Sums against big integers, what is added taken away again, and Postgres' own answers.

use flusso_compiler::plan::AggregateFunction;
use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;

fn finished(tallies: Option<&Tallies>, function: AggregateFunction, ty: &SqlType) -> String {
    let mut out = Vec::new();
    finish(tallies, 0, function, ty, &mut out);
    String::from_utf8(out).unwrap()
}

fn over_all(texts: &[String], ty: &SqlType) -> Option<Tallies> {
    over(texts.iter().map(String::as_bytes), ty)
}

/// Type, values, `sum::text` and `avg::text` as Postgres 15 gave them; what is no JSON is null.
const POSTGRES: &[(&str, &str, &str, &str)] = &[
    ("int4", "1,2,4", "7", "2.3333333333333333"),
    ("int4", "1", "1", "1.00000000000000000000"),
    ("int4", "0,0,1", "1", "0.33333333333333333333"),
    ("int4", "2147483647,2147483647", "4294967294", "2147483647.00000000"),
    ("int4", "-1,-1,-2", "-4", "-1.3333333333333333"),
    ("int4", "-7,2,3", "-2", "-0.66666666666666666667"),
    ("int4", "100000,1,1", "100002", "33334.000000000000"),
    ("int4", "5,6", "11", "5.5000000000000000"),
    ("int4", "0", "0", "0.00000000000000000000"),
    ("int4", "-5,5", "0", "0.00000000000000000000"),
    ("int4", "99999,99999,100000", "299998", "99999.333333333333"),
    ("int4", "1,0,0,0,0,0,0", "1", "0.14285714285714285714"),
    (
        "int8",
        "9223372036854775807,9223372036854775807",
        "18446744073709551614",
        "9223372036854775807",
    ),
    ("int8", "-9223372036854775808,-1", "-9223372036854775809", "-4611686018427387905"),
    ("int8", "1,1,2", "4", "1.3333333333333333"),
    ("int8", "12345678901234,1,1", "12345678901236", "4115226300412.0000"),
    ("int8", "0,0,1", "1", "0.33333333333333333333"),
    ("numeric", "1.5,2.25", "3.75", "1.8750000000000000"),
    ("numeric", "1.0,1.00,1.000", "3.000", "1.00000000000000000000"),
    ("numeric", "0.1,0.2,0.4", "0.7", "0.23333333333333333333"),
    ("numeric", "0.00000000000000000001,2", "2.00000000000000000001", "1.00000000000000000001"),
    ("numeric", "100,0.001,7", "107.001", "35.6670000000000000"),
    (
        "numeric",
        "0.000000000000000000001,0,0",
        "0.000000000000000000001",
        "0.0000000000000000000003333333333333333333",
    ),
    (
        "numeric",
        "123456789012345678901234567890.5,1,1",
        "123456789012345678901234567892.5",
        "41152263004115226300411522630.8",
    ),
    ("numeric", "-1.005,-1.005,0", "-2.010", "-0.67000000000000000000"),
    ("numeric", "5,-5.00", "0.00", "0.00000000000000000000"),
    ("numeric", "0.00,0.0", "0.00", "0.00000000000000000000"),
    ("numeric", "2,2,3", "7", "2.3333333333333333"),
    ("numeric", "0.0001,0,0", "0.0001", "0.000033333333333333333333"),
    ("numeric", "0.00012345,0,0", "0.00012345", "0.000041150000000000000000"),
    ("numeric", "NaN,1", "NaN", "NaN"),
    ("numeric", "Infinity,1", "Infinity", "Infinity"),
    ("numeric", "Infinity,-Infinity", "NaN", "NaN"),
    ("numeric", "9999.9999,0.0001,1", "10001.0000", "3333.6666666666666667"),
    ("numeric", "0.66666,0.66666,0.66667", "1.99999", "0.66666333333333333333"),
    ("numeric", "10000,1,1", "10002", "3334.0000000000000000"),
    ("numeric", "3,0,0,0,0,0,0", "3", "0.42857142857142857143"),
    ("numeric", "0.00000001,0,0,0,0,0,0", "0.00000001", "0.0000000014285714285714285714"),
    (
        "numeric",
        "1000000000000000000000000000000,1,1",
        "1000000000000000000000000000002",
        "333333333333333333333333333334",
    ),
    ("float8", "0.5,0.25", "0.75", "0.375"),
    ("float8", "1,2,4", "7", "2.3333333333333335"),
    ("float8", "1e+100,1", "1e+100", "5e+99"),
    ("float8", "NaN,1", "NaN", "NaN"),
    ("float8", "0.125,-0.125", "0", "0"),
    ("float8", "Infinity,1", "Infinity", "Infinity"),
    ("float4", "0.5,0.25", "0.75", "0.375"),
    ("float4", "1,2,4", "7", "2.3333333333333335"),
];

#[test]
fn postgres_gave_the_same() {
    for (ty, values, sum, avg) in POSTGRES {
        let ty = match *ty {
            "int4" => SqlType::Int4,
            "int8" => SqlType::Int8,
            "numeric" => SqlType::Numeric(None),
            "float4" => SqlType::Float4,
            "float8" => SqlType::Float8,
            other => panic!("{other}"),
        };
        let tallies = over(values.split(',').map(str::as_bytes), &ty);
        for (function, expected) in [(AggregateFunction::Sum, sum), (AggregateFunction::Avg, avg)] {
            let given = finished(tallies.as_ref(), function, &ty);
            let same = match *expected {
                "NaN" | "Infinity" | "-Infinity" => given == "null",
                // An exponent's sign may be left out.
                expected => given == expected || given == expected.replace("e+", "e"),
            };
            assert!(same, "{function:?} of {ty:?} {values}: {given}, not {expected}");
        }
    }
}

#[test]
fn an_empty_group_counts_zero() {
    let ty = SqlType::Int8;
    assert_eq!(finished(None, AggregateFunction::Count, &ty), "0");
    assert_eq!(finished(None, AggregateFunction::Sum, &ty), "null");
    assert_eq!(finished(None, AggregateFunction::Avg, &ty), "null");
}

#[test]
fn money_is_summed_without_its_sign() {
    let tallies = over(["$1,234.50", "-$0.25"].map(str::as_bytes).into_iter(), &SqlType::Money);
    assert_eq!(finished(tallies.as_ref(), AggregateFunction::Sum, &SqlType::Money), "1234.25");
}

#[test]
fn float_sums_are_rounded_once() {
    let sum = |values: &[f64]| {
        let texts: Vec<_> = values.iter().map(|value| format!("{value:e}")).collect();
        let ty = SqlType::Float8;
        finished(over_all(&texts, &ty).as_ref(), AggregateFunction::Sum, &ty)
    };
    assert_eq!(sum(&[1e300, 1.0, -1e300]), "1");
    assert_eq!(sum(&[0.1; 10]), "1");
    assert_eq!(sum(&[5e-324, 5e-324]), "1e-323");
    assert_eq!(sum(&[1e16, 1.0, 1.0]), "1.0000000000000002e+16");
    assert_eq!(sum(&[f64::MAX, f64::MAX]), "null");
    assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), "1.7976931348623157e+308");
}

fn decimals() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("-?[0-9]{1,50}(\\.[0-9]{1,30})?", 1..8)
}

fn floats() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(
        any::<f64>().prop_map(|value| {
            if value.is_finite() { format!("{value:e}") } else { "NaN".to_owned() }
        }),
        1..8,
    )
}

proptest! {
    #[test]
    fn decimal_sums_equal_big_integers(texts in decimals()) {
        const PLACES: usize = 30;
        let model: BigInt = texts.iter().map(|text| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            format!("{whole}{fraction:0<PLACES$}").parse::<BigInt>().unwrap()
        }).sum();
        let tallies = over_all(&texts, &SqlType::Numeric(None)).unwrap();
        prop_assert_eq!(term::decimals(&tallies.0, PLACES as u16), model);
    }

    #[test]
    fn what_is_taken_away_leaves_nothing(
        (numerics, order) in decimals().prop_flat_map(|texts| {
            let order: Vec<_> = (0..texts.len()).collect();
            (Just(texts), Just(order).prop_shuffle())
        }),
        floats in floats(),
    ) {
        let forward: Vec<_> = (0..floats.len()).rev().collect();
        for (texts, ty, order) in [
            (numerics, SqlType::Numeric(None), order),
            (floats, SqlType::Float8, forward),
        ] {
            let mut total = over_all(&texts, &ty).unwrap();
            prop_assert!(!total.is_zero());
            for at in order {
                let mut one = over_all(&texts[at..=at], &ty).unwrap();
                one.negate();
                total.plus_equals(&one);
            }
            prop_assert!(total.is_zero());
        }
    }
}
