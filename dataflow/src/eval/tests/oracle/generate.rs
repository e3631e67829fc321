//! Random expressions, typed by the compiler's own table of functions.
//!
//! Nearly each call has an argument that reads a column: Postgres computes what is constant before
//! it looks at a row, so an error there is one of every row, and hides what the others have.

use flusso_compiler::expr::{Expr, Modifier};
use flusso_compiler::plan::ColumnId;
use flusso_compiler::sql::functions::{Entry, Ty, families};
use flusso_compiler::types::SqlType;

use super::data::{COLUMNS, mood};
use super::hints::hint;
use super::print::COMPARISONS;

/// Makes expressions from a seed.
pub(super) struct Generator(u64);

/// Casts that Postgres has, besides those to and from text.
const CASTS: &[(fn() -> SqlType, fn() -> SqlType)] = &[
    (|| SqlType::Int2, || SqlType::Int4),
    (|| SqlType::Int4, || SqlType::Int2),
    (|| SqlType::Int4, || SqlType::Int8),
    (|| SqlType::Int8, || SqlType::Int4),
    (|| SqlType::Int8, || SqlType::Int2),
    (|| SqlType::Int8, || SqlType::Float4),
    (|| SqlType::Int8, || SqlType::Float8),
    (|| SqlType::Int4, || SqlType::Numeric(None)),
    (|| SqlType::Int4, || SqlType::Bool),
    (|| SqlType::Bool, || SqlType::Int4),
    (|| SqlType::Float4, || SqlType::Int4),
    (|| SqlType::Float8, || SqlType::Int8),
    (|| SqlType::Float8, || SqlType::Int2),
    (|| SqlType::Float4, || SqlType::Float8),
    (|| SqlType::Float8, || SqlType::Float4),
    (|| SqlType::Float4, || SqlType::Numeric(None)),
    (|| SqlType::Float8, || SqlType::Numeric(None)),
    (|| SqlType::Numeric(None), || SqlType::Int4),
    (|| SqlType::Numeric(None), || SqlType::Int8),
    (|| SqlType::Numeric(None), || SqlType::Float4),
    (|| SqlType::Numeric(None), || SqlType::Float8),
    (|| SqlType::Date, || SqlType::Timestamp),
    (|| SqlType::Date, || SqlType::TimestampTz),
    (|| SqlType::Timestamp, || SqlType::Date),
    (|| SqlType::Timestamp, || SqlType::Time),
    (|| SqlType::Timestamp, || SqlType::TimestampTz),
    (|| SqlType::TimestampTz, || SqlType::Timestamp),
    (|| SqlType::TimestampTz, || SqlType::Date),
    (|| SqlType::TimestampTz, || SqlType::TimeTz),
    (|| SqlType::Time, || SqlType::Interval),
    (|| SqlType::Interval, || SqlType::Time),
    (|| SqlType::TimeTz, || SqlType::Time),
    (|| SqlType::Jsonb, || SqlType::Int4),
    (|| SqlType::Jsonb, || SqlType::Bool),
    (|| SqlType::Jsonb, || SqlType::Numeric(None)),
    (|| SqlType::Jsonb, || SqlType::Float8),
    (|| SqlType::Json, || SqlType::Jsonb),
    (|| SqlType::Jsonb, || SqlType::Json),
    (|| SqlType::Bpchar, || SqlType::Text),
    (|| SqlType::Int2, || SqlType::Int8),
    (|| SqlType::Int2, || SqlType::Numeric(None)),
    (|| SqlType::Int2, || SqlType::Float4),
    (|| SqlType::Int4, || SqlType::Float4),
    (|| SqlType::Int4, || SqlType::Float8),
    (|| SqlType::Int8, || SqlType::Numeric(None)),
    (|| SqlType::Float4, || SqlType::Int2),
    (|| SqlType::Float4, || SqlType::Int8),
    (|| SqlType::Float8, || SqlType::Int4),
    (|| SqlType::Numeric(None), || SqlType::Int2),
    (|| SqlType::Time, || SqlType::TimeTz),
    (|| SqlType::TimestampTz, || SqlType::Time),
    (|| SqlType::Jsonb, || SqlType::Int2),
    (|| SqlType::Jsonb, || SqlType::Int8),
    (|| SqlType::Jsonb, || SqlType::Float4),
    (|| SqlType::Int2, || SqlType::Oid),
    (|| SqlType::Int4, || SqlType::Oid),
    (|| SqlType::Int8, || SqlType::Oid),
    (|| SqlType::Oid, || SqlType::Int4),
    (|| SqlType::Oid, || SqlType::Int8),
    (|| SqlType::Int4, || SqlType::Money),
    (|| SqlType::Int8, || SqlType::Money),
    (|| SqlType::Numeric(None), || SqlType::Money),
    (|| SqlType::Money, || SqlType::Numeric(None)),
    (array_of::<0>, array_of::<1>),
    (array_of::<0>, array_of::<2>),
    (array_of::<1>, array_of::<0>),
    (array_of::<2>, array_of::<0>),
    (array_of::<2>, array_of::<1>),
];

fn array_of<const ELEMENT: usize>() -> SqlType {
    let elements = [SqlType::Int4, SqlType::Text, SqlType::Numeric(None)];
    SqlType::Array(Box::new(elements[ELEMENT].clone()))
}

/// Types that values of text are cast to, and that are cast to text.
const FROM_TEXT: &[fn() -> SqlType] = &[
    || SqlType::Bool,
    || SqlType::Int4,
    || SqlType::Numeric(None),
    || SqlType::Float8,
    || SqlType::Date,
    || SqlType::Jsonb,
    || SqlType::Interval,
    || SqlType::Uuid,
    mood,
    || SqlType::Array(Box::new(SqlType::Int4)),
    || SqlType::Array(Box::new(SqlType::Text)),
    || SqlType::Timestamp,
    || SqlType::TimestampTz,
    || SqlType::Time,
    || SqlType::Bytea,
    || SqlType::Int2,
    || SqlType::Int8,
    || SqlType::Float4,
    || SqlType::TimeTz,
    || SqlType::Json,
    || SqlType::Oid,
    || SqlType::Bpchar,
    array_of::<2>,
];

const DEPTH: u32 = 3;

impl Generator {
    pub(super) fn new(seed: u64) -> Generator {
        Generator(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    pub(super) fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.roll(list.len())].clone()
    }

    /// An expression of any type.
    pub(super) fn any(&mut self) -> Expr {
        // Half of them a call of a function drawn evenly, so that each row of the table is met.
        if self.roll(2) == 0 {
            let entries: Vec<&Entry> = families().iter().flat_map(|(_, table)| *table).collect();
            let entry = self.pick(&entries);
            return self.call(entry, None, DEPTH);
        }
        let ty = (self.pick(COLUMNS).1)();
        self.of(&ty, DEPTH)
    }

    /// An expression of a type.
    fn of(&mut self, ty: &SqlType, depth: u32) -> Expr {
        if depth == 0 {
            return self.leaf(ty);
        }
        match self.roll(14) {
            0..=3 => self.leaf(ty),
            4..=8 => {
                let giving: Vec<&Entry> = families()
                    .iter()
                    .flat_map(|(_, table)| *table)
                    .filter(|entry| gives(entry.gives, ty))
                    .collect();
                match giving.is_empty() {
                    true => self.leaf(ty),
                    false => {
                        let entry = self.pick(&giving);
                        self.call(entry, Some(ty), depth)
                    }
                }
            }
            9 => self.cast_to(ty, depth),
            10 => Expr::Coalesce(vec![self.of(ty, depth - 1), self.of(ty, depth - 1)]),
            11 if has_order(ty) => {
                let list = vec![self.of(ty, depth - 1), self.of(ty, depth - 1), self.column(ty)];
                match self.roll(3) {
                    0 => Expr::Greatest(list, ty.class()),
                    1 => Expr::Least(list, ty.class()),
                    _ => {
                        let [first, .., last] = list.as_slice() else { unreachable!("three") };
                        Expr::NullIf(first.clone().into(), last.clone().into(), ty.class())
                    }
                }
            }
            12 => Expr::Case {
                branches: vec![
                    (self.of(&SqlType::Bool, depth - 1), self.of(ty, depth - 1)),
                    (self.of(&SqlType::Bool, depth - 1), self.of(ty, depth - 1)),
                ],
                otherwise: (self.roll(2) == 0).then(|| Box::new(self.of(ty, depth - 1))),
            },
            _ => match ty {
                SqlType::Bool => self.truth(depth),
                // Of arrays, of which all must be of one size.
                array @ SqlType::Array(_) if self.roll(4) == 0 => {
                    let one = self.column(array);
                    Expr::Array(vec![one.clone(), one], array.clone())
                }
                SqlType::Array(element) => {
                    let list = vec![self.column(element), self.of(element, depth - 1)];
                    Expr::Array(list, element.as_ref().clone())
                }
                _ => self.leaf(ty),
            },
        }
    }

    /// A condition.
    fn truth(&mut self, depth: u32) -> Expr {
        let ordered: Vec<SqlType> =
            COLUMNS.iter().map(|column| (column.1)()).filter(has_order).collect();
        let ty = self.pick(&ordered);
        let class = ty.class();
        let mut one = |ty: &SqlType| Box::new(self.of(ty, depth - 1));
        let (left, right) = (one(&ty), one(&ty));
        match self.roll(11) {
            0 => Expr::And(vec![
                self.of(&SqlType::Bool, depth - 1),
                self.of(&SqlType::Bool, depth - 1),
            ]),
            1 => Expr::Or(vec![
                self.of(&SqlType::Bool, depth - 1),
                self.of(&SqlType::Bool, depth - 1),
            ]),
            2 => Expr::Not(Box::new(self.of(&SqlType::Bool, depth - 1))),
            3 => Expr::IsNull(left),
            4 => Expr::IsDistinct(left, right, class),
            5 => {
                let list = vec![self.leaf(&ty), self.leaf(&ty), *right];
                Expr::In(Box::new(self.column(&ty)), list, class)
            }
            6 => Expr::Like {
                of: Box::new(self.of(&SqlType::Text, depth - 1)),
                pattern: Box::new(match self.roll(4) {
                    0 => self.of(&SqlType::Text, depth - 1),
                    _ => self.literal_of(&SqlType::Text, LIKES),
                }),
                escape: self.pick(&[Some('\\'), Some('\\'), Some('!'), None]),
                fold: self.roll(2) == 0,
            },
            7 => {
                let element = self.pick(&[SqlType::Int4, SqlType::Text, SqlType::Numeric(None)]);
                let array = SqlType::Array(Box::new(element.clone()));
                Expr::Quantified {
                    of: Box::new(self.of(&element, depth - 1)),
                    op: self.pick(&COMPARISONS),
                    array: Box::new(self.of(&array, depth - 1)),
                    all: self.roll(2) == 0,
                    class: element.class(),
                }
            }
            8 => Expr::IsTrue(Box::new(self.of(&SqlType::Bool, depth - 1))),
            // What has no order is only equal or not.
            9 => {
                let [left, right] = [0, 1].map(|_| Box::new(self.of(&SqlType::Jsonb, depth - 1)));
                let op = self.pick(&COMPARISONS[..2]);
                Expr::Compare(op, left, right, SqlType::Jsonb.class())
            }
            _ => Expr::Compare(self.pick(&COMPARISONS), left, right, class),
        }
    }

    fn call(&mut self, entry: &Entry, wanted: Option<&SqlType>, depth: u32) -> Expr {
        let elements = [SqlType::Int4, SqlType::Text, SqlType::Numeric(None)];
        // What a polymorphic signature stands for here.
        let element = match (wanted, entry.gives) {
            (Some(SqlType::Array(element)), Ty::AnyArray | Ty::CommonArray) => *element.clone(),
            (Some(ty), Ty::AnyElement | Ty::Common) if elements.contains(ty) => ty.clone(),
            _ => self.pick(&elements),
        };
        let mut args: Vec<Expr> = Vec::new();
        for (at, ty) in entry.args().iter().enumerate() {
            let ty = self.concrete(*ty, &element);
            let arg = match hint(entry.function, at) {
                Some(texts) if self.roll(6) > 0 => self.literal_of(&ty, texts),
                _ => self.of(&ty, depth - 1),
            };
            args.push(arg);
        }
        if let Some(rest) = entry.rest {
            let mut count = 1 + self.roll(3);
            if entry.names[0].ends_with("build_object") {
                count *= 2;
            }
            for _ in 0..count {
                let ty = self.concrete(rest, &element);
                args.push(self.of(&ty, depth - 1));
            }
        }
        if !args.is_empty() && !args.iter().any(reads) && self.roll(10) > 0 {
            let at = (0..args.len()).find(|at| hint(entry.function, *at).is_none()).unwrap_or(0);
            let listed = entry.args().get(at).copied().or(entry.rest);
            let ty = listed.map_or(SqlType::Text, |ty| self.concrete(ty, &element));
            args[at] = self.column(&ty);
        }
        let ty = match entry.gives {
            Ty::AnyElement | Ty::Common => element,
            Ty::AnyArray | Ty::CommonArray => SqlType::Array(Box::new(element)),
            ty => ty.concrete().unwrap_or(SqlType::Unknown),
        };
        Expr::Call { function: entry.function, args, ty }
    }

    fn concrete(&mut self, ty: Ty, element: &SqlType) -> SqlType {
        match ty {
            Ty::AnyElement | Ty::Common => element.clone(),
            Ty::AnyArray | Ty::CommonArray => SqlType::Array(Box::new(element.clone())),
            // The compiler has what JSON is made of as text when it is an `oid`.
            Ty::Any => match (self.pick(COLUMNS).1)() {
                SqlType::Oid => SqlType::Text,
                ty => ty,
            },
            ty => ty.concrete().unwrap_or(SqlType::Text),
        }
    }

    fn cast_to(&mut self, to: &SqlType, depth: u32) -> Expr {
        let from = match to {
            SqlType::Text => (self.pick(COLUMNS).1)(),
            to => {
                let mut from: Vec<SqlType> =
                    CASTS.iter().filter(|cast| &(cast.1)() == to).map(|cast| (cast.0)()).collect();
                if FROM_TEXT.iter().any(|ty| &ty() == to) {
                    from.push(SqlType::Text);
                }
                match from.is_empty() {
                    true => to.clone(),
                    false => self.pick(&from),
                }
            }
        };
        let modifier = match (to, self.roll(3)) {
            (SqlType::Numeric(_), 0) => {
                Some(Modifier::Numeric { precision: 6, scale: self.pick(&[0, 2, 4, -2]) })
            }
            (SqlType::Text | SqlType::Bpchar, 0) => Some(Modifier::Length(3)),
            (SqlType::Bpchar, _) => Some(Modifier::Length(6)),
            (SqlType::Timestamp | SqlType::TimestampTz | SqlType::Time | SqlType::Interval, 0) => {
                Some(Modifier::Fraction(self.roll(5) as u8))
            }
            _ => None,
        };
        let of = self.of(&from, depth - 1);
        let of = if reads(&of) || self.roll(10) == 0 { of } else { self.column(&from) };
        Expr::Cast { of: Box::new(of), from, to: to.clone(), modifier }
    }

    fn leaf(&mut self, ty: &SqlType) -> Expr {
        if self.roll(5) > 0 {
            return self.column(ty);
        }
        let columns: Vec<_> = COLUMNS.iter().filter(|column| &(column.1)() == ty).collect();
        let text = match columns.is_empty() {
            true => "NULL",
            false => {
                let column = self.pick(&columns);
                self.pick(column.3)
            }
        };
        match (text, ty) {
            // Types whose values are not written as they are printed.
            ("NULL", _) | (_, SqlType::Bpchar | SqlType::Money) => Expr::Literal(None, ty.clone()),
            (text, _) => Expr::Literal(Some(text.to_owned()), ty.clone()),
        }
    }

    fn column(&mut self, ty: &SqlType) -> Expr {
        let columns: Vec<usize> =
            (0..COLUMNS.len()).filter(|at| &(COLUMNS[*at].1)() == ty).collect();
        match columns.is_empty() {
            true => Expr::Literal(None, ty.clone()),
            false => Expr::Column(ColumnId(self.pick(&columns) as u16)),
        }
    }

    /// One of some texts, `¦` between them.
    fn literal_of(&mut self, ty: &SqlType, texts: &str) -> Expr {
        let texts: Vec<&str> = texts.split('¦').collect();
        Expr::Literal(Some(self.pick(&texts).to_owned()), ty.clone())
    }
}

/// Patterns, with `¦` between.
const LIKES: &str = "%b%¦a_c¦_¦%¦¦10\\%%¦THE%¦%\\¦%é¦_a_b¦%ΑΣ%¦İ%¦%k%s%¦__%__¦%!¦!_%¦\\";

fn gives(gives: Ty, ty: &SqlType) -> bool {
    match (gives, ty) {
        (Ty::AnyArray | Ty::CommonArray, SqlType::Array(_)) => true,
        (Ty::AnyElement | Ty::Common, SqlType::Int4 | SqlType::Text | SqlType::Numeric(_)) => true,
        (gives, ty) => gives.concrete().as_ref() == Some(ty),
    }
}

fn has_order(ty: &SqlType) -> bool {
    !matches!(ty, SqlType::Json | SqlType::Jsonb | SqlType::Money)
}

/// Whether rows differ in it.
pub(super) fn reads(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_)) || expr.parts().into_iter().any(reads)
}
