//! `GROUP BY` and aggregates: what an expression may read once rows have become groups.

use sqlparser::ast::{self, SelectItem};

use super::Typer;
use crate::diagnostics::{Place, nearest};
use crate::expr::Expr;
use crate::sql::block::{AggregateCall, BlockAggregate, Source};
use crate::sql::infer::{Typed, ident, shown};
use crate::sql::scope;
use crate::types::SqlType;

/// The aggregates there are.
const AGGREGATES: [&str; 10] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "string_agg",
    "array_agg",
];

/// Those that Postgres has and we have not.
const OTHERS: [&str; 22] = [
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "corr",
    "covar_pop",
    "covar_samp",
    "bit_and",
    "bit_or",
    "bit_xor",
    "percentile_cont",
    "percentile_disc",
    "mode",
    "xmlagg",
    "range_agg",
    "any_value",
];

/// Groups in the making.
#[derive(Default)]
pub(in crate::sql) struct Grouping {
    /// What is grouped by: as written, and typed.
    keys: Vec<(ast::Expr, Typed)>,
    aggregates: Vec<AggregateCall>,
    /// Inside the brackets of an aggregate, where single rows are read.
    inside: bool,
}

impl Grouping {
    /// The keys and the aggregates.
    pub fn finish(self) -> (Vec<Expr>, Vec<AggregateCall>) {
        (self.keys.into_iter().map(|(_, key)| key.expr).collect(), self.aggregates)
    }
}

/// Whether it is the name of an aggregate of Postgres.
pub(in crate::sql) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name) || OTHERS.contains(&name)
}

impl Typer<'_> {
    /// Begins to read groups. A key may be the number or the name of an output.
    pub(super) fn group(&mut self, keys: &[ast::Expr], outputs: &[SelectItem]) -> Option<()> {
        let mut typed = Vec::new();
        for key in keys {
            let key = self.meant(key, outputs)?;
            let value = self.value(&key)?;
            self.class(&value.ty, value.place)?;
            typed.push((key, value));
        }
        self.frame().grouping = Some(Grouping { keys: typed, ..Grouping::default() });
        Some(())
    }

    /// A key of `GROUP BY` as the expression it stands for.
    fn meant(&mut self, key: &ast::Expr, outputs: &[SelectItem]) -> Option<ast::Expr> {
        let place = self.place(key);
        match key {
            ast::Expr::Value(value) => match &value.value {
                ast::Value::Number(text, _) => {
                    let at: usize = text.parse().unwrap_or(0);
                    let output = at.checked_sub(1).and_then(|at| outputs.get(at));
                    match output {
                        Some(SelectItem::UnnamedExpr(of))
                        | Some(SelectItem::ExprWithAlias { expr: of, .. }) => Some(of.clone()),
                        _ => {
                            let message = format!("there is no column number {text} to group by");
                            self.error_help(place, message, "name what to group by");
                            None
                        }
                    }
                }
                _ => Some(key.clone()),
            },
            ast::Expr::Identifier(name) if scope::find(&self.scopes, &[ident(name)]).is_err() => {
                let wanted = ident(name);
                let output = outputs.iter().find_map(|item| match item {
                    SelectItem::ExprWithAlias { expr, alias } if ident(alias) == wanted => {
                        Some(expr.clone())
                    }
                    _ => None,
                });
                Some(output.unwrap_or_else(|| key.clone()))
            }
            key => Some(key.clone()),
        }
    }

    /// Reads something of a query, per group if it turns out to hold an aggregate.
    pub(super) fn per_group_if_needed<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let frame = self.frame();
        if frame.grouping.is_some() {
            return read(self);
        }
        let (inputs, subqueries) = (frame.inputs.len(), frame.subqueries.len());
        let found = self.found.len();
        self.aggregate_met = false;
        let done = read(self);
        if !std::mem::take(&mut self.aggregate_met) {
            return done;
        }
        self.found.truncate(found);
        let frame = self.frame();
        frame.inputs.truncate(inputs);
        frame.subqueries.truncate(subqueries);
        frame.grouping = Some(Grouping::default());
        read(self)
    }

    /// What an expression is where groups are read: a key, or something that may not stand there.
    /// None where rows are read, and for what is made of other expressions.
    pub(in crate::sql) fn grouped(&mut self, of: &ast::Expr) -> Option<Option<Typed>> {
        let place = self.place(of);
        let grouping = self.frame().grouping.as_ref()?;
        if grouping.inside {
            return None;
        }
        let as_written = grouping.keys.iter().position(|(key, _)| bare(key) == bare(of));
        if let Some(at) = as_written {
            return Some(Some(self.group_input(at, place)));
        }
        let parts = match of {
            ast::Expr::Identifier(name) => vec![ident(name)],
            ast::Expr::CompoundIdentifier(parts) => Typer::parts(parts),
            _ => return None,
        };
        let scope::Found { level: 0, relation, column, ty } =
            scope::find(&self.scopes, &parts).ok()?
        else {
            return None;
        };
        let source = Source::Column { level: 0, relation, column: column.clone() };
        let expr = self.input(source, ty.clone(), place);
        let grouping = self.frame().grouping.as_ref()?;
        if let Some(at) = grouping.keys.iter().position(|(_, key)| key.expr == expr) {
            return Some(Some(self.group_input(at, place)));
        }
        if self.depends_on_keys(relation) {
            let key = (of.clone(), Typed { expr, ty, untyped: false, place });
            let keys = &mut self.frame().grouping.as_mut()?.keys;
            keys.push(key);
            let at = keys.len() - 1;
            return Some(Some(self.group_input(at, place)));
        }
        let message = format!("`{column}` is neither grouped by nor in an aggregate");
        let help = format!("add it to GROUP BY, or say which of them: `max({column})`");
        self.error_help(place, message, help);
        Some(None)
    }

    fn group_input(&mut self, at: usize, place: Place) -> Typed {
        let grouping = self.frame().grouping.as_ref();
        let ty = grouping.map_or(SqlType::Unknown, |one| one.keys[at].1.ty.clone());
        let expr = self.input(Source::Group(at as u16), ty.clone(), place);
        Typed { expr, ty, untyped: false, place }
    }

    /// Whether the keys hold a relation's primary key, so that all its columns are decided.
    fn depends_on_keys(&mut self, relation: u16) -> bool {
        let table = self.scopes.last().and_then(|scope| scope.relations.get(usize::from(relation)));
        let table = table.and_then(|named| named.table.clone());
        let known = table.and_then(|table| self.ground.catalog?.table(&table));
        let Some(known) = known.filter(|known| !known.primary_key.is_empty()) else { return false };
        let frame = self.frame();
        let Some(grouping) = &frame.grouping else { return false };
        known.primary_key.iter().all(|column| {
            let source = Source::Column { level: 0, relation, column: column.clone() };
            grouping.keys.iter().any(|(_, key)| match &key.expr {
                Expr::Column(id) => {
                    frame.inputs.get(usize::from(id.0)).is_some_and(|one| one.source == source)
                }
                _ => false,
            })
        })
    }

    /// A call of an aggregate.
    pub(in crate::sql) fn aggregate(
        &mut self,
        name: &str,
        list: Option<&ast::FunctionArgumentList>,
        filter: Option<&ast::Expr>,
        place: Place,
    ) -> Option<Typed> {
        if OTHERS.contains(&name) {
            let message = format!("the aggregate `{name}` is not supported");
            let near = nearest(name, AGGREGATES.into_iter());
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let help = help.unwrap_or_else(|| format!("there are {}", AGGREGATES.join(", ")));
            self.error_help(place, message, help);
            return None;
        }
        if self.frames.len() < 2 {
            let message = format!("`{name}` is an aggregate, and here is a single row");
            let help = format!("put it in a query: `(SELECT {name}(…) FROM … WHERE …)`");
            self.error_help(place, message, help);
            return None;
        }
        match &mut self.frame().grouping {
            None => {
                self.aggregate_met = true;
                let message = format!("`{name}` is an aggregate and cannot stand here");
                self.error_help(place, message, "use HAVING, or a query around this one");
                return None;
            }
            Some(grouping) if grouping.inside => {
                self.error(place, "an aggregate cannot stand in another");
                return None;
            }
            Some(grouping) => grouping.inside = true,
        }
        let call = self.aggregate_call(name, list, filter, place);
        if let Some(grouping) = &mut self.frame().grouping {
            grouping.inside = false;
        }
        let call = call?;
        let ty = call.ty.clone();
        let grouping = self.frame().grouping.as_mut()?;
        let met = grouping.aggregates.iter().position(|one| *one == call);
        let at = met.unwrap_or_else(|| {
            grouping.aggregates.push(call);
            grouping.aggregates.len() - 1
        });
        let expr = self.input(Source::Aggregate(at as u16), ty.clone(), place);
        Some(Typed { expr, ty, untyped: false, place })
    }

    fn aggregate_call(
        &mut self,
        name: &str,
        list: Option<&ast::FunctionArgumentList>,
        filter: Option<&ast::Expr>,
        place: Place,
    ) -> Option<AggregateCall> {
        let distinct = list.and_then(|list| list.duplicate_treatment)
            == Some(ast::DuplicateTreatment::Distinct);
        let order = match list {
            Some(list) => self.within(&list.clauses, place)?,
            None => &[],
        };
        let star = list.is_some_and(|list| {
            matches!(
                list.args.as_slice(),
                [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)]
            )
        });
        let mut args = Vec::new();
        if !(star && name == "count") {
            for arg in list.into_iter().flat_map(|list| &list.args) {
                let arg = self.argument(arg, name, place)?;
                args.push(self.value(arg)?);
            }
        }
        let filter = match filter {
            Some(filter) => Some(self.condition(filter, "`FILTER`")?),
            None => None,
        };
        let order: Vec<_> = order.iter().map(|key| self.sort_key(key, &[])).collect();
        let order = order.into_iter().collect::<Option<Vec<_>>>()?;
        let wanted = if name == "string_agg" { 2 } else { 1 };
        if args.len() != wanted && !(star && name == "count") {
            let message =
                format!("`{name}` takes {wanted} argument{}", if wanted > 1 { "s" } else { "" });
            self.error(place, message);
            return None;
        }
        let separator = (wanted == 2).then(|| args.pop()).flatten();
        let mut args = args.into_iter();
        let of = args.next();
        let class = of.as_ref().map(|of| of.ty.class());
        let (function, ty, of) = self.typed_aggregate(name, of, separator, place)?;
        // What is told apart comes sorted where no order is asked for.
        let sorts = matches!(function, BlockAggregate::Min | BlockAggregate::Max)
            || (distinct && order.is_empty());
        if let Some(class) = class.filter(|_| sorts) {
            self.by_bytes(&class, place);
        }
        Some(AggregateCall { function, of, distinct, filter, order, ty })
    }

    /// Which aggregate, over what, giving what.
    pub(in crate::sql) fn typed_aggregate(
        &mut self,
        name: &str,
        of: Option<Typed>,
        separator: Option<Typed>,
        place: Place,
    ) -> Option<(BlockAggregate, SqlType, Option<Expr>)> {
        let Some(of) = of else { return Some((BlockAggregate::Count, SqlType::Int8, None)) };
        let function = match name {
            "count" => BlockAggregate::Count,
            "sum" => BlockAggregate::Sum,
            "avg" => BlockAggregate::Avg,
            "min" => BlockAggregate::Min,
            "max" => BlockAggregate::Max,
            "bool_and" | "every" => BlockAggregate::BoolAnd,
            "bool_or" => BlockAggregate::BoolOr,
            "array_agg" => BlockAggregate::ArrayAgg,
            _ => BlockAggregate::StringAgg(self.give(separator?, &SqlType::Text)?.expr),
        };
        let gives = function.gives(&of.ty);
        let Some(gives) = gives else {
            let message = format!("there is no `{name}` of what is {}", shown(&of.ty));
            self.error_help(place, message, "cast it, if that is what is meant");
            return None;
        };
        // A name column and the like are text to all of them.
        let of = match name {
            "string_agg" => self.give(of, &SqlType::Text)?,
            _ => of,
        };
        Some((function, gives, Some(of.expr)))
    }
}

fn bare(of: &ast::Expr) -> &ast::Expr {
    match of {
        ast::Expr::Nested(of) => bare(of),
        of => of,
    }
}

impl BlockAggregate {
    /// The type of its result over values of a type; none when there is no such function.
    pub fn gives(&self, of: &SqlType) -> Option<SqlType> {
        match self {
            BlockAggregate::Count => Some(SqlType::Int8),
            BlockAggregate::Sum => sum(of),
            BlockAggregate::Avg => avg(of),
            BlockAggregate::Min | BlockAggregate::Max => extreme(of),
            BlockAggregate::BoolAnd | BlockAggregate::BoolOr => truth(of),
            BlockAggregate::ArrayAgg => Some(array(of)),
            BlockAggregate::StringAgg(_) => {
                (of.is_text() || !of.is_known()).then_some(SqlType::Text)
            }
        }
    }
}

fn sum(ty: &SqlType) -> Option<SqlType> {
    Some(match ty {
        SqlType::Int2 | SqlType::Int4 => SqlType::Int8,
        SqlType::Int8 | SqlType::Numeric(_) => SqlType::Numeric(None),
        SqlType::Float4 | SqlType::Float8 | SqlType::Interval | SqlType::Money => ty.clone(),
        SqlType::Unknown => SqlType::Unknown,
        _ => return None,
    })
}

fn avg(ty: &SqlType) -> Option<SqlType> {
    Some(match ty {
        SqlType::Int2 | SqlType::Int4 | SqlType::Int8 | SqlType::Numeric(_) => {
            SqlType::Numeric(None)
        }
        SqlType::Float4 | SqlType::Float8 => SqlType::Float8,
        SqlType::Interval => SqlType::Interval,
        SqlType::Unknown => SqlType::Unknown,
        _ => return None,
    })
}

/// `min` and `max`, of which Postgres 15 has none for these.
fn extreme(ty: &SqlType) -> Option<SqlType> {
    match ty {
        SqlType::Bool | SqlType::Uuid | SqlType::Bytea | SqlType::Json | SqlType::Jsonb => None,
        SqlType::Unknown => Some(SqlType::Unknown),
        ty => ty.class().is_ordered().then(|| ty.clone()),
    }
}

fn truth(ty: &SqlType) -> Option<SqlType> {
    matches!(ty, SqlType::Bool | SqlType::Unknown).then_some(SqlType::Bool)
}

fn array(ty: &SqlType) -> SqlType {
    match ty {
        SqlType::Array(_) | SqlType::Unknown => ty.clone(),
        ty => SqlType::Array(Box::new(ty.clone())),
    }
}
