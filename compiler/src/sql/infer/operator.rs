//! Operators: comparisons, truth, `LIKE`, and those the table of functions has.
//!
//! A chain of operators is walked, not descended, for authors write long ones.

use sqlparser::ast::{self, BinaryOperator, Spanned, UnaryOperator};

use super::{Typed, Typer, not, shown, truth};
use crate::diagnostics::Place;
use crate::expr::{Comparison, Expr};
use crate::sql::coerce;
use crate::types::{Class, SqlType};

/// Operators in a row that are no `AND` and no `OR`.
const MAX_CHAIN: usize = 200;

impl Typer<'_> {
    /// `a op b op c`, from the left.
    pub(super) fn binary(&mut self, of: &ast::Expr, place: Place) -> Option<Typed> {
        let mut chain = Vec::new();
        let mut first = of;
        let mut left = None;
        while let ast::Expr::BinaryOp { left: inner, op, right } = first {
            if !chain.is_empty()
                && let Some(grouped) = self.grouped(first)
            {
                left = Some(grouped);
                break;
            }
            chain.push((inner.as_ref(), op, right.as_ref()));
            first = inner;
        }
        let plain = |op: &BinaryOperator| !matches!(op, BinaryOperator::And | BinaryOperator::Or);
        if chain.iter().filter(|(_, op, _)| plain(op)).count() > MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} operators in a row");
            self.error_help(place, message, "say it in several fields");
            return None;
        }
        let mut left = match left {
            Some(grouped) => grouped,
            None => self.expr_or_row(first, &chain),
        };
        for (tree, op, right) in chain.into_iter().rev() {
            left = self.apply(left, tree, op, right);
        }
        left
    }

    /// The first operand of a chain. A row is taken apart by the comparison it stands in.
    fn expr_or_row(
        &mut self,
        first: &ast::Expr,
        chain: &[(&ast::Expr, &BinaryOperator, &ast::Expr)],
    ) -> Option<Typed> {
        let compares = chain.last().is_some_and(|(_, op, _)| comparison(op).is_some());
        match first {
            ast::Expr::Tuple(_) if compares => {
                let expr = Expr::Literal(None, SqlType::Unknown);
                let place = self.place(first);
                Some(Typed { expr, ty: SqlType::Unknown, untyped: true, place })
            }
            first => self.expr(first),
        }
    }

    fn apply(
        &mut self,
        left: Option<Typed>,
        tree: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
    ) -> Option<Typed> {
        if let (ast::Expr::Tuple(a), ast::Expr::Tuple(b)) = (tree, right) {
            return self.compare_rows(a, op, b, self.place(tree));
        }
        if of_case(op) {
            self.case_of(&[tree, right])?;
        }
        let right_tree = right;
        let right = self.expr(right);
        let (left, right) = (left?, right?);
        let place = self.sql.whole(tree.span().union(&right_tree.span()));
        match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let word =
                    if *op == BinaryOperator::And { "each side of AND" } else { "each side of OR" };
                let (left, right) = (self.truthful(left, word), self.truthful(right, word));
                let (left, right) = (left?, right?);
                Some(truth(joined(*op == BinaryOperator::And, left, right), place))
            }
            BinaryOperator::PGLikeMatch => self.like_of(left, right, Some('\\'), false, place),
            BinaryOperator::PGILikeMatch => self.like_of(left, right, Some('\\'), true, place),
            BinaryOperator::PGNotLikeMatch => {
                self.like_of(left, right, Some('\\'), false, place).map(not)
            }
            BinaryOperator::PGNotILikeMatch => {
                self.like_of(left, right, Some('\\'), true, place).map(not)
            }
            BinaryOperator::PGCustomBinaryOperator(_) => {
                let message = "`OPERATOR(…)` is not supported";
                self.error_help(place, message, "write the operator itself");
                None
            }
            op => match comparison(op) {
                Some(comparison) => self.compare(comparison, left, right, place),
                None => self.resolved(&op.to_string(), vec![left, right], place),
            },
        }
    }

    pub(super) fn unary(
        &mut self,
        op: UnaryOperator,
        of: &ast::Expr,
        place: Place,
    ) -> Option<Typed> {
        let name = match op {
            UnaryOperator::Not => {
                let of = self.condition(of, "what follows NOT")?;
                return Some(truth(Expr::Not(Box::new(of)), place));
            }
            UnaryOperator::Minus | UnaryOperator::Plus => {
                if op == UnaryOperator::Minus
                    && let Some((text, negative)) = signed(of)
                {
                    return self.number(text, !negative, place);
                }
                let typed = self.expr(of)?;
                if op == UnaryOperator::Minus {
                    return self.resolved("-", vec![typed], place);
                }
                return self.positive(typed, place);
            }
            UnaryOperator::BitwiseNot => "~",
            UnaryOperator::PGAbs => "@",
            UnaryOperator::PGSquareRoot => "|/",
            UnaryOperator::PGCubeRoot => "||/",
            other => {
                self.error(place, format!("the operator `{other}` is not supported"));
                return None;
            }
        };
        let typed = self.expr(of)?;
        self.resolved(name, vec![typed], place)
    }

    /// `+ of`, which Postgres has for numbers.
    fn positive(&mut self, of: Typed, place: Place) -> Option<Typed> {
        if of.untyped {
            return self.give(of, &SqlType::Float8);
        }
        if of.ty.is_known() && !(of.ty.is_number() && of.ty != SqlType::Money) {
            let message = format!("`+` stands before a number, and this is {}", shown(&of.ty));
            self.error_help(place, message, "leave it out");
            return None;
        }
        Some(of)
    }

    /// A condition made of a typed value.
    pub(super) fn truthful(&mut self, of: Typed, what: &str) -> Option<Expr> {
        if of.untyped {
            return Some(self.give(of, &SqlType::Bool)?.expr);
        }
        if of.ty.is_known() && of.ty != SqlType::Bool {
            let message = format!("{what} is a condition, and this is {}", shown(&of.ty));
            self.error_help(of.place, message, "compare it with something");
            return None;
        }
        Some(of.expr)
    }

    /// `left op right`.
    pub(super) fn compare(
        &mut self,
        op: Comparison,
        left: Typed,
        right: Typed,
        place: Place,
    ) -> Option<Typed> {
        let (left, right, class) = self.align(left, right, op.symbol(), place)?;
        if !matches!(op, Comparison::Eq | Comparison::Ne) {
            self.by_bytes(&class, place);
        }
        let expr = Expr::Compare(op, Box::new(left.expr), Box::new(right.expr), class);
        Some(truth(expr, place))
    }

    /// Notes that text is ordered at a place.
    pub(in crate::sql) fn by_bytes(&mut self, class: &Class, place: Place) {
        if matches!(class, Class::Text | Class::Bpchar | Class::Citext) {
            self.marks.by_bytes.push(place);
        }
    }

    fn compare_rows(
        &mut self,
        left: &[ast::Expr],
        op: &BinaryOperator,
        right: &[ast::Expr],
        place: Place,
    ) -> Option<Typed> {
        let one = match comparison(op) {
            Some(one @ (Comparison::Eq | Comparison::Ne)) if left.len() == right.len() => one,
            Some(Comparison::Eq | Comparison::Ne) => {
                let message =
                    format!("rows of {} and {} values cannot be compared", left.len(), right.len());
                self.error(place, message);
                return None;
            }
            _ => {
                let message = "rows are compared by `=`, `<>` and `IN` only";
                self.error_help(place, message, "compare value by value");
                return None;
            }
        };
        let mut all = Vec::new();
        for (left, right) in left.iter().zip(right) {
            let (left, right) = (self.expr(left), self.expr(right));
            if let (Some(left), Some(right)) = (left, right) {
                all.extend(self.compare(one, left, right, place).map(|typed| typed.expr));
            }
        }
        if all.len() < left.len() {
            return None;
        }
        Some(truth(if one == Comparison::Eq { Expr::And(all) } else { Expr::Or(all) }, place))
    }

    /// Both sides of a comparison in one type, and how that compares.
    pub(in crate::sql) fn align(
        &mut self,
        left: Typed,
        right: Typed,
        op: &str,
        place: Place,
    ) -> Option<(Typed, Typed, Class)> {
        let common = match (left.untyped, right.untyped) {
            (true, true) => SqlType::Text,
            (true, false) => right.ty.clone(),
            (false, true) => left.ty.clone(),
            (false, false) if !left.ty.is_known() => right.ty.clone(),
            (false, false) if !right.ty.is_known() => left.ty.clone(),
            (false, false) => match coerce::comparable(&left.ty, &right.ty) {
                Some(common) => common,
                None => {
                    let (a, b) = (&left.ty, &right.ty);
                    let message = format!("{a} and {b} cannot be compared by `{op}`");
                    let help = format!("cast one of them, as in `…::{}`", bare(a));
                    self.error_help(place, message, help);
                    return None;
                }
            },
        };
        let ordered = matches!(op, "<" | "<=" | ">" | ">=");
        let class = self.compared(&common, ordered, place)?;
        let (left, right) = (self.give(left, &common), self.give(right, &common));
        Some((left?, right?, class))
    }

    /// How values of a type compare in an expression; a type that cannot be is reported.
    pub(in crate::sql) fn compared(
        &mut self,
        ty: &SqlType,
        ordered: bool,
        place: Place,
    ) -> Option<Class> {
        if !ty.is_known() || is_comparable(ty, ordered) {
            return Some(ty.class());
        }
        let how = if ordered { "have no order" } else { "cannot be compared" };
        let message = format!("values of type {ty} {how}");
        self.error_help(place, message, "compare a part of them, or their text");
        None
    }

    /// How values of a type are told apart and sorted as keys; a type that cannot be is reported.
    pub(in crate::sql) fn class(&mut self, ty: &SqlType, place: Place) -> Option<Class> {
        let class = ty.class();
        if ty.is_known() && !class.is_ordered() {
            let message = format!("values of type {ty} cannot be sorted or grouped by");
            self.error_help(place, message, "take a part of them, or their text");
            return None;
        }
        Some(class)
    }
}

/// Whether Postgres has the comparison, and evaluation has it too.
fn is_comparable(ty: &SqlType, ordered: bool) -> bool {
    match ty {
        SqlType::TimeTz | SqlType::Interval => true,
        SqlType::Jsonb => !ordered,
        // Elements are compared as they are, which says nothing of blanks, case and labels.
        SqlType::Array(element) => match element.as_ref() {
            SqlType::Bpchar | SqlType::Citext => false,
            SqlType::Enum(_) => !ordered,
            element => is_comparable(element, ordered),
        },
        ty => ty.class().is_ordered(),
    }
}

/// Whether an operator tells letters apart by case or by class.
fn of_case(op: &BinaryOperator) -> bool {
    use BinaryOperator::{
        PGILikeMatch, PGNotILikeMatch, PGRegexIMatch, PGRegexMatch, PGRegexNotIMatch,
        PGRegexNotMatch,
    };
    matches!(
        op,
        PGILikeMatch
            | PGNotILikeMatch
            | PGRegexMatch
            | PGRegexIMatch
            | PGRegexNotMatch
            | PGRegexNotIMatch
    )
}

/// The comparison that an operator is.
pub(super) fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Eq,
        BinaryOperator::NotEq => Comparison::Ne,
        BinaryOperator::Lt => Comparison::Lt,
        BinaryOperator::LtEq => Comparison::Le,
        BinaryOperator::Gt => Comparison::Gt,
        BinaryOperator::GtEq => Comparison::Ge,
        _ => return None,
    })
}

/// One conjunction or disjunction of what may be some already.
fn joined(and: bool, left: Expr, right: Expr) -> Expr {
    let mut all = match left {
        Expr::And(all) if and && !all.is_empty() => all,
        Expr::Or(all) if !and && !all.is_empty() => all,
        other => vec![other],
    };
    all.push(right);
    if and { Expr::And(all) } else { Expr::Or(all) }
}

/// A number as it is written, and whether behind an odd number of signs: as in Postgres they are
/// part of it, and decide its type with it.
fn signed(of: &ast::Expr) -> Option<(&str, bool)> {
    match of {
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(text, false), .. }) => {
            Some((text, false))
        }
        ast::Expr::Nested(inner) => signed(inner),
        ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            signed(expr).map(|(text, negative)| (text, !negative))
        }
        _ => None,
    }
}

/// A type to cast to in an example.
fn bare(ty: &SqlType) -> String {
    match ty {
        SqlType::Enum(_) => "text".into(),
        ty => ty.to_string(),
    }
}
