//! Expressions to steps. The value of an expression is left in the register it was given; the
//! registers after that one are free for its parts.
//!
//! What does not depend on the row is computed here. If that fails it fails when a row comes to it,
//! not before: another branch may be taken.

use flusso_compiler::expr::Expr;
use flusso_compiler::plan::ColumnId;
use flusso_compiler::sql::functions::{Array, Function};
use flusso_compiler::types::{Class, SqlType};

use super::Place;
use super::call::{Compiled, flags};
use super::compare::order_by;
use super::error::Evaluated;
use super::form;
use super::like::Pattern;
use super::run::{Step, run};
use super::value::{Arena, Value};

/// The steps of an expression, and how many registers they use.
pub(super) fn compile(expr: &Expr, place: &dyn Fn(ColumnId) -> Place) -> (Vec<Step>, usize) {
    let mut compiler = Compiler { steps: Vec::new(), registers: 1, place, arena: None };
    compiler.expr(expr, 0);
    (compiler.steps, compiler.registers)
}

/// The value of an expression that is the same in each row, NULL being none; none when rows differ.
type Constant = Option<Option<Value<'static>>>;

struct Compiler<'p> {
    steps: Vec<Step>,
    registers: usize,
    place: &'p dyn Fn(ColumnId) -> Place,
    /// Where constants lie. They are as many as an author wrote and live as long as the plan,
    /// which is as long as the process: they are never given back.
    arena: Option<&'static Arena>,
}

impl Compiler<'_> {
    fn arena(&mut self) -> &'static Arena {
        self.arena.get_or_insert_with(|| Box::leak(Box::default()))
    }

    /// Appends the steps that leave the value of `expr` at `at`, and says the value when it is the
    /// same in each row.
    fn expr(&mut self, expr: &Expr, at: usize) -> Constant {
        let start = self.steps.len();
        // Some steps need two more than the one they write.
        self.registers = self.registers.max(at + 3);
        self.steps_of(expr, at);
        self.fold(start, at);
        match self.steps[start..] {
            [Step::Constant { value, .. }] => Some(value),
            _ => None,
        }
    }

    /// Steps that read no column become the constant they come to.
    fn fold(&mut self, start: usize, at: usize) {
        let reads = |step: &Step| matches!(step, Step::Column { .. } | Step::Fail(_));
        if self.steps.len() == start + 1 && matches!(self.steps[start], Step::Constant { .. })
            || self.steps[start..].iter().any(reads)
        {
            return;
        }
        let arena = self.arena();
        let mut registers = vec![None; self.registers];
        if run(&self.steps, start, &[], &mut registers, arena).is_ok() {
            self.steps.truncate(start);
            self.steps.push(Step::Constant { at, value: registers[at] });
        }
    }

    fn steps_of(&mut self, expr: &Expr, at: usize) {
        match expr {
            Expr::Column(column) => {
                let Place { position, ty } = (self.place)(*column);
                self.steps.push(Step::Column { at, position, ty });
            }
            Expr::Literal(text, ty) => {
                let step = match text {
                    None => Step::Constant { at, value: None },
                    Some(text) => match self.constant(text, ty) {
                        Ok(value) => Step::Constant { at, value: Some(value) },
                        Err(error) => Step::Fail(error),
                    },
                };
                self.steps.push(step);
            }
            Expr::Compare(comparison, left, right, class) => {
                let start = self.steps.len();
                let sides = [self.expr(left, at), self.expr(right, at + 1)];
                if sides.iter().any(is_null) {
                    return self.null(start, at);
                }
                let (comparison, class) = (*comparison, class.clone());
                self.steps.push(Step::Compare { at, comparison, class });
            }
            Expr::IsDistinct(left, right, class) => {
                self.two(left, right, at);
                self.steps.push(Step::Distinct { at, class: class.clone() });
            }
            Expr::NullIf(left, right, class) => {
                let start = self.steps.len();
                if is_null(&self.expr(left, at)) {
                    return self.null(start, at);
                }
                self.expr(right, at + 1);
                self.steps.push(Step::NullIf { at, class: class.clone() });
            }
            Expr::In(of, list, class) => self.r#in(of, list, class, at),
            Expr::Quantified { of, op, array, all, class } => {
                self.two(of, array, at);
                self.steps.push(Step::Quantified {
                    at,
                    comparison: *op,
                    all: *all,
                    class: class.clone(),
                });
            }
            Expr::Like { of, pattern, escape, fold } => {
                let begin = self.steps.len();
                let of = self.expr(of, at);
                let (start, fold, escape) = (self.steps.len(), *fold, *escape);
                match self.expr(pattern, at + 1) {
                    pattern if is_null(&of) || is_null(&pattern) => self.null(begin, at),
                    Some(Some(Value::Text(pattern))) => {
                        self.steps.truncate(start);
                        let pattern = Pattern::new(pattern, escape, fold);
                        self.steps.push(Step::Like { at, pattern, fold });
                    }
                    _ => self.steps.push(Step::LikeAny { at, escape, fold }),
                }
            }
            Expr::IsNull(of) => {
                self.expr(of, at);
                self.steps.push(Step::IsNull { at });
            }
            Expr::IsTrue(of) => {
                self.expr(of, at);
                self.steps.push(Step::IsTrue { at });
            }
            Expr::Not(of) => {
                self.expr(of, at);
                self.steps.push(Step::Not { at });
            }
            Expr::And(parts) => self.settled(parts, false, at),
            Expr::Or(parts) => self.settled(parts, true, at),
            Expr::Cast { of, from, to, modifier } => {
                self.expr(of, at);
                let (from, to) = (from.clone(), to.clone());
                self.steps.push(Step::Cast { at, from, to, modifier: *modifier });
            }
            Expr::Case { branches, otherwise } => {
                let mut ends = Vec::new();
                let mut otherwise = otherwise.as_deref();
                for (when, then) in branches {
                    let start = self.steps.len();
                    match self.expr(when, at) {
                        Some(Some(Value::Bool(true))) => {
                            self.steps.truncate(start);
                            otherwise = Some(then);
                            break;
                        }
                        Some(_) => self.steps.truncate(start),
                        None => {
                            let unless = self.jump(Step::Unless { at, to: 0 });
                            self.expr(then, at);
                            ends.push(self.jump(Step::Jump { to: 0 }));
                            self.land(unless);
                        }
                    }
                }
                match otherwise {
                    Some(otherwise) => drop(self.expr(otherwise, at)),
                    None => self.steps.push(Step::Constant { at, value: None }),
                }
                ends.into_iter().for_each(|end| self.land(end));
            }
            Expr::Coalesce(list) => {
                let mut ends = Vec::new();
                let begin = self.steps.len();
                for (position, one) in list.iter().enumerate() {
                    let start = self.steps.len();
                    match self.expr(one, at) {
                        // What is NULL in each row is passed over, what never is ends the list.
                        Some(None) => self.steps.truncate(start),
                        Some(Some(_)) => break,
                        None if position + 1 < list.len() => {
                            ends.push(self.jump(Step::Given { at, to: 0 }));
                        }
                        None => {}
                    }
                }
                if self.steps.len() == begin {
                    self.null(begin, at);
                }
                ends.into_iter().for_each(|end| self.land(end));
            }
            Expr::Greatest(list, class) => self.extreme(list, class, false, at),
            Expr::Least(list, class) => self.extreme(list, class, true, at),
            Expr::Array(list, element) => {
                let nested = matches!(element, SqlType::Array(_));
                self.each(list, at);
                self.steps.push(Step::Array { at, count: list.len(), nested });
            }
            Expr::Call { function, args, .. } => {
                if let Function::Array(Array::Subscript | Array::Slice) = function {
                    return self.subscripts(*function, args, at);
                }
                let (start, entry) = (self.steps.len(), function.entry());
                let strict = entry.strict;
                let constants = self.each(args, at);
                // Further arguments come as one array, which is not NULL itself.
                let fixed = match entry.rest {
                    Some(_) => entry.takes.first().map_or(0, |takes| takes.len()),
                    None => args.len(),
                };
                if strict && constants.iter().take(fixed).any(is_null) {
                    return self.null(start, at);
                }
                self.steps.push(Step::Call {
                    at,
                    count: args.len(),
                    function: *function,
                    strict,
                    pattern: regex(*function, &constants).map(Box::new),
                });
            }
        }
    }

    /// Of an array that is NULL no subscript is looked at. A bound of a slice that was left out is
    /// further out than any array's.
    fn subscripts(&mut self, function: Function, args: &[Expr], at: usize) {
        let Some((array, subscripts)) = args.split_first() else { return };
        self.expr(array, at);
        let null = self.jump(Step::Null { at, to: 0 });
        for (position, subscript) in (1..).zip(subscripts) {
            match (function, subscript) {
                (Function::Array(Array::Slice), Expr::Literal(None, _)) => {
                    let bound = if position == 1 { i64::MIN } else { i64::MAX };
                    let value = Some(Value::Int(bound));
                    self.steps.push(Step::Constant { at: at + position, value });
                    self.registers = self.registers.max(at + position + 1);
                }
                _ => drop(self.expr(subscript, at + position)),
            }
        }
        self.steps.push(Step::Call {
            at,
            count: args.len(),
            function,
            strict: true,
            pattern: None,
        });
        self.land(null);
    }

    /// A strict operator of a NULL is NULL, whatever its other side would have come to. So it is
    /// in Postgres, which sees it before it evaluates anything.
    fn null(&mut self, start: usize, at: usize) {
        self.steps.truncate(start);
        self.steps.push(Step::Constant { at, value: None });
    }

    fn two(&mut self, left: &Expr, right: &Expr, at: usize) {
        self.expr(left, at);
        self.expr(right, at + 1);
    }

    /// Each in a register of its own, from `at` on; those that are constant are told.
    fn each(&mut self, list: &[Expr], at: usize) -> Vec<Constant> {
        list.iter().enumerate().map(|(position, one)| self.expr(one, at + position)).collect()
    }

    /// A part that is decisive in each row settles all, whatever those before it come to.
    fn settled(&mut self, parts: &[Expr], decisive: bool, at: usize) {
        let start = self.steps.len();
        self.steps.push(Step::Constant { at, value: Some(Value::Bool(!decisive)) });
        let mut ends = Vec::new();
        for part in parts {
            if let Some(Some(Value::Bool(truth))) = self.expr(part, at + 1)
                && truth == decisive
            {
                self.steps.truncate(start);
                let value = Some(Value::Bool(decisive));
                return self.steps.push(Step::Constant { at, value });
            }
            ends.push(self.jump(Step::Settle { at, decisive, to: 0 }));
        }
        ends.into_iter().for_each(|end| self.land(end));
    }

    fn extreme(&mut self, list: &[Expr], class: &Class, least: bool, at: usize) {
        self.each(list, at);
        self.steps.push(Step::Extreme { at, count: list.len(), class: class.clone(), least });
    }

    /// Members that are constants are looked up at once, the others asked one by one.
    fn r#in(&mut self, of: &Expr, list: &[Expr], class: &Class, at: usize) {
        if list.is_empty() {
            let value = Some(Value::Bool(false));
            return self.steps.push(Step::Constant { at, value });
        }
        self.expr(of, at);
        let mut constants = Vec::new();
        let mut others = Vec::new();
        let mut null = false;
        for member in list {
            let start = self.steps.len();
            match self.expr(member, at + 2) {
                Some(Some(value)) => constants.push(value),
                Some(None) => null = true,
                None => others.push(member),
            }
            // Those that vary are compiled again behind the constants.
            self.steps.truncate(start);
        }
        let arena = self.arena();
        constants.sort_by(|a, b| {
            // What has no order is found out when a row asks.
            order_by(class, *a, *b, arena).unwrap_or(std::cmp::Ordering::Equal)
        });
        let class = class.clone();
        let mut ends =
            vec![self.jump(Step::Among { at, constants, null, class: class.clone(), to: 0 })];
        for member in others {
            self.expr(member, at + 2);
            ends.push(self.jump(Step::Member { at, class: class.clone(), to: 0 }));
        }
        self.steps.push(Step::Take { at });
        ends.into_iter().for_each(|end| self.land(end));
    }

    fn constant(&mut self, text: &str, ty: &SqlType) -> Evaluated<Value<'static>> {
        let arena = self.arena();
        form::parse(ty, arena.alloc_str(text), arena)
    }

    /// Appends a step whose goal is set when it is known.
    fn jump(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Makes the next step the goal of one.
    fn land(&mut self, jump: usize) {
        let next = self.steps.len();
        match &mut self.steps[jump] {
            Step::Jump { to }
            | Step::Unless { to, .. }
            | Step::Null { to, .. }
            | Step::Given { to, .. }
            | Step::Settle { to, .. }
            | Step::Among { to, .. }
            | Step::Member { to, .. } => *to = next,
            _ => {}
        }
    }
}

/// Whether an expression is NULL in each row.
fn is_null(constant: &Constant) -> bool {
    matches!(constant, Some(None))
}

/// The regular expression of a call, when all that it depends on is constant and well.
fn regex(function: Function, args: &[Constant]) -> Option<Compiled> {
    let Function::Pattern(function) = function else { return None };
    let constant = |at: usize| match args.get(at) {
        Some(Some(Some(Value::Text(text)))) => Some(*text),
        _ => None,
    };
    let (at, fold) = flags(function);
    let flags = match at {
        Some(at) => constant(at)?,
        None => "",
    };
    Compiled::new(constant(1)?, flags, fold).ok()
}
