//! Queries inside expressions. The value of one is an input of the level it stands in.

use sqlparser::ast;

use super::{Typer, Wanted};
use crate::diagnostics::Place;
use crate::expr::{Comparison, Expr};
use crate::sql::block::{Asks, Block, Source, Subquery};
use crate::sql::infer::{Typed, truth};
use crate::types::SqlType;

impl Typer<'_> {
    fn subquery(&mut self, asks: Asks, block: Block, ty: SqlType, place: Place) -> Typed {
        let subqueries = &mut self.frame().subqueries;
        let new = Subquery { asks, block };
        let met = subqueries.iter().position(|one| *one == new);
        let at = met.unwrap_or_else(|| {
            subqueries.push(new);
            subqueries.len() - 1
        });
        let expr = self.input(Source::Subquery(at as u16), ty.clone(), place);
        Typed { expr, ty, untyped: false, place }
    }

    /// `(SELECT …)` as a value.
    pub(in crate::sql) fn scalar_query(
        &mut self,
        query: &ast::Query,
        place: Place,
    ) -> Option<Typed> {
        let block = self.block(query, Wanted::Columns)?;
        let [output] = block.outputs.as_slice() else {
            let message = format!("a query as a value has one column, not {}", block.outputs.len());
            self.error_help(place, message, "select the one that is wanted");
            return None;
        };
        let ty = output.ty.clone();
        Some(self.subquery(Asks::Value, block, ty, place))
    }

    /// `ARRAY(SELECT …)`.
    pub(in crate::sql) fn array_query(
        &mut self,
        query: &ast::Query,
        place: Place,
    ) -> Option<Typed> {
        let block = self.block(query, Wanted::Columns)?;
        let [output] = block.outputs.as_slice() else {
            let message = format!("an array has one column, not {}", block.outputs.len());
            self.error_help(place, message, "select the one that is wanted");
            return None;
        };
        let ty = match &output.ty {
            array @ (SqlType::Array(_) | SqlType::Unknown) => array.clone(),
            element => SqlType::Array(Box::new(element.clone())),
        };
        Some(self.subquery(Asks::Array, block, ty, place))
    }

    pub(in crate::sql) fn exists(&mut self, query: &ast::Query, place: Place) -> Option<Typed> {
        let block = self.block(query, Wanted::Presence)?;
        Some(self.subquery(Asks::Exists, block, SqlType::Bool, place))
    }

    /// `of IN (SELECT …)`, also of rows.
    pub(in crate::sql) fn in_query(
        &mut self,
        of: &ast::Expr,
        query: &ast::Query,
        place: Place,
    ) -> Option<Typed> {
        self.quantified_query(of, Comparison::Eq, query, false, place)
    }

    /// `of op ANY (SELECT …)` and `ALL`.
    pub(in crate::sql) fn quantified_query(
        &mut self,
        of: &ast::Expr,
        op: Comparison,
        query: &ast::Query,
        all: bool,
        place: Place,
    ) -> Option<Typed> {
        let left: &[ast::Expr] = match of {
            ast::Expr::Tuple(row) => row,
            one => std::slice::from_ref(one),
        };
        let left: Vec<Option<Typed>> = left.iter().map(|one| self.expr(one)).collect();
        let block = self.block(query, Wanted::Columns);
        let left: Option<Vec<Typed>> = left.into_iter().collect();
        let (left, mut block) = (left?, block?);
        if left.len() != block.outputs.len() {
            let message = format!(
                "the query has {} columns, and {} stand before it",
                block.outputs.len(),
                left.len()
            );
            self.error(place, message);
            return None;
        }
        if left.len() > 1 && op != Comparison::Eq {
            self.error_help(place, "rows are compared by `=` and `IN` only", "compare one value");
            return None;
        }
        let mut sides: Vec<Expr> = Vec::new();
        let mut classes = Vec::new();
        for (one, output) in left.into_iter().zip(&mut block.outputs) {
            let other =
                Typed { expr: output.expr.clone(), ty: output.ty.clone(), untyped: false, place };
            let (one, other, class) = self.align(one, other, op.symbol(), place)?;
            output.ty = other.ty;
            output.expr = other.expr;
            sides.push(one.expr);
            classes.push(class);
        }
        let asks = Asks::Quantified { of: sides, op, classes, all };
        let Typed { expr, .. } = self.subquery(asks, block, SqlType::Bool, place);
        Some(truth(expr, place))
    }
}
