//! Fields that are values of the row in scope, and those that are the same in each document.

use super::Value;
use super::build::Builder;
use super::paths::Scope;
use crate::diagnostics::At;
use crate::expr::{Expr, Function};
use crate::files::schema::{Column, Literal, Transform};
use crate::types::{SqlType, canonical, render};

impl Builder<'_> {
    /// A column, its transforms from the innermost, then its default.
    pub(super) fn scalar(&mut self, scope: &mut Scope, column: &Column) -> Value {
        let place = column.column.place;
        let id = self.read(scope, &column.column, place);
        let mut ty = self.tables.ty(scope.table, id);
        let mut expr = Expr::Column(id);
        for transform in &column.transforms {
            let (function, word) = match transform {
                Transform::Lowercase => (Function::Lower, "lowercase"),
                Transform::Trim => (Function::Trim, "trim"),
            };
            if ty.is_known() && !ty.is_text() {
                let name = &column.column.value;
                self.complain(place, format!("`{word}` is for text, and `{name}` is {ty}"));
                break;
            }
            expr = Expr::Call(function, vec![expr]);
        }
        if !column.transforms.is_empty() && ty == SqlType::Bpchar {
            ty = SqlType::Text;
        }
        if let Some(default) = &column.default
            && let Some(text) = default.text()
        {
            let default = self.constant(&At::new(text, default.place), &ty);
            expr = Expr::Call(Function::Coalesce, vec![expr, default]);
        }
        Value::Scalar(expr, render(&ty, &column.ty))
    }

    /// A constant of the column's type.
    pub(super) fn constant(&mut self, text: &At<String>, ty: &SqlType) -> Expr {
        let canonical = match canonical(ty, text) {
            Ok(canonical) => canonical,
            Err(message) => {
                self.complain(text.place, message);
                text.value.clone()
            }
        };
        Expr::Literal(Some(canonical), ty.clone())
    }
}

impl Literal {
    /// As JSON, numbers digit for digit.
    pub fn json(&self) -> String {
        match self {
            Literal::Null => "null".to_owned(),
            Literal::Bool(value) => value.to_string(),
            Literal::Int(value) => value.to_string(),
            Literal::Decimal(digits) => digits.clone(),
            Literal::String(text) => quoted(text),
            Literal::Array(items) => {
                let items: Vec<String> = items.iter().map(Literal::json).collect();
                format!("[{}]", items.join(","))
            }
            Literal::Map(map) => {
                let pair =
                    |(key, value): (&String, &Literal)| format!("{}:{}", quoted(key), value.json());
                let pairs: Vec<String> = map.iter().map(pair).collect();
                format!("{{{}}}", pairs.join(","))
            }
        }
    }

    /// As the text of a SQL literal; none for NULL.
    pub fn text(&self) -> Option<String> {
        match self {
            Literal::Null => None,
            Literal::String(text) => Some(text.clone()),
            other => Some(other.json()),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
