//! The runtime.

pub mod sinks;
