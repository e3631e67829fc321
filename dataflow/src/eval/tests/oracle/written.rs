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
use super::{BATCH, differences, forms, number, prepared, print, rows, settled, smallest};

#[test]
fn refused_and_typed_as_by_postgres() {
    let all = Written::random("written", 7_000_003, |generator| {
        let sql = print::sql(&generator.any());
        loosened(generator, &sql)
    });
    let Some((all, count)) = all else { return };
    assert!(all.neither * 20 > count, "only {} of them had a mistake", all.neither);
    assert!(all.alone() * 20 < count, "{} are not supported that Postgres has", all.alone());
}

#[test]
fn forms_are_read_as_by_postgres() {
    let Some((all, count)) = Written::random("forms", 5_000_011, forms::any) else { return };
    assert!(all.both * 2 > count, "only {} of them are expressions", all.both);
    assert!(all.alone() * 10 < count, "{} are not supported that Postgres has", all.alone());
}

/// What differed once, and what is easily got wrong: one expression a line.
#[test]
fn what_is_known_to_be_hard() {
    let Some(server) = typing("corpus") else { return };
    let corpus: Vec<String> = include_str!("corpus.txt").lines().map(str::to_owned).collect();
    let mut all = Written::default();
    all.ask(&server, &corpus, &rows(&server));
    all.assert("the corpus");
    assert_eq!(all.unsupported, BTreeMap::new());
}

/// What became of expressions that were written.
#[derive(Default)]
struct Written {
    wrong: Vec<String>,
    /// How many are alike, and how many neither side takes.
    both: usize,
    neither: usize,
    /// How many of each kind Postgres takes and we do not.
    unsupported: BTreeMap<String, usize>,
    /// Values that Postgres has and we do not.
    refused: usize,
}

impl Written {
    /// As many as are asked for, from the seed that is; and how many that were.
    fn random(
        name: &str,
        step: u64,
        mut write: impl FnMut(&mut Generator) -> String,
    ) -> Option<(Written, usize)> {
        let server = typing(name)?;
        let rows = rows(&server);
        let seed = number("FLUSSO_EVAL_SEED", 1);
        let batches = number("FLUSSO_EVAL_BATCHES", 4);
        let mut all = Written::default();
        for batch in 0..batches {
            let mut generator = Generator::new(seed.wrapping_mul(step).wrapping_add(batch));
            let written: Vec<String> = (0..BATCH).map(|_| write(&mut generator)).collect();
            all.ask(&server, &written, &rows);
        }
        all.assert(&format!("seed {seed}"));
        Some((all, batches as usize * BATCH))
    }

    /// Of how many Postgres has what we have not.
    fn alone(&self) -> usize {
        self.unsupported.values().sum()
    }

    fn ask(&mut self, server: &Server, written: &[String], rows: &[Vec<Option<String>>]) {
        let (mut sqls, mut exprs) = (Vec::new(), Vec::new());
        for (sql, theirs) in written.iter().zip(types(server, written)) {
            match (typed(sql), theirs) {
                (Ok((expr, ty)), Ok(theirs)) if shown(&ty) == theirs => {
                    self.both += 1;
                    sqls.push(sql.clone());
                    exprs.push(expr);
                }
                (Ok((_, ty)), Ok(theirs) | Err(theirs)) => {
                    self.wrong.push(format!("{sql}\n  ours   {ty}\n  theirs {theirs}"));
                }
                (Err(_), Err(_)) => self.neither += 1,
                (Err(why), Ok(_)) => *self.unsupported.entry(why).or_default() += 1,
            }
        }
        for one in differences(server, &sqls, &exprs, rows, &mut self.refused) {
            let (position, row, ours, theirs) = one;
            let part = (exprs[position].clone(), row, ours, theirs);
            self.wrong.push(format!("{}\n  in {}", smallest(server, &part, rows), sqls[position]));
        }
    }

    fn assert(&mut self, of: &str) {
        let Written { both, neither, unsupported, refused, .. } = &*self;
        eprintln!(
            "{of}: {both} taken and {neither} refused by both, {} not supported: {unsupported:#?}; \
             {refused} values refused",
            self.alone()
        );
        self.wrong.sort_by_key(String::len);
        let wrong = &self.wrong;
        assert!(wrong.is_empty(), "{of}: {} differ\n\n{}", wrong.len(), wrong.join("\n\n"));
    }
}

/// A server that has the table and types expressions.
fn typing(name: &str) -> Option<Server> {
    let server = prepared(name)?;
    server.psql(&settled(TYPED));
    Some(server)
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
