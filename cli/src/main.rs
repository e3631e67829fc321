//! The `flusso` binary.
fn main() {}
