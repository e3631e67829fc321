//! Types against what Postgres prints and compares.

use super::*;

fn printed(ty: SqlType, text: &str) -> Result<String, String> {
    canonical(&ty, text)
}

fn all(ty: SqlType, pairs: &[(&str, &str)]) {
    for (written, expected) in pairs {
        assert_eq!(canonical(&ty, written).as_deref(), Ok(*expected), "{ty} {written}");
    }
}

fn none(ty: SqlType, written: &[&str]) {
    for written in written {
        assert!(canonical(&ty, written).is_err(), "{ty} {written}");
    }
}

#[test]
fn booleans_are_words() {
    all(SqlType::Bool, &[("true", "t"), (" YES ", "t"), ("on", "t"), ("1", "t"), ("tr", "t")]);
    all(SqlType::Bool, &[("False", "f"), ("n", "f"), ("of", "f"), ("0", "f")]);
    none(SqlType::Bool, &["", "o", "2", "truth"]);
}

#[test]
fn integers_stay_in_range() {
    all(SqlType::Int2, &[("+007", "7"), ("-32768", "-32768"), ("-0", "0")]);
    all(SqlType::Int8, &[("9223372036854775807", "9223372036854775807")]);
    all(SqlType::Oid, &[("4294967295", "4294967295")]);
    none(SqlType::Int2, &["32768", "1.0", "", "abc", "- 1"]);
    assert_eq!(
        printed(SqlType::Int4, "99999999999999999999"),
        Err("99999999999999999999 is out of range for integer".to_owned())
    );
}

#[test]
fn numbers_with_fractions_are_printed_as_postgres_does() {
    let numeric = SqlType::Numeric(Some(2));
    all(
        numeric.clone(),
        &[
            ("1.50", "1.50"),
            ("1e3", "1000"),
            ("1.5e1", "15"),
            ("1.50e1", "15.0"),
            ("12e-3", "0.012"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.00", "0.00"),
            ("007", "7"),
            ("nan", "NaN"),
            ("-inf", "-Infinity"),
        ],
    );
    none(numeric, &["", ".", "1e", "1e999999", "0x10", "-nan"]);
    all(
        SqlType::Float8,
        &[
            ("0.1", "0.1"),
            ("1e15", "1e+15"),
            ("123456789012345", "123456789012345"),
            ("1e14", "100000000000000"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("-0", "-0"),
            ("1.25e-7", "1.25e-07"),
        ],
    );
    all(SqlType::Float4, &[("1e6", "1e+06"), ("0.1", "0.1"), ("123456", "123456")]);
    none(SqlType::Float8, &["1e400", "1e-400", "x"]);
    all(
        SqlType::Money,
        &[("1234567.5", "$1,234,567.50"), ("-$3", "-$3.00"), ("$1,000", "$1,000.00")],
    );
}

#[test]
fn dates_and_times_are_iso_in_utc() {
    all(
        SqlType::Date,
        &[
            ("2024-02-29", "2024-02-29"),
            ("20240229", "2024-02-29"),
            ("2024-1-2", "2024-01-02"),
            ("0044-03-15 BC", "0044-03-15 BC"),
            ("Infinity", "infinity"),
            ("2024-01-02T03:04:05Z", "2024-01-02"),
        ],
    );
    none(SqlType::Date, &["2023-02-29", "now", "today", "01/02/2024", "2024-13-01", ""]);
    all(
        SqlType::TimestampTz,
        &[
            ("2024-01-02T03:04:05.120Z", "2024-01-02 03:04:05.12+00"),
            ("2024-01-02 00:30+02", "2024-01-01 22:30:00+00"),
            ("2024-01-02", "2024-01-02 00:00:00+00"),
            ("2023-12-31 23:59:59.9999995", "2024-01-01 00:00:00+00"),
            ("2024-01-02 03:04:05-0530", "2024-01-02 08:34:05+00"),
        ],
    );
    all(
        SqlType::Timestamp,
        &[("2024-01-02T03:04:05+02", "2024-01-02 03:04:05"), ("-infinity", "-infinity")],
    );
    none(SqlType::TimestampTz, &["2024-01-02 25:00", "2024-01-02T", "noon"]);
    all(
        SqlType::Time,
        &[("3:04", "03:04:00"), ("24:00:00", "24:00:00"), ("01:02:03.50", "01:02:03.5")],
    );
    all(SqlType::TimeTz, &[("01:02+05:30", "01:02:00+05:30"), ("01:02", "01:02:00+00")]);
}

#[test]
fn the_rest_has_one_form_too() {
    let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    all(
        SqlType::Uuid,
        &[
            ("{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", uuid),
            ("a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", uuid),
        ],
    );
    none(SqlType::Uuid, &["a0eebc99", "a0e-ebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]);
    all(SqlType::Bytea, &[("\\xAB 01", "\\xab01"), ("a\\001\\\\", "\\x61015c")]);
    none(SqlType::Bytea, &["\\x1", "\\9"]);
    let status = SqlType::Enum(vec!["open".into(), "closed".into()]);
    all(status.clone(), &[("open", "open")]);
    assert_eq!(printed(status, "opne"), Err("`opne` is not one of open, closed".to_owned()));
    all(SqlType::Text, &[(" as is ", " as is ")]);
}

#[test]
fn classes_unify_where_postgres_has_an_equality() {
    let unify = |a: SqlType, b: SqlType| Class::unify(&a.class(), &b.class());
    assert_eq!(unify(SqlType::Int8, SqlType::Int4), Some(Class::Int));
    assert_eq!(unify(SqlType::Int8, SqlType::Numeric(None)), Some(Class::Numeric));
    assert_eq!(unify(SqlType::Float8, SqlType::Numeric(None)), Some(Class::Float));
    assert_eq!(unify(SqlType::Text, SqlType::Bpchar), Some(Class::Bpchar));
    assert_eq!(unify(SqlType::Citext, SqlType::Text), Some(Class::Citext));
    assert_eq!(unify(SqlType::Uuid, SqlType::Text), None);
    assert_eq!(unify(SqlType::Int8, SqlType::Text), None);
}

#[test]
fn the_type_decides_the_json_and_the_declaration_where_it_leaves_a_choice() {
    assert_eq!(render(&SqlType::Int4, &FieldType::Keyword), Render::Number);
    assert_eq!(render(&SqlType::Bytea, &FieldType::Binary), Render::Base64);
    assert_eq!(render(&SqlType::Bytea, &FieldType::Keyword), Render::Text);
    assert_eq!(render(&SqlType::Money, &FieldType::Decimal), Render::Money);
    assert_eq!(render(&SqlType::Money, &FieldType::Keyword), Render::Text);
    let moments = SqlType::Array(Box::new(SqlType::TimestampTz));
    assert_eq!(
        render(&moments, &FieldType::Timestamp),
        Render::Array(Box::new(Render::TimestampTz))
    );
    assert_eq!(render(&SqlType::Unknown, &FieldType::Long), Render::Number);
}

#[test]
fn spans_and_arrays_stay_as_written_if_they_can_be_any() {
    let span = ["1 day", "-2 mons 3 days 04:05:06", "1.5 hours ago", "P1Y2M", "1h30m", "3"];
    all(SqlType::Interval, &span.map(|text| (text, text)));
    none(SqlType::Interval, &["", "a day", "1 mont", "1 day 2 moons", "soon", "2100-02-28"]);
    let numbers = SqlType::Array(Box::new(SqlType::Int4));
    let array = ["{}", "{1, NULL}", "{{1,2},{3,4}}", "[0:1]={7,8}", "{\"1\"}"];
    all(numbers.clone(), &array.map(|text| (text, text)));
    none(numbers, &["{a}", "{1,}", "{1.5}", "{,1}"]);
}
