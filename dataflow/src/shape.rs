//! A plan's document, resolved for assembly: column ids become positions in the kept rows,
//! expressions become programs, names become JSON.

use flusso_compiler::expr::{Expr, OnFailure};
use flusso_compiler::plan::{
    self, AggregateFunction, ColumnId, Holds, Index, KeptId, KeyPart, OrderPart, Plan, Read, Value,
};
use flusso_compiler::types::{Class, Render, SqlType};

use crate::eval::{Place, Program};
use crate::json;
use crate::query::{self, Formula, Known, Knowns, Query};
use crate::row::{Columns, Datum};

/// One index.
pub struct Document {
    /// Where its root rows are kept.
    pub root: KeptId,
    /// The primary key by position, which makes the id.
    pub id: Vec<KeyPart>,
    /// Whether a root row is a document.
    pub present: Option<Program>,
    /// And these, which read more than the row.
    pub further: Vec<Formula>,
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
    Expr(Program, Render, OnFailure),
    Formula(Formula, Render, OnFailure),
    Geo { lat: usize, lon: usize },
    Constant(Vec<u8>),
    Object(Shape),
    One(Reader, Shape),
    Many(Reader, Shape),
    Rows(Box<Listed>),
    Aggregate(Aggregate),
}

/// The rows of a query; see [`plan::Rows`].
pub struct Listed {
    /// The query.
    pub query: Query,
    /// What each of its rows says.
    pub object: Shape,
    /// Only the first.
    pub one: bool,
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
    /// Over a found row and those around it.
    pub further: Vec<Formula>,
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
        reader: Box<Reader>,
        function: AggregateFunction,
        of: Option<Of>,
        class: Class,
        ty: SqlType,
        render: Render,
        separator: Vec<u8>,
    },
}

/// What of a found row is aggregated.
#[allow(missing_docs)]
pub enum Of {
    Column(usize),
    Value(Program),
}

/// The columns of the row in scope.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// In the order they lie in it.
    pub columns: &'a [ColumnId],
    /// Whose they are.
    pub table: &'a plan::Table,
}

impl Scope<'_> {
    /// A row of which nothing is read.
    pub const NONE: Scope<'static> = Scope { columns: &[], table: &NOTHING };

    /// Where a column lies. The planner keeps every column that a reader of a kept thing names.
    pub fn position(self, column: ColumnId) -> usize {
        let found = self.columns.iter().position(|kept| *kept == column);
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
        Program::new(expr, &|column| Place {
            position: self.position(column),
            ty: self.table.column(column).ty.clone(),
        })
    }
}

/// A table of no columns.
static NOTHING: plan::Table = plan::Table {
    name: flusso_compiler::catalog::TableName { schema: String::new(), name: String::new() },
    key: Vec::new(),
    columns: Vec::new(),
};

/// The columns a kept thing's rows have.
pub fn scope(plan: &Plan, kept: KeptId) -> Scope<'_> {
    let table = plan.table(plan.kept(kept).table);
    match &plan.kept(kept).holds {
        Holds::Rows { columns, .. } => Scope { columns, table },
        Holds::Tallies(_) | Holds::Joined(_) => Scope { columns: &[], table },
    }
}

/// Resolves an index.
pub fn document(plan: &Plan, index: &Index) -> Document {
    let rows = scope(plan, index.root);
    let root = plan.table(plan.kept(index.root).table);
    let known = [Known::Table(rows)];
    let knowns = Knowns { rows: &known, outer: None };
    Document {
        root: index.root,
        id: rows.key(&root.key),
        present: index.present.as_ref().map(|present| rows.program(present)),
        further: formulas(plan, &index.further, &knowns),
        shape: object(plan, &knowns, &index.shape),
    }
}

fn formulas(plan: &Plan, all: &[plan::Formula], scope: &Knowns<'_, '_>) -> Vec<Formula> {
    all.iter().map(|one| Formula::new(plan, one, scope)).collect()
}

/// An object over the rows in scope.
fn object(plan: &Plan, scopes: &Knowns<'_, '_>, object: &plan::Object) -> Shape {
    let field = |(name, value): &(String, Value)| {
        let mut json = Vec::new();
        json::string(name.as_bytes(), &mut json);
        json.push(b':');
        Field { name: json, piece: piece(plan, scopes, value) }
    };
    Shape { fields: object.fields.iter().map(field).collect() }
}

fn piece(plan: &Plan, scopes: &Knowns<'_, '_>, value: &Value) -> Piece {
    let within = |kept: KeptId, inner: &plan::Object| {
        let known = [Known::Table(scope(plan, kept))];
        object(plan, &Knowns { rows: &known, outer: Some(scopes) }, inner)
    };
    let row = scopes.row();
    match value {
        Value::Formula(formula, render, on_error) => {
            Piece::Formula(Formula::new(plan, formula, scopes), render.clone(), *on_error)
        }
        Value::Scalar(Expr::Column(column), render, _) => {
            Piece::Column(row.position(*column), render.clone())
        }
        Value::Scalar(expr, render, on_error) => {
            Piece::Expr(row.program(expr), render.clone(), *on_error)
        }
        Value::Geo { lat, lon } => Piece::Geo { lat: row.position(*lat), lon: row.position(*lon) },
        Value::Constant(json) => Piece::Constant(json.clone().into_bytes()),
        Value::Object(inner) => Piece::Object(object(plan, scopes, inner)),
        Value::One(read, inner) => {
            let reader = Reader { limit: Some(1), ..reader(plan, scopes, read) };
            Piece::One(reader, within(read.kept, inner))
        }
        Value::Rows(rows) => {
            let known = query::known(plan, &rows.query);
            let inner = Knowns { rows: &known, outer: Some(scopes) };
            let listed = Listed {
                query: Query::listed(plan, &rows.query, scopes),
                object: object(plan, &inner, &rows.object),
                one: rows.one,
            };
            Piece::Rows(Box::new(listed))
        }
        Value::Many(read, inner) => {
            Piece::Many(reader(plan, scopes, read), within(read.kept, inner))
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
        Value::Aggregate(plan::Aggregate::Gathered {
            read,
            function,
            of,
            ty,
            render,
            separator,
        }) => {
            let found = scope(plan, read.kept);
            let of = of.as_ref().map(|of| match of {
                Expr::Column(column) => Of::Column(found.position(*column)),
                of => Of::Value(found.program(of)),
            });
            Piece::Aggregate(Aggregate::Gathered {
                reader: Box::new(reader(plan, scopes, read)),
                function: *function,
                of,
                class: ty.class(),
                ty: ty.clone(),
                render: render.clone(),
                separator: separator.clone().unwrap_or_default().into_bytes(),
            })
        }
    }
}

fn reader(plan: &Plan, around: &Knowns<'_, '_>, read: &Read) -> Reader {
    let (row, rows) = (around.row(), scope(plan, read.kept));
    let known = [Known::Table(rows)];
    let scopes = Knowns { rows: &known, outer: Some(around) };
    let through = read.through.as_ref();
    Reader {
        key: row.key(&read.key),
        through: through.map(|hop| (hop.kept, scope(plan, hop.kept).key(&hop.gives))),
        kept: read.kept,
        filter: read.filter.as_ref().map(|filter| rows.program(filter)),
        further: formulas(plan, &read.further, &scopes),
        order: if read.sorted { Vec::new() } else { rows.order(&read.order) },
        sorted: read.sorted,
        limit: read.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}
