//! YAML text to a [`Node`], by the rules the reference's files were written under.
//!
//! Those are YAML 1.2's core schema: `yes` and `017` are text, `0x10` is a number. Anchors are
//! resolved, `<<` is a key like any other, unknown tags are passed over, `!!str` is honoured.
//! Refused: a byte order mark, several documents, repeated keys, keys that are lists or maps,
//! and what grows without bound through aliases.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::node::{Entry, Node, Scalar, ScalarKind, Value};
use super::pieces;
use crate::diagnostics::{Diagnostic, Place};

/// Levels of lists and maps that a file may have.
const MAX_DEPTH: usize = 128;

/// Nodes that a file may have once its aliases are resolved.
const MAX_NODES: usize = 100_000;

/// Reads a file. None when its text is not YAML, in which case `found` says why; a repeated key
/// is reported and the rest is read.
pub fn parse(file: u32, text: &str, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let whole = Place { file, start: 0, end: 0 };
    if text.starts_with('\u{feff}') {
        let error = Diagnostic::error(whole, "the file begins with a byte order mark");
        found.push(error.help("save it as UTF-8 without one"));
        return None;
    }
    let builder = Builder {
        file,
        offsets: offsets(text),
        text,
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        found,
    };
    match builder.run() {
        Ok(node) => node,
        Err(error) => {
            found.push(*error);
            None
        }
    }
}

/// The byte at which each character begins, and the end of the text; empty when every character
/// is one byte.
fn offsets(text: &str) -> Vec<u32> {
    if text.is_ascii() {
        return Vec::new();
    }
    text.char_indices().map(|(byte, _)| byte as u32).chain([text.len() as u32]).collect()
}

/// A list or map whose end has not come.
struct Open {
    place: Place,
    anchor: usize,
    inside: Inside,
}

/// What an unfinished list or map holds so far.
enum Inside {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// A key whose value is next.
        key: Option<(String, Place, bool)>,
    },
}

/// Turns parser events into a tree.
struct Builder<'a> {
    file: u32,
    offsets: Vec<u32>,
    text: &'a str,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    found: &'a mut Vec<Diagnostic>,
}

/// Boxed, for it is large and rare.
type Refusal = Box<Diagnostic>;

impl Builder<'_> {
    /// The document, or what keeps it from being one. None for a file without any.
    fn run(mut self) -> Result<Option<Node>, Refusal> {
        let mut root = None;
        let mut documents = 0;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            let place = self.place(span);
            let node = match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let error = Diagnostic::error(place, "a second document begins here");
                        return Err(Box::new(error.help("one file holds one document")));
                    }
                    continue;
                }
                Event::SequenceStart(anchor, _) => {
                    self.begin(place, anchor, Inside::List(Vec::new()))?;
                    continue;
                }
                Event::MappingStart(anchor, _) => {
                    self.begin(place, anchor, Inside::Map { entries: Vec::new(), key: None })?;
                    continue;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let kind = resolve(&text, style, tag.as_deref());
                    let pieces = match kind {
                        ScalarKind::Text => pieces::pieces(self.text, place, &text, style),
                        _ => Vec::new(),
                    };
                    let value = Value::Scalar(Scalar { text: text.into_owned(), kind, pieces });
                    self.anchored(Node { place, value }, anchor)
                }
                Event::Alias(anchor) => self.alias(anchor, place)?,
                Event::SequenceEnd | Event::MappingEnd => match self.end(place) {
                    Some(node) => node,
                    None => continue,
                },
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {
                    continue;
                }
            };
            root = self.put(node)?.or(root);
        }
        Ok(root)
    }

    /// Bytes of a span of characters.
    fn place(&self, span: Span) -> Place {
        let byte = |character: usize| match self.offsets.get(character) {
            Some(byte) => *byte,
            None => character.min(self.text.len()) as u32,
        };
        let start = byte(span.start.index());
        Place { file: self.file, start, end: byte(span.end.index()).max(start) }
    }

    /// Opens a list or map.
    fn begin(&mut self, place: Place, anchor: usize, inside: Inside) -> Result<(), Refusal> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(Box::new(Diagnostic::error(place, message)));
        }
        self.open.push(Open { place, anchor, inside });
        Ok(())
    }

    /// Closes the innermost list or map.
    fn end(&mut self, place: Place) -> Option<Node> {
        let open = self.open.pop()?;
        let (value, last) = match open.inside {
            Inside::List(items) => {
                let last = items.last().map(|item| item.place.end);
                (Value::List(items), last)
            }
            Inside::Map { entries, .. } => {
                let last = entries.last().map(|entry| entry.node.place.end);
                (Value::Map(entries), last)
            }
        };
        // The end of a block is told where the next thing begins, blank lines later.
        let bracketed = self.text[open.place.start as usize..].starts_with(['[', '{']);
        let end = if bracketed { place.end } else { last.unwrap_or(place.start) };
        let place = Place { end: end.max(open.place.start), ..open.place };
        Some(self.anchored(Node { place, value }, open.anchor))
    }

    /// Remembers a node under its anchor, if it has one.
    fn anchored(&mut self, node: Node, anchor: usize) -> Node {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        node
    }

    /// A copy of what the anchor named, standing where the alias stands.
    fn alias(&mut self, anchor: usize, place: Place) -> Result<Node, Refusal> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Box::new(Diagnostic::error(
                place,
                "the alias stands inside its own anchor",
            )));
        };
        self.nodes += node.count();
        if self.nodes > MAX_NODES || self.open.len() + node.depth() > MAX_DEPTH {
            return Err(Box::new(Diagnostic::error(
                place,
                "the aliases of this file grow too large",
            )));
        }
        let mut node = node.clone();
        node.place = place;
        Ok(node)
    }

    /// Puts a finished node where it belongs; gives it back when that is the top of the file.
    fn put(&mut self, node: Node) -> Result<Option<Node>, Refusal> {
        let Some(open) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match &mut open.inside {
            Inside::List(items) => items.push(node),
            Inside::Map { entries, key } => match key.take() {
                None => {
                    let Value::Scalar(scalar) = node.value else {
                        let error = Diagnostic::error(node.place, "a list or map cannot be a key");
                        return Err(Box::new(error));
                    };
                    *key = Some((scalar.text, node.place, scalar.kind == ScalarKind::Text));
                }
                Some((key, place, _)) if entries.iter().any(|entry| entry.key == key) => {
                    let error =
                        Diagnostic::error(place, format!("the key `{key}` stands here twice"));
                    self.found.push(error.help("keep one of them"));
                }
                Some((key, key_place, key_is_text)) => {
                    entries.push(Entry { key, key_place, key_is_text, node });
                }
            },
        }
        Ok(None)
    }

    /// What the parser did not like, at the place a person would look.
    fn syntax(&self, error: &saphyr_parser::ScanError) -> Refusal {
        let at = self.place(Span::empty(*error.marker()));
        let rest = &self.text[at.start as usize..];
        let bracket = self
            .open
            .iter()
            .rev()
            .map(|open| open.place)
            .find(|place| self.text[place.start as usize..].starts_with(['[', '{']));
        let error = match bracket {
            Some(place) if rest.trim().is_empty() => {
                let place = Place { end: place.start + 1, ..place };
                Diagnostic::error(place, "the bracket is not closed")
            }
            _ => {
                let length = rest.chars().next().map_or(0, char::len_utf8) as u32;
                let place = Place { end: at.start + length, ..at };
                Diagnostic::error(place, format!("not YAML: {}", error.info()))
            }
        };
        Box::new(error)
    }
}

/// What YAML takes a scalar for: plain ones by the core schema, all others are text.
fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> ScalarKind {
    let says_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || says_text {
        return ScalarKind::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
        _ => {}
    }
    integer(text).or_else(|| float(text)).unwrap_or(ScalarKind::Text)
}

/// `5`, `+5`, `-5`, `0x1f`, `0o17`, `0b11`; a leading zero makes text of it.
fn integer(text: &str) -> Option<ScalarKind> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x', ..] => (&unsigned[2..], 16),
        [b'0', b'o', ..] => (&unsigned[2..], 8),
        [b'0', b'b', ..] => (&unsigned[2..], 2),
        [b'0', _, ..] => return None,
        _ => (unsigned, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let value = i128::from_str_radix(digits, radix).ok().map(|value| sign * value);
    Some(match value {
        Some(value) if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value) => {
            ScalarKind::Int(value)
        }
        _ => ScalarKind::HugeInt,
    })
}

/// `1.5`, `.5`, `5.`, `1e3`, `.inf`, `.nan`; what overflows is text.
fn float(text: &str) -> Option<ScalarKind> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(ScalarKind::Float(sign * f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => {
            return Some(ScalarKind::Float(f64::NAN));
        }
        _ => {}
    }
    if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.as_bytes()[1].is_ascii_digit() {
        return None;
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || !unsigned.contains(|character: char| character.is_ascii_digit())
    {
        return None;
    }
    let value: f64 = unsigned.parse().ok()?;
    value.is_finite().then_some(ScalarKind::Float(sign * value))
}
