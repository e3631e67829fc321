//! From schema files to plans: what is kept, how changes walk, and what is refused.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::files::load;
use flusso_compiler::plan::{self, Aggregate, Holds, Plan, Value, verbose::verbose};
use flusso_compiler::types::{Class, SqlType};

/// A deployment of these schemas in a folder of its own.
fn deployment(name: &str, schemas: &[&str]) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&home).unwrap();
    let mut config = "[source]\ntype = \"postgres\"\n".to_owned();
    for (at, schema) in schemas.iter().enumerate() {
        let file = format!("i{at}.schema.yml");
        std::fs::write(home.join(&file), schema).unwrap();
        config += &format!("[[index]]\nname = \"i{at}\"\nschema = \"{file}\"\n");
    }
    std::fs::write(home.join("flusso.toml"), config).unwrap();
    home.join("flusso.toml")
}

/// Its plan, or its mistakes as they are printed, with the folder's name left out.
fn build(name: &str, schemas: &[&str], catalog: Option<&Catalog>) -> Result<Plan, String> {
    let (sources, config) = load(&deployment(name, schemas));
    let config = config.map_err(|errors| sources.render_all(&errors, false)).unwrap();
    plan::build(&config, catalog).map_err(|errors| {
        let message = |error: &flusso_compiler::diagnostics::Diagnostic| {
            assert!(error.place.is_some(), "{} has no place", error.message);
            error.message.clone()
        };
        errors.iter().map(message).collect::<Vec<_>>().join("\n")
    })
}

fn table(key: &[&str], columns: &[(&str, SqlType)]) -> Table {
    let column = |(name, ty): &(&str, SqlType)| Column {
        name: (*name).to_owned(),
        ty: ty.clone(),
        type_name: ty.to_string(),
        not_null: key.contains(name),
        width: None,
        distinct: None,
    };
    Table {
        oid: 1,
        kind: 'r',
        columns: columns.iter().map(column).collect(),
        primary_key: key.iter().map(|name| (*name).to_owned()).collect(),
        identity: 'd',
        rows: None,
    }
}

fn catalog() -> Catalog {
    use SqlType::{Bool, Int4, Int8, Json, Numeric, Text, TimestampTz, Uuid};
    let public = |name: &str| TableName { schema: "public".into(), name: name.into() };
    let users = table(
        &["id"],
        &[
            ("id", Int4),
            ("email", Text),
            ("deleted", Bool),
            ("gone_at", TimestampTz),
            ("manager_id", Int4),
            ("token", Uuid),
            ("raw", Json),
        ],
    );
    let orders = table(
        &["id"],
        &[("id", Int8), ("user_id", Int8), ("total", Numeric(Some(2))), ("at", TimestampTz)],
    );
    let items = table(
        &["order_id", "line"],
        &[("order_id", Int8), ("line", Int4), ("product_id", Int4), ("qty", Int4)],
    );
    let notes = table(&["order_id"], &[("order_id", Int8), ("line", Int4), ("text", Text)]);
    let tags = table(&["id"], &[("id", Int4), ("name", Text)]);
    let links = table(&["user_id", "tag_id"], &[("user_id", Numeric(None)), ("tag_id", Int4)]);
    let mut view = table(&["id"], &[("id", Int4)]);
    view.kind = 'v';
    let mut silent = table(&["id"], &[("id", Int4)]);
    silent.identity = 'n';
    let tables = BTreeMap::from([
        (public("users"), users),
        (public("orders"), orders),
        (public("items"), items),
        (public("notes"), notes),
        (public("tags"), tags),
        (public("links"), links),
        (public("a_view"), view),
        (public("silent"), silent),
        (public("keyless"), table(&[], &[("id", Int4)])),
    ]);
    let names = tables.keys().cloned().collect();
    Catalog { tables, names }
}

/// A schema over `users` with these fields, indented by two.
fn users(rest: &str) -> String {
    format!("version: 1\ntable: users\nprimary_key: id\n{rest}")
}

fn refused(name: &str, rest: &str) -> String {
    build(name, &[&users(rest)], Some(&catalog())).unwrap_err()
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.kept.iter().map(|kept| kept.name.as_str()).collect()
}

const SHOP: &str = "fields:
  - text: email
    required: true
  - has_many: orders
    table: orders
    foreign_key: user_id
    primary_key: id
    order_by: [{ column: at, direction: desc }]
    limit: 3
    fields:
      - decimal: total
        required: false
      - has_many: items
        table: items
        foreign_key: order_id
        primary_key: [order_id, line]
        fields:
          - integer: qty
            required: true
  - count: orderCount
    table: orders
    foreign_key: user_id
  - sum: revenue
    table: orders
    foreign_key: user_id
    column: total
    value_type: decimal
  - avg: mean
    table: orders
    foreign_key: user_id
    column: total
  - max: last
    table: orders
    foreign_key: user_id
    column: at
    value_type: timestamp
";

const TAGS: &str = "fields:
  - many_to_many: tags
    table: tags
    through: { table: links, left_key: user_id, right_key: tag_id }
    primary_key: id
    fields:
      - text: name
        required: true
  - ids: tagIds
    table: tags
    through: { table: links, left_key: user_id, right_key: tag_id }
    element_type: integer
";

const MANAGER: &str = "soft_delete: { column: deleted }
filters:
  - { column: email, op: like, value: '%@%' }
fields:
  - belongs_to: manager
    column: manager_id
    table: users
    primary_key: id
    fields:
      - text: email
        required: true
  - object: below
    fields:
      - has_many: reports
        table: users
        foreign_key: manager_id
        primary_key: id
        fields:
          - text: email
            required: true
";

#[test]
fn users_with_orders_and_items() {
    insta::assert_snapshot!(verbose(
        &build("shop", &[&users(SHOP)], Some(&catalog())).unwrap(),
        false
    ));
}

#[test]
fn many_to_many_by_keys_of_two_classes() {
    insta::assert_snapshot!(verbose(
        &build("tags", &[&users(TAGS)], Some(&catalog())).unwrap(),
        false
    ));
}

#[test]
fn a_table_that_refers_to_itself() {
    let plan = build("manager", &[&users(MANAGER)], Some(&catalog())).unwrap();
    insta::assert_snapshot!(verbose(&plan, false));
}

#[test]
fn a_key_of_two_columns() {
    let items = "version: 1\ntable: items\nprimary_key: [order_id, line]\nfields:
  - has_many: notes
    table: notes
    foreign_key: [order_id, line]
    primary_key: order_id
    fields:
      - text: text
        required: false
";
    insta::assert_snapshot!(verbose(&build("pairs", &[items], Some(&catalog())).unwrap(), false));
}

#[test]
fn another_database_schema_and_no_catalog() {
    let rooms = "version: 1\ntable: rooms\nschema: hotel\nprimary_key: id\nfields:
  - has_one: lastStay
    table: stays
    foreign_key: room_id
    primary_key: id
    order_by: [{ column: until, direction: desc }]
    fields:
      - date: until
        required: true
";
    insta::assert_snapshot!(verbose(&build("rooms", &[rooms], None).unwrap(), false));
}

/// The fields of a list at the lowest level of indentation, turned round.
fn reversed(fields: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in fields.lines().skip(1) {
        if line.starts_with("  - ") {
            parts.push(String::new());
        }
        let part = parts.last_mut().unwrap();
        part.push_str(line);
        part.push('\n');
    }
    parts.reverse();
    format!("fields:\n{}", parts.concat())
}

#[test]
fn the_order_of_fields_is_of_no_consequence() {
    for (name, fields) in [("shop-order", SHOP), ("tags-order", TAGS)] {
        let written = build(name, &[&users(fields)], Some(&catalog())).unwrap();
        let turned = build(name, &[&users(&reversed(fields))], Some(&catalog())).unwrap();
        assert_ne!(fields, reversed(fields));
        assert_eq!(written, turned, "{name}");
    }
}

#[test]
fn readers_share_and_only_heads_need_an_order() {
    let plan = build("sharing", &[&users(SHOP), &users(SHOP)], Some(&catalog())).unwrap();
    let orders = |name: &&str| name.starts_with("orders[user_id]");
    let kept: Vec<&str> = names(&plan).into_iter().filter(orders).collect();
    assert_eq!(
        kept,
        [
            "orders[user_id] count, sum(total)",
            "orders[user_id] by at desc nulls last",
            "orders[user_id] by at desc",
        ]
    );
    let unlimited = SHOP.replace("    limit: 3\n", "");
    let plan = build("unlimited", &[&users(&unlimited)], Some(&catalog())).unwrap();
    let rows = names(&plan).into_iter().filter(|name| name.starts_with("orders[user_id] by"));
    assert_eq!(rows.collect::<Vec<_>>(), ["orders[user_id] by at desc nulls last"]);
}

#[test]
fn sum_and_avg_read_one_tally() {
    let plan = build("tally", &[&users(SHOP)], Some(&catalog())).unwrap();
    let tally = |name: &str| {
        let field = plan.indexes[0].shape.fields.iter().find(|(field, _)| field == name);
        match &field.unwrap().1 {
            Value::Aggregate(Aggregate::Tallied { kept, tally, .. }) => (*kept, *tally),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tally("revenue"), tally("mean"));
    assert_eq!(tally("revenue").0, tally("orderCount").0);
    assert_ne!(tally("revenue").1, tally("orderCount").1);
}

#[test]
fn whatever_is_named_is_kept_where_it_is_read() {
    for (name, rest) in [("read-shop", SHOP), ("read-tags", TAGS), ("read-manager", MANAGER)] {
        let plan = build(name, &[&users(rest)], Some(&catalog())).unwrap();
        let held = |kept| match &plan.kept(kept).holds {
            Holds::Rows { columns, .. } => columns.clone(),
            Holds::Tallies(_) | Holds::Joined(_) => Vec::new(),
        };
        for path in &plan.indexes[0].paths {
            assert!(path.reads.iter().all(|column| held(path.from).contains(column)), "{path:?}");
            for hop in &path.hops {
                assert!(hop.gives.iter().all(|part| held(hop.kept).contains(&part.column)));
            }
            // Each hop looks up by what the one before gave, and the last gives the root's key.
            let mut key = plan.kept(path.from).key.iter().map(|part| part.class.clone());
            let mut at_hand: Vec<Class> = key.by_ref().collect();
            for hop in &path.hops {
                let by = plan.kept(hop.kept).key.iter().map(|part| part.class.clone());
                assert_eq!(at_hand, by.collect::<Vec<_>>(), "{path:?}");
                at_hand = hop.gives.iter().map(|part| part.class.clone()).collect();
            }
            let root = plan.kept(plan.indexes[0].root).key.iter().map(|part| part.class.clone());
            assert_eq!(at_hand, root.collect::<Vec<_>>(), "{path:?}");
        }
    }
}

#[test]
fn of_two_fields_with_one_name_only_the_later_costs() {
    let twice = "fields:
  - count: n
    table: orders
    foreign_key: user_id
  - integer: n
    column: id
    required: true
";
    let plan = build("twice", &[&users(twice)], Some(&catalog())).unwrap();
    assert_eq!(names(&plan), ["users[id]"]);
}

#[test]
fn a_declared_key_holds_wherever_the_table_is_named() {
    let counting = users("fields:\n  - count: n\n    table: bills\n    foreign_key: user_id\n");
    let bills = "version: 1\ntable: bills\nprimary_key: number\nfields: []\n";
    let plan = build("declared", &[&counting, bills], None).unwrap();
    assert!(names(&plan).contains(&"bills[number]"), "{:?}", names(&plan));
}

#[test]
fn names_are_looked_up() {
    let schema = "version: 1\ntable: user\nprimary_key: id\nfields: []\n";
    let error = build("no-table", &[schema], Some(&catalog())).unwrap_err();
    assert_eq!(error, "there is no table `user`");
    let fields =
        "fields:\n  - text: emial\n    required: true\n  - text: nam\n    required: true\n";
    let both = refused("no-columns", fields);
    assert_eq!(both, "table `users` has no column `emial`\ntable `users` has no column `nam`");
}

#[test]
fn unfit_tables_are_refused() {
    for (table, what) in [
        ("a_view", "is not a table"),
        ("keyless", "has no primary key"),
        ("silent", "has REPLICA IDENTITY NOTHING"),
    ] {
        let schema = format!("version: 1\ntable: {table}\nprimary_key: id\nfields: []\n");
        let error = build(table, &[&schema], Some(&catalog())).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
    let wrong = "version: 1\ntable: users\nprimary_key: email\nfields: []\n";
    let error = build("wrong-key", &[wrong], Some(&catalog())).unwrap_err();
    assert_eq!(error, "the primary key of table `users` is id");
}

#[test]
fn keys_must_meet() {
    let join =
        |key: &str| format!("fields:\n  - count: n\n    table: orders\n    foreign_key: {key}\n");
    assert!(refused("arity", &join("[user_id, id]")).contains("same number of columns"));
    let error = refused("class", &join("at"));
    assert!(error.contains("cannot be compared with"), "{error}");
}

#[test]
fn aggregates_are_those_of_postgres() {
    let over = |function: &str, column: &str| {
        let value_type = if function == "avg" { "" } else { "    value_type: long\n" };
        format!(
            "fields:\n  - {function}: n\n    table: users\n    foreign_key: manager_id\n    column: {column}\n{value_type}"
        )
    };
    for (function, column) in
        [("sum", "email"), ("avg", "gone_at"), ("max", "token"), ("min", "deleted"), ("max", "raw")]
    {
        let error = refused("aggregate", &over(function, column));
        assert!(error.contains("not defined for column"), "{function}({column}): {error}");
    }
    for (function, column) in [("sum", "id"), ("avg", "id"), ("max", "email"), ("min", "gone_at")] {
        let schema = users(&over(function, column));
        build("aggregate", &[&schema], Some(&catalog())).unwrap();
    }
}

#[test]
fn conditions_are_typed() {
    let filter = |text: &str| format!("filters:\n  - {text}\nfields: []\n");
    for (text, what) in [
        ("{ column: id, op: like, value: '1%' }", "has no text to match"),
        ("{ column: id, op: eq, value: abc }", "`abc` is not a value of type integer"),
        ("{ column: gone_at, op: gt, value: yesterday }", "`yesterday` is not a value of type"),
        ("{ column: raw, op: eq, value: '{}' }", "json cannot be compared"),
        ("{ raw: 'id > nope' }", "there is no column `nope`"),
    ] {
        let error = refused("condition", &filter(text));
        assert!(error.contains(what), "{text}: {error}");
    }
    let transforms = "fields:\n  - integer: id\n    required: true\n    transforms: [trim]\n";
    assert!(refused("transforms", transforms).contains("has no text to transform"));
    let order = SHOP.replace("column: at, direction", "column: raw, direction");
    let order = order.replace(
        "table: orders\n    foreign_key: user_id",
        "table: users\n    foreign_key: manager_id",
    );
    assert!(refused("order", &order).contains("cannot be sorted by"));
}

#[test]
fn a_soft_delete_names_a_field_of_the_root() {
    let deleted = |field: &str| format!("soft_delete: {{ field: {field} }}\n{MANAGER_FIELDS}");
    let schema = users(&deleted("isGone"));
    let plan = build("soft", &[&schema], Some(&catalog())).unwrap();
    let marker = plan.tables[0].columns.iter().position(|column| column.name == "deleted").unwrap();
    let marker = plan::ColumnId(marker as u16);
    use flusso_compiler::expr::Expr::{And, Column, IsTrue, Not};
    assert_eq!(
        plan.indexes[0].present,
        Some(Not(Box::new(IsTrue(Box::new(And(vec![Column(marker)]))))))
    );
    // A field of a join reads another row.
    assert!(refused("soft-join", &deleted("theirs")).contains("no field `theirs`"));
}

const MANAGER_FIELDS: &str = "fields:
  - object: state
    fields:
      - boolean: isGone
        column: deleted
        required: true
  - belongs_to: manager
    column: manager_id
    table: users
    primary_key: id
    fields:
      - boolean: theirs
        column: deleted
        required: true
";

#[test]
fn deployments_of_the_reference_have_a_plan_without_a_database() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/inputs");
    let mut built = 0;
    for entry in std::fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with('0') {
            continue;
        }
        let (sources, config) = load(&path.join("flusso.toml"));
        match plan::build(&config.unwrap(), None) {
            Ok(_) => built += 1,
            Err(errors) => {
                let raw = |error: &flusso_compiler::diagnostics::Diagnostic| {
                    error.message == "conditions in SQL are not compiled yet"
                };
                assert!(errors.iter().all(raw), "{}", sources.render_all(&errors, false));
            }
        }
    }
    assert!(built >= 25, "{built}");
}
