//! Arrays: their text, their parts, what is in them.

pub(crate) mod change;
pub(crate) mod inspect;
mod print;
pub(crate) mod read;

pub(crate) use self::print::print;
