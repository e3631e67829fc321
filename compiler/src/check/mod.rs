//! What only a database knows of the files: unknown columns, types that do not fit, NULLs where
//! a value is promised.
//!
//! [`plan::build`](crate::plan::build) refuses what cannot run. This says what would run and not
//! do what its author expects: a declared type whose mapping the column's values do not fit.
//! What would run and be dear is in [`dear`].

pub mod dear;
mod length;

use crate::catalog::{Catalog, Column, Table, TableName};
use crate::diagnostics::{Diagnostic, Severity, nearest};
use crate::files::config::Config;
use crate::files::schema::{self, AggregateKey, AggregateOp, Field, FieldType, Kind, Origin};
use crate::sql::scope::{Named, Scope};
use crate::sql::{self, Ground, Sql};
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
        let home = &entry.schema.db_schema;
        let scopes = Vec::new();
        let mut check = Check { catalog, index: &entry.name, home, scopes, found: &mut found };
        let (table, condition) = (&entry.schema.table, entry.schema.condition.as_ref());
        check.row(table, |check| {
            check.condition(entry.schema.table.value.to_string(), condition);
            check.fields(table, &entry.schema.fields);
        });
    }
    found
}

struct Check<'a> {
    catalog: &'a Catalog,
    index: &'a str,
    /// Where bare names of tables are looked up.
    home: &'a str,
    /// The rows that SQL can name, the outermost first.
    scopes: Vec<Scope>,
    found: &'a mut Vec<Finding>,
}

impl Check<'_> {
    fn say(&mut self, field: &Field, severity: Severity, message: String) {
        let (index, field) = (self.index.to_owned(), field.name.value.clone());
        self.found.push(Finding { index, field, severity, message });
    }

    /// What is said while rows of a table are in scope.
    fn row(&mut self, table: &TableName, say: impl FnOnce(&mut Self)) {
        let named = Named::table(&table.name, table, Some(self.catalog));
        self.scopes.push(Scope { relations: vec![named] });
        say(self);
        self.scopes.pop();
    }

    fn ground(&self) -> Ground<'_> {
        Ground { catalog: Some(self.catalog), home: self.home, scopes: &self.scopes }
    }

    /// What is wrong with SQL, under the name of what it belongs to.
    fn wrong(&mut self, field: &str, found: Vec<Diagnostic>) {
        for one in found {
            let (index, field) = (self.index.to_owned(), field.to_owned());
            let (severity, message) = (one.severity, one.message);
            self.found.push(Finding { index, field, severity, message });
        }
    }

    fn condition(&mut self, field: String, condition: Option<&Sql>) {
        let Some(condition) = condition else { return };
        if let Err(found) = sql::condition(condition, "`where`", self.ground()) {
            self.wrong(&field, found);
        }
    }

    /// `sql:` of a field: names, types, and whether the field takes the values.
    fn expression(&mut self, field: &Field, sql: &Sql, declared: &FieldType) {
        match sql::value(sql, self.ground()) {
            Err(found) => self.wrong(&field.name, found),
            Ok(phrase) => {
                let name = phrase.ty.to_string();
                if !accepts(declared, &phrase.ty, &name) {
                    let tag = declared.tag();
                    let message = format!("the value is {name}, which a {tag} field does not take");
                    self.say(field, Severity::Error, message);
                }
            }
        }
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
                Kind::Join(join) => self.row(&join.table, |check| {
                    check.condition(field.name.value.clone(), join.condition.as_ref());
                    check.fields(&join.table, &join.fields);
                }),
                // Its names and types are checked with the plan.
                Kind::Aggregate(schema::Aggregate { key: AggregateKey::Join(_), .. })
                | Kind::Rows(_)
                | Kind::Constant(_) => {}
                Kind::Aggregate(aggregate) => {
                    self.row(&aggregate.table, |check| {
                        check.condition(field.name.value.clone(), aggregate.condition.as_ref());
                        check.aggregate(field, aggregate);
                    });
                }
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
        let columns = &known?.columns;
        let column = columns.iter().find(|column| column.name == name);
        if column.is_none() {
            let near = nearest(name, columns.iter().map(|column| column.name.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let message = format!("table `{table}` has no column `{name}`{near}");
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
        let name = match &declared.from {
            Origin::Column(name) => name,
            Origin::Sql(sql) => return self.expression(field, sql, &declared.ty),
        };
        let Some(column) = self.known(field, table, known, name) else { return };
        if !accepts(&declared.ty, &column.ty, &column.type_name) {
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
        let column = match (&aggregate.op, aggregate.op.of()) {
            (_, Some(Origin::Sql(sql))) => {
                if let Err(found) = sql::value(&sql, self.ground()) {
                    self.wrong(&field.name, found);
                }
                return;
            }
            (
                AggregateOp::Sum(_) | AggregateOp::Min(_) | AggregateOp::Max(_),
                Some(Origin::Column(column)),
            ) => column,
            _ => return,
        };
        let known = self.catalog.table(&aggregate.table);
        let Some(column) = self.known(field, &aggregate.table, known, &column) else { return };
        let summed = matches!(aggregate.op, AggregateOp::Sum(_)).then(|| sum_of(&column.ty));
        if let Some(declared) = &aggregate.value_type
            && !accepts(declared, &column.ty, &column.type_name)
            && !summed.is_some_and(|sum| accepts(declared, &sum, &column.type_name))
        {
            let (column, ty) = (&column.name, &column.type_name);
            let message = format!("column `{column}` is {ty}, which is no {}", declared.tag());
            self.say(field, Severity::Error, message);
        }
    }
}

/// The type of a sum.
fn sum_of(ty: &SqlType) -> SqlType {
    match ty {
        SqlType::Int2 | SqlType::Int4 => SqlType::Int8,
        SqlType::Int8 => SqlType::Numeric(None),
        ty => ty.clone(),
    }
}

/// Whether a field of the declared type takes the column's values, arrays of them included.
fn accepts(declared: &FieldType, ty: &SqlType, type_name: &str) -> bool {
    if let FieldType::Custom { postgres, .. } = declared {
        let bare = |name: &str| name.split(['(', '[']).next().map(|it| it.trim().to_lowercase());
        return postgres.iter().any(|one| bare(one) == bare(type_name));
    }
    let ty = match ty {
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
