//! What a name means: relations in scope, innermost first.
//!
//! A scope is the row of a word of the schema file (the root's, a relation's) or a query's `FROM`.
//! Without a catalog columns are not known: a name then belongs to the only relation of the
//! innermost scope, and several relations demand that it be qualified.

use crate::catalog::{Catalog, TableName};
use crate::diagnostics::nearest;
use crate::types::SqlType;

/// The relations at one level.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// In the order written.
    pub relations: Vec<Named>,
}

/// A relation with its name and columns.
#[derive(Clone, Debug)]
pub struct Named {
    /// What it is called by.
    pub alias: String,
    /// The table, when it is one that may also be called by its full name.
    pub table: Option<TableName>,
    /// Its columns and their types; none when nobody knows.
    pub columns: Option<Vec<(String, SqlType)>>,
}

/// Where a name leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Scopes outward.
    pub level: u16,
    /// Position in the scope.
    pub relation: u16,
    /// The column.
    pub column: String,
    /// Its type; [`SqlType::Unknown`] without a catalog.
    pub ty: SqlType,
}

/// Why a name leads nowhere: what is wrong, and what would be right.
pub struct Lost {
    /// One sentence without a full stop.
    pub message: String,
    /// The cure.
    pub help: Option<String>,
}

impl Named {
    /// A table; its columns are the catalog's.
    pub fn table(alias: &str, table: &TableName, catalog: Option<&Catalog>) -> Named {
        let known = catalog.and_then(|catalog| catalog.table(table));
        let columns = known.map(|table| {
            table.columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect()
        });
        Named { alias: alias.to_owned(), table: Some(table.clone()), columns }
    }

    fn column(&self, name: &str) -> Option<SqlType> {
        match &self.columns {
            None => Some(SqlType::Unknown),
            Some(columns) => {
                columns.iter().find(|(column, _)| column == name).map(|(_, ty)| ty.clone())
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Whether `qualifier`, one part or two, means it.
    fn is_called(&self, qualifier: &[String]) -> bool {
        match qualifier {
            [alias] => *alias == self.alias,
            [schema, name] => self.table.as_ref().is_some_and(|table| {
                table.schema == *schema && table.name == *name && self.alias == *name
            }),
            _ => false,
        }
    }
}

/// The column that a name with its qualifiers means; the last scope is the innermost.
pub fn find(scopes: &[Scope], parts: &[String]) -> Result<Found, Lost> {
    match parts {
        [column] => unqualified(scopes, column),
        [qualifier @ .., column] => qualified(scopes, qualifier, column),
        [] => Err(Lost { message: "a name is missing".into(), help: None }),
    }
}

fn unqualified(scopes: &[Scope], column: &str) -> Result<Found, Lost> {
    for (level, scope) in scopes.iter().rev().enumerate() {
        let known = |named: &&Named| named.columns.is_some();
        let mut met = scope
            .relations
            .iter()
            .enumerate()
            .filter(|(_, named)| known(named))
            .filter_map(|(position, named)| Some((position, named, named.column(column)?)));
        if let Some((relation, named, ty)) = met.next() {
            if let Some((_, other, _)) = met.next() {
                let message = format!("`{column}` is ambiguous");
                let (a, b) = (&named.alias, &other.alias);
                let help = format!("write `{a}.{column}` or `{b}.{column}`");
                return Err(Lost { message, help: Some(help) });
            }
            let (level, relation) = (level as u16, relation as u16);
            return Ok(Found { level, relation, column: column.to_owned(), ty });
        }
        let mut unknown = scope.relations.iter().enumerate().filter(|(_, named)| !known(named));
        match (unknown.next(), scope.relations.len()) {
            (Some((relation, _)), 1) => {
                let (level, relation) = (level as u16, relation as u16);
                let column = column.to_owned();
                return Ok(Found { level, relation, column, ty: SqlType::Unknown });
            }
            (Some((_, named)), _) => {
                let message = format!("it is not known which table `{column}` belongs to");
                let help = format!("qualify it, as in `{}.{column}`", named.alias);
                return Err(Lost { message, help: Some(help) });
            }
            (None, _) => {}
        }
    }
    let all = || scopes.iter().rev().flat_map(|scope| &scope.relations);
    let message = format!("there is no column `{column}`");
    if let Some(named) = all().find(|named| named.alias == column) {
        let message = format!("`{column}` is a table, not a column");
        let first = named.names().next().unwrap_or("id");
        return Err(Lost { message, help: Some(format!("name one, as in `{column}.{first}`")) });
    }
    let near = nearest(column, all().flat_map(Named::names));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let tables: Vec<String> = all().map(|named| format!("`{}`", named.alias)).collect();
            match tables.as_slice() {
                [] => "there is no table to take it from".into(),
                tables => format!("it is looked up in {}", tables.join(", then ")),
            }
        }
    };
    Err(Lost { message, help: Some(help) })
}

fn qualified(scopes: &[Scope], qualifier: &[String], column: &str) -> Result<Found, Lost> {
    for (level, scope) in scopes.iter().rev().enumerate() {
        let mut called =
            scope.relations.iter().enumerate().filter(|(_, named)| named.is_called(qualifier));
        let Some((relation, named)) = called.next() else { continue };
        let Some(ty) = named.column(column) else {
            let message = format!("`{}` has no column `{column}`", named.alias);
            let help = match nearest(column, named.names()) {
                Some(near) => format!("did you mean `{}.{near}`?", named.alias),
                None => format!("it has {}", named.names().collect::<Vec<_>>().join(", ")),
            };
            return Err(Lost { message, help: Some(help) });
        };
        let (level, relation) = (level as u16, relation as u16);
        return Ok(Found { level, relation, column: column.to_owned(), ty });
    }
    let name = qualifier.join(".");
    let all = || scopes.iter().rev().flat_map(|scope| &scope.relations);
    let message = format!("there is no `{name}` in scope");
    let renamed = all().find(|named| {
        named.table.as_ref().is_some_and(|table| Some(&table.name) == qualifier.last())
    });
    let help = match (renamed, nearest(&name, all().map(|named| named.alias.as_str()))) {
        (Some(named), _) => {
            format!("here it is called by its alias: `{}.{column}`", named.alias)
        }
        (None, Some(near)) => format!("did you mean `{near}.{column}`?"),
        (None, None) => {
            let names: Vec<String> = all().map(|named| format!("`{}`", named.alias)).collect();
            format!("in scope are {}", names.join(", "))
        }
    };
    Err(Lost { message, help: Some(help) })
}
