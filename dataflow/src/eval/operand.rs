//! One side of a comparison: a constant made comparable when the program was, or a value made so
//! for each row.

use flusso_compiler::types::Class;

use super::{Piece, Scalar, Scratch};
use crate::order::{encode, trim_blanks};
use crate::row::Datum;

/// How the two sides of a comparison become bytes that compare.
#[derive(Debug)]
pub(super) enum Means {
    /// As they are.
    Same,
    /// Without the blanks at the end.
    Trimmed,
    /// Encoded.
    Encoded(Class),
}

/// One side of a comparison.
#[derive(Debug)]
pub(super) enum Operand {
    /// Comparable already; none is NULL or no value of its class.
    Constant(Option<Box<[u8]>>),
    /// To be made comparable.
    Varying(Scalar),
}

impl Means {
    /// The cheapest means for a class, with less to ask of it where only equality is wanted.
    pub(super) fn new(class: &Class, equality: bool) -> Self {
        match class {
            Class::Text | Class::Opaque => Means::Same,
            Class::Bpchar => Means::Trimmed,
            Class::Enum(_) if equality => Means::Same,
            class => Means::Encoded(class.clone()),
        }
    }
}

impl Operand {
    pub(super) fn new(scalar: Scalar, means: &Means) -> Self {
        match scalar {
            Scalar::Literal(text) => Operand::Constant(match means {
                Means::Same => Some(text),
                Means::Trimmed => Some(trim_blanks(&text).into()),
                Means::Encoded(class) => {
                    let mut key = Vec::new();
                    encode(class, &text, &mut key).is_ok().then(|| key.into())
                }
            }),
            Scalar::Null => Operand::Constant(None),
            varying => Operand::Varying(varying),
        }
    }

    /// The comparable bytes; none is NULL.
    pub(super) fn value<'a>(
        &'a self,
        means: &Means,
        row: &[Datum<'a>],
        scratch: &mut Scratch,
    ) -> Option<Piece<'a>> {
        let scalar = match self {
            Operand::Constant(bytes) => return bytes.as_deref().map(Piece::Text),
            Operand::Varying(scalar) => scalar,
        };
        let piece = scalar.value(row, scratch)?;
        let Scratch { made, keys } = scratch;
        let text = match &piece {
            Piece::Text(text) => text,
            Piece::Made(range) => &made[range.clone()],
            Piece::Key(_) => return Some(piece),
        };
        match means {
            Means::Same => Some(piece),
            Means::Trimmed => {
                let length = trim_blanks(text).len();
                Some(match piece {
                    Piece::Made(range) => Piece::Made(range.start..range.start + length),
                    Piece::Text(text) => Piece::Text(&text[..length]),
                    key => key,
                })
            }
            Means::Encoded(class) => {
                let start = keys.len();
                encode(class, text, keys).ok()?;
                Some(Piece::Key(start..keys.len()))
            }
        }
    }
}
