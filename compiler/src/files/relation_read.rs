//! Reading the fields over rows of other tables: joins and aggregates.

use super::field_read::{inner_fields, nullable, value_type};
use super::filter_read::filters;
use super::names;
use super::node::{Node, Value};
use super::read::{Keys, choice, each, items, text, whole};
use super::schema::{
    Aggregate, AggregateKey, AggregateOp, Columns, Direction, FieldType, Join, Kind, Link, Order,
    OrderBy, Origin, Rows, RowsFrom, Through,
};
use super::sql_read::{self, condition};
use crate::catalog::TableName;
use crate::diagnostics::{At, Diagnostic};
use crate::sql::tables;

/// A column, or a list of at least one.
pub fn columns(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Columns> {
    let Value::List(items) = &node.value else {
        let column = names::database(node, "a column", found)?;
        return Some(At::new(vec![column.value], column.place));
    };
    if items.is_empty() {
        found.push(Diagnostic::error(node.place, "a key needs at least one column"));
        return None;
    }
    let columns = each(items, |item| Some(names::database(item, "a column", found)?.value))?;
    Some(At::new(columns, node.place))
}

/// A field by one of the four verbs; `home` is where tables are looked up.
pub fn join(
    keys: &mut Keys<'_>,
    verb: &str,
    name: &Node,
    home: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<Kind> {
    // With both, the join is what has no place.
    let from = [("select", many_only(keys, verb)), ("join", keys.take("join"))];
    if let Some((word, node)) = from.into_iter().find_map(|(word, node)| Some((word, node?))) {
        return rows(keys, verb, (word, node), home, found).map(Kind::Rows);
    }
    let table = table(keys, home, found);
    let link = match verb {
        "belongs_to" => match keys.take("column") {
            Some(node) => columns(node, found),
            // A name that is none was reported with the field.
            None => columns(name, &mut Vec::new()),
        }
        .map(Link::BelongsTo),
        "has_one" => foreign_key(keys, found).map(Link::HasOne),
        "has_many" => foreign_key(keys, found).map(Link::HasMany),
        _ => {
            let node = keys.need("through", found);
            node.and_then(|node| through(node, home, found)).map(Link::ManyToMany)
        }
    };
    let to_one = matches!(verb, "belongs_to" | "has_one");
    let nullable = if to_one { nullable(keys, found) } else { never_required(keys, verb, found) };
    let primary_key = keys.need("primary_key", found).and_then(|node| columns(node, found));
    let filters = filters(keys, "filters", found);
    let condition = condition(keys, found);
    let order_by = if verb == "belongs_to" { Some(None) } else { order_by(keys, found) };
    let limit = match if to_one { None } else { keys.take("limit") } {
        Some(node) => whole(node, "`limit`", u64::MAX, found).map(Some),
        None => Some(None),
    };
    let fields = inner_fields(keys, home, found);
    Some(Kind::Join(Join {
        table: table?,
        link: link?,
        primary_key: primary_key?,
        nullable: nullable?,
        filters: filters?,
        condition: condition?,
        order_by: order_by?,
        limit: limit?,
        fields: fields?,
    }))
}

/// `select`, which only an array of any rows can come from.
fn many_only<'a>(keys: &mut Keys<'a>, verb: &str) -> Option<&'a Node> {
    if verb == "has_many" { keys.take("select") } else { None }
}

/// A relation by `join` or `select`; what words say of other relations has no place beside it.
fn rows(
    keys: &mut Keys<'_>,
    verb: &str,
    (word, node): (&str, &Node),
    home: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<Rows> {
    let one = matches!(verb, "belongs_to" | "has_one");
    let mut beside = vec!["table", "primary_key", "foreign_key", "column", "through", "filters"];
    if word == "select" {
        beside.extend(["join", "where", "order_by", "limit"]);
    }
    let strangers = strangers(keys, &beside, word, found);
    let from = match word {
        "join" => sql_read::joins(node, found).map(RowsFrom::Join),
        _ => sql_read::query(node, found).map(RowsFrom::Select),
    };
    let nullable = if one { nullable(keys, found) } else { never_required(keys, verb, found) };
    let condition = condition(keys, found);
    let order_by = match keys.take("order_by") {
        Some(node) => sql_read::order(node, found).map(Some),
        None => Some(None),
    };
    let limit = match if one { None } else { keys.take("limit") } {
        Some(node) => whole(node, "`limit`", u64::MAX, found).map(Some),
        None => Some(None),
    };
    let fields = inner_fields(keys, home, found);
    let (from, nullable, condition) = (from?, nullable?, condition?);
    let (order_by, limit, fields) = (order_by?, limit?, fields?);
    (!strangers).then_some(Rows { one, from, nullable, condition, order_by, limit, fields })
}

/// An array is never null, so there is nothing to require.
fn never_required(keys: &mut Keys<'_>, verb: &str, found: &mut Vec<Diagnostic>) -> Option<bool> {
    let Some(node) = keys.take("required") else {
        return Some(false);
    };
    let error = Diagnostic::error(node.place, format!("`{verb}` takes no `required`"));
    found.push(error.help("it is always an array, empty when there is no row"));
    None
}

fn table(keys: &mut Keys<'_>, home: &str, found: &mut Vec<Diagnostic>) -> Option<At<TableName>> {
    keys.need("table", found).and_then(|node| names::table(node, home, found))
}

fn foreign_key(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Columns> {
    keys.need("foreign_key", found).and_then(|node| columns(node, found))
}

fn through(node: &Node, home: &str, found: &mut Vec<Diagnostic>) -> Option<Through> {
    let mut keys = Keys::of(node, "`through`", found)?;
    let table = table(&mut keys, home, found);
    let left = keys.need("left_key", found).and_then(|node| columns(node, found));
    let right = keys.need("right_key", found).and_then(|node| columns(node, found));
    keys.finish(found);
    Some(Through { table: table?, left_key: left?, right_key: right? })
}

/// The outer option is none after a mistake, the inner one when the key is absent.
fn order_by(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Option<Order>> {
    let Some(node) = keys.take("order_by") else {
        return Some(None);
    };
    if let Value::Scalar(_) = &node.value {
        return sql_read::order(node, found).map(|sql| Some(Order::Sql(sql)));
    }
    let items = items(node, "`order_by`", found)?;
    let words = [("asc", Direction::Asc), ("desc", Direction::Desc)];
    let read = each(items, |item| {
        let mut keys = Keys::of(item, "an item of `order_by`", found)?;
        let column = keys.need("column", found);
        let column = column.and_then(|node| names::database(node, "a column", found));
        let direction = match keys.take("direction") {
            Some(node) => choice(node, "`direction`", &words, found).map(Some),
            None => Some(None),
        };
        keys.finish(found);
        Some(OrderBy { column: column?, direction: direction? })
    });
    read.map(|list| Some(Order::Columns(list)))
}

/// A field by one of the functions over other rows.
pub fn aggregate(
    keys: &mut Keys<'_>,
    function: &str,
    home: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<Aggregate> {
    let (table, key) = match keys.take("join") {
        Some(node) => joined_rows(keys, node, home, found).unzip(),
        None => (table(keys, home, found), aggregate_key(keys, function, home, found)),
    };
    let filters = filters(keys, "filters", found);
    let condition = condition(keys, found);
    let (op, value_type) = match function {
        "count" => {
            // Read by the reference and of no effect.
            keys.take("column");
            keys.take("value_type");
            let op = sql_read::origin(keys, found).map(|of| match of {
                Some(Origin::Sql(sql)) => AggregateOp::CountOf(sql),
                Some(Origin::Column(_)) | None => AggregateOp::Count,
            });
            (op, Some(None))
        }
        "count_distinct" => (taken_of(keys, found).map(AggregateOp::CountDistinct), Some(None)),
        "bool_and" => (taken_of(keys, found).map(AggregateOp::BoolAnd), Some(None)),
        "bool_or" => (taken_of(keys, found).map(AggregateOp::BoolOr), Some(None)),
        "string_agg" => {
            let of = taken_of(keys, found);
            let separator = keys.need("separator", found);
            let separator = separator.and_then(|node| text(node, "`separator`", found));
            let ty = match keys.take("value_type") {
                Some(node) => value_type(node, "`value_type`", found),
                None => Some(FieldType::Keyword),
            };
            let op = of.zip(separator);
            (op.map(|(of, text)| AggregateOp::StringAgg(of, text.value)), ty.map(Some))
        }
        "array_agg" => {
            let of = taken_of(keys, found);
            let node = keys.need("element_type", found);
            let ty = node.and_then(|node| value_type(node, "`element_type`", found));
            (of.zip(ty).map(|(of, ty)| AggregateOp::ArrayAgg(of, ty)), Some(None))
        }
        "ids" => {
            let node = keys.need("element_type", found);
            let ty = node.and_then(|node| value_type(node, "`element_type`", found));
            (ty.map(AggregateOp::Ids), Some(None))
        }
        _ => {
            let op = taken_of(keys, found).map(|of| match function {
                "sum" => AggregateOp::Sum(of),
                "avg" => AggregateOp::Avg(of),
                "min" => AggregateOp::Min(of),
                _ => AggregateOp::Max(of),
            });
            let ty = match function {
                "avg" => {
                    // An average is a double whatever it is declared as.
                    keys.take("value_type");
                    Some(None)
                }
                _ => keys
                    .need("value_type", found)
                    .and_then(|node| value_type(node, "`value_type`", found))
                    .map(Some),
            };
            (op, ty)
        }
    };
    let order_by = match function {
        "string_agg" | "array_agg" => order_by(keys, found),
        _ => Some(None),
    };
    let (table, op, key) = (table?, op?, key?);
    let (value_type, filters, condition) = (value_type?, filters?, condition?);
    Some(Aggregate { table, op, key, value_type, filters, condition, order_by: order_by? })
}

/// The rows of an aggregate by `join`, and the first table of it.
fn joined_rows(
    keys: &mut Keys<'_>,
    node: &Node,
    home: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<(At<TableName>, AggregateKey)> {
    let beside = ["table", "foreign_key", "through", "filters"];
    let strangers = strangers(keys, &beside, "join", found);
    let sql = sql_read::joins(node, found)?;
    let Some(first) = tables(&sql, home).into_iter().next() else {
        let error = Diagnostic::error(sql.place, "a join begins with a table");
        found.push(error.help("name the table first, then what is joined to it"));
        return None;
    };
    let table = At::new(first, sql.place);
    (!strangers).then_some((table, AggregateKey::Join(sql)))
}

/// Refuses what words say and SQL says already; whether there was any.
fn strangers(
    keys: &mut Keys<'_>,
    beside: &[&'static str],
    word: &str,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let strangers: Vec<&Node> = beside.iter().filter_map(|key| keys.take(key)).collect();
    for stranger in &strangers {
        let error = Diagnostic::error(stranger.place, format!("this has no place beside `{word}`"));
        found.push(error.help("say it in the SQL"));
    }
    !strangers.is_empty()
}

/// `column` or `sql`, one of which there must be.
fn taken_of(keys: &mut Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<Origin> {
    match sql_read::origin(keys, found)? {
        None => {
            let column = keys.need("column", found);
            column.and_then(|node| names::database(node, "a column", found)).map(Origin::Column)
        }
        Some(sql) => {
            if let Some(column) = keys.take("column") {
                let message = "an aggregate takes `column` or `sql`, not both";
                found.push(Diagnostic::error(column.place, message).help("keep one of them"));
                return None;
            }
            Some(sql)
        }
    }
}

/// Exactly one of `foreign_key` and `through`.
fn aggregate_key(
    keys: &mut Keys<'_>,
    function: &str,
    home: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<AggregateKey> {
    match (keys.take("foreign_key"), keys.take("through")) {
        (Some(node), None) => columns(node, found).map(AggregateKey::Direct),
        (None, Some(node)) => through(node, home, found).map(AggregateKey::Through),
        (Some(_), Some(node)) => {
            let message = format!("`{function}` takes `foreign_key` or `through`, not both");
            found.push(Diagnostic::error(node.place, message));
            None
        }
        (None, None) => {
            let message = format!("`{function}` needs `foreign_key` or `through`");
            found.push(Diagnostic::error(keys.place(), message));
            None
        }
    }
}
