//! `flusso run`: from the files to a running deployment, and to its end.
//!
//! ```text
//!  config or lock ─► prefix ─► ports ─► database ─► plan ─► sinks ─► run ─► exit
//! ```
//!
//! What can fail fails early and with a cure: nothing is copied before all of it has been
//! looked at.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use flusso_compiler::files::budget::Budget;
use flusso_compiler::files::config::{Server, State};
use flusso_compiler::files::overrides;
use flusso_compiler::plan::Plan;
use flusso_runtime::http::{self, Surfaces};
use flusso_runtime::lag::lsn;
use flusso_runtime::quarantine::Quarantine;
use flusso_runtime::rebuild::Rebuilds;
use flusso_runtime::run::{self, RunError, Settings};
use flusso_runtime::sinks::SinkError;
use flusso_runtime::status::Status;
use flusso_runtime::{memory, postgres, store, telemetry};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::args::Run;
use crate::deployment::{Deployment, Origin, compile, origin, read_lock, write_lock};
use crate::failure::{Failure, because};
use crate::{database, sinks};

/// Workers beyond this have not been seen to gain anything.
const MOST_WORKERS: usize = 8;
/// Changes that a batch of the capture holds, about.
const CHANGES: u32 = 128;

/// Runs until a signal, or until something cannot go on.
pub async fn run(args: Run) -> Result<(), Failure> {
    let deployment = deployment(&args)?;
    let config = &deployment.config;
    let flag = args.index_prefix.as_deref();
    let prefix =
        overrides::prefix(flag, &config.prefix, &database::environment).map_err(because)?;
    let surfaces = Surfaces::bind(addresses(&args, &config.server)).await.map_err(because)?;
    let (public, private) = surfaces.addresses().map_err(because)?;
    let names = config.indexes.iter().map(|entry| (entry.name.value.clone(), entry.enabled));
    let status = Arc::new(Status::new(names));
    let quarantine = Arc::new(Quarantine::default());
    let rebuilds = Arc::new(Rebuilds::default());
    surfaces.serve(status.clone(), quarantine.clone(), rebuilds.clone());
    tracing::info!(%public, %private, "answering over HTTP");

    let stop = signals()?;
    let mut stopped = stop.clone();
    let connection = database::connection(config)?;
    let plan = tokio::select! {
        plan = planned(&deployment, &connection) => Arc::new(plan?),
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
    };
    let workers = args.workers.map_or_else(cores, usize::from);
    let source = postgres::Settings {
        connection,
        slot: args.slot,
        publication: args.publication,
        manage_publication: args.manage_publication.unwrap_or(config.source.manage_publication),
        copy_workers: workers,
        queue: args.queue_capacity.div_ceil(CHANGES) as usize,
    };
    let sinks = sinks::open(config, &plan, &prefix, args.pretty)?;
    let keeping = sinks.iter().any(|(sink, _)| sink.keeps());
    if args.skip_backfill && keeping {
        tracing::warn!(
            "--skip-backfill has no effect: a sink that keeps documents is given those it lacks"
        );
    }
    let settings = Settings {
        plan,
        sinks,
        source,
        state: state(args.state_dir, args.rebuild_state, &config.state, &deployment.folder),
        memory: budget(args.memory_budget.or(config.state.memory_budget)),
        workers,
        lag_poll: Duration::from_secs(args.lag_poll_secs),
        skip_fill: args.skip_backfill && !keeping,
        quarantine,
        rebuilds,
        status,
    };
    let about = &settings.plan;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        indexes = about.indexes.len(),
        tables = about.tables.len(),
        kept = about.kept.len(),
        sinks = settings.sinks.len(),
        workers,
        memory_mib = settings.memory.map(|bytes| bytes >> 20),
        "starting"
    );
    let status = settings.status.clone();
    let ended = run::run(settings, stop).await;
    let upto = lsn(status.read().durable);
    tracing::info!(upto, "stopped; what was delivered is confirmed up to here");
    // Workers may be in the midst of a long fill. Nothing of theirs needs saving, so they are not
    // waited for.
    exit(match ended {
        Ok(()) | Err(RunError::Sink(SinkError::Closed)) => 0,
        Err(error) => {
            telemetry::last_words("error: ", &error.to_string());
            1
        }
    })
}

/// The flag or its variable, else the config, else beside it; none where one of them says `none`.
fn state(
    flag: Option<PathBuf>,
    rebuild: bool,
    written: &State,
    beside: &Path,
) -> Option<store::Settings> {
    let named = flag.unwrap_or_else(|| match &written.dir {
        Some(dir) if dir == "none" => dir.into(),
        Some(dir) => beside.join(dir),
        None => beside.join("flusso-state"),
    });
    let settings = store::Settings { folder: named, sync: written.sync, rebuild };
    (settings.folder != Path::new("none")).then_some(settings)
}

/// The budget in bytes; none where the system does not say what there is.
fn budget(written: Option<Budget>) -> Option<u64> {
    let budget = written.unwrap_or(Budget::DEFAULT);
    match budget {
        Budget::Bytes(bytes) => Some(bytes),
        Budget::Percent(_) => Some(budget.of(memory::available()?)),
    }
}

/// Compiles the config and writes the lock, or reads the lock.
fn deployment(args: &Run) -> Result<Deployment, Failure> {
    match origin(args.config.clone(), args.locked, |path| path.exists())? {
        Origin::Config(path) => {
            let deployment = compile(&path)?;
            write_lock(&args.lock, &deployment.config)?;
            Ok(deployment)
        }
        Origin::Lock => read_lock(&args.lock),
    }
}

/// The plan as the database's own types and keys make it.
async fn planned(
    deployment: &Deployment,
    connection: &postgres::Connection,
) -> Result<Plan, Failure> {
    let client = database::client(connection).await?;
    let catalog = database::catalog(&client, &deployment.config).await?;
    deployment.plan(Some(&catalog))
}

/// The flag or its variable, else the config, else loopback.
fn addresses(args: &Run, server: &Server) -> http::Settings {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    http::Settings {
        public: args.public_address.or(server.public_address).unwrap_or_else(|| local(9464)),
        private: args.private_address.or(server.private_address).unwrap_or_else(|| local(9465)),
        user: args.login.admin_user.clone(),
        password: args.login.admin_password.clone(),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_WORKERS))
}

/// Becomes true at the first SIGINT or SIGTERM; the second one ends the process at once.
fn signals() -> Result<watch::Receiver<bool>, Failure> {
    let on = |kind| signal(kind).map_err(|error| because(format!("signals: {error}")));
    let mut interrupt: Signal = on(SignalKind::interrupt())?;
    let mut terminate: Signal = on(SignalKind::terminate())?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if again {
                exit(130);
            }
            tracing::info!("stopping; a second signal stops at once");
            stop.send_replace(true);
        }
    });
    Ok(stopped)
}
