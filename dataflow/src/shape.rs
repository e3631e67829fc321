//! A plan's document, resolved for assembly: column ids become positions in the kept rows,
//! expressions become programs, names become JSON.

use flusso_compiler::expr::Expr;
use flusso_compiler::plan::{
    self, AggregateFunction, ColumnId, Holds, Index, KeptId, KeyPart, OrderPart, Plan, Read, Value,
};
use flusso_compiler::types::{Class, Render, SqlType};

use crate::eval::Program;
use crate::json;
use crate::row::{Columns, Datum};

/// One index.
pub struct Document {
    /// Where its root rows are kept.
    pub root: KeptId,
    /// The primary key by position, which makes the id.
    pub id: Vec<KeyPart>,
    /// Whether a root row is a document.
    pub present: Option<Program>,
    /// What it says.
    pub shape: Shape,
}

impl Document {
    /// The id of a root row: the text of its key, with booleans as a cast to text prints them.
    pub fn id(&self, row: &[Datum<'_>]) -> Box<str> {
        let part = |part: &KeyPart| match (&part.class, row[usize::from(part.column.0)]) {
            (Class::Bool, Datum::Text(b"t")) => Datum::Text(b"true"),
            (Class::Bool, Datum::Text(b"f")) => Datum::Text(b"false"),
            (_, datum) => datum,
        };
        json::document_id(&self.id.iter().map(part).collect::<Columns<'_>>())
    }
}

/// A JSON object.
pub struct Shape {
    /// In the order written.
    pub fields: Vec<Field>,
}

/// A field.
pub struct Field {
    /// `"name":`.
    pub name: Vec<u8>,
    /// Its value.
    pub piece: Piece,
}

/// A value; see [`Value`].
#[allow(missing_docs)]
pub enum Piece {
    Column(usize, Render),
    Expr(Program, Render),
    Geo { lat: usize, lon: usize },
    Constant(Vec<u8>),
    Object(Shape),
    One(Reader, Shape),
    Many(Reader, Shape),
    Aggregate(Aggregate),
}

/// A read; see [`Read`]. Parts name positions in the rows they are taken from.
pub struct Reader {
    /// From the enclosing row.
    pub key: Vec<KeyPart>,
    /// From the junction's row.
    pub through: Option<(KeptId, Vec<KeyPart>)>,
    /// Where the rows are.
    pub kept: KeptId,
    /// Over a found row.
    pub filter: Option<Program>,
    /// Over a found row; of no meaning when `sorted`.
    pub order: Vec<OrderPart>,
    /// Rows come in order.
    pub sorted: bool,
    /// At most so many.
    pub limit: Option<usize>,
}

/// An aggregate; see [`plan::Aggregate`].
#[allow(missing_docs)]
pub enum Aggregate {
    Tallied {
        kept: KeptId,
        key: Vec<KeyPart>,
        tally: u16,
        function: AggregateFunction,
        ty: SqlType,
    },
    Gathered {
        reader: Reader,
        function: AggregateFunction,
        column: usize,
        class: Class,
        ty: SqlType,
        render: Render,
    },
}

/// The columns of the row in scope, in the order they lie in it.
#[derive(Clone, Copy)]
pub struct Scope<'a>(pub &'a [ColumnId]);

impl Scope<'_> {
    /// Where a column lies. The planner keeps every column that a reader of a kept thing names.
    pub fn position(self, column: ColumnId) -> usize {
        let found = self.0.iter().position(|kept| *kept == column);
        found.unwrap_or_else(|| unreachable!("the plan reads {column:?}, which is not kept"))
    }

    /// The same parts by position.
    pub fn key(self, parts: &[KeyPart]) -> Vec<KeyPart> {
        let part = |part: &KeyPart| KeyPart {
            column: ColumnId(self.position(part.column) as u16),
            class: part.class.clone(),
        };
        parts.iter().map(part).collect()
    }

    fn order(self, parts: &[OrderPart]) -> Vec<OrderPart> {
        let part = |part: &OrderPart| OrderPart {
            column: ColumnId(self.position(part.column) as u16),
            ..part.clone()
        };
        parts.iter().map(part).collect()
    }

    /// The expression as a program over the row.
    pub fn program(self, expr: &Expr) -> Program {
        Program::new(expr, &|column| self.position(column))
    }
}

/// The columns a kept thing's rows have.
pub fn scope(plan: &Plan, kept: KeptId) -> Scope<'_> {
    match &plan.kept(kept).holds {
        Holds::Rows { columns, .. } => Scope(columns),
        Holds::Tallies(_) => Scope(&[]),
    }
}

/// Resolves an index.
pub fn document(plan: &Plan, index: &Index) -> Document {
    let rows = scope(plan, index.root);
    let root = plan.table(plan.kept(index.root).table);
    Document {
        root: index.root,
        id: rows.key(&root.key),
        present: index.present.as_ref().map(|present| rows.program(present)),
        shape: object(plan, rows, &index.shape),
    }
}

fn object(plan: &Plan, row: Scope<'_>, object: &plan::Object) -> Shape {
    let field = |(name, value): &(String, Value)| {
        let mut json = Vec::new();
        json::string(name.as_bytes(), &mut json);
        json.push(b':');
        Field { name: json, piece: piece(plan, row, value) }
    };
    Shape { fields: object.fields.iter().map(field).collect() }
}

fn piece(plan: &Plan, row: Scope<'_>, value: &Value) -> Piece {
    match value {
        Value::Scalar(Expr::Column(column), render) => {
            Piece::Column(row.position(*column), render.clone())
        }
        Value::Scalar(expr, render) => Piece::Expr(row.program(expr), render.clone()),
        Value::Geo { lat, lon } => Piece::Geo { lat: row.position(*lat), lon: row.position(*lon) },
        Value::Constant(json) => Piece::Constant(json.clone().into_bytes()),
        Value::Object(inner) => Piece::Object(object(plan, row, inner)),
        Value::One(read, inner) => {
            let reader = Reader { limit: Some(1), ..reader(plan, row, read) };
            Piece::One(reader, object(plan, scope(plan, read.kept), inner))
        }
        Value::Many(read, inner) => {
            Piece::Many(reader(plan, row, read), object(plan, scope(plan, read.kept), inner))
        }
        Value::Aggregate(plan::Aggregate::Tallied { kept, key, tally, function, ty }) => {
            Piece::Aggregate(Aggregate::Tallied {
                kept: *kept,
                key: row.key(key),
                tally: *tally,
                function: *function,
                ty: ty.clone(),
            })
        }
        Value::Aggregate(plan::Aggregate::Gathered { read, function, column, ty, render }) => {
            // A count asks for no column, and where none is kept there is none to name.
            let column = match function {
                AggregateFunction::Count => 0,
                _ => scope(plan, read.kept).position(*column),
            };
            Piece::Aggregate(Aggregate::Gathered {
                reader: reader(plan, row, read),
                function: *function,
                column,
                class: ty.class(),
                ty: ty.clone(),
                render: render.clone(),
            })
        }
    }
}

fn reader(plan: &Plan, row: Scope<'_>, read: &Read) -> Reader {
    let rows = scope(plan, read.kept);
    let through = read.through.as_ref();
    Reader {
        key: row.key(&read.key),
        through: through.map(|hop| (hop.kept, scope(plan, hop.kept).key(&hop.gives))),
        kept: read.kept,
        filter: read.filter.as_ref().map(|filter| rows.program(filter)),
        order: if read.sorted { Vec::new() } else { rows.order(&read.order) },
        sorted: read.sorted,
        limit: read.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}
