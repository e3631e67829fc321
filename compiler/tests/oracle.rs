//! The printed query against a real Postgres: it must give the documents of record.

// What fails here fails a test.
#![allow(clippy::unwrap_used)]

mod postgres;
mod shop;

use std::collections::BTreeMap;
use std::path::Path;

use flusso_compiler::files::schema::{AggregateOp, Field, FieldType, Kind, Link, Schema};
use flusso_compiler::files::{load, read_schema};
use flusso_compiler::plan::oracle::sql;
use serde_json::Value as Json;

use postgres::Server;

/// Documents by input, index and id.
type Documents = BTreeMap<String, BTreeMap<String, BTreeMap<String, Json>>>;

#[test]
fn documents_of_record() {
    let Some(server) = Server::start("oracle-record") else { return };
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat");
    server.psql(&std::fs::read_to_string(home.join("db.sql")).unwrap());
    let catalog = server.catalog();
    let record = std::fs::read_to_string(home.join("documents.json")).unwrap();
    let record: Documents = serde_json::from_str(&record).unwrap();
    let mut wrong = Vec::new();
    for (input, indexes) in &record {
        let (_, config) = load(&home.join("inputs").join(input).join("flusso.toml"));
        let config = config.unwrap();
        for entry in config.indexes.iter().filter(|entry| entry.enabled) {
            let query = sql(&entry.schema, Some(&catalog)).unwrap();
            let ours: BTreeMap<_, _> = server.documents(&query).into_iter().collect();
            let theirs = &indexes[&entry.name.value];
            let ids = (ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
            assert_eq!(ids.0, ids.1, "{input} {}", entry.name.value);
            for (id, theirs) in theirs {
                let at = format!("{input} {} {id}", entry.name.value);
                differences(&at, &entry.schema.fields, &ours[id], theirs, &mut wrong);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_type_and_its_extremes() {
    let Some(server) = Server::start("oracle-values") else { return };
    server.psql(include_str!("oracle/values.sql"));
    let query =
        sql(&schema(include_str!("oracle/values.schema.yml")), Some(&server.catalog())).unwrap();
    let documents = server.documents(&query);
    assert_eq!(documents[0].0, "a   ");
    insta::assert_snapshot!("values", shown(&documents));
    insta::assert_snapshot!("values_sql", query);
}

#[test]
fn keys_orders_and_groups() {
    let Some(server) = Server::start("oracle-rooms") else { return };
    server.psql(include_str!("oracle/rooms.sql"));
    let query =
        sql(&schema(include_str!("oracle/rooms.schema.yml")), Some(&server.catalog())).unwrap();
    insta::assert_snapshot!("rooms", shown(&server.documents(&query)));
}

#[test]
fn printed_from_declarations_alone() {
    insta::assert_snapshot!(
        "rooms_sql",
        sql(&schema(include_str!("oracle/rooms.schema.yml")), None).unwrap()
    );
}

#[test]
fn printed_with_a_catalog() {
    let schema = schema(include_str!("oracle/shop.schema.yml"));
    insta::assert_snapshot!("shop_sql", sql(&schema, Some(&shop::catalog())).unwrap());
}

#[test]
fn what_cannot_be_printed_is_said() {
    let text = "
version: 1
table: users
soft_delete: { field: gone }
fields:
  - keyword: nickname
  - ids: friends
    table: friends
    foreign_key: user_id
    element_type: integer
  - count: pairs
    table: orders
    foreign_key: [user_id, status]
";
    let found = sql(&schema(text), Some(&shop::catalog())).unwrap_err();
    let found = found.iter().map(|found| found.message.as_str()).collect::<Vec<_>>();
    insta::assert_snapshot!(found.join("\n"));
}

fn schema(text: &str) -> Schema {
    read_schema(0, text).unwrap()
}

fn shown(documents: &[(String, Json)]) -> String {
    serde_json::to_string_pretty(documents).unwrap()
}

/// Field by field, so that only arrays without an order are compared as bags.
fn differences(at: &str, fields: &[Field], ours: &Json, theirs: &Json, wrong: &mut Vec<String>) {
    for field in fields {
        let name = field.name.as_str();
        let (ours, theirs) = (&ours[name], &theirs[name]);
        let at = format!("{at} {name}");
        match &field.kind {
            Kind::Object(fields) => differences(&at, fields, ours, theirs, wrong),
            Kind::Join(join) if matches!(join.link, Link::HasMany(_) | Link::ManyToMany(_)) => {
                let (ours, theirs) = (elements(ours), elements(theirs));
                let ordered = join.order_by.is_some();
                let (ours, theirs) =
                    if ordered { (ours, theirs) } else { (bag(ours), bag(theirs)) };
                if ours.len() != theirs.len() {
                    wrong.push(format!("{at}: {ours:?} for {theirs:?}"));
                }
                for (ours, theirs) in ours.iter().zip(&theirs) {
                    differences(&at, &join.fields, ours, theirs, wrong);
                }
            }
            Kind::Join(join) if !ours.is_null() && !theirs.is_null() => {
                differences(&at, &join.fields, ours, theirs, wrong);
            }
            Kind::Aggregate(aggregate) if matches!(aggregate.op, AggregateOp::Ids(_)) => {
                if bag(elements(ours)) != bag(elements(theirs)) {
                    wrong.push(format!("{at}: {ours} for {theirs}"));
                }
            }
            // Constants were all texts or null, and `bytea` was hexadecimal: ours keep their type and
            // are base64, as the test of values shows.
            Kind::Constant(_) if theirs.is_null() || theirs.is_string() => {}
            Kind::Column(column) if column.ty == FieldType::Binary => {
                assert_eq!(ours.is_null(), theirs.is_null(), "{at}");
            }
            Kind::Column(_)
            | Kind::Geo { .. }
            | Kind::Join(_)
            | Kind::Rows(_)
            | Kind::Aggregate(_)
            | Kind::Constant(_) => {
                if by_value(ours) != by_value(theirs) {
                    wrong.push(format!("{at}: {ours} for {theirs}"));
                }
            }
        }
    }
}

fn elements(array: &Json) -> Vec<Json> {
    array.as_array().cloned().unwrap_or_default()
}

fn bag(mut elements: Vec<Json>) -> Vec<Json> {
    elements.iter_mut().for_each(|element| *element = by_value(element));
    elements.sort_by_key(Json::to_string);
    elements
}

/// Numbers as floats, so that `1.50` is `1.5`.
fn by_value(json: &Json) -> Json {
    match json {
        Json::Number(number) => Json::from(number.as_str().parse::<f64>().unwrap()),
        Json::Array(items) => items.iter().map(by_value).collect(),
        Json::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), by_value(value))).collect()
        }
        Json::Null | Json::Bool(_) | Json::String(_) => json.clone(),
    }
}
