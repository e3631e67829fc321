//! The text of the file: names and values as YAML takes them, blocks as comments.

use crate::catalog::{Column, Table, TableName};
use crate::files::names::written;
use crate::types::SqlType;

/// The lines of one field, its own indentation included and that of the list left out.
pub type Block = Vec<String>;

/// Columns of a line at which a list is no longer written in one.
const WIDTH: usize = 96;

/// A column's name as a schema file takes it.
pub fn written_name(name: &str) -> String {
    written(name)
}

/// A table's name as a schema file takes it.
pub fn written_table(name: &TableName) -> String {
    match name.schema.as_str() {
        "public" => written(&name.name),
        schema => format!("{}.{}", written(schema), written(&name.name)),
    }
}

/// One column, or a list of them.
pub fn columns(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| scalar(&written(name))).collect();
    match names.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// `key: [a, b]`, or an item a line when that is too long.
pub fn flow(key: &str, items: &[String]) -> Block {
    let items: Vec<String> = items.iter().map(|item| scalar(item)).collect();
    let line = format!("{key}: [{}]", items.join(", "));
    if line.chars().count() <= WIDTH {
        return vec![line];
    }
    let blank: String = key.chars().take_while(|letter| *letter == ' ').collect();
    let items = items.into_iter().map(|item| format!("{blank}  - {item}"));
    std::iter::once(format!("{key}:")).chain(items).collect()
}

/// A text as a YAML value that every reader takes for a text.
pub fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
    let begins = text.bytes().next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_');
    if begins && text.bytes().all(plain) && !WORDS.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        // What JSON escapes, YAML reads back.
        return serde_json::Value::from(text).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether rows are hidden by the column instead of being deleted, as far as its name tells.
fn marks_deleted(column: &Column) -> bool {
    let names = ["deleted_at", "deleted", "is_deleted", "deletedat", "removed_at"];
    let ty = matches!(column.ty, SqlType::Bool | SqlType::Timestamp | SqlType::TimestampTz);
    ty && names.contains(&column.name.to_lowercase().as_str())
}

/// The whole file.
pub fn file(
    table_name: &str,
    table: &Table,
    fields: &[Result<Block, String>],
    relations: &[Result<Block, String>],
) -> String {
    let mut page = format!("# A document for each row of {table_name}.\n");
    page.push_str(&format!("table: {}\n", scalar(table_name)));
    page.push_str(&format!("primary_key: {}\n", columns(&table.primary_key)));
    if let Some(marker) = table.columns.iter().find(|column| marks_deleted(column)) {
        // One line, so that it is switched on by taking away its beginning.
        let column = scalar(&written(&marker.name));
        page.push_str(&format!("# soft_delete: {{ column: {column} }}\n"));
    }
    page.push_str("fields:\n");
    for field in fields {
        match field {
            Ok(lines) => lines.iter().for_each(|line| page.push_str(&format!("  {line}\n"))),
            Err(why) => page.push_str(&format!("  # {why}\n")),
        }
    }
    if relations.iter().any(Result::is_ok) {
        page.push_str(
            "\n  # What hangs on it: take away the `# ` before what documents should show.\n",
        );
    }
    for relation in relations {
        page.push('\n');
        match relation {
            Ok(lines) => lines.iter().for_each(|line| page.push_str(&format!("  # {line}\n"))),
            Err(why) => page.push_str(&format!("  # {why}\n")),
        }
    }
    page
}
