//! The two file formats, from text to values that know where they stood.

pub mod config;
pub mod schema;
