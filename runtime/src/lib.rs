//! The runtime: Postgres on one side, sinks on the other, the dataflow between, and what is told
//! of it over HTTP and in the log.

pub mod deliver;
pub mod failpoint;
pub mod feed;
pub mod http;
pub mod instant;
pub mod lag;
pub mod memory;
pub mod postgres;
pub mod preview;
pub mod progress;
pub mod quarantine;
pub mod reading;
pub mod rebuild;
pub mod report;
pub mod run;
pub mod settle;
pub mod sinks;
pub mod status;
pub mod store;
pub mod telemetry;
pub mod verify;
pub mod waits;
pub mod work;
