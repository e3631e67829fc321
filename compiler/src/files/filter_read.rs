//! Reading `filters:`, `when:` and `soft_delete:`.

use super::literal::operand;
use super::names;
use super::node::{Node, Value};
use super::read::{Keys, choice, each, items, wrong};
use super::schema::{Filter, FilterOp, FilterValue, Marker, SoftDelete};
use super::sql_read;
use crate::diagnostics::{At, Diagnostic};

/// What `op` can say.
#[derive(Clone, Copy)]
enum Op {
    Null(bool),
    Compare(FilterOp),
}

const OPS: [(&str, Op); 13] = [
    ("eq", Op::Compare(FilterOp::Eq)),
    ("neq", Op::Compare(FilterOp::Neq)),
    ("lt", Op::Compare(FilterOp::Lt)),
    ("lte", Op::Compare(FilterOp::Lte)),
    ("gt", Op::Compare(FilterOp::Gt)),
    ("gte", Op::Compare(FilterOp::Gte)),
    ("in", Op::Compare(FilterOp::In)),
    ("not_in", Op::Compare(FilterOp::NotIn)),
    ("like", Op::Compare(FilterOp::Like)),
    ("ilike", Op::Compare(FilterOp::Ilike)),
    ("between", Op::Compare(FilterOp::Between)),
    ("is_null", Op::Null(true)),
    ("is_not_null", Op::Null(false)),
];

/// An optional list of filters, under the key it is read from. The outer option is none after a
/// mistake, the inner one when the key is absent.
pub fn filters(
    keys: &mut Keys<'_>,
    key: &'static str,
    found: &mut Vec<Diagnostic>,
) -> Option<Option<Vec<Filter>>> {
    let Some(node) = keys.take(key) else {
        return Some(None);
    };
    let items = items(node, &format!("`{key}`"), found)?;
    each(items, |item| filter(item, found)).map(Some)
}

fn filter(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Filter> {
    let mut keys = Keys::of(node, "a filter", found)?;
    if let Some(raw) = keys.take("raw") {
        keys.describe("a `raw` filter", keys.place());
        let read = sql_read::raw(raw, found);
        keys.finish(found);
        return read;
    }
    let column =
        keys.need("column", found).and_then(|node| names::database(node, "a column", found));
    let op = keys.need("op", found);
    let op = op.and_then(|node| Some(At::new(choice(node, "`op`", &OPS, found)?, node.place)));
    let value = keys.take("value");
    let read = match op.as_ref().map(|op| op.value) {
        None => None,
        Some(Op::Null(is)) => {
            if let Some(node) = value {
                let word = if is { "is_null" } else { "is_not_null" };
                let error = Diagnostic::error(node.place, format!("`{word}` takes no `value`"));
                found.push(error.help("leave `value` out"));
            }
            column.map(|column| Filter::NullCheck(column, is))
        }
        Some(Op::Compare(compare)) => {
            if value.is_none() {
                let error = keys.missing("value");
                found.push(error.help("to ask for null, use `op: is_null`"));
            }
            let value = value.and_then(|node| operands(node, compare, found));
            let op = op.map(|op| At::new(compare, op.place));
            match (column, op, value) {
                (Some(column), Some(op), Some(value)) => {
                    Some(Filter::Compare { column, op, value })
                }
                _ => None,
            }
        }
    };
    keys.finish(found);
    read
}

/// The constants that an operator takes.
fn operands(node: &Node, op: FilterOp, found: &mut Vec<Diagnostic>) -> Option<At<FilterValue>> {
    let value = match op {
        FilterOp::In | FilterOp::NotIn => {
            let items = items(node, "the `value` of `in` and `not_in`", found)?;
            FilterValue::List(each(items, |item| operand(item, found))?)
        }
        FilterOp::Between => match &node.value {
            Value::List(items) if items.len() == 2 => {
                let (low, high) = (operand(&items[0], found), operand(&items[1], found));
                FilterValue::Range(low?, high?)
            }
            Value::List(items) => {
                let message = format!("`between` takes two values, not {}", items.len());
                let error = Diagnostic::error(node.place, message);
                found.push(error.help("write `value: [lowest, highest]`"));
                return None;
            }
            Value::Scalar(_) | Value::Map(_) => {
                found.push(wrong(node, "the `value` of `between`", "a list of two"));
                return None;
            }
        },
        _ => FilterValue::Single(operand(node, found)?),
    };
    Some(At::new(value, node.place))
}

/// `soft_delete:`.
pub fn soft_delete(node: &Node, found: &mut Vec<Diagnostic>) -> Option<SoftDelete> {
    let mut keys = Keys::of(node, "`soft_delete`", found)?;
    let column = keys.take("column");
    let field = keys.take("field");
    let when = filters(&mut keys, "when", found);
    let marker = match (column, field) {
        (Some(column), None) => names::database(column, "a column", found).map(Marker::Column),
        (None, Some(field)) => names::field(field, found).map(Marker::Field),
        (Some(_), Some(field)) => {
            let message = "`soft_delete` takes `column` or `field`, not both";
            found.push(Diagnostic::error(field.place, message));
            None
        }
        (None, None) => {
            found.push(Diagnostic::error(keys.place(), "`soft_delete` needs `column` or `field`"));
            None
        }
    };
    keys.finish(found);
    Some(SoftDelete { marker: marker?, when: when? })
}
