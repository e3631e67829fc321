//! The content hash in the name of an index: equal schemas share an index, others never do.
//!
//! FNV-1a over a byte stream that is a format: flusso 0.15 made it from the layout of its own
//! types, and a deployment keeps its indexes only if every byte here is the same. What this
//! version adds (keys of several columns, tables of another database schema, SQL) is written with
//! bytes that the old stream cannot hold, so it collides with nothing.

use std::collections::BTreeMap;

use crate::catalog::TableName;
use crate::expr::OnFailure;
use crate::files::schema::{
    Aggregate, AggregateKey, AggregateOp, Column, Direction, Field, FieldType, Filter, FilterOp,
    FilterValue, Join, Kind, Link, Literal, Marker, Order, OrderBy, Origin, Rows, RowsFrom, Schema,
    Through, Transform,
};
use crate::sql::Sql;

/// The hash of what a schema says, whatever the index is called.
pub fn schema(schema: &Schema) -> u32 {
    let mut hasher = Hasher { state: EMPTY, home: &schema.db_schema };
    hasher.byte(schema.version);
    hasher.table(&schema.table);
    hasher.text(&schema.db_schema);
    hasher.option(&schema.primary_key, |hasher, key| hasher.columns(key));
    // `doc_id`, which no schema has.
    hasher.tag(0);
    hasher.option(&schema.soft_delete, |hasher, soft_delete| {
        let (tag, name) = match &soft_delete.marker {
            Marker::Field(name) => (0, name),
            Marker::Column(name) => (1, name),
        };
        hasher.tag(tag);
        hasher.text(name);
        hasher.filters(&soft_delete.when);
    });
    hasher.condition(&schema.condition);
    hasher.filters(&schema.filters);
    hasher.list(&schema.fields, Hasher::field);
    hasher.state
}

/// The hash of any bytes.
pub fn bytes(bytes: &[u8]) -> u32 {
    let mut hasher = Hasher { state: EMPTY, home: "" };
    hasher.bytes(bytes);
    hasher.state
}

/// Of nothing.
const EMPTY: u32 = 0x811c_9dc5;

/// FNV-1a in 32 bits.
struct Hasher<'a> {
    state: u32,
    /// The schema's database schema.
    home: &'a str,
}

impl Hasher<'_> {
    fn byte(&mut self, byte: u8) {
        self.state = (self.state ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// Which variant of an enum follows.
    fn tag(&mut self, tag: u64) {
        self.bytes(&tag.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.byte(0xff);
    }

    fn option<T>(&mut self, value: &Option<T>, write: impl Fn(&mut Self, &T)) {
        self.tag(u64::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.bytes(&(items.len() as u64).to_le_bytes());
        for item in items {
            write(self, item);
        }
    }

    /// Qualified only where the schema's own database schema is left; names hold no point.
    fn table(&mut self, table: &TableName) {
        self.text(&table.within(self.home));
    }

    /// One column is its name. Several begin with a byte that no text holds.
    fn columns(&mut self, columns: &[String]) {
        match columns {
            [one] => self.text(one),
            several => {
                self.byte(0xfe);
                self.list(several, |hasher, column| hasher.text(column));
            }
        }
    }

    fn field(&mut self, field: &Field) {
        self.text(&field.name);
        self.map(&field.options);
        match &field.kind {
            Kind::Column(column) => {
                self.tag(0);
                self.column(column);
            }
            Kind::Object(fields) => {
                self.tag(1);
                self.list(fields, Hasher::field);
            }
            Kind::Geo { lat, lon, nullable } => {
                self.tag(2);
                self.text(lat);
                self.text(lon);
                self.byte(u8::from(*nullable));
            }
            Kind::Join(join) => {
                self.tag(3);
                self.tag(0);
                self.join(join);
            }
            Kind::Rows(rows) => {
                self.tag(3);
                self.byte(0xf9);
                self.rows(rows);
            }
            Kind::Aggregate(aggregate) => {
                self.tag(3);
                self.tag(1);
                self.aggregate(aggregate);
            }
            Kind::Constant(value) => {
                self.tag(4);
                self.literal(value);
            }
        }
    }

    /// Written only where it was said, before filters, whose tag begins with another byte.
    fn condition(&mut self, condition: &Option<Sql>) {
        if let Some(condition) = condition {
            self.sql(condition);
        }
    }

    /// SQL without the blanks around it.
    fn sql(&mut self, sql: &Sql) {
        self.byte(0xfd);
        self.text(sql.text.trim());
    }

    fn origin(&mut self, of: &Origin) {
        match of {
            Origin::Column(column) => self.text(column),
            Origin::Sql(sql) => self.sql(sql),
        }
    }

    fn column(&mut self, column: &Column) {
        self.origin(&column.from);
        self.ty(&column.ty);
        self.byte(u8::from(column.nullable));
        self.list(&column.transforms, |hasher, transform| match transform {
            Transform::Lowercase => hasher.tag(0),
            Transform::Trim => hasher.tag(1),
        });
        self.option(&column.default, |hasher, default| hasher.literal(default));
        self.list(&column.variants, |hasher, variant| hasher.text(variant));
        if column.on_error == OnFailure::Skip {
            self.byte(0xfa);
        }
    }

    fn ty(&mut self, ty: &FieldType) {
        self.tag(match ty {
            FieldType::Text => 0,
            FieldType::Identifier => 1,
            FieldType::Keyword => 2,
            FieldType::Enum => 3,
            FieldType::Uuid => 4,
            FieldType::Boolean => 5,
            FieldType::Short => 6,
            FieldType::Integer => 7,
            FieldType::Long => 8,
            FieldType::Float => 9,
            FieldType::Double => 10,
            FieldType::Decimal => 11,
            FieldType::Date => 12,
            FieldType::Timestamp => 13,
            FieldType::Binary => 14,
            FieldType::Json => 15,
            FieldType::Map(_) => 16,
            FieldType::GeoPoint => 17,
            FieldType::Custom { .. } => 18,
        });
        match ty {
            FieldType::Map(values) => self.ty(values),
            FieldType::Custom { postgres, opensearch } => {
                self.list(postgres, |hasher, name| hasher.text(name));
                self.text(opensearch);
            }
            _ => {}
        }
    }

    fn join(&mut self, join: &Join) {
        self.table(&join.table);
        match &join.link {
            Link::BelongsTo(column) => {
                self.tag(0);
                self.columns(column);
            }
            Link::HasOne(key) => {
                self.tag(1);
                self.columns(key);
            }
            Link::HasMany(key) => {
                self.tag(2);
                self.columns(key);
            }
            Link::ManyToMany(through) => {
                self.tag(3);
                self.through(through);
            }
        }
        self.columns(&join.primary_key);
        self.byte(u8::from(join.nullable));
        self.condition(&join.condition);
        self.filters(&join.filters);
        self.order_by(&join.order_by);
        self.option(&join.limit, |hasher, limit| hasher.bytes(&limit.to_le_bytes()));
        self.list(&join.fields, Hasher::field);
    }

    fn rows(&mut self, rows: &Rows) {
        self.byte(u8::from(rows.one));
        self.byte(u8::from(matches!(rows.from, RowsFrom::Select(_))));
        self.sql(rows.from.sql());
        self.byte(u8::from(rows.nullable));
        self.option(&rows.condition, Hasher::sql);
        self.option(&rows.order_by, Hasher::sql);
        self.option(&rows.limit, |hasher, limit| hasher.bytes(&limit.to_le_bytes()));
        self.list(&rows.fields, Hasher::field);
    }

    fn through(&mut self, through: &Through) {
        self.table(&through.table);
        self.columns(&through.left_key);
        self.columns(&through.right_key);
    }

    fn order_by(&mut self, order: &Option<Order>) {
        match order {
            None => self.tag(0),
            Some(Order::Columns(list)) => {
                self.tag(1);
                self.list(list, Hasher::order);
            }
            Some(Order::Sql(sql)) => {
                self.tag(2);
                self.sql(sql);
            }
        }
    }

    fn order(&mut self, order: &OrderBy) {
        self.text(&order.column);
        self.option(&order.direction, |hasher, direction| match direction {
            Direction::Asc => hasher.tag(0),
            Direction::Desc => hasher.tag(1),
        });
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        self.table(&aggregate.table);
        let (tag, of) = match &aggregate.op {
            AggregateOp::Count => (0, None),
            AggregateOp::Sum(of) => (1, Some(of)),
            AggregateOp::Avg(of) => (2, Some(of)),
            AggregateOp::Min(of) => (3, Some(of)),
            AggregateOp::Max(of) => (4, Some(of)),
            AggregateOp::Ids(_) => (5, None),
            AggregateOp::CountOf(_) => (6, None),
            AggregateOp::CountDistinct(of) => (7, Some(of)),
            AggregateOp::BoolAnd(of) => (8, Some(of)),
            AggregateOp::BoolOr(of) => (9, Some(of)),
            AggregateOp::StringAgg(of, _) => (10, Some(of)),
            AggregateOp::ArrayAgg(of, _) => (11, Some(of)),
        };
        self.tag(tag);
        if let Some(of) = of {
            self.origin(of);
        }
        match &aggregate.op {
            AggregateOp::Ids(ty) | AggregateOp::ArrayAgg(_, ty) => self.ty(ty),
            AggregateOp::CountOf(sql) => self.sql(sql),
            AggregateOp::StringAgg(_, separator) => self.text(separator),
            _ => {}
        }
        match &aggregate.key {
            AggregateKey::Direct(key) => {
                self.tag(0);
                self.columns(key);
            }
            AggregateKey::Through(through) => {
                self.tag(1);
                self.through(through);
            }
            AggregateKey::Join(sql) => {
                self.tag(2);
                self.sql(sql);
            }
        }
        self.option(&aggregate.value_type, Hasher::ty);
        self.condition(&aggregate.condition);
        self.filters(&aggregate.filters);
        // No field before it takes an order, so there is nothing to tell it from.
        if let Some(order) = &aggregate.order_by {
            self.order_by(&Some(order.clone()));
        }
    }

    fn filters(&mut self, filters: &Option<Vec<Filter>>) {
        self.option(filters, |hasher, filters| hasher.list(filters, Hasher::filter));
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::Raw(sql) => {
                self.tag(0);
                self.text(sql.text.trim());
            }
            Filter::NullCheck(column, is_null) => {
                self.tag(1);
                self.text(column);
                self.tag(u64::from(!is_null));
            }
            Filter::Compare { column, op, value } => {
                self.tag(2);
                self.text(column);
                self.tag(match op.value {
                    FilterOp::Eq => 0,
                    FilterOp::Neq => 1,
                    FilterOp::Lt => 2,
                    FilterOp::Lte => 3,
                    FilterOp::Gt => 4,
                    FilterOp::Gte => 5,
                    FilterOp::In => 6,
                    FilterOp::NotIn => 7,
                    FilterOp::Like => 8,
                    FilterOp::Ilike => 9,
                    FilterOp::Between => 10,
                });
                match &value.value {
                    FilterValue::Single(value) => {
                        self.tag(0);
                        self.text(value);
                    }
                    FilterValue::List(values) => {
                        self.tag(1);
                        self.list(values, |hasher, value| hasher.text(value));
                    }
                    FilterValue::Range(low, high) => {
                        self.tag(2);
                        self.text(low);
                        self.text(high);
                    }
                }
            }
        }
    }

    fn map(&mut self, map: &BTreeMap<String, Literal>) {
        self.bytes(&(map.len() as u64).to_le_bytes());
        for (key, value) in map {
            self.text(key);
            self.literal(value);
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Null => self.tag(0),
            Literal::Bool(value) => {
                self.tag(1);
                self.byte(u8::from(*value));
            }
            Literal::Int(value) => {
                self.tag(4);
                self.bytes(&value.to_le_bytes());
            }
            Literal::Decimal(text) => {
                self.tag(7);
                self.decimal(text);
            }
            Literal::String(text) => {
                self.tag(8);
                self.text(text);
            }
            Literal::Array(items) => {
                self.tag(15);
                self.list(items, Hasher::literal);
            }
            Literal::Map(map) => {
                self.tag(16);
                self.map(map);
            }
        }
    }

    /// Ninety-six bits of digits, then the scale in bits 16 to 23 and the sign in bit 31; without
    /// zeros at the end of the fraction.
    fn decimal(&mut self, text: &str) {
        let unsigned = text.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let fraction = fraction.trim_end_matches('0');
        // A decimal was made from at most 29 digits, which fit.
        let digits: u128 = format!("{whole}{fraction}").parse().unwrap_or(0);
        let sign = if text.starts_with('-') && digits != 0 { 1 << 31 } else { 0 };
        let flags = (fraction.len() as u32) << 16 | sign;
        self.bytes(&digits.to_le_bytes()[..12]);
        self.bytes(&flags.to_le_bytes());
    }
}
