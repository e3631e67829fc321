//! `flusso init`: a schema file after a table of a live database.
//!
//! Nothing that is there is written over without `--force`; an entry for the index is put at the
//! end of a `flusso.toml` that has none, whose every other byte stays.

use std::path::{Path, PathBuf};

use flusso_compiler::diagnostics::Sources;
use flusso_compiler::draft::{self, Draft};
use flusso_compiler::files::config::Source;
use flusso_compiler::files::{self, Head};
use flusso_runtime::postgres::{Connection, survey::survey};

use crate::args::Init;
use crate::database;
use crate::deployment::findings;
use crate::failure::{Failure, because};
use crate::output::{Ink, Paint, print};

/// Looks, writes, and says what was written and what comes next.
pub async fn init(args: Init) -> Result<(), Failure> {
    let deployment = read(&args.config)?;
    let client = database::client(&connection(&args, deployment.as_ref())?).await?;
    let survey = survey(&client).await.map_err(because)?;
    let table = match &args.table {
        Some(asked) => survey.find(asked).map_err(because)?,
        None => survey.central().map_err(because)?,
    };
    let draft = draft::draft(&survey, &table).map_err(because)?;
    let entry = deployment
        .as_ref()
        .and_then(|(_, head)| head.indexes.iter().find(|(name, _)| *name == draft.index));
    let schema =
        entry.map_or_else(|| format!("{}.schema.yml", draft.index), |(_, path)| path.clone());
    let path = args.config.parent().unwrap_or(Path::new("")).join(&schema);
    if !args.force && path.exists() {
        let path = path.display();
        return Err(because(format!("{path} is there already; write over it with --force")));
    }
    write(&path, &draft.text)?;
    let listed = match (&deployment, entry) {
        (_, Some(_)) => Listed::Already,
        (Some((text, _)), None) => add(&args.config, text, &draft.index, &schema)?,
        (None, None) => {
            let text = draft::config(&connection_url(&args), &draft.index, &schema);
            write(&args.config, &text)?;
            Listed::Written
        }
    };
    let others = survey.catalog.names.iter().filter(|name| **name != table);
    let others: Vec<String> = match args.table {
        Some(_) => Vec::new(),
        None => others.map(draft::written_table).collect(),
    };
    print(&said(&args, &draft, &draft::written_table(&table), &path, &listed, &others))
}

/// The config and what it says; none when there is no such file.
fn read(path: &Path) -> Result<Option<(String, Head)>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(because(format!("cannot read {}: {error}", path.display()))),
    };
    match files::read_head(0, &text) {
        Ok(head) => Ok(Some((text, head))),
        Err(found) => {
            let sources = Sources { files: vec![(path.to_owned(), text)] };
            Err(findings(&sources, &found))
        }
    }
}

fn connection(args: &Init, deployment: Option<&(String, Head)>) -> Result<Connection, Failure> {
    match (&args.database, deployment) {
        (Some(url), _) => database::at(url),
        (None, Some((_, head))) => database::source(&head.source),
        (None, None) => database::source(&Source { connection: None, manage_publication: true }),
    }
}

/// What a new config says of the connection. A password is never written down.
fn connection_url(args: &Init) -> String {
    match &args.database {
        Some(url) if !has_password(url) => draft::toml_text(url),
        _ => "{ env = \"DATABASE_URL\" }".to_owned(),
    }
}

fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || url.contains("password=")
}

/// Whether the config names the index now.
enum Listed {
    /// It did before.
    Already,
    /// It was written with it.
    Written,
    /// An entry was added.
    Added,
    /// It is written in a way that nothing can be put at its end: these lines are missing.
    Missing(String),
}

/// Adds an entry if the file then says what it said and this.
fn add(config: &Path, text: &str, index: &str, schema: &str) -> Result<Listed, Failure> {
    let entry = draft::entry(index, schema);
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    let more = format!("{text}{end}{entry}");
    if files::read_head(0, &more).is_err() {
        return Ok(Listed::Missing(entry));
    }
    write(config, &more)?;
    Ok(Listed::Added)
}

/// Writes a file, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let beside = PathBuf::from(format!("{}.new", path.display()));
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| because(format!("cannot write {}: {error}", path.display())))
}

/// What was done, and what to do next.
fn said(
    args: &Init,
    draft: &Draft,
    table: &str,
    path: &Path,
    listed: &Listed,
    others: &[String],
) -> String {
    let tick = Paint::stdout().ink(Ink::Green, "✓");
    let (path, config) = (path.display(), args.config.display());
    let Draft { index, fields, relations, .. } = draft;
    let mut page = format!("{tick} {path}   table {table}: {fields} fields");
    page.push_str(&match relations {
        0 => "\n".to_owned(),
        1 => ", 1 relation to switch on\n".to_owned(),
        some => format!(", {some} relations to switch on\n"),
    });
    match listed {
        Listed::Already => {}
        Listed::Written => {
            page.push_str(&format!("{tick} {config}   source, sink, index {index}\n"))
        }
        Listed::Added => page.push_str(&format!("{tick} {config}   index {index} added\n")),
        Listed::Missing(entry) => {
            page.push_str(&format!("! {config} lacks the index; add to it:\n{entry}"));
        }
    }
    if matches!(listed, Listed::Written) && args.database.as_deref().is_some_and(has_password) {
        page.push_str("! the URL has a password and was not written down: set DATABASE_URL\n");
    }
    if !others.is_empty() {
        let (shown, rest) = others.split_at(others.len().min(8));
        let more =
            if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
        page.push_str(&format!(
            "\nOther tables for `flusso init TABLE`: {}{more}\n",
            shown.join(", ")
        ));
    }
    page.push_str(&format!("\nNext: flusso preview {index} --watch, flusso check, flusso run\n"));
    page
}

#[cfg(test)]
mod tests {
    use super::has_password;

    #[test]
    fn a_password_is_seen_wherever_it_stands() {
        for url in ["postgres://me:x@h/d", "postgres://me:@h/d", "postgres://h/d?password=x"] {
            assert!(has_password(url), "{url}");
        }
        for url in ["postgres://me@h:5432/d", "postgres://h:5432/a:b@c"] {
            assert!(!has_password(url), "{url}");
        }
    }
}
