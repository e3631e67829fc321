//! Expressions compiled once per plan and evaluated for each row.
//!
//! Columns become positions, literals become bytes that compare with what a row holds, and each
//! comparison settles how it compares. Texts and the equality of enums go by what Postgres printed;
//! the rest is encoded by [`order`](crate::order) into buffers that are used again.
//!
//! Truth has three values, NULL being `None`. A value that cannot be encoded by the class it is
//! compared by makes the comparison NULL: there is no document to blame for it in a filter. A
//! column the stream did not repeat counts as NULL; stored rows have none.

mod like;
mod operand;

use std::cmp::Ordering;
use std::ops::Range;

use flusso_compiler::expr::{Comparison, Expr};
use flusso_compiler::plan::ColumnId;
use flusso_compiler::sql::functions::{Function, Text};
use flusso_compiler::types::Class;

use self::like::Pattern;
use self::operand::{Means, Operand};
use crate::order::{lower, trim_blanks};
use crate::row::Datum;

/// A compiled expression.
#[derive(Debug)]
pub struct Program(Scalar);

/// Buffers that evaluation uses again; one per worker is enough.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Text made by functions. Only `lower` makes any, so all of it is in lower case.
    made: Vec<u8>,
    /// Encodings.
    keys: Vec<u8>,
}

/// What an expression gives as text.
#[derive(Debug)]
enum Scalar {
    Column(usize),
    Literal(Box<[u8]>),
    Null,
    Lower(Box<Scalar>),
    Trim(Box<Scalar>),
    Coalesce(Vec<Scalar>),
    Truth(Box<Truth>),
}

/// What an expression gives as truth.
#[derive(Debug)]
enum Truth {
    /// A boolean in text.
    Of(Scalar),
    Compare(Comparison, Means, Operand, Operand),
    In {
        of: Operand,
        means: Means,
        /// Sorted, comparable.
        constants: Vec<Box<[u8]>>,
        /// The members that vary by row.
        others: Vec<Operand>,
        /// Whether a member is NULL in each row.
        null: bool,
    },
    Like(Scalar, Pattern),
    IsNull(Scalar),
    IsTrue(Box<Truth>),
    And(Vec<Truth>),
    Or(Vec<Truth>),
    Not(Box<Truth>),
}

/// Where a value stands.
#[derive(Clone, Debug)]
enum Piece<'a> {
    /// In the row or the program.
    Text(&'a [u8]),
    /// In [`Scratch::made`].
    Made(Range<usize>),
    /// In [`Scratch::keys`].
    Key(Range<usize>),
}

impl Program {
    /// Compiles an expression for rows in which each column stands at its `position`.
    pub fn new(expr: &Expr, position: &dyn Fn(ColumnId) -> usize) -> Self {
        Program(Scalar::new(expr, position))
    }

    /// Whether the expression is true of a row; none is NULL.
    pub fn truth(&self, row: &[Datum<'_>], scratch: &mut Scratch) -> Option<bool> {
        scratch.clear();
        self.0.truth(row, scratch)
    }

    /// The value of the expression in a row, never [`Datum::Unchanged`].
    pub fn value<'a>(&'a self, row: &[Datum<'a>], scratch: &'a mut Scratch) -> Datum<'a> {
        scratch.clear();
        match self.0.value(row, scratch) {
            None => Datum::Null,
            Some(piece) => Datum::Text(piece.bytes(scratch)),
        }
    }
}

impl Scratch {
    fn clear(&mut self) {
        self.made.clear();
        self.keys.clear();
    }
}

impl<'a> Piece<'a> {
    fn bytes(self, scratch: &'a Scratch) -> &'a [u8] {
        match self {
            Piece::Text(text) => text,
            Piece::Made(range) => &scratch.made[range],
            Piece::Key(range) => &scratch.keys[range],
        }
    }
}

impl Scalar {
    fn new(expr: &Expr, position: &dyn Fn(ColumnId) -> usize) -> Self {
        let argument = |args: &[Expr]| {
            // Functions of one argument without it are NULL, as typing lets none through.
            Box::new(args.first().map_or(Scalar::Null, |arg| Scalar::new(arg, position)))
        };
        match expr {
            Expr::Column(column) => Scalar::Column(position(*column)),
            Expr::Literal(Some(text), _) => Scalar::Literal(text.as_bytes().into()),
            Expr::Literal(None, _) => Scalar::Null,
            Expr::Call { function: Function::Text(Text::Lower), args, .. } => {
                Scalar::Lower(argument(args))
            }
            Expr::Call { function: Function::Text(Text::Trim), args, .. } => {
                Scalar::Trim(argument(args))
            }
            Expr::Coalesce(args) => {
                Scalar::Coalesce(args.iter().map(|arg| Scalar::new(arg, position)).collect())
            }
            Expr::Compare(..)
            | Expr::In(..)
            | Expr::Like { .. }
            | Expr::IsNull(_)
            | Expr::IsTrue(_)
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_) => Scalar::Truth(Box::new(Truth::new(expr, position))),
            other => unreachable!("no words of a schema file say {other:?}"),
        }
    }

    fn value<'a>(&'a self, row: &[Datum<'a>], scratch: &mut Scratch) -> Option<Piece<'a>> {
        match self {
            Scalar::Column(position) => match row.get(*position) {
                Some(Datum::Text(text)) => Some(Piece::Text(text)),
                _ => None,
            },
            Scalar::Literal(text) => Some(Piece::Text(text)),
            Scalar::Null => None,
            Scalar::Lower(of) => Some(match of.value(row, scratch)? {
                Piece::Text(text) => {
                    let start = scratch.made.len();
                    lower(text, &mut scratch.made);
                    Piece::Made(start..scratch.made.len())
                }
                made => made,
            }),
            Scalar::Trim(of) => Some(match of.value(row, scratch)? {
                Piece::Text(text) => {
                    let text = trim_blanks(text);
                    Piece::Text(&text[blanks_before(text)..])
                }
                Piece::Made(range) => {
                    let text = trim_blanks(&scratch.made[range.clone()]);
                    Piece::Made(range.start + blanks_before(text)..range.start + text.len())
                }
                key => key,
            }),
            Scalar::Coalesce(of) => of.iter().find_map(|one| one.value(row, scratch)),
            Scalar::Truth(truth) => {
                let text: &[u8] = if truth.truth(row, scratch)? { b"t" } else { b"f" };
                Some(Piece::Text(text))
            }
        }
    }

    fn truth(&self, row: &[Datum<'_>], scratch: &mut Scratch) -> Option<bool> {
        match self {
            Scalar::Truth(truth) => truth.truth(row, scratch),
            _ => match self.value(row, scratch)?.bytes(scratch) {
                b"t" | b"true" => Some(true),
                b"f" | b"false" => Some(false),
                _ => None,
            },
        }
    }
}

impl Truth {
    fn new(expr: &Expr, position: &dyn Fn(ColumnId) -> usize) -> Self {
        let all = |parts: &[Expr]| parts.iter().map(|part| Truth::new(part, position)).collect();
        let operand = |expr: &Expr, means: &Means| Operand::new(Scalar::new(expr, position), means);
        match expr {
            Expr::Compare(comparison, left, right, class) => {
                let equality = matches!(comparison, Comparison::Eq | Comparison::Ne);
                let means = Means::new(class, equality);
                let (left, right) = (operand(left, &means), operand(right, &means));
                Truth::Compare(*comparison, means, left, right)
            }
            Expr::In(of, list, class) => Truth::r#in(of, list, class, position),
            Expr::Like { of, pattern, fold, escape: _ } => {
                let Expr::Literal(Some(pattern), _) = pattern.as_ref() else {
                    unreachable!("the pattern of a filter is a constant")
                };
                if !fold {
                    return Truth::Like(Scalar::new(of, position), Pattern::new(pattern));
                }
                // As in Postgres: both sides in lower case.
                let mut lowered = Vec::new();
                lower(pattern.as_bytes(), &mut lowered);
                let of = Scalar::Lower(Box::new(Scalar::new(of, position)));
                Truth::Like(of, Pattern::new(&String::from_utf8_lossy(&lowered)))
            }
            Expr::IsNull(of) => Truth::IsNull(Scalar::new(of, position)),
            Expr::IsTrue(of) => Truth::IsTrue(Box::new(Truth::new(of, position))),
            Expr::And(parts) => Truth::And(all(parts)),
            Expr::Or(parts) => Truth::Or(all(parts)),
            Expr::Not(of) => Truth::Not(Box::new(Truth::new(of, position))),
            other => Truth::Of(Scalar::new(other, position)),
        }
    }

    fn r#in(of: &Expr, list: &[Expr], class: &Class, position: &dyn Fn(ColumnId) -> usize) -> Self {
        let means = Means::new(class, true);
        let mut constants = Vec::new();
        let mut others = Vec::new();
        let mut null = false;
        for member in list {
            match Operand::new(Scalar::new(member, position), &means) {
                Operand::Constant(Some(bytes)) => constants.push(bytes),
                Operand::Constant(None) => null = true,
                varying => others.push(varying),
            }
        }
        constants.sort();
        let of = Operand::new(Scalar::new(of, position), &means);
        Truth::In { of, means, constants, others, null }
    }

    fn truth(&self, row: &[Datum<'_>], scratch: &mut Scratch) -> Option<bool> {
        match self {
            Truth::Of(scalar) => scalar.truth(row, scratch),
            Truth::Compare(comparison, means, left, right) => {
                let left = left.value(means, row, scratch)?;
                let right = right.value(means, row, scratch)?;
                Some(holds(*comparison, left.bytes(scratch), right.bytes(scratch)))
            }
            Truth::In { of, means, constants, others, null } => {
                if constants.is_empty() && others.is_empty() && !null {
                    return Some(false);
                }
                let of = of.value(means, row, scratch)?;
                let bytes = of.clone().bytes(scratch);
                if constants.binary_search_by(|constant| constant.as_ref().cmp(bytes)).is_ok() {
                    return Some(true);
                }
                let mut null = *null;
                for other in others {
                    match other.value(means, row, scratch) {
                        None => null = true,
                        Some(other)
                            if other.clone().bytes(scratch) == of.clone().bytes(scratch) =>
                        {
                            return Some(true);
                        }
                        Some(_) => {}
                    }
                }
                (!null).then_some(false)
            }
            Truth::Like(of, pattern) => {
                let of = of.value(row, scratch)?;
                Some(pattern.matches(of.bytes(scratch)))
            }
            Truth::IsNull(of) => Some(of.value(row, scratch).is_none()),
            Truth::IsTrue(of) => Some(of.truth(row, scratch) == Some(true)),
            Truth::And(parts) => settle(parts, false, row, scratch),
            Truth::Or(parts) => settle(parts, true, row, scratch),
            Truth::Not(of) => of.truth(row, scratch).map(|truth| !truth),
        }
    }
}

/// The first part that is `decisive` settles the whole; else a NULL leaves it NULL.
fn settle(
    parts: &[Truth],
    decisive: bool,
    row: &[Datum<'_>],
    scratch: &mut Scratch,
) -> Option<bool> {
    let mut whole = Some(!decisive);
    for part in parts {
        match part.truth(row, scratch) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => whole = None,
        }
    }
    whole
}

fn holds(comparison: Comparison, left: &[u8], right: &[u8]) -> bool {
    match comparison {
        Comparison::Eq => left == right,
        Comparison::Ne => left != right,
        Comparison::Lt => left.cmp(right) == Ordering::Less,
        Comparison::Le => left.cmp(right) != Ordering::Greater,
        Comparison::Gt => left.cmp(right) == Ordering::Greater,
        Comparison::Ge => left.cmp(right) != Ordering::Less,
    }
}

fn blanks_before(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b' ').count()
}

#[cfg(test)]
mod tests;
