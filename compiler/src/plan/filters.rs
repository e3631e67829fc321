//! Conditions as expressions: `filters`, and which rows `soft_delete` leaves.

use super::build::Builder;
use super::paths::Scope;
use super::tables::nearest;
use super::{ColumnId, OrderPart};
use crate::diagnostics::{At, Diagnostic, Place};
use crate::expr::{Comparison, Expr};
use crate::files::schema::{
    Direction, Field, Filter, FilterOp, FilterValue, Kind, Marker, OrderBy, Schema,
};
use crate::types::{Class, SqlType};

/// All of them; none when there are none.
pub(super) fn all(mut conditions: Vec<Expr>) -> Option<Expr> {
    match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(Expr::And(conditions)),
    }
}

impl Builder<'_> {
    /// When a row of the root is a document: the filters hold, and it is not known to be deleted.
    pub(super) fn present(&mut self, scope: &mut Scope, schema: &Schema) -> Option<Expr> {
        let mut conditions = self.conditions(scope, schema.filters.as_deref());
        if let Some(soft_delete) = &schema.soft_delete {
            let marker = match &soft_delete.marker {
                Marker::Column(column) => Some(column),
                Marker::Field(name) => {
                    let found = field_column(&schema.fields, name);
                    if found.is_none() {
                        self.errors.push(no_field(&schema.fields, name));
                    }
                    found
                }
            };
            if let Some(marker) = marker {
                let column = self.read(scope, marker, marker.place);
                let mut deleted = vec![match self.tables.ty(scope.table, column) {
                    SqlType::Bool => Expr::Column(column),
                    _ => Expr::Not(Box::new(Expr::IsNull(Box::new(Expr::Column(column))))),
                }];
                deleted.extend(self.conditions(scope, soft_delete.when.as_deref()));
                if let Some(deleted) = all(deleted) {
                    conditions.push(Expr::Not(Box::new(Expr::IsTrue(Box::new(deleted)))));
                }
            }
        }
        all(conditions)
    }

    /// Each filter as an expression over the row in scope.
    pub(super) fn conditions(
        &mut self,
        scope: &mut Scope,
        filters: Option<&[Filter]>,
    ) -> Vec<Expr> {
        let filters = filters.unwrap_or_default();
        filters.iter().filter_map(|filter| self.condition(scope, filter)).collect()
    }

    fn condition(&mut self, scope: &mut Scope, filter: &Filter) -> Option<Expr> {
        match filter {
            Filter::Raw(sql) => {
                let error = Diagnostic::error(sql.place, "conditions in SQL are not compiled yet");
                self.errors.push(error.help("say it with `column`, `op` and `value`"));
                None
            }
            Filter::NullCheck(column, is_null) => {
                let column = self.read(scope, column, column.place);
                let null = Expr::IsNull(Box::new(Expr::Column(column)));
                Some(if *is_null { null } else { Expr::Not(Box::new(null)) })
            }
            Filter::Compare { column, op, value } => {
                let id = self.read(scope, column, column.place);
                let ty = self.tables.ty(scope.table, id);
                self.compare(id, ty, op, value)
            }
        }
    }

    fn compare(
        &mut self,
        column: ColumnId,
        ty: SqlType,
        op: &At<FilterOp>,
        value: &At<FilterValue>,
    ) -> Option<Expr> {
        use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
        match op.value {
            FilterOp::Eq => self.comparison(column, &ty, Eq, op.place, value),
            FilterOp::Neq => self.comparison(column, &ty, Ne, op.place, value),
            FilterOp::Lt => self.comparison(column, &ty, Lt, op.place, value),
            FilterOp::Lte => self.comparison(column, &ty, Le, op.place, value),
            FilterOp::Gt => self.comparison(column, &ty, Gt, op.place, value),
            FilterOp::Gte => self.comparison(column, &ty, Ge, op.place, value),
            FilterOp::In => self.membership(column, &ty, op.place, value),
            FilterOp::NotIn => {
                let within = self.membership(column, &ty, op.place, value)?;
                Some(Expr::Not(Box::new(within)))
            }
            FilterOp::Like => self.like(column, &ty, false, op.place, value),
            FilterOp::Ilike => self.like(column, &ty, true, op.place, value),
            FilterOp::Between => {
                let FilterValue::Range(low, high) = &value.value else {
                    return self.shape(value.place, "between", "a list of two values");
                };
                let low = FilterValue::Single(low.clone());
                let high = FilterValue::Single(high.clone());
                let low = At::new(low, value.place);
                let high = At::new(high, value.place);
                Some(Expr::And(vec![
                    self.comparison(column, &ty, Ge, op.place, &low)?,
                    self.comparison(column, &ty, Le, op.place, &high)?,
                ]))
            }
        }
    }

    fn comparison(
        &mut self,
        column: ColumnId,
        ty: &SqlType,
        comparison: Comparison,
        place: Place,
        value: &At<FilterValue>,
    ) -> Option<Expr> {
        let FilterValue::Single(text) = &value.value else {
            return self.shape(value.place, "a comparison", "one value");
        };
        let class = match comparison {
            Comparison::Eq | Comparison::Ne => self.equality(ty, place)?,
            Comparison::Lt | Comparison::Le | Comparison::Gt | Comparison::Ge => {
                self.ordering(ty, place)?
            }
        };
        let literal = self.constant(&At::new(text.clone(), value.place), ty);
        Some(Expr::Compare(comparison, Box::new(Expr::Column(column)), Box::new(literal), class))
    }

    /// Nothing is in an empty list, not even NULL.
    fn membership(
        &mut self,
        column: ColumnId,
        ty: &SqlType,
        place: Place,
        value: &At<FilterValue>,
    ) -> Option<Expr> {
        let FilterValue::List(texts) = &value.value else {
            return self.shape(value.place, "`in`", "a list");
        };
        if texts.is_empty() {
            return Some(Expr::Or(Vec::new()));
        }
        let class = self.equality(ty, place)?;
        let constant = |text: &String| self.constant(&At::new(text.clone(), value.place), ty);
        let list = texts.iter().map(constant).collect();
        Some(Expr::In(Box::new(Expr::Column(column)), list, class))
    }

    fn like(
        &mut self,
        column: ColumnId,
        ty: &SqlType,
        fold: bool,
        place: Place,
        value: &At<FilterValue>,
    ) -> Option<Expr> {
        let FilterValue::Single(pattern) = &value.value else {
            return self.shape(value.place, "a pattern", "one value");
        };
        if ty.is_known() && !ty.is_text() {
            self.complain(place, format!("patterns are for text, and the column is {ty}"));
            return None;
        }
        // `citext` matches without case whichever operator is written.
        let fold = fold || *ty == SqlType::Citext;
        Some(Expr::Like { of: Box::new(Expr::Column(column)), pattern: pattern.clone(), fold })
    }

    fn equality(&mut self, ty: &SqlType, place: Place) -> Option<Class> {
        if *ty == SqlType::Json {
            self.complain(place, "Postgres has no equality for json");
            return None;
        }
        Some(ty.class())
    }

    /// The class of a type whose order is known.
    pub(super) fn ordering(&mut self, ty: &SqlType, place: Place) -> Option<Class> {
        let class = ty.class();
        if ty.is_known() && !class.is_ordered() {
            self.complain(place, format!("values of type {ty} cannot be put in order"));
            return None;
        }
        Some(class)
    }

    fn shape(&mut self, place: Place, what: &str, takes: &str) -> Option<Expr> {
        self.complain(place, format!("{what} takes {takes}"));
        None
    }

    /// `order_by`, NULLs where Postgres puts them.
    pub(super) fn order(&mut self, scope: &Scope, order_by: Option<&[OrderBy]>) -> Vec<OrderPart> {
        let mut order = Vec::new();
        for part in order_by.unwrap_or_default() {
            let place = part.column.place;
            let column = self.tables.column(scope.table, &part.column, place);
            let ty = self.tables.ty(scope.table, column);
            if let Some(class) = self.ordering(&ty, place) {
                let descending = part.direction == Some(Direction::Desc);
                order.push(OrderPart { column, class, descending, nulls_first: descending });
            }
        }
        order
    }
}

/// The column of the first field of that name over the same row.
fn field_column<'a>(fields: &'a [Field], name: &str) -> Option<&'a At<String>> {
    fields.iter().find_map(|field| match &field.kind {
        Kind::Column(column) if field.name.value == name => Some(&column.column),
        Kind::Object(fields) => field_column(fields, name),
        _ => None,
    })
}

fn no_field(fields: &[Field], name: &At<String>) -> Diagnostic {
    let message = format!("no field `{}` reads a column of the root table", name.value);
    let error = Diagnostic::error(name.place, message);
    match nearest(name, column_fields(fields).into_iter()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("name a column with `soft_delete: {column: …}`"),
    }
}

fn column_fields(fields: &[Field]) -> Vec<String> {
    let mut names = Vec::new();
    for field in fields {
        match &field.kind {
            Kind::Column(_) => names.push(field.name.value.clone()),
            Kind::Object(fields) => names.extend(column_fields(fields)),
            _ => {}
        }
    }
    names
}
