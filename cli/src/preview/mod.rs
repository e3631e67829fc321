//! `flusso preview`: documents as they would be, from the live database, while their schema file
//! is being written.

mod text;
mod watch;

use std::sync::Arc;

use flusso_compiler::files::config::Config;
use flusso_compiler::files::overrides;
use flusso_compiler::plan::oracle;
use flusso_runtime::preview::{self, Wanted};
use flusso_runtime::sinks::Sink;
use flusso_runtime::verify::What;

use crate::args::{self, Format};
use crate::database;
use crate::deployment::{compile, entry};
use crate::failure::{Failure, because};
use crate::output::{Paint, print};
use crate::sinks;

/// Documents shown when none is named.
const FIRST: usize = 3;

/// What a sink holds instead of the documents: its name, and a difference or none for each.
type Held = (String, Vec<Option<What>>);

/// Shows them once, or again and again.
pub async fn preview(args: args::Preview) -> Result<(), Failure> {
    if !args.watch {
        return print(&shown(&args).await?);
    }
    let mut seen = watch::Seen::default();
    loop {
        // What is saved while it is worked on is worked on again.
        seen.look(&args.config);
        let page = match shown(&args).await {
            Ok(page) => page,
            Err(Failure::Files(text)) => text,
            Err(Failure::Because(sentence)) => format!("error: {sentence}\n"),
            Err(Failure::Unread) => return Err(Failure::Unread),
        };
        print(&watch::page(&page, args.format))?;
        seen.changed(&args.config).await;
    }
}

/// The page for the files as they are now.
async fn shown(args: &args::Preview) -> Result<String, Failure> {
    let mut deployment = compile(&args.config)?;
    let wanted = entry(&deployment.config, &args.index)?.clone();
    // Alone, so that rows are read for nothing else.
    deployment.config.indexes = vec![wanted.clone()];
    let config = &deployment.config;
    let client = database::client(&database::connection(config)?).await?;
    let catalog = database::catalog(&client, config).await?;
    let plan = Arc::new(deployment.plan(Some(&catalog))?);
    let which = match args.ids.as_slice() {
        [] => Wanted::First(FIRST),
        ids => Wanted::Ids(ids),
    };
    let made = preview::preview(&client, Arc::clone(&plan), &catalog, which);
    let made = made.await.map_err(because)?;
    let mut held = Vec::new();
    if args.diff {
        let floats = oracle::floats(&wanted.schema, Some(&catalog));
        let prefix = prefix(args, config)?;
        for (sink, targets) in sinks::open(config, &plan, &prefix, false)? {
            let (Sink::OpenSearch(mut sink), Some(target)) = (sink, targets.first()) else {
                continue;
            };
            let found = preview::compare(&mut sink, target, &made, &floats).await;
            let found = found.map_err(|error| match error.cure() {
                Some(cure) => because(format!("{error}; {cure}")),
                None => because(error),
            })?;
            held.push((sink.name().to_owned(), found));
        }
        if held.is_empty() {
            return Err(because("no sink keeps documents, so there is nothing to differ from"));
        }
    }
    let name = &wanted.name.value;
    match args.format {
        Format::Human => Ok(text::human(name, &made, &held, Paint::stdout())),
        Format::Json => Ok(text::lines(name, &made, &held)),
    }
}

fn prefix(args: &args::Preview, config: &Config) -> Result<String, Failure> {
    let flag = args.index_prefix.as_deref();
    overrides::prefix(flag, &config.prefix, &database::environment).map_err(because)
}
