//! `flusso verify`: whether the sinks hold what the database says.

pub mod json;
pub mod text;

use flusso_compiler::files::config::{Config, IndexEntry};
use flusso_compiler::files::overrides;
use flusso_runtime::sinks::{OpenSearch, Sink, Target};
use flusso_runtime::verify::{self, Report, Settings, Subject, VerifyError};

use crate::args::{Format, Verify};
use crate::database;
use crate::deployment::{Deployment, Origin, compile, entry, findings, origin, read_lock};
use crate::failure::{Failure, because};
use crate::output::{Paint, print};
use crate::sinks;

/// Verifies and reports; a wrong document fails the command.
pub async fn verify(args: Verify) -> Result<(), Failure> {
    let deployment = match origin(args.config.clone(), args.locked, |path| path.exists())? {
        Origin::Config(path) => compile(&path)?,
        Origin::Lock => read_lock(&args.lock)?,
    };
    let config = &deployment.config;
    let wanted = args.index.as_deref().map(|name| entry(config, name)).transpose()?;
    let flag = args.index_prefix.as_deref();
    let prefix =
        overrides::prefix(flag, &config.prefix, &database::environment).map_err(because)?;
    let connection = database::connection(config)?;
    let client = database::client(&connection).await?;
    let catalog = database::catalog(&client, config).await?;
    drop(client);
    let plan = deployment.plan(Some(&catalog))?;
    let settings = Settings {
        connection,
        slot: args.slot,
        publication: args.publication,
        sample: args.sample.map(|sample| sample as usize),
        repair: args.repair,
    };
    let mut reports = Vec::new();
    for (sink, targets) in sinks::open(config, &plan, &prefix, false)? {
        let Sink::OpenSearch(mut sink) = sink else { continue };
        for (entry, target) in entries(config, &targets) {
            if wanted.is_none_or(|wanted| wanted.name == entry.name) {
                let subject = Subject { schema: &entry.schema, catalog: &catalog, target };
                reports.push(one(&deployment, &settings, &mut sink, subject).await?);
            }
        }
    }
    if reports.is_empty() {
        return Err(because("no sink keeps documents, so there is nothing to verify"));
    }
    print(&match args.format {
        Format::Human => text::reports(&reports, Paint::stdout()),
        Format::Json => format!("{:#}\n", json::reports(&reports)),
    })?;
    match reports.iter().map(|report| report.wrong).sum() {
        0 => Ok(()),
        1 => Err(because("1 document is wrong")),
        wrong => Err(because(format!("{wrong} documents are wrong"))),
    }
}

fn entries<'a>(
    config: &'a Config,
    targets: &'a [Target],
) -> impl Iterator<Item = (&'a IndexEntry, &'a Target)> {
    targets.iter().filter_map(|target| {
        let entry = config.indexes.iter().find(|entry| entry.name.value == target.name)?;
        Some((entry, target))
    })
}

async fn one(
    deployment: &Deployment,
    settings: &Settings,
    sink: &mut OpenSearch,
    subject: Subject<'_>,
) -> Result<Report, Failure> {
    verify::verify(settings, sink, subject).await.map_err(|error| match error {
        VerifyError::Capture(error) => because(error),
        VerifyError::Sink(error) => match error.cure() {
            Some(cure) => because(format!("{error}; {cure}")),
            None => because(error),
        },
        VerifyError::Schema(found) => findings(&deployment.sources, &found),
        VerifyError::Unreadable(place) => because(format!("{place} is not JSON")),
    })
}
