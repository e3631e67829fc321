//! One value over the rows of a block, computed when the document is assembled.
//!
//! What is kept as a number goes by `tally`; here are the functions that need the rows themselves,
//! and those over junctions. NULLs are left out, but by `array_agg`, as Postgres has it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use flusso_compiler::expr::OnFailure;
use flusso_compiler::plan::AggregateFunction;
use flusso_compiler::types::{Class, Render, SqlType};
use smallvec::SmallVec;

use crate::assemble::Found;
use crate::eval::Scratch;
use crate::row::Datum;
use crate::shape::Of;
use crate::{json, order, tally};

/// Which function, and of values of which kind.
pub struct Over<'a> {
    /// The function.
    pub function: AggregateFunction,
    /// How the values compare.
    pub class: &'a Class,
    /// Their type.
    pub ty: &'a SqlType,
    /// Their JSON.
    pub render: &'a Render,
    /// Between the texts of `string_agg`.
    pub separator: &'a [u8],
}

/// The values of the rows, in their order; none is NULL. Of rows that are only counted all are.
pub struct Values<'a>(SmallVec<[Option<Cow<'a, [u8]>>; 8]>);

impl<'a> Values<'a> {
    /// Takes them from rows that were found.
    pub fn of(rows: &[Found<'a>], of: Option<&Of>, scratch: &mut Scratch) -> Values<'a> {
        let value = |found: &Found<'a>| match of {
            None => None,
            Some(Of::Column(position)) => text(found.row[*position]).map(Cow::Borrowed),
            Some(Of::Value(program)) => {
                let value = program.field(&found.row, OnFailure::Null, scratch);
                text(value).map(|text| Cow::Owned(text.to_vec()))
            }
        };
        Values(rows.iter().map(value).collect())
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flatten().map(|text| &**text)
    }
}

fn text(datum: Datum<'_>) -> Option<&[u8]> {
    match datum {
        Datum::Text(text) => Some(text),
        Datum::Null | Datum::Unchanged => None,
    }
}

/// Writes the function of the values as JSON.
pub fn write(over: &Over<'_>, values: &Values<'_>, out: &mut Vec<u8>) {
    let Over { function, class, ty, render, separator } = over;
    let encoded = |text: &&[u8]| {
        let mut key = Vec::new();
        order::encode(class, text, &mut key).map(|()| key).ok()
    };
    let one = match function {
        AggregateFunction::Min => values.texts().min_by_key(encoded),
        AggregateFunction::Max => values.texts().max_by_key(encoded),
        AggregateFunction::Ids => return array(values.texts().map(Some), render, out),
        AggregateFunction::ArrayAgg => {
            return array(values.0.iter().map(Option::as_deref), render, out);
        }
        AggregateFunction::Count => return number(values.0.len(), out),
        AggregateFunction::CountDistinct => {
            let different: BTreeSet<_> = values.texts().map(|text| encoded(&text)).collect();
            return number(different.len(), out);
        }
        AggregateFunction::Sum | AggregateFunction::Avg => {
            let sum = tally::over(values.texts(), ty);
            return tally::finish(sum.as_ref(), 0, *function, ty, out);
        }
        AggregateFunction::BoolAnd => decided(values, b"f"),
        AggregateFunction::BoolOr => decided(values, b"t"),
        AggregateFunction::StringAgg => {
            let texts: Vec<&[u8]> = values.texts().collect();
            return match texts.is_empty() {
                true => out.extend_from_slice(b"null"),
                false => json::write(&Render::Text, &texts.join(*separator), out),
            };
        }
    };
    json::datum(render, one.map_or(Datum::Null, Datum::Text), out);
}

/// The value that settles it, if there is one, else any other.
fn decided<'v>(values: &'v Values<'_>, settles: &[u8]) -> Option<&'v [u8]> {
    values.texts().find(|text| *text == settles).or_else(|| values.texts().next())
}

fn number(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(count.to_string().as_bytes());
}

fn array<'v>(values: impl Iterator<Item = Option<&'v [u8]>>, render: &Render, out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, value) in values.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        json::datum(render, value.map_or(Datum::Null, Datum::Text), out);
    }
    out.push(b']');
}
