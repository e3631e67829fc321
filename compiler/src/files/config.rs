//! `flusso.toml` as values.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::diagnostics::At;
use crate::files::budget::Budget;
use crate::files::schema::Schema;

/// A deployment: one source, sinks by name, indexes in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where rows come from.
    pub source: Source,
    /// Where documents go; none means one implicit stdout sink.
    pub sinks: BTreeMap<String, Sink>,
    /// What documents there are.
    pub indexes: Vec<IndexEntry>,
    /// What a rejected document does, unless its index says otherwise.
    pub on_error: OnError,
    /// Addresses of the HTTP surfaces.
    pub server: Server,
    /// Put before every OpenSearch name as it is.
    pub prefix: String,
    /// Where rows outlive the process.
    pub state: State,
}

/// `[source]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Absent: `DATABASE_URL` must say.
    pub connection: Option<Connection>,
    /// Whether flusso may make and extend the publication.
    pub manage_publication: bool,
}

/// `connection_url` in its three shapes.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// A whole URL, literal or from the environment.
    Url(Secret),
    /// The parts of one.
    Parts {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// Role.
        user: String,
        /// Its password.
        password: Option<Secret>,
        /// Database.
        database: String,
    },
}

/// A text that may be kept out of the file.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Written in the file.
    Value(String),
    /// The name of an environment variable, read when needed.
    Env(String),
}

impl std::fmt::Debug for Secret {
    /// Never the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Secret::Value(_) => f.write_str("***"),
            Secret::Env(name) => write!(f, "${{{name}}}"),
        }
    }
}

/// `[sinks.NAME]`. A deployment has a handful, so their size is of no account.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Sink {
    /// An OpenSearch cluster.
    OpenSearch(OpenSearch),
    /// Lines on standard output.
    Stdout {
        /// Several indented lines a document.
        pretty: bool,
    },
}

/// The options of an OpenSearch sink; defaults in brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenSearch {
    /// Base URL.
    pub url: Secret,
    /// Basic auth.
    pub username: Option<Secret>,
    /// Basic auth.
    pub password: Option<Secret>,
    /// An API key as the server printed it, in place of basic auth.
    pub api_key: Option<Secret>,
    /// Signs every request for Amazon, in place of both.
    pub aws: Option<Aws>,
    /// Refuse invalid certificates [true].
    pub tls_verify: bool,
    /// Authorities trusted beside the well known ones: a file of PEM certificates.
    pub tls_ca_file: Option<String>,
    /// What this end shows of itself: a file of a PEM certificate with its chain, and its key.
    pub tls_client_file: Option<String>,
    /// Most operations in a request [1000].
    pub batch_size: u32,
    /// Most bytes in a request [10 MiB].
    pub max_bytes: u64,
    /// Of a request, in seconds [30].
    pub timeout_secs: u64,
    /// Further attempts [3].
    pub max_retries: u32,
    /// Ingest pipeline.
    pub pipeline: Option<String>,
    /// Of a new index [1].
    pub number_of_shards: u32,
    /// Of a new index [1].
    pub number_of_replicas: u32,
    /// After seeding ["10s"].
    pub refresh_interval: String,
    /// How long an index stays that another has taken the place of, in seconds [60].
    pub keep_old_secs: u64,
    /// Which analyzers [builtin].
    pub text_analysis: TextAnalysis,
    /// Whether text and keyword fields get subfields [true].
    pub auto_subfields: bool,
}

impl OpenSearch {
    /// Everything but the address as when it is not given.
    pub fn at(url: Secret) -> OpenSearch {
        OpenSearch {
            url,
            username: None,
            password: None,
            api_key: None,
            aws: None,
            tls_verify: true,
            tls_ca_file: None,
            tls_client_file: None,
            batch_size: 1000,
            max_bytes: 10 << 20,
            timeout_secs: 30,
            max_retries: 3,
            pipeline: None,
            number_of_shards: 1,
            number_of_replicas: 1,
            refresh_interval: "10s".into(),
            keep_old_secs: 60,
            text_analysis: TextAnalysis::Builtin,
            auto_subfields: true,
        }
    }
}

/// How requests are signed for Amazon; keys that are not given come from `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aws {
    /// What the server is.
    pub service: AwsService,
    /// Where it is: `eu-west-1`.
    pub region: String,
    /// Which key.
    pub access_key_id: Option<Secret>,
    /// The key.
    pub secret_access_key: Option<Secret>,
    /// Of a key that is lent for a while.
    pub session_token: Option<Secret>,
}

/// The two services that are an OpenSearch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsService {
    /// A managed domain.
    Es,
    /// A serverless collection.
    Aoss,
}

impl AwsService {
    /// As it is written, and as requests are signed for it.
    pub fn name(self) -> &'static str {
        match self {
            AwsService::Es => "es",
            AwsService::Aoss => "aoss",
        }
    }
}

/// Which analyzers an index is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextAnalysis {
    /// Those every node has.
    Builtin,
    /// Those of the ICU plugin.
    Icu,
}

/// What a document that a sink rejects does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Ends the run.
    Stop,
    /// Is counted and passed over.
    Skip,
}

/// `[[index]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexEntry {
    /// The logical name.
    pub name: At<String>,
    /// Path of the schema file as written.
    pub path: String,
    /// Disabled indexes are read and checked, and do not run.
    pub enabled: bool,
    /// Overrides the deployment's.
    pub on_error: Option<OnError>,
    /// What the file says.
    pub schema: Schema,
}

/// `[state]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The folder, relative to that of the file; `none` keeps no state [flusso-state].
    pub dir: Option<String>,
    /// Whether a commit waits for the disk [true].
    pub sync: bool,
    /// How much memory the process may take [75%].
    pub memory_budget: Option<Budget>,
}

impl Default for State {
    fn default() -> State {
        State { dir: None, sync: true, memory_budget: None }
    }
}

/// `[server]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// `/healthz /readyz /status /metrics`.
    pub public_address: Option<SocketAddr>,
    /// `/indexes /reindex`.
    pub private_address: Option<SocketAddr>,
}
