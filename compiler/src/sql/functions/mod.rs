//! Every function and operator of the language, in one table.
//!
//! A row says by which names it is called, what it takes and gives, whether a NULL makes it NULL
//! and what it computes. Inference resolves calls against the rows, evaluation matches on the
//! [`Function`] that a row stands for, the manual's page and the suggestions are printed from them.
//! One family a file; each variant is one typed overload, so that whoever evaluates meets exactly
//! the types of the row and the compiler names every place that a new variant needs.
//!
//! Comparisons, `LIKE`, `CASE` and what else has a form of its own are kinds of
//! [`Expr`](crate::expr::Expr), not rows.

mod arithmetic;
mod array;
mod format;
mod json;
mod pattern;
pub mod refused;
pub mod resolve;
mod text;
mod time;

use serde::Serialize;

pub use self::arithmetic::Arithmetic;
pub use self::array::Array;
pub use self::format::Format;
pub use self::json::Json;
pub use self::pattern::Pattern;
pub use self::text::Text;
pub use self::time::Time;

use crate::types::SqlType;

/// One overload of one function or operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Numbers.
    Arithmetic(Arithmetic),
    /// Text and bytes.
    Text(Text),
    /// Regular expressions.
    Pattern(Pattern),
    /// Dates, times and intervals.
    Time(Time),
    /// By a template: `to_char` and its inverses.
    Format(Format),
    /// `json` and `jsonb`.
    Json(Json),
    /// Arrays.
    Array(Array),
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What evaluation goes by.
    pub function: Function,
    /// How it is called; the first is how it is printed.
    pub names: &'static [&'static str],
    /// The types of the arguments, empty for none. The first list is what the function gets; a
    /// call that fits one of the others is brought to it by casts.
    pub takes: &'static [&'static [Ty]],
    /// The type of further arguments, any number of them.
    pub rest: Option<Ty>,
    /// The type of the result.
    pub gives: Ty,
    /// NULL when any argument is.
    pub strict: bool,
    /// What it computes, the end of a sentence that begins with the call.
    pub what: &'static str,
}

/// A type in a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Ty {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Bpchar,
    Bytea,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Json,
    Jsonb,
    TextArray,
    Int4Array,
    /// Each argument of its own type.
    Any,
    /// Any type, the same at every place and the element of every [`Ty::AnyArray`].
    AnyElement,
    /// Like [`Ty::AnyElement`], but no array.
    AnyNonArray,
    /// Any array, the same at every place.
    AnyArray,
    /// Like [`Ty::AnyElement`], with arguments brought to one type.
    Common,
    /// Like [`Ty::AnyArray`], with elements brought to one type.
    CommonArray,
    /// A type that no value here has, which an untyped text may be meant to be of.
    Other,
}

impl Ty {
    /// The type it stands for; none where the arguments decide.
    pub fn concrete(self) -> Option<SqlType> {
        Some(match self {
            Ty::Bool => SqlType::Bool,
            Ty::Int2 => SqlType::Int2,
            Ty::Int4 => SqlType::Int4,
            Ty::Int8 => SqlType::Int8,
            Ty::Float4 => SqlType::Float4,
            Ty::Float8 => SqlType::Float8,
            Ty::Numeric => SqlType::Numeric(None),
            Ty::Text => SqlType::Text,
            Ty::Bpchar => SqlType::Bpchar,
            Ty::Bytea => SqlType::Bytea,
            Ty::Date => SqlType::Date,
            Ty::Time => SqlType::Time,
            Ty::TimeTz => SqlType::TimeTz,
            Ty::Timestamp => SqlType::Timestamp,
            Ty::TimestampTz => SqlType::TimestampTz,
            Ty::Interval => SqlType::Interval,
            Ty::Json => SqlType::Json,
            Ty::Jsonb => SqlType::Jsonb,
            Ty::TextArray => SqlType::Array(Box::new(SqlType::Text)),
            Ty::Int4Array => SqlType::Array(Box::new(SqlType::Int4)),
            Ty::Any
            | Ty::AnyElement
            | Ty::AnyNonArray
            | Ty::AnyArray
            | Ty::Common
            | Ty::CommonArray
            | Ty::Other => return None,
        })
    }
}

impl Function {
    /// Its row.
    pub fn entry(self) -> &'static Entry {
        match self {
            Function::Arithmetic(one) => &Arithmetic::TABLE[one as usize],
            Function::Text(one) => &Text::TABLE[one as usize],
            Function::Pattern(one) => &Pattern::TABLE[one as usize],
            Function::Time(one) => &Time::TABLE[one as usize],
            Function::Format(one) => &Format::TABLE[one as usize],
            Function::Json(one) => &Json::TABLE[one as usize],
            Function::Array(one) => &Array::TABLE[one as usize],
        }
    }
}

impl Entry {
    /// The types of the arguments that the function gets, `rest` apart.
    pub fn args(&self) -> &'static [Ty] {
        self.takes.first().copied().unwrap_or_default()
    }

    /// Whether it is written between or before its arguments.
    pub fn is_operator(&self) -> bool {
        is_operator(self.names[0])
    }
}

impl std::fmt::Display for Ty {
    /// As Postgres calls it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self, self.concrete()) {
            (_, Some(ty)) => ty.fmt(f),
            (Ty::Any, None) => f.write_str("any"),
            (Ty::Other, None) => f.write_str("other"),
            (Ty::AnyArray | Ty::CommonArray, None) => f.write_str("array"),
            (_, None) => f.write_str("value"),
        }
    }
}

/// How a call looks: `left(text, integer)`, `integer + integer`.
pub fn signature(name: &str, args: &[Ty], rest: Option<Ty>) -> String {
    match (name, args) {
        ("[]", _) => "array[integer]".into(),
        ("[:]", _) => "array[integer:integer]".into(),
        (name, [left, right]) if is_operator(name) => format!("{left} {name} {right}"),
        (name, [of]) if is_operator(name) => format!("{name} {of}"),
        (name, args) => {
            let mut list: Vec<String> = args.iter().map(Ty::to_string).collect();
            list.extend(rest.map(|rest| format!("{rest}, …")));
            format!("{name}({})", list.join(", "))
        }
    }
}

/// Whether a name is written between or before its arguments.
fn is_operator(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// The families with their titles, in the order of the manual.
pub fn families() -> [(&'static str, &'static [Entry]); 7] {
    [
        ("Numbers", Arithmetic::TABLE),
        ("Text and bytes", Text::TABLE),
        ("Regular expressions", Pattern::TABLE),
        ("Dates and times", Time::TABLE),
        ("Templates", Format::TABLE),
        ("JSON", Json::TABLE),
        ("Arrays", Array::TABLE),
    ]
}

/// Makes the enum of a family and its table, row by row:
///
/// ```text
/// Variant "name" | "other name" (Types, it takes | Other, types) -> Type: "what it computes";
/// ```
///
/// `; Type` before the closing bracket allows further arguments; `lax` before the colon says that
/// the function makes something of NULL.
macro_rules! family {
    (
        $(#[$about:meta])* $family:ident;
        $(
            $variant:ident $($name:literal)|+ ($($($ty:ident),+)|* $(; $rest:ident)?) -> $gives:ident
            $($lax:ident)? : $what:literal;
        )*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $family {
            $(#[doc = $what] $variant,)*
        }

        impl $family {
            /// The rows, in the order of the variants.
            pub const TABLE: &'static [super::Entry] = &[$(super::Entry {
                function: super::Function::$family($family::$variant),
                names: &[$($name),+],
                takes: &[$(&[$(super::Ty::$ty),+]),*],
                rest: super::family!(@rest $($rest)?),
                gives: super::Ty::$gives,
                strict: super::family!(@strict $($lax)?),
                what: $what,
            },)*];
        }
    };
    (@rest) => { None };
    (@rest $rest:ident) => { Some(super::Ty::$rest) };
    (@strict) => { true };
    (@strict lax) => { false };
}

use family;

#[cfg(test)]
mod tests;
