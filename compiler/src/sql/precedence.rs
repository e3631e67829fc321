//! What binds closer: whether a tree is the one that Postgres makes of the same text.
//!
//! sqlparser has precedences of its own, which differ here and there, and knows no operator that
//! cannot be chained. Postgres' grammar (`gram.y`) settles each conflict between the rule before a
//! sign and the sign by one table, [`Level`]. So a tree is its own exactly when each rule along
//! the edge of an operand without brackets would have been settled that way; a tree that is not
//! asks for brackets. Signs before a power are common enough to be turned instead.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Spanned, UnaryOperator, Visit, VisitMut, Visitor, VisitorMut,
};

use super::text::Sql;
use crate::diagnostics::Diagnostic;

/// Postgres' levels of precedence, the loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Is,
    Compare,
    /// `BETWEEN`, `IN`, `LIKE` and `ILIKE`.
    Like,
    /// Every operator that has no level of its own, before a value or between two.
    Operator,
    Plus,
    Times,
    Power,
    TimeZone,
    Collate,
    Sign,
    Cast,
}

impl Level {
    /// Whether a rule of this level ends before a sign of another.
    fn ends_before(self, sign: Level) -> bool {
        let leftward =
            !matches!(self, Level::Not | Level::Is | Level::Compare | Level::Like | Level::Sign);
        self > sign || (self == sign && leftward)
    }

    /// Whether a rule of this level goes on with a sign of another.
    fn goes_on_with(self, sign: Level) -> bool {
        sign > self || (sign == self && matches!(self, Level::Not | Level::Sign))
    }
}

/// An expression by its open edges: operands that stand at its ends.
struct Shape<'a> {
    level: Level,
    left: Option<&'a Expr>,
    right: Option<&'a Expr>,
    /// The operator, as a report names it.
    word: String,
}

/// Makes a tree Postgres' own, or refuses it. What is printed of it afterwards means it too.
pub(super) fn settle<T: Visit + VisitMut>(sql: &Sql, tree: &mut T) -> Result<(), Diagnostic> {
    let _ = VisitMut::visit(tree, &mut Turn);
    if let ControlFlow::Break(error) = Visit::visit(tree, &mut Check { sql }) {
        return Err(error);
    }
    let _ = VisitMut::visit(tree, &mut Brackets);
    Ok(())
}

struct Turn;

impl VisitorMut for Turn {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Exists { subquery, negated: true } => {
                let exists = Expr::Exists { subquery: subquery.clone(), negated: false };
                *expr = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(exists) };
            }
            Expr::UnaryOp { op, expr: of } if is_sign(*op) => {
                if let Some(turned) = sign_first(*op, of) {
                    *expr = turned;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_sign(op: UnaryOperator) -> bool {
    matches!(op, UnaryOperator::Minus | UnaryOperator::Plus)
}

/// `-a ^ b` is `(-a) ^ b`: Postgres' sign binds closer than its powers.
fn sign_first(op: UnaryOperator, of: &Expr) -> Option<Expr> {
    let Expr::BinaryOp { left, op: power @ BinaryOperator::PGExp, right } = of else {
        return None;
    };
    let signed = sign_first(op, left).unwrap_or_else(|| Expr::UnaryOp { op, expr: left.clone() });
    let (left, op, right) = (Box::new(signed), power.clone(), right.clone());
    Some(Expr::BinaryOp { left, op, right })
}

/// Puts brackets around a sign behind a sign: printed side by side they are another operator, or
/// begin a comment.
struct Brackets;

impl VisitorMut for Brackets {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let stands_before = |op: &UnaryOperator| *op != UnaryOperator::Not;
        if let Expr::UnaryOp { op, expr: of } = expr
            && stands_before(op)
            && matches!(of.as_ref(), Expr::UnaryOp { op, .. } if stands_before(op))
        {
            **of = Expr::Nested(of.clone());
        }
        ControlFlow::Continue(())
    }
}

struct Check<'a> {
    sql: &'a Sql,
}

impl Visitor for Check<'_> {
    type Break = Diagnostic;

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Diagnostic> {
        if let Expr::Between { low, .. } = expr
            && let Some(word) = not_between(low)
        {
            let message = format!("`{word}` between BETWEEN and AND without brackets");
            let error = Diagnostic::error(self.sql.whole(low.span()), message);
            return ControlFlow::Break(error.help("put it in brackets"));
        }
        if let Expr::Like { any: true, pattern, .. } | Expr::ILike { any: true, pattern, .. } = expr
            && !matches!(pattern.as_ref(), Expr::Nested(_) | Expr::Tuple(_) | Expr::Subquery(_))
        {
            let place = self.sql.whole(expr.span());
            let error = Diagnostic::error(place, "an operator behind `LIKE ANY (…)`");
            return ControlFlow::Break(error.help("put brackets around what stands before it"));
        }
        let Some(outer) = shape(expr) else { return ControlFlow::Continue(()) };
        let mut edge = outer.left.and_then(shape_at);
        while let Some((at, inner)) = edge {
            let Some(right) = inner.right else { break };
            if !inner.level.ends_before(outer.level) {
                return ControlFlow::Break(self.refusal(at, &inner, &outer));
            }
            edge = shape_at(right);
        }
        let mut edge = outer.right.and_then(shape_at);
        while let Some((at, inner)) = edge {
            let Some(left) = inner.left else { break };
            if !outer.level.goes_on_with(inner.level) {
                return ControlFlow::Break(self.refusal(at, &outer, &inner));
            }
            edge = shape_at(left);
        }
        ControlFlow::Continue(())
    }
}

impl Check<'_> {
    /// `first` stands before `second` in the text.
    fn refusal(&self, at: &Expr, first: &Shape<'_>, second: &Shape<'_>) -> Diagnostic {
        let place = self.sql.whole(at.span());
        let (a, b) = (&first.word, &second.word);
        if first.level == second.level && first.level == Level::Compare {
            return Diagnostic::error(place, "comparisons cannot be chained")
                .help("compare twice, with AND between");
        }
        let takes = match first.level.cmp(&second.level) {
            std::cmp::Ordering::Equal if !first.level.ends_before(second.level) => {
                "say in brackets which comes first: Postgres refuses it too".into()
            }
            std::cmp::Ordering::Less => {
                format!("say in brackets which comes first: Postgres takes `{b}`")
            }
            _ => format!("say in brackets which comes first: Postgres takes `{a}`"),
        };
        Diagnostic::error(place, format!("`{a}` before `{b}` without brackets")).help(takes)
    }
}

fn shape_at(of: &Expr) -> Option<(&Expr, Shape<'_>)> {
    Some((of, shape(of)?))
}

/// The operator of an expression with its open edges; none for what is closed at both ends.
fn shape(of: &Expr) -> Option<Shape<'_>> {
    let (level, left, right, word) = match of {
        Expr::BinaryOp { left, op, right } => (binary(op), Some(left), Some(right), op.to_string()),
        Expr::UnaryOp { op, expr } => {
            let level = match op {
                UnaryOperator::Not => Level::Not,
                op if is_sign(*op) => Level::Sign,
                _ => Level::Operator,
            };
            (level, None, Some(expr), op.to_string())
        }
        Expr::IsNull(of)
        | Expr::IsNotNull(of)
        | Expr::IsTrue(of)
        | Expr::IsNotTrue(of)
        | Expr::IsFalse(of)
        | Expr::IsNotFalse(of)
        | Expr::IsUnknown(of)
        | Expr::IsNotUnknown(of) => (Level::Is, Some(of), None, "IS".into()),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            (Level::Is, Some(left), Some(right), "IS".into())
        }
        Expr::Between { expr, high, .. } => (Level::Like, Some(expr), Some(high), "BETWEEN".into()),
        Expr::InList { expr, .. } | Expr::InSubquery { expr, .. } => {
            (Level::Like, Some(expr), None, "IN".into())
        }
        Expr::Like { any: true, expr, .. } | Expr::ILike { any: true, expr, .. } => {
            (Level::Like, Some(expr), None, "LIKE".into())
        }
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
            (Level::Like, Some(expr), Some(pattern), "LIKE".into())
        }
        Expr::AnyOp { left, compare_op, .. } | Expr::AllOp { left, compare_op, .. } => {
            (binary(compare_op), Some(left), None, compare_op.to_string())
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            (Level::TimeZone, Some(timestamp), Some(time_zone), "AT TIME ZONE".into())
        }
        Expr::Collate { expr, .. } => (Level::Collate, Some(expr), None, "COLLATE".into()),
        Expr::Cast { kind: CastKind::DoubleColon, expr, .. } => {
            (Level::Cast, Some(expr), None, "::".into())
        }
        _ => return None,
    };
    Some(Shape { level, left: left.map(Box::as_ref), right: right.map(Box::as_ref), word })
}

fn binary(op: &BinaryOperator) -> Level {
    use BinaryOperator as B;
    match op {
        B::Or => Level::Or,
        B::And => Level::And,
        B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq => Level::Compare,
        B::Plus | B::Minus => Level::Plus,
        B::Multiply | B::Divide | B::Modulo => Level::Times,
        B::PGExp => Level::Power,
        _ => Level::Operator,
    }
}

/// The operator that cannot stand without brackets between `BETWEEN` and its `AND` (`b_expr`).
fn not_between(low: &Expr) -> Option<String> {
    let shape = shape(low)?;
    let is_allowed = match shape.level {
        Level::Compare | Level::Operator | Level::Plus | Level::Times | Level::Power => {
            !matches!(low, Expr::AnyOp { .. } | Expr::AllOp { .. })
        }
        Level::Sign | Level::Cast => true,
        Level::Is => shape.right.is_some(),
        Level::Or | Level::And | Level::Not | Level::Like | Level::TimeZone | Level::Collate => {
            false
        }
    };
    if !is_allowed {
        return Some(shape.word);
    }
    [shape.left, shape.right].into_iter().flatten().find_map(not_between)
}
