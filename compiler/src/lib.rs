//! From two kinds of files to one [`plan::Plan`].
//!
//! ```text
//! flusso.toml, *.schema.yml ─► files ─► plan ─► text, json, dot, mermaid, sql   flusso plan
//!                                │       └────► dataflow                        flusso run
//!                                ├────► mapping, hash                           OpenSearch
//!                                └────► lock                                    flusso build
//! ```
//!
//! Pure: no threads, no network, no timely; files are read at one place, [`files::load`].
//! Whoever knows [`plan::Plan`] knows what every other crate does with it.

pub mod catalog;
pub mod catalog_file;
pub mod check;
pub mod diagnostics;
pub mod draft;
pub mod expr;
pub mod files;
pub mod hash;
pub mod lock;
pub mod mapping;
pub mod pattern;
pub mod plan;
pub mod sql;
pub mod types;
