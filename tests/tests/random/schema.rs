//! Random schema files over random tables: every verb, every aggregate, filters and orders, to
//! a depth of three.

use std::fmt::Write;

use flusso_tests::dice::Dice;

use crate::queries::{Queries, Scope};
use crate::tables::Table;

/// A schema file whose root is one of the tables.
pub fn random(dice: &mut Dice, tables: &[Table]) -> String {
    let root = loop {
        let table = dice.below(tables.len());
        if !tables[table].junction || dice.once_in(4) {
            break table;
        }
    };
    let (text, scope) = (String::new(), Vec::new());
    let mut writer = Writer { dice, tables, text, names: 0, scope };
    let table = &tables[root];
    let _ = writeln!(writer.text, "table: {}\nprimary_key: {}", table.name, keys(table));
    if !table.junction {
        match writer.dice.below(6) {
            0 => writer.text.push_str("soft_delete: { column: b }\n"),
            1 => writer
                .text
                .push_str("soft_delete: { column: at, when: [{ column: n, op: gt, value: 3 }] }\n"),
            2 => writer.filters(table, 0),
            _ => {}
        }
    }
    if writer.dice.once_in(3) {
        writer.scope.push((called(table), root));
        writer.condition(-1);
        writer.scope.pop();
    }
    writer.text.push_str("fields:\n");
    writer.fields(root, 0);
    writer.text
}

/// What SQL calls its rows.
fn called(table: &Table) -> String {
    table.name.rsplit('.').next().unwrap_or_default().to_owned()
}

/// The key's columns as YAML.
fn keys(table: &Table) -> String {
    list(&table.key.iter().map(|(column, _)| column.clone()).collect::<Vec<_>>())
}

fn list(columns: &[String]) -> String {
    match columns {
        [column] => column.clone(),
        columns => format!("[{}]", columns.join(", ")),
    }
}

struct Writer<'a> {
    dice: &'a mut Dice,
    tables: &'a [Table],
    text: String,
    names: usize,
    /// What SQL can name.
    scope: Scope,
}

/// Something another table can be reached by.
enum Way {
    /// `belongs_to` by the nth reference of this table.
    Up(usize),
    /// By the nth reference of another table.
    Down(usize, usize),
    /// Through a junction, from one side to the other.
    Across(usize, usize),
}

impl Writer<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.text, "{:width$}{text}", "", width = depth * 4 + 4);
    }

    fn field(&mut self, depth: usize, tag: &str) {
        self.names += 1;
        let _ = writeln!(self.text, "{:width$}- {tag}: f{}", "", self.names, width = depth * 4 + 2);
    }

    /// The fields of one object over a row of `table`.
    fn fields(&mut self, table: usize, depth: usize) {
        self.fields_called(called(&self.tables[table]), table, depth);
    }

    /// The same over a row that SQL calls otherwise.
    fn fields_called(&mut self, name: String, table: usize, depth: usize) {
        self.scope.push((name, table));
        self.words(table, depth);
        for _ in 0..self.dice.below(3) {
            self.by_sql(depth);
        }
        self.scope.pop();
    }

    /// A field, a relation or an aggregate in SQL.
    fn by_sql(&mut self, depth: usize) {
        let mut queries = self.queries();
        match queries.dice.below(5) {
            0 => {
                let Some(select) = queries.select() else { return };
                self.field(depth, "has_many");
                self.line(depth, &format!("select: \"{select}\""));
                self.line(depth, "fields: [{ keyword: k }, { long: c }]");
            }
            1 if depth < 2 => {
                let Some((join, order, (name, table))) = queries.join() else { return };
                let limit = self.dice.below(4);
                self.field(depth, "has_many");
                self.line(depth, &format!("join: \"{join}\""));
                self.line(depth, &format!("order_by: \"{order}\""));
                if limit > 0 {
                    self.line(depth, &format!("limit: {limit}"));
                }
                self.scope.push((name.clone(), table));
                if self.dice.once_in(2) {
                    self.condition(depth as isize);
                }
                self.scope.pop();
                self.line(depth, "fields:");
                self.fields_called(name, table, depth + 1);
            }
            2 => {
                let Some((join, _, (name, table))) = queries.join() else { return };
                let (tag, of, ty) = *self.dice.pick(&[
                    ("sum", "n", "value_type: long"),
                    ("max", "s", "value_type: keyword"),
                    ("count_distinct", "s", "options: {}"),
                    ("array_agg", "n", "element_type: integer"),
                    ("bool_and", "b", "options: {}"),
                ]);
                self.field(depth, tag);
                self.line(depth, &format!("join: \"{join}\""));
                self.line(depth, &format!("sql: {name}.{of}"));
                self.line(depth, ty);
                if self.dice.once_in(2) {
                    self.scope.push((name, table));
                    self.condition(depth as isize);
                    self.scope.pop();
                }
            }
            _ => {
                let Some((tag, sql)) = queries.value() else { return };
                self.field(depth, &tag);
                self.line(depth, &format!("sql: \"{sql}\""));
            }
        }
    }

    /// `where:` over the row in scope.
    fn condition(&mut self, depth: isize) {
        if let Some(condition) = self.queries().condition() {
            let width = usize::try_from(depth * 4 + 4).unwrap_or(0);
            let _ = writeln!(self.text, "{:width$}where: \"{condition}\"", "");
        }
    }

    fn queries(&mut self) -> Queries<'_> {
        let scope = self.scope.clone();
        Queries { dice: self.dice, tables: self.tables, scope, depth: 2 }
    }

    /// Fields in the words of the language.
    fn words(&mut self, table: usize, depth: usize) {
        let tables = self.tables;
        for (tag, column) in [
            ("long", "n"),
            ("keyword", "s"),
            ("decimal", "d"),
            ("boolean", "b"),
            ("timestamp", "at"),
            ("text", "w"),
        ] {
            if !tables[table].junction && self.dice.once_in(3) {
                self.field(depth, tag);
                self.line(depth, &format!("column: {column}"));
            }
        }
        let ways = self.ways(table);
        let blocks = if depth == 0 { 2 + self.dice.below(4) } else { self.dice.below(3) };
        for _ in 0..blocks {
            if ways.is_empty() || depth > 2 {
                break;
            }
            let way = &ways[self.dice.below(ways.len())];
            match way {
                Way::Up(reference) => self.belongs_to(table, *reference, depth),
                _ if self.dice.once_in(2) => self.aggregate(way, depth),
                _ => self.rows(way, depth),
            }
        }
        // an object is never without a field
        self.field(depth, "constant");
        self.line(depth, "value: 1");
    }

    fn ways(&self, table: usize) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        if !self.tables[table].junction {
            ways.extend((0..self.tables[table].references.len()).map(Way::Up));
        }
        for (i, other) in self.tables.iter().enumerate() {
            for (n, reference) in other.references.iter().enumerate() {
                if reference.to == table {
                    ways.push(Way::Down(i, n));
                    if other.junction {
                        ways.push(Way::Across(i, n));
                    }
                }
            }
        }
        ways
    }

    fn belongs_to(&mut self, table: usize, reference: usize, depth: usize) {
        let tables = self.tables;
        let reference = &tables[table].references[reference];
        let far = &tables[reference.to];
        self.field(depth, "belongs_to");
        self.line(depth, &format!("column: {}", list(&reference.columns)));
        self.line(depth, &format!("table: {}", far.name));
        self.line(depth, &format!("primary_key: {}", keys(far)));
        if self.dice.once_in(4) {
            self.filters(far, depth + 1);
        }
        self.line(depth, "fields:");
        self.fields(reference.to, depth + 1);
    }

    /// `table` and the key of a way down or across; gives the far table.
    fn far(&mut self, way: &Way, depth: usize) -> usize {
        let tables = self.tables;
        let (far, key) = match way {
            Way::Up(_) => unreachable!("a way up is a belongs_to"),
            Way::Down(table, n) => {
                (*table, format!("foreign_key: {}", list(&tables[*table].references[*n].columns)))
            }
            Way::Across(junction, n) => {
                let (left, right) =
                    (&tables[*junction].references[*n], &tables[*junction].references[1 - n]);
                let key = format!(
                    "through: {{ table: {}, left_key: {}, right_key: {} }}",
                    tables[*junction].name,
                    list(&left.columns),
                    list(&right.columns)
                );
                (right.to, key)
            }
        };
        self.line(depth, &format!("table: {}", tables[far].name));
        self.line(depth, &key);
        far
    }

    fn rows(&mut self, way: &Way, depth: usize) {
        let tables = self.tables;
        let one = matches!(way, Way::Down(..)) && self.dice.once_in(4);
        let verb = match way {
            Way::Across(..) => "many_to_many",
            _ if one => "has_one",
            _ => "has_many",
        };
        self.field(depth, verb);
        let far = self.far(way, depth);
        self.line(depth, &format!("primary_key: {}", keys(&tables[far])));
        if !tables[far].junction {
            if self.dice.once_in(3) {
                self.filters(&tables[far], depth + 1);
            }
            if self.dice.once_in(2) {
                let (a, b) =
                    (*self.dice.pick(&["n", "s", "d", "at", "b"]), *self.dice.pick(&["w", "n"]));
                let direction = *self.dice.pick(&["asc", "desc"]);
                self.line(
                    depth,
                    &format!(
                        "order_by: [{{ column: {a}, direction: {direction} }}, {{ column: {b} }}]"
                    ),
                );
            }
        }
        if self.dice.once_in(4) {
            self.scope.push((called(&tables[far]), far));
            self.condition(depth as isize);
            self.scope.pop();
        }
        if !one && self.dice.once_in(3) {
            let limit = self.dice.below(4);
            self.line(depth, &format!("limit: {limit}"));
        }
        self.line(depth, "fields:");
        self.fields(far, depth + 1);
    }

    fn aggregate(&mut self, way: &Way, depth: usize) {
        let tables = self.tables;
        let functions = [
            ("count", "", ""),
            ("sum", "n", "long"),
            ("sum", "d", "decimal"),
            ("avg", "n", ""),
            ("avg", "d", ""),
            ("min", "at", "timestamp"),
            ("max", "s", "keyword"),
            ("max", "d", "decimal"),
            ("ids", "", "keyword"),
        ];
        let (function, column, ty) = *self.dice.pick(&functions);
        let far = match way {
            Way::Across(junction, n) => tables[*junction].references[1 - n].to,
            Way::Down(table, _) => *table,
            Way::Up(_) => unreachable!("a way up is a belongs_to"),
        };
        // what a junction has are its keys, and `ids` wants one column
        let plain = !tables[far].junction;
        let function = if plain && (function != "ids" || tables[far].key.len() == 1) {
            function
        } else {
            "count"
        };
        self.field(depth, function);
        self.far(way, depth);
        match function {
            "count" => {}
            "ids" => self.line(depth, "element_type: keyword"),
            "avg" => self.line(depth, &format!("column: {column}")),
            _ => self.line(
                depth,
                &format!("column: {column}\n{:width$}value_type: {ty}", "", width = depth * 4 + 4),
            ),
        }
        if plain && self.dice.once_in(2) {
            self.filters(&tables[far], depth + 1);
        }
    }

    /// One or two conditions; `depth` is that of the lines before `fields:`.
    fn filters(&mut self, table: &Table, depth: usize) {
        let filters = [
            "{ column: n, op: gt, value: 2 }",
            "{ column: n, op: not_in, value: [1, 2] }",
            "{ column: n, op: between, value: [1, 4] }",
            "{ column: s, op: eq, value: a }",
            "{ column: s, op: like, value: '%b%' }",
            "{ column: s, op: is_not_null }",
            "{ column: d, op: lte, value: 1.5 }",
            "{ column: b, op: neq, value: true }",
            "{ column: at, op: gte, value: '2024-01-03' }",
        ];
        debug_assert!(!table.junction);
        let mut chosen = vec![*self.dice.pick(&filters)];
        if self.dice.once_in(3) {
            chosen.push(*self.dice.pick(&filters));
        }
        let _ =
            writeln!(self.text, "{:width$}filters: [{}]", "", chosen.join(", "), width = depth * 4);
    }
}
