//! Conditions, soft deletes, transforms and defaults as expressions.

use std::collections::BTreeSet;

use crate::diagnostics::{At, Diagnostic, Place};
use crate::expr::{Comparison, Expr};
use crate::files::schema::{
    self, Field, Filter, FilterOp, FilterValue, Kind, Literal, Marker, Schema, Transform,
};
use crate::plan::{ColumnId, TableId};
use crate::sql::Sql;
use crate::sql::block::Phrase;
use crate::sql::functions::{Function, Text};
use crate::types::{SqlType, canonical};

use super::conjuncts::joined;
use super::row::{Further, Reads, Row};
use super::scope::Tables;

/// Conditions that must all hold.
pub struct Conditions {
    /// Those on the row itself; none when there are none.
    pub own: Option<Expr>,
    /// Those that read more.
    pub further: Vec<Further>,
}

impl Conditions {
    /// On the row itself; others are refused.
    pub fn own(self, tables: &mut Tables<'_>) -> Option<Expr> {
        for one in self.further {
            let message = "this condition may read only its own row";
            let help = "write the whole as a query: `sql: (SELECT … FROM … WHERE …)`";
            tables.error(Diagnostic::error(one.phrase.place, message).help(help));
        }
        self.own
    }
}

/// All conditions at once, filters and SQL.
pub fn all(
    tables: &mut Tables<'_>,
    row: &Row<'_>,
    filters: Option<&[Filter]>,
    condition: Option<&Sql>,
) -> Conditions {
    let (mut parts, mut further) = (Vec::new(), Vec::new());
    let mut take = |reads: Option<Reads>| match reads {
        Some(Reads::Own(expr)) => parts.push(expr),
        Some(Reads::More(more)) => further.push(more),
        None => {}
    };
    for filter in filters.unwrap_or_default() {
        take(match filter {
            Filter::Raw(sql) => row.condition(tables, sql, "`raw`"),
            words => by_words(tables, row.table, words).map(Reads::Own),
        });
    }
    take(condition.and_then(|sql| row.condition(tables, sql, "`where`")));
    Conditions { own: joined(parts), further }
}

/// A filter that is not SQL.
fn by_words(tables: &mut Tables<'_>, table: TableId, filter: &Filter) -> Option<Expr> {
    match filter {
        Filter::Raw(_) => None,
        Filter::NullCheck(column, null) => {
            let column = tables.column(table, column)?;
            let check = Expr::IsNull(Box::new(Expr::Column(column)));
            Some(if *null { check } else { Expr::Not(Box::new(check)) })
        }
        Filter::Compare { column, op, value } => {
            let id = tables.column(table, column)?;
            let ty = tables.ty(table, id).clone();
            compare(tables, (id, &ty), op, value)
        }
    }
}

fn compare(
    tables: &mut Tables<'_>,
    (column, ty): (ColumnId, &SqlType),
    op: &At<FilterOp>,
    value: &At<FilterValue>,
) -> Option<Expr> {
    let place = value.place;
    let left = || Box::new(Expr::Column(column));
    let class = ty.class();
    let ordered = matches!(
        op.value,
        FilterOp::Lt | FilterOp::Lte | FilterOp::Gt | FilterOp::Gte | FilterOp::Between
    );
    if ordered && ty.is_known() && !class.is_ordered() {
        let message = format!("values of type {ty} have no order that could be compared here");
        tables.error(Diagnostic::error(op.place, message).help("compare with `eq` or `neq`"));
        return None;
    }
    let pattern = matches!(op.value, FilterOp::Like | FilterOp::Ilike);
    if *ty == SqlType::Json && !pattern {
        let error = Diagnostic::error(op.place, "values of type json cannot be compared");
        tables.error(error.help("make the column jsonb, or ask with `is_null`"));
        return None;
    }
    let comparison = |tables: &mut Tables<'_>, op, text: &str| {
        let right = Box::new(literal(tables, ty, text, place)?);
        Some(Expr::Compare(op, left(), right, class.clone()))
    };
    match (op.value, &value.value) {
        (FilterOp::Between, FilterValue::Range(low, high)) => {
            let low = comparison(tables, Comparison::Ge, low);
            let high = comparison(tables, Comparison::Le, high);
            Some(Expr::And(vec![low?, high?]))
        }
        (FilterOp::In | FilterOp::NotIn, FilterValue::List(list)) => {
            let list: Vec<_> = list.iter().map(|text| literal(tables, ty, text, place)).collect();
            let list = list.into_iter().collect::<Option<Vec<_>>>()?;
            let within = Expr::In(left(), list, class);
            Some(match op.value {
                FilterOp::NotIn => Expr::Not(Box::new(within)),
                _ => within,
            })
        }
        (FilterOp::Like | FilterOp::Ilike, FilterValue::Single(pattern)) => {
            if ty.is_known() && !ty.is_text() {
                let message = format!("a column of type {ty} has no text to match");
                tables.error(Diagnostic::error(op.place, message).help("`like` is for text"));
                return None;
            }
            let fold = op.value == FilterOp::Ilike || *ty == SqlType::Citext;
            let pattern = Box::new(Expr::Literal(Some(pattern.clone()), SqlType::Text));
            Some(Expr::Like { of: left(), pattern, escape: Some('\\'), fold })
        }
        (op, FilterValue::Single(text)) => comparison(tables, operator(op)?, text),
        // The loader gives each operator the shape of value it takes.
        (_, FilterValue::List(_) | FilterValue::Range(..)) => None,
    }
}

fn operator(op: FilterOp) -> Option<Comparison> {
    match op {
        FilterOp::Eq => Some(Comparison::Eq),
        FilterOp::Neq => Some(Comparison::Ne),
        FilterOp::Lt => Some(Comparison::Lt),
        FilterOp::Lte => Some(Comparison::Le),
        FilterOp::Gt => Some(Comparison::Gt),
        FilterOp::Gte => Some(Comparison::Ge),
        FilterOp::In | FilterOp::NotIn | FilterOp::Like | FilterOp::Ilike | FilterOp::Between => {
            None
        }
    }
}

fn literal(tables: &mut Tables<'_>, ty: &SqlType, text: &str, place: Place) -> Option<Expr> {
    match canonical(ty, text) {
        Ok(text) => Some(Expr::Literal(Some(text), ty.clone())),
        Err(message) => {
            tables.error(Diagnostic::error(place, message));
            None
        }
    }
}

/// Whether a root row is a document: all filters hold, and it does not count as deleted.
pub fn present(tables: &mut Tables<'_>, row: &Row<'_>, schema: &Schema) -> Conditions {
    let table = row.table;
    let all_hold = all(tables, row, schema.filters.as_deref(), schema.condition.as_ref());
    let mut parts: Vec<Expr> = all_hold.own.into_iter().collect();
    if let Some(deleted) = &schema.soft_delete {
        let column = match &deleted.marker {
            Marker::Column(column) => Some(column.clone()),
            Marker::Field(name) => {
                let column = column_of(&schema.fields, name);
                if column.is_none() {
                    let message = format!("no field `{}` reads a column of this table", **name);
                    let error = Diagnostic::error(name.place, message);
                    tables.error(error.help("name a field of the root, or say `column:` instead"));
                }
                column.map(|column| At::new(column.value.clone(), name.place))
            }
        };
        if let Some(id) = column.and_then(|column| tables.column(table, &column)) {
            let marker = match tables.ty(table, id) {
                SqlType::Bool => Expr::Column(id),
                _ => Expr::Not(Box::new(Expr::IsNull(Box::new(Expr::Column(id))))),
            };
            let when = all(tables, row, deleted.when.as_deref(), None).own(tables);
            let gone = Expr::And([marker].into_iter().chain(when).collect());
            parts.push(Expr::Not(Box::new(Expr::IsTrue(Box::new(gone)))));
        }
    }
    Conditions { own: joined(parts), further: all_hold.further }
}

/// The column that a field of the root's own row reads, first found depth first.
fn column_of<'a>(fields: &'a [Field], name: &str) -> Option<&'a At<String>> {
    fields.iter().find_map(|field| match &field.kind {
        Kind::Column(column) if *field.name == name => column.from.column(),
        Kind::Object(fields) => column_of(fields, name),
        _ => None,
    })
}

/// A value of a field and its type.
pub struct Scalar {
    /// The value.
    pub of: Reads,
    /// Its type.
    pub ty: SqlType,
}

/// A column or an expression with its transforms and default.
pub fn scalar(tables: &mut Tables<'_>, row: &Row<'_>, column: &schema::Column) -> Option<Scalar> {
    let (of, ty) = row.origin(tables, &column.from)?;
    match of {
        Reads::Own(expr) => {
            let (expr, ty) = finished(tables, column, expr, ty)?;
            Some(Scalar { of: Reads::Own(expr), ty })
        }
        Reads::More(Further { phrase, text }) => {
            let (expr, ty) = finished(tables, column, phrase.expr.clone(), ty)?;
            let phrase = Phrase { expr, ..phrase };
            Some(Scalar { of: Reads::More(Further { phrase, text }), ty })
        }
    }
}

/// A value with its transforms and default.
pub fn finished(
    tables: &mut Tables<'_>,
    column: &schema::Column,
    mut expr: Expr,
    mut ty: SqlType,
) -> Option<(Expr, SqlType)> {
    for transform in &column.transforms {
        if ty.is_known() && !ty.is_text() {
            let message = format!("a column of type {ty} has no text to transform");
            tables
                .error(Diagnostic::error(column.from.place(), message).help("remove `transforms`"));
            return None;
        }
        let function = match transform {
            Transform::Lowercase => Function::Text(Text::Lower),
            Transform::Trim => Function::Text(Text::Trim),
        };
        if matches!(ty, SqlType::Bpchar | SqlType::Citext) {
            let (of, to) = (Box::new(expr), SqlType::Text);
            expr = Expr::Cast { of, from: ty, to, modifier: None };
        }
        ty = SqlType::Text;
        expr = Expr::Call { function, args: vec![expr], ty: SqlType::Text };
    }
    if let Some(default) = &column.default {
        let text = match &default.value {
            Literal::Bool(value) => value.to_string(),
            Literal::Int(value) => value.to_string(),
            Literal::Decimal(text) | Literal::String(text) => text.clone(),
            // The loader refuses lists and maps, and takes null for no default.
            Literal::Null | Literal::Array(_) | Literal::Map(_) => return Some((expr, ty)),
        };
        let default = literal(tables, &ty, &text, default.place)?;
        expr = Expr::Coalesce(vec![expr, default]);
    }
    Some((expr, ty))
}

/// The columns an expression reads.
pub fn columns(expr: &Expr, into: &mut BTreeSet<ColumnId>) {
    if let Expr::Column(column) = expr {
        into.insert(*column);
    }
    expr.parts().into_iter().for_each(|part| columns(part, into));
}
