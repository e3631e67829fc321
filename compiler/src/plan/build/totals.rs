//! Aggregates that read more than the rows that words link: by `join:`, or with queries in their
//! conditions and values. Each becomes a query of one row with one value.

use super::conjuncts::joined;
use super::filters;
use super::lower::{Block, Lowering};
use super::relations::{Found, defined, function, order_of};
use super::row::{self, Reads, Row};
use crate::diagnostics::{At, Diagnostic, Place};
use crate::expr::{Comparison, Expr, OnFailure};
use crate::files::schema::{Aggregate, AggregateKey, AggregateOp, FieldType, Order, Origin};
use crate::plan::{AggregateFunction, ColumnId, KeyPart, TableId, Value};
use crate::sql;
use crate::sql::block::{
    AggregateCall, Asks, Block as Query, BlockAggregate, From, Input, JoinKind, Output, Phrase,
    Relation, SortKey, Source, Subquery,
};
use crate::sql::scope::Scope;
use crate::types::{SqlType, render};

impl Lowering<'_> {
    /// One value over the rows that words link, or where there are none those of a `join:`.
    pub(super) fn total(
        &mut self,
        outer: &Block,
        name: &str,
        aggregate: &Aggregate,
        found: Option<Found>,
    ) -> Option<Value> {
        let place = aggregate.table.place;
        let table = self.tables.table(&aggregate.table, None)?;
        let home = self.home.clone();
        let row = Row { table: outer.table, scopes: &outer.scopes, home: &home };
        let (mut block, scope) = match (&aggregate.key, found) {
            (AggregateKey::Join(sql), _) => {
                let typed = sql::joins(sql, row.ground(&self.tables));
                row.accept(&mut self.tables, typed)?
            }
            (_, Some(found)) => (self.linked(outer, found, place), row::scope(&self.tables, table)),
            (_, None) => return None,
        };
        let scopes: Vec<Scope> = outer.scopes.iter().cloned().chain([scope]).collect();
        let within = Row { table, scopes: &scopes, home: &home };
        self.conditions(&mut block, &within, aggregate);

        let function = function(&aggregate.op);
        let of = match aggregate.op.of() {
            None if function == AggregateFunction::Ids => Some(self.only_key(table, aggregate)?),
            of => of,
        };
        let (of, ty) = match of {
            None => (None, SqlType::Int8),
            Some(origin) => {
                let (reads, ty) = within.origin(&mut self.tables, &origin)?;
                defined(&mut self.tables, function, &ty, &origin)?;
                (Some(self.taken(&mut block, table, reads)), ty)
            }
        };
        let order = self.taken_in_order(&mut block, &within, aggregate, of.as_ref())?;
        let (called, distinct) = call(&aggregate.op);
        let gives = called.gives(&ty).unwrap_or(SqlType::Unknown);
        let call = AggregateCall {
            function: called,
            of,
            distinct,
            filter: None,
            order,
            ty: gives.clone(),
        };
        let value = the_only_value(block, call);
        let declared = match (&aggregate.op, &aggregate.value_type) {
            (AggregateOp::ArrayAgg(_, element) | AggregateOp::Ids(element), _) => element.clone(),
            (_, declared) => declared.clone().unwrap_or(FieldType::Keyword),
        };
        let formula = self.formula(&outer.frames(), &outer.named(name), value, &said(aggregate))?;
        Some(Value::Formula(formula, render(&gives, &declared), OnFailure::Null))
    }

    /// A query over the rows that words link to the row in scope.
    fn linked(&mut self, outer: &Block, found: Found, place: Place) -> Query {
        let Found { table, outer: own, inner, through } = found;
        let mut block = Query::over(place);
        let relation = |lowering: &Self, table: TableId| {
            let name = lowering.tables.get(table).name.clone();
            let (alias, on) = (name.name.clone(), None);
            Relation { alias, from: From::Table(name), join: JoinKind::Inner, on, place }
        };
        block.relations.push(relation(self, table));
        let mut equal = Vec::new();
        let outside = Side { level: 1, relation: 0, table: outer.table, key: &own };
        let far = Side { level: 0, relation: 0, table, key: &inner };
        match &through {
            None => self.equal(&mut block, far, outside, &mut equal),
            Some((junction, left, right)) => {
                block.relations.push(relation(self, *junction));
                let near = Side { level: 0, relation: 1, table: *junction, key: left };
                self.equal(&mut block, near, outside, &mut equal);
                self.equal(&mut block, far, Side { key: right, ..near }, &mut equal);
            }
        }
        block.filter = joined(equal);
        block
    }

    fn equal(&self, block: &mut Query, a: Side<'_>, b: Side<'_>, into: &mut Vec<Expr>) {
        for (left, right) in a.key.iter().zip(b.key) {
            let class = left.class.clone();
            let left = Box::new(self.column_in(block, a, left.column));
            let right = Box::new(self.column_in(block, b, right.column));
            into.push(Expr::Compare(Comparison::Eq, left, right, class));
        }
    }

    /// A column as an input of a query.
    fn column_in(&self, block: &mut Query, of: Side<'_>, column: ColumnId) -> Expr {
        let found = self.tables.get(of.table).column(column);
        let (level, relation) = (of.level, of.relation);
        let source = Source::Column { level, relation, column: found.name.clone() };
        let input = Input { source, ty: found.ty.clone(), place: block.place };
        let mut expr = [Expr::Column(ColumnId(0))];
        block.absorb(vec![input], Vec::new(), &mut expr);
        let [expr] = expr;
        expr
    }

    /// What reads a query's rows, as one of its own expressions.
    fn taken(&self, block: &mut Query, table: TableId, of: Reads) -> Expr {
        match of {
            Reads::Own(mut expr) => {
                let far = Side { level: 0, relation: 0, table, key: &[] };
                self.own_columns(block, far, &mut expr);
                expr
            }
            Reads::More(further) => {
                let Phrase { expr, inputs, subqueries, .. } = further.phrase;
                let mut expr = [expr];
                block.absorb(inputs, subqueries, &mut expr);
                let [expr] = expr;
                expr
            }
        }
    }

    /// Inputs of the query in the place of columns of its first table.
    fn own_columns(&self, block: &mut Query, far: Side<'_>, expr: &mut Expr) {
        match expr {
            Expr::Column(column) => *expr = self.column_in(block, far, *column),
            _ => expr.parts_mut().into_iter().for_each(|one| self.own_columns(block, far, one)),
        }
    }

    fn conditions(&mut self, block: &mut Query, within: &Row<'_>, aggregate: &Aggregate) {
        let (filters, condition) = (aggregate.filters.as_deref(), aggregate.condition.as_ref());
        let all = filters::all(&mut self.tables, within, filters, condition);
        let own = all.own.map(Reads::Own).into_iter();
        let mut filter: Vec<Expr> = block.filter.take().into_iter().collect();
        for one in own.chain(all.further.into_iter().map(Reads::More)) {
            filter.push(self.taken(block, within.table, one));
        }
        block.filter = joined(filter);
    }

    /// In which order the rows are taken; ties by the primary keys of all tables.
    fn taken_in_order(
        &mut self,
        block: &mut Query,
        within: &Row<'_>,
        aggregate: &Aggregate,
        of: Option<&Expr>,
    ) -> Option<Vec<SortKey>> {
        let ascending = |expr: Expr, ty: &SqlType| SortKey {
            expr,
            class: ty.class(),
            descending: false,
            nulls_first: false,
        };
        let mut keys = match (&aggregate.op, &aggregate.order_by) {
            (AggregateOp::Ids(_), _) => {
                let id = of?.clone();
                let ty = id.ty(&|column| block.inputs[usize::from(column.0)].ty.clone());
                return Some(vec![ascending(id, &ty)]);
            }
            (AggregateOp::StringAgg(..) | AggregateOp::ArrayAgg(..), order) => match order {
                None => Vec::new(),
                Some(Order::Sql(sql)) => {
                    let typed = sql::order(sql, within.ground(&self.tables));
                    let (keys, phrase) = within.accept(&mut self.tables, typed)?;
                    let mut exprs: Vec<Expr> = keys.iter().map(|key| key.expr.clone()).collect();
                    block.absorb(phrase.inputs, phrase.subqueries, &mut exprs);
                    keys.into_iter().zip(exprs).map(|(key, expr)| SortKey { expr, ..key }).collect()
                }
                Some(Order::Columns(list)) => {
                    let mut keys = Vec::new();
                    for part in order_of(&mut self.tables, within.table, list) {
                        let expr = Reads::Own(Expr::Column(part.column));
                        let expr = self.taken(block, within.table, expr);
                        let (descending, nulls_first) = (part.descending, part.nulls_first);
                        keys.push(SortKey { expr, class: part.class, descending, nulls_first });
                    }
                    keys
                }
            },
            _ => return Some(Vec::new()),
        };
        for relation in 0..block.relations.len() {
            let From::Table(name) = &block.relations[relation].from else { continue };
            let name = At::new(name.clone(), block.relations[relation].place);
            let table = self.tables.table(&name, None)?;
            let side = Side { level: 0, relation: relation as u16, table, key: &[] };
            for column in self.tables.primary_key(table) {
                let expr = self.column_in(block, side, column);
                keys.push(ascending(expr, self.tables.ty(table, column)));
            }
        }
        Some(keys)
    }

    /// What `ids` lists.
    fn only_key(&mut self, table: TableId, aggregate: &Aggregate) -> Option<Origin> {
        let place = aggregate.table.place;
        match self.tables.primary_key(table).as_slice() {
            [id] => {
                let name = self.tables.get(table).column(*id).name.clone();
                Some(Origin::Column(At::new(name, place)))
            }
            _ => {
                let message = "`ids` lists single values, and this key has several columns";
                let error = Diagnostic::error(place, message);
                self.tables.error(error.help("use `has_many` with the key's columns as fields"));
                None
            }
        }
    }
}

/// Key columns of a relation of a query, or of the row around it.
#[derive(Clone, Copy)]
struct Side<'a> {
    level: u16,
    relation: u16,
    table: TableId,
    key: &'a [KeyPart],
}

/// The value of a query whose rows are reduced by one call; an array of a document is never null.
fn the_only_value(mut block: Query, call: AggregateCall) -> Phrase {
    let (ty, place) = (call.ty.clone(), block.place);
    block.inputs.push(Input { source: Source::Aggregate(0), ty: ty.clone(), place });
    let expr = Expr::Column(ColumnId((block.inputs.len() - 1) as u16));
    block.outputs = vec![Output { name: String::new(), expr, ty: ty.clone() }];
    block.aggregates = vec![call];
    block.group = Some(Vec::new());
    let inputs = vec![Input { source: Source::Subquery(0), ty: ty.clone(), place }];
    let mut expr = Expr::Column(ColumnId(0));
    if matches!(ty, SqlType::Array(_)) {
        let none = Expr::Literal(Some("{}".into()), ty.clone());
        expr = Expr::Coalesce(vec![expr, none]);
    }
    let subqueries = vec![Subquery { asks: Asks::Value, block }];
    Phrase { expr, ty, inputs, subqueries, is_condition: false, place }
}

/// The function of SQL, and whether it takes each value once.
fn call(op: &AggregateOp) -> (BlockAggregate, bool) {
    let function = match op {
        AggregateOp::Count | AggregateOp::CountOf(_) => BlockAggregate::Count,
        AggregateOp::CountDistinct(_) => return (BlockAggregate::Count, true),
        AggregateOp::Sum(_) => BlockAggregate::Sum,
        AggregateOp::Avg(_) => BlockAggregate::Avg,
        AggregateOp::Min(_) => BlockAggregate::Min,
        AggregateOp::Max(_) => BlockAggregate::Max,
        AggregateOp::BoolAnd(_) => BlockAggregate::BoolAnd,
        AggregateOp::BoolOr(_) => BlockAggregate::BoolOr,
        AggregateOp::StringAgg(_, separator) => {
            BlockAggregate::StringAgg(Expr::Literal(Some(separator.clone()), SqlType::Text))
        }
        AggregateOp::Ids(_) | AggregateOp::ArrayAgg(..) => BlockAggregate::ArrayAgg,
    };
    (function, false)
}

/// As its author would say it: `sum(i.price) of orders o ON … where …`.
fn said(aggregate: &Aggregate) -> String {
    let name = match &aggregate.op {
        AggregateOp::Count | AggregateOp::CountOf(_) => "count",
        AggregateOp::Sum(_) => "sum",
        AggregateOp::Avg(_) => "avg",
        AggregateOp::Min(_) => "min",
        AggregateOp::Max(_) => "max",
        AggregateOp::Ids(_) => "ids",
        AggregateOp::CountDistinct(_) => "count_distinct",
        AggregateOp::BoolAnd(_) => "bool_and",
        AggregateOp::BoolOr(_) => "bool_or",
        AggregateOp::StringAgg(..) => "string_agg",
        AggregateOp::ArrayAgg(..) => "array_agg",
    };
    let of = match aggregate.op.of() {
        None => String::new(),
        Some(Origin::Column(column)) => format!("({})", column.value),
        Some(Origin::Sql(sql)) => format!("({})", sql.text),
    };
    let from = match &aggregate.key {
        AggregateKey::Join(sql) => sql.text.clone(),
        AggregateKey::Direct(_) | AggregateKey::Through(_) => aggregate.table.value.to_string(),
    };
    let condition = aggregate.condition.as_ref().map(|sql| format!(" where {}", sql.text));
    format!("{name}{of} of {from}{}", condition.unwrap_or_default())
}
