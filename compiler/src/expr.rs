//! One tree for every expression: filters, transforms, defaults, soft deletes, and SQL wherever
//! words end.
//!
//! An expression is evaluated over one row. What the row is, whoever holds the expression says:
//! the columns of a table, or the [inputs](crate::sql::block::Input) of a block, where the value of
//! a subquery is one more input. Values are Postgres' own text; truth has three values.
//!
//! Typing has left nothing to decide: every implicit cast is written out, both sides of a
//! comparison and all branches of a choice have one type, each call names the one overload that
//! Postgres would take, and comparisons carry the [`Class`] they go by.

use serde::Serialize;

use crate::plan::ColumnId;
use crate::sql::functions::Function;
use crate::types::{Class, SqlType};

/// An expression over the columns of one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// A column of the row in scope.
    Column(ColumnId),
    /// A constant in the text form Postgres prints for its type; none is NULL.
    Literal(Option<String>, SqlType),
    /// `left op right`; NULL when either side is.
    Compare(Comparison, Box<Expr>, Box<Expr>, Class),
    /// `left IS DISTINCT FROM right`; never NULL itself.
    IsDistinct(Box<Expr>, Box<Expr>, Class),
    /// `of IN (list)`, with SQL's NULLs.
    In(Box<Expr>, Vec<Expr>, Class),
    /// `of op ANY (array)`, `of op ALL (array)`, with SQL's NULLs.
    Quantified {
        /// The left side.
        of: Box<Expr>,
        /// Compared how.
        op: Comparison,
        /// An array whose elements are of the type of `of`.
        array: Box<Expr>,
        /// `ALL` instead of `ANY`.
        all: bool,
        /// The class of the elements.
        class: Class,
    },
    /// `of LIKE pattern` (`ILIKE` when `fold`).
    Like {
        /// The text matched.
        of: Box<Expr>,
        /// The pattern, `%` and `_` special.
        pattern: Box<Expr>,
        /// The character that takes `%`, `_` and itself their meaning; none with `ESCAPE ''`.
        escape: Option<char>,
        /// Without regard to case.
        fold: bool,
    },
    /// `of IS NULL`; never NULL itself.
    IsNull(Box<Expr>),
    /// `of IS TRUE`; never NULL itself.
    IsTrue(Box<Expr>),
    /// Three-valued conjunction; true when empty.
    And(Vec<Expr>),
    /// Three-valued disjunction; false when empty.
    Or(Vec<Expr>),
    /// Three-valued negation.
    Not(Box<Expr>),
    /// `of::to`, written or implicit. An error when the value has no such form.
    Cast {
        /// What is cast.
        of: Box<Expr>,
        /// Its type.
        from: SqlType,
        /// The type asked for.
        to: SqlType,
        /// How the value is made to fit a declared size; as in an explicit cast, a text too long is
        /// cut, a number too large is an error.
        modifier: Option<Modifier>,
    },
    /// The value beside the first condition that is true. The short form is written out.
    Case {
        /// Conditions and values, in order.
        branches: Vec<(Expr, Expr)>,
        /// The value when none is true; NULL without.
        otherwise: Option<Box<Expr>>,
    },
    /// The first that is not NULL; those after it are not evaluated.
    Coalesce(Vec<Expr>),
    /// The first, or NULL when both are equal.
    NullIf(Box<Expr>, Box<Expr>, Class),
    /// The greatest that is not NULL.
    Greatest(Vec<Expr>, Class),
    /// The least that is not NULL.
    Least(Vec<Expr>, Class),
    /// `ARRAY[…]` with elements of the type; of arrays when the type is one.
    Array(Vec<Expr>, SqlType),
    /// A function or operator of its arguments, which are exactly of the types it takes.
    Call {
        /// Which.
        function: Function,
        /// Its arguments.
        args: Vec<Expr>,
        /// The type of the result; says what a polymorphic signature leaves open.
        ty: SqlType,
    },
}

/// What becomes of a document in which an expression has no value: where Postgres would refuse the
/// statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The field is null.
    #[default]
    Null,
    /// The document is left out as long as it lasts.
    Skip,
}

/// The comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// The declared size a value is made to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Modifier {
    /// `numeric(precision, scale)`: rounded half away from zero, an error beyond the precision.
    Numeric {
        /// Digits in all, 1 to 1000.
        precision: u16,
        /// Digits after the point, −1000 to 1000.
        scale: i16,
    },
    /// `varchar(n)` and `char(n)`: characters.
    Length(u32),
    /// `timestamp(p)`, `time(p)`, `interval(p)`: digits of a second, 0 to 6.
    Fraction(u8),
}

impl Comparison {
    /// As SQL writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::Ne => "<>",
            Comparison::Lt => "<",
            Comparison::Le => "<=",
            Comparison::Gt => ">",
            Comparison::Ge => ">=",
        }
    }

    /// The one that holds with the sides exchanged.
    pub fn flipped(self) -> Comparison {
        match self {
            Comparison::Eq | Comparison::Ne => self,
            Comparison::Lt => Comparison::Gt,
            Comparison::Le => Comparison::Ge,
            Comparison::Gt => Comparison::Lt,
            Comparison::Ge => Comparison::Le,
        }
    }
}

impl Expr {
    /// Its type, given those of the columns.
    pub fn ty(&self, column: &dyn Fn(ColumnId) -> SqlType) -> SqlType {
        let first = |list: &[Expr]| list.first().map_or(SqlType::Unknown, |one| one.ty(column));
        match self {
            Expr::Column(id) => column(*id),
            Expr::Literal(_, ty) => ty.clone(),
            Expr::Compare(..)
            | Expr::IsDistinct(..)
            | Expr::In(..)
            | Expr::Quantified { .. }
            | Expr::Like { .. }
            | Expr::IsNull(_)
            | Expr::IsTrue(_)
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_) => SqlType::Bool,
            Expr::Cast { to, .. } => to.clone(),
            Expr::Case { branches, otherwise } => match (branches.first(), otherwise) {
                (Some((_, value)), _) => value.ty(column),
                (None, Some(value)) => value.ty(column),
                (None, None) => SqlType::Unknown,
            },
            Expr::Coalesce(list) | Expr::Greatest(list, _) | Expr::Least(list, _) => first(list),
            Expr::NullIf(of, _, _) => of.ty(column),
            // One array type serves all dimensions.
            Expr::Array(_, array @ SqlType::Array(_)) => array.clone(),
            Expr::Array(_, element) => SqlType::Array(Box::new(element.clone())),
            Expr::Call { ty, .. } => ty.clone(),
        }
    }

    /// Puts other columns in the place of those it reads.
    pub fn rename(&mut self, to: &dyn Fn(ColumnId) -> ColumnId) {
        if let Expr::Column(id) = self {
            *id = to(*id);
        }
        self.parts_mut().into_iter().for_each(|part| part.rename(to));
    }

    /// The expressions it is made of, in the order they are written.
    pub fn parts_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Expr::Column(_) | Expr::Literal(..) => Vec::new(),
            Expr::Compare(_, left, right, _)
            | Expr::IsDistinct(left, right, _)
            | Expr::NullIf(left, right, _) => vec![left, right],
            Expr::In(of, list, _) => std::iter::once(of.as_mut()).chain(list).collect(),
            Expr::Quantified { of, array, .. } => vec![of, array],
            Expr::Like { of, pattern, .. } => vec![of, pattern],
            Expr::IsNull(of) | Expr::IsTrue(of) | Expr::Not(of) | Expr::Cast { of, .. } => {
                vec![of]
            }
            Expr::Case { branches, otherwise } => {
                let branches = branches.iter_mut().flat_map(|(when, then)| [when, then]);
                branches.chain(otherwise.as_deref_mut()).collect()
            }
            Expr::And(list)
            | Expr::Or(list)
            | Expr::Coalesce(list)
            | Expr::Greatest(list, _)
            | Expr::Least(list, _)
            | Expr::Array(list, _)
            | Expr::Call { args: list, .. } => list.iter_mut().collect(),
        }
    }

    /// The expressions it is made of, in the order they are written.
    pub fn parts(&self) -> Vec<&Expr> {
        match self {
            Expr::Column(_) | Expr::Literal(..) => Vec::new(),
            Expr::Compare(_, left, right, _)
            | Expr::IsDistinct(left, right, _)
            | Expr::NullIf(left, right, _) => vec![left, right],
            Expr::In(of, list, _) => std::iter::once(of.as_ref()).chain(list).collect(),
            Expr::Quantified { of, array, .. } => vec![of, array],
            Expr::Like { of, pattern, .. } => vec![of, pattern],
            Expr::IsNull(of) | Expr::IsTrue(of) | Expr::Not(of) | Expr::Cast { of, .. } => {
                vec![of]
            }
            Expr::Case { branches, otherwise } => {
                let branches = branches.iter().flat_map(|(when, then)| [when, then]);
                branches.chain(otherwise.as_deref()).collect()
            }
            Expr::And(list)
            | Expr::Or(list)
            | Expr::Coalesce(list)
            | Expr::Greatest(list, _)
            | Expr::Least(list, _)
            | Expr::Array(list, _)
            | Expr::Call { args: list, .. } => list.iter().collect(),
        }
    }
}
