//! What each render makes of Postgres' text, and that it is always one line of valid JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn rendered(render: &Render, text: &str) -> String {
    let mut out = b"before".to_vec();
    write(render, text.as_bytes(), &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned()
}

fn assert_all(render: &Render, cases: &[(&str, &str)]) {
    for (text, json) in cases {
        assert_eq!(rendered(render, text), *json, "{render:?} of {text}");
    }
}

#[test]
fn scalars() {
    assert_all(&Render::Bool, &[("t", "true"), ("f", "false"), ("x", "\"x\"")]);
    assert_all(
        &Render::Number,
        &[
            ("9007199254740993", "9007199254740993"),
            ("-0.50", "-0.50"),
            ("1e+20", "1e+20"),
            ("5e-324", "5e-324"),
            ("NaN", "null"),
            ("Infinity", "null"),
            ("-Infinity", "null"),
            ("007", "\"007\""),
            (".5", "\".5\""),
            ("1.", "\"1.\""),
            ("1e", "\"1e\""),
            ("", "\"\""),
            ("-", "\"-\""),
        ],
    );
    assert_all(
        &Render::Money,
        &[("-$1,234.50", "-1234.50"), ("$0.00", "0.00"), ("1,5 €", "\"1,5 €\"")],
    );
    assert_all(
        &Render::Text,
        &[
            ("plain", "\"plain\""),
            ("", "\"\""),
            ("a\"b\\c\nd\te\u{1}f\u{1f}", r#""a\"b\\c\nd\te\u0001f\u001f""#),
            ("žluť \u{2028}", "\"žluť \u{2028}\""),
        ],
    );
    assert_all(
        &Render::Base64,
        &[("\\x", "\"\""), ("\\x00ff10", "\"AP8Q\""), ("\\x00ff", "\"AP8=\""), ("x", "\"x\"")],
    );
    let long: Vec<u8> = (0..200).collect();
    let spelt = long.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    let coded = BASE64_STANDARD.encode(long);
    assert_eq!(rendered(&Render::Base64, &spelt), format!("\"{coded}\""));
}

#[test]
fn times() {
    assert_all(
        &Render::Date,
        &[("2024-01-31", "\"2024-01-31\""), ("infinity", "null"), ("-infinity", "null")],
    );
    assert_all(
        &Render::Timestamp,
        &[
            ("2024-01-31 01:02:03.5", "\"2024-01-31T01:02:03.5\""),
            ("0044-03-15 12:00:00 BC", "\"0044-03-15T12:00:00 BC\""),
            ("infinity", "null"),
            ("soon", "\"soon\""),
        ],
    );
    assert_all(
        &Render::TimestampTz,
        &[
            ("2024-01-31 01:02:03.5+00", "\"2024-01-31T01:02:03.5+00:00\""),
            ("0044-03-15 12:00:00+00 BC", "\"0044-03-15T12:00:00+00:00 BC\""),
            ("2024-01-31 01:02:03+05:30", "\"2024-01-31T01:02:03+05:30\""),
            ("-infinity", "null"),
        ],
    );
}

#[test]
fn arrays() {
    assert_all(
        &Render::Array(Box::new(Render::Number)),
        &[
            ("{}", "[]"),
            ("{1,NULL,3}", "[1,null,3]"),
            ("{{1,2},{3,4}}", "[[1,2],[3,4]]"),
            ("[0:1]={5,NaN}", "[5,null]"),
            ("[-1:0][1:1]={{5},{6}}", "[[5],[6]]"),
            ("{1", "\"{1\""),
            ("{1}x", "\"{1}x\""),
            ("1,2", "\"1,2\""),
        ],
    );
    assert_all(
        &Render::Array(Box::new(Render::Text)),
        &[
            (r#"{a,"NULL","","b c","q\"\\,}"}"#, r#"["a","NULL","","b c","q\"\\,}"]"#),
            ("{NULLS,null}", r#"["NULLS","null"]"#),
        ],
    );
    assert_all(
        &Render::Array(Box::new(Render::TimestampTz)),
        &[(r#"{"2024-01-31 01:02:03+00"}"#, r#"["2024-01-31T01:02:03+00:00"]"#)],
    );
    assert_all(&Render::Array(Box::new(Render::Json)), &[(r#"{"{\"a\": 1}"}"#, r#"[{"a":1}]"#)]);
}

#[test]
fn documents() {
    assert_all(
        &Render::Json,
        &[
            (r#"{"a": [1, 2.50, "x y"], "b": {}}"#, r#"{"a":[1,2.50,"x y"],"b":{}}"#),
            (" [ 1e400 ,\n true ] ", "[1e400,true]"),
            (r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
            (r#"{"a":1,"b":2,"a":{"c":3}}"#, r#"{"a":{"c":3},"b":2}"#),
            (r#"[{"a":1},{"a":2}]"#, r#"[{"a":1},{"a":2}]"#),
            (r#"{"a":{"a":1}}"#, r#"{"a":{"a":1}}"#),
            (r#"{"a":1,"\u0061":12345678901234567890.5}"#, r#"{"a":12345678901234567890.5}"#),
            (r#"{"k":"a: b, \"c\" {"}"#, r#"{"k":"a: b, \"c\" {"}"#),
            ("null", "null"),
        ],
    );
}

#[test]
fn ids_of_keys_are_distinct() {
    let id = |key: &[&str]| {
        let key: Vec<_> = key.iter().map(|text| Datum::Text(text.as_bytes())).collect();
        document_id(&key).into_string()
    };
    assert_eq!(id(&["a:b\\"]), "a:b\\");
    assert_eq!(id(&["a", "b"]), "a:b");
    assert_eq!(id(&["a:b", "c\\"]), "a\\:b:c\\\\");
    assert_ne!(id(&["a:", "b"]), id(&["a", ":b"]));
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let mut out = Vec::new();
    string(b"a\xff\"", &mut out);
    assert_eq!(out, "\"a\u{fffd}\\\"\"".as_bytes());
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec(("[a-c\\\\\"é]{0,2}", inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn strings_read_back(text: String) {
        let read: String = serde_json::from_str(&rendered(&Render::Text, &text)).unwrap();
        prop_assert_eq!(read, text);
    }

    #[test]
    fn documents_keep_their_value(value in json()) {
        for text in [value.to_string(), format!("{value:#}")] {
            let read: Value = serde_json::from_str(&rendered(&Render::Json, &text)).unwrap();
            prop_assert_eq!(&read, &value);
        }
    }

    #[test]
    fn any_text_becomes_valid_json(text in "[-{}\\[\\]=,\"\\\\:x0-9NULaT+. $]{0,12}") {
        for render in [
            Render::Bool, Render::Number, Render::Money, Render::Text, Render::Base64,
            Render::Date, Render::Timestamp, Render::TimestampTz,
            Render::Array(Box::new(Render::Number)), Render::Array(Box::new(Render::Text)),
        ] {
            let json = rendered(&render, &text);
            prop_assert!(serde_json::from_str::<Value>(&json).is_ok(), "{:?}: {} to {}", render, text, json);
        }
    }
}
