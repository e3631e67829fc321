//! Constants against a real Postgres: the text that is compared with what rows carry is the text
//! that Postgres prints, and what it refuses is refused.
#![allow(clippy::unwrap_used)]

mod postgres;

use flusso_compiler::types::{SqlType, canonical};
use serde_json::Value as Json;

use postgres::Server;

/// What a constant of a type prints; NULL when it is none.
const READ: &str = r"
CREATE FUNCTION read(written text, ty text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE printed text;
BEGIN
  -- as its output function prints it
  EXECUTE format('SELECT concat(%L::%s)', written, ty) INTO printed;
  RETURN printed;
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$;
";

/// What each prints.
fn theirs(server: &Server, ty: &SqlType, written: &[String]) -> Vec<Option<String>> {
    let list = Json::from(written).to_string();
    let script = format!(
        "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET lc_monetary = 'C'; SET extra_float_digits = 3;\n\
         SELECT coalesce(jsonb_agg(read(one, '{ty}') ORDER BY n), '[]')\n\
           FROM jsonb_array_elements_text($flusso${list}$flusso$) WITH ORDINALITY AS of (one, n);\n"
    );
    serde_json::from_str(server.psql(&script).trim()).unwrap()
}

/// How many are taken, and how many are refused that Postgres takes.
fn compared(server: &Server, ty: &SqlType, written: &[String]) -> (usize, Vec<String>) {
    let (mut wrong, mut taken, mut refused) = (Vec::new(), 0, Vec::new());
    for (text, theirs) in written.iter().zip(theirs(server, ty, written)) {
        match (canonical(ty, text), theirs) {
            (Ok(ours), Some(theirs)) if ours == theirs => taken += 1,
            (Ok(ours), theirs) => {
                wrong.push(format!("{ty} '{text}': {ours}, and Postgres {theirs:?}"))
            }
            (Err(_), None) => {}
            (Err(_), Some(_)) => refused.push(text.clone()),
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    (taken, refused)
}

/// Numbers that are another each time one is asked for, the same from the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, most: u64) -> u64 {
        (self.roll() >> 11) % most
    }

    /// A number of few digits or many, with a point or an exponent or neither.
    fn decimal(&mut self) -> String {
        let digits = match self.below(3) {
            0 => self.below(10_000).to_string(),
            1 => self.below(1 << 53).to_string(),
            _ => format!("{}{}", self.roll(), self.roll()),
        };
        let sign = ["", "-", "+"][self.below(3) as usize];
        let point = self.below(digits.len() as u64 + 2) as usize;
        let digits = match point < digits.len() {
            true => format!("{}.{}", &digits[..point], &digits[point..]),
            false => digits,
        };
        match self.below(3) {
            0 => format!("{sign}{digits}"),
            1 => format!("{sign}{digits}e{}", self.below(50) as i64 - 25),
            _ => format!("{sign}{digits}E{}", self.below(700) as i64 - 350),
        }
    }
}

/// Where the printed forms of floats change, and where two are as near.
fn floats() -> Vec<String> {
    let mut all: Vec<String> = [
        "0",
        "-0",
        "-0.0e5",
        "0e999",
        "1e400",
        "-1e400",
        "1e-400",
        "5e-324",
        "2e-324",
        "2.5e-324",
        "1e39",
        "1e-45",
        "7e-46",
        "8e-46",
        "3.4028235e38",
        "3.4028236e38",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "nan",
        "-nan",
        "+inf",
        "-Infinity",
        "infinity ",
        " 1.5 ",
        "1.",
        ".5",
        ".",
        "",
        "1e",
        "e5",
        "0x10",
        "1_000",
        "1 000",
        "--1",
        "+-1",
        "1e+5",
        "1e +5",
        "9007199254740993",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut dice = Dice(2026);
    for power in 0..120 {
        // Numbers of two, their neighbours, and what lies half way between.
        let two = 2f64.powi(power);
        all.extend([two, two.next_up(), two.next_down()].map(|value| format!("{value:e}")));
        if let Some(half) = 1u128.checked_shl(power as u32).filter(|_| power > 53) {
            let step = half >> 53;
            all.extend(
                [half + step, half - step / 2, half + 3 * step].map(|value| value.to_string()),
            );
        }
    }
    for _ in 0..4000 {
        let double = f64::from_bits(dice.roll());
        let single = f32::from_bits(dice.roll() as u32);
        all.extend([format!("{double:e}"), format!("{single:e}"), dice.decimal()]);
        // Integers beyond the mantissa, of which every other is half way.
        let odd = dice.roll() | 1;
        all.extend([odd.to_string(), (odd >> dice.below(40)).to_string()]);
        let exact = (dice.below(1 << 25) | 1).to_string();
        all.extend([format!("{exact}.5"), format!("{exact}e{}", dice.below(20))]);
    }
    all
}

#[test]
fn floats_are_printed_as_by_postgres() {
    let Some(server) = Server::start("constants-floats") else { return };
    server.psql(READ);
    let written = floats();
    for ty in [SqlType::Float8, SqlType::Float4] {
        let (taken, refused) = compared(&server, &ty, &written);
        assert!(taken * 3 > written.len(), "only {taken} of {} are numbers", written.len());
        // The C library takes these, which nobody writes.
        assert_eq!(refused, ["-nan", "0x10"], "{ty}");
    }
}

#[test]
fn other_constants_are_printed_as_by_postgres() {
    let Some(server) = Server::start("constants") else { return };
    server.psql(READ);
    let mut dice = Dice(2027);
    let mut numbers: Vec<String> = (0..500).map(|_| dice.decimal()).collect();
    numbers.extend(floats().into_iter().take(40));
    numbers.extend(
        ["007", "+5", "- 5", "5-", "1,000", "1e-16383", "1e-16384", "1e131071"].map(Into::into),
    );
    let integers: Vec<String> = (0..200)
        .map(|_| (dice.roll() as i64 >> dice.below(64)).to_string())
        .chain(
            [
                "+007",
                "-0",
                " 12 ",
                "",
                "-",
                "1.0",
                "32768",
                "-32769",
                "1e3",
                "99999999999999999999",
            ]
            .map(Into::into),
        )
        .collect();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let cases = [
        (SqlType::Numeric(None), numbers),
        (SqlType::Int2, integers.clone()),
        (SqlType::Int4, integers.clone()),
        (SqlType::Int8, integers),
        (
            SqlType::Bool,
            texts(&[
                "true", "t", "TRUE", "tr", "yes", "y", "on", "of", "o", "off", "1", "0", "n", "fa",
                "2", "", " t ",
            ]),
        ),
        (
            SqlType::Money,
            texts(&[
                "5",
                "$5",
                "-$5",
                "1,234.5",
                "$1,234,567.89",
                "-0",
                "92233720368547758.07",
                "1e3",
                "",
                "$",
                "0.05",
                "-.5",
                "12.",
            ]),
        ),
        (
            SqlType::Bytea,
            texts(&["\\x", "\\xAB 01", "\\x1", "a\\001\\\\", "\\9", "é", "plain", "\\xzz"]),
        ),
        (
            SqlType::Date,
            texts(&[
                "2024-02-29",
                "2023-02-29",
                "20240229",
                "2024-1-2",
                "0044-03-15 BC",
                "infinity",
                "-Infinity",
                "2024-01-02T03:04:05Z",
                "99999-01-01",
                "0000-01-01",
                "2024-13-01",
                "",
            ]),
        ),
        (
            SqlType::Time,
            texts(&[
                "3:04",
                "24:00:00",
                "24:00:01",
                "01:02:03.50",
                "12:00:60",
                "01:02:03.9999999",
                "25:00",
                "040506",
                "",
            ]),
        ),
        (
            SqlType::Timestamp,
            texts(&[
                "2024-01-02T03:04:05+02",
                "-infinity",
                "2024-01-02 03:04",
                "2024-01-02",
                "2023-12-31 23:59:59.9999995",
                "294277-01-01",
                "2024-02-30 00:00",
                "0044-03-15 10:00 BC",
            ]),
        ),
        (
            SqlType::TimestampTz,
            texts(&[
                "2024-01-02T03:04:05.120Z",
                "2024-01-02 00:30+02",
                "2024-01-02 03:04:05-0530",
                "2024-01-02",
                "2024-01-02 24:00:00+00",
                "2024-01-02 03:04:05 +01:30",
            ]),
        ),
        (
            SqlType::TimeTz,
            texts(&["01:02+05:30", "01:02", "23:59:59.5-12", "24:00:00+00", "01:02+16"]),
        ),
        (
            SqlType::Uuid,
            texts(&[
                "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}",
                "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
                "a0eebc99",
                "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
            ]),
        ),
    ];
    for (ty, written) in cases {
        let (taken, refused) = compared(&server, &ty, &written);
        assert!(taken * 5 > written.len(), "{ty}: only {taken} of {}", written.len());
        assert!(refused.len() * 4 < written.len(), "{ty}: {refused:?} are refused");
    }
}
