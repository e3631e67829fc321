//! A schema's fields as values of a plan, block by block.
//!
//! A [`Block`] is a row in scope: the root's, or that of a relation. It knows by which key its
//! rows are found and how that key leads up to the root, so a relation inside it needs to say
//! only how its own rows hang on this one; see `relations`.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::{At, Diagnostic};
use crate::files::schema::{Field, Kind, Literal, Schema};
use crate::plan::{ColumnId, Formula, Hop, Index, KeptId, KeyPart, Object, Path, TableId, Value};
use crate::sql::scope::Scope;
use crate::types::render;

use super::demand::{Demands, Wants};
use super::filters;
use super::query::{Frame, Site, Stand};
use super::row::{self, Further, Reads, Row};
use super::scope::Tables;

/// Lowers index after index into one set of tables and demands.
pub struct Lowering<'a> {
    pub tables: Tables<'a>,
    pub demands: Demands,
    /// Of the index at hand.
    pub(super) paths: Vec<Path>,
    /// By demand the columns that SQL further in reads of its rows.
    pub(super) further: BTreeMap<KeptId, BTreeSet<ColumnId>>,
    /// Where it looks tables up.
    pub(super) home: String,
}

/// A row in scope.
pub struct Block {
    /// Its table.
    pub table: TableId,
    /// What keeps it.
    pub demand: KeptId,
    /// By what it is found there.
    pub key: Vec<KeyPart>,
    /// From that key to the root's.
    pub up: Vec<Hop>,
    /// Where the document shows it.
    pub field: String,
    /// The columns read of it.
    pub reads: BTreeSet<ColumnId>,
    /// What SQL can name: the rows around it, the outermost first, and its own.
    pub scopes: Vec<Scope>,
    /// Where the rows around it are, in the same order.
    pub around: Vec<Frame>,
    /// Where the rows joined to its own are.
    pub beside: Vec<Stand>,
}

impl Block {
    /// A name below this block.
    pub fn named(&self, field: &str) -> String {
        if self.field.is_empty() { field.to_owned() } else { format!("{}.{field}", self.field) }
    }

    /// Where its own rows are.
    pub fn site(&self) -> Site {
        let Block { table, demand, .. } = *self;
        Site { table, demand, key: self.key.clone(), up: self.up.clone() }
    }

    /// Where the rows are that SQL can name, its own being the last.
    pub fn frames(&self) -> Vec<Frame> {
        let own = [Stand::Table(self.site())].into_iter().chain(self.beside.iter().cloned());
        self.around.iter().cloned().chain([own.collect()]).collect()
    }
}

impl<'a> Lowering<'a> {
    /// Nothing yet.
    pub fn new(tables: Tables<'a>) -> Lowering<'a> {
        let (paths, further, home) = (Vec::new(), BTreeMap::new(), String::new());
        Lowering { tables, demands: Demands::default(), paths, further, home }
    }

    /// One index; none when its root is no table.
    pub fn index(&mut self, name: &str, schema: &Schema) -> Option<Index> {
        self.home.clone_from(&schema.db_schema);
        let table = self.tables.table(&schema.table, None)?;
        self.same_key(table, schema.primary_key.as_ref());
        let key = self.tables.get(table).key.clone();
        let wants = Wants::Rows { order: Some(Vec::new()), head: false, columns: BTreeSet::new() };
        let demand = self.demands.add(table, key.clone(), wants);
        let reads = key.iter().map(|part| part.column).collect();
        let scopes = vec![row::scope(&self.tables, table)];
        let (field, up, around) = (String::new(), Vec::new(), Vec::new());
        let beside = Vec::new();
        let mut root = Block { table, demand, key, up, field, reads, scopes, around, beside };
        let of = Row { table, scopes: &root.scopes, home: &self.home };
        let present = filters::present(&mut self.tables, &of, schema);
        present.own.iter().for_each(|present| filters::columns(present, &mut root.reads));
        let further = self.further_conditions(&root, present.further);
        let shape = self.object(&mut root, &schema.fields);
        self.path(root, None);
        let mut paths = std::mem::take(&mut self.paths);
        paths.sort_by(|a, b| a.field.cmp(&b.field));
        let (name, present) = (name.to_owned(), present.own);
        Some(Index { name, root: demand, present, further, shape, paths })
    }

    /// A declared key must be the one the catalog has.
    fn same_key(&mut self, table: TableId, declared: Option<&At<Vec<String>>>) {
        let (Some(declared), found) = (declared, self.tables.get(table)) else { return };
        let found = found.key.iter().map(|part| found.column(part.column).name.as_str());
        let found: Vec<&str> = found.collect();
        if declared.value != found {
            let of = &self.tables.get(table).name;
            let message = format!("the primary key of table `{of}` is {}", found.join(", "));
            let help = format!(
                "write `primary_key: {}`",
                match found.as_slice() {
                    [one] => (*one).to_owned(),
                    several => format!("[{}]", several.join(", ")),
                }
            );
            self.tables.error(Diagnostic::error(declared.place, message).help(help));
        }
    }

    /// The block is done: what was read of it is kept, and a change of it finds its way up.
    pub fn path(&mut self, block: Block, head: Option<crate::plan::Head>) {
        let Block { demand: from, field, mut reads, up: hops, .. } = block;
        reads.extend(self.further.remove(&from).unwrap_or_default());
        self.demands.read(from, reads.iter().copied());
        self.add_path(Path { from, field, reads: reads.into_iter().collect(), head, hops });
    }

    /// Each path once.
    pub fn add_path(&mut self, path: Path) {
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    /// Conditions that read more than the block's row.
    pub fn further_conditions(&mut self, block: &Block, all: Vec<Further>) -> Vec<Formula> {
        let frames = block.frames();
        let formula = |one: Further| self.formula(&frames, &block.field, one.phrase, &one.text);
        all.into_iter().filter_map(formula).collect()
    }

    /// The fields of a row, sorted by name, the last of equal names kept.
    pub fn object(&mut self, block: &mut Block, fields: &[Field]) -> Object {
        let named: BTreeMap<&str, &Field> =
            fields.iter().map(|field| (field.name.as_str(), field)).collect();
        let value =
            |(name, field): (&str, &Field)| Some((name.to_owned(), self.value(block, field)?));
        Object { fields: named.into_iter().filter_map(value).collect() }
    }

    fn value(&mut self, block: &mut Block, field: &Field) -> Option<Value> {
        match &field.kind {
            Kind::Column(column) => {
                let row = Row { table: block.table, scopes: &block.scopes, home: &self.home };
                let scalar = filters::scalar(&mut self.tables, &row, column)?;
                let render = render(&scalar.ty, &column.ty);
                match scalar.of {
                    Reads::Own(expr) => {
                        filters::columns(&expr, &mut block.reads);
                        Some(Value::Scalar(expr, render, column.on_error))
                    }
                    Reads::More(Further { phrase, text }) => {
                        let field = block.named(&field.name);
                        let formula = self.formula(&block.frames(), &field, phrase, &text)?;
                        Some(Value::Formula(formula, render, column.on_error))
                    }
                }
            }
            Kind::Object(fields) => {
                let inner = block.named(&field.name);
                let outer = std::mem::replace(&mut block.field, inner);
                let object = self.object(block, fields);
                block.field = outer;
                Some(Value::Object(object))
            }
            Kind::Geo { lat, lon, .. } => {
                let lat = self.tables.column(block.table, lat);
                let lon = self.tables.column(block.table, lon);
                let (lat, lon) = (lat?, lon?);
                block.reads.extend([lat, lon]);
                Some(Value::Geo { lat, lon })
            }
            Kind::Constant(value) => Some(Value::Constant(json(value).to_string())),
            Kind::Join(join) => self.join(block, &field.name, join),
            Kind::Rows(rows) => self.rows(block, &field.name, rows),
            Kind::Aggregate(aggregate) => self.aggregate(block, &field.name, aggregate),
        }
    }
}

/// A literal as JSON, numbers with all their digits.
pub fn json(literal: &Literal) -> serde_json::Value {
    match literal {
        Literal::Null => serde_json::Value::Null,
        Literal::Bool(value) => (*value).into(),
        Literal::Int(value) => (*value).into(),
        Literal::Decimal(text) => match text.parse::<serde_json::Number>() {
            Ok(number) => serde_json::Value::Number(number),
            Err(_) => text.as_str().into(),
        },
        Literal::String(text) => text.as_str().into(),
        Literal::Array(items) => items.iter().map(json).collect(),
        Literal::Map(map) => map.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}
