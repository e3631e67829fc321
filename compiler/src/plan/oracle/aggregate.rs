//! One value over the rows of another table.

use crate::diagnostics::{Diagnostic, Place};
use crate::files::schema::{Aggregate, AggregateKey, AggregateOp, FieldType};
use crate::types::SqlType;

use super::rows::Entered;
use super::scope::{Printer, Scope, Typed};
use super::value::{finite_number, json};
use super::write::{Select, literal};

impl<'a> Printer<'a> {
    /// `(SELECT … FROM … WHERE …)`.
    pub(super) fn aggregate(&mut self, row: &Scope<'_>, aggregate: &Aggregate) {
        let depth = self.depth();
        let filters = aggregate.filters.as_deref().unwrap_or_default();
        let declared = aggregate.value_type.as_ref().unwrap_or(&FieldType::Double);
        let place = aggregate.table.place;

        let (value, select) = match (&aggregate.op, &aggregate.key) {
            // The junction alone knows the ids, those of rows that are not there included.
            (AggregateOp::Ids(element), AggregateKey::Through(through))
                if filters.is_empty() && aggregate.condition.is_none() =>
            {
                let junction = self.enter(&through.table);
                let left = self.names(&junction, &through.left_key);
                let key = self.key(row, through.left_key.place);
                let conditions = self.meet(&left, &key, through.left_key.place);
                let right = self.names(&junction, &through.right_key);
                let from = junction.from();
                let value = self.ids(&right, element, through.right_key.place);
                (value, Select { from, conditions, ..Select::default() })
            }
            (op, key) => {
                let Some((far, beside, mut select)) = self.enter_rows(row, key, aggregate) else {
                    return;
                };
                select.conditions.extend(self.filters(&far, filters, aggregate.condition.as_ref()));
                let order = match op {
                    AggregateOp::StringAgg(..) | AggregateOp::ArrayAgg(..) => {
                        let mut order = self.order(&far, aggregate.order_by.as_ref(), place);
                        for one in &beside {
                            order.extend(self.ties(one, place));
                        }
                        order.join(", ")
                    }
                    _ => String::new(),
                };
                let of = match op.of() {
                    Some(of) => self.origin(&far, &of),
                    None => Typed { sql: "*".into(), ty: SqlType::Int8 },
                };
                self.rows.pop();
                let value = match op {
                    AggregateOp::Count | AggregateOp::CountOf(_) => format!("count({})", of.sql),
                    AggregateOp::Sum(_) => total("sum", &of),
                    AggregateOp::Avg(_) => total("avg", &of),
                    AggregateOp::Min(_) => extreme("min", &of, declared, &mut select),
                    AggregateOp::Max(_) => extreme("max", &of, declared, &mut select),
                    AggregateOp::CountDistinct(_) => {
                        format!("count(DISTINCT {})", of.by_bytes())
                    }
                    AggregateOp::BoolAnd(_) => format!("bool_and({})", of.sql),
                    AggregateOp::BoolOr(_) => format!("bool_or({})", of.sql),
                    AggregateOp::StringAgg(_, separator) => {
                        let separator = literal(separator);
                        format!("string_agg({}::text, {separator} ORDER BY {order})", of.sql)
                    }
                    AggregateOp::ArrayAgg(_, element) => {
                        let each = json(&of.sql, &of.ty, element);
                        format!("coalesce(jsonb_agg({each} ORDER BY {order}), '[]')")
                    }
                    AggregateOp::Ids(element) => {
                        let key = self.key(&far, place);
                        self.ids(&key, element, place)
                    }
                };
                (value, select)
            }
        };
        self.out.open("(");
        self.out.lines(&format!("SELECT {value}"));
        self.out.line();
        self.out.tail(&select);
        self.out.shut(")");
        self.leave(depth);
    }

    /// The related rows, which SQL can name from now on: their table, those joined to it, and how
    /// they are found.
    fn enter_rows(
        &mut self,
        row: &Scope<'_>,
        key: &AggregateKey,
        aggregate: &Aggregate,
    ) -> Option<(Scope<'a>, Vec<Scope<'a>>, Select)> {
        if let AggregateKey::Join(sql) = key {
            let Entered { tables, from, on } = self.enter_join(sql)?;
            let mut tables = tables.into_iter();
            let conditions = on.into_iter().collect();
            let select = Select { from, conditions, ..Select::default() };
            return Some((tables.next()?, tables.collect(), select));
        }
        let far = self.enter(&aggregate.table);
        let select = match key {
            AggregateKey::Direct(columns) => {
                let there = self.names(&far, columns);
                let key = self.key(row, columns.place);
                let conditions = self.meet(&there, &key, columns.place);
                Select { from: far.from(), conditions, ..Select::default() }
            }
            AggregateKey::Through(through) => self.through(row, &far, through),
            AggregateKey::Join(_) => return None,
        };
        self.push(&far);
        Some((far, Vec::new(), select))
    }

    /// The keys as an array in their own order.
    fn ids(&mut self, key: &[Typed], element: &FieldType, place: Place) -> String {
        match key {
            [] => String::new(),
            [id] => {
                let each = json(&id.sql, &id.ty, element);
                format!("coalesce(jsonb_agg({each} ORDER BY {}), '[]')", id.by_bytes())
            }
            _ => {
                let message = "`ids` needs a primary key of one column";
                self.complain(Diagnostic::error(place, message));
                String::new()
            }
        }
    }
}

/// `sum` and `avg`: numbers, whatever they are declared as.
fn total(function: &str, column: &Typed) -> String {
    let Typed { sql, ty } = column;
    match ty {
        SqlType::Money => format!("{function}({sql}::numeric)"),
        SqlType::Int2 | SqlType::Int4 | SqlType::Int8 => format!("{function}({sql})"),
        ty => finite_number(&format!("{function}({sql})"), ty),
    }
}

/// `min` and `max`, text by bytes. The types for which Postgres has the order but not the function
/// (before version 18) are read off the front.
fn extreme(function: &str, column: &Typed, declared: &FieldType, select: &mut Select) -> String {
    match column.ty {
        SqlType::Bool | SqlType::Uuid | SqlType::Bytea => {
            select.conditions.push(format!("{} IS NOT NULL", column.sql));
            let direction = if function == "max" { " DESC" } else { "" };
            select.order.push(format!("{}{direction}", column.sql));
            select.limit = Some(1);
            json(&column.sql, &column.ty, declared)
        }
        _ => json(&format!("{function}({})", column.by_bytes()), &column.ty, declared),
    }
}
