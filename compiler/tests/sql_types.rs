//! The types of expressions against a real Postgres: what it types we type alike or refuse by
//! name, and what it refuses we refuse.
#![allow(clippy::unwrap_used)]

mod postgres;

use flusso_compiler::diagnostics::{Place, Sources};
use flusso_compiler::sql::functions::families;
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

/// What each expression is in Postgres; `error` where it is refused.
fn theirs(server: &Server, lines: &[String]) -> Vec<String> {
    let some = |lines: &[String]| -> Vec<String> {
        let ask = |line: &String| format!("SELECT ask($flusso${line}$flusso$);\n");
        let answers = server.psql(&lines.iter().map(ask).collect::<String>());
        let answers: Vec<String> = answers.lines().map(str::to_owned).collect();
        assert_eq!(answers.len(), lines.len());
        answers
    };
    lines.chunks(5000).flat_map(some).collect()
}

/// How we call what Postgres calls so.
fn shown(theirs: &str) -> &str {
    match theirs {
        "timestamp without time zone[]" => "timestamp[]",
        "time without time zone[]" => "time[]",
        "character varying" | "name" => "text",
        "timestamp without time zone" => "timestamp",
        "time without time zone" => "time",
        "mood" => "an enum",
        theirs => theirs,
    }
}

/// What we take otherwise than Postgres, and what we refuse, with Postgres' answer.
fn compared(server: &Server, lines: &[String]) -> (Vec<String>, String) {
    let catalog = server.catalog();
    let t = flusso_compiler::catalog::TableName { schema: "public".into(), name: "t".into() };
    let scopes = [Scope { relations: vec![Named::table("t", &t, Some(&catalog))] }];
    let ground = Ground { catalog: Some(&catalog), home: "public", scopes: &scopes };
    let (mut wrong, mut refused) = (Vec::new(), String::new());
    for (line, theirs) in lines.iter().zip(theirs(server, lines)) {
        match (ours(line, ground), theirs.as_str()) {
            (Ok(ty), "error") => wrong.push(format!("{line}: {ty}, and Postgres refuses it")),
            (Ok(ty), theirs) if ty != shown(theirs) => {
                wrong.push(format!("{line}: {ty}, and Postgres says {theirs}"));
            }
            (Ok(_), _) => {}
            (Err(why), theirs) => refused += &format!("{line}\n    {theirs}: {why}\n"),
        }
    }
    (wrong, refused)
}

fn server(name: &str) -> Option<Server> {
    let server = Server::start(name)?;
    server.psql(include_str!("sql/types.sql"));
    server.psql(ASK);
    Some(server)
}

#[test]
fn types_are_those_of_postgres() {
    let Some(server) = server("sql-types") else { return };
    let types = include_str!("sql/types.txt").lines();
    let corners = include_str!("sql/corners.txt").lines();
    let lines: Vec<String> = types.chain(corners).map(str::to_owned).collect();
    let (wrong, refused) = compared(&server, &lines);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!("sql_refused", refused);
}

#[test]
fn every_name_means_what_it_does_in_postgres() {
    let Some(server) = server("sql-names") else { return };
    let mut names: Vec<&str> =
        families().iter().flat_map(|(_, rows)| *rows).flat_map(|row| row.names).copied().collect();
    names.sort_unstable();
    names.dedup();
    // An untyped text that is a value of most types, and one column of each.
    let values = [
        "'1'", "NULL", "i2", "i4", "i8", "n", "f4", "f8", "s", "b", "d", "tm", "ts", "tstz", "tz",
        "iv", "j", "jb",
    ];
    let mut lines = Vec::new();
    for name in names.into_iter().filter(|name| !name.starts_with('[')) {
        let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
        for one in values {
            lines.push(if is_operator {
                format!("{name} {one}")
            } else {
                format!("{name}({one})")
            });
            for two in values {
                lines.push(match is_operator {
                    true => format!("{one} {name} {two}"),
                    false => format!("{name}({one}, {two})"),
                });
            }
        }
    }
    let (wrong, _) = compared(&server, &lines);
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), lines.len(), wrong.join("\n"));
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
