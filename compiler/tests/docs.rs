//! Pages of the manual that are made from the code: a function or a message that changes changes
//! its page. `UPDATE_GOLDEN=1` writes them.
#![allow(clippy::unwrap_used)]

mod golden;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use golden::page;

use flusso_compiler::sql::functions::{Entry, families, signature};

/// A row of the table, as a reader of the manual wants it.
fn row(entry: &Entry) -> String {
    let code = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    let (first, others) = entry.names.split_first().unwrap();
    let mut call = code(&signature(first, entry.args(), entry.rest));
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|name| code(name)).collect();
        write!(call, " (also {})", others.join(", ")).unwrap();
    }
    let null = if entry.strict { "" } else { "; NULL is a value to it" };
    let what = entry.what.replace('|', "\\|");
    format!("| {call} | {} | {what}{null} |\n", entry.gives)
}

#[test]
fn the_page_of_functions_is_current() {
    let mut text = include_str!("docs/functions.md").to_owned();
    for (title, table) in families() {
        write!(text, "\n## {title}\n\n| call | gives | what it computes |\n| --- | --- | --- |\n")
            .unwrap();
        text.extend(table.iter().map(row));
    }
    page("functions.md", &text);
}

#[test]
fn the_page_of_mistakes_is_current() {
    let mut text = include_str!("docs/errors.md").to_owned();
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|kind| kind == "yml"));
    names.sort();
    assert_eq!(names.len(), 20);
    for schema in names {
        let written = std::fs::read_to_string(&schema).unwrap();
        let (title, _) = written.split_once('\n').unwrap();
        let title = title.strip_prefix("# ").unwrap();
        let said = std::fs::read_to_string(schema.with_extension("txt")).unwrap();
        write!(text, "\n## {title}\n\n```text\n{said}```\n").unwrap();
    }
    page("errors.md", &text);
}
