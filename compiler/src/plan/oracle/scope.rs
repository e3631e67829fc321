//! Names in scope: which alias a table has at a place, its columns, its key.
//!
//! A table inside itself gets another alias, so that a correlated condition can name both rows.
//! Every name is looked up in the catalog, when there is one, before it is printed.

use std::collections::BTreeMap;

use crate::catalog::{self, Catalog, TableName};
use crate::diagnostics::{At, Diagnostic, Place};
use crate::files::schema::{Columns, Direction, Field, FieldType, Kind, Marker, Order, Schema};
use crate::sql::scope::Named;
use crate::types::SqlType;

use super::write::{Out, literal, name};

/// The query so far and what it stands on.
pub(super) struct Printer<'a> {
    pub(super) catalog: Option<&'a Catalog>,
    /// Where bare names of tables are looked up.
    pub(super) home: String,
    /// The rows that SQL can name, the outermost scope first.
    pub(super) rows: Vec<Vec<Called>>,
    declared: BTreeMap<&'a TableName, &'a [String]>,
    aliases: Vec<String>,
    /// Columns are those of a query, not of the row at hand.
    pub(super) by_sql: bool,
    found: Vec<Diagnostic>,
    pub(super) out: Out,
}

/// One row of a table that columns are read from.
pub(super) struct Scope<'a> {
    /// Quoted where needed.
    pub(super) alias: String,
    pub(super) table: TableName,
    known: Option<&'a catalog::Table>,
    key: Option<Vec<String>>,
}

/// A relation that SQL can name, and what it is called here.
pub(super) struct Called {
    pub(super) named: Named,
    pub(super) alias: String,
}

/// A column as an expression, and its type.
pub(super) struct Typed {
    pub(super) sql: String,
    pub(super) ty: SqlType,
}

impl Scope<'_> {
    /// The table with its alias.
    pub(super) fn from(&self) -> String {
        let TableName { schema, name: table } = &self.table;
        let table = name(table);
        let shown =
            if schema == "public" { table.clone() } else { format!("{}.{table}", name(schema)) };
        if table == self.alias { shown } else { format!("{shown} AS {}", self.alias) }
    }

    fn ty(&self, column: &str) -> SqlType {
        let column = self.known.and_then(|table| table.column(column));
        column.map_or(SqlType::Unknown, |column| column.ty.clone())
    }

    fn typed(&self, column: &str) -> Typed {
        Typed { sql: format!("{}.{}", self.alias, name(column)), ty: self.ty(column) }
    }
}

impl Typed {
    /// By bytes where it is text, as every order and comparison of text is.
    pub(super) fn by_bytes(&self) -> String {
        match self.ty {
            SqlType::Text | SqlType::Bpchar | SqlType::Citext => {
                format!("{} COLLATE \"C\"", self.sql)
            }
            _ => self.sql.clone(),
        }
    }

    /// The text of a part of a document id. Casting `char(n)` would lose its blanks.
    fn id_text(&self) -> String {
        match self.ty {
            SqlType::Bpchar => format!("concat({})", self.sql),
            _ => format!("{}::text", self.sql),
        }
    }
}

impl<'a> Printer<'a> {
    pub(super) fn new(schema: &'a Schema, catalog: Option<&'a Catalog>) -> Printer<'a> {
        let mut declared = BTreeMap::new();
        if let Some(key) = &schema.primary_key {
            declared.insert(&schema.table.value, key.value.as_slice());
        }
        declared_keys(&schema.fields, &mut declared);
        let (aliases, found, rows) = (Vec::new(), Vec::new(), Vec::new());
        let home = schema.db_schema.clone();
        let (by_sql, out) = (false, Out::default());
        Printer { catalog, home, rows, declared, aliases, by_sql, found, out }
    }

    /// The query, or what stands against it.
    pub(super) fn finish(self) -> Result<String, Vec<Diagnostic>> {
        if self.found.is_empty() { Ok(self.out.text + "\n") } else { Err(self.found) }
    }

    pub(super) fn complain(&mut self, found: Diagnostic) {
        self.found.push(found);
    }

    /// Brings the root into scope. What its file says of its key goes before the catalog.
    pub(super) fn root(&mut self, schema: &Schema) -> Scope<'a> {
        let mut root = self.enter(&schema.table);
        if let Some(columns) = &schema.primary_key {
            self.names(&root, columns);
            root.key = Some(columns.value.clone());
        }
        self.push(&root);
        root
    }

    /// Brings a table into scope, until [`leave`](Printer::leave).
    pub(super) fn enter(&mut self, table: &At<TableName>) -> Scope<'a> {
        let known = self.catalog.and_then(|catalog| catalog.table(table));
        if self.catalog.is_some() && known.is_none() {
            let message = format!("table `{}` does not exist", table.value);
            self.complain(Diagnostic::error(table.place, message));
        }
        let mut alias = name(&table.name);
        let mut n = 1;
        while self.aliases.contains(&alias) {
            n += 1;
            alias = name(&format!("{}_{n}", table.name));
        }
        self.aliases.push(alias.clone());
        let key = match known {
            Some(known) if !known.primary_key.is_empty() => Some(known.primary_key.clone()),
            _ => self.declared.get(&table.value).map(|key| key.to_vec()),
        };
        Scope { alias, table: table.value.clone(), known, key }
    }

    /// Lets SQL name a row, until it is taken off again.
    pub(super) fn push(&mut self, row: &Scope<'_>) {
        let named = Named::table(&row.table.name, &row.table, self.catalog);
        self.rows.push(vec![Called { named, alias: row.alias.clone() }]);
    }

    /// How many tables are in scope.
    pub(super) fn depth(&self) -> usize {
        self.aliases.len()
    }

    /// Back to so many tables in scope.
    pub(super) fn leave(&mut self, depth: usize) {
        self.aliases.truncate(depth);
    }

    /// A table that a text of SQL calls so.
    pub(super) fn known(&mut self, table: &TableName, alias: &str, place: Place) -> Scope<'a> {
        let known = self.catalog.and_then(|catalog| catalog.table(table));
        if self.catalog.is_some() && known.is_none() {
            let message = format!("table `{table}` does not exist");
            self.complain(Diagnostic::error(place, message));
        }
        let key = match known {
            Some(known) if !known.primary_key.is_empty() => Some(known.primary_key.clone()),
            _ => Some(self.declared.get(table).map_or(vec!["id".to_owned()], |key| key.to_vec())),
        };
        self.aliases.push(name(alias));
        Scope { alias: name(alias), table: table.clone(), known, key }
    }

    /// What rows of a table that are alike otherwise are sorted by.
    pub(super) fn ties(&mut self, row: &Scope<'_>, place: Place) -> Vec<String> {
        self.key(row, place).iter().map(Typed::by_bytes).collect()
    }

    /// A column that must be there.
    pub(super) fn column(&mut self, row: &Scope<'_>, column: &At<String>) -> Typed {
        if self.by_sql {
            return self.column_by_sql(column);
        }
        self.typed(row, column, column.place)
    }

    /// Columns of one key.
    pub(super) fn names(&mut self, row: &Scope<'_>, columns: &Columns) -> Vec<Typed> {
        columns.value.iter().map(|column| self.typed(row, column, columns.place)).collect()
    }

    fn typed(&mut self, row: &Scope<'_>, column: &str, place: Place) -> Typed {
        if row.known.is_some_and(|table| table.column(column).is_none()) {
            let message = format!("table `{}` has no column `{column}`", row.table);
            self.complain(Diagnostic::error(place, message));
        }
        row.typed(column)
    }

    /// The primary key of a row; `place` is who asks.
    pub(super) fn key(&mut self, row: &Scope<'_>, place: Place) -> Vec<Typed> {
        let Some(key) = &row.key else {
            let message = format!("the primary key of `{}` is not known", row.table);
            let help = "a database, or a `primary_key:`, would tell it";
            self.complain(Diagnostic::error(place, message).help(help));
            return Vec::new();
        };
        key.iter().map(|column| row.typed(column)).collect()
    }

    /// Two keys are equal, part by part.
    pub(super) fn meet(&mut self, left: &[Typed], right: &[Typed], place: Place) -> Vec<String> {
        if left.len() != right.len() && !left.is_empty() && !right.is_empty() {
            let (m, n) = (left.len(), right.len());
            let message = format!("a key of {m} columns cannot equal one of {n}");
            self.complain(Diagnostic::error(place, message));
        }
        let pairs = left.iter().zip(right);
        pairs.map(|(left, right)| format!("{} = {}", left.sql, right.sql)).collect()
    }

    /// The sort keys of rows, ties by primary key; `place` is who asks.
    pub(super) fn order(
        &mut self,
        far: &Scope<'_>,
        written: Option<&Order>,
        place: Place,
    ) -> Vec<String> {
        let mut order = Vec::new();
        let columns = match written {
            None => &[][..],
            Some(Order::Columns(columns)) => columns,
            Some(Order::Sql(sql)) => {
                order = self.order_keys(sql);
                &[]
            }
        };
        for by in columns {
            let column = self.column(far, &by.column).by_bytes();
            order.push(match by.direction {
                Some(Direction::Desc) => format!("{column} DESC"),
                Some(Direction::Asc) | None => column,
            });
        }
        let ties = self.key(far, place);
        order.extend(ties.iter().map(Typed::by_bytes));
        order
    }

    /// The document id: the key's text, parts joined by `:` and escaped by `\`.
    pub(super) fn id(&mut self, schema: &Schema, root: &Scope<'_>) -> String {
        let key = self.key(root, schema.table.place);
        match key.as_slice() {
            [part] => part.id_text(),
            parts => {
                let escaped = parts.iter().map(|part| {
                    let text = part.id_text();
                    format!(r"replace(replace({text}, '\', '\\'), ':', '\:')")
                });
                escaped.collect::<Vec<_>>().join("\n  || ':' || ")
            }
        }
    }

    /// The key is that of one of these ids. Constants without a type take the column's.
    pub(super) fn among(&mut self, schema: &Schema, root: &Scope<'_>, ids: &[&str]) -> String {
        let key = self.key(root, schema.table.place);
        let list = |items: Vec<String>| format!("({})", items.join(", "));
        let ids = ids.iter().map(|id| match key.len() {
            1 => vec![(*id).to_owned()],
            _ => parts(id),
        });
        let one = |parts: Vec<String>| match parts.as_slice() {
            [part] => literal(part),
            parts => list(parts.iter().map(|part| literal(part)).collect()),
        };
        let known: Vec<String> = ids.filter(|parts| parts.len() == key.len()).map(one).collect();
        let columns: Vec<String> = key.into_iter().map(|part| part.sql).collect();
        match (known.as_slice(), columns.as_slice()) {
            ([], _) => "false".to_owned(),
            (_, [column]) => format!("{column} IN {}", list(known)),
            _ => format!("{} IN {}", list(columns), list(known)),
        }
    }

    /// Which root rows are documents: not deleted, and passing the filters.
    pub(super) fn present(&mut self, schema: &Schema, root: &Scope<'_>) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(deleted) = &schema.soft_delete {
            let marker = match &deleted.marker {
                Marker::Column(column) => Some(column),
                Marker::Field(field) => column_of(&schema.fields, field),
            };
            if let (None, Marker::Field(field)) = (marker, &deleted.marker) {
                let message =
                    format!("no field `{}` reads a column of the root table", field.value);
                self.complain(Diagnostic::error(field.place, message));
            }
            if let Some(column) = marker {
                let typed = self.column(root, column);
                let boolean = match typed.ty {
                    SqlType::Unknown => declared_boolean(&schema.fields, column),
                    ty => ty == SqlType::Bool,
                };
                let marked = typed.sql;
                let mut parts =
                    vec![if boolean { marked } else { format!("{marked} IS NOT NULL") }];
                let when = deleted.when.as_deref();
                parts.extend(self.filters(root, when.unwrap_or_default(), None));
                all.push(format!("({}) IS NOT TRUE", parts.join(" AND ")));
            }
        }
        let filters = schema.filters.as_deref().unwrap_or_default();
        all.extend(self.filters(root, filters, schema.condition.as_ref()));
        all
    }
}

/// The parts of a composite id: joined by `:`, with `\` before any `:` or `\` inside.
pub fn parts(id: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = id.chars();
    while let Some(letter) = letters.next() {
        let last = parts.len() - 1;
        match letter {
            ':' => parts.push(String::new()),
            '\\' => parts[last].extend(letters.next()),
            other => parts[last].push(other),
        }
    }
    parts
}

/// The id of a document whose root row has these parts of a key; the other way round of [`parts`].
pub fn id(parts: &[String]) -> String {
    match parts {
        [only] => only.clone(),
        parts => {
            let part = |part: &String| part.replace('\\', "\\\\").replace(':', "\\:");
            parts.iter().map(part).collect::<Vec<_>>().join(":")
        }
    }
}

/// The keys that joins declare, for tables of which nothing else is known.
fn declared_keys<'a>(fields: &'a [Field], into: &mut BTreeMap<&'a TableName, &'a [String]>) {
    for field in fields {
        match &field.kind {
            Kind::Object(fields) => declared_keys(fields, into),
            Kind::Join(join) => {
                into.entry(&join.table.value).or_insert(&join.primary_key.value);
                declared_keys(&join.fields, into);
            }
            Kind::Rows(rows) => declared_keys(&rows.fields, into),
            Kind::Column(_) | Kind::Geo { .. } | Kind::Aggregate(_) | Kind::Constant(_) => {}
        }
    }
}

/// The root column that the field of that name reads, depth first, joins left out.
fn column_of<'a>(fields: &'a [Field], name: &str) -> Option<&'a At<String>> {
    fields.iter().find_map(|field| match &field.kind {
        Kind::Column(column) if field.name.value == name => column.from.column(),
        Kind::Object(fields) => column_of(fields, name),
        _ => None,
    })
}

/// Whether some root field declares the column as boolean.
fn declared_boolean(fields: &[Field], column: &str) -> bool {
    fields.iter().any(|field| match &field.kind {
        Kind::Column(read) => {
            let same = read.from.column().is_some_and(|read| read.value == column);
            same && read.ty == FieldType::Boolean
        }
        Kind::Object(fields) => declared_boolean(fields, column),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn an_id_falls_into_its_parts() {
        assert_eq!(parts(r"7:a\:b\\"), ["7", r"a:b\"]);
        assert_eq!(parts("7:"), ["7", ""]);
        assert_eq!(parts(""), [""]);
    }
}
