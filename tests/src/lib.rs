//! End to end: the binary, a real Postgres, a real OpenSearch, and Postgres as the oracle.
//!
//! ```text
//! Deployment ── files, database ──► flusso run ──► lines ──► folded documents ─┐
//!     │                                                                        ├─ equal
//!     └── flusso plan --sql ──► Postgres ──► documents ─────────────────────────┘
//! ```
//!
//! Each test has a database, a slot and a process of its own; the tests of a file share one
//! server. What goes wrong in here is a failed test, so everything panics with what it knows.

pub mod churn;
pub mod database;
pub mod deployment;
pub mod dice;
pub mod docs;
pub mod documents;
pub mod exact;
pub mod flusso;
pub mod forward;
pub mod http;
pub mod node;
pub mod prometheus;
pub mod proxy;
pub mod server;
pub mod shop;
