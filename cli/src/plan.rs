//! `flusso plan`: what runs, before it runs.

use flusso_compiler::catalog::Catalog;
use flusso_compiler::plan::diff::{self, Planned, diff};
use flusso_compiler::plan::{IndexId, analyze, graph, json, oracle, text, verbose};

use crate::args::{Plan, PlanFormat};
use crate::deployment::{Deployment, compile, entry, findings, read_lock};
use crate::failure::{Failure, because};
use crate::output::{Paint, print};
use crate::{database, remote};

/// Prints the plan in the form that was asked for.
pub async fn plan(args: Plan) -> Result<(), Failure> {
    let deployment = compile(&args.config)?;
    if let Some(lock) = &args.diff {
        return print(&changed(&read_lock(lock)?, &deployment, args.format)?);
    }
    let config = &deployment.config;
    let wanted = args.index.as_deref().map(|name| entry(config, name)).transpose()?;
    let catalog: Option<Catalog> = match args.live {
        true => {
            let client = database::client(&database::connection(config)?).await?;
            Some(database::catalog(&client, config).await?)
        }
        false => None,
    };
    let catalog = catalog.as_ref().or(deployment.catalog.as_ref());
    if args.sql {
        let mut page = String::new();
        for entry in config.indexes.iter().filter(|it| it.enabled) {
            if wanted.is_none_or(|wanted| wanted.name == entry.name) {
                let sql = oracle::sql(&entry.schema, catalog)
                    .map_err(|found| findings(&deployment.sources, &found))?;
                page.push_str(&format!("-- {}\n{sql}\n", entry.name.value));
            }
        }
        return print(&page);
    }
    let plan = deployment.plan(catalog)?;
    let of = wanted.and_then(|wanted| {
        let at = plan.indexes.iter().position(|index| index.name == wanted.name.value)?;
        Some(IndexId(at as u16))
    });
    let colours = Paint::stdout().colours();
    if args.analyze {
        let measured = remote::measured(args.remote).await?;
        return print(&analyze::analyze(&plan, of, &measured, colours));
    }
    print(&match args.format {
        PlanFormat::Text if args.verbose => verbose::verbose(&plan, colours),
        PlanFormat::Text => text::text(&plan, of, catalog, colours),
        PlanFormat::Json => format!("{:#}\n", json::json(&plan, catalog)),
        PlanFormat::Dot => graph::dot(&plan),
        PlanFormat::Mermaid => graph::mermaid(&plan),
    })
}

/// What is different from what was.
fn changed(was: &Deployment, is: &Deployment, format: PlanFormat) -> Result<String, Failure> {
    let (before, after) = (was.plan(None)?, is.plan(None)?);
    let of = |config, plan| Planned { config, plan };
    let diff = diff(of(&was.config, &before), of(&is.config, &after));
    match format {
        PlanFormat::Text => Ok(diff::text(&diff, Paint::stdout().colours())),
        PlanFormat::Json => Ok(format!("{:#}\n", serde_json::json!(diff))),
        PlanFormat::Dot | PlanFormat::Mermaid => {
            Err(because("a difference is text or json, not a graph".to_owned()))
        }
    }
}
