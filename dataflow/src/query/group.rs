//! Groups and their aggregates: over the rows that were found, or off a tally.

use std::collections::BTreeMap;

use flusso_compiler::types::Class;

use super::rows::{Tuple, identity};
use super::{Aggregate, Asking, Found, Frame, Function, Ground, Query};
use crate::eval::{EvalError, Scratch, elements};
use crate::row::Datum;
use crate::{order, tally};

/// One row for each group, its keys and aggregates among its inputs.
pub fn grouped<'a>(
    query: &Query,
    keys: &[(Asking, Option<usize>, Class)],
    empty: Tuple<'a>,
    rows: Vec<Tuple<'a>>,
    around: &Frame<'_, 'a>,
    ground: Ground<'a>,
    scratch: &mut Scratch,
) -> Result<Vec<Tuple<'a>>, EvalError> {
    let mut groups: BTreeMap<Vec<u8>, (Vec<Datum<'a>>, Vec<Tuple<'a>>)> = BTreeMap::new();
    for mut row in rows {
        let mut name = Vec::new();
        let mut values = Vec::with_capacity(keys.len());
        for (key, _, class) in keys {
            let value = row.within(around, |inputs, frame| {
                key.value(inputs, &query.queries, frame, ground, scratch)
            })?;
            identity(class, value, &mut name);
            values.push(value);
        }
        groups.entry(name).or_insert_with(|| (values, Vec::new())).1.push(row);
    }
    if keys.is_empty() && groups.is_empty() {
        groups.insert(Vec::new(), (Vec::new(), Vec::new()));
    }
    let mut found = Vec::new();
    for (values, mut members) in groups.into_values() {
        let mut group = empty.clone();
        for ((_, input, _), value) in keys.iter().zip(values) {
            if let Some(input) = input {
                group.inputs[*input] = value;
            }
        }
        for aggregate in &query.aggregates {
            let value = aggregate.over(&mut members, query, around, ground, scratch)?;
            if let Some(input) = aggregate.input {
                group.inputs[input] = value;
            }
        }
        keep(query, group, around, ground, scratch, &mut found);
    }
    Ok(found)
}

/// The one group of a query whose aggregates are kept as tallies.
pub fn tallied<'a>(
    query: &Query,
    mut group: Tuple<'a>,
    around: &Frame<'_, 'a>,
    ground: Ground<'a>,
    scratch: &mut Scratch,
) -> Result<Vec<Tuple<'a>>, EvalError> {
    let Found::Tallied { key, tallies } = &query.found else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    let is_key = order::key(key, &group.inputs, &mut bytes).unwrap_or(false);
    for ((kept, slot, function, ty), aggregate) in tallies.iter().zip(&query.aggregates) {
        let sums = if is_key { ground.views.tallies(*kept).sum(&bytes) } else { None };
        let value = tally::value(sums.as_ref(), *slot, *function, ty);
        if let Some(input) = aggregate.input {
            group.inputs[input] = text(value, ground);
        }
    }
    let mut found = Vec::new();
    keep(query, group, around, ground, scratch, &mut found);
    Ok(found)
}

/// Whether the tally of a query counts any row.
pub fn counted(query: &Query, inputs: &[Datum<'_>], ground: Ground<'_>) -> bool {
    let Found::Tallied { key, tallies } = &query.found else { return false };
    let mut bytes = Vec::new();
    let is_key = order::key(key, inputs, &mut bytes).unwrap_or(false);
    let any = |(kept, slot, ..): &(_, u16, _, _)| {
        let sums = ground.views.tallies(*kept).sum(&bytes);
        tally::rows(sums.as_ref(), *slot) > 0
    };
    is_key && tallies.iter().any(any)
}

fn keep<'a>(
    query: &Query,
    mut group: Tuple<'a>,
    around: &Frame<'_, 'a>,
    ground: Ground<'a>,
    scratch: &mut Scratch,
    found: &mut Vec<Tuple<'a>>,
) {
    let passes = query.having.as_ref().is_none_or(|having| {
        group.within(around, |inputs, frame| {
            having.passes(inputs, &query.queries, frame, ground, scratch)
        })
    });
    if passes {
        found.push(group);
    }
}

/// A value that is aggregated, what stands before it, and what it is sorted by.
struct Member<'a> {
    sorted: Vec<u8>,
    value: Datum<'a>,
    separator: Datum<'a>,
}

impl Aggregate {
    fn over<'a>(
        &self,
        rows: &mut [Tuple<'a>],
        query: &Query,
        around: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Datum<'a>, EvalError> {
        let mut members = self.members(rows, query, around, ground, scratch)?;
        let class = self.ty.class();
        if self.distinct {
            // In their own order, as Postgres finds those that are alike.
            members.sort_by_cached_key(|member| encoded(&class, member.value));
            members.dedup_by(|a, b| encoded(&class, a.value) == encoded(&class, b.value));
        }
        if !self.order.is_empty() {
            members.sort_by(|a, b| a.sorted.cmp(&b.sorted));
        }
        let texts = || {
            members.iter().filter_map(|member| match member.value {
                Datum::Text(text) => Some(text),
                Datum::Null | Datum::Unchanged => None,
            })
        };
        let one = match &self.function {
            Function::Count => {
                let count = if self.of.is_some() { texts().count() } else { members.len() };
                return Ok(text(Some(count.to_string()), ground));
            }
            Function::Sum | Function::Avg => {
                use flusso_compiler::plan::AggregateFunction::{Avg, Sum};
                let sums = tally::over(texts(), &self.ty);
                let function = if matches!(self.function, Function::Sum) { Sum } else { Avg };
                return Ok(text(tally::value(sums.as_ref(), 0, function, &self.ty), ground));
            }
            Function::ArrayAgg { nested } => {
                if members.is_empty() {
                    return Ok(Datum::Null);
                }
                let values = members.iter().map(|member| member.value);
                return Ok(Datum::Text(elements::array(values, *nested, ground.bump)));
            }
            Function::StringAgg(_) => return Ok(joined(&members, ground)),
            Function::Min => texts().min_by_key(|text| encoded(&class, Datum::Text(text))),
            Function::Max => texts().max_by_key(|text| encoded(&class, Datum::Text(text))),
            Function::BoolAnd => texts().find(|text| *text == b"f").or_else(|| texts().next()),
            Function::BoolOr => texts().find(|text| *text == b"t").or_else(|| texts().next()),
        };
        Ok(one.map_or(Datum::Null, Datum::Text))
    }

    fn members<'a>(
        &self,
        rows: &mut [Tuple<'a>],
        query: &Query,
        around: &Frame<'_, 'a>,
        ground: Ground<'a>,
        scratch: &mut Scratch,
    ) -> Result<Vec<Member<'a>>, EvalError> {
        let mut members = Vec::with_capacity(rows.len());
        let parts: Vec<_> = self.order.iter().map(|(_, part)| part.clone()).collect();
        for row in rows {
            let member = row.within(around, |inputs, frame| {
                let queries = &query.queries;
                if let Some(filter) = &self.filter
                    && !filter.passes(inputs, queries, frame, ground, scratch)
                {
                    return Ok(None);
                }
                let mut value = |of: &Asking| of.value(inputs, queries, frame, ground, scratch);
                let of = match &self.of {
                    Some(of) => value(of)?,
                    None => Datum::Null,
                };
                let separator = match &self.function {
                    Function::StringAgg(separator) => value(separator)?,
                    _ => Datum::Null,
                };
                let mut keys = Vec::new();
                for (key, _) in &self.order {
                    keys.push(value(key)?);
                }
                let mut sorted = Vec::new();
                // A value that cannot be encoded sorts where the encoding stopped.
                let _ = order::prefix(&parts, &keys, &mut sorted);
                Ok(Some(Member { sorted, value: of, separator }))
            })?;
            members.extend(member);
        }
        Ok(members)
    }
}

/// `string_agg`: each but the first after its own separator.
fn joined<'a>(members: &[Member<'a>], ground: Ground<'a>) -> Datum<'a> {
    let mut joined: Option<Vec<u8>> = None;
    for member in members {
        let Datum::Text(text) = member.value else { continue };
        match &mut joined {
            None => joined = Some(text.to_vec()),
            Some(joined) => {
                if let Datum::Text(separator) = member.separator {
                    joined.extend_from_slice(separator);
                }
                joined.extend_from_slice(text);
            }
        }
    }
    joined.map_or(Datum::Null, |joined| Datum::Text(ground.bump.alloc_slice_copy(&joined)))
}

/// As values sort, NULL last; what cannot be encoded sorts by its text.
fn encoded(class: &Class, value: Datum<'_>) -> (bool, Vec<u8>) {
    let Datum::Text(text) = value else { return (true, Vec::new()) };
    let mut key = Vec::new();
    if order::encode(class, text, &mut key).is_err() {
        key = text.to_vec();
    }
    (false, key)
}

fn text<'a>(value: Option<String>, ground: Ground<'a>) -> Datum<'a> {
    match value {
        Some(text) => Datum::Text(ground.bump.alloc_str(&text).as_bytes()),
        None => Datum::Null,
    }
}
