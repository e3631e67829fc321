//! The capture and what it needs to know, against a real server.

mod catalog;
mod changes;
mod faults;
mod readiness;
mod support;
