//! Schemas, rows and transactions out of numbers.
//!
//! The tables cover what links can be: a child of two parents, a self reference, a composite key,
//! a junction, keys of different integer types, foreign keys that are NULL or lead nowhere.

use std::collections::BTreeMap;

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::diagnostics::{At, Place};
use flusso_compiler::files::config::{Config, IndexEntry, OnError, Server, Source, State};
use flusso_compiler::files::schema::{
    self, Aggregate, AggregateKey, AggregateOp, Columns, Direction, Field, FieldType, Filter,
    FilterOp, FilterValue, Join, Kind, Link, Marker, OrderBy, Schema, SoftDelete, Through,
    Transform,
};
use flusso_compiler::plan::{self, Plan};
use flusso_compiler::types::SqlType;

use super::joins;

/// Choices read off a list of numbers; the first choice when they have run out.
pub struct Dice<'a> {
    numbers: std::slice::Iter<'a, u32>,
}

impl<'a> Dice<'a> {
    pub fn new(numbers: &'a [u32]) -> Dice<'a> {
        Dice { numbers: numbers.iter() }
    }

    /// One of `0..sides`.
    pub fn roll(&mut self, sides: u32) -> u32 {
        self.numbers.next().map_or(0, |number| number % sides)
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u32) as usize].clone()
    }

    /// Whether numbers are left.
    pub fn left(&self) -> bool {
        self.numbers.len() > 0
    }
}

/// A number spread over all bits.
pub fn scatter(n: u32) -> u32 {
    let n = (n ^ (n >> 16)).wrapping_mul(0x45d9_f3b5).wrapping_add(n);
    (n ^ (n >> 16)).wrapping_mul(0x45d9_f3b5) ^ (n >> 13)
}

/// Table, columns (name, type, nullable), primary key.
pub type Shape =
    (&'static str, &'static [(&'static str, fn() -> SqlType)], &'static [&'static str]);

const SHAPES: &[Shape] = &[
    (
        "a",
        &[
            ("id", || SqlType::Int4),
            ("x", || SqlType::Int4),
            ("s", || SqlType::Text),
            ("b_id", || SqlType::Int4),
            ("parent_id", || SqlType::Int8),
            ("gone", || SqlType::Bool),
        ],
        &["id"],
    ),
    (
        "b",
        &[
            ("id", || SqlType::Int8),
            ("n", || SqlType::Numeric(None)),
            ("t", || SqlType::Text),
            ("c1", || SqlType::Int4),
            ("c2", || SqlType::Text),
        ],
        &["id"],
    ),
    (
        "c",
        &[("k1", || SqlType::Int4), ("k2", || SqlType::Text), ("v", || SqlType::Text)],
        &["k1", "k2"],
    ),
    (
        "d",
        &[
            ("id", || SqlType::Int4),
            ("a_id", || SqlType::Int4),
            ("b_id", || SqlType::Int8),
            ("q", || SqlType::Int4),
            ("n", || SqlType::Numeric(Some(2))),
        ],
        &["id"],
    ),
    (
        "j",
        &[("a_id", || SqlType::Int4), ("b_id", || SqlType::Int8), ("w", || SqlType::Int4)],
        &["a_id", "b_id"],
    ),
];

/// Child table, its columns, parent table.
pub const LINKS: &[(&str, &[&str], &str)] = &[
    ("a", &["b_id"], "b"),
    ("a", &["parent_id"], "a"),
    ("b", &["c1", "c2"], "c"),
    ("d", &["a_id"], "a"),
    ("d", &["b_id"], "b"),
    ("j", &["a_id"], "a"),
    ("j", &["b_id"], "b"),
];

pub fn shape(table: &str) -> &'static Shape {
    SHAPES.iter().find(|shape| shape.0 == table).expect("a table of the shapes")
}

pub fn name(table: &str) -> TableName {
    TableName { schema: "public".into(), name: table.into() }
}

fn at<T>(value: T) -> At<T> {
    At::new(value, Place { file: 0, start: 0, end: 0 })
}

fn columns(names: &[&str]) -> Columns {
    at(names.iter().map(ToString::to_string).collect())
}

/// The catalog all cases share.
pub fn catalog() -> Catalog {
    let table = |(_, columns, key): &Shape| {
        let column = |(column, ty): &(&str, fn() -> SqlType)| Column {
            name: column.to_string(),
            ty: ty(),
            type_name: String::new(),
            not_null: key.contains(column),
            width: None,
            distinct: None,
        };
        Table {
            oid: 1,
            kind: 'r',
            columns: columns.iter().map(column).collect(),
            primary_key: key.iter().map(ToString::to_string).collect(),
            identity: 'd',
            rows: None,
        }
    };
    let tables: BTreeMap<_, _> = SHAPES.iter().map(|shape| (name(shape.0), table(shape))).collect();
    Catalog { names: tables.keys().cloned().collect(), tables }
}

/// One or two indexes.
pub fn plan(dice: &mut Dice<'_>) -> Option<Plan> {
    let count = 1 + dice.roll(2);
    let indexes = (0..count).map(|index| entry(index, dice)).collect();
    let config = Config {
        source: Source { connection: None, manage_publication: true },
        sinks: BTreeMap::new(),
        indexes,
        on_error: OnError::Stop,
        server: Server::default(),
        prefix: String::new(),
        state: State::default(),
    };
    let plan = plan::build(&config, Some(&catalog())).ok()?;
    plan.indexes.iter().all(joins::are_kept).then_some(plan)
}

fn entry(index: u32, dice: &mut Dice<'_>) -> IndexEntry {
    let root = dice.pick(&["a", "b", "d", "c"]);
    let (_, _, key) = shape(root);
    let soft_delete = (root == "a" && dice.roll(4) == 3).then(|| SoftDelete {
        marker: Marker::Column(at(dice.pick(&["gone", "s"]).into())),
        when: (dice.roll(2) == 1).then(|| filters(root, dice)),
    });
    let schema = Schema {
        version: 1,
        table: at(name(root)),
        db_schema: "public".into(),
        primary_key: Some(columns(key)),
        soft_delete,
        filters: (dice.roll(3) == 2).then(|| filters(root, dice)),
        condition: None,
        fields: fields(root, 0, dice),
        place: Place { file: 0, start: 0, end: 0 },
    };
    IndexEntry {
        name: at(format!("i{index}")),
        path: "i.schema.yml".into(),
        enabled: true,
        on_error: None,
        schema,
    }
}

fn fields(table: &str, depth: u32, dice: &mut Dice<'_>) -> Vec<Field> {
    let count = 1 + dice.roll(if depth == 0 { 5 } else { 3 });
    (0..count).map(|position| field(table, depth, position, dice)).collect()
}

fn field(table: &str, depth: u32, position: u32, dice: &mut Dice<'_>) -> Field {
    let kind = match dice.roll(if depth < 3 { 10 } else { 2 }) {
        0 | 1 => scalar(table, dice),
        2 => Kind::Object(fields(table, depth + 1, dice)),
        3 => belongs_to(table, depth, dice),
        4 | 5 => to_many(table, depth, dice),
        6 => aggregate(table, dice),
        7 => many_to_many(table, depth, dice),
        _ => joins::aggregate(table, dice).unwrap_or_else(|| scalar(table, dice)),
    };
    Field { name: at(format!("f{position}")), options: BTreeMap::new(), kind }
}

fn scalar(table: &str, dice: &mut Dice<'_>) -> Kind {
    let (column, ty) = dice.pick(shape(table).1);
    let text = ty() == SqlType::Text;
    Kind::Column(schema::Column {
        from: schema::Origin::Column(at(column.into())),
        ty: declared(&ty()),
        nullable: true,
        transforms: if text && dice.roll(4) == 3 { vec![Transform::Lowercase] } else { Vec::new() },
        default: (text && dice.roll(5) == 4).then(|| at(schema::Literal::String("dflt".into()))),
        variants: Vec::new(),
        on_error: flusso_compiler::expr::OnFailure::Null,
    })
}

fn declared(ty: &SqlType) -> FieldType {
    match ty {
        SqlType::Int4 => FieldType::Integer,
        SqlType::Int8 => FieldType::Long,
        SqlType::Numeric(_) => FieldType::Decimal,
        SqlType::Bool => FieldType::Boolean,
        _ => FieldType::Keyword,
    }
}

fn join(table: &str, link: Link, depth: u32, dice: &mut Dice<'_>) -> Join {
    let one = matches!(link, Link::BelongsTo(_) | Link::HasOne(_));
    let ordered = !matches!(link, Link::BelongsTo(_)) && dice.roll(2) == 1;
    Join {
        table: at(name(table)),
        link,
        primary_key: columns(shape(table).2),
        nullable: one,
        filters: (dice.roll(3) == 2).then(|| filters(table, dice)),
        condition: None,
        order_by: ordered.then(|| schema::Order::Columns(order_by(table, dice))),
        limit: (!one && dice.roll(2) == 1).then(|| u64::from(dice.roll(4))),
        fields: fields(table, depth + 1, dice),
    }
}

fn order_by(table: &str, dice: &mut Dice<'_>) -> Vec<OrderBy> {
    let direction = [None, Some(Direction::Asc), Some(Direction::Desc)];
    let one = |dice: &mut Dice<'_>| OrderBy {
        column: at(dice.pick(shape(table).1).0.into()),
        direction: dice.pick(&direction),
    };
    (0..1 + dice.roll(2)).map(|_| one(dice)).collect()
}

fn belongs_to(table: &str, depth: u32, dice: &mut Dice<'_>) -> Kind {
    let links: Vec<_> = LINKS.iter().filter(|link| link.0 == table).collect();
    if links.is_empty() {
        return scalar(table, dice);
    }
    let (_, own, parent) = dice.pick(&links);
    Kind::Join(join(parent, Link::BelongsTo(columns(own)), depth, dice))
}

fn to_many(table: &str, depth: u32, dice: &mut Dice<'_>) -> Kind {
    let links: Vec<_> = LINKS.iter().filter(|link| link.2 == table).collect();
    if links.is_empty() {
        return scalar(table, dice);
    }
    let (child, theirs, _) = dice.pick(&links);
    let link = match dice.roll(4) {
        3 => Link::HasOne(columns(theirs)),
        _ => Link::HasMany(columns(theirs)),
    };
    Kind::Join(join(child, link, depth, dice))
}

/// The junction's other side.
fn through(table: &str) -> Option<(&'static str, Through)> {
    let (left, right, far) = match table {
        "a" => ("a_id", "b_id", "b"),
        "b" => ("b_id", "a_id", "a"),
        _ => return None,
    };
    let through =
        Through { table: at(name("j")), left_key: columns(&[left]), right_key: columns(&[right]) };
    Some((far, through))
}

fn many_to_many(table: &str, depth: u32, dice: &mut Dice<'_>) -> Kind {
    match through(table) {
        Some((far, through)) => Kind::Join(join(far, Link::ManyToMany(through), depth, dice)),
        None => scalar(table, dice),
    }
}

fn aggregate(table: &str, dice: &mut Dice<'_>) -> Kind {
    let links: Vec<_> = LINKS.iter().filter(|link| link.2 == table).collect();
    let (of, key) = match (dice.roll(3), through(table)) {
        (2, Some((far, through))) => (far, AggregateKey::Through(through)),
        _ if links.is_empty() => return scalar(table, dice),
        _ => {
            let (child, theirs, _) = dice.pick(&links);
            (*child, AggregateKey::Direct(columns(theirs)))
        }
    };
    let (_, all, primary) = shape(of);
    let number = |ty: SqlType| !matches!(ty, SqlType::Bool | SqlType::Text);
    let numbers: Vec<_> = all.iter().filter(|(_, ty)| number(ty())).collect();
    let (number, ty) = *dice.pick(&numbers);
    let number = || schema::Origin::Column(at(number.to_string()));
    let op = match dice.roll(6) {
        0 => AggregateOp::Count,
        1 => AggregateOp::Sum(number()),
        2 => AggregateOp::Avg(number()),
        3 => AggregateOp::Min(number()),
        4 => AggregateOp::Max(number()),
        _ if primary.len() == 1 => AggregateOp::Ids(FieldType::Long),
        _ => AggregateOp::Count,
    };
    Kind::Aggregate(Aggregate {
        table: at(name(of)),
        op,
        key,
        value_type: Some(declared(&ty())),
        filters: (dice.roll(3) == 2).then(|| filters(of, dice)),
        condition: None,
        order_by: None,
    })
}

fn filters(table: &str, dice: &mut Dice<'_>) -> Vec<Filter> {
    (0..dice.roll(3)).map(|_| filter(table, dice)).collect()
}

fn filter(table: &str, dice: &mut Dice<'_>) -> Filter {
    let (column, ty) = dice.pick(shape(table).1);
    let (column, ty) = (at(column.to_string()), ty());
    let value = |dice: &mut Dice<'_>| {
        super::model::value(&ty, dice).unwrap_or_else(|| match ty {
            SqlType::Bool => "true".into(),
            _ => "1".into(),
        })
    };
    use FilterOp::*;
    let (op, value) = match dice.roll(10) {
        0 => return Filter::NullCheck(column, dice.roll(2) == 0),
        1 => (In, FilterValue::List((0..dice.roll(4)).map(|_| value(dice)).collect())),
        2 => (NotIn, FilterValue::List((0..dice.roll(4)).map(|_| value(dice)).collect())),
        3 => (Between, FilterValue::Range(value(dice), value(dice))),
        4 if ty == SqlType::Text => {
            (Like, FilterValue::Single(dice.pick(&["a%", "%b", "_"]).into()))
        }
        _ => (dice.pick(&[Eq, Neq, Lt, Lte, Gt, Gte]), FilterValue::Single(value(dice))),
    };
    Filter::Compare { column, op: at(op), value: at(value) }
}
