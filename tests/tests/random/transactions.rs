//! Random transactions: inserts, updates, moves, new keys, deletes, truncation, savepoints.

use std::fmt::Write;

use flusso_tests::dice::Dice;

use crate::tables::{COLUMNS, KEYS, Key, Table};

/// One to six statements that commit together, or are rolled back.
pub fn random(dice: &mut Dice, tables: &[Table]) -> String {
    let mut sql = "BEGIN;\n".to_owned();
    for _ in 0..1 + dice.below(6) {
        match dice.below(12) {
            0 => {
                sql.push_str("SAVEPOINT s;\n");
                sql.push_str(&statement(dice, tables));
                sql.push_str("ROLLBACK TO s;\n");
            }
            _ => sql.push_str(&statement(dice, tables)),
        }
    }
    sql.push_str(if dice.once_in(12) { "ROLLBACK;" } else { "COMMIT;" });
    sql
}

fn statement(dice: &mut Dice, tables: &[Table]) -> String {
    match dice.below(20) {
        0..7 => insert(dice, tables),
        7..13 => update(dice, tables),
        13..15 => new_key(dice, tables),
        15..19 => delete(dice, tables),
        _ => truncate(dice, tables),
    }
}

/// A row; nothing where its key is taken.
pub fn insert(dice: &mut Dice, tables: &[Table]) -> String {
    let table = dice.pick(tables);
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for (column, ty) in &table.key {
        columns.push(column.clone());
        values.push(key(dice, *ty));
    }
    for (column, value) in rest(dice, tables, table) {
        columns.push(column);
        values.push(value);
    }
    let (columns, values) = (columns.join(", "), values.join(", "));
    format!("INSERT INTO {} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING;\n", table.name)
}

fn update(dice: &mut Dice, tables: &[Table]) -> String {
    let table = dice.pick(tables);
    let mut set: Vec<String> = rest(dice, tables, table)
        .into_iter()
        .filter(|_| dice.once_in(3))
        .map(|(column, value)| format!("{column} = {value}"))
        .collect();
    if set.is_empty() {
        let (column, _) = &table.key[0];
        set.push(format!("{column} = {column}"));
    }
    format!("UPDATE {} SET {} WHERE {};\n", table.name, set.join(", "), some(dice, table))
}

/// A row takes another key, unless a row has it.
fn new_key(dice: &mut Dice, tables: &[Table]) -> String {
    let table = dice.pick(tables);
    let old: Vec<String> = table.key.iter().map(|(_, ty)| key(dice, *ty)).collect();
    let new: Vec<String> = table.key.iter().map(|(_, ty)| key(dice, *ty)).collect();
    let columns: Vec<&str> = table.key.iter().map(|(column, _)| column.as_str()).collect();
    let equal = |values: &[String]| {
        let pairs = columns.iter().zip(values).map(|(column, value)| format!("{column} = {value}"));
        pairs.collect::<Vec<_>>()
    };
    let name = &table.name;
    format!(
        "UPDATE {name} SET {} WHERE {} AND NOT EXISTS (SELECT FROM {name} WHERE {});\n",
        equal(&new).join(", "),
        equal(&old).join(" AND "),
        equal(&new).join(" AND ")
    )
}

fn delete(dice: &mut Dice, tables: &[Table]) -> String {
    let table = dice.pick(tables);
    format!("DELETE FROM {} WHERE {};\n", table.name, some(dice, table))
}

fn truncate(dice: &mut Dice, tables: &[Table]) -> String {
    format!("TRUNCATE {};\n", dice.pick(tables).name)
}

/// A condition that takes in a few rows.
fn some(dice: &mut Dice, table: &Table) -> String {
    let (column, ty) = dice.pick(&table.key);
    let mut condition = format!("{column} = {}", key(dice, *ty));
    if !table.junction && dice.once_in(4) {
        let _ = write!(condition, " OR n = {}", dice.below(6));
    }
    condition
}

fn key(dice: &mut Dice, ty: Key) -> String {
    ty.value(dice.below(KEYS))
}

/// Values of the columns beside the key.
fn rest(dice: &mut Dice, tables: &[Table], table: &Table) -> Vec<(String, String)> {
    let mut values = Vec::new();
    if table.junction {
        return values;
    }
    for reference in &table.references {
        let null = dice.once_in(5);
        for (column, (_, ty)) in reference.columns.iter().zip(&tables[reference.to].key) {
            let value = if null { "NULL".to_owned() } else { key(dice, *ty) };
            values.push((column.clone(), value));
        }
    }
    for (column, _) in COLUMNS {
        let value = match column {
            _ if dice.once_in(6) => "NULL".to_owned(),
            "n" => dice.below(6).to_string(),
            "s" => (*dice.pick(&["'a'", "'ab'", "'b'", "'B'", "''", "'é'"])).to_owned(),
            "d" => (*dice.pick(&["0", "1.5", "1.50", "-2", "0.001", "12345678901234567890.5"]))
                .to_owned(),
            "b" => (*dice.pick(&["true", "false"])).to_owned(),
            "at" => format!("'2024-01-0{} 10:00:00.5'", 1 + dice.below(5)),
            "a" => (*dice.pick(&["'{}'", "'{1,2,1}'", "'{NULL,3}'", "'[0:1]={4,5}'"])).to_owned(),
            // long enough to be stored out of line
            _ => match dice.below(3) {
                0 => "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 150) i)"
                    .to_owned(),
                _ => format!("'w{}'", dice.below(3)),
            },
        };
        values.push((column.to_owned(), value));
    }
    values
}
