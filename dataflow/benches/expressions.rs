//! What an expression costs a row: `cargo bench -p flusso-dataflow --bench expressions`.
//!
//! Rows are as they come from Postgres, so reading the columns and printing the value are counted
//! in. The goal is a microsecond for five operators.

use std::hint::black_box;
use std::time::{Duration, Instant};

use flusso_compiler::expr::{Comparison, Expr};
use flusso_compiler::plan::ColumnId;
use flusso_compiler::sql::functions::{Arithmetic, Function, Json, Text, Time};
use flusso_compiler::types::{Class, SqlType};
use flusso_dataflow::eval::{Place, Program, Scratch};
use flusso_dataflow::row::Datum;

const ROWS: usize = 10_000;

fn main() {
    let types = [
        SqlType::Numeric(Some(2)),
        SqlType::Int4,
        SqlType::Numeric(Some(2)),
        SqlType::Text,
        SqlType::TimestampTz,
        SqlType::Jsonb,
    ];
    let texts: Vec<[String; 6]> = (0..ROWS)
        .map(|row| {
            [
                format!("{}.{:02}", row * 7 % 900, row % 100),
                (row % 40).to_string(),
                format!("0.{:02}", row % 30),
                format!("Customer {row} of Žižkov"),
                format!("2024-0{}-{:02} 10:{:02}:00.5+00", row % 9 + 1, row % 28 + 1, row % 60),
                format!("{{\"a\": {row}, \"name\": \"n{row}\", \"tags\": [\"x\", \"y\"]}}"),
            ]
        })
        .collect();
    let rows: Vec<Vec<Datum<'_>>> = texts
        .iter()
        .map(|row| row.iter().map(|text| Datum::Text(text.as_bytes())).collect())
        .collect();
    let place = |column: ColumnId| {
        let position = usize::from(column.0);
        Place { position, ty: types[position].clone() }
    };
    for (name, expr) in expressions() {
        let program = Program::new(&expr, &place);
        let mut scratch = Scratch::default();
        let mut best = Duration::MAX;
        for _ in 0..20 {
            let start = Instant::now();
            for row in &rows {
                let value = program.value(black_box(row), &mut scratch);
                assert!(black_box(value).is_ok(), "{name} fails");
            }
            best = best.min(start.elapsed());
        }
        let each = best.as_nanos() as f64 / ROWS as f64;
        eprintln!("{name:<60} {each:>7.0} ns a row");
    }
}

/// Expressions by what they are in SQL.
fn expressions() -> Vec<(&'static str, Expr)> {
    let column = |at: u16| Expr::Column(ColumnId(at));
    let literal = |text: &str, ty: SqlType| Expr::Literal(Some(text.into()), ty);
    let numeric = |text: &str| literal(text, SqlType::Numeric(None));
    let text = |text: &str| literal(text, SqlType::Text);
    let call = |function: Function, args: Vec<Expr>, ty: SqlType| Expr::Call { function, args, ty };
    let number = |function: Arithmetic, args: Vec<Expr>| {
        call(Function::Arithmetic(function), args, SqlType::Numeric(None))
    };
    let quantity = Expr::Cast {
        of: Box::new(column(1)),
        from: SqlType::Int4,
        to: SqlType::Numeric(None),
        modifier: None,
    };
    let rest = number(Arithmetic::NumericSubtract, vec![numeric("1"), column(2)]);
    let gross = number(Arithmetic::NumericMultiply, vec![column(0), quantity]);
    let net = number(Arithmetic::NumericMultiply, vec![gross, rest]);
    let rounded = number(Arithmetic::NumericRoundTo, vec![net, literal("2", SqlType::Int4)]);
    let price = number(Arithmetic::NumericAdd, vec![rounded, numeric("4.90")]);
    let prefix = call(
        Function::Text(Text::Left),
        vec![column(3), literal("8", SqlType::Int4)],
        SqlType::Text,
    );
    let upper = call(Function::Text(Text::Upper), vec![prefix], SqlType::Text);
    let month = call(
        Function::Time(Time::TruncTimestampTz),
        vec![text("month"), column(4)],
        SqlType::TimestampTz,
    );
    let recent = Expr::Compare(
        Comparison::Ge,
        Box::new(month.clone()),
        Box::new(literal("2024-05-01 00:00:00+00", SqlType::TimestampTz)),
        Class::Timestamp,
    );
    let name =
        call(Function::Json(Json::JsonbGetText), vec![column(5), text("name")], SqlType::Text);
    vec![
        ("round(price * quantity * (1 - discount), 2) + 4.90", price.clone()),
        (
            "CASE WHEN date_trunc('month', at) >= … THEN upper(left(name, 8)) END",
            Expr::Case { branches: vec![(recent, upper)], otherwise: None },
        ),
        ("date_trunc('month', at)", month),
        ("doc ->> 'name'", name),
        ("coalesce(price * …, 0)", Expr::Coalesce(vec![price, numeric("0")])),
    ]
}
