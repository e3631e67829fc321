//! Names to numbers: the tables and columns a plan reads, checked against the catalog.

use std::collections::BTreeMap;

use crate::catalog::{self, Catalog, TableName};
use crate::diagnostics::{At, Diagnostic, Place, nearest};
use crate::files::config::Config;
use crate::files::schema::{Field, Kind};
use crate::plan::{Column, ColumnId, KeyPart, Table, TableId};
use crate::types::{Class, SqlType};

/// The tables met so far, and the mistakes.
pub struct Tables<'a> {
    catalog: Option<&'a Catalog>,
    /// Primary keys as the files say, for want of a catalog.
    declared: BTreeMap<&'a TableName, &'a [String]>,
    tables: Vec<Table>,
    /// Everything found wrong.
    pub errors: Vec<Diagnostic>,
}

impl<'a> Tables<'a> {
    /// None yet.
    pub fn new(config: &'a Config, catalog: Option<&'a Catalog>) -> Tables<'a> {
        let mut declared = BTreeMap::new();
        for schema in config.indexes.iter().map(|entry| &entry.schema) {
            if let Some(key) = &schema.primary_key {
                declared.entry(&schema.table.value).or_insert(key.as_slice());
            }
        }
        for entry in &config.indexes {
            declared_by_joins(&entry.schema.fields, &mut declared);
        }
        Tables { catalog, declared, tables: Vec::new(), errors: Vec::new() }
    }

    /// The same tables and columns in the order of their names, to be met again.
    pub fn sorted(self) -> Tables<'a> {
        let mut tables = self.tables;
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        for table in &mut tables {
            let key: Vec<_> = table.key.iter().map(|part| table.column(part.column)).collect();
            let key: Vec<String> = key.into_iter().map(|column| column.name.clone()).collect();
            table.columns.sort_by(|a, b| a.name.cmp(&b.name));
            for (part, name) in table.key.iter_mut().zip(key) {
                let place = table.columns.iter().position(|column| column.name == name);
                part.column = ColumnId(place.unwrap_or_default() as u16);
            }
        }
        Tables { tables, ..self }
    }

    /// What is known of the database.
    pub fn catalog(&self) -> Option<&'a Catalog> {
        self.catalog
    }

    /// What the plan says of them.
    pub fn into_tables(self) -> Vec<Table> {
        self.tables
    }

    /// A table already met.
    pub fn get(&self, id: TableId) -> &Table {
        &self.tables[usize::from(id.0)]
    }

    /// Notes a mistake and goes on.
    pub fn error(&mut self, error: Diagnostic) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// The table of that name, with the primary key of the catalog, or else one that is declared
    /// anywhere, or else the `likely` one, or else `id`.
    pub fn table(&mut self, name: &At<TableName>, likely: Option<&[String]>) -> Option<TableId> {
        if let Some(met) = self.tables.iter().position(|table| table.name == **name) {
            return Some(TableId(met as u16));
        }
        let key = match self.catalog {
            Some(catalog) => self.key_of(catalog, name)?,
            None => match self.declared.get(&name.value).copied().or(likely) {
                Some(key) => key.to_vec(),
                None => vec!["id".to_owned()],
            },
        };
        let id = TableId(self.tables.len() as u16);
        let name_of = TableName::clone(name);
        self.tables.push(Table { name: name_of, key: Vec::new(), columns: Vec::new() });
        let parts: Option<Vec<KeyPart>> =
            key.into_iter().map(|column| self.part(id, &At::new(column, name.place))).collect();
        self.tables[usize::from(id.0)].key = parts?;
        Some(id)
    }

    fn key_of(&mut self, catalog: &Catalog, name: &At<TableName>) -> Option<Vec<String>> {
        let place = name.place;
        let Some(table) = catalog.table(name) else {
            let names: Vec<String> = catalog.names.iter().map(TableName::to_string).collect();
            let error = Diagnostic::error(place, format!("there is no table `{}`", **name));
            let wanted = name.to_string();
            self.error(match nearest(&wanted, names.iter().map(String::as_str)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("check the name and the database schema"),
            });
            return None;
        };
        let unusable = match table {
            catalog::Table { kind, .. } if !matches!(kind, 'r' | 'p') => Some((
                "is not a table, and only tables are replicated".to_owned(),
                "name the table behind it".to_owned(),
            )),
            catalog::Table { primary_key, .. } if primary_key.is_empty() => Some((
                "has no primary key".to_owned(),
                format!("ALTER TABLE {} ADD PRIMARY KEY (…)", **name),
            )),
            catalog::Table { identity: 'n', .. } => Some((
                "has REPLICA IDENTITY NOTHING, so its updates and deletes are not replicated"
                    .into(),
                format!("ALTER TABLE {} REPLICA IDENTITY DEFAULT", **name),
            )),
            _ => None,
        };
        if let Some((what, cure)) = unusable {
            let error = Diagnostic::error(place, format!("table `{}` {what}", **name));
            self.error(error.help(cure));
            return None;
        }
        Some(table.primary_key.clone())
    }

    /// The column of that name.
    pub fn column(&mut self, table: TableId, name: &At<String>) -> Option<ColumnId> {
        let met = self.get(table).columns.iter().position(|column| column.name == **name);
        if let Some(met) = met {
            return Some(ColumnId(met as u16));
        }
        let ty = match self.catalog.and_then(|catalog| catalog.table(&self.get(table).name)) {
            None => SqlType::Unknown,
            Some(known) => match known.column(name) {
                Some(column) => column.ty.clone(),
                None => {
                    self.no_column(name, known);
                    return None;
                }
            },
        };
        let columns = &mut self.tables[usize::from(table.0)].columns;
        columns.push(Column { name: name.value.clone(), ty });
        Some(ColumnId((columns.len() - 1) as u16))
    }

    fn no_column(&mut self, name: &At<String>, table: &catalog::Table) {
        let names: BTreeMap<&TableName, &catalog::Table> =
            self.catalog.iter().flat_map(|catalog| &catalog.tables).collect();
        let of = names.into_iter().find(|(_, one)| std::ptr::eq(*one, table));
        let of = of.map_or_else(String::new, |(name, _)| name.to_string());
        let message = format!("table `{of}` has no column `{}`", **name);
        let error = Diagnostic::error(name.place, message);
        let all = || table.columns.iter().map(|column| column.name.as_str());
        self.error(match nearest(name, all()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("it has {}", all().collect::<Vec<_>>().join(", "))),
        });
    }

    /// The type of a column.
    pub fn ty(&self, table: TableId, column: ColumnId) -> &SqlType {
        &self.get(table).column(column).ty
    }

    /// A column as a part of a key, by its own class.
    pub fn part(&mut self, table: TableId, name: &At<String>) -> Option<KeyPart> {
        let column = self.column(table, name)?;
        Some(KeyPart { column, class: self.ty(table, column).class() })
    }

    /// Both sides of an equality of keys, encoded alike.
    pub fn link(
        &mut self,
        (left, left_key): (TableId, &[ColumnId]),
        (right, right_key): (TableId, &[ColumnId]),
        place: Place,
    ) -> Option<(Vec<KeyPart>, Vec<KeyPart>)> {
        if left_key.len() != right_key.len() {
            let (a, b) = (self.key_text(left, left_key), self.key_text(right, right_key));
            let message = format!("{a} and {b} do not have the same number of columns");
            self.error(Diagnostic::error(place, message).help("name one column for each"));
            return None;
        }
        let mut sides = (Vec::new(), Vec::new());
        for (a, b) in left_key.iter().zip(right_key) {
            let (a_type, b_type) = (self.ty(left, *a), self.ty(right, *b));
            let class = match (a_type.is_known(), b_type.is_known()) {
                // What has no form of its own is compared as text, which says nothing across types.
                (true, true) => Class::unify(&a_type.class(), &b_type.class())
                    .filter(|class| class.is_ordered() || a_type == b_type),
                (false, _) => Some(b_type.class()),
                (_, false) => Some(a_type.class()),
            };
            let Some(class) = class else {
                let a = format!("{} ({a_type})", self.key_text(left, &[*a]));
                let b = format!("{} ({b_type})", self.key_text(right, &[*b]));
                let message = format!("{a} cannot be compared with {b}");
                let help = "link columns of one type: check the key columns";
                self.error(Diagnostic::error(place, message).help(help));
                return None;
            };
            sides.0.push(KeyPart { column: *a, class: class.clone() });
            sides.1.push(KeyPart { column: *b, class });
        }
        Some(sides)
    }

    fn key_text(&self, table: TableId, key: &[ColumnId]) -> String {
        let table = self.get(table);
        let names: Vec<&str> = key.iter().map(|one| table.column(*one).name.as_str()).collect();
        format!("{}.{}", table.name, names.join(", "))
    }

    /// The numbers of a table's primary key.
    pub fn primary_key(&self, table: TableId) -> Vec<ColumnId> {
        self.get(table).key.iter().map(|part| part.column).collect()
    }
}

fn declared_by_joins<'a>(
    fields: &'a [Field],
    declared: &mut BTreeMap<&'a TableName, &'a [String]>,
) {
    for field in fields {
        match &field.kind {
            Kind::Object(fields) => declared_by_joins(fields, declared),
            Kind::Join(join) => {
                declared.entry(&join.table.value).or_insert(&join.primary_key.value);
                declared_by_joins(&join.fields, declared);
            }
            Kind::Rows(rows) => declared_by_joins(&rows.fields, declared),
            Kind::Column(_) | Kind::Geo { .. } | Kind::Aggregate(_) | Kind::Constant(_) => {}
        }
    }
}
