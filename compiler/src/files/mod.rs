//! The two file formats, from text to values that know where they stood.
//!
//! ```text
//! flusso.toml ── toml ──┐           ┌─ config_read ──► config::Config
//!                       ├─► node ───┤
//! *.schema.yml ─ yaml ──┘           └─ schema_read, field_read,
//!                                      relation_read, filter_read ──► schema::Schema
//! ```

pub mod budget;
pub mod cluster;
pub mod config;
mod config_read;
mod field_read;
mod filter_read;
mod literal;
mod load;
pub(crate) mod names;
mod node;
pub mod overrides;
mod pieces;
mod read;
mod relation_read;
pub mod schema;
mod schema_read;
mod sql_read;
#[cfg(test)]
mod tests;
mod toml;
mod url;
mod yaml;

pub use load::{Head, load, read_head, read_schema};
