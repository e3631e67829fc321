//! Random expressions as people write them: constants without a type, sometimes a column where one
//! of another type stood. What Postgres refuses is refused; what it takes has its type here, and
//! its values, or it fails in the same rows.
//!
//! ```text
//!  expression ─► SQL ─► loosened ─┬─► typed here ──────────┐
//!                                 └─► a view in Postgres ──┴─ alike ─► values, as in `mod`
//! ```

use std::collections::BTreeMap;

use flusso_compiler::diagnostics::Place;
use flusso_compiler::expr::Expr;
use flusso_compiler::plan::ColumnId;
use flusso_compiler::sql::block::Source;
use flusso_compiler::sql::scope::{Named, Scope};
use flusso_compiler::sql::{self, Ground, Sql};
use flusso_compiler::types::SqlType;
use serde_json::Value as Json;

use super::data::COLUMNS;
use super::generate::Generator;
use super::postgres::Server;
use super::{BATCH, differences, number, prepared, print, rows, settled, smallest};

#[test]
fn refused_and_typed_as_by_postgres() {
    let Some(server) = prepared("written") else { return };
    server.psql(&settled(TYPED));
    let rows = rows(&server);
    let seed = number("FLUSSO_EVAL_SEED", 1);
    let batches = number("FLUSSO_EVAL_BATCHES", 4);
    let (mut wrong, mut both, mut neither, mut refused) = (Vec::new(), 0, 0, 0);
    let mut unsupported: BTreeMap<String, usize> = BTreeMap::new();
    for batch in 0..batches {
        let mut generator = Generator::new(seed.wrapping_mul(7_000_003).wrapping_add(batch));
        let written: Vec<String> = (0..BATCH)
            .map(|_| {
                let sql = print::sql(&generator.any());
                loosened(&mut generator, &sql)
            })
            .collect();
        let (mut sqls, mut exprs) = (Vec::new(), Vec::new());
        for (sql, theirs) in written.iter().zip(types(&server, &written)) {
            match (typed(sql), theirs) {
                (Ok((expr, ty)), Ok(theirs)) if shown(&ty) == theirs => {
                    both += 1;
                    sqls.push(sql.clone());
                    exprs.push(expr);
                }
                (Ok((_, ty)), Ok(theirs)) => {
                    wrong.push(format!("{sql}\n  ours   {ty}\n  theirs {theirs}"));
                }
                (Ok((_, ty)), Err(theirs)) => {
                    wrong.push(format!("{sql}\n  ours   {ty}\n  theirs {theirs}"));
                }
                (Err(_), Err(_)) => neither += 1,
                (Err(why), Ok(_)) => *unsupported.entry(why).or_default() += 1,
            }
        }
        for one in differences(&server, &sqls, &exprs, &rows, &mut refused) {
            let (position, row, ours, theirs) = one;
            let part = (exprs[position].clone(), row, ours, theirs);
            wrong.push(format!("{}\n  in {}", smallest(&server, &part, &rows), sqls[position]));
        }
    }
    let all = batches as usize * BATCH;
    let ours_alone: usize = unsupported.values().sum();
    eprintln!(
        "seed {seed}: {all} expressions; {both} taken and {neither} refused by both, {ours_alone} \
         not supported: {unsupported:#?}"
    );
    wrong.sort_by_key(String::len);
    assert!(wrong.is_empty(), "seed {seed}: {} differ\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(neither * 20 > all, "only {neither} of them had a mistake");
    assert!(ours_alone * 20 < all, "{ours_alone} are not supported that Postgres has");
}

/// An expression over the columns of the table, by their positions there.
fn typed(text: &str) -> Result<(Expr, SqlType), String> {
    let columns = COLUMNS.iter().map(|(name, ty, ..)| ((*name).to_owned(), ty())).collect();
    let named = Named { alias: "t".into(), table: None, columns: Some(columns) };
    let scopes = [Scope { relations: vec![named] }];
    let ground = Ground { catalog: None, home: "public", scopes: &scopes };
    let place = Place { file: 0, start: 0, end: text.len() as u32 };
    let sql = Sql { text: text.to_owned(), place, pieces: vec![(0, 0)] };
    let phrase = sql::value(&sql, ground).map_err(|found| found[0].message.clone())?;
    let position = |input: ColumnId| {
        let Source::Column { column, .. } = &phrase.inputs[usize::from(input.0)].source else {
            panic!("{text}: only columns are read");
        };
        let at = COLUMNS.iter().position(|(name, ..)| name == column).unwrap();
        ColumnId(at as u16)
    };
    let mut expr = phrase.expr.clone();
    expr.rename(&position);
    Ok((expr, phrase.ty))
}

/// The name Postgres gives a type, but for types that are one here.
fn shown(ty: &SqlType) -> String {
    match ty {
        SqlType::Array(element) => format!("{}[]", shown(element)),
        ty => print::name(ty),
    }
}

/// What Postgres says of each: the type, or the error.
fn types(server: &Server, written: &[String]) -> Vec<Result<String, String>> {
    let mut script = settled("");
    for (position, sql) in written.iter().enumerate() {
        script += &format!("INSERT INTO asked VALUES ({position}, $sql${sql}$sql$);\n");
    }
    script += "SELECT jsonb_build_array(n, typed(sql)) FROM asked ORDER BY n;\nTRUNCATE asked;\n";
    let answer = |line: &str| {
        let (_, [ty, error]): (usize, [Option<String>; 2]) = serde_json::from_str::<Json>(line)
            .and_then(serde_json::from_value)
            .unwrap_or_else(|error| panic!("{error}: {line}"));
        match ty {
            Some(ty) => Ok(ours(&ty)),
            None => Err(error.unwrap_or_default()),
        }
    };
    server.psql(&script).lines().map(answer).collect()
}

/// A type by the name it has here.
fn ours(theirs: &str) -> String {
    let (element, array) = match theirs.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (theirs, ""),
    };
    let element = match element {
        "character varying" | "name" => "text",
        "character" => "char",
        "timestamp without time zone" => "timestamp",
        "time without time zone" => "time",
        other => other,
    };
    format!("{element}{array}")
}

/// The same without the types of some constants, and with some columns in the place of others.
fn loosened(generator: &mut Generator, sql: &str) -> String {
    let mut types: Vec<String> = COLUMNS.iter().map(|(_, ty, ..)| print::name(&ty())).collect();
    types.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let bare = generator.roll(3);
    let mut text = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("E'") {
            let (constant, after) = rest.split_at(end_of_constant(rest));
            text += constant;
            rest = after;
            let cast = types.iter().find_map(|ty| rest.strip_prefix("::")?.strip_prefix(&**ty));
            match cast {
                Some(after) if generator.roll(3) < bare => rest = after,
                _ => {}
            }
        } else if first.is_ascii_alphanumeric() || first == '_' {
            let end = rest.find(|one: char| !one.is_ascii_alphanumeric() && one != '_');
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            let is_column = COLUMNS.iter().any(|(name, ..)| *name == word);
            let other = is_column && !after.starts_with('"') && generator.roll(12) == 0;
            text += if other { generator.pick(COLUMNS).0 } else { word };
            rest = after;
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text
}

/// Where a constant ends that begins a text: behind its closing quote.
fn end_of_constant(text: &str) -> usize {
    let mut escaped = false;
    for (at, one) in text.char_indices().skip(2) {
        match one {
            '\'' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Makes a view of an expression, which types it and evaluates nothing.
const TYPED: &str = r"
CREATE FUNCTION typed(expr text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  EXECUTE 'CREATE VIEW viewed AS SELECT ' || expr || ' AS x FROM t';
  SELECT format_type(atttypid, NULL) INTO answer FROM pg_attribute
   WHERE attrelid = 'viewed'::regclass AND attname = 'x';
  DROP VIEW viewed;
  RETURN ARRAY[answer, NULL];
EXCEPTION WHEN OTHERS THEN RETURN ARRAY[NULL, SQLSTATE || ' ' || SQLERRM];
END $$;
";
