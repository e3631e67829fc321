//! `flusso check`: whether config and schemas are right, and whether the database is as they say.
//!
//! The files are read like for a run, so what passes here loads there. Against the database it
//! asks more than a run would stop for; only errors fail the command, a publication that does
//! not cover everything yet does not.

mod fields;
mod json;
mod text;

use flusso_compiler::check::{self, Finding, dear};
use flusso_compiler::diagnostics::Severity;
use flusso_compiler::files::config::{Config, IndexEntry};
use flusso_compiler::plan;
use flusso_runtime::postgres::facts;
use flusso_runtime::postgres::publication::{self, Coverage};

use crate::args::{Check, Format};
use crate::database;
use crate::deployment::{Deployment, compile};
use crate::failure::{Failure, because};
use crate::output::{Paint, print};

/// What is reported.
pub struct Report<'a> {
    /// The deployment.
    pub config: &'a Config,
    /// What the database says; none when it was not asked.
    pub online: Option<Online>,
}

impl Report<'_> {
    /// The indexes by name, as they are shown.
    fn indexes(&self) -> Vec<&IndexEntry> {
        let mut indexes: Vec<_> = self.config.indexes.iter().collect();
        indexes.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        indexes
    }
}

/// What the database says.
pub struct Online {
    /// Where it disagrees.
    pub findings: Vec<Finding>,
    /// What the publication covers.
    pub coverage: Coverage,
    /// Whether `run` would extend it.
    pub will_manage: bool,
}

impl Online {
    fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Checks and reports.
pub async fn check(args: Check) -> Result<(), Failure> {
    let deployment = compile(&args.config)?;
    let config = &deployment.config;
    let online = match args.offline {
        true => {
            deployment.plan(deployment.catalog.as_ref())?;
            None
        }
        false => Some(ask(&args, &deployment).await?),
    };
    let report = Report { config, online };
    print(&match args.format {
        Format::Human => text::report(&args.config, &report, Paint::stdout()),
        Format::Json => format!("{:#}\n", json::report(&report)),
    })?;
    match report.online.is_some_and(|online| online.failed()) {
        true => Err(because("the schemas disagree with the database")),
        false => Ok(()),
    }
}

async fn ask(args: &Check, deployment: &Deployment) -> Result<Online, Failure> {
    let config = &deployment.config;
    let client = database::client(&database::connection(config)?).await?;
    let catalog = database::catalog(&client, config).await?;
    let tables = plan::tables(config);
    let mut found = check::check(config, &catalog);
    if !found.iter().any(|finding| finding.severity == Severity::Error) {
        // What names no field, or more than one, is said with its place in the files.
        let plan = deployment.plan(Some(&catalog))?;
        let facts = facts::facts(&client, &tables).await.map_err(because)?;
        found.extend(dear::dear(&plan, &catalog, &facts));
    }
    let coverage = publication::coverage(&client, &args.publication, &tables);
    Ok(Online {
        findings: found,
        coverage: coverage.await.map_err(because)?,
        will_manage: args.manage_publication.unwrap_or(config.source.manage_publication),
    })
}
