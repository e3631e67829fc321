//! The capture and what it needs to know, against a real server.

// Whatever goes wrong in here is a failed test.
#![allow(clippy::unwrap_used)]

mod catalog;
mod changes;
mod ddl;
mod faults;
mod readiness;
mod support;
