//! What may be called what.
//!
//! Names of tables, columns, sinks and indexes are folded to lower case, as Postgres folds a name
//! that is not quoted. Field names keep their case, for they are keys of a document.

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

/// The name of a column, a sink or an index.
pub fn folded(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
    let name = text_of(node, what, found)?.trim().to_lowercase();
    check(node, &name, what, found).then(|| At::new(name, node.place))
}

/// The name of a field.
pub fn field(node: &Node, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
    let name = text_of(node, "a field", found)?.trim().to_string();
    check(node, &name, "a field", found).then(|| At::new(name, node.place))
}

/// `table` or `schema.table`; `home` is where the former is looked up.
pub fn table(node: &Node, home: &str, found: &mut Vec<Diagnostic>) -> Option<At<TableName>> {
    let text = text_of(node, "a table", found)?.trim().to_lowercase();
    let (schema, name) = text.split_once('.').unwrap_or((home, &text));
    let known = check(node, name, "a table", found);
    let whole = known && check(node, schema, "a database schema", found);
    whole.then(|| At::new(TableName { schema: schema.into(), name: name.into() }, node.place))
}
