//! Whether the declared types of fields go with what the database has.
//!
//! `plan::build` says what cannot run. This says more, field by field: types that a value would
//! not survive, and promises (`required`) that the database does not make.

use crate::catalog::{Catalog, Column as DbColumn, Table, TableName};
use crate::diagnostics::{Severity, nearest};
use crate::files::config::Config;
use crate::files::schema::{Aggregate, AggregateOp, Column, Field, FieldType, Kind};
use crate::types::SqlType;

/// One disagreement of a field with the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The index.
    pub index: String,
    /// The bare name of the field.
    pub field: String,
    /// How bad.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

/// Every disagreement of the enabled indexes, in the order written.
pub fn check(config: &Config, catalog: &Catalog) -> Vec<Finding> {
    let mut check = Check { catalog, index: String::new(), findings: Vec::new() };
    for entry in config.indexes.iter().filter(|entry| entry.enabled) {
        check.index.clone_from(&entry.name.value);
        let table = check.table(&entry.name, &entry.schema.table);
        if let Some(table) = table {
            check.fields(&entry.schema.fields, &entry.schema.table, table);
        }
    }
    check.findings
}

struct Check<'a> {
    catalog: &'a Catalog,
    index: String,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    fn say(&mut self, field: &str, severity: Severity, message: String) {
        let (index, field) = (self.index.clone(), field.to_owned());
        self.findings.push(Finding { index, field, severity, message });
    }

    fn table(&mut self, field: &str, name: &TableName) -> Option<&'a Table> {
        let table = self.catalog.table(name);
        if table.is_none() {
            let names: Vec<String> = self.catalog.names.iter().map(TableName::to_string).collect();
            let near = suggestion(&name.to_string(), names.iter().map(String::as_str));
            self.say(field, Severity::Error, format!("references unknown table `{name}`{near}"));
        }
        table
    }

    fn column(
        &mut self,
        field: &str,
        of: &TableName,
        table: &'a Table,
        name: &str,
    ) -> Option<&'a DbColumn> {
        let column = table.column(name);
        if column.is_none() {
            let near = suggestion(name, table.columns.iter().map(|it| it.name.as_str()));
            let (schema, table) = (&of.schema, &of.name);
            let message = format!("references unknown column `{schema}.{table}.{name}`{near}");
            self.say(field, Severity::Error, message);
        }
        column
    }

    fn fields(&mut self, fields: &[Field], name: &TableName, table: &'a Table) {
        for field in fields {
            match &field.kind {
                Kind::Column(column) => self.value(field, column, name, table),
                Kind::Object(fields) => self.fields(fields, name, table),
                Kind::Geo { lat, lon, .. } => {
                    for coordinate in [lat, lon] {
                        self.coordinate(field, name, table, coordinate);
                    }
                }
                Kind::Join(join) => {
                    if let Some(related) = self.table(&field.name, &join.table) {
                        self.fields(&join.fields, &join.table, related);
                    }
                }
                Kind::Aggregate(aggregate) => self.aggregate(field, aggregate),
                Kind::Constant(_) => {}
            }
        }
    }

    fn value(&mut self, field: &Field, column: &Column, name: &TableName, table: &'a Table) {
        let Some(found) = self.column(&field.name, name, table, &column.column) else { return };
        if !accepts(&column.ty, found) {
            let ty = &found.type_name;
            let message =
                format!("declared type does not accept the column's database type `{ty}`");
            self.say(&field.name, Severity::Error, message);
        }
        let key = table.primary_key.contains(&found.name);
        if !column.nullable && !found.not_null && column.default.is_none() && !key {
            let message = "declared non-null (`required`) but the database column allows null";
            self.say(&field.name, Severity::Warning, message.to_owned());
        }
    }

    fn coordinate(&mut self, field: &Field, name: &TableName, table: &'a Table, column: &str) {
        let Some(found) = self.column(&field.name, name, table, column) else { return };
        if !is_numeric(&found.ty) {
            let ty = &found.type_name;
            let message =
                format!("geo_point coordinate column `{column}` must be numeric, found `{ty}`");
            self.say(&field.name, Severity::Error, message);
        }
    }

    fn aggregate(&mut self, field: &Field, aggregate: &Aggregate) {
        let Some(table) = self.table(&field.name, &aggregate.table) else { return };
        let (column, typed) = match &aggregate.op {
            AggregateOp::Count | AggregateOp::Ids(_) => return,
            AggregateOp::Avg(column) => (column, None),
            AggregateOp::Sum(column) | AggregateOp::Min(column) | AggregateOp::Max(column) => {
                (column, aggregate.value_type.as_ref())
            }
        };
        let Some(found) = self.column(&field.name, &aggregate.table, table, column) else { return };
        if typed.is_some_and(|ty| !accepts(ty, found)) {
            let ty = &found.type_name;
            let message = format!(
                "declared aggregate type does not accept the column's database type `{ty}`"
            );
            self.say(&field.name, Severity::Error, message);
        }
    }
}

fn suggestion<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> String {
    nearest(wrong, names).map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

fn is_numeric(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Int2
            | SqlType::Int4
            | SqlType::Int8
            | SqlType::Float4
            | SqlType::Float8
            | SqlType::Numeric(_)
    )
}

/// Whether values of a column are right for a declared type; an array is as good as its elements,
/// since OpenSearch makes no difference.
fn accepts(declared: &FieldType, column: &DbColumn) -> bool {
    let ty = match &column.ty {
        SqlType::Array(element) => element,
        other => other,
    };
    let text = matches!(ty, SqlType::Text | SqlType::Bpchar | SqlType::Citext | SqlType::Enum(_));
    let json = matches!(ty, SqlType::Json | SqlType::Jsonb);
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
        FieldType::Json | FieldType::Map(_) => json,
        FieldType::GeoPoint => json || text,
        FieldType::Custom { postgres, .. } => {
            let found = bare(&column.type_name);
            postgres.iter().any(|name| bare(name) == found)
        }
    }
}

/// A type's name in lower case, without modifiers and one pair of brackets at its end.
fn bare(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.strip_suffix("[]").unwrap_or(&name);
    match (name.find('('), name.rfind(')')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}", name[..open].trim_end(), &name[close + 1..])
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(ty: SqlType, type_name: &str) -> DbColumn {
        let (name, type_name) = ("c".to_owned(), type_name.to_owned());
        DbColumn { name, ty, type_name, not_null: true, width: None, distinct: None }
    }

    #[test]
    fn arrays_enums_and_listed_names_are_accepted_and_nothing_wider() {
        let numeric = column(SqlType::Numeric(Some(2)), "numeric(12,2)");
        let custom = |names: &[&str]| FieldType::Custom {
            postgres: names.iter().map(ToString::to_string).collect(),
            opensearch: "double".to_owned(),
        };
        assert!(accepts(&FieldType::Decimal, &numeric));
        assert!(!accepts(&FieldType::Integer, &numeric));
        assert!(accepts(&custom(&["NUMERIC"]), &numeric));
        assert!(!accepts(&custom(&["decimal"]), &numeric));
        assert!(!accepts(&custom(&[]), &numeric));
        let list = column(SqlType::Array(Box::new(SqlType::Int4)), "integer[]");
        assert!(accepts(&FieldType::Integer, &list));
        assert!(!accepts(&FieldType::Long, &list));
        assert!(accepts(&FieldType::Keyword, &column(SqlType::Enum(vec![]), "mood")));
        let at = column(SqlType::TimestampTz, "timestamp(3) with time zone");
        assert!(accepts(&custom(&["timestamp with time zone"]), &at));
    }
}
