//! Random tables: keys of every common type and of two columns, references in all directions.

use std::fmt::Write;

use flusso_tests::dice::Dice;

/// A table.
pub struct Table {
    /// With its database schema where that is not `public`.
    pub name: String,
    /// The key's columns and their types.
    pub key: Vec<(String, Key)>,
    /// Columns that hold keys of other tables, or of this one.
    pub references: Vec<Reference>,
    /// Two references and nothing else, both in the key.
    pub junction: bool,
}

/// Columns of this table that hold the key of another; they may point nowhere.
pub struct Reference {
    /// Position of the other table.
    pub to: usize,
    /// The columns, in the order of the other's key.
    pub columns: Vec<String>,
}

/// The type of a key column.
#[derive(Clone, Copy)]
pub enum Key {
    Int,
    Bigint,
    Text,
    Uuid,
}

impl Key {
    /// As SQL names it.
    pub fn sql(self) -> &'static str {
        match self {
            Key::Int => "int",
            Key::Bigint => "bigint",
            Key::Text => "text",
            Key::Uuid => "uuid",
        }
    }

    /// The nth value of the type; few values, so that rows meet.
    pub fn value(self, n: usize) -> String {
        match self {
            Key::Int | Key::Bigint => n.to_string(),
            Key::Text => format!("'k{n}:'"),
            Key::Uuid => format!("md5('{n}')::uuid"),
        }
    }
}

/// Values of a key column there are.
pub const KEYS: usize = 7;

/// The columns beside keys and references, the same in every table that is no junction.
pub const COLUMNS: [(&str, &str); 7] = [
    ("n", "int"),
    ("s", "text"),
    ("d", "numeric"),
    ("b", "boolean"),
    ("at", "timestamp"),
    ("w", "text"),
    ("a", "int[]"),
];

/// Three to five tables and a junction or two.
pub fn random(dice: &mut Dice) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for i in 0..3 + dice.below(3) {
        let mut key =
            vec![("id".to_owned(), *dice.pick(&[Key::Int, Key::Bigint, Key::Text, Key::Uuid]))];
        if dice.once_in(3) {
            key.push(("sub".to_owned(), *dice.pick(&[Key::Int, Key::Text])));
        }
        let name = if dice.once_in(4) { format!("other.t{i}") } else { format!("t{i}") };
        tables.push(Table { name, key, references: Vec::new(), junction: false });
    }
    for i in 0..tables.len() {
        for n in 0..1 + dice.below(3) {
            let to = dice.below(tables.len());
            let columns =
                tables[to].key.iter().map(|(column, _)| format!("r{n}_{column}")).collect();
            tables[i].references.push(Reference { to, columns });
        }
    }
    for i in 0..1 + dice.below(2) {
        let (left, right) = (dice.below(tables.len()), dice.below(tables.len()));
        let mut junction = Table {
            name: format!("j{i}"),
            key: Vec::new(),
            references: Vec::new(),
            junction: true,
        };
        for (side, to) in [("l", left), ("r", right)] {
            let mut columns = Vec::new();
            for (column, ty) in &tables[to].key {
                columns.push(format!("{side}_{column}"));
                junction.key.push((format!("{side}_{column}"), *ty));
            }
            junction.references.push(Reference { to, columns });
        }
        tables.push(junction);
    }
    tables
}

/// The statements that make them.
pub fn create(tables: &[Table]) -> String {
    let mut sql = "CREATE SCHEMA other;\n".to_owned();
    for table in tables {
        let mut columns: Vec<String> =
            table.key.iter().map(|(column, ty)| format!("{column} {}", ty.sql())).collect();
        if !table.junction {
            for reference in &table.references {
                let types = &tables[reference.to].key;
                let pairs = reference.columns.iter().zip(types);
                columns.extend(pairs.map(|(column, (_, ty))| format!("{column} {}", ty.sql())));
            }
            columns.extend(COLUMNS.iter().map(|(column, ty)| format!("{column} {ty}")));
        }
        let key: Vec<&str> = table.key.iter().map(|(column, _)| column.as_str()).collect();
        let (columns, key) = (columns.join(", "), key.join(", "));
        let _ = writeln!(sql, "CREATE TABLE {} ({columns}, PRIMARY KEY ({key}));", table.name);
    }
    sql
}
