//! The rows of a query: from relation to relation by key, then sorted, cut and given their outputs.

use std::collections::BTreeSet;

use flusso_compiler::types::Class;
use smallvec::SmallVec;

use super::group;
use super::{Asking, Asks, Distinct, Found, Frame, Ground, Query, Relation, Rows, filled};
use crate::eval::{EvalError, Scratch, elements};
use crate::order;
use crate::row::{self, Columns, Datum};
use crate::value::{Parts, split};

/// A row of all relations at once.
#[derive(Clone)]
pub struct Tuple<'a> {
    /// The inputs of the query.
    pub inputs: Vec<Datum<'a>>,
    /// The rows themselves, by relation.
    pub rows: SmallVec<[Columns<'a>; 2]>,
    /// By which rows that are alike otherwise are told apart, by relation.
    pub unique: SmallVec<[&'a [u8]; 2]>,
}

impl<'a> Tuple<'a> {
    /// Does something with the frame of these rows.
    pub fn within<T>(
        &mut self,
        around: &Frame<'_, 'a>,
        run: impl FnOnce(&mut [Datum<'a>], &Frame<'_, 'a>) -> T,
    ) -> T {
        let rows: SmallVec<[&[Datum<'a>]; 4]> =
            self.rows.iter().map(|row| row.as_slice()).collect();
        run(&mut self.inputs, &Frame { rows: &rows, outer: Some(around) })
    }
}

/// A row of the result: what it is sorted by, and its outputs.
struct Shown<'a> {
    sorted: Vec<u8>,
    unique: SmallVec<[&'a [u8]; 2]>,
    distinct: Vec<u8>,
    outputs: Vec<Datum<'a>>,
}

impl Query {
    /// What is asked of its rows; `inputs` and `queries` are those around it.
    pub(super) fn answer<'a>(
        &self,
        inputs: &mut [Datum<'a>],
        queries: &[Query],
        frame: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Datum<'a>, EvalError> {
        if let (Asks::Exists, Found::Tallied { .. }) = (&self.asks, &self.found) {
            let own = filled(&self.inputs, frame);
            return Ok(truth(Some(group::counted(self, &own, ground))));
        }
        // The left sides first: they stand outside.
        let mut left = Vec::new();
        if let Asks::Quantified { of, .. } = &self.asks {
            for side in of {
                left.push(side.value(inputs, queries, frame, ground, scratch)?);
            }
        }
        let rows = self.rows(frame, ground, scratch)?;
        match &self.asks {
            Asks::Exists => Ok(truth(Some(!rows.is_empty()))),
            Asks::Value => match rows.as_slice() {
                [] => Ok(Datum::Null),
                [row] => Ok(row.first().copied().unwrap_or(Datum::Null)),
                _ => {
                    let message = "more than one row returned by a subquery used as an expression";
                    Err(EvalError::new("21000", message))
                }
            },
            Asks::Array { nested } => {
                let elements = rows.iter().map(|row| row.first().copied().unwrap_or(Datum::Null));
                Ok(Datum::Text(elements::array(elements, *nested, ground.bump)))
            }
            Asks::Quantified { compare, all, .. } => {
                let mut unknown = false;
                for row in &rows {
                    let both: Vec<Datum<'a>> = left.iter().chain(row).copied().collect();
                    match compare.truth(&both, scratch)? {
                        Some(true) if !all => return Ok(truth(Some(true))),
                        Some(false) if *all => return Ok(truth(Some(false))),
                        None => unknown = true,
                        Some(_) => {}
                    }
                }
                Ok(truth((!unknown).then_some(*all)))
            }
        }
    }

    /// Its rows as they are shown: those of its relations, or its outputs as one.
    pub(super) fn shown<'a>(
        &self,
        around: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Vec<SmallVec<[Columns<'a>; 2]>>, EvalError> {
        if !self.outputs.is_empty() {
            let rows = self.rows(around, ground, scratch)?;
            let row = |outputs: Vec<Datum<'a>>| SmallVec::from_iter([Columns::from_vec(outputs)]);
            return Ok(rows.into_iter().map(row).collect());
        }
        let mut found = Vec::new();
        for mut tuple in self.tuples(around, ground, scratch)? {
            let sorted = self.result(&mut tuple, around, ground, scratch)?.sorted;
            found.push((sorted, tuple));
        }
        if self.enough == usize::MAX {
            found.sort_by(|a, b| (&a.0, &a.1.unique).cmp(&(&b.0, &b.1.unique)));
        }
        let shown = found.into_iter().skip(self.offset).take(self.limit);
        Ok(shown.map(|(_, tuple)| tuple.rows).collect())
    }

    /// The outputs of its rows, in order.
    fn rows<'a>(
        &self,
        around: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Vec<Vec<Datum<'a>>>, EvalError> {
        let tuples = self.tuples(around, ground, scratch)?;
        let mut results = Vec::new();
        for mut tuple in tuples {
            results.push(self.result(&mut tuple, around, ground, scratch)?);
        }
        for one in &self.union {
            for outputs in one.rows(around, ground, scratch)? {
                let (sorted, distinct, unique) = (Vec::new(), Vec::new(), SmallVec::new());
                results.push(Shown { sorted, unique, distinct, outputs });
            }
        }
        if !self.order.is_empty() {
            results.sort_by(|a, b| (&a.sorted, &a.unique).cmp(&(&b.sorted, &b.unique)));
        }
        if !matches!(self.distinct, Distinct::No) {
            let mut seen = BTreeSet::new();
            results.retain(|result| seen.insert(result.distinct.clone()));
        }
        let shown = results.into_iter().skip(self.offset).take(self.limit);
        Ok(shown.map(|result| result.outputs).collect())
    }

    fn result<'a>(
        &self,
        tuple: &mut Tuple<'a>,
        around: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Shown<'a>, EvalError> {
        let unique = tuple.unique.clone();
        tuple.within(around, |inputs, frame| {
            let mut value = |of: &Asking| of.value(inputs, &self.queries, frame, ground, scratch);
            let mut outputs = Vec::with_capacity(self.outputs.len());
            for (output, _) in &self.outputs {
                outputs.push(value(output)?);
            }
            let mut sorted = Vec::new();
            if !self.order.is_empty() {
                let mut keys = Vec::with_capacity(self.order.len());
                for (key, _) in &self.order {
                    keys.push(value(key)?);
                }
                let parts: Vec<_> = self.order.iter().map(|(_, part)| part.clone()).collect();
                // A value that cannot be encoded sorts where the encoding stopped.
                let _ = order::prefix(&parts, &keys, &mut sorted);
            }
            let mut distinct = Vec::new();
            match &self.distinct {
                Distinct::No => {}
                Distinct::Yes => {
                    for ((_, class), value) in self.outputs.iter().zip(&outputs) {
                        identity(class, *value, &mut distinct);
                    }
                }
                Distinct::On(keys) => {
                    for (key, class) in keys {
                        identity(class, value(key)?, &mut distinct);
                    }
                }
            }
            Ok(Shown { sorted, unique, distinct, outputs })
        })
    }

    /// Its rows, or one for each of its groups.
    fn tuples<'a>(
        &self,
        around: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Vec<Tuple<'a>>, EvalError> {
        let first = Tuple {
            inputs: filled(&self.inputs, around),
            rows: SmallVec::from_elem(Columns::new(), self.width),
            unique: SmallVec::from_elem(Default::default(), self.width),
        };
        let (relations, filter) = match &self.found {
            Found::Tallied { .. } => {
                return group::tallied(self, first, around, ground, scratch);
            }
            Found::Rows { relations, filter } => (relations.as_slice(), filter.as_ref()),
        };
        let mut walk = Walk { query: self, around, ground, filter, found: Vec::new() };
        walk.from(relations, &mut first.clone(), scratch)?;
        match &self.group {
            None => Ok(walk.found),
            Some(keys) => group::grouped(self, keys, first, walk.found, around, ground, scratch),
        }
    }
}

/// The rows found so far, from one relation to the next.
struct Walk<'w, 'a> {
    query: &'w Query,
    around: &'w Frame<'w, 'a>,
    ground: Ground<'a>,
    filter: Option<&'w Asking>,
    found: Vec<Tuple<'a>>,
}

impl<'a> Walk<'_, 'a> {
    fn from(
        &mut self,
        relations: &[Relation],
        tuple: &mut Tuple<'a>,
        scratch: &mut Scratch,
    ) -> Result<(), EvalError> {
        let Some((relation, rest)) = relations.split_first() else {
            if self.filter.is_none_or(|filter| self.holds(filter, tuple, scratch)) {
                self.found.push(tuple.clone());
            }
            return Ok(());
        };
        let mut any = false;
        match &relation.rows {
            Rows::Kept { kept, key } => {
                let mut bytes = Vec::new();
                if order::key(key, &tuple.inputs, &mut bytes).unwrap_or(false) {
                    for (value, count) in self.ground.views.rows(*kept).group(&bytes) {
                        let Parts { unique, packed, .. } = split(value);
                        let columns = row::split(packed);
                        for _ in 0..count {
                            let columns = columns.clone();
                            any |= self.with(relation, rest, columns, unique, tuple, scratch)?;
                        }
                        if self.found.len() >= self.query.enough {
                            break;
                        }
                    }
                }
            }
            Rows::Query(inner) => {
                let frame_rows = tuple
                    .within(self.around, |_, frame| inner.rows(frame, self.ground, scratch))?;
                for outputs in frame_rows {
                    let columns = outputs.into_iter().collect();
                    any |= self.with(relation, rest, columns, &[], tuple, scratch)?;
                }
            }
            Rows::Unnest(array) => {
                let (queries, ground) = (&self.query.queries, self.ground);
                let value = tuple.within(self.around, |inputs, frame| {
                    array.value(inputs, queries, frame, ground, scratch)
                })?;
                if let Datum::Text(text) = value {
                    for (position, element) in elements::of(text, ground.bump)?.iter().enumerate() {
                        let number = ground.bump.alloc_str(&(position + 1).to_string());
                        let columns = [*element, Datum::Text(number.as_bytes())];
                        let columns = columns.into_iter().collect();
                        any |= self.with(relation, rest, columns, &[], tuple, scratch)?;
                    }
                }
            }
        }
        if relation.is_left && !any {
            self.bind(relation, Columns::new(), tuple);
            tuple.unique[relation.number] = &[];
            self.from(rest, tuple, scratch)?;
        }
        Ok(())
    }

    /// Goes on with a row of a relation, if it passes.
    fn with(
        &mut self,
        relation: &Relation,
        rest: &[Relation],
        columns: Columns<'a>,
        unique: &'a [u8],
        tuple: &mut Tuple<'a>,
        scratch: &mut Scratch,
    ) -> Result<bool, EvalError> {
        if self.found.len() >= self.query.enough {
            return Ok(true);
        }
        self.bind(relation, columns, tuple);
        if !relation.on.as_ref().is_none_or(|on| self.holds(on, tuple, scratch)) {
            return Ok(false);
        }
        tuple.unique[relation.number] = unique;
        self.from(rest, tuple, scratch)?;
        Ok(true)
    }

    fn bind(&self, relation: &Relation, columns: Columns<'a>, tuple: &mut Tuple<'a>) {
        for (input, position) in &relation.fills {
            tuple.inputs[*input] = columns.get(*position).copied().unwrap_or(Datum::Null);
        }
        tuple.rows[relation.number] = columns;
    }

    fn holds(&self, of: &Asking, tuple: &mut Tuple<'a>, scratch: &mut Scratch) -> bool {
        let (queries, ground) = (&self.query.queries, self.ground);
        tuple
            .within(self.around, |inputs, frame| of.passes(inputs, queries, frame, ground, scratch))
    }
}

/// Bytes that are equal where values are the same, NULLs being so too.
pub fn identity(class: &Class, value: Datum<'_>, into: &mut Vec<u8>) {
    let start = into.len();
    if let Datum::Text(text) = value {
        into.push(1);
        if order::encode(class, text, into).is_err() {
            into.extend_from_slice(text);
        }
    } else {
        into.push(0);
    }
    let length = (into.len() - start) as u32;
    into.extend_from_slice(&length.to_be_bytes());
}

fn truth(value: Option<bool>) -> Datum<'static> {
    match value {
        Some(true) => Datum::Text(b"t"),
        Some(false) => Datum::Text(b"f"),
        None => Datum::Null,
    }
}
