//! The Postgres query that each index equals: `flusso plan --sql`.
//!
//! One row `(id text, document jsonb)` for every document, by nested correlated subqueries. It is
//! printed from the schema file and the catalog alone, never from the [`Plan`](super::Plan), so
//! that it cannot share a mistake of the planner: tests compare documents with it.
//!
//! ```text
//! Schema ─► plan ─► dataflow ─► documents ─┐
//!    └────► this query ─► Postgres ────────┴─ equal at the same LSN
//! ```
//!
//! It holds under [`SETTINGS`], which the head of the printed query repeats. Without a catalog
//! types and keys are the declared ones, and text is ordered by the database's collation.

mod aggregate;
mod condition;
mod floats;
mod phrase;
mod rows;
mod scope;
mod value;
mod write;

use crate::catalog::Catalog;
use crate::diagnostics::Diagnostic;
use crate::files::schema::{Field, Join, Kind, Link, Schema, Through};

pub use floats::floats;
use scope::{Printer, Scope};
pub use scope::{id, parts};
use write::Select;

/// What a session must have set for the query to mean what it says.
pub const SETTINGS: [(&str, &str); 7] = [
    ("search_path", "public"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "3"),
    ("lc_monetary", "C"),
];

/// Pairs in one call of `jsonb_build_object`, which takes at most 100 arguments.
const PAIRS: usize = 50;

/// The query for one index. The errors are those that leave nothing to print: an unknown table or
/// column, a key that is not known, keys of different length.
pub fn sql(schema: &Schema, catalog: Option<&Catalog>) -> Result<String, Vec<Diagnostic>> {
    query(schema, catalog, None)
}

/// The same query for the documents of these ids alone, found by the root's key. What is not the
/// text of a key (`x` where the key is a number) makes the server refuse the query, unless it has
/// the wrong number of parts: then it is no document.
pub fn among(
    schema: &Schema,
    catalog: Option<&Catalog>,
    ids: &[&str],
) -> Result<String, Vec<Diagnostic>> {
    query(schema, catalog, Some(ids))
}

fn query(
    schema: &Schema,
    catalog: Option<&Catalog>,
    ids: Option<&[&str]>,
) -> Result<String, Vec<Diagnostic>> {
    let mut printer = Printer::new(schema, catalog);
    let root = printer.root(schema);
    let id = printer.id(schema, &root);
    for (name, value) in SETTINGS {
        printer.out.push(&format!("-- SET {name} = {}", write::literal(value)));
        printer.out.line();
    }
    printer.out.open("SELECT");
    printer.out.lines(&format!("{id} AS id,"));
    printer.out.line();
    printer.object(&root, &schema.fields);
    printer.out.push(" AS document");
    printer.out.shut("");
    let mut conditions = printer.present(schema, &root);
    conditions.extend(ids.map(|ids| printer.among(schema, &root, ids)));
    let select = Select { from: root.from(), conditions, ..Select::default() };
    printer.out.tail(&select);
    printer.finish()
}

impl Printer<'_> {
    /// `jsonb_build_object` over the row in scope.
    fn object(&mut self, row: &Scope<'_>, fields: &[Field]) {
        if fields.is_empty() {
            self.out.push("'{}'::jsonb");
        }
        for (i, pairs) in fields.chunks(PAIRS).enumerate() {
            self.out.push(if i == 0 { "" } else { " || " });
            self.out.open("jsonb_build_object(");
            for (n, field) in pairs.iter().enumerate() {
                if n > 0 {
                    self.out.push(",");
                    self.out.line();
                }
                self.out.push(&format!("{}, ", write::literal(&field.name)));
                self.field(row, &field.kind);
            }
            self.out.shut(")");
        }
    }

    /// One value of an object.
    fn field(&mut self, row: &Scope<'_>, kind: &Kind) {
        match kind {
            Kind::Column(column) => {
                let value = self.scalar(row, column);
                self.out.lines(&value);
            }
            Kind::Object(fields) => self.object(row, fields),
            Kind::Geo { lat, lon, nullable: _ } => {
                let value = self.geo(row, lat, lon);
                self.out.lines(&value);
            }
            Kind::Join(join) => self.join(row, join),
            Kind::Rows(rows) => self.rows(row, rows),
            Kind::Aggregate(aggregate) => self.aggregate(row, aggregate),
            Kind::Constant(literal) => self.out.push(&value::constant(literal)),
        }
    }

    /// The rows of another table: one object or null, or an array.
    fn join(&mut self, row: &Scope<'_>, join: &Join) {
        let depth = self.depth();
        let far = self.enter(&join.table);
        let mut select = match &join.link {
            Link::BelongsTo(columns) => {
                let here = self.names(row, columns);
                let key = self.key(&far, columns.place);
                let meet = self.meet(&key, &here, columns.place);
                Select { from: far.from(), conditions: meet, ..Select::default() }
            }
            Link::HasOne(columns) | Link::HasMany(columns) => {
                let there = self.names(&far, columns);
                let key = self.key(row, columns.place);
                let meet = self.meet(&there, &key, columns.place);
                Select { from: far.from(), conditions: meet, ..Select::default() }
            }
            Link::ManyToMany(through) => self.through(row, &far, through),
        };
        self.push(&far);
        let filters = join.filters.as_deref().unwrap_or_default();
        select.conditions.extend(self.filters(&far, filters, join.condition.as_ref()));
        let order = self.order(&far, join.order_by.as_ref(), join.table.place);

        let array = matches!(join.link, Link::HasMany(_) | Link::ManyToMany(_));
        self.out.open("(");
        self.out.push(if array { "SELECT coalesce(jsonb_agg(" } else { "SELECT " });
        self.object(&far, &join.fields);
        if array {
            self.out.push(&format!(" ORDER BY {}), '[]')", order.join(", ")));
        }
        self.out.line();
        match (&join.link, join.limit) {
            (Link::BelongsTo(_), _) => self.out.tail(&select),
            (Link::HasOne(_), _) => self.out.tail(&Select { order, limit: Some(1), ..select }),
            (Link::HasMany(_) | Link::ManyToMany(_), None) => self.out.tail(&select),
            (Link::HasMany(_) | Link::ManyToMany(_), limit) => {
                self.out.open("FROM (");
                self.out.push(&format!("SELECT {}.*", far.alias));
                self.out.line();
                self.out.tail(&Select { order, limit, ..select });
                self.out.shut(&format!(") AS {}", far.alias));
            }
        }
        self.out.shut(")");
        self.rows.pop();
        self.leave(depth);
    }

    /// A junction joined to the far table; each junction row counts.
    fn through(&mut self, row: &Scope<'_>, far: &Scope<'_>, through: &Through) -> Select {
        let junction = self.enter(&through.table);
        let right = self.names(&junction, &through.right_key);
        let far_key = self.key(far, through.right_key.place);
        let on = self.meet(&far_key, &right, through.right_key.place);
        let from = format!("{} JOIN {} ON {}", junction.from(), far.from(), on.join(" AND "));
        let left = self.names(&junction, &through.left_key);
        let key = self.key(row, through.left_key.place);
        let conditions = self.meet(&left, &key, through.left_key.place);
        Select { from, conditions, ..Select::default() }
    }
}
