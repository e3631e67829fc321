//! Opens the sinks of a deployment, each with the indexes as it is to make them.

use flusso_compiler::files::cluster;
use flusso_compiler::files::config::{self, Config, IndexEntry};
use flusso_compiler::plan::{IndexId, Plan};
use flusso_compiler::{hash, mapping};
use flusso_runtime::sinks::{OpenSearch, Sink, Stdout, Target};
use serde_json::Value;

use crate::database::environment;
use crate::failure::{Failure, because};

/// All sinks, in the order of their names; without any, standard output. `pretty` is for that
/// one alone.
pub fn open(
    config: &Config,
    plan: &Plan,
    prefix: &str,
    pretty: bool,
) -> Result<Vec<(Sink, Vec<Target>)>, Failure> {
    if config.sinks.is_empty() {
        let sink = Sink::Stdout(Stdout::new("stdout", pretty));
        return Ok(vec![(sink, targets(config, plan, |_| Value::Null))]);
    }
    config.sinks.iter().map(|(name, sink)| one(config, plan, prefix, name, sink)).collect()
}

fn one(
    config: &Config,
    plan: &Plan,
    prefix: &str,
    name: &str,
    sink: &config::Sink,
) -> Result<(Sink, Vec<Target>), Failure> {
    match sink {
        config::Sink::Stdout { pretty } => {
            let sink = Sink::Stdout(Stdout::new(name, *pretty));
            Ok((sink, targets(config, plan, |_| Value::Null)))
        }
        config::Sink::OpenSearch(options) => {
            let cluster = cluster::cluster(name, options, &environment).map_err(because)?;
            let sink = OpenSearch::new(name, prefix, options, cluster).map_err(because)?;
            let body = |entry: &IndexEntry| mapping::index_body(&entry.schema, options);
            Ok((Sink::OpenSearch(Box::new(sink)), targets(config, plan, body)))
        }
    }
}

/// The enabled indexes, in the plan's order.
fn targets(config: &Config, plan: &Plan, body: impl Fn(&IndexEntry) -> Value) -> Vec<Target> {
    let numbered = plan.indexes.iter().enumerate();
    let target = |(number, index): (usize, &flusso_compiler::plan::Index)| {
        let entry = config.indexes.iter().find(|entry| entry.name.value == index.name)?;
        Some(Target {
            index: IndexId(number as u16),
            name: index.name.clone(),
            hash: format!("{:08x}", hash::schema(&entry.schema)),
            body: body(entry),
            fields: index.shape.fields.len(),
            on_error: entry.on_error.unwrap_or(config.on_error),
            token: None,
        })
    };
    numbered.filter_map(target).collect()
}
