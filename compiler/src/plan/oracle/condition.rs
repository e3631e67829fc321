//! Filters as SQL conditions. Constants stay quoted text, which Postgres casts to the column's
//! type; text is compared by bytes where order matters.

use crate::diagnostics::Diagnostic;
use crate::files::schema::{Filter, FilterOp, FilterValue};
use crate::sql::Sql;

use super::scope::{Printer, Scope};
use super::write::literal;

impl Printer<'_> {
    /// Conditions over one row, each in a form that `AND` can join.
    pub(super) fn filters(
        &mut self,
        row: &Scope<'_>,
        filters: &[Filter],
        condition: Option<&Sql>,
    ) -> Vec<String> {
        let mut all: Vec<String> = filters.iter().map(|filter| self.filter(row, filter)).collect();
        all.extend(condition.map(|sql| self.holds(sql)));
        all
    }

    fn filter(&mut self, row: &Scope<'_>, filter: &Filter) -> String {
        match filter {
            Filter::Raw(sql) => self.holds(sql),
            Filter::NullCheck(column, null) => {
                let column = self.column(row, column).sql;
                format!("{column} IS {}NULL", if *null { "" } else { "NOT " })
            }
            Filter::Compare { column, op, value } => {
                let column = self.column(row, column);
                let (equal, ordered) = (&column.sql, column.by_bytes());
                match (op.value, &value.value) {
                    (FilterOp::Eq, FilterValue::Single(to)) => format!("{equal} = {}", literal(to)),
                    (FilterOp::Neq, FilterValue::Single(to)) => {
                        format!("{equal} <> {}", literal(to))
                    }
                    (FilterOp::Lt, FilterValue::Single(to)) => {
                        format!("{ordered} < {}", literal(to))
                    }
                    (FilterOp::Lte, FilterValue::Single(to)) => {
                        format!("{ordered} <= {}", literal(to))
                    }
                    (FilterOp::Gt, FilterValue::Single(to)) => {
                        format!("{ordered} > {}", literal(to))
                    }
                    (FilterOp::Gte, FilterValue::Single(to)) => {
                        format!("{ordered} >= {}", literal(to))
                    }
                    (FilterOp::Like, FilterValue::Single(to)) => {
                        format!("{equal} LIKE {}", literal(to))
                    }
                    (FilterOp::Ilike, FilterValue::Single(to)) => {
                        format!("{equal} ILIKE {}", literal(to))
                    }
                    (FilterOp::In, FilterValue::List(list)) if list.is_empty() => "false".into(),
                    (FilterOp::NotIn, FilterValue::List(list)) if list.is_empty() => "true".into(),
                    (FilterOp::In, FilterValue::List(list)) => {
                        format!("{equal} IN ({})", literals(list))
                    }
                    (FilterOp::NotIn, FilterValue::List(list)) => {
                        format!("{equal} NOT IN ({})", literals(list))
                    }
                    (FilterOp::Between, FilterValue::Range(from, to)) => {
                        format!("{ordered} BETWEEN {} AND {}", literal(from), literal(to))
                    }
                    (_, FilterValue::Single(_) | FilterValue::List(_) | FilterValue::Range(..)) => {
                        let message = "this operator takes another kind of value";
                        self.complain(Diagnostic::error(value.place, message));
                        "false".into()
                    }
                }
            }
        }
    }
}

fn literals(list: &[String]) -> String {
    list.iter().map(|text| literal(text)).collect::<Vec<_>>().join(", ")
}
