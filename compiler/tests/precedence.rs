//! What binds closer, against a real Postgres: a text that is read means the same when every
//! operand of the tree stands in brackets.
//!
//! Every operator is there for truth values, so that any of them may stand beside any other; how
//! Postgres prints a view says which tree it made.
#![allow(clippy::unwrap_used)]

mod postgres;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use flusso_compiler::diagnostics::Place;
use flusso_compiler::sql::{Sql, parse};
use serde_json::Value as Json;
use sqlparser::ast::{Expr, VisitMut, VisitorMut};

use postgres::Server;

/// Operators that Postgres must be given for truth values, before one or between two.
const BEFORE: &[&str] = &["-", "+", "~", "@", "|/"];
const BETWEEN: &[&str] = &[
    "+", "-", "*", "/", "%", "^", "||", "->", "->>", "#>", "#>>", "@>", "<@", "&&", "|", "&", "#",
    "<<", ">>", "?", "~", "~*", "!~", "!~*", "~~", "!~~", "~~*", "!~~*",
];

/// What stands between two operands besides.
const WORDS: &[&str] = &[
    "OR",
    "AND",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "LIKE",
    "NOT ILIKE",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
    "AT TIME ZONE",
    "BETWEEN h AND",
    "NOT BETWEEN h AND",
];

/// What follows one operand.
const AFTER: &[&str] = &[
    "IS NULL",
    "IS NOT NULL",
    "IS TRUE",
    "IS NOT FALSE",
    "IS UNKNOWN",
    "IN (f, g)",
    "NOT IN (f, g)",
    "IN (SELECT f FROM t)",
    "= ANY(l)",
    "< ALL(l)",
    "|| ANY(l)",
    "LIKE ANY(l)",
    "::d",
];

/// What stands before one operand.
const PREFIX: &[&str] = &["NOT", "-", "+", "~", "@", "|/"];

const UNIVERSE: &str = r"
CREATE DOMAIN d AS boolean;
CREATE TABLE t (a boolean, b boolean, c boolean, f boolean, g boolean, h boolean, l boolean[]);
CREATE FUNCTION one(boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION two(boolean, boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION pg_catalog.timezone(boolean, boolean) RETURNS boolean LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION tree(written text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE printed text;
BEGIN
  EXECUTE 'CREATE TEMP VIEW printed AS SELECT ' || written || ' AS x FROM t';
  printed := pg_get_viewdef('printed'::regclass);
  DROP VIEW printed;
  RETURN printed;
EXCEPTION
  WHEN syntax_error THEN RETURN NULL;
  WHEN OTHERS THEN RETURN SQLERRM;
END $$;
";

/// The tree that Postgres makes of each; none where it reads none.
fn trees(server: &Server, written: &[String]) -> Vec<Option<String>> {
    let some = |written: &[String]| -> Vec<Option<String>> {
        let list = Json::from(written).to_string();
        let script = format!(
            "SELECT jsonb_agg(tree(one) ORDER BY n)\n\
               FROM jsonb_array_elements_text($flusso${list}$flusso$) WITH ORDINALITY AS of (one, n);\n"
        );
        serde_json::from_str(server.psql(&script).trim()).unwrap()
    };
    // Each view of a transaction holds locks until its end.
    written.chunks(1000).flat_map(some).collect()
}

/// Puts every operand in brackets.
struct Brackets;

impl VisitorMut for Brackets {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if !matches!(expr, Expr::Identifier(_) | Expr::Nested(_)) {
            *expr = Expr::Nested(Box::new(expr.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// The text with the tree made of it in brackets, or the refusal.
fn read(text: &str) -> Result<String, String> {
    let place = Place { file: 0, start: 0, end: text.len() as u32 };
    let sql = Sql { text: text.to_owned(), place, pieces: Vec::new() };
    let mut tree = parse::expression(&sql).map_err(|error| error.message)?;
    let _ = tree.visit(&mut Brackets);
    Ok(tree.to_string())
}

/// Every text of one operand or two around an operation, from each operand with those around it.
fn grown(texts: &[String], operand: &str) -> Vec<String> {
    let between = || BETWEEN.iter().chain(WORDS);
    let mut all = Vec::new();
    for text in texts {
        all.extend(PREFIX.iter().map(|one| format!("{one} {text}")));
        all.extend(AFTER.iter().map(|one| format!("{text} {one}")));
        all.extend(between().map(|one| format!("{text} {one} {operand}")));
    }
    all
}

/// An expression of some operations, the same from the same dice.
fn rolled(dice: &mut u64, operations: u32) -> String {
    let mut roll = |most: usize| {
        *dice =
            dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*dice >> 33) as usize % most
    };
    let mut text = String::new();
    for n in 0..=operations {
        while roll(4) == 0 {
            text += PREFIX[roll(PREFIX.len())];
            text += " ";
        }
        text += ["a", "b", "c", "(a AND b)", "EXISTS (SELECT 1 FROM t)"][roll(5)];
        if roll(4) == 0 {
            text += " ";
            text += AFTER[roll(AFTER.len())];
        }
        if n < operations {
            let at = roll(BETWEEN.len() + 2 * WORDS.len());
            let word = BETWEEN.iter().chain(WORDS).chain(WORDS).nth(at).unwrap();
            text += &format!(" {word} ");
        }
    }
    text
}

#[test]
fn every_two_operations_bind_as_they_do_in_postgres() {
    let Some(server) = Server::start("precedence") else { return };
    let before = BEFORE
        .iter()
        .map(|name| format!("CREATE OPERATOR {name} (rightarg = boolean, function = one);\n"));
    let between = BETWEEN.iter().map(|name| {
        format!("CREATE OPERATOR {name} (leftarg = boolean, rightarg = boolean, function = two);\n")
    });
    let universe: String =
        std::iter::once(UNIVERSE.to_owned()).chain(before).chain(between).collect();
    server.psql(&universe);

    let pairs = grown(&grown(&["a".into()], "b"), "c");
    let mut dice = 2026;
    let longer = (0..4000).map(|n| rolled(&mut dice, 2 + n % 4));
    let texts: Vec<String> = pairs.into_iter().chain(longer).collect();
    let read: Vec<Result<String, String>> = texts.iter().map(|text| read(text)).collect();
    let bracketed: Vec<String> = read.iter().map(|one| one.clone().unwrap_or("a".into())).collect();
    let theirs = trees(&server, &texts);
    let ours = trees(&server, &bracketed);

    let mut wrong = Vec::new();
    let (mut same, mut both_refuse) = (0, 0);
    let mut asked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (n, text) in texts.iter().enumerate() {
        match (&read[n], &theirs[n]) {
            (Ok(_), Some(theirs)) if ours[n].as_ref() == Some(theirs) => same += 1,
            (Ok(tree), theirs) => wrong.push(format!("{text}\n    {tree}\n    {theirs:?}")),
            (Err(_), None) => both_refuse += 1,
            (Err(why), Some(_)) => asked.entry(why).or_default().push(text),
        }
    }
    for (why, texts) in &asked {
        println!("{why}: {}, such as {}", texts.len(), texts[0]);
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > texts.len() / 2 && both_refuse > 0, "{same} are read, {both_refuse} by nobody");
}
