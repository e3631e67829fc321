//! A shop as a plan: users with their last orders, the items of those, and totals; orders with
//! their buyer.

use flusso_compiler::catalog::{self, Catalog, TableName};
use flusso_compiler::expr::{Comparison, Expr, OnFailure};
use flusso_compiler::plan::{
    Aggregate, AggregateFunction, Column, ColumnId, Head, Holds, Hop, Index, Kept, KeptId, KeyPart,
    Object, OrderPart, Path, Plan, Read, Table, TableId, Tally, Value,
};
use flusso_compiler::sql::functions::{Function, Text};
use flusso_compiler::types::{Class, Render, SqlType};

fn name(name: &str) -> TableName {
    TableName { schema: "public".into(), name: name.into() }
}

fn table(of: &str, columns: &[(&str, SqlType)]) -> Table {
    let columns = columns.iter().map(|(name, ty)| Column { name: (*name).into(), ty: ty.clone() });
    Table { name: name(of), key: int(0), columns: columns.collect() }
}

fn int(column: u16) -> Vec<KeyPart> {
    vec![KeyPart { column: ColumnId(column), class: Class::Int }]
}

fn columns(ids: &[u16]) -> Vec<ColumnId> {
    ids.iter().copied().map(ColumnId).collect()
}

fn rows(of: &str, table: u16, key: u16, order: &[OrderPart], read: &[u16]) -> Kept {
    let holds = Holds::Rows { order: order.to_vec(), columns: columns(read) };
    Kept { name: of.into(), table: TableId(table), key: int(key), holds }
}

fn column(id: u16, render: Render) -> Value {
    Value::Scalar(Expr::Column(ColumnId(id)), render, OnFailure::Null)
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
    Object { fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
}

fn path(from: u16, field: &str, reads: &[u16], hops: &[(u16, u16)]) -> Path {
    let hops = hops.iter().map(|(kept, gives)| Hop { kept: KeptId(*kept), gives: int(*gives) });
    let (from, reads) = (KeptId(from), columns(reads));
    Path { from, field: field.into(), reads, head: None, hops: hops.collect() }
}

fn read(key: u16, kept: u16) -> Read {
    Read {
        key: int(key),
        through: None,
        kept: KeptId(kept),
        filter: None,
        further: Vec::new(),
        order: vec![],
        sorted: true,
        limit: None,
    }
}

/// Two indexes that share what is kept of users.
pub fn plan() -> Plan {
    let numeric = SqlType::Numeric(Some(2));
    let tables = vec![
        table("users", &[("id", SqlType::Int4), ("email", SqlType::Text), ("name", SqlType::Text)]),
        table(
            "orders",
            &[
                ("id", SqlType::Int8),
                ("user_id", SqlType::Int4),
                ("status", SqlType::Text),
                ("total", numeric.clone()),
                ("placed_at", SqlType::TimestampTz),
            ],
        ),
        table(
            "items",
            &[
                ("id", SqlType::Int8),
                ("order_id", SqlType::Int8),
                ("product_id", SqlType::Int4),
                ("qty", SqlType::Int4),
            ],
        ),
        table(
            "products",
            &[("id", SqlType::Int4), ("title", SqlType::Text), ("price", numeric.clone())],
        ),
    ];
    let newest = OrderPart {
        column: ColumnId(4),
        class: Class::Timestamp,
        descending: true,
        nulls_first: true,
    };
    let live = Expr::Compare(
        Comparison::Ne,
        Box::new(Expr::Column(ColumnId(2))),
        Box::new(Expr::Literal(Some("cancelled".into()), SqlType::Text)),
        Class::Text,
    );
    let tallies = vec![
        Tally { of: None, filter: None },
        Tally { of: Some(Expr::Column(ColumnId(3))), filter: Some(live.clone()) },
    ];
    let kept = vec![
        rows("users[id]", 0, 0, &[], &[0, 1, 2]),
        rows("orders[user_id]", 1, 1, std::slice::from_ref(&newest), &[0, 2, 3, 4]),
        rows("orders[id]", 1, 0, &[], &[0, 1, 2, 3]),
        rows("items[order_id]", 2, 1, &[], &[2, 3]),
        rows("items[product_id]", 2, 2, &[], &[1]),
        rows("products[id]", 3, 0, &[], &[1]),
        Kept {
            name: "orders by user_id".into(),
            table: TableId(1),
            key: int(1),
            holds: Holds::Tallies(tallies),
        },
    ];
    let item = object([
        ("qty", column(3, Render::Number)),
        ("title", Value::One(read(2, 5), object([("title", column(1, Render::Text))]))),
    ]);
    let order = object([
        ("items", Value::Many(read(0, 3), item)),
        ("status", column(2, Render::Text)),
        ("total", column(3, Render::Number)),
    ]);
    let last =
        Read { filter: Some(live.clone()), order: vec![newest], limit: Some(5), ..read(0, 1) };
    let tallied = |tally, function, ty| {
        let (kept, key) = (KeptId(6), int(0));
        Value::Aggregate(Aggregate::Tallied { kept, key, tally, function, ty })
    };
    let args = vec![Expr::Column(ColumnId(1))];
    let email = Expr::Call { function: Function::Text(Text::Lower), args, ty: SqlType::Text };
    let users = Index {
        name: "users".into(),
        root: KeptId(0),
        present: None,
        further: Vec::new(),
        shape: object([
            ("email", Value::Scalar(email, Render::Text, OnFailure::Null)),
            ("id", column(0, Render::Number)),
            ("name", column(2, Render::Text)),
            ("orderCount", tallied(0, AggregateFunction::Count, SqlType::Int8)),
            ("orders", Value::Many(last, order)),
            ("revenue", tallied(1, AggregateFunction::Sum, numeric)),
        ]),
        paths: vec![
            path(0, "", &[0, 1, 2], &[]),
            Path {
                head: Some(Head { filter: Some(live), limit: 5 }),
                ..path(1, "orders", &[0, 2, 3, 4], &[])
            },
            path(3, "orders.items", &[2, 3], &[(2, 1)]),
            path(5, "orders.items.title", &[1], &[(4, 1), (2, 1)]),
            path(6, "orderCount", &[], &[]),
        ],
    };
    let orders = Index {
        name: "orders".into(),
        root: KeptId(2),
        present: Some(Expr::Not(Box::new(Expr::IsNull(Box::new(Expr::Column(ColumnId(3))))))),
        further: Vec::new(),
        shape: object([
            ("buyer", Value::One(read(1, 0), object([("name", column(2, Render::Text))]))),
            ("kind", Value::Constant("\"order\"".into())),
            ("total", column(3, Render::Number)),
        ]),
        paths: vec![path(2, "", &[0, 1, 3], &[]), path(0, "buyer", &[2], &[(1, 0)])],
    };
    Plan { tables, kept, indexes: vec![users, orders] }
}

/// Statistics of a shop of some size; products were never analysed.
pub fn catalog() -> Catalog {
    let rows = [
        ("users", Some(1_000_000)),
        ("orders", Some(8_200_000)),
        ("items", Some(31_000_000)),
        ("products", None),
    ];
    let distinct = |column: &str| match column {
        "id" => -1.0,
        "user_id" => 690_000.0,
        "order_id" => -0.26,
        "product_id" => 2_500.0,
        _ => 50.0,
    };
    let tables = plan().tables.into_iter().zip(rows).map(|(table, (_, rows))| {
        let columns = table.columns.iter().map(|column| catalog::Column {
            name: column.name.clone(),
            ty: column.ty.clone(),
            type_name: String::new(),
            not_null: true,
            width: rows.map(|_| 12),
            distinct: rows.map(|_| distinct(&column.name)),
        });
        let known = catalog::Table {
            oid: 0,
            kind: 'r',
            columns: columns.collect(),
            primary_key: vec!["id".into()],
            identity: 'd',
            rows,
        };
        (table.name, known)
    });
    Catalog { tables: tables.collect(), names: vec![] }
}
