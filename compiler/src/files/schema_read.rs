//! Reading a schema file: its top level. Fields are read in `field_read`.

use super::field_read::fields;
use super::filter_read::{filters, soft_delete};
use super::names;
use super::node::{Node, ScalarKind, Value};
use super::read::{Keys, wrong};
use super::relation_read::columns;
use super::schema::Schema;
use super::sql_read::condition;
use crate::diagnostics::Diagnostic;

/// The schema in a tree; none when `found` got an error.
pub fn schema(root: &Node, found: &mut Vec<Diagnostic>) -> Option<Schema> {
    let mut keys = Keys::of(root, "a schema", found)?;
    let version = match keys.take("version") {
        Some(node) => version(node, found),
        None => Some(1),
    };
    let home = match keys.take("schema") {
        Some(node) => names::database(node, "a database schema", found).map(|name| name.value),
        None => Some("public".to_string()),
    };
    // After a mistake in `schema` the rest is read as if it were the default.
    let db_schema = home.clone().unwrap_or_else(|| "public".into());
    let table = keys.need("table", found);
    let table = table.and_then(|node| names::table(node, &db_schema, found));
    let primary_key = match keys.take("primary_key") {
        Some(node) => columns(node, found).map(Some),
        None => Some(None),
    };
    if let Some(node) = keys.take("doc_id") {
        let error = Diagnostic::error(node.place, "`doc_id` cannot be set");
        found.push(error.help("the id of a document is its row's primary key"));
    }
    let soft_delete = match keys.take("soft_delete") {
        Some(node) => soft_delete(node, found).map(Some),
        None => Some(None),
    };
    let filters = filters(&mut keys, "filters", found);
    let condition = condition(&mut keys, found);
    let list = keys.need("fields", found);
    let fields = list.and_then(|node| fields(node, &db_schema, found));
    keys.finish(found);
    Some(Schema {
        version: version?,
        table: table?,
        db_schema: home?,
        primary_key: primary_key?,
        soft_delete: soft_delete?,
        filters: filters?,
        condition: condition?,
        fields: fields?,
        place: root.place,
    })
}

/// Only 1, and as a number.
fn version(node: &Node, found: &mut Vec<Diagnostic>) -> Option<u8> {
    let one = matches!(&node.value, Value::Scalar(scalar) if scalar.kind == ScalarKind::Int(1));
    if !one {
        found.push(wrong(node, "`version`", "the number 1").help("write `version: 1`"));
    }
    one.then_some(1)
}
