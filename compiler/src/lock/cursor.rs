//! Finding one's way in the tree of a lock, and saying where it went wrong.

use serde_json::Value;

use super::LockError;
use crate::diagnostics::{At, Place};

/// Where everything in a lock stands.
pub const NOWHERE: Place = Place { file: 0, start: 0, end: 0 };

/// What was read, or the reason why not.
pub type Read<T> = Result<T, LockError>;

/// A value and the way to it, for the error.
pub struct Cursor<'a> {
    /// The value.
    pub value: &'a Value,
    /// The keys that lead to it: `lock.config.source`.
    pub at: String,
}

impl<'a> Cursor<'a> {
    /// It is not what belongs here.
    pub fn wrong<T>(&self, expected: &'static str) -> Read<T> {
        Err(LockError::Form { at: self.at.clone(), expected })
    }

    fn step(&self, key: &str, value: &'a Value) -> Cursor<'a> {
        Cursor { value, at: format!("{}.{key}", self.at) }
    }

    /// The value of a key that may be absent.
    pub fn get(&self, key: &str) -> Option<Cursor<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.step(key, value))
    }

    /// The value of a key that must be there.
    pub fn need(&self, key: &str) -> Read<Cursor<'a>> {
        match self.get(key) {
            Some(cursor) => Ok(cursor),
            None => self.step(key, &Value::Null).wrong("a value"),
        }
    }

    /// What is read from a key that may be absent.
    pub fn optional<T>(&self, key: &str, read: impl Fn(&Cursor<'a>) -> Read<T>) -> Read<Option<T>> {
        self.get(key).map(|cursor| read(&cursor)).transpose()
    }

    /// A text.
    pub fn text(&self) -> Read<String> {
        self.value.as_str().map_or_else(|| self.wrong("a text"), |text| Ok(text.into()))
    }

    /// A text, as the types hold it.
    pub fn placed(&self) -> Read<At<String>> {
        Ok(At::new(self.text()?, NOWHERE))
    }

    /// A truth value.
    pub fn boolean(&self) -> Read<bool> {
        self.value.as_bool().map_or_else(|| self.wrong("a truth value"), Ok)
    }

    /// A whole number of any width.
    pub fn number<T: TryFrom<u64>>(&self) -> Read<T> {
        let number = self.value.as_u64().and_then(|number| T::try_from(number).ok());
        number.map_or_else(|| self.wrong("a whole number"), Ok)
    }

    /// What is read from each item.
    pub fn list<T>(&self, read: impl Fn(&Cursor<'a>) -> Read<T>) -> Read<Vec<T>> {
        let Some(items) = self.value.as_array() else { return self.wrong("a list") };
        let item = |(position, item)| read(&self.step(&format!("{position}"), item));
        items.iter().enumerate().map(item).collect()
    }

    /// What is read from each entry, in the order of the keys.
    pub fn map<T>(&self, read: impl Fn(&str, &Cursor<'a>) -> Read<T>) -> Read<Vec<T>> {
        let Some(entries) = self.value.as_object() else { return self.wrong("a map") };
        entries.iter().map(|(key, value)| read(key, &self.step(key, value))).collect()
    }

    /// A variant's name and what it holds: `"count"` or `{"sum": …}`.
    pub fn variant(&self) -> Read<(&'a str, Cursor<'a>)> {
        match self.value {
            Value::String(name) => Ok((name, self.step(name, &Value::Null))),
            Value::Object(entries) if entries.len() == 1 => match entries.iter().next() {
                Some((name, value)) => Ok((name, self.step(name, value))),
                None => self.wrong("one of several forms"),
            },
            _ => self.wrong("one of several forms"),
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Read<T> {
        let word = words.iter().find(|(word, _)| self.value.as_str() == Some(*word));
        word.map_or_else(|| self.wrong("a known word"), |(_, value)| Ok(*value))
    }
}
