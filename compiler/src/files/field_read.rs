//! Reading one field: its type key says what it is, its siblings say the rest.
//!
//! Here are the fields of one row; those over rows of other tables are in `relation_read`.

use std::collections::BTreeMap;

use super::literal::{literal, text_map};
use super::names;
use super::node::{Entry, Node, Value};
use super::read::{Keys, boolean, choice, each, items, list, text, wrong};
use super::relation_read::{aggregate, join};
use super::schema::{Column, Field, FieldType, Kind, Literal, Origin, Transform};
use super::sql_read::origin;
use crate::diagnostics::{At, Diagnostic, nearest};
use crate::expr::OnFailure;

/// The type keys of a field that is one column, and their types.
const SCALARS: [(&str, FieldType); 17] = [
    ("text", FieldType::Text),
    ("identifier", FieldType::Identifier),
    ("keyword", FieldType::Keyword),
    ("enum", FieldType::Enum),
    ("uuid", FieldType::Uuid),
    ("boolean", FieldType::Boolean),
    ("short", FieldType::Short),
    ("integer", FieldType::Integer),
    ("long", FieldType::Long),
    ("float", FieldType::Float),
    ("double", FieldType::Double),
    ("decimal", FieldType::Decimal),
    ("date", FieldType::Date),
    ("timestamp", FieldType::Timestamp),
    ("binary", FieldType::Binary),
    ("json", FieldType::Json),
    ("geo", FieldType::GeoPoint),
];

/// The other type keys.
const OTHERS: [&str; 19] = [
    "custom",
    "map",
    "object",
    "constant",
    "belongs_to",
    "has_one",
    "has_many",
    "many_to_many",
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "ids",
    "count_distinct",
    "bool_and",
    "bool_or",
    "string_agg",
    "array_agg",
];

/// Keys that stand beside a type key, so none of them was meant as one.
const SIBLINGS: [&str; 29] = [
    "join",
    "select",
    "on_error",
    "separator",
    "sql",
    "where",
    "required",
    "column",
    "options",
    "transforms",
    "default",
    "variants",
    "postgres",
    "opensearch",
    "lat",
    "lon",
    "fields",
    "values",
    "table",
    "primary_key",
    "foreign_key",
    "through",
    "filters",
    "order_by",
    "limit",
    "value_type",
    "element_type",
    "value",
    "field",
];

/// Every type key.
fn tags() -> impl Iterator<Item = &'static str> {
    SCALARS.iter().map(|(tag, _)| *tag).chain(OTHERS)
}

/// The types that `value_type` and `element_type` can name.
pub fn value_type(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<FieldType> {
    // All but `geo`.
    choice(node, what, &SCALARS[..16], found)
}

/// A list of fields; `home` is where their tables are looked up.
pub fn fields(node: &Node, home: &str, found: &mut Vec<Diagnostic>) -> Option<Vec<Field>> {
    let items = items(node, "`fields`", found)?;
    each(items, |item| field(item, home, found))
}

/// The `fields` of an object or a join, where null is an empty list.
pub fn inner_fields(
    keys: &mut Keys<'_>,
    home: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<Vec<Field>> {
    match keys.entry("fields") {
        Some(entry) if entry.node.is_null() => Some(Vec::new()),
        Some(entry) => fields(&entry.node, home, found),
        None => {
            found.push(keys.missing("fields"));
            None
        }
    }
}

fn field(node: &Node, home: &str, found: &mut Vec<Diagnostic>) -> Option<Field> {
    let mut keys = Keys::of(node, "a field", found)?;
    let (tag, entry) = tag(node, &mut keys, found)?;
    keys.describe(format!("`{tag}`"), entry.key_place);
    let name = names::field(&entry.node, found);
    let options = if tag == "constant" { None } else { keys.take("options") };
    let mut options = match options {
        Some(node) => text_map(node, found),
        None => Some(BTreeMap::new()),
    };
    let simple = SCALARS.iter().find(|(word, _)| *word == tag).map(|(_, ty)| ty.clone());
    let kind = match (simple, tag) {
        (Some(FieldType::GeoPoint), _) => geo(&mut keys, &entry.node, found),
        (Some(ty), _) => {
            if let (FieldType::Identifier, Some(options)) = (&ty, &mut options) {
                let code = || Literal::String("flusso_code".into());
                options.entry("analyzer".into()).or_insert_with(code);
            }
            scalar(&mut keys, &entry.node, ty, found)
        }
        (None, "map") => {
            if let Some(options) = &mut options {
                options.entry("dynamic".into()).or_insert(Literal::Bool(true));
            }
            map_field(&mut keys, &entry.node, found)
        }
        (None, "custom") => custom(&mut keys, &entry.node, found),
        (None, "object") => inner_fields(&mut keys, home, found).map(Kind::Object),
        (None, "constant") => constant(&mut keys, found),
        (None, "belongs_to" | "has_one" | "has_many" | "many_to_many") => {
            join(&mut keys, tag, &entry.node, home, found)
        }
        (None, _) => aggregate(&mut keys, tag, home, found).map(Kind::Aggregate),
    };
    keys.finish(found);
    Some(Field { name: name?, options: options?, kind: kind? })
}

/// The one type key among the keys of a field.
fn tag<'a>(
    node: &'a Node,
    keys: &mut Keys<'a>,
    found: &mut Vec<Diagnostic>,
) -> Option<(&'static str, &'a Entry)> {
    let Value::Map(entries) = &node.value else { return None };
    let mut present = entries
        .iter()
        .filter_map(|entry| tags().find(|tag| *tag == entry.key).map(|tag| (tag, entry)));
    let Some((tag, entry)) = present.next() else {
        found.push(no_tag(entries, keys));
        return None;
    };
    if let Some((second, again)) = present.next() {
        let message = format!("a field has one type, and this has `{tag}` and `{second}`");
        found.push(Diagnostic::error(again.key_place, message).help("keep one of them"));
        return None;
    }
    keys.entry(tag);
    Some((tag, entry))
}

/// A field that does not say what it is: most often a misspelt type.
fn no_tag(entries: &[Entry], keys: &Keys<'_>) -> Diagnostic {
    let stranger = entries.iter().find(|entry| !SIBLINGS.contains(&&*entry.key));
    match stranger {
        Some(entry) => {
            let message = format!("`{}` is not a type of field", entry.key);
            let error = Diagnostic::error(entry.key_place, message);
            match nearest(&entry.key, tags()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("one of {}", list(&tags().collect::<Vec<_>>()))),
            }
        }
        None => {
            let error = Diagnostic::error(keys.place(), "this field does not say its type");
            error.help("begin it with its type and name, as in `keyword: email`")
        }
    }
}

/// `required` as nullability; absent is not required.
pub fn nullable(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<bool> {
    match keys.take("required") {
        Some(node) => boolean(node, "`required`", found).map(|required| !required),
        None => Some(true),
    }
}

/// `column`, by default the field's name in lower case. A name that is none was reported.
fn column_name(
    keys: &mut Keys<'_>,
    name: &Node,
    found: &mut Vec<Diagnostic>,
) -> Option<At<String>> {
    match keys.take("column") {
        Some(node) => names::database(node, "a column", found),
        None => names::database(name, "a column", &mut Vec::new()),
    }
}

/// `column` or `sql`.
fn from(keys: &mut Keys<'_>, name: &Node, found: &mut Vec<Diagnostic>) -> Option<Origin> {
    let sql = origin(keys, found);
    match sql? {
        None => column_name(keys, name, found).map(Origin::Column),
        Some(sql) => {
            if let Some(column) = keys.take("column") {
                let message = "a field takes `column` or `sql`, not both";
                found.push(Diagnostic::error(column.place, message).help("keep one of them"));
                return None;
            }
            Some(sql)
        }
    }
}

/// `on_error`: what becomes of a value that cannot be computed.
fn on_error(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<OnFailure> {
    let words = [("null", OnFailure::Null), ("skip", OnFailure::Skip)];
    match keys.take("on_error") {
        Some(node) => choice(node, "`on_error`", &words, found),
        None => Some(OnFailure::Null),
    }
}

/// A column of a type with what all such fields share.
fn plain(
    keys: &mut Keys<'_>,
    name: &Node,
    ty: Option<FieldType>,
    found: &mut Vec<Diagnostic>,
) -> Option<Column> {
    let from = from(keys, name, found);
    let nullable = nullable(keys, found);
    let on_error = on_error(keys, found);
    let (transforms, default, variants) = (Vec::new(), None, Vec::new());
    let (from, nullable, on_error) = (from?, nullable?, on_error?);
    Some(Column { from, ty: ty?, nullable, transforms, default, variants, on_error })
}

/// A scalar or an enum.
fn scalar(
    keys: &mut Keys<'_>,
    name: &Node,
    ty: FieldType,
    found: &mut Vec<Diagnostic>,
) -> Option<Kind> {
    // The reference passes over a stray `field`, and so do we.
    keys.ignore("field");
    let variants = match ty {
        FieldType::Enum => variants(keys, found),
        _ => Some(Vec::new()),
    };
    let transforms = transforms(keys, found);
    let default = default(keys, found);
    let column = plain(keys, name, Some(ty), found)?;
    Some(Kind::Column(Column {
        transforms: transforms?,
        default: default?,
        variants: variants?,
        ..column
    }))
}

/// `custom`: accepted Postgres types and a verbatim OpenSearch type.
fn custom(keys: &mut Keys<'_>, name: &Node, found: &mut Vec<Diagnostic>) -> Option<Kind> {
    let postgres = keys.need("postgres", found).and_then(|node| {
        let items = items(node, "`postgres`", found)?;
        each(items, |item| Some(text(item, "a Postgres type", found)?.value))
    });
    let opensearch = keys.need("opensearch", found);
    let opensearch = opensearch.and_then(|node| text(node, "`opensearch`", found));
    let default = default(keys, found);
    let ty = postgres
        .zip(opensearch)
        .map(|(postgres, opensearch)| FieldType::Custom { postgres, opensearch: opensearch.value });
    let column = plain(keys, name, ty, found)?;
    Some(Kind::Column(Column { default: default?, ..column }))
}

/// `map`: a JSON object whose values are all of one type.
fn map_field(keys: &mut Keys<'_>, name: &Node, found: &mut Vec<Diagnostic>) -> Option<Kind> {
    let values: Vec<(&str, FieldType)> = SCALARS[..16]
        .iter()
        .filter(|(_, ty)| !matches!(ty, FieldType::Boolean | FieldType::Binary | FieldType::Json))
        .cloned()
        .collect();
    let ty = keys.need("values", found).and_then(|node| choice(node, "`values`", &values, found));
    let ty = ty.map(|ty| FieldType::Map(Box::new(ty)));
    plain(keys, name, ty, found).map(Kind::Column)
}

/// `geo`: a pair of columns, or one.
fn geo(keys: &mut Keys<'_>, name: &Node, found: &mut Vec<Diagnostic>) -> Option<Kind> {
    let (lat, lon) = (keys.take("lat"), keys.take("lon"));
    let (lat, lon) = match (lat, lon) {
        (Some(lat), Some(lon)) => (lat, lon),
        (None, None) => {
            return plain(keys, name, Some(FieldType::GeoPoint), found).map(Kind::Column);
        }
        (Some(half), None) | (None, Some(half)) => {
            let missing = if lat.is_some() { "lon" } else { "lat" };
            let error = Diagnostic::error(half.place, format!("`geo` needs `{missing}` too"));
            found.push(error.help("a point is `lat` and `lon`, or one `column`"));
            keys.take("column");
            nullable(keys, found);
            return None;
        }
    };
    if let Some(column) = keys.take("column") {
        let message = "`geo` takes `column`, or `lat` and `lon`, not both";
        found.push(Diagnostic::error(column.place, message));
    }
    let lat = names::database(lat, "a column", found);
    let lon = names::database(lon, "a column", found);
    let nullable = nullable(keys, found);
    Some(Kind::Geo { lat: lat?, lon: lon?, nullable: nullable? })
}

/// `constant`: any value, null included, but it must be written.
fn constant(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Kind> {
    match keys.entry("value") {
        Some(entry) => literal(&entry.node, found).map(Kind::Constant),
        None => {
            found.push(keys.missing("value"));
            None
        }
    }
}

/// `transforms`.
fn transforms(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Vec<Transform>> {
    let Some(node) = keys.take("transforms") else {
        return Some(Vec::new());
    };
    let words = [("lowercase", Transform::Lowercase), ("trim", Transform::Trim)];
    let items = items(node, "`transforms`", found)?;
    each(items, |item| choice(item, "a transform", &words, found))
}

/// `default`: a single value. The outer option is none after a mistake.
fn default(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Option<At<Literal>>> {
    let Some(node) = keys.take("default") else {
        return Some(None);
    };
    if !matches!(node.value, Value::Scalar(_)) {
        found.push(wrong(node, "`default`", "a text, a number or a truth value"));
        return None;
    }
    literal(node, found).map(|value| Some(At::new(value, node.place)))
}

/// `variants`: each once, and none that the sort key's rules could not say.
fn variants(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Vec<String>> {
    let Some(node) = keys.take("variants") else {
        return Some(Vec::new());
    };
    let items = items(node, "`variants`", found)?;
    let mut seen: Vec<String> = Vec::new();
    each(items, |item| {
        let variant = text(item, "a variant", found)?.value;
        let reason = if variant.trim().is_empty() {
            Some("a variant cannot be blank".to_string())
        } else if variant.contains("=>") || variant.contains('\n') {
            Some("a variant cannot hold `=>` or a line break".to_string())
        } else if seen.contains(&variant) {
            Some(format!("the variant `{variant}` stands here twice"))
        } else {
            None
        };
        if let Some(reason) = reason {
            found.push(Diagnostic::error(item.place, reason));
            return None;
        }
        seen.push(variant.clone());
        Some(variant)
    })
}
