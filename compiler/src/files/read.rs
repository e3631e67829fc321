//! Taking the known keys out of a map, reporting the rest, and going on.
//!
//! ```text
//! let mut keys = Keys::of(node, "an index", found)?;
//! let name = keys.need("name", found);        // reported when missing
//! let pipeline = keys.take("pipeline");       // null is the same as absent
//! keys.finish(found);                         // reports what was not asked for
//! ```
//!
//! The keys asked for are the keys there are: the suggestion for a misspelt one comes from them.

use super::node::{Entry, Node, Scalar, ScalarKind, Value};
use crate::diagnostics::{At, Diagnostic, Place, nearest};

/// The keys of one map.
pub struct Keys<'a> {
    /// What the map describes: "a sink".
    what: String,
    entries: &'a [Entry],
    place: Place,
    asked: Vec<&'static str>,
    ignored: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    /// The keys of a map; anything else is reported.
    pub fn of(node: &'a Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Keys<'a>> {
        let Value::Map(entries) = &node.value else {
            let message = format!("{what} is a map of keys and values, not {}", node.describe());
            found.push(Diagnostic::error(node.place, message));
            return None;
        };
        // A long map is pointed at by its first key.
        let place = entries.first().map_or(node.place, |entry| entry.key_place);
        Some(Keys { what: what.into(), entries, place, asked: Vec::new(), ignored: Vec::new() })
    }

    /// What the map describes, once it is known better than from outside, and the key that says it.
    pub fn describe(&mut self, what: impl Into<String>, place: Place) {
        self.what = what.into();
        self.place = place;
    }

    /// Where a message about the map as a whole points.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The entry of a key, null or not.
    pub fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.asked.push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// A key that may stand here and says nothing; it is never suggested.
    pub fn ignore(&mut self, key: &'static str) {
        self.ignored.push(key);
    }

    /// The value of a key that may be absent; null is absent.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    /// The value of a key that must be there.
    pub fn need(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Option<&'a Node> {
        let node = self.take(key);
        if node.is_none() {
            found.push(self.missing(key));
        }
        node
    }

    /// A key that must be there is not.
    pub fn missing(&self, key: &str) -> Diagnostic {
        match self.entries.iter().find(|entry| entry.key == key) {
            Some(entry) => {
                let message = format!("`{key}` of {} has no value", self.what);
                Diagnostic::error(entry.key_place, message)
            }
            None => Diagnostic::error(self.place, format!("{} needs `{key}`", self.what)),
        }
    }

    /// Reports the keys nobody asked for.
    pub fn finish(self, found: &mut Vec<Diagnostic>) {
        let known = |key: &str| self.asked.contains(&key) || self.ignored.contains(&key);
        for entry in self.entries.iter().filter(|entry| !known(&entry.key)) {
            let error = Diagnostic::error(
                entry.key_place,
                format!("unknown key `{}` in {}", entry.key, self.what),
            );
            let help = match nearest(&entry.key, self.asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its keys are {}", list(&self.asked)),
            };
            found.push(error.help(help));
        }
    }
}

/// "`a`, `b` and `c`".
pub fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The scalar in a node; `what` names it in the report: "`limit`".
fn scalar<'a>(
    node: &'a Node,
    what: &str,
    expected: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<&'a Scalar> {
    match &node.value {
        Value::Scalar(scalar) => Some(scalar),
        Value::List(_) | Value::Map(_) => {
            found.push(wrong(node, what, expected));
            None
        }
    }
}

/// Something else was written than what belongs here.
pub fn wrong(node: &Node, what: &str, expected: &str) -> Diagnostic {
    let message = format!("{what} is {expected}, not {}", node.describe());
    Diagnostic::error(node.place, message)
}

/// Text for a name: what YAML takes for a truth value is the word itself.
pub fn text_of<'a>(node: &'a Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<&'a str> {
    let what = format!("the name of {what}");
    let scalar = scalar(node, &what, "a text", found)?;
    match scalar.kind {
        ScalarKind::Null => {
            found.push(wrong(node, &what, "a text"));
            None
        }
        _ => Some(&scalar.text),
    }
}

/// Text.
pub fn text(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
    match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text, .. }) => {
            Some(At::new(text.clone(), node.place))
        }
        Value::Scalar(scalar) => {
            let error = wrong(node, what, "a text");
            found.push(error.help(format!("write \"{}\"", scalar.text)));
            None
        }
        Value::List(_) | Value::Map(_) => {
            found.push(wrong(node, what, "a text"));
            None
        }
    }
}

/// The text of a scalar that is text; empty for anything else.
fn word(node: &Node) -> &str {
    match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text, .. }) => text,
        _ => "",
    }
}

/// A truth value.
pub fn boolean(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<bool> {
    match &node.value {
        Value::Scalar(Scalar { kind: ScalarKind::Bool(value), .. }) => Some(*value),
        _ => {
            let error = wrong(node, what, "`true` or `false`");
            found.push(match word(node) {
                "true" | "false" => error.help("leave the quotes out"),
                "yes" | "on" => error.help("write `true`"),
                "no" | "off" => error.help("write `false`"),
                _ => error,
            });
            None
        }
    }
}

/// A whole number from 0 to `max`.
pub fn whole(node: &Node, what: &str, max: u64, found: &mut Vec<Diagnostic>) -> Option<u64> {
    let value = match &node.value {
        Value::Scalar(Scalar { kind: ScalarKind::Int(value), .. }) => u64::try_from(*value).ok(),
        _ => None,
    };
    let value = value.filter(|value| *value <= max);
    if value.is_none() {
        let expected = match max {
            u64::MAX => "a whole number from 0 up".into(),
            _ => format!("a whole number from 0 to {max}"),
        };
        let error = wrong(node, what, &expected);
        let quoted = word(node).parse::<u64>().is_ok();
        found.push(if quoted { error.help("leave the quotes out") } else { error });
    }
    value
}

/// One of a few words, each with what it stands for.
pub fn choice<T: Clone>(
    node: &Node,
    what: &str,
    words: &[(&str, T)],
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let known = match &node.value {
        Value::Scalar(scalar) => words.iter().find(|(word, _)| *word == scalar.text),
        Value::List(_) | Value::Map(_) => None,
    };
    if known.is_none() {
        let near = match &node.value {
            Value::Scalar(scalar) => nearest(&scalar.text, names.iter().copied()),
            Value::List(_) | Value::Map(_) => None,
        };
        let error = Diagnostic::error(node.place, format!("{what} cannot be {}", node.describe()));
        found.push(error.help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.len() == 1 => format!("only {} is possible", list(&names)),
            None => format!("one of {}", list(&names)),
        }));
    }
    known.map(|(_, value)| value.clone())
}

/// The items of a list.
pub fn items<'a>(node: &'a Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<&'a [Node]> {
    match &node.value {
        Value::List(items) => Some(items),
        Value::Scalar(_) | Value::Map(_) => {
            found.push(wrong(node, what, "a list"));
            None
        }
    }
}

/// Reads every item, so that the mistakes of all are found; none when one had any.
pub fn each<T>(items: &[Node], read: impl FnMut(&Node) -> Option<T>) -> Option<Vec<T>> {
    let read: Vec<Option<T>> = items.iter().map(read).collect();
    read.into_iter().collect()
}
