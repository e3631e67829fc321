//! Postgres as a source: a consistent copy of the plan's tables, then every committed change.
//!
//! ```text
//!  preflight ─► publication ─► slot ─► state ─► snapshot at C ─► copy ─► stream
//!                                 │                      └─ N sessions by ctid range
//!                                 └─ keeps the WAL from here on; confirmed only when durable
//! ```
//!
//! Two ways to speak to the server: tokio-postgres for SQL and `COPY` ([`connect`]), and a small
//! transport of our own for replication ([`wire`]), which tokio-postgres does not have. Both pin
//! the settings that decide how values print, so that copy and stream agree to the byte.

pub mod capture;
pub mod catalog;
pub mod changed;
pub mod connect;
mod copy;
pub mod decode;
pub mod error;
pub mod facts;
#[cfg(test)]
mod fuzz;
mod layout;
pub mod moment;
pub mod needed;
mod origin;
pub mod preflight;
pub mod progress;
pub mod publication;
mod quote;
mod relations;
mod seen;
mod slot;
mod snapshot;
mod stream;
pub mod survey;
mod timeline;
mod tls;
mod transaction;
mod watch;
mod wire;

pub use capture::{Capture, Captured, Settings};
pub use connect::Connection;
pub use error::CaptureError;
pub use tokio_postgres::Client;
