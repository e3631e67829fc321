//! Every piece of SQL in the schema files of the repository means the same when it is printed and
//! read again, as the oracle and `verify` do with it; every schema file is the same when a lock has
//! held it.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use flusso_compiler::diagnostics::Place;
use flusso_compiler::files::schema::{
    Aggregate, AggregateKey, Column, Field, Filter, Kind, Order, Origin, RowsFrom, Schema,
};
use flusso_compiler::files::{load, read_schema};
use flusso_compiler::lock;
use flusso_compiler::sql::{Sql, parse};

/// What a piece is read as.
#[derive(Clone, Copy, Debug)]
enum Form {
    Expression,
    Order,
    Joins,
    Query,
}

/// The pieces of schema files.
#[derive(Default)]
struct Pieces(Vec<(Form, String)>);

impl Pieces {
    fn add(&mut self, form: Form, sql: &Sql) {
        self.0.push((form, sql.text.clone()));
    }

    fn schema(&mut self, schema: &Schema) {
        self.conditions(schema.condition.as_ref(), schema.filters.as_deref().unwrap_or_default());
        self.fields(&schema.fields);
    }

    fn conditions(&mut self, condition: Option<&Sql>, filters: &[Filter]) {
        let raw = filters.iter().filter_map(|filter| match filter {
            Filter::Raw(sql) => Some(sql),
            Filter::NullCheck(..) | Filter::Compare { .. } => None,
        });
        raw.chain(condition).for_each(|sql| self.add(Form::Expression, sql));
    }

    fn order(&mut self, order: Option<&Order>) {
        if let Some(Order::Sql(sql)) = order {
            self.add(Form::Order, sql);
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            match &field.kind {
                Kind::Column(Column { from: Origin::Sql(sql), .. }) => {
                    self.add(Form::Expression, sql);
                }
                Kind::Column(_) | Kind::Geo { .. } | Kind::Constant(_) => {}
                Kind::Object(fields) => self.fields(fields),
                Kind::Join(join) => {
                    self.conditions(
                        join.condition.as_ref(),
                        join.filters.as_deref().unwrap_or_default(),
                    );
                    self.order(join.order_by.as_ref());
                    self.fields(&join.fields);
                }
                Kind::Rows(rows) => {
                    match &rows.from {
                        RowsFrom::Join(sql) => self.add(Form::Joins, sql),
                        RowsFrom::Select(sql) => self.add(Form::Query, sql),
                    }
                    self.conditions(rows.condition.as_ref(), &[]);
                    rows.order_by.iter().for_each(|sql| self.add(Form::Order, sql));
                    self.fields(&rows.fields);
                }
                Kind::Aggregate(aggregate) => self.aggregate(aggregate),
            }
        }
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        self.conditions(
            aggregate.condition.as_ref(),
            aggregate.filters.as_deref().unwrap_or_default(),
        );
        self.order(aggregate.order_by.as_ref());
        if let AggregateKey::Join(sql) = &aggregate.key {
            self.add(Form::Joins, sql);
        }
        if let Some(Origin::Sql(sql)) = aggregate.op.of() {
            self.add(Form::Expression, &sql);
        }
    }
}

/// How a text is printed once it is read.
fn printed(form: Form, text: &str) -> Result<String, String> {
    let place = Place { file: 0, start: 0, end: text.len() as u32 };
    let sql = Sql { text: text.into(), place, pieces: vec![(0, 0)] };
    let printed = match form {
        Form::Expression => parse::expression(&sql).map(|tree| tree.to_string()),
        Form::Order => parse::order(&sql)
            .map(|keys| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        Form::Joins => parse::joins(&sql).map(|tree| {
            let text = tree.to_string();
            text.split_once("JOIN ").unwrap().1.to_owned()
        }),
        Form::Query => parse::query(&sql).map(|tree| tree.to_string()),
    };
    printed.map_err(|error| error.message)
}

/// The files of the repository's folders that end so.
fn files(end: &str) -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = ["cli/tests", "compiler/tests", "dev", "tests"]
        .map(|folder| repository.join(folder))
        .to_vec();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn what_is_printed_is_read_as_the_same() {
    let mut pieces = Pieces::default();
    for path in files(".yml") {
        if let Ok(schema) = read_schema(0, &std::fs::read_to_string(path).unwrap()) {
            pieces.schema(&schema);
        }
    }
    for (form, text) in &pieces.0 {
        let once = printed(*form, text).unwrap();
        let again = printed(*form, &once).unwrap_or_else(|error| {
            panic!("{text}\nis printed as\n{once}\nwhich is no SQL: {error}")
        });
        assert_eq!(again, once, "{text}");
    }
    assert!(pieces.0.len() > 200, "{} pieces", pieces.0.len());
}

#[test]
fn a_lock_holds_every_file_as_it_is() {
    let mut held = 0;
    for path in files("flusso.toml") {
        let Ok(config) = load(&path).1 else { continue };
        held += 1;
        let bytes = lock::write(&config);
        assert_eq!(lock::write(&lock::read(&bytes).unwrap()), bytes, "{}", path.display());
    }
    let folder = std::env::temp_dir().join(format!("flusso-pieces-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let toml = folder.join("flusso.toml");
    let text =
        "source = { type = 'postgres' }\n[[index]]\nname = 'one'\nschema = 'one.schema.yml'\n";
    std::fs::write(&toml, text).unwrap();
    for path in files(".schema.yml") {
        std::fs::copy(&path, folder.join("one.schema.yml")).unwrap();
        let Ok(config) = load(&toml).1 else { continue };
        held += 1;
        let bytes = lock::write(&config);
        assert_eq!(lock::write(&lock::read(&bytes).unwrap()), bytes, "{}", path.display());
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(held > 200, "{held} files");
}
