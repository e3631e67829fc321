//! What each field of an index becomes: its mapping type, and whether it can be null.

use flusso_compiler::files::schema::{AggregateOp, Columns, Field, Kind, Link, Literal, Schema};
use flusso_compiler::mapping;

/// A field as `check` shows it.
#[derive(Debug, PartialEq)]
pub struct Shown<'a> {
    /// The key in the document.
    pub name: &'a str,
    /// The OpenSearch type.
    pub ty: &'a str,
    /// Whether a document can hold null there.
    pub nullable: bool,
    /// Whether it holds a list of plain values.
    pub array: bool,
    /// As it was written.
    pub field: &'a Field,
    /// Fields within.
    pub children: Vec<Shown<'a>>,
}

/// The fields of a schema, in the order written.
pub fn fields(schema: &Schema) -> Vec<Shown<'_>> {
    shown(&schema.fields, schema.primary_key.as_ref())
}

fn shown<'a>(fields: &'a [Field], key: Option<&Columns>) -> Vec<Shown<'a>> {
    fields.iter().map(|field| one(field, key)).collect()
}

/// `key` is that of the table the field stands on: its columns are never null.
fn one<'a>(field: &'a Field, key: Option<&Columns>) -> Shown<'a> {
    let (nullable, children) = match &field.kind {
        Kind::Column(column) => {
            let read = column.from.column();
            let in_key = key.zip(read).is_some_and(|(key, read)| key.value.contains(&read.value));
            (column.nullable && !in_key && column.default.is_none(), vec![])
        }
        Kind::Object(fields) => (false, shown(fields, key)),
        Kind::Geo { nullable, .. } => (*nullable, vec![]),
        Kind::Join(join) => {
            let to_one = matches!(join.link, Link::BelongsTo(_) | Link::HasOne(_));
            (to_one && join.nullable, shown(&join.fields, Some(&join.primary_key)))
        }
        Kind::Rows(rows) => (rows.one && rows.nullable, shown(&rows.fields, None)),
        Kind::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::Count
            | AggregateOp::CountOf(_)
            | AggregateOp::CountDistinct(_)
            | AggregateOp::Ids(_)
            | AggregateOp::ArrayAgg(..) => (false, vec![]),
            AggregateOp::Sum(_)
            | AggregateOp::Avg(_)
            | AggregateOp::Min(_)
            | AggregateOp::Max(_)
            | AggregateOp::BoolAnd(_)
            | AggregateOp::BoolOr(_)
            | AggregateOp::StringAgg(..) => (true, vec![]),
        },
        Kind::Constant(value) => (*value == Literal::Null, vec![]),
    };
    let array = matches!(&field.kind, Kind::Aggregate(it)
        if matches!(it.op, AggregateOp::Ids(_) | AggregateOp::ArrayAgg(..)));
    Shown { name: &field.name, ty: mapping::type_of(field), nullable, array, field, children }
}
