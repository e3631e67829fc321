//! The steps of a program, one after another.

use flusso_compiler::expr::{Comparison, Modifier};
use flusso_compiler::sql::functions::Function;
use flusso_compiler::types::{Class, SqlType};

use super::array::change::stack;
use super::call::{self, Args, Compiled};
use super::cast::cast;
use super::compare::{equal_by, order_by};
use super::error::{EvalError, Evaluated};
use super::form;
use super::like::Pattern;
use super::text::case::lower;
use super::value::{Arena, Array, Value};
use crate::row::Datum;

/// One step. `at` is the register written, and the first of those read; `to` is a step.
#[derive(Debug)]
pub(super) enum Step {
    /// A column of the row.
    Column {
        at: usize,
        position: usize,
        ty: SqlType,
    },
    /// A constant.
    Constant {
        at: usize,
        value: Option<Value<'static>>,
    },
    /// No value in any row.
    Fail(EvalError),
    /// The register after it becomes this one.
    Take {
        at: usize,
    },
    /// On to another step.
    Jump {
        to: usize,
    },
    /// On to another step unless true.
    Unless {
        at: usize,
        to: usize,
    },
    /// On to another step if NULL, or if not.
    Null {
        at: usize,
        to: usize,
    },
    Given {
        at: usize,
        to: usize,
    },
    /// The next part of a conjunction or disjunction; settled by one that is `decisive`.
    Settle {
        at: usize,
        decisive: bool,
        to: usize,
    },
    /// `left op right`.
    Compare {
        at: usize,
        comparison: Comparison,
        class: Class,
    },
    /// `left IS DISTINCT FROM right`.
    Distinct {
        at: usize,
        class: Class,
    },
    /// The first unless equal to the second.
    NullIf {
        at: usize,
        class: Class,
    },
    /// `of IN` constants, sorted; then the result so far is written after it.
    Among {
        at: usize,
        constants: Vec<Value<'static>>,
        null: bool,
        class: Class,
        to: usize,
    },
    /// The next member of `of IN`: `of`, the result so far, the member.
    Member {
        at: usize,
        class: Class,
        to: usize,
    },
    /// `of op ANY` or `ALL` of an array.
    Quantified {
        at: usize,
        comparison: Comparison,
        all: bool,
        class: Class,
    },
    /// The greatest or least of so many.
    Extreme {
        at: usize,
        count: usize,
        class: Class,
        least: bool,
    },
    /// `LIKE` a constant.
    Like {
        at: usize,
        pattern: Pattern,
        fold: bool,
    },
    /// `LIKE` what the next register holds.
    LikeAny {
        at: usize,
        escape: Option<char>,
        fold: bool,
    },
    /// `IS NULL`.
    IsNull {
        at: usize,
    },
    /// `IS TRUE`.
    IsTrue {
        at: usize,
    },
    /// `NOT`.
    Not {
        at: usize,
    },
    /// A cast.
    Cast {
        at: usize,
        from: SqlType,
        to: SqlType,
        modifier: Option<Modifier>,
    },
    /// `ARRAY[…]` of so many, of arrays when nested.
    Array {
        at: usize,
        count: usize,
        nested: bool,
    },
    /// A function of so many arguments.
    Call {
        at: usize,
        count: usize,
        function: Function,
        strict: bool,
        pattern: Option<Box<Compiled>>,
    },
}

/// Carries the steps out, from one on; the value is in the register the last one writes.
pub(super) fn run<'a>(
    steps: &[Step],
    from: usize,
    row: &[Datum<'a>],
    registers: &mut [Option<Value<'a>>],
    arena: &'a Arena,
) -> Evaluated<()> {
    let mut next = from;
    while let Some(step) = steps.get(next) {
        next += 1;
        match step {
            Step::Column { at, position, ty } => {
                registers[*at] = match row.get(*position) {
                    Some(Datum::Text(text)) => Some(form::load(ty, text, arena)?),
                    _ => None,
                };
            }
            Step::Constant { at, value } => registers[*at] = *value,
            Step::Fail(error) => return Err(error.clone()),
            Step::Take { at } => registers[*at] = registers[at + 1],
            Step::Jump { to } => next = *to,
            Step::Unless { at, to } => {
                if !matches!(registers[*at], Some(Value::Bool(true))) {
                    next = *to;
                }
            }
            Step::Null { at, to } => {
                if registers[*at].is_none() {
                    next = *to;
                }
            }
            Step::Given { at, to } => {
                if registers[*at].is_some() {
                    next = *to;
                }
            }
            Step::Settle { at, decisive, to } => match registers[at + 1] {
                Some(Value::Bool(truth)) if truth == *decisive => {
                    registers[*at] = Some(Value::Bool(truth));
                    next = *to;
                }
                Some(_) => {}
                None => registers[*at] = None,
            },
            Step::Compare { at, comparison, class } => {
                registers[*at] = match (registers[*at], registers[at + 1]) {
                    (Some(a), Some(b)) => {
                        Some(Value::Bool(holds(*comparison, class, a, b, arena)?))
                    }
                    _ => None,
                };
            }
            Step::Distinct { at, class } => {
                let distinct = match (registers[*at], registers[at + 1]) {
                    (Some(a), Some(b)) => !equal_by(class, a, b, arena)?,
                    (None, None) => false,
                    _ => true,
                };
                registers[*at] = Some(Value::Bool(distinct));
            }
            Step::NullIf { at, class } => {
                if let (Some(a), Some(b)) = (registers[*at], registers[at + 1])
                    && equal_by(class, a, b, arena)?
                {
                    registers[*at] = None;
                }
            }
            Step::Among { at, constants, null, class, to } => {
                let found = match registers[*at] {
                    None => None,
                    Some(of) => Some(among(of, constants, class, arena)?),
                };
                let result = match found {
                    Some(false) if !null => Some(Value::Bool(false)),
                    Some(true) => Some(Value::Bool(true)),
                    _ => None,
                };
                registers[at + 1] = result;
                // Members that vary are looked at for NULL too: one may have no value at all.
                if found == Some(true) {
                    registers[*at] = result;
                    next = *to;
                }
            }
            Step::Member { at, class, to } => match (registers[*at], registers[at + 2]) {
                (Some(of), Some(member)) => {
                    if equal_by(class, of, member, arena)? {
                        registers[*at] = Some(Value::Bool(true));
                        next = *to;
                    }
                }
                _ => registers[at + 1] = None,
            },
            Step::Quantified { at, comparison, all, class } => {
                registers[*at] = match (registers[*at], registers[at + 1]) {
                    (of, Some(Value::Array(array))) => {
                        quantified(of, array, *comparison, *all, class, arena)?
                    }
                    _ => None,
                };
            }
            Step::Extreme { at, count, class, least } => {
                let mut best = None;
                for one in registers[*at..at + count].iter().flatten() {
                    let better = match best {
                        None => true,
                        Some(best) => {
                            let order = order_by(class, *one, best, arena)?;
                            if *least { order.is_lt() } else { order.is_gt() }
                        }
                    };
                    if better {
                        best = Some(*one);
                    }
                }
                registers[*at] = best;
            }
            Step::Like { at, pattern, fold } => {
                registers[*at] = match registers[*at] {
                    Some(Value::Text(text)) => Some(like(text, pattern, *fold, arena)?),
                    _ => None,
                };
            }
            Step::LikeAny { at, escape, fold } => {
                registers[*at] = match (registers[*at], registers[at + 1]) {
                    (Some(Value::Text(text)), Some(Value::Text(pattern))) => {
                        let pattern = Pattern::new(pattern, *escape, *fold);
                        Some(like(text, &pattern, *fold, arena)?)
                    }
                    _ => None,
                };
            }
            Step::IsNull { at } => {
                registers[*at] = Some(Value::Bool(registers[*at].is_none()));
            }
            Step::IsTrue { at } => {
                let truth = matches!(registers[*at], Some(Value::Bool(true)));
                registers[*at] = Some(Value::Bool(truth));
            }
            Step::Not { at } => {
                if let Some(Value::Bool(truth)) = registers[*at] {
                    registers[*at] = Some(Value::Bool(!truth));
                }
            }
            Step::Cast { at, from, to, modifier } => {
                if let Some(value) = registers[*at] {
                    registers[*at] = cast(value, from, to, *modifier, arena)?;
                }
            }
            Step::Array { at, count, nested } => {
                let elements = arena.alloc_slice_copy(&registers[*at..at + count]);
                let array = match nested {
                    true => stack(elements, arena)?,
                    false => Array::flat(elements, arena),
                };
                registers[*at] = Some(Value::Array(array));
            }
            Step::Call { at, count, function, strict, pattern } => {
                let values = &registers[*at..at + count];
                let null = *strict && values.iter().any(Option::is_none);
                let args = Args { values, arena, pattern: pattern.as_deref() };
                let value = if null { None } else { call::call(*function, args)? };
                registers[*at] = value;
            }
        }
    }
    Ok(())
}

fn holds(
    comparison: Comparison,
    class: &Class,
    a: Value<'_>,
    b: Value<'_>,
    arena: &Arena,
) -> Evaluated<bool> {
    Ok(match comparison {
        Comparison::Eq => equal_by(class, a, b, arena)?,
        Comparison::Ne => !equal_by(class, a, b, arena)?,
        Comparison::Lt => order_by(class, a, b, arena)?.is_lt(),
        Comparison::Le => order_by(class, a, b, arena)?.is_le(),
        Comparison::Gt => order_by(class, a, b, arena)?.is_gt(),
        Comparison::Ge => order_by(class, a, b, arena)?.is_ge(),
    })
}

/// Whether one of the constants, which are sorted, is this value.
fn among(of: Value<'_>, sorted: &[Value<'_>], class: &Class, arena: &Arena) -> Evaluated<bool> {
    // What has no order has not been sorted either.
    if matches!(of, Value::Json(_)) {
        for constant in sorted {
            if equal_by(class, of, *constant, arena)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let mut failed = None;
    let found = sorted.binary_search_by(|constant| {
        order_by(class, *constant, of, arena).unwrap_or_else(|error| {
            failed = Some(error);
            std::cmp::Ordering::Equal
        })
    });
    match failed {
        None => Ok(found.is_ok()),
        Some(error) => Err(error),
    }
}

/// The first element that decides, else NULL when one is NULL.
fn quantified<'a>(
    of: Option<Value<'a>>,
    array: Array<'a>,
    comparison: Comparison,
    all: bool,
    class: &Class,
    arena: &Arena,
) -> Evaluated<Option<Value<'a>>> {
    let mut result = Some(all);
    for element in array.elements {
        match (of, element) {
            (Some(of), Some(element)) => {
                if holds(comparison, class, of, *element, arena)? != all {
                    return Ok(Some(Value::Bool(!all)));
                }
            }
            _ => result = None,
        }
    }
    Ok(result.map(Value::Bool))
}

fn like<'a>(
    text: &'a str,
    pattern: &Pattern,
    fold: bool,
    arena: &'a Arena,
) -> Evaluated<Value<'a>> {
    let text = if fold { lower(text, arena) } else { text };
    Ok(Value::Bool(pattern.matches(text.as_bytes())?))
}
