//! The tables and columns a plan reads: each once, and each there.
//!
//! With a catalog every name is looked up where it was written. A table found unfit is reported
//! once, and its columns are then of unknown type, so that one mistake gives one message.

use std::collections::BTreeMap;

use super::{Column, ColumnId, KeyPart, Table, TableId};
use crate::catalog::{self, Catalog, TableName};
use crate::diagnostics::{At, Diagnostic, Place};
use crate::files::config::Config;
use crate::files::schema::{Columns, Field, Kind};
use crate::types::{Class, SqlType};

/// Tables met so far.
pub(super) struct Tables<'a> {
    catalog: Option<&'a Catalog>,
    /// Primary keys as the files say.
    declared: BTreeMap<&'a TableName, &'a Vec<String>>,
    tables: Vec<Table>,
    /// Per table; none without a catalog and for a table that was found unfit.
    known: Vec<Option<&'a catalog::Table>>,
    errors: Vec<Diagnostic>,
}

impl<'a> Tables<'a> {
    /// None yet.
    pub(super) fn new(config: &'a Config, catalog: Option<&'a Catalog>) -> Tables<'a> {
        let mut declared = BTreeMap::new();
        for entry in &config.indexes {
            if let Some(key) = &entry.schema.primary_key {
                declared.entry(&entry.schema.table.value).or_insert(&key.value);
            }
        }
        for entry in &config.indexes {
            declared_by_joins(&entry.schema.fields, &mut declared);
        }
        Tables { catalog, declared, tables: Vec::new(), known: Vec::new(), errors: Vec::new() }
    }

    /// The tables, and what was wrong with them.
    pub(super) fn finish(self) -> (Vec<Table>, Vec<Diagnostic>) {
        (self.tables, self.errors)
    }

    /// The table of that name.
    pub(super) fn table(&mut self, name: &At<TableName>) -> TableId {
        if let Some(at) = self.tables.iter().position(|table| table.name == name.value) {
            return TableId(at as u16);
        }
        let known = self.catalog.and_then(|catalog| match usable(catalog, name) {
            Ok(table) => Some(table),
            Err(error) => {
                self.errors.push(error);
                None
            }
        });
        let id = TableId(self.tables.len() as u16);
        let table = Table { name: name.value.clone(), key: Vec::new(), columns: Vec::new() };
        self.tables.push(table);
        self.known.push(known);

        let key = match known {
            Some(table) => table.primary_key.clone(),
            None => match self.declared.get(&name.value) {
                Some(columns) => (*columns).clone(),
                None => vec!["id".to_owned()],
            },
        };
        let part = |column: &String| {
            let column = self.column(id, column, name.place);
            KeyPart { column, class: self.ty(id, column).class() }
        };
        let key = key.iter().map(part).collect();
        self.tables[usize::from(id.0)].key = key;
        id
    }

    /// The column of that name, the same position each time.
    pub(super) fn column(&mut self, table: TableId, name: &str, place: Place) -> ColumnId {
        let at = usize::from(table.0);
        if let Some(found) = self.tables[at].columns.iter().position(|column| column.name == name) {
            return ColumnId(found as u16);
        }
        let ty = match self.known[at] {
            None => SqlType::Unknown,
            Some(known) => match known.column(name) {
                Some(column) => column.ty.clone(),
                None => {
                    self.errors.push(no_column(&self.tables[at].name, known, name, place));
                    SqlType::Unknown
                }
            },
        };
        let columns = &mut self.tables[at].columns;
        columns.push(Column { name: name.to_owned(), ty });
        ColumnId((columns.len() - 1) as u16)
    }

    /// The columns of these names.
    pub(super) fn columns(&mut self, table: TableId, names: &Columns) -> Vec<ColumnId> {
        names.value.iter().map(|name| self.column(table, name, names.place)).collect()
    }

    /// The primary key.
    pub(super) fn key(&self, table: TableId) -> Vec<KeyPart> {
        self.tables[usize::from(table.0)].key.clone()
    }

    /// The table's name.
    pub(super) fn name(&self, table: TableId) -> &TableName {
        &self.tables[usize::from(table.0)].name
    }

    /// The column's type.
    pub(super) fn ty(&self, table: TableId, column: ColumnId) -> SqlType {
        self.tables[usize::from(table.0)].column(column).ty.clone()
    }

    /// The column's name.
    pub(super) fn column_name(&self, table: TableId, column: ColumnId) -> &str {
        &self.tables[usize::from(table.0)].column(column).name
    }

    /// Complains when the root's declared key is not the one it has.
    pub(super) fn declared_key(&mut self, table: TableId, declared: &Columns) {
        let Some(known) = self.known[usize::from(table.0)] else { return };
        if known.primary_key != declared.value {
            let (name, real) = (self.name(table), known.primary_key.join(", "));
            let message =
                format!("the primary key of `{name}` is ({real}), not ({})", declared.join(", "));
            let help = match &known.primary_key[..] {
                [one] => format!("write `primary_key: {one}`"),
                _ => format!("write `primary_key: [{real}]`"),
            };
            self.errors.push(Diagnostic::error(declared.place, message).help(help));
        }
    }

    /// The class by which two columns meet; none when Postgres has no `=` for them. A type not
    /// known yet goes with any.
    pub(super) fn meet(&self, a: (TableId, ColumnId), b: (TableId, ColumnId)) -> Option<Class> {
        let (a, b) = (self.ty(a.0, a.1), self.ty(b.0, b.1));
        match (&a, &b) {
            (SqlType::Unknown, known) | (known, SqlType::Unknown) => Some(known.class()),
            (SqlType::Money, other) | (other, SqlType::Money) if *other != SqlType::Money => None,
            _ => match Class::unify(&a.class(), &b.class())? {
                Class::Opaque if a != b || a == SqlType::Json => None,
                class => Some(class),
            },
        }
    }
}

fn declared_by_joins<'a>(
    fields: &'a [Field],
    declared: &mut BTreeMap<&'a TableName, &'a Vec<String>>,
) {
    for field in fields {
        match &field.kind {
            Kind::Object(fields) => declared_by_joins(fields, declared),
            Kind::Join(join) => {
                declared.entry(&join.table.value).or_insert(&join.primary_key.value);
                declared_by_joins(&join.fields, declared);
            }
            Kind::Column(_) | Kind::Geo { .. } | Kind::Aggregate(_) | Kind::Constant(_) => {}
        }
    }
}

/// The table if its changes can be followed row by row.
fn usable<'a>(
    catalog: &'a Catalog,
    name: &At<TableName>,
) -> Result<&'a catalog::Table, Diagnostic> {
    let Some(table) = catalog.table(name) else {
        let error = Diagnostic::error(name.place, format!("there is no table `{}`", name.value));
        let names = catalog.names.iter().map(ToString::to_string);
        return Err(match nearest(&name.value.to_string(), names) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        });
    };
    let error =
        |message: &str| Diagnostic::error(name.place, format!("`{}` {message}", name.value));
    match (table.kind, table.identity) {
        ('r' | 'p', _) if table.primary_key.is_empty() => {
            Err(error("has no primary key").help("its rows cannot be told apart; add one"))
        }
        ('r' | 'p', 'n') => {
            Err(error("has REPLICA IDENTITY NOTHING, so changes do not say of which row")
                .help(format!("run `ALTER TABLE {} REPLICA IDENTITY DEFAULT`", name.value)))
        }
        ('r' | 'p', _) => Ok(table),
        ('v', _) => Err(error("is a view; only tables can be followed")),
        ('m', _) => Err(error("is a materialized view; only tables can be followed")),
        ('f', _) => Err(error("is a foreign table; only tables of this database can be followed")),
        _ => Err(error("is not a table")),
    }
}

fn no_column(table: &TableName, known: &catalog::Table, name: &str, place: Place) -> Diagnostic {
    let error = Diagnostic::error(place, format!("`{table}` has no column `{name}`"));
    match nearest(name, known.columns.iter().map(|column| column.name.clone())) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// The name most like `name`, if any is like it.
pub(crate) fn nearest(name: &str, names: impl Iterator<Item = String>) -> Option<String> {
    const LIKE: f64 = 0.75;
    names
        .map(|near| (strsim::jaro_winkler(name, &near), near))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, near)| near)
}
