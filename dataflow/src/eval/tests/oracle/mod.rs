//! Random typed expressions over random rows, and what Postgres itself makes of them.
//!
//! ```text
//!  seed ─► expressions ─┬─► SQL ─► one query ─► values and SQLSTATEs ─┐
//!        └► rows ───────┴─► Program ─────────► values and errors ─────┴─ equal
//! ```
//!
//! `FLUSSO_EVAL_SEED` tries another seed, `FLUSSO_EVAL_BATCHES` more batches. Of what differs the
//! smallest part that still does is shown.

mod data;
mod forms;
mod generate;
mod hints;
mod print;
mod written;

#[path = "../../../../../compiler/tests/postgres/mod.rs"]
mod postgres;

use std::collections::HashMap;

use flusso_compiler::expr::{Expr, OnFailure};
use flusso_compiler::plan::oracle::SETTINGS;
use flusso_compiler::types::SqlType;
use serde_json::Value as Json;

use self::data::COLUMNS;
use self::generate::Generator;
use self::postgres::Server;
use super::super::text::bytes::md5;
use super::super::value::Arena;
use super::super::{Place, Program, Scratch};
use crate::row::Datum;

/// What a row has for an expression: a text or NULL, or an SQLSTATE.
type Outcome = Result<Option<String>, String>;

/// Expressions to a query.
const BATCH: usize = 500;

/// Before an SQLSTATE: Postgres fails before it reads a row.
const PLANNED: char = '!';

/// Texts of more bytes are compared by their hashes: Postgres has no JSON of the longest.
const LONG: usize = 1_000_000;

#[test]
fn as_postgres_has_it() {
    let Some(server) = prepared("eval") else { return };
    let seed = number("FLUSSO_EVAL_SEED", 1);
    let batches = number("FLUSSO_EVAL_BATCHES", 4);
    let rows = rows(&server);
    let mut refused = 0;
    let mut wrong = Vec::new();
    for batch in 0..batches {
        let mut generator = Generator::new(seed.wrapping_mul(1_000_003).wrapping_add(batch));
        let exprs: Vec<Expr> = (0..BATCH).map(|_| generator.any()).collect();
        let sqls: Vec<String> = exprs.iter().map(print::sql).collect();
        let found = differences(&server, &sqls, &exprs, &rows, &mut refused);
        for (position, row, ours, theirs) in found {
            wrong.push((exprs[position].clone(), row, ours, theirs));
        }
    }
    let all = batches as usize * BATCH;
    eprintln!("seed {seed}: {all} expressions, {} rows, {refused} values refused", rows.len());
    // Different parts, as one mistake shows in many expressions.
    let mut shown: Vec<String> =
        wrong.iter().take(150).map(|one| smallest(&server, one, &rows)).collect();
    shown.sort_by_key(String::len);
    shown.dedup();
    let count = wrong.len();
    assert!(wrong.is_empty(), "seed {seed}: {count} differ\n\n{}", shown.join("\n\n"));
    assert!(refused * 50 < all * rows.len(), "{refused} values are refused that Postgres has");
}

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A server with the table.
fn prepared(name: &str) -> Option<Server> {
    let server = Server::start(name)?;
    // Text by bytes, case by Unicode.
    server.psql(
        "CREATE DATABASE eval TEMPLATE template0 LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';",
    );
    server.psql(&settled(PROBE));
    server.psql(&settled(&data::table()));
    Some(server)
}

/// The first row of each expression for which ours and theirs differ.
fn differences(
    server: &Server,
    sqls: &[String],
    exprs: &[Expr],
    rows: &[Vec<Option<String>>],
    refused: &mut usize,
) -> Vec<(usize, usize, Outcome, Outcome)> {
    let theirs = ask(server, sqls);
    let mut wrong = Vec::new();
    let mut scratch = Scratch::default();
    for (position, expr) in exprs.iter().enumerate() {
        let program = Program::new(expr, &place);
        for (number, row) in rows.iter().enumerate() {
            let ours = evaluated(&program, row, &mut scratch);
            let theirs = &theirs[&(position, number)];
            match alike(expr, row, &ours, theirs) {
                Alike::Yes => {}
                Alike::Refused => *refused += 1,
                Alike::No => {
                    wrong.push((position, number, ours, theirs.clone()));
                    break;
                }
            }
        }
    }
    wrong
}

/// How two outcomes of an expression compare.
enum Alike {
    Yes,
    /// We have no value where Postgres has one, which is allowed as long as it is rare.
    Refused,
    No,
}

fn alike(expr: &Expr, row: &[Option<String>], ours: &Outcome, theirs: &Outcome) -> Alike {
    if let Err(state) = theirs
        && let Some(state) = state.strip_prefix(PLANNED)
    {
        // Postgres computes what is the same in each row when it plans, and refuses the statement
        // also where no row comes to it; here a row has to, and what it does not come to fails.
        return match ours {
            Ok(_) if fails_within(expr, row, state) => Alike::Yes,
            ours => alike(expr, row, ours, &Err(state.to_owned())),
        };
    }
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => Alike::Yes,
        // Which of several errors comes first is nobody's promise.
        (Err(ours), Err(theirs)) if ours[..2] == theirs[..2] || !is_plain(expr) => Alike::Yes,
        (Err(ours), _) if ours == "0A000" || ours == "22007" => Alike::Refused,
        _ => Alike::No,
    }
}

/// Whether a part has no value of its own in a row, for just this reason.
fn fails_within(expr: &Expr, row: &[Option<String>], state: &str) -> bool {
    let own = evaluated(&Program::new(expr, &place), row, &mut Scratch::default());
    matches!(own, Err(own) if own == state)
        || expr.parts().into_iter().any(|part| fails_within(part, row, state))
}

fn evaluated(program: &Program, row: &[Option<String>], scratch: &mut Scratch) -> Outcome {
    let row: Vec<Datum<'_>> = row
        .iter()
        .map(|text| text.as_ref().map_or(Datum::Null, |text| Datum::Text(text.as_bytes())))
        .collect();
    let value = || match program.value(&row, scratch) {
        Ok(Datum::Text(text)) if text.len() > LONG => {
            Ok(Some(md5(text, &Arena::default()).to_owned()))
        }
        Ok(Datum::Text(text)) => Ok(Some(String::from_utf8(text.to_vec()).unwrap())),
        Ok(_) => Ok(None),
        Err(error) => Err(error.state.to_owned()),
    };
    // Nothing may panic; where it does, the others are to be seen too.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(value))
        .unwrap_or_else(|_| Err("panic".to_owned()));
    if outcome.is_err() && outcome != Err("panic".to_owned()) {
        // What fails leaves NULL in its field, is counted, and skips the document if it shall.
        assert_eq!(program.field(&row, OnFailure::Skip, scratch), Datum::Null);
        assert!(scratch.skips() && scratch.failures().is_some_and(|failures| failures.count == 1));
    }
    outcome
}

fn place(column: flusso_compiler::plan::ColumnId) -> Place {
    Place { position: usize::from(column.0), ty: ty(column) }
}

fn ty(column: flusso_compiler::plan::ColumnId) -> SqlType {
    (COLUMNS[usize::from(column.0)].1)()
}

/// What differs, and the smallest part of it that still does.
fn smallest(
    server: &Server,
    (expr, row, ours, theirs): &(Expr, usize, Outcome, Outcome),
    rows: &[Vec<Option<String>>],
) -> String {
    let mut parts = Vec::new();
    collect(expr, &mut parts);
    parts.sort_by_key(|part| print::sql(part).len());
    let one = std::slice::from_ref(&rows[*row]);
    let found = differences_at(server, &parts, *row, one);
    let (part, ours, theirs) = found.unwrap_or((expr.clone(), ours.clone(), theirs.clone()));
    let mut columns = Vec::new();
    used(&part, &mut columns);
    let values: Vec<String> = columns
        .iter()
        .map(|column| format!("{} = {:?}", COLUMNS[*column].0, rows[*row][*column]))
        .collect();
    format!(
        "{}\n  ours   {ours:?}\n  theirs {theirs:?}\n  where {}",
        print::sql(&part),
        values.join(", ")
    )
}

fn differences_at(
    server: &Server,
    parts: &[Expr],
    row: usize,
    one: &[Vec<Option<String>>],
) -> Option<(Expr, Outcome, Outcome)> {
    let sqls: Vec<String> = parts.iter().map(print::sql).collect();
    let theirs = ask(server, &sqls);
    let mut scratch = Scratch::default();
    parts.iter().enumerate().find_map(|(position, part)| {
        let ours = evaluated(&Program::new(part, &place), &one[0], &mut scratch);
        let theirs = theirs[&(position, row)].clone();
        matches!(alike(part, &one[0], &ours, &theirs), Alike::No)
            .then(|| (part.clone(), ours, theirs))
    })
}

/// Whether it is a single operation, so that only one error can be meant.
fn is_plain(expr: &Expr) -> bool {
    expr.parts().iter().all(|part| part.parts().is_empty())
}

fn collect(expr: &Expr, parts: &mut Vec<Expr>) {
    parts.push(expr.clone());
    expr.parts().into_iter().for_each(|part| collect(part, parts));
}

fn used(expr: &Expr, columns: &mut Vec<usize>) {
    if let Expr::Column(column) = expr {
        columns.push(usize::from(column.0));
    }
    expr.parts().into_iter().for_each(|part| used(part, columns));
    columns.sort_unstable();
    columns.dedup();
}

/// What Postgres has for each expression in each row.
fn ask(server: &Server, sqls: &[String]) -> HashMap<(usize, usize), Outcome> {
    let mut script = settled("");
    for (position, sql) in sqls.iter().enumerate() {
        script += &format!("INSERT INTO asked VALUES ({position}, $sql${sql}$sql$);\n");
    }
    script += "SELECT jsonb_build_array(n, answer) FROM asked, probe(sql) AS answer ORDER BY n;
        TRUNCATE asked;\n";
    let mut outcomes = HashMap::new();
    for line in server.psql(&script).lines() {
        let (position, answers): (usize, Vec<(usize, String, Option<String>)>) =
            serde_json::from_str::<Json>(line)
                .and_then(serde_json::from_value)
                .unwrap_or_else(|error| panic!("{error}: {line}"));
        for (row, state, text) in answers {
            let outcome = if state == "00000" { Ok(text) } else { Err(state) };
            outcomes.insert((position, row), outcome);
        }
    }
    outcomes
}

/// The rows as Postgres prints them.
fn rows(server: &Server) -> Vec<Vec<Option<String>>> {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, ..)| format!("CASE WHEN {name} IS NULL THEN NULL ELSE concat({name}) END"))
        .collect();
    let script = format!("SELECT jsonb_build_array({}) FROM t ORDER BY id;\n", columns.join(", "));
    let output = server.psql(&settled(&script));
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn settled(script: &str) -> String {
    let settings: String =
        SETTINGS.iter().map(|(name, value)| format!("SET {name} = '{value}';\n")).collect();
    format!("\\c eval\n{settings}{script}")
}

/// All rows at once, and one by one when one of them fails.
const PROBE: &str = r#"
CREATE TABLE asked (n int, sql text);
CREATE FUNCTION probe(expr text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  answer jsonb;
  one jsonb;
  n int;
  planned text;
  mark text;
  -- the value as its output function prints it, evaluated once
  query text := 'SELECT jsonb_agg(jsonb_build_array(id, ''00000'', CASE WHEN v IS NULL THEN NULL
      WHEN octet_length(concat(v)) > 1000000 THEN md5(concat(v)) ELSE concat(v) END) ORDER BY id)
      FROM (SELECT id, (' || expr || ') AS v FROM t ';
BEGIN
  BEGIN
    EXECUTE query || 'OFFSET 0) AS q' INTO answer;
    RETURN answer;
  EXCEPTION WHEN OTHERS THEN
    answer := '[]';
  END;
  BEGIN
    EXECUTE 'EXPLAIN ' || query || 'OFFSET 0) AS q';
  EXCEPTION WHEN OTHERS THEN
    planned := SQLSTATE;
  END;
  FOR n IN SELECT id FROM t ORDER BY id LOOP
    BEGIN
      EXECUTE query || 'WHERE id = $1 OFFSET 0) AS q' INTO one USING n;
    EXCEPTION WHEN OTHERS THEN
      mark := CASE WHEN SQLSTATE = planned THEN '!' ELSE '' END;
      one := jsonb_build_array(jsonb_build_array(n, mark || SQLSTATE, SQLERRM));
    END;
    answer := answer || one;
  END LOOP;
  RETURN answer;
END $$;
"#;
