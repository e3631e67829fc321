//! One tree for every expression: filters, transforms, defaults and soft deletes today, SQL
//! wherever words end tomorrow.
//!
//! An expression is evaluated over one row of one table. Values are Postgres' own text; truth has
//! three values. Comparisons carry the [`Class`] both sides are compared by, chosen when the
//! expression was typed, so that evaluation never looks at a type.

use serde::Serialize;

use crate::plan::ColumnId;
use crate::types::{Class, SqlType};

/// An expression over the columns of one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// A column of the table in scope.
    Column(ColumnId),
    /// A constant in the text form Postgres prints for its type; none is NULL.
    Literal(Option<String>, SqlType),
    /// `left op right`; NULL when either side is.
    Compare(Comparison, Box<Expr>, Box<Expr>, Class),
    /// `of IN (list)`, with SQL's NULLs.
    In(Box<Expr>, Vec<Expr>, Class),
    /// `of LIKE pattern` (`ILIKE` when `fold`), escape character `\`.
    Like {
        /// The text matched.
        of: Box<Expr>,
        /// The pattern, `%` and `_` special.
        pattern: String,
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
    /// A function of its arguments.
    Call(Function, Vec<Expr>),
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

/// The functions, each with Postgres' meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `lower(text)`.
    Lower,
    /// `trim(text)`: blanks only, both ends.
    Trim,
    /// `coalesce(…)`: the first that is not NULL.
    Coalesce,
}
