//! A schema file as values: what a search document is, in the author's words.
//!
//! The types follow the reference's converted form (`Join`, `Aggregate`, `Filter` and so on),
//! because index names carry a hash over exactly that form; see `hash`. What is ours beside it:
//! keys of several columns, and tables of other database schemas.

use std::collections::BTreeMap;

use crate::catalog::TableName;
use crate::diagnostics::{At, Place};
use crate::expr::OnFailure;
use crate::sql::Sql;

/// A `*.schema.yml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Always 1.
    pub version: u8,
    /// The root table; its database schema is `schema:` unless written as `other.table`.
    pub table: At<TableName>,
    /// `schema:`, where every table without one of its own is looked up.
    pub db_schema: String,
    /// `primary_key:`, one column or several; none when not given.
    pub primary_key: Option<Columns>,
    /// Which rows count as deleted.
    pub soft_delete: Option<SoftDelete>,
    /// Which rows are documents. `Some` and empty differs from none in the hash.
    pub filters: Option<Vec<Filter>>,
    /// `where:`, beside the filters.
    pub condition: Option<Sql>,
    /// What the document says, in the order written.
    pub fields: Vec<Field>,
    /// The whole file.
    pub place: Place,
}

/// One column or several, in order.
pub type Columns = At<Vec<String>>;

/// `soft_delete:`.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftDelete {
    /// The column, or the field that reads it.
    pub marker: Marker,
    /// Only when these hold too.
    pub when: Option<Vec<Filter>>,
}

/// What marks a row as deleted.
#[derive(Clone, Debug, PartialEq)]
pub enum Marker {
    /// A column of the root table.
    Column(At<String>),
    /// A field of the document that reads one.
    Field(At<String>),
}

/// A field of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key in the document.
    pub name: At<String>,
    /// OpenSearch mapping properties, those injected by the type included
    /// (`analyzer: flusso_code` for `identifier`, `dynamic: true` for `map`).
    pub options: BTreeMap<String, Literal>,
    /// What it is.
    pub kind: Kind,
}

/// What a field is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A column of the row in scope.
    Column(Column),
    /// `object`: fields of the same row.
    Object(Vec<Field>),
    /// `geo` over two columns.
    Geo {
        /// Latitude.
        lat: At<String>,
        /// Longitude.
        lon: At<String>,
        /// `!required`.
        nullable: bool,
    },
    /// Rows of another table.
    Join(Join),
    /// Rows of other tables, said in SQL.
    Rows(Rows),
    /// One value over rows of another table.
    Aggregate(Aggregate),
    /// The same in each document.
    Constant(Literal),
}

/// What a value is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A column of the row in scope.
    Column(At<String>),
    /// `sql:`, an expression over the row in scope.
    Sql(Sql),
}

impl Origin {
    /// The column, when it is one.
    pub fn column(&self) -> Option<&At<String>> {
        match self {
            Origin::Column(column) => Some(column),
            Origin::Sql(_) => None,
        }
    }

    /// Where it was written.
    pub fn place(&self) -> Place {
        match self {
            Origin::Column(column) => column.place,
            Origin::Sql(sql) => sql.place,
        }
    }
}

/// A scalar, `enum`, `map`, `custom` or one-column `geo` field.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What is read.
    pub from: Origin,
    /// The declared type.
    pub ty: FieldType,
    /// `!required`.
    pub nullable: bool,
    /// Applied to the column's text, first innermost.
    pub transforms: Vec<Transform>,
    /// Instead of NULL, after the transforms.
    pub default: Option<At<Literal>>,
    /// `variants` of an `enum`, in order.
    pub variants: Vec<String>,
    /// `on_error`, beside `sql`.
    pub on_error: OnFailure,
}

/// The declared types. The order is that of the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FieldType {
    Text,
    Identifier,
    Keyword,
    Enum,
    Uuid,
    Boolean,
    Short,
    Integer,
    Long,
    Float,
    Double,
    Decimal,
    Date,
    Timestamp,
    Binary,
    Json,
    /// With the type of its values.
    Map(Box<FieldType>),
    GeoPoint,
    /// `custom`: accepted Postgres types, and the OpenSearch type.
    Custom {
        postgres: Vec<String>,
        opensearch: String,
    },
}

impl FieldType {
    /// The tag an author writes.
    pub fn tag(&self) -> &'static str {
        match self {
            FieldType::Text => "text",
            FieldType::Identifier => "identifier",
            FieldType::Keyword => "keyword",
            FieldType::Enum => "enum",
            FieldType::Uuid => "uuid",
            FieldType::Boolean => "boolean",
            FieldType::Short => "short",
            FieldType::Integer => "integer",
            FieldType::Long => "long",
            FieldType::Float => "float",
            FieldType::Double => "double",
            FieldType::Decimal => "decimal",
            FieldType::Date => "date",
            FieldType::Timestamp => "timestamp",
            FieldType::Binary => "binary",
            FieldType::Json => "json",
            FieldType::Map(_) => "map",
            FieldType::GeoPoint => "geo",
            FieldType::Custom { .. } => "custom",
        }
    }
}

/// `transforms:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// `lower()`.
    Lowercase,
    /// `trim()`: blanks only.
    Trim,
}

/// `belongs_to`, `has_one`, `has_many`, `many_to_many`.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// The related table.
    pub table: At<TableName>,
    /// Which verb, and by which columns.
    pub link: Link,
    /// Declared key of the related table; the catalog's decides when there is one.
    pub primary_key: Columns,
    /// To-one: `!required`; to-many: false.
    pub nullable: bool,
    /// Rows for which these do not hold are left out.
    pub filters: Option<Vec<Filter>>,
    /// `where:`, beside the filters.
    pub condition: Option<Sql>,
    /// The order of the rows.
    pub order_by: Option<Order>,
    /// At most so many rows.
    pub limit: Option<u64>,
    /// What each element says.
    pub fields: Vec<Field>,
}

/// A relation by `join:` or `select:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The first row as an object, or null, instead of an array.
    pub one: bool,
    /// Where the rows come from.
    pub from: RowsFrom,
    /// `!required`, of one.
    pub nullable: bool,
    /// `where:`.
    pub condition: Option<Sql>,
    /// `order_by:`.
    pub order_by: Option<Sql>,
    /// At most so many rows.
    pub limit: Option<u64>,
    /// What each element says.
    pub fields: Vec<Field>,
}

/// Where the rows of a relation in SQL come from.
#[derive(Clone, Debug, PartialEq)]
pub enum RowsFrom {
    /// What follows JOIN; the first table is the one that bare columns belong to.
    Join(Sql),
    /// A whole query, whose columns the fields name.
    Select(Sql),
}

impl RowsFrom {
    /// How it was written.
    pub fn sql(&self) -> &Sql {
        match self {
            RowsFrom::Join(sql) | RowsFrom::Select(sql) => sql,
        }
    }
}

/// The verb of a join.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// `column` on this table holds the related table's key.
    BelongsTo(Columns),
    /// `foreign_key` on the related table holds this table's key; one row.
    HasOne(Columns),
    /// The same; many rows.
    HasMany(Columns),
    /// Through a junction table.
    ManyToMany(Through),
}

/// `through:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Through {
    /// The junction table.
    pub table: At<TableName>,
    /// Its columns that hold this table's key.
    pub left_key: Columns,
    /// Its columns that hold the related table's key.
    pub right_key: Columns,
}

/// `order_by:`.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// A list of columns.
    Columns(Vec<OrderBy>),
    /// As after `ORDER BY`.
    Sql(Sql),
}

/// `order_by:` item.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderBy {
    /// Column of the related table.
    pub column: At<String>,
    /// None when not written, which is ascending and hashes differently.
    pub direction: Option<Direction>,
}

/// `direction:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Direction {
    Asc,
    Desc,
}

/// One value over rows of another table.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The related table.
    pub table: At<TableName>,
    /// The function, with its column.
    pub op: AggregateOp,
    /// How its rows belong to this row.
    pub key: AggregateKey,
    /// Declared type of `sum`, `min`, `max`.
    pub value_type: Option<FieldType>,
    /// Only rows for which these hold.
    pub filters: Option<Vec<Filter>>,
    /// `where:`, beside the filters.
    pub condition: Option<Sql>,
    /// The order in which `string_agg` and `array_agg` take the rows.
    pub order_by: Option<Order>,
}

/// The function of an aggregate. The order is that of the hash.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum AggregateOp {
    Count,
    Sum(Origin),
    Avg(Origin),
    Min(Origin),
    Max(Origin),
    /// With `element_type`.
    Ids(FieldType),
    /// `count` with `sql`: of the values that are not NULL.
    CountOf(Sql),
    CountDistinct(Origin),
    BoolAnd(Origin),
    BoolOr(Origin),
    /// With `separator`.
    StringAgg(Origin, String),
    /// With `element_type`.
    ArrayAgg(Origin, FieldType),
}

impl AggregateOp {
    /// What it is taken of; none when it counts rows or lists keys.
    pub fn of(&self) -> Option<Origin> {
        match self {
            AggregateOp::Count | AggregateOp::Ids(_) => None,
            AggregateOp::CountOf(sql) => Some(Origin::Sql(sql.clone())),
            AggregateOp::Sum(of)
            | AggregateOp::Avg(of)
            | AggregateOp::Min(of)
            | AggregateOp::Max(of)
            | AggregateOp::CountDistinct(of)
            | AggregateOp::BoolAnd(of)
            | AggregateOp::BoolOr(of)
            | AggregateOp::StringAgg(of, _)
            | AggregateOp::ArrayAgg(of, _) => Some(of.clone()),
        }
    }
}

/// By what an aggregate's rows are found.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregateKey {
    /// Columns of the related table that hold this table's key.
    Direct(Columns),
    /// Through a junction.
    Through(Through),
    /// What follows JOIN; the related table is the first in it.
    Join(Sql),
}

/// A condition on the columns of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// A condition in SQL.
    Raw(Sql),
    /// `is_null` (true) or `is_not_null` (false).
    NullCheck(At<String>, bool),
    /// A comparison with constants, which are texts cast to the column's type.
    Compare {
        /// The column.
        column: At<String>,
        /// The operator.
        op: At<FilterOp>,
        /// The constants.
        value: At<FilterValue>,
    },
}

/// The operators of filters. The order is that of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FilterOp {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    NotIn,
    Like,
    Ilike,
    Between,
}

/// The constants of a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum FilterValue {
    /// One.
    Single(String),
    /// `in`, `not_in`.
    List(Vec<String>),
    /// `between`.
    Range(String, String),
}

/// A YAML value as the reference converts it.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer in 64 bits.
    Int(i64),
    /// Another number, exact, in its shortest decimal text (at most 28 digits).
    Decimal(String),
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Literal>),
    /// A map with text keys.
    Map(BTreeMap<String, Literal>),
}
