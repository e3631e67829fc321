//! `flusso catalog`: what the database says of the tables, written beside the config for builds
//! that have no database at hand.

use std::path::Path;

use flusso_compiler::catalog_file;

use crate::args::Catalog;
use crate::database;
use crate::deployment::{catalog_path, compile};
use crate::failure::{Failure, because};
use crate::output::{Ink, Paint, print};

/// Asks the database and writes the file.
pub async fn catalog(args: Catalog) -> Result<(), Failure> {
    let deployment = compile(&args.config)?;
    let client = database::client(&database::connection(&deployment.config)?).await?;
    let catalog = database::catalog(&client, &deployment.config).await?;
    // What the files say and the database has not is better said now than by the next build.
    deployment.plan(Some(&catalog))?;
    let path = catalog_path(&args.config);
    write(&path, &catalog_file::write(&catalog))?;
    let paint = Paint::stdout();
    let tick = paint.ink(Ink::Green, "✓");
    let done = format!("{} table(s) → {}", catalog.tables.len(), path.display());
    print(&format!(" {tick} {}\n", paint.ink(Ink::Bold, &done)))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| because(format!("cannot write {}: {error}", path.display())))
}
