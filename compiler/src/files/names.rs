//! What may be called what.
//!
//! Names of tables, columns, sinks and indexes are folded to lower case, as Postgres folds a name
//! that is not quoted. Names of tables and columns may be quoted as in SQL, and are then what stands
//! between the quotes. Field names keep their case, for they are keys of a document.

use super::node::Node;
use super::read::text_of;
use crate::catalog::TableName;
use crate::diagnostics::{At, Diagnostic};

/// The longest name Postgres keeps, in bytes.
const MAX_LENGTH: usize = 63;

/// Whether it is a name as it stands, of letters, digits and underscores.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.len() <= MAX_LENGTH
}

/// Whether a text is a name; reports why not. `what` says of what: "a column".
fn check(node: &Node, text: &str, what: &str, found: &mut Vec<Diagnostic>) -> bool {
    if is_name(text) {
        return true;
    }
    let reason = if text.len() > MAX_LENGTH {
        format!("`{text}` is too long for the name of {what}")
    } else {
        format!("`{text}` cannot be the name of {what}")
    };
    let help = "letters, digits and underscores, not a digit first, at most 63 of them";
    found.push(Diagnostic::error(node.place, reason).help(help));
    false
}

/// The name of a sink or an index.
pub fn folded(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
    let name = text_of(node, what, found)?.trim().to_lowercase();
    check(node, &name, what, found).then(|| At::new(name, node.place))
}

/// The name of a field.
pub fn field(node: &Node, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
    let name = text_of(node, "a field", found)?.trim().to_string();
    check(node, &name, "a field", found).then(|| At::new(name, node.place))
}

/// The name of a column or a database schema.
pub fn database(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
    let text = text_of(node, what, found)?.trim().to_string();
    part(node, &text, what, found).map(|name| At::new(name, node.place))
}

/// `table` or `schema.table`; `home` is where the former is looked up.
pub fn table(node: &Node, home: &str, found: &mut Vec<Diagnostic>) -> Option<At<TableName>> {
    let text = text_of(node, "a table", found)?.trim().to_string();
    let (schema, name) = match dot(&text) {
        Some(at) => (part(node, &text[..at], "a database schema", found), &text[at + 1..]),
        None => (Some(home.to_owned()), text.as_str()),
    };
    let name = part(node, name, "a table", found);
    Some(At::new(TableName { schema: schema?, name: name? }, node.place))
}

/// The first dot outside of quotes.
fn dot(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'.' && !quoted
    })
}

/// A name in the database, folded or quoted.
fn part(node: &Node, text: &str, what: &str, found: &mut Vec<Diagnostic>) -> Option<String> {
    if !text.starts_with('"') {
        let name = text.to_lowercase();
        return check(node, &name, what, found).then_some(name);
    }
    let name = unquoted(text).filter(|name| !name.is_empty() && name.len() <= MAX_LENGTH);
    if name.is_none() {
        let reason = format!("`{text}` cannot be the name of {what}");
        let help = "between the quotes stand 1 to 63 bytes, and `\"\"` for a quote among them";
        found.push(Diagnostic::error(node.place, reason).help(help));
    }
    name
}

/// What stands between double quotes; none when they do not match.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let name = inner.replace("\"\"", "\0");
    let stray = name.contains('"') || inner.contains('\0');
    (!stray).then(|| name.replace('\0', "\""))
}

/// The parts of a name as SQL writes it, a table's with or without its database schema; none when
/// it is not one.
pub fn parts(text: &str) -> Option<Vec<String>> {
    let part = |text: &str| match text.starts_with('"') {
        true => unquoted(text),
        false => Some(text.to_lowercase()),
    };
    match dot(text) {
        Some(at) => Some(vec![part(&text[..at])?, part(&text[at + 1..])?]),
        None => Some(vec![part(text)?]),
    }
}

/// The name as an author writes it: bare when it is a name that folds to itself, else in quotes.
pub fn written(name: &str) -> String {
    match is_name(name) && name.to_lowercase() == name {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_quotes_is_the_name() {
        for name in ["Full Name", "a\"b", "order", "ü", "a.b", "CamelCase", "$1"] {
            let text = written(name);
            assert_eq!(
                text.starts_with('"')
                    .then(|| unquoted(&text))
                    .flatten()
                    .as_deref()
                    .unwrap_or(&text),
                name
            );
        }
        for text in ["\"", "\"a", "\"a\"b\"", "\"a\0\""] {
            assert_eq!(unquoted(text), None, "{text}");
        }
    }

    #[test]
    fn a_dot_in_quotes_parts_nothing() {
        assert_eq!(dot("\"a.b\".c"), Some(5));
        assert_eq!(dot("\"a.b\""), None);
    }
}
