//! Renders a [`Plan`](flusso_compiler::plan::Plan) into one timely dataflow and runs it.
//!
//! ```text
//!  Feeder ─► upsert ─►│ encode ─► arrange ─► publish ─► propagate ═►│ gather │─► Emit
//!  rows      ±rows    │ or join   traces     changed    roots@t      │ JSON   │
//!                     └──────────────── one dataflow, N workers ─────┴────────┘
//! ```
//!
//! All use of timely and differential-dataflow is here; no network, no files. `runtime` sees rows
//! going in ([`feed`]), documents coming out ([`emit`]), and the trait of the row store
//! ([`rows::Rows`]).

pub mod busy;
pub mod emit;
pub mod engine;
pub mod eval;
pub mod feed;
pub mod measure;
pub mod row;
pub mod rows;
pub mod upsert;

mod aggregate;
mod assemble;
mod encode;
mod fill;
mod gather;
mod join;
mod json;
mod lookup;
mod order;
mod propagate;
mod publish;
mod query;
mod render;
mod shape;
mod source;
mod spine;
mod tally;
mod value;

/// A position in Postgres' write-ahead log. Times of the dataflow are the LSNs at which
/// transactions ended; numbers below the snapshot's LSN tick through the first copy.
pub type Lsn = u64;

#[cfg(test)]
mod tests;
