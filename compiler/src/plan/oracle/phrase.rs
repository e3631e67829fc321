//! SQL of the schema file inside the query: the same words, with the rows they name called as they
//! are called here.

use crate::sql::scope::Scope as Names;
use crate::sql::{self, Ground, Outward, Sql, rewrite};

use super::scope::{Called, Printer, Typed};

impl Printer<'_> {
    /// A value of the row in scope.
    pub(super) fn value(&mut self, sql: &Sql) -> Typed {
        let names = self.names_in_scope();
        let ground = self.ground(&names);
        let ty = match sql::value(sql, ground) {
            Ok(phrase) => phrase.ty,
            Err(found) => {
                found.into_iter().for_each(|one| self.complain(one));
                crate::types::SqlType::Unknown
            }
        };
        Typed { sql: format!("({})", self.rewritten(sql)), ty }
    }

    /// A condition on the row in scope.
    pub(super) fn holds(&mut self, sql: &Sql) -> String {
        let names = self.names_in_scope();
        if let Err(found) = sql::condition(sql, "the condition", self.ground(&names)) {
            found.into_iter().for_each(|one| self.complain(one));
        }
        format!("({})", self.rewritten(sql))
    }

    /// The keys of an order of the row in scope.
    pub(super) fn order_keys(&mut self, sql: &Sql) -> Vec<String> {
        let names = self.names_in_scope();
        match rewrite::order(sql, self.ground(&names), &|name| self.called(name)) {
            Ok(keys) => keys,
            Err(error) => {
                self.complain(error);
                Vec::new()
            }
        }
    }

    fn rewritten(&mut self, sql: &Sql) -> String {
        let names = self.names_in_scope();
        match rewrite::expression(sql, self.ground(&names), &|name| self.called(name)) {
            Ok(text) => text,
            Err(error) => {
                self.complain(error);
                String::new()
            }
        }
    }

    pub(super) fn ground<'g>(&'g self, names: &'g [Names]) -> Ground<'g> {
        Ground { catalog: self.catalog, home: &self.home, scopes: names }
    }

    /// The rows of the schema file around, as the file calls them.
    pub(super) fn names_in_scope(&self) -> Vec<Names> {
        let names = |scope: &Vec<Called>| Names {
            relations: scope.iter().map(|one| one.named.clone()).collect(),
        };
        self.rows.iter().map(names).collect()
    }

    /// A name that leads to one of those rows, as it is written in the query.
    pub(super) fn called(&self, name: &Outward) -> String {
        let scope = self.rows.iter().rev().nth(usize::from(name.level));
        let row = scope.and_then(|scope| scope.get(usize::from(name.relation)));
        let alias = row.map_or("", |row| row.alias.as_str());
        format!("{alias}.{}", super::write::name(&name.column))
    }
}
