//! From schema files to the plan.
//!
//! ```text
//!  Schema ─► lower: values, reads, paths, each with a demand on what must be kept
//!                                              │
//!                                              ▼
//!                             share: demands of one table and key become one kept thing
//! ```
//!
//! Lowering goes over everything and reports every mistake. It runs twice: the first time to see
//! which tables and columns are read, so that their numbers, and with them the whole plan, do not
//! depend on the order in which an author wrote the fields.

mod conjuncts;
mod demand;
mod filters;
mod joined;
mod keyed;
mod lower;
mod membership;
mod query;
mod reduced;
mod relations;
mod row;
mod scope;
mod share;
mod totals;
mod walk;

use crate::catalog::Catalog;
use crate::diagnostics::Diagnostic;
use crate::files::config::Config;
use crate::plan::Plan;

use self::lower::Lowering;
use self::scope::Tables;

/// The plan of all enabled indexes, or everything that is wrong with them.
///
/// With a catalog every name and type is checked. Without one types are unknown, keys are those
/// declared, and a table that is only aggregated is taken to have the key `id`.
pub fn build(config: &Config, catalog: Option<&Catalog>) -> Result<Plan, Vec<Diagnostic>> {
    let mut seen = Lowering::new(Tables::new(config, catalog));
    lower(config, &mut seen);
    if !seen.tables.errors.is_empty() {
        return Err(seen.tables.errors);
    }
    let mut lowering = Lowering::new(seen.tables.sorted());
    let indexes = lower(config, &mut lowering);
    Ok(share::share(lowering.tables.into_tables(), lowering.demands, indexes))
}

fn lower(config: &Config, lowering: &mut Lowering<'_>) -> Vec<super::Index> {
    let enabled = config.indexes.iter().filter(|entry| entry.enabled);
    enabled.filter_map(|entry| lowering.index(&entry.name, &entry.schema)).collect()
}
