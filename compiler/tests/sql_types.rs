//! The types of expressions against a real Postgres: what it types we type alike or refuse by
//! name, and what it refuses we refuse.
#![allow(clippy::unwrap_used)]

mod postgres;

use flusso_compiler::diagnostics::{Place, Sources};
use flusso_compiler::sql::scope::{Named, Scope};
use flusso_compiler::sql::{self, Ground, Sql};

use postgres::Server;

/// Makes a view of an expression, which types it and evaluates nothing.
const ASK: &str = r"
CREATE FUNCTION ask(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  EXECUTE 'CREATE VIEW asked AS SELECT ' || expression || ' AS x FROM t';
  SELECT format_type(atttypid, NULL) INTO answer FROM pg_attribute
   WHERE attrelid = 'asked'::regclass AND attname = 'x';
  DROP VIEW asked;
  RETURN answer;
EXCEPTION WHEN OTHERS THEN RETURN 'error';
END $$;
";

#[test]
fn types_are_those_of_postgres() {
    let Some(server) = Server::start("sql-types") else { return };
    server.psql(include_str!("sql/types.sql"));
    server.psql(ASK);
    let catalog = server.catalog();
    let types = include_str!("sql/types.txt").lines();
    let corpus: Vec<&str> = types.chain(include_str!("sql/corners.txt").lines()).collect();
    let script: String =
        corpus.iter().map(|line| format!("SELECT ask($flusso${line}$flusso$);\n")).collect();
    let answers = server.psql(&script);
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), corpus.len());
    let t = flusso_compiler::catalog::TableName { schema: "public".into(), name: "t".into() };
    let scopes = [Scope { relations: vec![Named::table("t", &t, Some(&catalog))] }];
    let ground = Ground { catalog: Some(&catalog), home: "public", scopes: &scopes };
    let (mut wrong, mut refused) = (Vec::new(), String::new());
    for (line, theirs) in corpus.into_iter().zip(answers) {
        let ours = ours(line, ground);
        match (ours, theirs) {
            (Ok(ty), "error") => wrong.push(format!("{line}: {ty}, and Postgres refuses it")),
            (Ok(ty), theirs) => {
                let theirs = match theirs {
                    "character varying" | "name" => "text",
                    "timestamp without time zone" => "timestamp",
                    "time without time zone" => "time",
                    "mood" => "an enum",
                    theirs => theirs,
                };
                if ty != theirs {
                    wrong.push(format!("{line}: {ty}, and Postgres says {theirs}"));
                }
            }
            (Err(why), theirs) => refused += &format!("{line}\n    {theirs}: {why}\n"),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!("sql_refused", refused);
}

fn ours(line: &str, ground: Ground<'_>) -> Result<String, String> {
    let place = Place { file: 0, start: 0, end: line.len() as u32 };
    let sql = Sql { text: line.into(), place, pieces: vec![(0, 0)] };
    match sql::value(&sql, ground) {
        Ok(phrase) => {
            let column =
                |id: flusso_compiler::plan::ColumnId| phrase.inputs[usize::from(id.0)].ty.clone();
            let inferred = phrase.expr.ty(&column);
            assert_eq!(inferred.to_string(), phrase.ty.to_string(), "{line}");
            Ok(phrase.ty.to_string())
        }
        Err(found) => {
            let sources = Sources { files: vec![("x".into(), line.to_owned())] };
            let text = sources.render_all(&found, false);
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{line}");
            }
            let said: Vec<String> = found
                .iter()
                .map(|one| {
                    let place = one.place.unwrap();
                    let meant = &line[place.start as usize..place.end as usize];
                    let help = one.help.as_ref().map(|help| format!("; {help}"));
                    format!("[{meant}] {}{}", one.message, help.unwrap_or_default())
                })
                .collect();
            Err(said.join(" / "))
        }
    }
}
