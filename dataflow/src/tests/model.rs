//! A plan's documents by the plainest means: every block scans its whole table.
//!
//! Shares with the engine how a value is encoded, compared and printed, which has tests of its
//! own against Postgres; shares nothing of how rows are kept, found, walked and put together.

use std::collections::BTreeMap;

use flusso_compiler::expr::Expr;
use flusso_compiler::plan::{
    Aggregate, AggregateFunction, Holds, Index, KeyPart, Object, Plan, Read, Table, TableId, Value,
};
use flusso_compiler::types::{Render, SqlType};

use super::joins;
use super::random::Dice;
use crate::eval::{Place, Program, Scratch};
use crate::feed::Change;
use crate::row::{Datum, Packer, Row, columns};
use crate::tally::{self, TallyProgram};
use crate::{json, order};

/// Bodies by index and id.
pub type Documents = BTreeMap<(u16, String), Vec<u8>>;

/// Columns of a row by plan column.
pub type Values = Vec<Option<String>>;

/// The tables' rows by encoded primary key.
#[derive(Clone)]
pub struct Tables(Vec<BTreeMap<Vec<u8>, Values>>);

/// A random value of a small domain, so that keys meet and values repeat.
pub fn value(ty: &SqlType, dice: &mut Dice<'_>) -> Option<String> {
    let text = match (ty, dice.roll(6)) {
        (_, 5) => return None,
        (SqlType::Bool, n) => ["t", "f"][n as usize % 2].into(),
        (SqlType::Text, n) => ["a", "ab", "B", "", "1"][n as usize].into(),
        (SqlType::Numeric(Some(_)), n) => format!("{}.{}5", n % 4, n % 2),
        (SqlType::Numeric(None), n) => ["1", "1.0", "-0.25", "12.5", "3"][n as usize].into(),
        (_, n) => (1 + n % 5).to_string(),
    };
    Some(text)
}

fn key_value(ty: &SqlType, dice: &mut Dice<'_>) -> String {
    match ty {
        SqlType::Text => ["a", "ab", "b"][dice.roll(3) as usize].into(),
        _ => (1 + dice.roll(5)).to_string(),
    }
}

pub fn data(values: &Values) -> Vec<Datum<'_>> {
    fn datum(value: &Option<String>) -> Datum<'_> {
        value.as_ref().map_or(Datum::Null, |text| Datum::Text(text.as_bytes()))
    }
    values.iter().map(datum).collect()
}

fn pack(values: &Values) -> Row {
    let mut packer = Packer::default();
    data(values).into_iter().for_each(|datum| packer.push(datum));
    packer.finish()
}

impl Tables {
    pub fn new(plan: &Plan) -> Tables {
        Tables(plan.tables.iter().map(|_| BTreeMap::new()).collect())
    }

    fn random(plan: &Plan, table: usize, dice: &mut Dice<'_>) -> Values {
        let table = &plan.tables[table];
        let key: Vec<usize> = table.key.iter().map(|part| usize::from(part.column.0)).collect();
        let columns = table.columns.iter().enumerate();
        let column = |(position, column): (usize, &flusso_compiler::plan::Column)| {
            if key.contains(&position) {
                Some(key_value(&column.ty, dice))
            } else {
                value(&column.ty, dice)
            }
        };
        columns.map(column).collect()
    }

    fn key(plan: &Plan, table: usize, row: &Values) -> Vec<u8> {
        encode(&plan.tables[table].key, row).expect("a primary key is not NULL")
    }

    /// A first content, as a copy would bring it.
    pub fn fill(&mut self, plan: &Plan, dice: &mut Dice<'_>) -> Vec<(TableId, Vec<Row>)> {
        while dice.left() {
            let table = dice.roll(plan.tables.len() as u32) as usize;
            let row = Tables::random(plan, table, dice);
            self.0[table].insert(Tables::key(plan, table, &row), row);
        }
        self.rows()
    }

    /// All rows of a table.
    pub fn of(&self, table: TableId) -> impl Iterator<Item = &Values> {
        self.0[usize::from(table.0)].values()
    }

    /// All that is there, as a copy would bring it.
    pub fn rows(&self) -> Vec<(TableId, Vec<Row>)> {
        let tables = self.0.iter().enumerate();
        tables.map(|(t, rows)| (TableId(t as u16), rows.values().map(pack).collect())).collect()
    }

    /// Changes of one transaction, each as the stream would tell it.
    pub fn transaction(&mut self, plan: &Plan, dice: &mut Dice<'_>) -> Vec<(TableId, Change)> {
        let mut changes = Vec::new();
        while dice.left() {
            let table = dice.roll(plan.tables.len() as u32) as usize;
            let id = TableId(table as u16);
            let row = Tables::random(plan, table, dice);
            let key = Tables::key(plan, table, &row);
            let action = dice.roll(12);
            let rows = &mut self.0[table];
            let any: Vec<Vec<u8>> = rows.keys().cloned().collect();
            let change = match (rows.get(&key).cloned(), action) {
                (_, 11) if dice.roll(3) == 2 => {
                    rows.clear();
                    Change::Truncate
                }
                (None, 10 | 11) if !any.is_empty() => {
                    // The key of some other row changes to this one.
                    let from = &any[dice.roll(any.len() as u32) as usize];
                    let old = rows.remove(from).expect("one of the keys");
                    rows.insert(key, row.clone());
                    Change::Update { old: Some(pack(&old)), full: false, new: pack(&row) }
                }
                (None, _) => {
                    rows.insert(key, row.clone());
                    Change::Insert(pack(&row))
                }
                (Some(old), 0..4) => {
                    rows.remove(&key);
                    Change::Delete(pack(&old))
                }
                (Some(old), 4) => {
                    rows.insert(key, row.clone());
                    Change::Update { old: Some(pack(&old)), full: true, new: pack(&row) }
                }
                (Some(old), 5) => {
                    Change::Update { old: None, full: false, new: unchanged(plan, table, &old) }
                }
                (Some(_), _) => {
                    rows.insert(key, row.clone());
                    Change::Update { old: None, full: false, new: pack(&row) }
                }
            };
            changes.push((id, change));
        }
        changes
    }

    /// All documents.
    pub fn documents(&self, plan: &Plan) -> Documents {
        let mut documents = Documents::new();
        for (position, index) in plan.indexes.iter().enumerate() {
            let table = plan.kept(index.root).table;
            for row in self.0[usize::from(table.0)].values() {
                if let Some((id, body)) = self.document(plan, index, row) {
                    documents.insert((position as u16, id), body);
                }
            }
        }
        documents
    }

    fn document(&self, plan: &Plan, index: &Index, row: &Values) -> Option<(String, Vec<u8>)> {
        let holds = index
            .present
            .as_ref()
            .is_none_or(|present| is_true(present, plan.table(plan.kept(index.root).table), row));
        holds.then(|| {
            let mut body = Vec::new();
            self.object(
                plan,
                &index.shape,
                plan.table(plan.kept(index.root).table),
                row,
                &mut body,
            );
            let key = &plan.table(plan.kept(index.root).table).key;
            let row = data(row);
            let key: Vec<_> = key.iter().map(|part| row[usize::from(part.column.0)]).collect();
            (json::document_id(&key).into(), body)
        })
    }

    fn object(&self, plan: &Plan, object: &Object, table: &Table, row: &Values, out: &mut Vec<u8>) {
        out.push(b'{');
        for (position, (name, value)) in object.fields.iter().enumerate() {
            out.extend_from_slice(if position == 0 { b"" } else { b"," });
            json::string(name.as_bytes(), out);
            out.push(b':');
            self.value(plan, value, table, row, out);
        }
        out.push(b'}');
    }

    fn value(&self, plan: &Plan, value: &Value, table: &Table, row: &Values, out: &mut Vec<u8>) {
        let of = |read: &Read| plan.table(plan.kept(read.kept).table);
        match value {
            Value::Scalar(expr, render, _) => {
                let program = Program::new(expr, &|column| Place::whole(table, column));
                let (row, mut scratch) = (data(row), Scratch::default());
                json::datum(render, program.value(&row, &mut scratch).expect("a value"), out);
            }
            Value::Formula(formula, render, _) => {
                let value = joins::value(self, plan, formula, row);
                let datum = value.as_ref().map_or(Datum::Null, |text| Datum::Text(text.as_bytes()));
                json::datum(render, datum, out);
            }
            Value::Rows(_) | Value::Geo { .. } | Value::Constant(_) => {
                unreachable!("not generated")
            }
            Value::Object(inner) => self.object(plan, inner, table, row, out),
            Value::One(read, inner) => match self.read(plan, read, row).first() {
                Some(found) => self.object(plan, inner, of(read), found, out),
                None => out.extend_from_slice(b"null"),
            },
            Value::Many(read, inner) => {
                out.push(b'[');
                for (position, found) in self.read(plan, read, row).into_iter().enumerate() {
                    out.extend_from_slice(if position == 0 { b"" } else { b"," });
                    self.object(plan, inner, of(read), found, out);
                }
                out.push(b']');
            }
            Value::Aggregate(Aggregate::Tallied { kept, key, tally, function, ty }) => {
                let kept = plan.kept(*kept);
                let Holds::Tallies(tallies) = &kept.holds else { unreachable!("tallies") };
                let program = TallyProgram::compile(tallies, plan.table(kept.table));
                let rows = self.matching(kept.table, &kept.key, encode(key, row));
                let sum = rows
                    .into_iter()
                    .map(|row| program.of(&data(row), &mut Scratch::default()))
                    .reduce(|mut a, b| {
                        differential_dataflow::difference::Semigroup::plus_equals(&mut a, &b);
                        a
                    });
                tally::finish(sum.as_ref(), *tally, *function, ty, out);
            }
            Value::Aggregate(Aggregate::Gathered { read, function, of, ty, render, .. }) => {
                let rows = self.read(plan, read, row);
                let rows: Vec<Vec<Datum<'_>>> = rows.into_iter().map(data).collect();
                let position = match of {
                    Some(Expr::Column(column)) => Some(usize::from(column.0)),
                    Some(_) => unreachable!("not generated"),
                    None => None,
                };
                let values = rows.iter().filter_map(|row| position.map(|at| row[at]));
                let texts: Vec<&[u8]> = values
                    .filter_map(|datum| match datum {
                        Datum::Text(text) => Some(text),
                        _ => None,
                    })
                    .collect();
                gathered(*function, rows.len(), texts, ty, render, out);
            }
        }
    }

    fn matching(&self, table: TableId, parts: &[KeyPart], key: Option<Vec<u8>>) -> Vec<&Values> {
        let Some(key) = key else { return Vec::new() };
        let rows = self.0[usize::from(table.0)].values();
        rows.filter(|row| encode(parts, row).as_ref() == Some(&key)).collect()
    }

    fn read(&self, plan: &Plan, read: &Read, row: &Values) -> Vec<&Values> {
        let kept = plan.kept(read.kept);
        let mut rows: Vec<&Values> = match &read.through {
            None => self.matching(kept.table, &kept.key, encode(&read.key, row)),
            Some(hop) => {
                let junction = plan.kept(hop.kept);
                let links = self.matching(junction.table, &junction.key, encode(&read.key, row));
                let keys = links.into_iter().map(|link| encode(&hop.gives, link));
                keys.flat_map(|key| self.matching(kept.table, &kept.key, key)).collect()
            }
        };
        rows.retain(|row| {
            read.filter
                .as_ref()
                .is_none_or(|filter| is_true(filter, plan.table(plan.kept(read.kept).table), row))
        });
        rows.sort_by_cached_key(|row| {
            let mut key = Vec::new();
            order::prefix(&read.order, &data(row), &mut key).expect("encodable");
            let unique = encode(&plan.table(kept.table).key, row).expect("not NULL");
            (key, unique)
        });
        rows.truncate(read.limit.map_or(usize::MAX, |limit| limit as usize));
        rows
    }
}

/// An update that changes nothing, with all but the key left out.
fn unchanged(plan: &Plan, table: usize, row: &Values) -> Row {
    let key = &plan.tables[table].key;
    let mut packer = Packer::default();
    for (position, datum) in data(row).into_iter().enumerate() {
        let kept = key.iter().any(|part| usize::from(part.column.0) == position);
        packer.push(if kept { datum } else { Datum::Unchanged });
    }
    let row = packer.finish();
    assert!(columns(&row.0).count() == plan.tables[table].columns.len());
    row
}

fn gathered(
    function: AggregateFunction,
    rows: usize,
    mut texts: Vec<&[u8]>,
    ty: &SqlType,
    render: &Render,
    out: &mut Vec<u8>,
) {
    let sort_key = |text: &&[u8]| {
        let mut key = Vec::new();
        order::encode(&ty.class(), text, &mut key).expect("encodable");
        key
    };
    match function {
        AggregateFunction::Count => out.extend_from_slice(rows.to_string().as_bytes()),
        AggregateFunction::Sum | AggregateFunction::Avg => {
            let sum = tally::over(texts.into_iter(), ty);
            tally::finish(sum.as_ref(), 0, function, ty, out);
        }
        AggregateFunction::Min | AggregateFunction::Max => {
            texts.sort_by_cached_key(sort_key);
            let one = if function == AggregateFunction::Min { texts.first() } else { texts.last() };
            json::datum(render, one.map_or(Datum::Null, |text| Datum::Text(text)), out);
        }
        AggregateFunction::Ids => {
            texts.sort_by_cached_key(sort_key);
            out.push(b'[');
            for (position, text) in texts.into_iter().enumerate() {
                out.extend_from_slice(if position == 0 { b"" } else { b"," });
                json::write(render, text, out);
            }
            out.push(b']');
        }
        AggregateFunction::CountDistinct
        | AggregateFunction::BoolAnd
        | AggregateFunction::BoolOr
        | AggregateFunction::StringAgg
        | AggregateFunction::ArrayAgg => unreachable!("not generated"),
    }
}

pub fn encode(parts: &[KeyPart], row: &Values) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    order::key(parts, &data(row), &mut key).expect("encodable").then_some(key)
}

fn is_true(expr: &Expr, table: &Table, row: &Values) -> bool {
    let program = Program::new(expr, &|column| Place::whole(table, column));
    program.truth(&data(row), &mut Scratch::default()) == Ok(Some(true))
}
