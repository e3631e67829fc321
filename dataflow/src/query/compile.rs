//! Queries of the plan, resolved: column ids become positions in rows, expressions become programs.

use flusso_compiler::expr::Expr;
use flusso_compiler::plan::query as plan;
use flusso_compiler::plan::{AggregateFunction, ColumnId, OrderPart, Plan};
use flusso_compiler::sql::block::{
    self, AggregateCall, BlockAggregate, Distinct as BlockDistinct, JoinKind, SortKey,
};
use flusso_compiler::types::SqlType;

use super::{
    Aggregate, Asking, Asks, Cell, Distinct, Formula, Found, Function, Query, Relation, Rows,
};
use crate::eval::{Place, Program};
use crate::shape::{self, Scope};

/// What is known of a row in scope.
#[derive(Clone, Copy)]
pub enum Known<'p> {
    /// It is a table's.
    Table(Scope<'p>),
    /// Its columns lie as they are numbered.
    Plain,
}

/// The rows of a scope, and the scope around it.
#[derive(Clone, Copy)]
pub struct Knowns<'k, 'p> {
    /// By the number of the relation.
    pub rows: &'k [Known<'p>],
    /// The scope around.
    pub outer: Option<&'k Knowns<'k, 'p>>,
}

impl<'p> Knowns<'_, 'p> {
    /// The first row of the innermost scope, of which columns are read by words.
    pub fn row(&self) -> Scope<'p> {
        match self.rows.first() {
            Some(Known::Table(row)) => *row,
            // Of other rows nothing is read but by formulas.
            Some(Known::Plain) | None => Scope::NONE,
        }
    }

    fn position(&self, level: u16, relation: u16, column: ColumnId) -> usize {
        let mut scope = self;
        for _ in 0..level {
            match scope.outer {
                Some(outer) => scope = outer,
                None => return usize::MAX,
            }
        }
        match scope.rows.get(usize::from(relation)) {
            Some(Known::Table(rows)) => rows.position(column),
            Some(Known::Plain) | None => usize::from(column.0),
        }
    }
}

impl Formula {
    /// Resolves one in the scope of rows.
    pub fn new(plan: &Plan, of: &plan::Formula, scope: &Knowns<'_, '_>) -> Formula {
        let inputs = Inputs(&of.inputs);
        Formula {
            value: inputs.asking(&of.expr),
            inputs: inputs.cells(scope, false),
            queries: of.queries.iter().map(|one| query(plan, one, inputs, scope)).collect(),
        }
    }
}

/// What expressions read.
#[derive(Clone, Copy)]
struct Inputs<'p>(&'p [plan::Input]);

impl Inputs<'_> {
    fn ty(self, column: ColumnId) -> SqlType {
        self.0[usize::from(column.0)].ty.clone()
    }

    fn type_of(self, expr: &Expr) -> SqlType {
        expr.ty(&|column| self.ty(column))
    }

    fn asking(self, expr: &Expr) -> Asking {
        let mut queries = Vec::new();
        self.asked(expr, &mut queries);
        let place = |column: ColumnId| Place { position: column.0.into(), ty: self.ty(column) };
        Asking { program: Program::new(expr, &place), queries }
    }

    fn asked(self, expr: &Expr, into: &mut Vec<(usize, usize)>) {
        if let Expr::Column(column) = expr {
            let input = usize::from(column.0);
            if let plan::Source::Query(query) = self.0[input].source
                && !into.contains(&(input, query.into()))
            {
                into.push((input, query.into()));
            }
        }
        expr.parts().into_iter().for_each(|part| self.asked(part, into));
    }

    /// Where each comes from; columns of a query's own relations are filled in row by row.
    fn cells(self, scope: &Knowns<'_, '_>, is_query: bool) -> Vec<Cell> {
        let cell = |input: &plan::Input| match input.source {
            plan::Source::Column { level, relation, column } if !(is_query && level == 0) => {
                // The frame of a query is that around it.
                let level = level - u16::from(is_query);
                let position = scope.position(level, relation, column);
                Cell::Column { level: level.into(), relation: relation.into(), position }
            }
            plan::Source::Column { .. }
            | plan::Source::Group(_)
            | plan::Source::Aggregate(_)
            | plan::Source::Query(_) => Cell::Later,
        };
        self.0.iter().map(cell).collect()
    }

    fn input(self, source: &plan::Source) -> Option<usize> {
        self.0.iter().position(|input| input.source == *source)
    }

    /// Sort keys, each to be put at its place among them.
    fn order(self, keys: &[SortKey]) -> Vec<(Asking, OrderPart)> {
        let part = |(position, key): (usize, &SortKey)| {
            let part = OrderPart {
                column: ColumnId(position as u16),
                class: key.class.clone(),
                descending: key.descending,
                nulls_first: key.nulls_first,
            };
            (self.asking(&key.expr), part)
        };
        keys.iter().enumerate().map(part).collect()
    }
}

fn query(plan: &Plan, of: &plan::Query, around: Inputs<'_>, scope: &Knowns<'_, '_>) -> Query {
    let inputs = Inputs(&of.inputs);
    let known = relations(plan, of);
    let own = Knowns { rows: &known, outer: Some(scope) };
    let nested = |ty: &SqlType| matches!(ty, SqlType::Array(_));
    let asks = match &of.asks {
        block::Asks::Value => Asks::Value,
        block::Asks::Array => {
            Asks::Array { nested: of.outputs.first().is_some_and(|one| nested(&one.ty)) }
        }
        block::Asks::Exists => Asks::Exists,
        block::Asks::Quantified { of: left, op, classes, all } => {
            let width = left.len();
            let side = |at: usize| Box::new(Expr::Column(ColumnId(at as u16)));
            let pair = |(at, class): (usize, &flusso_compiler::types::Class)| {
                Expr::Compare(*op, side(at), side(width + at), class.clone())
            };
            let equal = Expr::And(classes.iter().enumerate().map(pair).collect());
            let types: Vec<SqlType> = left
                .iter()
                .map(|left| around.type_of(left))
                .chain(of.outputs.iter().map(|output| output.ty.clone()))
                .collect();
            let place = |column: ColumnId| {
                let position = usize::from(column.0);
                Place { position, ty: types[position].clone() }
            };
            let compare = Program::new(&equal, &place);
            let of = left.iter().map(|left| around.asking(left)).collect();
            Asks::Quantified { of, compare, all: *all }
        }
    };
    let limit = of.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let offset = usize::try_from(of.offset).unwrap_or(usize::MAX);
    let keyed = |expr: &Expr| (inputs.asking(expr), inputs.type_of(expr).class());
    Query {
        asks,
        inputs: inputs.cells(scope, true),
        queries: of.queries.iter().map(|one| query(plan, one, inputs, &own)).collect(),
        found: found(plan, of, &own),
        width: known.len(),
        group: of.group.as_ref().map(|keys| {
            let key = |(n, key): (usize, &Expr)| {
                let (asking, class) = keyed(key);
                (asking, inputs.input(&plan::Source::Group(n as u16)), class)
            };
            keys.iter().enumerate().map(key).collect()
        }),
        aggregates: of
            .aggregates
            .iter()
            .enumerate()
            .map(|(n, call)| {
                let input = inputs.input(&plan::Source::Aggregate(n as u16));
                aggregate(inputs, call, input)
            })
            .collect(),
        having: of.having.as_ref().map(|having| inputs.asking(having)),
        outputs: of
            .outputs
            .iter()
            .map(|output| (inputs.asking(&output.expr), output.ty.class()))
            .collect(),
        distinct: match &of.distinct {
            BlockDistinct::No => Distinct::No,
            BlockDistinct::Yes => Distinct::Yes,
            BlockDistinct::On(keys) => Distinct::On(keys.iter().map(keyed).collect()),
        },
        union: of.union.iter().map(|one| query(plan, one, around, scope)).collect(),
        order: inputs.order(&of.order),
        enough: enough(of),
        offset,
        limit,
    }
}

/// How many rows of the relations are all that can matter.
fn enough(of: &plan::Query) -> usize {
    let any = of.asks == block::Asks::Exists && of.group.is_none() && of.union.is_empty();
    if any && of.offset == 0 && of.limit != Some(0) {
        return 1;
    }
    let plan::Found::Rows { relations, .. } = &of.from else { return usize::MAX };
    match relations.as_slice() {
        [plan::Relation { rows: plan::Rows::Kept { head: true, .. }, .. }] => {
            let shown = of.limit.map_or(u64::MAX, |limit| limit.saturating_add(of.offset));
            usize::try_from(shown).unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    }
}

impl Query {
    /// A query whose rows are shown, in the scope of rows.
    pub fn listed(plan: &Plan, of: &plan::Query, scope: &Knowns<'_, '_>) -> Query {
        query(plan, of, Inputs(&[]), scope)
    }
}

/// What is known of the rows that a query shows: of its relations as written, or of its outputs.
pub fn known<'p>(plan: &'p Plan, of: &plan::Query) -> Vec<Known<'p>> {
    if of.outputs.is_empty() { relations(plan, of) } else { vec![Known::Plain] }
}

fn relations<'p>(plan: &'p Plan, of: &plan::Query) -> Vec<Known<'p>> {
    let plan::Found::Rows { relations, .. } = &of.from else { return Vec::new() };
    let mut known = vec![Known::Plain; relations.len()];
    for relation in relations {
        if let plan::Rows::Kept { kept, .. } = &relation.rows {
            known[usize::from(relation.number)] = Known::Table(shape::scope(plan, *kept));
        }
    }
    known
}

fn found(plan: &Plan, of: &plan::Query, own: &Knowns<'_, '_>) -> Found {
    let inputs = Inputs(&of.inputs);
    match &of.from {
        plan::Found::Tallied { key, tallies } => {
            let tally = |((kept, slot), call): (&(_, u16), &AggregateCall)| {
                let function = match call.function {
                    BlockAggregate::Sum => AggregateFunction::Sum,
                    BlockAggregate::Avg => AggregateFunction::Avg,
                    // The planner takes no other for a tally.
                    _ => AggregateFunction::Count,
                };
                let ty = call.of.as_ref().map_or(SqlType::Int8, |of| inputs.type_of(of));
                (*kept, *slot, function, ty)
            };
            let tallies = tallies.iter().zip(&of.aggregates).map(tally).collect();
            Found::Tallied { key: key.clone(), tallies }
        }
        plan::Found::Rows { relations, filter } => {
            let relation = |one: &plan::Relation| {
                let fill = |(at, input): (usize, &plan::Input)| match input.source {
                    plan::Source::Column { level: 0, relation, column }
                        if relation == one.number =>
                    {
                        Some((at, own.position(0, relation, column)))
                    }
                    _ => None,
                };
                Relation {
                    number: one.number.into(),
                    rows: match &one.rows {
                        plan::Rows::Kept { kept, key, order: _, head: _ } => {
                            Rows::Kept { kept: *kept, key: key.clone() }
                        }
                        plan::Rows::Query(inner) => {
                            Rows::Query(Box::new(query(plan, inner, inputs, own)))
                        }
                        plan::Rows::Unnest(array) => Rows::Unnest(inputs.asking(array)),
                    },
                    is_left: one.join == JoinKind::Left,
                    on: one.on.as_ref().map(|on| inputs.asking(on)),
                    fills: of.inputs.iter().enumerate().filter_map(fill).collect(),
                }
            };
            Found::Rows {
                relations: relations.iter().map(relation).collect(),
                filter: filter.as_ref().map(|filter| inputs.asking(filter)),
            }
        }
    }
}

fn aggregate(inputs: Inputs<'_>, call: &AggregateCall, input: Option<usize>) -> Aggregate {
    let ty = call.of.as_ref().map_or(SqlType::Int8, |of| inputs.type_of(of));
    let function = match &call.function {
        BlockAggregate::Count => Function::Count,
        BlockAggregate::Sum => Function::Sum,
        BlockAggregate::Avg => Function::Avg,
        BlockAggregate::Min => Function::Min,
        BlockAggregate::Max => Function::Max,
        BlockAggregate::BoolAnd => Function::BoolAnd,
        BlockAggregate::BoolOr => Function::BoolOr,
        BlockAggregate::StringAgg(separator) => Function::StringAgg(inputs.asking(separator)),
        BlockAggregate::ArrayAgg => Function::ArrayAgg { nested: matches!(ty, SqlType::Array(_)) },
    };
    Aggregate {
        function,
        of: call.of.as_ref().map(|of| inputs.asking(of)),
        ty,
        distinct: call.distinct,
        filter: call.filter.as_ref().map(|filter| inputs.asking(filter)),
        order: inputs.order(&call.order),
        input,
    }
}
