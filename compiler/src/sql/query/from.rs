//! `FROM`: tables, queries and arrays as relations, each joined to those before it.

use sqlparser::ast::{self, JoinConstraint, JoinOperator, TableFactor, TableWithJoins};

use super::Wanted;
use crate::catalog::TableName;
use crate::diagnostics::{Place, nearest};
use crate::sql::block::{From, JoinKind, Relation};
use crate::sql::infer::{Typer, ident};
use crate::sql::scope::Named;
use crate::types::SqlType;

impl Typer<'_> {
    /// All relations of a `FROM`, brought into the innermost scope one after the other.
    pub(in crate::sql) fn from(&mut self, from: &[TableWithJoins]) -> Option<Vec<Relation>> {
        let mut relations = Vec::new();
        for tree in from {
            let (first, _) = self.relation(&tree.relation)?;
            relations.push(first);
            relations.extend(self.joined(&tree.joins)?);
        }
        Some(relations)
    }

    /// The relations of further joins.
    pub(in crate::sql) fn joined(&mut self, joins: &[ast::Join]) -> Option<Vec<Relation>> {
        let mut relations = Vec::new();
        for join in joins {
            let place = self.place(&join.relation);
            let (kind, constraint) = match &join.join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => {
                    (JoinKind::Inner, on)
                }
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (JoinKind::Left, on),
                JoinOperator::Right(_)
                | JoinOperator::RightOuter(_)
                | JoinOperator::FullOuter(_) => {
                    let message = "RIGHT and FULL joins are not supported";
                    self.error_help(place, message, "begin with the other table and LEFT JOIN");
                    return None;
                }
                _ => {
                    self.error_help(place, "Postgres has no such join", "write JOIN or LEFT JOIN");
                    return None;
                }
            };
            let (mut relation, _) = self.relation(&join.relation)?;
            relation.join = kind;
            relation.on = match constraint {
                JoinConstraint::On(on) => Some(self.condition(on, "`ON`")?),
                JoinConstraint::None if kind == JoinKind::Inner => None,
                JoinConstraint::None => {
                    self.error_help(place, "a LEFT JOIN needs a condition", "add `ON …`");
                    return None;
                }
                JoinConstraint::Using(_) | JoinConstraint::Natural => {
                    let message = "USING and NATURAL are not supported";
                    self.error_help(place, message, "say which columns are equal with `ON`");
                    return None;
                }
            };
            relations.push(relation);
        }
        Some(relations)
    }

    /// One relation, in scope from now on.
    pub(in crate::sql) fn relation(&mut self, of: &TableFactor) -> Option<(Relation, Place)> {
        let place = self.place(of);
        let (from, named) = match of {
            TableFactor::Table { sample: Some(_), .. }
            | TableFactor::Derived { sample: Some(_), .. } => {
                let message = "a sample is another each time, and documents must not be";
                self.error_help(place, message, "leave `TABLESAMPLE` out");
                return None;
            }
            TableFactor::Table { name, alias, args: None, with_ordinality: false, .. } => {
                let parts = self.object_name(name, place)?;
                let place = self.sql.span(span_of(name));
                self.no_columns(alias.as_ref())?;
                let named = alias.as_ref().map(|alias| ident(&alias.name));
                self.table(&parts, named, place)?
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let Some(alias) = alias else {
                    self.error_help(place, "a query in FROM needs a name", "add `AS t`");
                    return None;
                };
                self.no_columns(Some(alias))?;
                let hidden = match lateral {
                    true => None,
                    false => self.scopes.last_mut().map(std::mem::take),
                };
                let block = self.block(subquery, Wanted::Columns);
                if let (Some(hidden), Some(scope)) = (hidden, self.scopes.last_mut()) {
                    *scope = hidden;
                }
                let block = block?;
                let columns =
                    block.outputs.iter().map(|one| (one.name.clone(), one.ty.clone())).collect();
                let alias = ident(&alias.name);
                (From::Query(Box::new(block)), Named { alias, table: None, columns: Some(columns) })
            }
            TableFactor::UNNEST {
                alias, array_exprs, with_offset: false, with_ordinality, ..
            } => self.unnest(array_exprs, alias.as_ref(), *with_ordinality, place)?,
            TableFactor::Function { name, args, with_ordinality, alias, .. }
                if self.object_name(name, place)? == ["unnest"] =>
            {
                let arrays: Vec<ast::Expr> = args.iter().filter_map(unnamed).cloned().collect();
                self.unnest(&arrays, alias.as_ref(), *with_ordinality, place)?
            }
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                let message = format!("`{name}` as a source of rows is not supported");
                self.error_help(place, message, "of functions only `unnest` gives rows here");
                return None;
            }
            TableFactor::NestedJoin { .. } => {
                let message = "brackets around joins are not supported";
                self.error_help(place, message, "write one join after the other");
                return None;
            }
            _ => {
                self.error_help(place, "this is no relation", "name a table");
                return None;
            }
        };
        let alias = named.alias.clone();
        let taken = |named: &Named| named.alias == alias;
        if self.scopes.last().is_some_and(|scope| scope.relations.iter().any(taken)) {
            let message = format!("`{alias}` stands here twice");
            self.error_help(place, message, format!("give one another name: `{alias} AS other`"));
            return None;
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.relations.push(named);
        }
        Some((Relation { alias, from, join: JoinKind::Inner, on: None, place }, place))
    }

    /// A table, or a query named by `WITH`.
    fn table(
        &mut self,
        parts: &[String],
        alias: Option<String>,
        place: Place,
    ) -> Option<(From, Named)> {
        let table = match parts {
            [name] => {
                let known = self.named_queries.iter().rposition(|(known, _)| known == name);
                if let Some(at) = known {
                    let alias = alias.unwrap_or_else(|| name.clone());
                    return self.named_query(at, alias);
                }
                TableName { schema: self.ground.home.to_owned(), name: name.clone() }
            }
            [schema, name] => TableName { schema: schema.clone(), name: name.clone() },
            _ => {
                self.error_help(place, "a table is `name` or `schema.name`", "leave the rest out");
                return None;
            }
        };
        self.exists_in_catalog(&table, place)?;
        let alias = alias.unwrap_or_else(|| table.name.clone());
        let named = Named::table(&alias, &table, self.ground.catalog);
        Some((From::Table(table), named))
    }

    /// `WITH` is short for a query in FROM, seeing only what stood before it.
    fn named_query(&mut self, at: usize, alias: String) -> Option<(From, Named)> {
        let query = self.named_queries[at].1.clone();
        let later = self.named_queries.split_off(at);
        let hidden = self.scopes.last_mut().map(std::mem::take);
        let block = self.block(&query, Wanted::Columns);
        if let (Some(hidden), Some(scope)) = (hidden, self.scopes.last_mut()) {
            *scope = hidden;
        }
        self.named_queries.extend(later);
        let block = block?;
        let columns = block.outputs.iter().map(|one| (one.name.clone(), one.ty.clone())).collect();
        Some((From::Query(Box::new(block)), Named { alias, table: None, columns: Some(columns) }))
    }

    fn exists_in_catalog(&mut self, table: &TableName, place: Place) -> Option<()> {
        let Some(catalog) = self.ground.catalog else { return Some(()) };
        if catalog.table(table).is_some() {
            return Some(());
        }
        let names: Vec<String> = catalog.names.iter().map(TableName::to_string).collect();
        let message = format!("there is no table `{table}`");
        match nearest(&table.to_string(), names.iter().map(String::as_str)) {
            Some(near) => self.error_help(place, message, format!("did you mean `{near}`?")),
            None => self.error_help(place, message, "check the name and the database schema"),
        }
        None
    }

    fn unnest(
        &mut self,
        arrays: &[ast::Expr],
        alias: Option<&ast::TableAlias>,
        ordinality: bool,
        place: Place,
    ) -> Option<(From, Named)> {
        let [array] = arrays else {
            self.error_help(place, "`unnest` takes one array here", "join two of them");
            return None;
        };
        let array = self.value(array)?;
        let element = match &array.ty {
            SqlType::Array(element) => element.as_ref().clone(),
            SqlType::Unknown => SqlType::Unknown,
            other => {
                let message = format!("`unnest` takes an array, and this is {other}");
                self.error_help(array.place, message, "name a column that holds an array");
                return None;
            }
        };
        let name = alias.map_or_else(|| "unnest".to_owned(), |alias| ident(&alias.name));
        let mut names = alias.iter().flat_map(|alias| &alias.columns).map(|one| ident(&one.name));
        let mut columns = vec![(names.next().unwrap_or_else(|| name.clone()), element)];
        if ordinality {
            columns.push((names.next().unwrap_or_else(|| "ordinality".into()), SqlType::Int8));
        }
        if names.next().is_some() {
            self.error(place, format!("`{name}` has not so many columns"));
            return None;
        }
        let names = columns.iter().map(|(name, _)| name.clone()).collect();
        let named = Named { alias: name, table: None, columns: Some(columns) };
        Some((From::Unnest(array.expr, names), named))
    }

    fn no_columns(&mut self, alias: Option<&ast::TableAlias>) -> Option<()> {
        match alias {
            Some(alias) if !alias.columns.is_empty() => {
                let place = self.sql.span(alias.name.span);
                let message = "columns cannot be renamed here";
                self.error_help(place, message, "give the relation a name only");
                None
            }
            _ => Some(()),
        }
    }
}

/// An argument that is a value and has no name.
fn unnamed(arg: &ast::FunctionArg) -> Option<&ast::Expr> {
    match arg {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(of)) => Some(of),
        _ => None,
    }
}

fn span_of(name: &ast::ObjectName) -> sqlparser::tokenizer::Span {
    use sqlparser::ast::Spanned;
    name.span()
}
