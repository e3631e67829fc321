//! What a changed deployment costs before it runs: `flusso plan --diff OLD.lock`.
//!
//! ```text
//! indexes
//!   orders   rebuilt  orders_1a2b3c4d → orders_5e6f7a8b
//!            + note   text
//!   users    stays    users_0a1b2c3d
//!
//! tables
//!   notes    copied   new
//! ```
//!
//! An index is called after its schema's hash, so a changed schema always means a new index beside
//! the old one. Under the same name only settings of the sink can differ; those that a server
//! changes in place are changed so, for the others the index is built anew.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::files::config::{Config, IndexEntry, OpenSearch, Sink};
use crate::plan::Plan;
use crate::plan::layout::{Grid, Style, cell};
use crate::{hash, mapping};

/// What changes from one deployment to another. Everything in the order of its name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// Enabled in either.
    pub indexes: Vec<Index>,
    /// Read by either.
    pub tables: Vec<Table>,
    /// Sinks that only one of them has.
    pub sinks: Vec<OneSided>,
}

/// An index before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Index {
    /// The logical name.
    pub name: String,
    /// What happens to it.
    pub fate: Fate,
    /// The alias with the hash: `orders_1a2b3c4d`.
    pub before: Option<String>,
    /// The same afterwards.
    pub after: Option<String>,
    /// How its mapping changes, by path.
    pub fields: Vec<Field>,
}

/// What happens to an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is filled for the first time.
    Filled,
    /// A new one is filled, and takes its place when it is complete.
    Rebuilt,
    /// The server changes its settings in place.
    ChangedInPlace,
    /// Nothing.
    Stays,
    /// It stays on the server and follows no more changes.
    LetGo,
}

/// A field of the mapping, before and after; either may be missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// `customer.name`.
    pub path: String,
    /// Its mapping, without the fields inside it.
    pub before: Option<Value>,
    /// The same afterwards.
    pub after: Option<Value>,
}

impl Field {
    /// Whether searches that were right before are so afterwards: nothing but an addition.
    pub fn compatible(&self) -> bool {
        self.before.is_none()
    }
}

/// A table before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Whether its rows have to be read from Postgres.
    pub copied: bool,
    /// Whether it was not read before; or is not, afterwards.
    pub only: Option<Side>,
    /// Columns that were not read before.
    pub columns: Vec<String>,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Side {
    Before,
    After,
}

/// A sink that is not in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OneSided {
    /// Its name.
    pub name: String,
    /// Which has it.
    pub only: Side,
}

/// A deployment with its plan.
#[derive(Clone, Copy)]
pub struct Planned<'a> {
    /// What it says.
    pub config: &'a Config,
    /// What runs.
    pub plan: &'a Plan,
}

/// What changes.
pub fn diff(before: Planned<'_>, after: Planned<'_>) -> Diff {
    let enabled = |it: Planned<'_>| -> BTreeMap<String, IndexEntry> {
        let enabled = it.config.indexes.iter().filter(|entry| entry.enabled);
        enabled.map(|entry| (entry.name.value.clone(), entry.clone())).collect()
    };
    let indexes = both(&enabled(before), &enabled(after), |name, old, new| {
        index(name, old.map(|it| (before.config, it)), new.map(|it| (after.config, it)))
    });
    let read = |it: Planned<'_>| -> BTreeMap<String, Vec<String>> {
        let columns = |table: &super::Table| -> Vec<String> {
            table.columns.iter().map(|it| it.name.clone()).collect()
        };
        let tables = it.plan.tables.iter();
        tables.map(|table| (table.name.to_string(), columns(table))).collect()
    };
    let tables = both(&read(before), &read(after), table);
    let sinks = both(&before.config.sinks, &after.config.sinks, |name, old, new| {
        let only = match (old, new) {
            (None, Some(_)) => Side::After,
            (Some(_), None) => Side::Before,
            _ => return None,
        };
        Some(OneSided { name: name.to_owned(), only })
    });
    Diff { indexes, tables, sinks: sinks.into_iter().flatten().collect() }
}

/// Goes through the names of two maps.
fn both<V, R>(
    before: &BTreeMap<String, V>,
    after: &BTreeMap<String, V>,
    make: impl Fn(&str, Option<&V>, Option<&V>) -> R,
) -> Vec<R> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| make(name, before.get(name), after.get(name))).collect()
}

type Of<'a> = (&'a Config, &'a IndexEntry);

fn index(name: &str, before: Option<Of<'_>>, after: Option<Of<'_>>) -> Index {
    let alias = |(config, entry): Of<'_>| {
        format!("{}{name}_{:08x}", config.prefix, hash::schema(&entry.schema))
    };
    let (old, new) = (before.map(alias), after.map(alias));
    let mut fields = Vec::new();
    let fate = match (before, after) {
        (None, _) => Fate::Filled,
        (_, None) => Fate::LetGo,
        (Some(before), Some(after)) => {
            let mut fate = if old == new { Fate::Stays } else { Fate::Rebuilt };
            for (old, new) in bodies(before, after) {
                changes(&old["mappings"], &new["mappings"], "", &mut fields);
                if old != new && fate != Fate::Rebuilt {
                    let same = mapping::lasting(&old) == mapping::lasting(&new);
                    fate = if same { Fate::ChangedInPlace } else { Fate::Rebuilt };
                }
            }
            fate
        }
    };
    fields.sort_by(|one: &Field, other| one.path.cmp(&other.path));
    fields.dedup();
    Index { name: name.to_owned(), fate, before: old, after: new, fields }
}

/// What the index is made with, for each cluster that both have.
fn bodies(before: Of<'_>, after: Of<'_>) -> Vec<(Value, Value)> {
    let options = |config: &Config| -> BTreeMap<String, OpenSearch> {
        let open = config.sinks.iter().filter_map(|(name, sink)| match sink {
            Sink::OpenSearch(options) => Some((name.clone(), options.clone())),
            Sink::Stdout { .. } => None,
        });
        open.collect()
    };
    let body = |(_, entry): Of<'_>, options: &OpenSearch| {
        let mut body = mapping::index_body(&entry.schema, options);
        // It is set when the index is complete.
        body["settings"]["index"]["refresh_interval"] = json!(options.refresh_interval);
        body
    };
    let pairs = both(&options(before.0), &options(after.0), |_, old, new| {
        Some((body(before, old?), body(after, new?)))
    });
    pairs.into_iter().flatten().collect()
}

/// The fields that differ, those inside others too.
fn changes(before: &Value, after: &Value, path: &str, into: &mut Vec<Field>) {
    let inside = |value: &Value| -> BTreeMap<String, Value> {
        let fields = value["properties"].as_object().into_iter().flatten();
        fields.map(|(name, field)| (name.clone(), field.clone())).collect()
    };
    let alone = |field: &Value| {
        let mut field = field.clone();
        if let Some(map) = field.as_object_mut() {
            map.remove("properties");
        }
        field
    };
    both(&inside(before), &inside(after), |name, old, new| {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        (path, old.cloned(), new.cloned())
    })
    .into_iter()
    .for_each(|(path, old, new)| {
        let (before, after) = (old.as_ref().map(alone), new.as_ref().map(alone));
        let nothing = Value::Null;
        let (old, new) = (old.as_ref().unwrap_or(&nothing), new.as_ref().unwrap_or(&nothing));
        if before != after {
            into.push(Field { path: path.clone(), before, after });
        }
        changes(old, new, &path, into);
    });
}

fn table(name: &str, before: Option<&Vec<String>>, after: Option<&Vec<String>>) -> Table {
    let name = name.to_owned();
    match (before, after) {
        (Some(before), Some(after)) => {
            let new = after.iter().filter(|column| !before.contains(column));
            let columns: Vec<String> = new.cloned().collect();
            Table { name, copied: !columns.is_empty(), only: None, columns }
        }
        (None, _) => Table { name, copied: true, only: Some(Side::After), columns: Vec::new() },
        (_, None) => Table { name, copied: false, only: Some(Side::Before), columns: Vec::new() },
    }
}

/// As a person reads it.
pub fn text(diff: &Diff, colour: bool) -> String {
    let mut out = String::new();
    let mut grid = Grid::default();
    grid.row([cell("indexes", Style::Strong)]);
    for index in &diff.indexes {
        let Index { name, fate, before, after, fields } = index;
        let (before, after) = (before.as_deref(), after.as_deref());
        let is = |name: Option<&str>| name.unwrap_or_default().to_owned();
        let (word, names) = match fate {
            Fate::Filled => ("filled", is(after)),
            Fate::Rebuilt if before == after => {
                ("rebuilt", format!("the next {}, for its settings", is(after)))
            }
            Fate::Rebuilt => ("rebuilt", format!("{} → {}", is(before), is(after))),
            Fate::ChangedInPlace => ("changed in place", is(after)),
            Fate::Stays => ("stays", is(after)),
            Fate::LetGo => ("let go", format!("{} stays as it is then", is(before))),
        };
        let name = cell(format!("  {name}"), Style::Kept);
        grid.row([name, cell(word, Style::Plain), cell(names, Style::Plain)]);
        for field in fields {
            let ty = |of: &Option<Value>| {
                let ty = of.as_ref().and_then(|of| of["type"].as_str());
                ty.unwrap_or_default().to_owned()
            };
            let (sign, words) = match (&field.before, &field.after) {
                (None, _) => ("+", ty(&field.after)),
                (_, None) => ("-", format!("was {}", ty(&field.before))),
                (before, after) if ty(before) == ty(after) => {
                    ("~", format!("{}, mapped otherwise", ty(after)))
                }
                (before, after) => ("~", format!("{}, was {}", ty(after), ty(before))),
            };
            let path = cell(format!("    {sign} {}", field.path), Style::Plain);
            grid.row([path, cell("", Style::Plain), cell(words, Style::Faint)]);
        }
    }
    grid.row([]);
    grid.row([cell("tables", Style::Strong)]);
    for table in &diff.tables {
        let (word, why) = match (table.only, table.copied) {
            (Some(Side::After), _) => ("copied", "not read before".to_owned()),
            (Some(Side::Before), _) => ("let go", "not read any more".to_owned()),
            (None, true) => ("copied", format!("reads {} too", table.columns.join(", "))),
            (None, false) => ("stays", String::new()),
        };
        let name = cell(format!("  {}", table.name), Style::Kept);
        grid.row([name, cell(word, Style::Plain), cell(why, Style::Faint)]);
    }
    if !diff.sinks.is_empty() {
        grid.row([]);
        grid.row([cell("sinks", Style::Strong)]);
    }
    for sink in &diff.sinks {
        let word = match sink.only {
            Side::After => "filled",
            Side::Before => "let go",
        };
        grid.row([cell(format!("  {}", sink.name), Style::Kept), cell(word, Style::Plain)]);
    }
    grid.print(colour, &mut out);
    out
}
