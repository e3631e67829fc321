//! From a syntax tree to a typed expression: names resolved, casts written out, overloads chosen.
//!
//! ```text
//! ast::Expr ─► Typer ─► Typed { expr, ty }        errors are collected, none stops the rest
//!                │ scopes: rows of the schema file, then FROM of each query entered
//!                └ frames: what the expressions of each level read
//! ```
//!
//! A text in quotes and NULL have no type until something asks for one ([`Typed::untyped`]); a
//! column without a catalog has none at all and takes part in everything as if it fitted.

mod call;
mod choice;
mod constant;
mod like;
mod operator;
mod resolved;

use sqlparser::ast::{self, BinaryOperator, Spanned};

use super::block::{Input, Phrase, Source, Subquery};
use super::coerce;
use super::functions::refused::{self, Reason};
use super::query::Grouping;
use super::scope::{self, Scope};
use super::text::Sql;
use crate::catalog::Catalog;
use crate::diagnostics::{Diagnostic, Place};
use crate::expr::{Expr, Modifier};
use crate::plan::ColumnId;
use crate::types::{SqlType, canonical};

/// What a piece of SQL stands on.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// Tables, columns and types, when somebody knows them.
    pub catalog: Option<&'a Catalog>,
    /// The database schema that a bare table name is looked up in.
    pub home: &'a str,
    /// The rows in scope, the outermost first.
    pub scopes: &'a [Scope],
}

/// An expression with its type.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub expr: Expr,
    /// [`SqlType::Unknown`] while untyped, and for what no catalog has typed.
    pub ty: SqlType,
    /// A text in quotes or NULL that nothing has given a type yet.
    pub untyped: bool,
    pub place: Place,
}

/// What the expressions of one level read.
#[derive(Default)]
pub(super) struct Frame {
    pub inputs: Vec<Input>,
    pub subqueries: Vec<Subquery>,
    /// Set while expressions are evaluated per group.
    pub grouping: Option<Grouping>,
}

/// Places that mean something else when the text stands in another query.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Names that lead to a row of the schema file.
    pub outward: Vec<Outward>,
    /// What orders text, and so must do it by bytes.
    pub by_bytes: Vec<Place>,
}

/// A name that leads out of its text.
#[derive(Clone, Debug)]
pub struct Outward {
    /// Where it stands.
    pub place: Place,
    /// Scopes of the ground outward.
    pub level: u16,
    /// Position among the relations of that scope.
    pub relation: u16,
    /// The column.
    pub column: String,
}

/// Types the expressions of one text.
pub(super) struct Typer<'a> {
    pub sql: &'a Sql,
    pub ground: Ground<'a>,
    /// Those of the ground, then those of the queries entered.
    pub scopes: Vec<Scope>,
    /// One for the innermost scope of the ground, then one for each query entered.
    pub frames: Vec<Frame>,
    pub found: Vec<Diagnostic>,
    /// The queries of each `WITH` in scope, by name.
    pub named_queries: Vec<(String, ast::Query)>,
    /// What the oracle must print otherwise than it is written.
    pub marks: Marks,
    /// An aggregate stood where rows are read.
    pub aggregate_met: bool,
    depth: usize,
}

/// Levels that an expression may have.
const MAX_DEPTH: usize = 200;

impl<'a> Typer<'a> {
    pub fn new(sql: &'a Sql, ground: Ground<'a>) -> Typer<'a> {
        let (scopes, frames) = (ground.scopes.to_vec(), vec![Frame::default()]);
        Typer {
            sql,
            ground,
            scopes,
            frames,
            found: Vec::new(),
            named_queries: Vec::new(),
            marks: Marks::default(),
            aggregate_met: false,
            depth: 0,
        }
    }

    pub fn place(&self, of: &impl Spanned) -> Place {
        self.sql.whole(of.span())
    }

    pub fn error(&mut self, place: Place, message: impl Into<String>) {
        self.found.push(Diagnostic::error(place, message));
    }

    pub fn error_help(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.found.push(Diagnostic::error(place, message).help(help));
    }

    /// The frame of the innermost level; there is always one.
    pub fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// The number of an input of the innermost level, the same for the same source.
    pub fn input(&mut self, source: Source, ty: SqlType, place: Place) -> Expr {
        let inputs = &mut self.frame().inputs;
        let met = inputs.iter().position(|input| input.source == source);
        let id = met.unwrap_or_else(|| {
            inputs.push(Input { source, ty, place });
            inputs.len() - 1
        });
        Expr::Column(ColumnId(id as u16))
    }

    /// A whole text as one expression with all that it reads.
    pub fn phrase(mut self, typed: Option<Typed>) -> Result<Phrase, Vec<Diagnostic>> {
        let frame = std::mem::take(self.frame());
        match typed {
            Some(Typed { expr, ty, place, .. }) if self.found.is_empty() => {
                let Frame { inputs, subqueries, .. } = frame;
                Ok(Phrase { expr, ty, inputs, subqueries, is_condition: false, place })
            }
            _ => Err(self.found),
        }
    }

    /// Any expression.
    pub fn expr(&mut self, of: &ast::Expr) -> Option<Typed> {
        if self.depth >= MAX_DEPTH {
            let place = self.place(of);
            self.error_help(
                place,
                "this expression is nested too deep",
                "say it in several fields",
            );
            return None;
        }
        self.depth += 1;
        let typed = match self.grouped(of) {
            Some(grouped) => grouped,
            None => self.kind(of),
        };
        self.depth -= 1;
        typed
    }

    /// An expression that a value is wanted of: an untyped text is text.
    pub fn value(&mut self, of: &ast::Expr) -> Option<Typed> {
        let typed = self.expr(of)?;
        match typed.untyped {
            true => self.give(typed, &SqlType::Text),
            false => Some(typed),
        }
    }

    /// A condition; `what` names it in the report: "`WHERE`".
    pub fn condition(&mut self, of: &ast::Expr, what: &str) -> Option<Expr> {
        let typed = self.expr(of)?;
        self.truthful(typed, what)
    }

    fn kind(&mut self, of: &ast::Expr) -> Option<Typed> {
        use ast::Expr as A;
        let place = self.place(of);
        match of {
            A::Nested(of) => self.expr(of),
            A::Identifier(_) | A::CompoundIdentifier(_) => self.column(of, place),
            A::Value(value) => self.constant(&value.value, place),
            A::TypedString(of) => self.typed_string(of, place),
            A::Interval(of) => self.interval(of, place),
            A::Cast { kind, expr, data_type, format } => {
                if !matches!(kind, ast::CastKind::Cast | ast::CastKind::DoubleColon)
                    || format.is_some()
                {
                    self.error_help(place, "Postgres has no such cast", "write `CAST(x AS type)`");
                    return None;
                }
                let to = self.data_type(data_type, place);
                if let (ast::Expr::Array(array), Some((SqlType::Array(element), _))) =
                    (expr.as_ref(), &to)
                    && !array.elem.iter().any(|one| matches!(one, A::Array(_)))
                {
                    return self.array_of(&array.elem, element, place);
                }
                let of = self.expr(expr);
                let (to, modifier) = to?;
                self.cast(of?, &to, modifier, place)
            }
            A::UnaryOp { op, expr } => self.unary(*op, expr, place),
            A::BinaryOp { .. } => self.binary(of, place),
            A::IsNull(of) => self.is_null(of, place),
            A::IsNotNull(of) => self.is_null(of, place).map(not),
            A::IsTrue(of) => self.is_true(of, place),
            A::IsNotTrue(of) => self.is_true(of, place).map(not),
            A::IsFalse(of) => self.is_false(of, place),
            A::IsNotFalse(of) => self.is_false(of, place).map(not),
            A::IsUnknown(of) => self.is_unknown(of, place),
            A::IsNotUnknown(of) => self.is_unknown(of, place).map(not),
            A::IsDistinctFrom(a, b) => self.is_distinct(a, b, place),
            A::IsNotDistinctFrom(a, b) => self.is_distinct(a, b, place).map(not),
            A::Between { expr, negated, low, high } => {
                let typed = self.between(expr, low, high, place)?;
                Some(if *negated { not(typed) } else { typed })
            }
            A::InList { expr, list, negated } => {
                let typed = self.in_list(expr, list, place)?;
                Some(if *negated { not(typed) } else { typed })
            }
            A::InSubquery { expr, subquery, negated } => {
                let typed = self.in_query(expr, subquery, place)?;
                Some(if *negated { not(typed) } else { typed })
            }
            A::Like { negated, any, expr, pattern, escape_char } if !any => {
                let typed = self.like(expr, pattern, escape_char.as_deref(), false, place)?;
                Some(if *negated { not(typed) } else { typed })
            }
            A::ILike { negated, any, expr, pattern, escape_char } if !any => {
                let typed = self.like(expr, pattern, escape_char.as_deref(), true, place)?;
                Some(if *negated { not(typed) } else { typed })
            }
            A::Like { negated, expr, pattern, escape_char: None, .. } => {
                self.like_any(expr, pattern, BinaryOperator::PGLikeMatch, *negated, place)
            }
            A::ILike { negated, expr, pattern, escape_char: None, .. } => {
                self.like_any(expr, pattern, BinaryOperator::PGILikeMatch, *negated, place)
            }
            A::AnyOp { left, compare_op, right, .. } => {
                self.quantified(left, compare_op, right, false, place)
            }
            A::AllOp { left, compare_op, right } => {
                self.quantified(left, compare_op, right, true, place)
            }
            A::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), place)
            }
            A::Array(array) => self.array(&array.elem, place),
            A::CompoundFieldAccess { root, access_chain } => {
                self.subscripts(root, access_chain, place)
            }
            A::Function(call) => self.function(call, place),
            A::AtTimeZone { timestamp, time_zone } => {
                self.call("timezone", &[time_zone, timestamp], place)
            }
            A::Extract { field, expr, .. } => self.extract(field, expr, place),
            A::Ceil { expr, field } => self.rounding("ceil", expr, field, place),
            A::Floor { expr, field } => self.rounding("floor", expr, field, place),
            A::Position { expr, r#in } => self.call("position", &[r#in, expr], place),
            A::Substring { expr, substring_from, substring_for, shorthand, .. } => {
                let name = if *shorthand { "substr" } else { "substring" };
                let (from, length) = (substring_from.as_deref(), substring_for.as_deref());
                self.substring(name, expr, from, length, place)
            }
            A::Trim { trim_where, trim_what, expr, trim_characters } => {
                let what = trim_what.as_deref();
                self.trim(trim_where.as_ref(), what, expr, trim_characters.as_deref(), place)
            }
            A::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut args = vec![expr.as_ref(), overlay_what, overlay_from];
                args.extend(overlay_for.as_deref());
                self.call("overlay", &args, place)
            }
            A::Collate { expr, collation } => self.collate(expr, collation, place),
            // `NOT EXISTS` was read as NOT before it.
            A::Exists { subquery, .. } => self.exists(subquery, place),
            A::Subquery(query) => self.scalar_query(query, place),
            A::Tuple(_) => {
                let message = "a row of several values stands only beside `=` or `IN`";
                self.error_help(place, message, "name one value, or compare rows");
                None
            }
            A::SimilarTo { .. } => {
                let message = "`SIMILAR TO` is not supported";
                self.error_help(place, message, "write a regular expression with `~`");
                None
            }
            A::Wildcard(_) | A::QualifiedWildcard(..) => {
                self.error_help(place, "`*` is no value", "name a column");
                None
            }
            _ => {
                let message = "this form of expression is not supported";
                let help = "the page on expressions in the manual says which are";
                self.error_help(place, message, help);
                None
            }
        }
    }

    /// The parts of a name, folded as Postgres folds them.
    pub fn parts(idents: &[ast::Ident]) -> Vec<String> {
        idents.iter().map(ident).collect()
    }

    fn column(&mut self, of: &ast::Expr, place: Place) -> Option<Typed> {
        let parts = match of {
            ast::Expr::Identifier(one) => {
                if one.quote_style.is_none()
                    && let Some(Reason { why, cure }) = refused::by_name(&ident(one))
                    && scope::find(&self.scopes, &[ident(one)]).is_err()
                {
                    let message = format!("`{}` is not supported: {why}", one.value);
                    self.error_help(place, message, cure);
                    return None;
                }
                vec![ident(one)]
            }
            ast::Expr::CompoundIdentifier(several) => Self::parts(several),
            _ => return None,
        };
        match scope::find(&self.scopes, &parts) {
            Ok(scope::Found { level, relation, column, ty }) => {
                let entered = (self.scopes.len() - self.ground.scopes.len()) as u16;
                if let Some(level) = level.checked_sub(entered) {
                    let name = Outward { place, level, relation, column: column.clone() };
                    self.marks.outward.push(name);
                }
                let source = Source::Column { level, relation, column };
                let expr = self.input(source, ty.clone(), place);
                Some(Typed { expr, ty, untyped: false, place })
            }
            Err(scope::Lost { message, help }) => {
                let error = Diagnostic::error(place, message);
                let quoted = match of {
                    ast::Expr::Identifier(one) if one.quote_style.is_some() => Some(&one.value),
                    _ => None,
                };
                self.found.push(match (quoted, help) {
                    (Some(text), _) => error.help(format!("a text is written '{text}'")),
                    (None, Some(help)) => error.help(help),
                    (None, None) => error,
                });
                None
            }
        }
    }

    /// Brings a value to a type that it has an implicit cast to, or an untyped one.
    pub fn give(&mut self, of: Typed, to: &SqlType) -> Option<Typed> {
        let Typed { expr, ty, untyped, place } = of;
        if !to.is_known() || coerce::same(&ty, to) || (!untyped && !ty.is_known()) {
            return Some(Typed { expr, ty, untyped: false, place });
        }
        if untyped {
            let Expr::Literal(text, _) = expr else { return None };
            let expr = match text {
                None => Expr::Literal(None, to.clone()),
                Some(text) => self.literal(&text, to, place)?,
            };
            return Some(Typed { expr, ty: to.clone(), untyped: false, place });
        }
        let expr = Expr::Cast { of: Box::new(expr), from: ty, to: to.clone(), modifier: None };
        Some(Typed { expr, ty: to.clone(), untyped: false, place })
    }

    /// A text in quotes as a constant of a type. What has no canonical form here is cast by
    /// evaluation.
    fn literal(&mut self, text: &str, to: &SqlType, place: Place) -> Option<Expr> {
        if matches!(to, SqlType::Array(_)) && !text.trim_start().starts_with(['{', '[']) {
            let message = format!("`{text}` is not a value of type {to}");
            self.error_help(place, message, "an array in quotes is written `'{a,b}'`");
            return None;
        }
        match canonical(to, text) {
            Err(message) => {
                self.error(place, message);
                None
            }
            Ok(text) => Some(match to {
                SqlType::Interval | SqlType::Array(_) | SqlType::Jsonb => Expr::Cast {
                    of: Box::new(Expr::Literal(Some(text), SqlType::Text)),
                    from: SqlType::Text,
                    to: to.clone(),
                    modifier: None,
                },
                to => Expr::Literal(Some(text), to.clone()),
            }),
        }
    }

    /// A cast that was written.
    pub fn cast(
        &mut self,
        of: Typed,
        to: &SqlType,
        modifier: Option<Modifier>,
        place: Place,
    ) -> Option<Typed> {
        let known = of.ty.is_known();
        if !of.untyped && known && !coerce::explicit(&of.ty, to) {
            let message = format!("{} cannot be cast to {to}", shown(&of.ty));
            self.error(place, message);
            return None;
        }
        let given = match of.untyped {
            true => self.give(of, to)?,
            false if coerce::same(&of.ty, to) => of,
            false => {
                let (of, from) = (Box::new(of.expr), of.ty);
                let expr = Expr::Cast { of, from, to: to.clone(), modifier };
                return Some(Typed { expr, ty: to.clone(), untyped: false, place });
            }
        };
        let expr = match modifier {
            None => given.expr,
            modifier => {
                Expr::Cast { of: Box::new(given.expr), from: given.ty, to: to.clone(), modifier }
            }
        };
        Some(Typed { expr, ty: to.clone(), untyped: false, place })
    }
}

/// A name as Postgres folds it.
pub(super) fn ident(of: &ast::Ident) -> String {
    match of.quote_style {
        None => of.value.to_lowercase(),
        Some(_) => of.value.clone(),
    }
}

/// A truth value.
pub(super) fn truth(expr: Expr, place: Place) -> Typed {
    Typed { expr, ty: SqlType::Bool, untyped: false, place }
}

/// The opposite.
pub(super) fn not(of: Typed) -> Typed {
    Typed { expr: Expr::Not(Box::new(of.expr)), ..of }
}

/// A type in a sentence.
pub(super) fn shown(ty: &SqlType) -> String {
    match ty {
        SqlType::Unknown => "of a type not known yet".into(),
        SqlType::Enum(_) => ty.to_string(),
        ty => format!("of type {ty}"),
    }
}
