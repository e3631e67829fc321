//! What only a database knows of the files: unknown columns, types that do not fit, NULLs where
//! a value is promised.
//!
//! [`plan::build`](crate::plan::build) refuses what cannot run. This says what would run and not
//! do what its author expects: a declared type whose mapping the column's values do not fit.

use crate::catalog::{Catalog, Column, Table, TableName};
use crate::diagnostics::Severity;
use crate::files::config::Config;
use crate::files::schema::{self, AggregateOp, Field, FieldType, Kind};
use crate::types::SqlType;

/// Something a field and the database do not agree on.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The index.
    pub index: String,
    /// The field's own name.
    pub field: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
}

/// Everything of the enabled indexes that the catalog contradicts.
pub fn check(config: &Config, catalog: &Catalog) -> Vec<Finding> {
    let mut found = Vec::new();
    for entry in config.indexes.iter().filter(|entry| entry.enabled) {
        let mut check = Check { catalog, index: &entry.name, found: &mut found };
        check.fields(&entry.schema.table, &entry.schema.fields);
    }
    found
}

struct Check<'a> {
    catalog: &'a Catalog,
    index: &'a str,
    found: &'a mut Vec<Finding>,
}

impl Check<'_> {
    fn say(&mut self, field: &Field, severity: Severity, message: String) {
        let (index, field) = (self.index.to_owned(), field.name.value.clone());
        self.found.push(Finding { index, field, severity, message });
    }

    fn fields(&mut self, table: &TableName, fields: &[Field]) {
        let known = self.catalog.table(table);
        for field in fields {
            match &field.kind {
                Kind::Column(column) => self.column(field, table, known, column),
                Kind::Object(fields) => self.fields(table, fields),
                Kind::Geo { lat, lon, .. } => {
                    for name in [lat, lon] {
                        let Some(column) = self.known(field, table, known, name) else { continue };
                        if !column.ty.is_number() {
                            let message = format!(
                                "column `{}` is {}, and a coordinate is a number",
                                column.name, column.type_name
                            );
                            self.say(field, Severity::Error, message);
                        }
                    }
                }
                Kind::Join(join) => self.fields(&join.table, &join.fields),
                Kind::Aggregate(aggregate) => self.aggregate(field, aggregate),
                Kind::Constant(_) => {}
            }
        }
    }

    fn known<'t>(
        &mut self,
        field: &Field,
        table: &TableName,
        known: Option<&'t Table>,
        name: &str,
    ) -> Option<&'t Column> {
        let column = known?.column(name);
        if column.is_none() {
            let message = format!("table `{table}` has no column `{name}`");
            self.say(field, Severity::Error, message);
        }
        column
    }

    fn column(
        &mut self,
        field: &Field,
        table: &TableName,
        known: Option<&Table>,
        declared: &schema::Column,
    ) {
        let Some(column) = self.known(field, table, known, &declared.column) else { return };
        if !accepts(&declared.ty, column) {
            let message = format!(
                "column `{}` is {}, which no `{}` field takes",
                column.name,
                column.type_name,
                declared.ty.tag()
            );
            self.say(field, Severity::Error, message);
        }
        let key = known.is_some_and(|table| table.primary_key.contains(&column.name));
        if !declared.nullable && !column.not_null && declared.default.is_none() && !key {
            let message =
                format!("column `{}` may be NULL, and the field is required", column.name);
            self.say(field, Severity::Warning, message);
        }
    }

    fn aggregate(&mut self, field: &Field, aggregate: &schema::Aggregate) {
        let (AggregateOp::Sum(column) | AggregateOp::Min(column) | AggregateOp::Max(column)) =
            &aggregate.op
        else {
            return;
        };
        let known = self.catalog.table(&aggregate.table);
        let Some(column) = self.known(field, &aggregate.table, known, column) else { return };
        if let Some(declared) = &aggregate.value_type
            && !accepts(declared, column)
        {
            let (column, ty) = (&column.name, &column.type_name);
            let message = format!("column `{column}` is {ty}, which is no {}", declared.tag());
            self.say(field, Severity::Error, message);
        }
    }
}

/// Whether a field of the declared type takes the column's values, arrays of them included.
fn accepts(declared: &FieldType, column: &Column) -> bool {
    if let FieldType::Custom { postgres, .. } = declared {
        let bare = |name: &str| name.split(['(', '[']).next().map(|it| it.trim().to_lowercase());
        return postgres.iter().any(|one| bare(one) == bare(&column.type_name));
    }
    let ty = match &column.ty {
        SqlType::Array(element) => element,
        ty => ty,
    };
    let text = ty.is_text() || matches!(ty, SqlType::Enum(_));
    match declared {
        FieldType::Text | FieldType::Identifier | FieldType::Keyword | FieldType::Enum => text,
        FieldType::Uuid => *ty == SqlType::Uuid,
        FieldType::Boolean => *ty == SqlType::Bool,
        FieldType::Short => *ty == SqlType::Int2,
        FieldType::Integer => *ty == SqlType::Int4,
        FieldType::Long => *ty == SqlType::Int8,
        FieldType::Float => *ty == SqlType::Float4,
        FieldType::Double => *ty == SqlType::Float8,
        FieldType::Decimal => matches!(ty, SqlType::Numeric(_) | SqlType::Money),
        FieldType::Date => *ty == SqlType::Date,
        FieldType::Timestamp => matches!(
            ty,
            SqlType::Timestamp | SqlType::TimestampTz | SqlType::Time | SqlType::TimeTz
        ),
        FieldType::Binary => *ty == SqlType::Bytea,
        FieldType::Json | FieldType::Map(_) => matches!(ty, SqlType::Json | SqlType::Jsonb),
        FieldType::GeoPoint => text || matches!(ty, SqlType::Json | SqlType::Jsonb),
        FieldType::Custom { .. } => true,
    }
}
