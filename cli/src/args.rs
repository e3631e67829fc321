//! The command line: every command, flag, environment variable and default, and nothing else.
//!
//! Names and defaults are those of the reference; a switch in the environment must say `true`
//! or `false`, because a forgotten `0` that switched something on would be found too late.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use flusso_compiler::files::budget::Budget;

const EXAMPLES: &str = "\
Examples:
  flusso init orders                 write a schema file after the table of a live database
  flusso check                       is everything right, before anything runs
  flusso preview users 7 --watch     the document as it would be, again at each save of a file
  flusso plan users                  what a document is made of, and what a change costs
  flusso run                         keep the documents in step with Postgres
  flusso run --locked                the same from a compiled flusso.lock alone
  flusso verify                      is every document what the database says
  flusso indexes                     what a running flusso keeps";

/// Keeps search documents in step with Postgres.
#[derive(Debug, Parser)]
#[command(name = "flusso", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = false)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, in the order of a working day.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a schema file for a table, and flusso.toml if there is none
    Init(Init),
    /// Show documents as they would be, from the live database
    Preview(Preview),
    /// Say whether config and schemas are right, alone and against the database
    Check(Check),
    /// Show what runs: what is kept, how changes reach documents, what it costs
    Plan(Plan),
    /// Compile config and schemas into one portable lock file
    Build(Build),
    /// Write what the database says of the tables, for builds without one
    Catalog(Catalog),
    /// Keep the documents in step with Postgres
    Run(Run),
    /// Prove that the sinks equal the database, document by document
    Verify(Verify),
    /// List the indexes of a running flusso
    Indexes(Indexes),
    /// Rebuild one index of a running flusso
    Reindex(Reindex),
    /// List the documents that sinks rejected, show one, or ask for another try
    Quarantine(Quarantine),
    /// Print the JSON Schema of a file format, for editors
    Schema(Schema),
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The table, as in SQL [default: the one that most others lead to or from]
    pub table: Option<String>,
    /// The deployment; written when there is none, else the index is added to it
    #[arg(
        short,
        long,
        env = "FLUSSO_CONFIG",
        default_value = "flusso.toml",
        hide_env_values = true
    )]
    pub config: PathBuf,
    /// Where the database is [default: what the config says, else DATABASE_URL]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Write over a schema file that is there
    #[arg(long)]
    pub force: bool,
}

/// `preview`.
#[derive(Debug, Args)]
pub struct Preview {
    /// The index
    pub index: String,
    /// The documents [default: the first three]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// The deployment
    #[arg(
        short,
        long,
        env = "FLUSSO_CONFIG",
        default_value = "flusso.toml",
        hide_env_values = true
    )]
    pub config: PathBuf,
    /// Show where they differ from what the sinks hold
    #[arg(long)]
    pub diff: bool,
    /// Show them again at each save of a file, until interrupted
    #[arg(long)]
    pub watch: bool,
    /// For a person or for a program, one document a line
    #[arg(long, env = "FLUSSO_FORMAT", default_value = "human", hide_env_values = true)]
    pub format: Format,
    /// Put before every OpenSearch name [default: what the config says]
    #[arg(long, env = "FLUSSO_INDEX_PREFIX", hide_env_values = true, value_name = "TEXT")]
    pub index_prefix: Option<String>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The deployment
    #[arg(
        short,
        long,
        env = "FLUSSO_CONFIG",
        default_value = "flusso.toml",
        hide_env_values = true
    )]
    pub config: PathBuf,
    /// Look at the files only, not at the database
    #[arg(long, env = "FLUSSO_OFFLINE", hide_env_values = true)]
    pub offline: bool,
    /// The publication whose coverage is looked at
    #[arg(long, env = "FLUSSO_PUBLICATION", default_value = "flusso", hide_env_values = true)]
    pub publication: String,
    /// Whether `run` would extend the publication [default: what the config says]
    #[arg(long, env = "FLUSSO_MANAGE_PUBLICATION", hide_env_values = true, value_name = "BOOL")]
    pub manage_publication: Option<bool>,
    /// For a person or for a program
    #[arg(long, env = "FLUSSO_FORMAT", default_value = "human", hide_env_values = true)]
    pub format: Format,
}

/// How a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Format {
    Human,
    Json,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// One index instead of all
    pub index: Option<String>,
    /// The deployment
    #[arg(
        short,
        long,
        env = "FLUSSO_CONFIG",
        default_value = "flusso.toml",
        hide_env_values = true
    )]
    pub config: PathBuf,
    /// The physical operators instead of the documents
    #[arg(short, long)]
    pub verbose: bool,
    /// The form
    #[arg(long, default_value = "text", conflicts_with_all = ["verbose", "sql"])]
    pub format: PlanFormat,
    /// The Postgres query that each index equals
    #[arg(long, conflicts_with = "verbose")]
    pub sql: bool,
    /// Ask the database for types, rows and bytes
    #[arg(long)]
    pub live: bool,
    /// What has changed since this lock was made: text or json
    #[arg(long, value_name = "LOCK")]
    #[arg(conflicts_with_all = ["index", "verbose", "sql", "live", "analyze"])]
    pub diff: Option<PathBuf>,
    /// Ask a running flusso for rows, bytes and time worked
    #[arg(long, conflicts_with_all = ["verbose", "sql", "format", "live"])]
    pub analyze: bool,
    /// Where that runs
    #[command(flatten)]
    pub remote: Remote,
}

/// How `plan` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum PlanFormat {
    Text,
    Json,
    Dot,
    Mermaid,
}

/// `build`.
#[derive(Debug, Args)]
pub struct Build {
    /// The deployment
    #[arg(
        short,
        long,
        env = "FLUSSO_CONFIG",
        default_value = "flusso.toml",
        hide_env_values = true
    )]
    pub config: PathBuf,
    /// Where the lock goes
    #[arg(short, long, env = "FLUSSO_OUT", default_value = "flusso.lock", hide_env_values = true)]
    pub out: PathBuf,
}

/// `catalog`.
#[derive(Debug, Args)]
pub struct Catalog {
    /// The deployment; the file goes beside it
    #[arg(
        short,
        long,
        env = "FLUSSO_CONFIG",
        default_value = "flusso.toml",
        hide_env_values = true
    )]
    pub config: PathBuf,
}

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The deployment [default: flusso.toml if there is one, else the lock]
    #[arg(short, long, env = "FLUSSO_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// The lock: written from the config at every start, read when there is no config
    #[arg(long, env = "FLUSSO_LOCK", default_value = "flusso.lock", hide_env_values = true)]
    pub lock: PathBuf,
    /// Run the lock as it is, without looking at the config
    #[arg(long, env = "FLUSSO_LOCKED", hide_env_values = true)]
    pub locked: bool,
    /// Threads of the dataflow [default: one a core, at most 8]
    #[arg(long, env = "FLUSSO_WORKERS", hide_env_values = true, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Emit no first fill: follow changes only
    #[arg(long, env = "FLUSSO_SKIP_BACKFILL", hide_env_values = true)]
    pub skip_backfill: bool,
    /// Indent the documents on standard output
    #[arg(long, env = "FLUSSO_PRETTY", hide_env_values = true)]
    pub pretty: bool,

    /// The folder that rows outlive the process in, or `none` [default: config, else flusso-state]
    #[arg(long, env = "FLUSSO_STATE_DIR", hide_env_values = true, value_name = "FOLDER")]
    #[arg(help_heading = "State")]
    pub state_dir: Option<PathBuf>,
    /// Forget the state and copy all tables anew
    #[arg(long)]
    #[arg(help_heading = "State")]
    pub rebuild_state: bool,
    /// Memory the process may take: 4GiB, 750MB or 60% [default: what the config says, else 75%]
    #[arg(long, env = "FLUSSO_MEMORY_BUDGET", hide_env_values = true, value_name = "AMOUNT")]
    #[arg(help_heading = "State")]
    pub memory_budget: Option<Budget>,

    /// The replication slot
    #[arg(long, env = "FLUSSO_SLOT", default_value = "flusso", hide_env_values = true)]
    #[arg(help_heading = "Postgres")]
    pub slot: String,
    /// The publication
    #[arg(long, env = "FLUSSO_PUBLICATION", default_value = "flusso", hide_env_values = true)]
    #[arg(help_heading = "Postgres")]
    pub publication: String,
    /// Whether the publication may be made and extended [default: what the config says]
    #[arg(long, env = "FLUSSO_MANAGE_PUBLICATION", hide_env_values = true, value_name = "BOOL")]
    #[arg(help_heading = "Postgres")]
    pub manage_publication: Option<bool>,
    /// Changes that may wait between Postgres and the dataflow
    #[arg(long, env = "FLUSSO_QUEUE_CAPACITY", default_value = "1024", hide_env_values = true)]
    #[arg(help_heading = "Postgres", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub queue_capacity: u32,
    /// Seconds between two samples of the slot's lag
    #[arg(long, env = "FLUSSO_LAG_POLL_SECS", default_value = "15", hide_env_values = true)]
    #[arg(help_heading = "Postgres", value_name = "N")]
    pub lag_poll_secs: u64,

    /// Put before every OpenSearch name [default: what the config says]
    #[arg(long, env = "FLUSSO_INDEX_PREFIX", hide_env_values = true, value_name = "TEXT")]
    #[arg(help_heading = "OpenSearch")]
    pub index_prefix: Option<String>,

    /// For /healthz /readyz /status /metrics [default: config, else 127.0.0.1:9464]
    #[arg(long, env = "FLUSSO_PUBLIC_ADDRESS", hide_env_values = true, value_name = "IP:PORT")]
    #[arg(help_heading = "HTTP")]
    pub public_address: Option<SocketAddr>,
    /// For /indexes /reindex [default: config, else 127.0.0.1:9465]
    #[arg(long, env = "FLUSSO_PRIVATE_ADDRESS", hide_env_values = true, value_name = "IP:PORT")]
    #[arg(help_heading = "HTTP")]
    pub private_address: Option<SocketAddr>,
    /// Who may use the private address
    #[command(flatten)]
    pub login: Login,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// One index instead of all
    pub index: Option<String>,
    /// The deployment [default: flusso.toml if there is one, else the lock]
    #[arg(short, long, env = "FLUSSO_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// The lock, read when there is no config
    #[arg(long, env = "FLUSSO_LOCK", default_value = "flusso.lock", hide_env_values = true)]
    pub lock: PathBuf,
    /// Go by the lock as it is, without looking at the config
    #[arg(long, env = "FLUSSO_LOCKED", hide_env_values = true)]
    pub locked: bool,
    /// Compare so many documents of each index, taken at random, instead of all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sample: Option<u32>,
    /// Write the right documents, and delete those that should not be there
    #[arg(long)]
    pub repair: bool,
    /// For a person or for a program
    #[arg(long, env = "FLUSSO_FORMAT", default_value = "human", hide_env_values = true)]
    pub format: Format,
    /// The replication slot of the running flusso
    #[arg(long, env = "FLUSSO_SLOT", default_value = "flusso", hide_env_values = true)]
    pub slot: String,
    /// Its publication
    #[arg(long, env = "FLUSSO_PUBLICATION", default_value = "flusso", hide_env_values = true)]
    pub publication: String,
    /// Put before every OpenSearch name [default: what the config says]
    #[arg(long, env = "FLUSSO_INDEX_PREFIX", hide_env_values = true, value_name = "TEXT")]
    pub index_prefix: Option<String>,
}

/// The login of the private surface.
#[derive(Debug, Args)]
pub struct Login {
    /// User of the private address
    #[arg(long, env = "FLUSSO_ADMIN_USER", default_value = "admin", hide_env_values = true)]
    #[arg(help_heading = "HTTP", value_name = "NAME")]
    pub admin_user: String,
    /// Its password; the default is taken on loopback addresses only
    #[arg(long, env = "FLUSSO_ADMIN_PASSWORD", default_value = "flusso", hide_env_values = true)]
    #[arg(help_heading = "HTTP", value_name = "TEXT")]
    pub admin_password: String,
}

/// Where a running flusso is.
#[derive(Debug, Args)]
pub struct Remote {
    /// Its private address
    #[arg(long, env = "FLUSSO_SERVER", default_value = "127.0.0.1:9465", hide_env_values = true)]
    #[arg(value_name = "URL")]
    pub server: String,
    /// How to log in there
    #[command(flatten)]
    pub login: Login,
}

/// `indexes`.
#[derive(Debug, Args)]
pub struct Indexes {
    /// For a person or for a program [default: by whether standard output is a terminal]
    #[arg(long, env = "FLUSSO_FORMAT", hide_env_values = true)]
    pub format: Option<Format>,
    /// Where it runs
    #[command(flatten)]
    pub remote: Remote,
}

/// `reindex`.
#[derive(Debug, Args)]
pub struct Reindex {
    /// The index
    pub index: String,
    /// For a person or for a program
    #[arg(long, env = "FLUSSO_FORMAT", default_value = "human", hide_env_values = true)]
    pub format: Format,
    /// Where it runs
    #[command(flatten)]
    pub remote: Remote,
}

/// `quarantine`.
#[derive(Debug, Args)]
pub struct Quarantine {
    /// What to do
    #[command(subcommand)]
    pub command: QuarantineCommand,
}

/// What to do with it.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List what is in it
    List {
        /// Of one index
        index: Option<String>,
        /// How, and where it runs
        #[command(flatten)]
        asked: Asked,
    },
    /// Show one document: who rejected it, since when, and why
    Show {
        /// The index
        index: String,
        /// The document
        id: String,
        /// How, and where it runs
        #[command(flatten)]
        asked: Asked,
    },
    /// Send documents to the sinks once more; those that are taken leave
    Retry {
        /// Of one index
        index: Option<String>,
        /// One document of it
        id: Option<String>,
        /// How, and where it runs
        #[command(flatten)]
        asked: Asked,
    },
}

/// How a running flusso is asked.
#[derive(Debug, Args)]
pub struct Asked {
    /// For a person or for a program
    #[arg(long, env = "FLUSSO_FORMAT", default_value = "human", hide_env_values = true)]
    pub format: Format,
    /// Where it runs
    #[command(flatten)]
    pub remote: Remote,
}

/// `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// flusso.toml or *.schema.yml
    #[arg(env = "FLUSSO_SCHEMA", hide_env_values = true)]
    pub file: SchemaFile,
}

/// The two file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaFile {
    /// flusso.toml
    Config,
    /// *.schema.yml
    Index,
}
