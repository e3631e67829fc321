//! Aggregates over joins: made out of numbers, and computed by going through all rows of all
//! tables.

use flusso_compiler::diagnostics::{At, Place};
use flusso_compiler::expr::Expr;
use flusso_compiler::files::schema::{
    Aggregate, AggregateKey, AggregateOp, FieldType, Kind, Origin,
};
use flusso_compiler::plan::query::{Found, Input, Source};
use flusso_compiler::plan::{AggregateFunction, Formula, Holds, Index, Join, Plan, Table};
use flusso_compiler::sql::Sql;
use flusso_compiler::sql::block::BlockAggregate;
use flusso_compiler::types::SqlType;

use super::model::{Tables, Values, data, encode};
use super::random::{Dice, LINKS, name, shape};
use crate::eval::{self, Program, Scratch};
use crate::row::Datum;
use crate::tally::{self, Tallies, TallyProgram};

const PLACE: Place = Place { file: 0, start: 0, end: 0 };

fn sql(text: String) -> Sql {
    Sql { text, place: PLACE, pieces: Vec::new() }
}

/// `left.a = right.b AND …`, from a child's columns to its parent's key or the other way.
fn equal((left, of_left): (&str, &[&str]), (right, of_right): (&str, &[&str])) -> String {
    let pairs = of_left.iter().zip(of_right);
    let pairs = pairs.map(|(a, b)| format!("{left}.{a} = {right}.{b}"));
    pairs.collect::<Vec<_>>().join(" AND ")
}

/// A table that a link leads to from `of`, called `from` there, and the condition with which it is
/// called `to`.
fn linked(of: &str, from: &str, to: &str, dice: &mut Dice<'_>) -> Option<(&'static str, String)> {
    let ends = LINKS.iter().flat_map(|link| [(link, true), (link, false)]);
    let ends = ends.filter(|((child, _, parent), up)| of == if *up { *child } else { *parent });
    let ends: Vec<_> = ends.collect();
    if ends.is_empty() {
        return None;
    }
    let (&(child, columns, parent), up) = dice.pick(&ends);
    let key = shape(parent).2;
    Some(match up {
        true => (parent, equal((to, key), (from, columns))),
        false => (child, equal((to, columns), (from, key))),
    })
}

/// Columns of the relations that are numbers: `r1.x`.
fn numbers(relations: &[&str]) -> Vec<String> {
    let of = |(position, table): (usize, &&str)| {
        let columns = shape(table).1.iter();
        let numbers = columns.filter(|(_, ty)| !matches!(ty(), SqlType::Bool | SqlType::Text));
        numbers.map(|(name, _)| format!("r{position}.{name}")).collect::<Vec<_>>()
    };
    relations.iter().enumerate().flat_map(of).collect()
}

/// A count, sum or mean over two to four relations, the first of them linked to the row in scope.
pub fn aggregate(table: &str, dice: &mut Dice<'_>) -> Option<Kind> {
    let (first, on) = linked(table, table, "r0", dice)?;
    let mut relations = vec![first];
    let mut text = format!("{first} r0 ON {on}");
    for position in 1..2 + dice.roll(3) {
        let from = dice.roll(relations.len() as u32) as usize;
        let (of, to) = (format!("r{from}"), format!("r{position}"));
        let (next, on) = linked(relations[from], &of, &to, dice)?;
        relations.push(next);
        text += &format!(" JOIN {next} {to} ON {on}");
    }
    let numbers = numbers(&relations);
    let number = |dice: &mut Dice<'_>| dice.pick(&numbers);
    let condition = match dice.roll(6) {
        0 => Some(format!("{} > 2", number(dice))),
        1 => Some(format!("{} <= {}", number(dice), number(dice))),
        2 => Some(format!("{} IS NULL OR {} = 1", number(dice), number(dice))),
        _ => None,
    };
    let of = |dice: &mut Dice<'_>| {
        let text = match dice.roll(3) {
            0 => number(dice),
            1 => format!("{} * {}", number(dice), number(dice)),
            _ => format!("coalesce({}, 0) - {}", number(dice), number(dice)),
        };
        sql(text)
    };
    let op = match dice.roll(4) {
        0 => AggregateOp::Count,
        1 => AggregateOp::Avg(Origin::Sql(of(dice))),
        2 => AggregateOp::CountOf(of(dice)),
        _ => AggregateOp::Sum(Origin::Sql(of(dice))),
    };
    Some(Kind::Aggregate(Aggregate {
        table: At::new(name(first), PLACE),
        op,
        key: AggregateKey::Join(sql(text)),
        value_type: Some(FieldType::Decimal),
        filters: None,
        condition: condition.map(sql),
        order_by: None,
    }))
}

/// Whether all that is asked of joins is kept as numbers: what is gathered has its own tests.
pub fn are_kept(index: &Index) -> bool {
    let mut all = true;
    index.each_formula(&mut |formula| {
        all &= formula.queries.iter().all(|one| matches!(one.from, Found::Tallied { .. }));
    });
    all
}

/// The value of such an aggregate for a row.
pub fn value(tables: &Tables, plan: &Plan, formula: &Formula, row: &Values) -> Option<String> {
    let [query] = formula.queries.as_slice() else { unreachable!("one query") };
    let (Found::Tallied { key, tallies }, [call]) = (&query.from, query.aggregates.as_slice())
    else {
        unreachable!("one number")
    };
    let input = |input: &Input| match input.source {
        Source::Column { level: 1, relation: 0, column } => row[usize::from(column.0)].clone(),
        _ => None,
    };
    let inputs: Values = query.inputs.iter().map(input).collect();
    let (kept, slot) = tallies[0];
    let Holds::Joined(join) = &plan.kept(kept).holds else { unreachable!("a join") };
    let mut sum: Option<Tallies> = None;
    if let Some(key) = encode(key, &inputs) {
        let row = join.row(&plan.tables);
        let program = TallyProgram::compile(&join.tallies, &row);
        let mut add = |joined: &Values| {
            if encode(&plan.kept(kept).key, joined).as_ref() == Some(&key) {
                let tallies = program.of(&data(joined), &mut Scratch::default());
                use differential_dataflow::difference::Semigroup;
                sum.get_or_insert_default().plus_equals(&tallies);
            }
        };
        let tested = tested(plan, join, &row);
        every(tables, join, &tested, &mut Vec::new(), 0, &mut add);
    }
    let function = match call.function {
        BlockAggregate::Sum => AggregateFunction::Sum,
        BlockAggregate::Avg => AggregateFunction::Avg,
        _ => AggregateFunction::Count,
    };
    let ty = |of: &Expr| of.ty(&|column| query.inputs[usize::from(column.0)].ty.clone());
    let ty = call.of.as_ref().map_or(SqlType::Int8, ty);
    tally::value(sum.filter(|sum| !sum.is_zero()).as_ref(), slot, function, &ty)
}

/// By relation the conditions that read it and none behind it.
fn tested(plan: &Plan, join: &Join, row: &Table) -> Vec<Vec<Program>> {
    let mut tested: Vec<Vec<Program>> = join.relations.iter().map(|_| Vec::new()).collect();
    for condition in &join.conditions {
        let mut last = 0;
        columns(condition, &mut |column| {
            let behind = |one: &usize| join.offset(&plan.tables, *one) <= column;
            last = last.max((0..join.relations.len()).rev().find(behind).unwrap_or_default());
        });
        let place = |column| eval::Place::whole(row, column);
        tested[last].push(Program::new(condition, &place));
    }
    tested
}

fn columns(expr: &Expr, each: &mut dyn FnMut(usize)) {
    if let Expr::Column(column) = expr {
        each(column.0.into());
    }
    expr.parts().into_iter().for_each(|part| columns(part, each));
}

fn every(
    tables: &Tables,
    join: &Join,
    tested: &[Vec<Program>],
    joined: &mut Values,
    relation: usize,
    each: &mut dyn FnMut(&Values),
) {
    let Some(table) = join.relations.get(relation) else { return each(joined) };
    let before = joined.len();
    for row in tables.of(*table) {
        joined.extend(row.iter().cloned());
        let row: Vec<Datum<'_>> = data(joined);
        if tested[relation].iter().all(|one| one.passes(&row, &mut Scratch::default())) {
            every(tables, join, tested, joined, relation + 1, each);
        }
        joined.truncate(before);
    }
}
