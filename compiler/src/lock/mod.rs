//! `flusso.lock`: a deployment in one file, its schemas included, ready to run elsewhere.
//!
//! MessagePack of `{format_version, flusso_version, config}` in the form of flusso 0.15, so that
//! locks travel in both directions. Equal deployments give equal bytes, and a lock can be
//! committed and compared. Literal secrets are in it, references stay references.

mod cursor;
mod read;
mod write;

use std::net::SocketAddr;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::files::config::Config;

/// The only format there is.
const FORMAT_VERSION: u64 = 1;

/// Why a lock cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockError {
    /// Not MessagePack, or cut off.
    NotALock(String),
    /// Written in another format.
    Version(u64),
    /// Something is missing or of another shape.
    Form {
        /// Where: `config.indexes.users.schema.table`.
        at: String,
        /// What belongs there.
        expected: &'static str,
    },
}

impl std::fmt::Display for LockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LockError::NotALock(reason) => {
                write!(f, "the file is not a flusso lock ({reason}); make one with `flusso build`")
            }
            LockError::Version(version) => write!(
                f,
                "the lock has format {version}, and this flusso reads format {FORMAT_VERSION}; \
                 make it again with `flusso build`"
            ),
            LockError::Form { at, expected } => write!(
                f,
                "the lock holds something else than {expected} at `{at}`; \
                 make it again with `flusso build`"
            ),
        }
    }
}

impl std::error::Error for LockError {}

/// The lock of a deployment.
pub fn write(config: &Config) -> Vec<u8> {
    // Addresses stand in it as their numbers.
    let address = |address: &SocketAddr| match address {
        SocketAddr::V4(v4) => json!({"V4": [v4.ip().octets(), v4.port()]}),
        SocketAddr::V6(v6) => json!({"V6": [v6.ip().octets(), v6.port()]}),
    };
    let lock = json!({
        "format_version": FORMAT_VERSION,
        "flusso_version": env!("CARGO_PKG_VERSION"),
        "config": write::config(config, address),
    });
    // Writing to memory what has text keys and 64-bit integers cannot fail.
    rmp_serde::to_vec_named(&Packed(&lock)).unwrap_or_default()
}

/// The `config` of a lock as JSON, addresses as text: what `check --format json` prints.
pub fn config_json(config: &Config) -> Value {
    write::config(config, |address| address.to_string().into())
}

/// The deployment in a lock. Unknown keys are passed over; places point nowhere.
pub fn read(bytes: &[u8]) -> Result<Config, LockError> {
    let lock: Value =
        rmp_serde::from_slice(bytes).map_err(|error| LockError::NotALock(error.to_string()))?;
    read::lock(&lock)
}

/// JSON whose numbers are integers, as MessagePack: serde_json's own numbers keep their text and
/// would be written as maps.
struct Packed<'a>(&'a Value);

impl Serialize for Packed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => serializer.serialize_u64(value),
                (None, Some(value)) => serializer.serialize_i64(value),
                (None, None) => Err(serde::ser::Error::custom("not an integer")),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Packed(item))?;
                }
                list.end()
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &Packed(value))?;
                }
                map.end()
            }
        }
    }
}
