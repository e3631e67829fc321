//! How the server is reached, and SQL sessions on it.
//!
//! Every session pins what decides how values print: `ALTER DATABASE` and `ALTER ROLE` may set
//! any of it, and then the same value would have two texts. Startup options win over both. The
//! timeouts are off because a copy or an idle stream may outlast any of them, and `row_security`
//! is off so that a policy which would silently hide rows from the copy is an error instead.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::Host;
use tokio_postgres::{Client, NoTls};

use super::error::CaptureError;
use super::tls;

/// Startup options of every session; all exist from Postgres 14 on.
pub(crate) const OPTIONS: &str = "-c datestyle=ISO,MDY -c timezone=UTC -c intervalstyle=postgres \
    -c extra_float_digits=3 -c bytea_output=hex -c lc_monetary=C -c client_encoding=UTF8 \
    -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 \
    -c lock_timeout=0 -c default_transaction_read_only=off -c standard_conforming_strings=on \
    -c row_security=off";

/// How long a connection may take to be made.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle time before the kernel asks whether the other side is there.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
/// Between two such questions.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long sent bytes may stay unacknowledged.
pub(crate) const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the server is and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// Host name, address, or a path: the directory of a Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Role.
    pub user: String,
    /// Its password, none when the server asks for none.
    pub password: Option<String>,
    /// Database.
    pub database: String,
    /// Whether and how TLS is used.
    pub ssl: Ssl,
    /// Certificates to trust instead of the public authorities', in PEM.
    pub ssl_root_cert: Option<PathBuf>,
}

/// `sslmode`, with libpq's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Ssl {
    /// Never.
    Disable,
    /// When the server offers it; its certificate is not looked at.
    #[default]
    Prefer,
    /// Always; the certificate is not looked at.
    Require,
    /// Always, with a trusted certificate for this host.
    VerifyFull,
}

impl std::fmt::Debug for Connection {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}/{}", self.user, self.host, self.port, self.database)
    }
}

const DURING: &str = "connecting";

impl Connection {
    /// From `postgresql://user:password@host:port/database?sslmode=…&sslrootcert=…`.
    pub fn from_url(url: &str) -> Result<Connection, CaptureError> {
        let settings = |what: String| CaptureError::Settings(format!("connection_url: {what}"));
        let (base, query) = url.trim().split_once('?').unwrap_or((url.trim(), ""));
        let mut ssl = Ssl::default();
        let mut ssl_root_cert = None;
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => ssl = Ssl::parse(mode).map_err(settings)?,
                Some(("sslrootcert", path)) => ssl_root_cert = Some(PathBuf::from(path)),
                _ => rest.push(pair),
            }
        }
        let url = format!("{base}?{}", rest.join("&"));
        // The parser's message never repeats the text, so no password can leak through it.
        let config: tokio_postgres::Config =
            url.parse().map_err(|error: tokio_postgres::Error| settings(error.to_string()))?;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => return Err(settings("names no host".to_owned())),
        };
        let user = config.get_user().ok_or_else(|| settings("names no user".to_owned()))?;
        let password = config.get_password().map(|it| String::from_utf8_lossy(it).into_owned());
        Ok(Connection {
            host,
            port: config.get_ports().first().copied().unwrap_or(5432),
            user: user.to_owned(),
            password,
            database: config.get_dbname().unwrap_or(user).to_owned(),
            ssl,
            ssl_root_cert,
        })
    }

    /// Whether the host is the directory of a Unix socket.
    pub(crate) fn is_local(&self) -> bool {
        self.host.starts_with('/')
    }

    /// The mode that applies: a Unix socket needs no TLS and has none.
    pub(crate) fn ssl_used(&self) -> Ssl {
        if self.is_local() { Ssl::Disable } else { self.ssl }
    }

    /// A session for SQL. Its connection ends with the client.
    pub async fn client(&self) -> Result<Client, CaptureError> {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name("flusso")
            .options(OPTIONS)
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .tcp_user_timeout(USER_TIMEOUT)
            .ssl_mode(self.ssl_used().as_config());
        if let Some(password) = &self.password {
            config.password(password);
        }
        let client = match self.ssl_used() {
            Ssl::Disable => {
                let (client, connection) =
                    config.connect(NoTls).await.map_err(|error| self.failed(error))?;
                tokio::spawn(connection);
                client
            }
            Ssl::Prefer | Ssl::Require | Ssl::VerifyFull => {
                let tls = tls::connector(self)?;
                let (client, connection) =
                    config.connect(tls).await.map_err(|error| self.failed(error))?;
                tokio::spawn(connection);
                client
            }
        };
        // Unknown before 17, where naming it at startup would be fatal.
        let pin = "SELECT set_config(name, '0', false) FROM pg_settings \
                   WHERE name = 'transaction_timeout'";
        client.batch_execute(pin).await.map_err(CaptureError::sql(DURING))?;
        Ok(client)
    }

    /// The error with where it was tried, which the driver leaves out.
    fn failed(&self, error: tokio_postgres::Error) -> CaptureError {
        let hung_up = hung_up(&error);
        match CaptureError::sql(DURING)(error) {
            CaptureError::Lost { during, cause } => {
                let cause = format!("{}:{}: {cause}", self.host, self.port);
                match hung_up {
                    true => CaptureError::Lost { during, cause },
                    false => CaptureError::Absent { cause },
                }
            }
            other => other,
        }
    }
}

/// Whether somebody was there, and hung up before the session had begun.
fn hung_up(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    let kind = source.and_then(|it| it.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    error.is_closed()
        || matches!(
            kind,
            Some(ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe)
        )
}

impl Ssl {
    /// From the word in a URL.
    pub fn parse(word: &str) -> Result<Ssl, String> {
        match word {
            "disable" => Ok(Ssl::Disable),
            "allow" | "prefer" => Ok(Ssl::Prefer),
            "require" => Ok(Ssl::Require),
            "verify-full" => Ok(Ssl::VerifyFull),
            other => Err(format!(
                "sslmode `{other}` is not known; use disable, prefer, require or verify-full"
            )),
        }
    }

    fn as_config(self) -> tokio_postgres::config::SslMode {
        match self {
            Ssl::Disable => tokio_postgres::config::SslMode::Disable,
            Ssl::Prefer => tokio_postgres::config::SslMode::Prefer,
            Ssl::Require | Ssl::VerifyFull => tokio_postgres::config::SslMode::Require,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_its_parts() {
        let url = "postgresql://me:p%40ss@db.example:5433/shop?sslmode=verify-full\
                   &sslrootcert=/etc/ca.pem";
        let connection = Connection::from_url(url).unwrap();
        let expected = Connection {
            host: "db.example".into(),
            port: 5433,
            user: "me".into(),
            password: Some("p@ss".into()),
            database: "shop".into(),
            ssl: Ssl::VerifyFull,
            ssl_root_cert: Some("/etc/ca.pem".into()),
        };
        assert!(connection == expected);
        assert!(!format!("{connection:?}").contains("p@ss"));
    }

    #[test]
    fn what_a_url_leaves_out_is_libpqs_default() {
        let connection = Connection::from_url("postgres://me@localhost").unwrap();
        assert_eq!((connection.port, connection.database.as_str()), (5432, "me"));
        assert_eq!(connection.ssl, Ssl::Prefer);
    }

    #[test]
    fn an_unknown_sslmode_is_refused_with_the_known_ones() {
        let error = Connection::from_url("postgres://me@localhost/x?sslmode=maybe").unwrap_err();
        assert!(error.to_string().contains("verify-full"));
    }
}
