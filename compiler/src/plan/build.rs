//! From schema files to a plan.
//!
//! ```text
//! fields ─► blocks: values that name demands ─► share: demands become kept things
//!             └───► paths: from each demand up to the root's key
//! ```
//!
//! Fields are walked sorted by name, so that the plan is the same in whatever order they were
//! written. A mistake is noted at its place and the walk goes on as if it had not been made.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::Scope;
use super::share::{self, Demands};
use super::tables::Tables;
use super::{ColumnId, Holds, Index, KeptId, Object, Path, Plan, Value};
use crate::catalog::Catalog;
use crate::diagnostics::{Diagnostic, Place};
use crate::files::config::{Config, IndexEntry};
use crate::files::schema::{Field, Kind};

/// One plan for all enabled indexes, or all that is wrong with them.
///
/// Without a catalog tables and columns are taken to be there, types are
/// [`SqlType::Unknown`](crate::types::SqlType::Unknown), and a primary key that nobody declared is
/// taken to be `id`: enough to show a plan, not to run one.
pub fn build(config: &Config, catalog: Option<&Catalog>) -> Result<Plan, Vec<Diagnostic>> {
    let mut builder = Builder {
        tables: Tables::new(config, catalog),
        demands: Demands::default(),
        paths: Vec::new(),
        errors: Vec::new(),
    };
    let enabled = config.indexes.iter().filter(|entry| entry.enabled);
    let indexes: Vec<Index> = enabled.map(|entry| builder.index(entry)).collect();

    let Builder { tables, demands, mut errors, .. } = builder;
    let (tables, unsound) = tables.finish();
    errors.extend(unsound);
    errors.sort_by_key(|error| error.place);
    errors.dedup();
    if errors.is_empty() { Ok(share::settle(tables, demands, indexes)) } else { Err(errors) }
}

/// What is known half way.
pub(super) struct Builder<'a> {
    /// Tables and columns met so far.
    pub(super) tables: Tables<'a>,
    /// What is to be kept; until [`share::settle`] a [`KeptId`] is a position here.
    pub(super) demands: Demands,
    /// Of the index at hand.
    pub(super) paths: Vec<Path>,
    /// Found so far.
    pub(super) errors: Vec<Diagnostic>,
}

impl Builder<'_> {
    pub(super) fn complain(&mut self, place: Place, message: impl Into<String>) {
        self.errors.push(Diagnostic::error(place, message));
    }

    fn index(&mut self, entry: &IndexEntry) -> Index {
        let schema = &entry.schema;
        let table = self.tables.table(&schema.table);
        if let Some(declared) = &schema.primary_key {
            self.tables.declared_key(table, declared);
        }
        let key = self.tables.key(table);
        let reads: BTreeSet<ColumnId> = key.iter().map(|part| part.column).collect();
        let mut root = Scope { table, key, hops: Vec::new(), field: String::new(), reads };

        let present = self.present(&mut root, schema);
        let shape = self.object(&mut root, &schema.fields);
        let Scope { key, reads, .. } = root;
        let kept = self.demands.rows(table, key, reads.clone(), Vec::new());
        let from = Path {
            from: kept,
            field: String::new(),
            reads: reads.into_iter().collect(),
            head: None,
            hops: Vec::new(),
        };
        let mut paths = vec![from];
        paths.append(&mut self.paths);
        Index { name: entry.name.value.clone(), root: kept, present, shape, paths }
    }

    /// The fields over the row in scope; of two with one name the later is meant.
    pub(super) fn object(&mut self, scope: &mut Scope, fields: &[Field]) -> Object {
        let named: BTreeMap<&str, &Field> =
            fields.iter().map(|field| (field.name.as_str(), field)).collect();
        let mut made = Vec::with_capacity(named.len());
        for (name, field) in named {
            made.push((name.to_owned(), self.value(scope, field)));
        }
        Object { fields: made }
    }

    fn value(&mut self, scope: &mut Scope, field: &Field) -> Value {
        let name = field.name.as_str();
        match &field.kind {
            Kind::Column(column) => self.scalar(scope, column),
            Kind::Object(fields) => {
                let outer = scope.field.clone();
                scope.field = scope.label(name);
                let object = self.object(scope, fields);
                scope.field = outer;
                Value::Object(object)
            }
            Kind::Geo { lat, lon, .. } => {
                let lat = self.read(scope, lat, lat.place);
                let lon = self.read(scope, lon, lon.place);
                Value::Geo { lat, lon }
            }
            Kind::Join(join) => self.join(scope, name, join),
            Kind::Aggregate(aggregate) => Value::Aggregate(self.aggregate(scope, name, aggregate)),
            Kind::Constant(literal) => Value::Constant(literal.json()),
        }
    }

    /// A column of the row in scope, which then must be kept with the row.
    pub(super) fn read(&mut self, scope: &mut Scope, name: &str, place: Place) -> ColumnId {
        let column = self.tables.column(scope.table, name, place);
        scope.reads.insert(column);
        column
    }
}

impl Plan {
    /// The columns of a kept thing's rows; none for tallies.
    pub fn columns(&self, kept: KeptId) -> &[ColumnId] {
        match &self.kept(kept).holds {
            Holds::Rows { columns, .. } => columns,
            Holds::Tallies(_) => &[],
        }
    }
}
