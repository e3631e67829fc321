//! One tree for YAML and TOML: values that know where they stand in their file.
//!
//! The readers work on this tree instead of deserialising, so that a mistake is reported at its
//! place and reading goes on to the next one. Scalars are resolved once, by the rules of their
//! format; what a reader wants to take a number for is its own affair, the text is kept.

use crate::diagnostics::Place;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// All of it, from the first byte to the last.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written. Keys are unique: a repeated one was reported and left out.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key's text, quotes and escapes resolved.
    pub key: String,
    /// Where the key stands.
    pub key_place: Place,
    /// False when a key that YAML takes for a number, a truth value or null stands bare.
    pub key_is_text: bool,
    /// What it is set to.
    pub node: Node,
}

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text as written, quotes and escapes resolved.
    pub text: String,
    /// What the format takes it for.
    pub kind: ScalarKind,
    /// From which byte of the text on it stands at which byte of the file; empty when nobody can
    /// ask for it.
    pub pieces: Vec<(u32, u32)>,
}

/// What a format takes a scalar for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarKind {
    /// Text, quoted or not like anything else.
    Text,
    /// YAML's null.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer between `i64::MIN` and `u64::MAX`.
    Int(i128),
    /// An integer beyond that.
    HugeInt,
    /// Another number.
    Float(f64),
    /// A date or time of TOML.
    Datetime,
}

impl Node {
    /// Whether it is YAML's null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind == ScalarKind::Null)
    }

    /// What it is, for a sentence: "a list", "the number `5`".
    pub fn describe(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "null".into(),
                ScalarKind::Text => format!("the text `{}`", excerpt(&scalar.text)),
                ScalarKind::Bool(value) => format!("`{value}`"),
                ScalarKind::Int(_) | ScalarKind::HugeInt | ScalarKind::Float(_) => {
                    format!("the number `{}`", excerpt(&scalar.text))
                }
                ScalarKind::Datetime => format!("the date `{}`", excerpt(&scalar.text)),
            },
        }
    }

    /// Levels of lists and maps in it, itself included; 1 for a scalar.
    pub fn depth(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(entries) => {
                entries.iter().map(|entry| entry.node.depth()).max().unwrap_or(0)
            }
        }
    }

    /// Nodes in it, itself included.
    pub fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.count()).sum(),
        }
    }
}

/// At most forty characters of the first line.
fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.trim_end().len() => format!("{line}…"),
        None => line.into(),
    }
}
