//! The runtime.

pub mod postgres;
