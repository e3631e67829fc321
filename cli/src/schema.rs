//! `flusso schema`: the JSON Schemas of the two file formats, as they were compiled in.

use crate::args::SchemaFile;
use crate::failure::Failure;
use crate::output::print;

const CONFIG: &str = include_str!("../../schemas/config.schema.json");
const INDEX: &str = include_str!("../../schemas/index.schema.json");

/// Prints one of them.
pub fn schema(file: SchemaFile) -> Result<(), Failure> {
    print(match file {
        SchemaFile::Config => CONFIG,
        SchemaFile::Index => INDEX,
    })
}
