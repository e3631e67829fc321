//! Relations from foreign keys, in both directions: a block to switch on, or a sentence for what
//! the schema language has no word for.

use super::fields::of_element;
use super::names::{Taken, referred, singular};
use super::text::{Block, columns, scalar, written_name, written_table};
use super::{Reference, Survey, usable};
use crate::catalog::{Table, TableName};
use crate::types::Class;

/// A relation, or why there is none.
type Found = Result<Block, String>;

/// All relations of a table: to single rows first, then to many, then through others.
pub fn relations(
    survey: &Survey,
    name: &TableName,
    table: &Table,
    taken: &mut Taken,
) -> Vec<Found> {
    let root = Root { survey, name, table };
    let mut found = Vec::new();
    for reference in survey.references.iter().filter(|it| it.table == *name) {
        found.push(root.belongs_to(reference, taken));
    }
    for reference in survey.references.iter().filter(|it| it.to == *name) {
        let pairs = survey.junction(&reference.table).is_some();
        let more = |table: &Table| table.columns.len() > table.primary_key.len();
        // A table of nothing but pairs is worth nothing by itself.
        if !pairs || survey.catalog.table(&reference.table).is_some_and(more) {
            found.push(root.has(reference, taken));
        }
    }
    for between in &survey.catalog.names {
        let Some((left, right)) = survey.junction(between) else { continue };
        for (left, right) in [(left, right), (right, left)] {
            if left.to == *name {
                found.push(root.many_to_many(left, right, taken));
            }
        }
    }
    found
}

struct Root<'a> {
    survey: &'a Survey,
    name: &'a TableName,
    table: &'a Table,
}

impl Root<'_> {
    /// The row that this one names.
    fn belongs_to(&self, reference: &Reference, taken: &mut Taken) -> Found {
        let to = self.related(&reference.to)?;
        let by = self.by_key(reference, self.table, &reference.to, to)?;
        let one = singular(&reference.to.name);
        let name = match reference.columns.as_slice() {
            [column] => taken.take(&[referred(column), &one, &format!("{one}_by_{column}")]),
            _ => taken.take(&[&one]),
        };
        let mut lines = head("belongs_to", &name, &reference.to);
        lines.push(format!("  column: {}", columns(&by)));
        Ok(self.element(lines, &reference.to, to))
    }

    /// The rows that name this one, or the row where there is one at most.
    fn has(&self, reference: &Reference, taken: &mut Taken) -> Found {
        let from = self.related(&reference.table)?;
        let by = self.by_key(reference, from, self.name, self.table)?;
        let many = &reference.table.name;
        let by_column = format!(
            "{many}_by_{}",
            reference.columns.iter().map(|it| referred(it)).collect::<Vec<_>>().join("_")
        );
        let single = self.survey.is_unique(&reference.table, &reference.columns);
        let own = reference.table == *self.name;
        let name = match (single, own) {
            (true, _) => taken.take(&[&singular(many), &by_column]),
            (false, true) if reference.columns.iter().all(|it| it.starts_with("parent")) => {
                taken.take(&["children", &by_column])
            }
            (false, _) => taken.take(&[many, &by_column]),
        };
        let verb = if single { "has_one" } else { "has_many" };
        let mut lines = head(verb, &name, &reference.table);
        lines.push(format!("  foreign_key: {}", columns(&by)));
        Ok(self.element(lines, &reference.table, from))
    }

    /// The rows at the other end of pairs.
    fn many_to_many(&self, left: &Reference, right: &Reference, taken: &mut Taken) -> Found {
        let between = self.related(&left.table)?;
        let to = self.related(&right.to)?;
        let left_key = self.by_key(left, between, self.name, self.table)?;
        let right_key = self.by_key(right, between, &right.to, to)?;
        let by_column = format!(
            "{}_by_{}",
            right.to.name,
            right_key.iter().map(|it| referred(it)).collect::<Vec<_>>().join("_")
        );
        let name = match right.to == *self.name {
            true => taken.take(&[&left.table.name, &by_column]),
            false => taken.take(&[&right.to.name, &by_column]),
        };
        let mut lines = head("many_to_many", &name, &right.to);
        lines.push("  through:".to_owned());
        lines.push(format!("    table: {}", scalar(&written_table(&left.table))));
        lines.push(format!("    left_key: {}", columns(&left_key)));
        lines.push(format!("    right_key: {}", columns(&right_key)));
        Ok(self.element(lines, &right.to, to))
    }

    /// A table whose rows can be followed.
    fn related(&self, name: &TableName) -> Result<&Table, String> {
        let table = self.survey.catalog.table(name).filter(|table| usable(table));
        let table = table.ok_or_else(|| format!("{} is not replicated.", written_table(name)))?;
        match table.primary_key.is_empty() {
            true => Err(format!(
                "{} is tied to it and has no primary key, without which its rows cannot be followed.",
                written_table(name)
            )),
            false => Ok(table),
        }
    }

    /// The columns of a foreign key in the order of the primary key they lead to. `from` is the
    /// table they stand in.
    fn by_key(
        &self,
        reference: &Reference,
        from: &Table,
        name: &TableName,
        to: &Table,
    ) -> Result<Vec<String>, String> {
        let names = reference.columns.iter().map(|it| written_name(it)).collect::<Vec<_>>();
        let (names, to_name) = (names.join(", "), written_table(name));
        let whose = written_table(&reference.table);
        let column = |key: &String| {
            let at = reference.to_columns.iter().position(|column| column == key)?;
            reference.columns.get(at).cloned()
        };
        let ordered: Option<Vec<String>> = to.primary_key.iter().map(column).collect();
        let whole = |by: &Vec<String>| by.len() == reference.columns.len();
        let by = ordered.filter(whole).ok_or_else(|| {
            format!("{names} of {whose} leads to other columns of {to_name} than its primary key.")
        })?;
        let meet = by.iter().zip(&to.primary_key).all(|(column, key)| {
            let (column, key) = (from.column(column), to.column(key));
            let classes = column.zip(key).map(|(a, b)| (a.ty.class(), b.ty.class()));
            classes.is_some_and(|(a, b)| Class::unify(&a, &b).is_some())
        });
        let apart = || format!("{names} of {whose} is of another type than the key of {to_name}.");
        if meet { Ok(by) } else { Err(apart()) }
    }

    /// The rest of a relation: what its rows show.
    fn element(&self, mut lines: Block, name: &TableName, table: &Table) -> Block {
        lines.push(format!("  primary_key: {}", columns(&table.primary_key)));
        lines.push("  fields:".to_owned());
        let fields = of_element(self.survey, name, table).into_iter().flatten();
        lines.extend(fields.map(|line| format!("    {line}")));
        lines
    }
}

fn head(verb: &str, name: &str, table: &TableName) -> Block {
    vec![
        format!("- {verb}: {}", scalar(name)),
        format!("  table: {}", scalar(&written_table(table))),
    ]
}
