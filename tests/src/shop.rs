//! The shop of `dev/shop` as the tests use it: its files, its rows, its named changes.

use crate::deployment::Deployment;
use crate::server::{Server, repository};

/// The shop's indexes.
const INDEXES: [&str; 3] = ["orders", "users", "products"];

/// A file of the shop.
pub fn file(name: &str) -> String {
    let path = repository().join("dev/shop").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The statements that make the tables and so many orders, without psql's own commands.
pub fn rows(orders: u32) -> String {
    let seed: Vec<String> = file("seed.sql")
        .lines()
        .filter(|line| !line.starts_with('\\'))
        .map(str::to_owned)
        .collect();
    format!("{}\n{}", file("tables.sql"), seed.join("\n").replace(":orders", &orders.to_string()))
}

/// A deployment of the shop; `sink` is a part of `flusso.toml`.
pub fn deployment(server: &Server, name: &str, orders: u32, sink: &str) -> Deployment {
    let schemas = INDEXES.map(|index| (index, file(&format!("{index}.schema.yml"))));
    let indexes: Vec<(&str, &str)> =
        schemas.iter().map(|(index, schema)| (*index, schema.as_str())).collect();
    Deployment::with_sink(server, name, &rows(orders), &indexes, sink)
}

/// The named changes: name and statements.
pub fn changes() -> Vec<(String, String)> {
    let file = file("changes.sql");
    let parts = file.split("-- change: ").skip(1);
    let named = parts.filter_map(|part| part.split_once('\n'));
    named.map(|(name, sql)| (name.to_owned(), sql.to_owned())).collect()
}
