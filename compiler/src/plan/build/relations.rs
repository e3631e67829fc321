//! Relations and aggregates: how other tables' rows hang on the row in scope.
//!
//! ```text
//!            link: columns of this row = key of the other rows
//!  block ◄──────────────────────────────────────────────────── relation
//!    up: block's own key … root     if the link is not that key: one hop through rows of the
//!                                   block's table found by the link
//! ```

use std::collections::BTreeSet;

use crate::diagnostics::{At, Diagnostic};
use crate::expr::Expr;
use crate::files::schema::{
    self, AggregateKey, AggregateOp, Columns, Direction, FieldType, Join, Link, Order, OrderBy,
    Origin, Through,
};
use crate::plan::{
    Aggregate, AggregateFunction, ColumnId, Head, Hop, KeyPart, OrderPart, Path, Read, TableId,
    Tally, Value,
};
use crate::sql::scope::Scope;
use crate::types::{Class, SqlType, render};

use super::demand::Wants;
use super::filters;
use super::lower::{Block, Lowering};
use super::row::{self, Reads, Row};
use super::scope::Tables;

/// How another table's rows are found from the row in scope.
pub struct Found {
    /// The table.
    pub table: TableId,
    /// Columns of the row in scope.
    pub outer: Vec<KeyPart>,
    /// Columns of the other table, encoded alike.
    pub inner: Vec<KeyPart>,
    /// The junction between: its table, its side of `outer`, its side of `inner`.
    pub through: Option<(TableId, Vec<KeyPart>, Vec<KeyPart>)>,
}

impl Lowering<'_> {
    /// A relation as an object or an array.
    pub(super) fn join(&mut self, outer: &mut Block, name: &str, join: &Join) -> Option<Value> {
        let table = self.tables.table(&join.table, None)?;
        let found = match &join.link {
            Link::BelongsTo(columns) => self.belongs_to(outer, table, columns)?,
            Link::HasOne(columns) | Link::HasMany(columns) => self.has(outer, table, columns)?,
            Link::ManyToMany(through) => self.through(outer, table, through)?,
        };
        let scopes = self.within(outer, table);
        let row = Row { table, scopes: &scopes, home: &self.home };
        let conditions =
            filters::all(&mut self.tables, &row, join.filters.as_deref(), join.condition.as_ref());
        let order = match &join.order_by {
            None => Vec::new(),
            Some(Order::Columns(list)) => order_of(&mut self.tables, table, list),
            Some(Order::Sql(sql)) => row.order(&mut self.tables, sql).unwrap_or_default(),
        };
        let (one, limit) = match join.link {
            Link::BelongsTo(_) => (true, None),
            Link::HasOne(_) => (true, Some(1)),
            Link::HasMany(_) | Link::ManyToMany(_) => (false, join.limit),
        };
        let filter = conditions.own;
        let limits = Limits { filter, order, limit };
        let (mut read, mut block, mut head) = self.read(outer, outer.named(name), found, limits);
        read.further = self.further_conditions(&block, conditions.further);
        if !read.further.is_empty() {
            // Which rows are the first is not decided by the row alone.
            head = None;
        }
        let object = self.object(&mut block, &join.fields);
        self.path(block, head);
        Some(if one { Value::One(read, object) } else { Value::Many(read, object) })
    }

    /// Rows of another block, the block itself, and the head that a change must lie in.
    fn read(
        &mut self,
        outer: &mut Block,
        field: String,
        found: Found,
        limits: Limits,
    ) -> (Read, Block, Option<Head>) {
        let Found { table, outer: key, inner, through } = found;
        let Limits { filter, order, limit } = limits;
        outer.reads.extend(key.iter().map(|part| part.column));
        let mut up = self.climb(&outer.site(), &key);
        let through = through.map(|(junction, left, right)| {
            let kept = self.demands.link(junction, left.clone(), &right);
            let block = Block {
                table: junction,
                demand: kept,
                key: left.clone(),
                up: up.clone(),
                field: field.clone(),
                reads: right.iter().map(|part| part.column).collect(),
                scopes: Vec::new(),
                around: Vec::new(),
                beside: Vec::new(),
            };
            self.path(block, None);
            let back = self.demands.link(junction, right.clone(), &left);
            up.insert(0, Hop { kept: back, gives: left });
            Hop { kept, gives: right }
        });
        let head = limit.filter(|_| through.is_none());
        let wants = Wants::Rows {
            order: Some(order.clone()),
            head: head.is_some(),
            columns: BTreeSet::new(),
        };
        let demand = self.demands.add(table, inner.clone(), wants);
        let mut reads: BTreeSet<ColumnId> = order.iter().map(|part| part.column).collect();
        filter.iter().for_each(|filter| filters::columns(filter, &mut reads));
        let head = head.map(|limit| Head { filter: filter.clone(), limit });
        let further = Vec::new();
        let read =
            Read { key, through, kept: demand, filter, further, order, sorted: false, limit };
        let beside = Vec::new();
        let (scopes, around) = (self.within(outer, table), outer.frames());
        (read, Block { table, demand, key: inner, up, field, reads, scopes, around, beside }, head)
    }

    /// What SQL can name in a row of another table.
    fn within(&self, outer: &Block, table: TableId) -> Vec<Scope> {
        let inner = row::scope(&self.tables, table);
        outer.scopes.iter().cloned().chain([inner]).collect()
    }

    fn columns(&mut self, table: TableId, names: &Columns) -> Option<Vec<ColumnId>> {
        let column = |name: &String| self.tables.column(table, &At::new(name.clone(), names.place));
        // All of them, so that each that is missing is reported.
        let columns: Vec<Option<ColumnId>> = names.value.iter().map(column).collect();
        columns.into_iter().collect()
    }

    fn belongs_to(&mut self, outer: &Block, table: TableId, columns: &Columns) -> Option<Found> {
        let own = self.columns(outer.table, columns)?;
        let key = self.tables.primary_key(table);
        let sides = self.tables.link((outer.table, &own), (table, &key), columns.place)?;
        Some(Found { table, outer: sides.0, inner: sides.1, through: None })
    }

    fn has(&mut self, outer: &Block, table: TableId, columns: &Columns) -> Option<Found> {
        let theirs = self.columns(table, columns)?;
        let key = self.tables.primary_key(outer.table);
        let sides = self.tables.link((outer.table, &key), (table, &theirs), columns.place)?;
        Some(Found { table, outer: sides.0, inner: sides.1, through: None })
    }

    fn through(&mut self, outer: &Block, table: TableId, through: &Through) -> Option<Found> {
        let Through { table: name, left_key, right_key } = through;
        let keys: Vec<String> = left_key.value.iter().chain(&right_key.value).cloned().collect();
        let junction = self.tables.table(name, Some(&keys))?;
        let (left, right) = (self.columns(junction, left_key), self.columns(junction, right_key));
        let (left, right) = (left?, right?);
        let own = self.tables.primary_key(outer.table);
        let far = self.tables.primary_key(table);
        let near = self.tables.link((outer.table, &own), (junction, &left), left_key.place);
        let far = self.tables.link((junction, &right), (table, &far), right_key.place);
        let ((outer, left), (right, inner)) = (near?, far?);
        Some(Found { table, outer, inner, through: Some((junction, left, right)) })
    }

    /// One value over other rows.
    pub(super) fn aggregate(
        &mut self,
        outer: &mut Block,
        name: &str,
        aggregate: &schema::Aggregate,
    ) -> Option<Value> {
        if let AggregateKey::Join(_) = aggregate.key {
            return self.total(outer, name, aggregate, None);
        }
        let declared = assumed_key(&aggregate.key);
        let table = self.tables.table(&aggregate.table, declared.as_deref())?;
        let mut found = match &aggregate.key {
            AggregateKey::Direct(columns) => self.has(outer, table, columns)?,
            AggregateKey::Through(through) => self.through(outer, table, through)?,
            AggregateKey::Join(_) => return None,
        };
        let scopes = self.within(outer, table);
        let row = Row { table, scopes: &scopes, home: &self.home };
        let mistakes = self.tables.errors.len();
        let conditions = filters::all(
            &mut self.tables,
            &row,
            aggregate.filters.as_deref(),
            aggregate.condition.as_ref(),
        );
        let of = match aggregate.op.of() {
            None => None,
            Some(origin) => Some((row.origin(&mut self.tables, &origin)?, origin)),
        };
        if self.tables.errors.len() > mistakes {
            return None;
        }
        let more = matches!(of, Some(((Reads::More(_), _), _)));
        if more || !conditions.further.is_empty() {
            return self.total(outer, name, aggregate, Some(found));
        }
        let mut filter = conditions.own;
        let function = function(&aggregate.op);
        if function == AggregateFunction::Ids && filter.is_none() {
            // The junction holds the keys itself: no need to look at the rows.
            if let Some((junction, left, _)) = found.through.take() {
                let AggregateKey::Through(through) = &aggregate.key else { return None };
                let right = self.columns(junction, &through.right_key)?;
                let found =
                    Found { table: junction, outer: found.outer, inner: left, through: None };
                return self.ids(outer, name, found, &right, aggregate, None);
            }
        }
        if function == AggregateFunction::Ids {
            let key = self.tables.primary_key(table);
            return self.ids(outer, name, found, &key, aggregate, filter);
        }
        let mut order = match &aggregate.order_by {
            None => Vec::new(),
            Some(Order::Columns(list)) => order_of(&mut self.tables, table, list),
            Some(Order::Sql(sql)) => row.order(&mut self.tables, sql).unwrap_or_default(),
        };
        let (mut of, ty) = match of {
            Some(((Reads::Own(expr), ty), origin)) => {
                defined(&mut self.tables, function, &ty, &origin)?;
                (Some(expr), ty)
            }
            Some(((Reads::More(_), _), _)) | None => (None, SqlType::Int8),
        };
        if let AggregateOp::CountOf(_) = aggregate.op {
            // Counting values is counting the rows that have one.
            filter = and_not_null(filter, of.take());
        }
        let summed = matches!(
            function,
            AggregateFunction::Count | AggregateFunction::Sum | AggregateFunction::Avg
        );
        if found.through.is_none() && summed {
            return Some(self.tallied(outer, name, found, Tally { of, filter }, function, ty));
        }
        let declared = match (&aggregate.op, &aggregate.value_type) {
            (AggregateOp::ArrayAgg(_, element), _) => element.clone(),
            (_, declared) => declared.clone().unwrap_or(FieldType::Keyword),
        };
        let mut limit = None;
        if matches!(function, AggregateFunction::Min | AggregateFunction::Max) {
            filter = and_not_null(filter, of.clone());
            if let (Some(Expr::Column(column)), None) = (&of, &found.through) {
                let descending = function == AggregateFunction::Max;
                let (column, class) = (*column, ty.class());
                order.push(OrderPart { column, class, descending, nulls_first: false });
                limit = Some(1);
            }
        }
        let limits = Limits { filter, order, limit };
        let (read, mut block, head) = self.read(outer, outer.named(name), found, limits);
        of.iter().for_each(|of| filters::columns(of, &mut block.reads));
        self.path(block, head);
        let render = render(&ty, &declared);
        let separator = match &aggregate.op {
            AggregateOp::StringAgg(_, separator) => Some(separator.clone()),
            _ => None,
        };
        let read = Box::new(read);
        let gathered = Aggregate::Gathered { read, function, of, ty, render, separator };
        Some(Value::Aggregate(gathered))
    }

    fn tallied(
        &mut self,
        outer: &mut Block,
        name: &str,
        found: Found,
        tally: Tally,
        function: AggregateFunction,
        ty: SqlType,
    ) -> Value {
        let Found { table, outer: key, inner, .. } = found;
        outer.reads.extend(key.iter().map(|part| part.column));
        let up = self.climb(&outer.site(), &key);
        let kept = self.demands.add(table, inner.clone(), Wants::Tally(tally));
        let field = outer.named(name);
        self.add_path(Path { from: kept, field, reads: Vec::new(), head: None, hops: up });
        Value::Aggregate(Aggregate::Tallied { kept, key, tally: 0, function, ty })
    }

    fn ids(
        &mut self,
        outer: &mut Block,
        name: &str,
        found: Found,
        ids: &[ColumnId],
        aggregate: &schema::Aggregate,
        filter: Option<Expr>,
    ) -> Option<Value> {
        let [column] = ids else {
            let message = "`ids` lists single values, and this key has several columns";
            let error = Diagnostic::error(aggregate.table.place, message);
            self.tables.error(error.help("use `has_many` with the key's columns as fields"));
            return None;
        };
        let ty = self.tables.ty(found.table, *column).clone();
        let by_key = self.tables.primary_key(found.table).as_slice() == ids;
        let order =
            OrderPart { column: *column, class: ty.class(), descending: false, nulls_first: false };
        let order = if by_key { Vec::new() } else { vec![order] };
        let limits = Limits { filter, order, limit: None };
        let (read, mut block, head) = self.read(outer, outer.named(name), found, limits);
        block.reads.insert(*column);
        self.path(block, head);
        let AggregateOp::Ids(element) = &aggregate.op else { return None };
        let (function, render) = (AggregateFunction::Ids, render(&ty, element));
        let (of, separator, read) = (Some(Expr::Column(*column)), None, Box::new(read));
        let gathered = Aggregate::Gathered { read, function, of, ty, render, separator };
        Some(Value::Aggregate(gathered))
    }
}

/// Columns in the words of `order_by`.
pub fn order_of(tables: &mut Tables<'_>, table: TableId, order: &[OrderBy]) -> Vec<OrderPart> {
    let part = |by: &OrderBy| {
        let column = tables.column(table, &by.column)?;
        let ty = tables.ty(table, column).clone();
        let class = ty.class();
        if ty.is_known() && !class.is_ordered() {
            let message = format!("values of type {ty} cannot be sorted by here");
            let error = Diagnostic::error(by.column.place, message);
            tables.error(error.help("sort by another column"));
        }
        let descending = by.direction == Some(Direction::Desc);
        Some(OrderPart { column, class, descending, nulls_first: descending })
    };
    order.iter().filter_map(part).collect()
}

/// Whether Postgres has the function for the type.
pub fn defined(
    tables: &mut Tables<'_>,
    function: AggregateFunction,
    ty: &SqlType,
    of: &Origin,
) -> Option<()> {
    let (name, defined, help) = match function {
        AggregateFunction::Sum => ("sum", ty.is_number(), "it adds up numbers"),
        AggregateFunction::Avg => {
            let number = ty.is_number() && *ty != SqlType::Money;
            ("avg", number, "it is the mean of numbers")
        }
        AggregateFunction::Min | AggregateFunction::Max => {
            let class = ty.class();
            let ordered = class.is_ordered() && !matches!(class, Class::Bool | Class::Uuid);
            let ordered = ordered && class != Class::Bytes;
            ("min and max", ordered, "they need numbers, text, dates or times")
        }
        AggregateFunction::BoolAnd | AggregateFunction::BoolOr => {
            ("bool_and and bool_or", *ty == SqlType::Bool, "they need truth values")
        }
        AggregateFunction::StringAgg => {
            ("string_agg", ty.is_text(), "it joins texts; cast, as in `…::text`")
        }
        AggregateFunction::CountDistinct => {
            ("count_distinct", ty.class().is_ordered(), "values must be comparable")
        }
        AggregateFunction::Count | AggregateFunction::Ids | AggregateFunction::ArrayAgg => {
            return Some(());
        }
    };
    if defined || !ty.is_known() {
        return Some(());
    }
    let what = match of {
        Origin::Column(column) => format!("column `{}` of type {ty}", **column),
        Origin::Sql(_) => format!("a value of type {ty}"),
    };
    let message = format!("{name} is not defined for {what}");
    tables.error(Diagnostic::error(of.place(), message).help(help));
    None
}

/// The function of the plan.
pub fn function(op: &AggregateOp) -> AggregateFunction {
    match op {
        AggregateOp::Count | AggregateOp::CountOf(_) => AggregateFunction::Count,
        AggregateOp::Sum(_) => AggregateFunction::Sum,
        AggregateOp::Avg(_) => AggregateFunction::Avg,
        AggregateOp::Min(_) => AggregateFunction::Min,
        AggregateOp::Max(_) => AggregateFunction::Max,
        AggregateOp::Ids(_) => AggregateFunction::Ids,
        AggregateOp::CountDistinct(_) => AggregateFunction::CountDistinct,
        AggregateOp::BoolAnd(_) => AggregateFunction::BoolAnd,
        AggregateOp::BoolOr(_) => AggregateFunction::BoolOr,
        AggregateOp::StringAgg(..) => AggregateFunction::StringAgg,
        AggregateOp::ArrayAgg(..) => AggregateFunction::ArrayAgg,
    }
}

/// A filter that also asks for a value.
fn and_not_null(filter: Option<Expr>, of: Option<Expr>) -> Option<Expr> {
    let Some(of) = of else { return filter };
    let not_null = Expr::Not(Box::new(Expr::IsNull(Box::new(of))));
    Some(match filter {
        None => not_null,
        Some(Expr::And(mut parts)) => {
            parts.insert(0, not_null);
            Expr::And(parts)
        }
        Some(other) => Expr::And(vec![not_null, other]),
    })
}

/// A key for an aggregated table that neither a catalog nor the files know: of as many columns as
/// the junction points to it with.
fn assumed_key(key: &AggregateKey) -> Option<Vec<String>> {
    match key {
        AggregateKey::Direct(_) | AggregateKey::Join(_) => None,
        AggregateKey::Through(through) => match through.right_key.value.len() {
            1 => None,
            parts => Some((1..=parts).map(|part| format!("id{part}")).collect()),
        },
    }
}

/// Which rows of a block, in which order, and how many.
struct Limits {
    filter: Option<Expr>,
    order: Vec<OrderPart>,
    limit: Option<u64>,
}
