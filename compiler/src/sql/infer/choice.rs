//! Forms of their own: `IS`, `BETWEEN`, `IN`, `ANY`, `CASE`, arrays, and the choice of one type
//! for several values.

use sqlparser::ast::{self, AccessExpr, BinaryOperator, Subscript};

use super::operator::comparison;
use super::{Typed, Typer, ident, shown, truth};
use crate::diagnostics::Place;
use crate::expr::{Comparison, Expr};
use crate::sql::coerce;
use crate::sql::functions::{Array, Function};
use crate::types::SqlType;

impl Typer<'_> {
    pub(super) fn is_null(&mut self, of: &ast::Expr, place: Place) -> Option<Typed> {
        let of = self.value(of)?;
        Some(truth(Expr::IsNull(Box::new(of.expr)), place))
    }

    pub(super) fn is_true(&mut self, of: &ast::Expr, place: Place) -> Option<Typed> {
        let of = self.condition(of, "what stands before IS TRUE")?;
        Some(truth(Expr::IsTrue(Box::new(of)), place))
    }

    pub(super) fn is_false(&mut self, of: &ast::Expr, place: Place) -> Option<Typed> {
        let of = self.condition(of, "what stands before IS FALSE")?;
        Some(truth(Expr::IsTrue(Box::new(Expr::Not(Box::new(of)))), place))
    }

    pub(super) fn is_unknown(&mut self, of: &ast::Expr, place: Place) -> Option<Typed> {
        let of = self.condition(of, "what stands before IS UNKNOWN")?;
        Some(truth(Expr::IsNull(Box::new(of)), place))
    }

    pub(super) fn is_distinct(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        place: Place,
    ) -> Option<Typed> {
        let (left, right) = (self.expr(left), self.expr(right));
        let (left, right, class) = self.align(left?, right?, "IS DISTINCT FROM", place)?;
        let (left, right) = (Box::new(left.expr), Box::new(right.expr));
        Some(truth(Expr::IsDistinct(left, right, class), place))
    }

    pub(super) fn between(
        &mut self,
        of: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        place: Place,
    ) -> Option<Typed> {
        let (of, low, high) = (self.expr(of), self.expr(low), self.expr(high));
        let of = of?;
        let least = self.compare(Comparison::Ge, of.clone(), low?, place);
        let most = self.compare(Comparison::Le, of, high?, place);
        Some(truth(Expr::And(vec![least?.expr, most?.expr]), place))
    }

    /// `of IN (list)`. As in Postgres constants are brought to one type together, and what varies
    /// is compared one by one.
    pub(super) fn in_list(
        &mut self,
        of: &ast::Expr,
        list: &[ast::Expr],
        place: Place,
    ) -> Option<Typed> {
        if let ast::Expr::Tuple(row) = of {
            return self.rows_in(row, list, place);
        }
        let of = self.expr(of);
        let items: Vec<Option<Typed>> = list.iter().map(|item| self.expr(item)).collect();
        let items: Option<Vec<Typed>> = items.into_iter().collect();
        let (of, mut items) = (of?, items?);
        let constants: Vec<Typed> =
            items.iter().filter(|item| is_constant(&item.expr)).cloned().collect();
        let mut any = Vec::new();
        // Several constants are one list that is looked at first; all else goes in its order.
        let types = || constants.iter().chain([&of]).filter(|one| one.ty.is_known());
        if constants.len() > 1
            && let Ok(common) = coerce::common(types().map(|one| &one.ty))
        {
            let common = common.unwrap_or(match of.untyped {
                true => SqlType::Text,
                false => SqlType::Unknown,
            });
            let class = self.compared(&common, false, place)?;
            let given: Vec<Option<Typed>> =
                constants.into_iter().map(|one| self.give(one, &common)).collect();
            let given: Option<Vec<Typed>> = given.into_iter().collect();
            let list = given?.into_iter().map(|one| one.expr).collect();
            let left = Box::new(self.give(of.clone(), &common)?.expr);
            any.push(Expr::In(left, list, class));
            items.retain(|item| !is_constant(&item.expr));
        }
        for one in items {
            any.push(self.compare(Comparison::Eq, of.clone(), one, place)?.expr);
        }
        let expr = if any.len() == 1 { any.swap_remove(0) } else { Expr::Or(any) };
        Some(truth(expr, place))
    }

    fn rows_in(&mut self, row: &[ast::Expr], list: &[ast::Expr], place: Place) -> Option<Typed> {
        let mut any = Vec::new();
        for item in list {
            let ast::Expr::Tuple(other) = item else {
                let message = "a row of several values is expected here";
                self.error_help(self.place(item), message, "write `(1, 2)`");
                return None;
            };
            let left = Box::new(ast::Expr::Tuple(row.to_vec()));
            let right = Box::new(ast::Expr::Tuple(other.clone()));
            let equal = ast::Expr::BinaryOp { left, op: BinaryOperator::Eq, right };
            any.push(self.binary(&equal, place)?.expr);
        }
        Some(truth(Expr::Or(any), place))
    }

    /// `left op ANY (right)`, `left op ALL (right)`.
    pub(super) fn quantified(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        all: bool,
        place: Place,
    ) -> Option<Typed> {
        if let ast::Expr::Subquery(query) = right {
            let Some(op) = comparison(op) else {
                let message = format!("`{op}` does not stand before ANY and ALL here");
                self.error_help(place, message, "compare by `=`, `<>`, `<`, `<=`, `>` or `>=`");
                return None;
            };
            return self.quantified_query(left, op, query, all, place);
        }
        let Some(compared) = comparison(op) else {
            return self.quantified_each(left, op, right, all, place);
        };
        let (of, array) = (self.expr(left), self.expr(right));
        let (of, array) = (of?, array?);
        let element = match &array.ty {
            SqlType::Array(element) => element.as_ref().clone(),
            SqlType::Unknown => of.ty.clone(),
            other => {
                let message = format!("ANY and ALL take an array, and this is {}", shown(other));
                self.error_help(array.place, message, "write `IN (…)`, or an array");
                return None;
            }
        };
        let element = match (of.ty.is_known(), element.is_known()) {
            (true, true) => match coerce::comparable(&of.ty, &element) {
                Some(common) => common,
                None => {
                    let message = format!("{} and {element} cannot be compared", of.ty);
                    self.error(place, message);
                    return None;
                }
            },
            (false, true) => element,
            (true, false) => of.ty.clone(),
            (false, false) if of.untyped => SqlType::Text,
            (false, false) => SqlType::Unknown,
        };
        let ordered = !matches!(compared, Comparison::Eq | Comparison::Ne);
        let class = self.compared(&element, ordered, place)?;
        if ordered {
            self.by_bytes(&class, place);
        }
        let of = Box::new(self.give(of, &element)?.expr);
        let array = match element.is_known() {
            true => self.give(array, &SqlType::Array(Box::new(element)))?,
            false => array,
        };
        let array = Box::new(array.expr);
        Some(truth(Expr::Quantified { of, op: compared, array, all, class }, place))
    }

    /// `of LIKE ANY (ARRAY[…])`, for which the parser has a form of its own.
    pub(super) fn like_any(
        &mut self,
        of: &ast::Expr,
        pattern: &ast::Expr,
        op: BinaryOperator,
        negated: bool,
        place: Place,
    ) -> Option<Typed> {
        let mut pattern = pattern;
        while let ast::Expr::Nested(inner) = pattern {
            pattern = inner;
        }
        let op = match (op, negated) {
            (BinaryOperator::PGLikeMatch, true) => BinaryOperator::PGNotLikeMatch,
            (BinaryOperator::PGILikeMatch, true) => BinaryOperator::PGNotILikeMatch,
            (op, _) => op,
        };
        self.quantified_each(of, &op, pattern, false, place)
    }

    /// `left LIKE ANY (ARRAY[…])` and other operators, element by element.
    fn quantified_each(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        all: bool,
        place: Place,
    ) -> Option<Typed> {
        let ast::Expr::Array(array) = right else {
            let message = format!("`{op}` before ANY and ALL takes an `ARRAY[…]` written here");
            self.error_help(place, message, "write `ANY (ARRAY['a', 'b'])`");
            return None;
        };
        let mut parts = Vec::new();
        for element in &array.elem {
            let (left, right) = (Box::new(left.clone()), Box::new(element.clone()));
            let one = ast::Expr::BinaryOp { left, op: op.clone(), right };
            let one = self.binary(&one, place)?;
            parts.push(self.truthful(one, "what stands before ANY and ALL")?);
        }
        Some(truth(if all { Expr::And(parts) } else { Expr::Or(parts) }, place))
    }

    /// Several values in one type.
    pub(in crate::sql) fn unite(
        &mut self,
        all: Vec<Typed>,
        what: &str,
        place: Place,
    ) -> Option<(Vec<Expr>, SqlType)> {
        let typed = all.iter().map(|one| &one.ty).filter(|ty| ty.is_known());
        let common = match coerce::common(typed) {
            Ok(common) => common,
            Err(coerce::Clash(a, b)) => {
                let message = format!("{what} has values of types {a} and {b}");
                self.error_help(place, message, "cast them to one type");
                return None;
            }
        };
        let open = all.iter().any(|one| !one.untyped && !one.ty.is_known());
        let common = match (common, open) {
            (Some(common), _) => common,
            (None, true) => SqlType::Unknown,
            (None, false) => SqlType::Text,
        };
        let given: Vec<Option<Typed>> =
            all.into_iter().map(|one| self.give(one, &common)).collect();
        let given: Option<Vec<Typed>> = given.into_iter().collect();
        Some((given?.into_iter().map(|one| one.expr).collect(), common))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        branches: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        place: Place,
    ) -> Option<Typed> {
        let of = match operand {
            Some(operand) => Some(self.value(operand)?),
            None => None,
        };
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        // As in Postgres the last one speaks first on the common type.
        let last = match otherwise {
            Some(otherwise) => {
                values.push(self.expr(otherwise));
                true
            }
            None => false,
        };
        for ast::CaseWhen { condition, result } in branches {
            conditions.push(match &of {
                None => self.condition(condition, "what follows WHEN"),
                Some(of) => match self.expr(condition) {
                    Some(when) => {
                        let when = self.compare(Comparison::Eq, of.clone(), when, place);
                        when.map(|typed| typed.expr)
                    }
                    None => None,
                },
            });
            values.push(self.expr(result));
        }
        let conditions: Option<Vec<Expr>> = conditions.into_iter().collect();
        let values: Option<Vec<Typed>> = values.into_iter().collect();
        let (mut values, ty) = self.unite(values?, "CASE", place)?;
        let otherwise = last.then(|| Box::new(values.remove(0)));
        let branches = conditions?.into_iter().zip(values).collect();
        let expr = Expr::Case { branches, otherwise };
        Some(Typed { expr, ty, untyped: false, place })
    }

    /// `ARRAY[…]::type[]`, of which each element is cast by itself; arrays make one of one
    /// dimension more.
    pub(super) fn array_of(
        &mut self,
        list: &[ast::Expr],
        element: &SqlType,
        place: Place,
    ) -> Option<Typed> {
        let typed: Vec<Option<Typed>> = list.iter().map(|one| self.expr(one)).collect();
        let typed: Vec<Typed> = typed.into_iter().collect::<Option<_>>()?;
        let ty = SqlType::Array(Box::new(element.clone()));
        let nested = typed.iter().any(|one| matches!(one.ty, SqlType::Array(_)));
        let each = if nested { &ty } else { element };
        let cast = typed.into_iter().map(|one| {
            let place = one.place;
            self.cast(one, each, None, place).map(|one| one.expr)
        });
        let cast: Option<Vec<Expr>> = cast.collect();
        let expr = Expr::Array(cast?, each.clone());
        Some(Typed { expr, ty, untyped: false, place })
    }

    /// `ARRAY[…]`.
    pub(super) fn array(&mut self, list: &[ast::Expr], place: Place) -> Option<Typed> {
        if list.is_empty() {
            let message = "the type of an empty array is not known";
            self.error_help(place, message, "write `ARRAY[]::text[]`, or `'{}'::text[]`");
            return None;
        }
        let items: Vec<Option<Typed>> = list.iter().map(|item| self.expr(item)).collect();
        let items: Option<Vec<Typed>> = items.into_iter().collect();
        let (items, element) = self.unite(items?, "ARRAY", place)?;
        let ty = match &element {
            array @ SqlType::Array(_) => array.clone(),
            element => SqlType::Array(Box::new(element.clone())),
        };
        Some(Typed { expr: Expr::Array(items, element), ty, untyped: false, place })
    }

    /// `of[1]`, `of[2:3]`, and `a.b[1]`, which the parser takes for an access to `a`.
    pub(super) fn subscripts(
        &mut self,
        root: &ast::Expr,
        chain: &[AccessExpr],
        place: Place,
    ) -> Option<Typed> {
        let mut names = match root {
            ast::Expr::Identifier(one) => vec![one.clone()],
            ast::Expr::CompoundIdentifier(several) => several.clone(),
            _ => Vec::new(),
        };
        let mut rest = chain;
        while let ([AccessExpr::Dot(ast::Expr::Identifier(name)), more @ ..], false) =
            (rest, names.is_empty())
        {
            names.push(name.clone());
            rest = more;
        }
        let of = match names.len() {
            0 | 1 => self.expr(root)?,
            _ => self.expr(&ast::Expr::CompoundIdentifier(names))?,
        };
        if of.untyped {
            let help = "say of what type it is, as in `('{1,2}'::int[])[1]`";
            self.error_help(of.place, "a text in quotes has no elements", help);
            return None;
        }
        let mut subscripts = Vec::new();
        for access in rest {
            match access {
                AccessExpr::Subscript(subscript) => subscripts.push(subscript),
                AccessExpr::Dot(name) => {
                    let message = match name {
                        ast::Expr::Identifier(name) => {
                            format!("`.{}` asks for a part of a value", ident(name))
                        }
                        _ => "parts of composite values are not supported".into(),
                    };
                    self.error_help(place, message, "composite types are not supported");
                    return None;
                }
            }
        }
        match (&of.ty, subscripts.as_slice()) {
            (SqlType::Jsonb, list) => self.element_of_json(of, list, place),
            (
                SqlType::Array(_) | SqlType::Unknown,
                [Subscript::Slice { lower_bound, upper_bound, stride: None }],
            ) => {
                let bounds = [lower_bound.as_ref(), upper_bound.as_ref()];
                let mut args = vec![of.expr];
                for bound in bounds {
                    args.push(match bound {
                        None => Expr::Literal(None, SqlType::Int4),
                        Some(bound) => match self.whole(bound)? {
                            // A bound that is NULL is none that was left out.
                            null @ Expr::Literal(None, _) => Expr::Coalesce(vec![null]),
                            bound => bound,
                        },
                    });
                }
                let function = Function::Array(Array::Slice);
                let expr = Expr::Call { function, args, ty: of.ty.clone() };
                Some(Typed { expr, ty: of.ty, untyped: false, place })
            }
            (SqlType::Array(_) | SqlType::Unknown, list) => {
                let element = match &of.ty {
                    SqlType::Array(element) => element.as_ref().clone(),
                    _ => SqlType::Unknown,
                };
                let mut args = vec![of.expr];
                for one in list {
                    let Subscript::Index { index } = one else {
                        let message = "slices of several dimensions are not supported";
                        self.error(place, message);
                        return None;
                    };
                    args.push(self.whole(index)?);
                }
                let function = Function::Array(Array::Subscript);
                let expr = Expr::Call { function, args, ty: element.clone() };
                Some(Typed { expr, ty: element, untyped: false, place })
            }
            (other, _) => {
                let message = format!("only arrays have subscripts, and this is {}", shown(other));
                self.error(place, message);
                None
            }
        }
    }

    /// `json[…][…]`, which is a path: a number finds a member by that name too. Where there is no
    /// document, no subscript is looked at.
    fn element_of_json(
        &mut self,
        of: Typed,
        subscripts: &[&Subscript],
        place: Place,
    ) -> Option<Typed> {
        let json = of.expr.clone();
        let mut path = vec![of];
        for one in subscripts {
            let Subscript::Index { index } = one else {
                self.error(place, "jsonb has no slices");
                return None;
            };
            let index = self.expr(index)?;
            if !index.untyped && coerce::implicit(&index.ty, &SqlType::Int4) {
                let index = self.give(index, &SqlType::Int4)?;
                path.push(self.cast(index, &SqlType::Text, None, place)?);
            } else if index.untyped || !index.ty.is_known() || index.ty.is_text() {
                path.push(self.give(index, &SqlType::Text)?);
            } else {
                let is = shown(&index.ty);
                let message =
                    format!("a subscript of jsonb is an integer or text, and this is {is}");
                self.error(index.place, message);
                return None;
            }
        }
        let is_simple = |one: &Typed| matches!(one.expr, Expr::Column(_) | Expr::Literal(..));
        let all_simple = path[1..].iter().all(is_simple);
        let found = self.resolved("jsonb_extract_path", path, place)?;
        if all_simple {
            return Some(found);
        }
        let branches = vec![(Expr::IsNull(Box::new(json)), Expr::Literal(None, SqlType::Jsonb))];
        let expr = Expr::Case { branches, otherwise: Some(Box::new(found.expr)) };
        Some(Typed { expr, ..found })
    }

    /// An integer.
    fn whole(&mut self, of: &ast::Expr) -> Option<Expr> {
        let typed = self.expr(of)?;
        if !typed.untyped && typed.ty.is_known() && !coerce::implicit(&typed.ty, &SqlType::Int4) {
            let message = format!("a subscript is an integer, and this is {}", shown(&typed.ty));
            self.error(typed.place, message);
            return None;
        }
        Some(self.give(typed, &SqlType::Int4)?.expr)
    }
}

/// Whether it reads nothing.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => false,
        other => other.parts().into_iter().all(is_constant),
    }
}
