//! SQL as values: names resolved, types settled, nothing left to guess.
//!
//! [`functions`] is the one table of what can be called, [`block`] a query with its relations;
//! the scalar expressions inside are [`Expr`](crate::expr::Expr), like those made of words.

pub mod block;
pub mod functions;
