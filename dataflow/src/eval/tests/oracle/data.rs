//! The table that expressions are asked of: a column of each type, and rows of values that lie on
//! edges.

use flusso_compiler::types::SqlType;

/// Name, type, and the values its rows take in turn; an empty text in `NULLS` is a NULL.
pub(super) const COLUMNS: &[(&str, fn() -> SqlType, &str, &[&str])] = &[
    ("b1", || SqlType::Bool, "bool", &["t", "f", NULL, "t"]),
    ("b2", || SqlType::Bool, "bool", &["f", NULL, "t", "t", "f"]),
    ("i2", || SqlType::Int2, "int2", &["0", "1", "-1", "32767", "-32768", NULL, "7", "100"]),
    (
        "i4",
        || SqlType::Int4,
        "int4",
        &["3", "0", "-2", "2147483647", NULL, "1", "-2147483648", "12"],
    ),
    ("j4", || SqlType::Int4, "int4", &["2", "5", "1", "-1", "0", NULL, "4", "9", "3"]),
    (
        "i8",
        || SqlType::Int8,
        "int8",
        &["10", "9223372036854775807", "-9223372036854775808", NULL, "0", "-5", "3000000000"],
    ),
    (
        "f4",
        || SqlType::Float4,
        "float4",
        &["0", "1.5", "-2.25", "3.4e38", "1e-40", "NaN", "Infinity", NULL, "0.1", "16777217"],
    ),
    (
        "f8",
        || SqlType::Float8,
        "float8",
        &[
            "0.5",
            "-0",
            "1e308",
            "2.5",
            "-3.5",
            "1e-310",
            "NaN",
            "-Infinity",
            NULL,
            "123456789.125",
            "0.1",
            "1e15",
            "86400.5",
        ],
    ),
    (
        "n",
        || SqlType::Numeric(None),
        "numeric",
        &[
            "1.50",
            "0",
            "-0.005",
            "12345.678",
            "NaN",
            "99999999999999999999999999999999999999999.5",
            NULL,
            "1e-20",
            "-7",
            "2.5",
            "Infinity",
            "3.00",
            "1000000",
        ],
    ),
    (
        "m",
        || SqlType::Numeric(None),
        "numeric",
        &["3", "0.07", "-2.50", "0", "7.123456789", "1e15", NULL, "-Infinity", "10", "0.5"],
    ),
    (
        "t",
        || SqlType::Text,
        "text",
        &[
            "abc",
            "",
            "Žluťoučký kůň",
            "a,b,,c",
            "10%_x",
            "  pad  ",
            NULL,
            "The Quick brown-fox",
            "42",
            "2024-02-29",
            "Ünïcödé ß",
            "a\\b'c\"d",
            "{1,2}",
            "{\"a\": 1}",
            "true",
            "-1.5e2",
        ],
    ),
    (
        "u",
        || SqlType::Text,
        "text",
        &["b", "a", ",", "", NULL, "The", "%b%", "x", "ů", "_b_", "[a-c]+"],
    ),
    ("c", || SqlType::Bpchar, "char(6)", &["ab", "x y", "", NULL, "abcdef", "éé"]),
    ("y", || SqlType::Bytea, "bytea", &["\\x", "\\x00ff10", "\\x616263", NULL, "\\xdeadbeef"]),
    (
        "d",
        || SqlType::Date,
        "date",
        &[
            "2024-02-29",
            "2000-01-01",
            "1999-12-31",
            "infinity",
            NULL,
            "0044-03-15 BC",
            "2021-03-28",
            "9999-12-31",
            "-infinity",
            "1970-01-01",
        ],
    ),
    (
        "d2",
        || SqlType::Date,
        "date",
        &["2024-03-31", "2023-01-30", "0001-01-01", NULL, "2100-02-28"],
    ),
    (
        "h",
        || SqlType::Time,
        "time",
        &["00:00:00", "13:45:59.123456", "24:00:00", NULL, "23:59:59.9"],
    ),
    ("hz", || SqlType::TimeTz, "timetz", &["12:00:00+02", "00:30:00-03:30", NULL, "23:59:59.5+00"]),
    (
        "s",
        || SqlType::Timestamp,
        "timestamp",
        &[
            "2024-02-29 12:34:56.789012",
            "2000-01-01 00:00:00",
            "1999-12-31 23:59:59.999999",
            "infinity",
            NULL,
            "2021-03-28 02:30:00",
            "0044-03-15 10:00:00 BC",
            "2021-10-31 02:30:00",
            "1900-06-15 06:00:00",
            "20000-01-01 00:00:00",
        ],
    ),
    (
        "s2",
        || SqlType::Timestamp,
        "timestamp",
        &[
            "2023-12-31 00:00:00.5",
            "1970-01-01 00:00:00",
            NULL,
            "2024-03-31 23:00:00",
            "2010-07-04 17:17:17",
        ],
    ),
    (
        "z",
        || SqlType::TimestampTz,
        "timestamptz",
        &[
            "2024-02-29 12:34:56.789012+00",
            "1970-01-01 00:00:00+00",
            "2021-03-28 00:59:59+00",
            NULL,
            "2021-10-31 01:30:00+00",
            "-infinity",
            "1880-01-01 00:00:00+00",
            "2500-07-01 12:00:00+00",
        ],
    ),
    (
        "z2",
        || SqlType::TimestampTz,
        "timestamptz",
        &["2024-01-31 00:00:00+00", "2001-09-09 01:46:40+00", NULL, "1999-02-28 23:59:59.999+00"],
    ),
    (
        "p",
        || SqlType::Interval,
        "interval",
        &[
            "1 day",
            "-1 mon 3 days 04:05:06.7",
            "00:00:00",
            "1 year 2 mons",
            NULL,
            "-00:00:01.5",
            "100 days 30:00:00",
            "5 mons -10 days",
            "00:15:00",
        ],
    ),
    (
        "p2",
        || SqlType::Interval,
        "interval",
        &["30 days", "02:30:00", "-1 days +01:00:00", NULL, "1 mon"],
    ),
    ("e", mood, "mood", &["sad", "happy", NULL, "ok"]),
    ("e2", mood, "mood", &["ok", "sad", "happy", NULL, "ok"]),
    (
        "g",
        || SqlType::Uuid,
        "uuid",
        &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", NULL, "00000000-0000-0000-0000-000000000000"],
    ),
    (
        "k",
        || SqlType::Json,
        "json",
        &[
            "{\"a\": 1, \"b\" : [1, 2, {\"c\": null}], \"a\":2 }",
            "[10, \"x\", null]",
            "\"plain\"",
            NULL,
            "{}",
            "12.50",
            "{\"a\": {\"b\": \"d\\u00e9\\n\"}}",
        ],
    ),
    (
        "q",
        || SqlType::Jsonb,
        "jsonb",
        &[
            "{\"a\": 1, \"b\": [1, 2, {\"c\": null}], \"long\": \"x\"}",
            "[10, \"x\", null, [\"a\"]]",
            "\"a\"",
            NULL,
            "{}",
            "12.50",
            "{\"a\": {\"b\": \"d\\u00e9\\n\"}}",
            "true",
            "[]",
            "null",
        ],
    ),
    (
        "q2",
        || SqlType::Jsonb,
        "jsonb",
        &[
            "{\"a\": 1.0}",
            "[\"x\"]",
            "{\"b\": [2]}",
            NULL,
            "5",
            "{\"a\": {\"b\": 1}, \"z\": null}",
            "[1, 2]",
        ],
    ),
    (
        "ai",
        || SqlType::Array(Box::new(SqlType::Int4)),
        "int4[]",
        &["{1,2,3}", "{}", "{NULL,5}", NULL, "[0:1]={7,8}", "{3}", "{{1,2},{3,4}}"],
    ),
    (
        "aj",
        || SqlType::Array(Box::new(SqlType::Int4)),
        "int4[]",
        &["{2}", "{3,NULL}", "{}", NULL, "{5,7}"],
    ),
    (
        "at",
        || SqlType::Array(Box::new(SqlType::Text)),
        "text[]",
        &["{a,b}", "{}", "{\"x y\",NULL,\"\"}", NULL, "{\"q\\\"\\\\\",null2}", "{0,a}", "{a,1}"],
    ),
    (
        "an",
        || SqlType::Array(Box::new(SqlType::Numeric(None))),
        "numeric[]",
        &["{1.0,2.50}", NULL, "{}", "{NaN,1}"],
    ),
];

/// An enum whose labels do not stand in the order of their letters.
pub(super) fn mood() -> SqlType {
    SqlType::Enum(["sad", "ok", "happy"].map(str::to_owned).to_vec())
}

const NULL: &str = "NULL";

/// Rows: lengths of the lists of values have few common factors, so that they meet in many ways.
const ROWS: usize = 24;

/// The table with its rows.
pub(super) fn table() -> String {
    let columns: Vec<String> =
        COLUMNS.iter().map(|(name, _, ty, _)| format!("{name} {ty}")).collect();
    let mut script = format!(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');\nCREATE TABLE t (id int, {});\n",
        columns.join(", ")
    );
    for row in 0..ROWS {
        let values: Vec<String> = COLUMNS
            .iter()
            .enumerate()
            .map(|(position, (.., values))| {
                match values[(row * (1 + position % 3) + row / values.len()) % values.len()] {
                    NULL => "NULL".to_owned(),
                    text => format!("'{}'", text.replace('\'', "''")),
                }
            })
            .collect();
        script += &format!("INSERT INTO t VALUES ({row}, {});\n", values.join(", "));
    }
    script
}
