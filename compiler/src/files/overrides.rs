//! What the environment says instead of the files, and what both come to in the end.
//!
//! | rank | connection of the source | address and credentials of a sink ([`cluster`]) |
//! | --- | --- | --- |
//! | 1 | `{ env }` as the whole URL | `{ env }` |
//! | 2 | `DATABASE_URL` | `NAME_OPENSEARCH_URL`, `…_USERNAME`, `…_PASSWORD`, `…_API_KEY` |
//! | 3 | a literal URL, or the parts | a literal |
//!
//! [`cluster`]: super::cluster
//!
//! A variable that is set and empty is set. The environment is a function, so that nothing here
//! depends on the process.

use super::config::{Connection, Secret, Source};
use super::url;

/// Looks a variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The longest prefix, in bytes.
const MAX_PREFIX: usize = 50;

/// What OpenSearch does not take in a name, or what this layout needs for itself.
const NOT_IN_A_PREFIX: &str = " ,:\"*+/\\|?#<>";

/// A Postgres server and how to enter it; escapes of a URL are resolved.
#[derive(Clone, PartialEq, Eq)]
pub struct Postgres {
    /// Host name, address without brackets, or directory of a socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Role.
    pub user: String,
    /// Its password.
    pub password: Option<String>,
    /// Database.
    pub database: String,
    /// `sslmode` of the URL as written.
    pub sslmode: Option<String>,
}

impl std::fmt::Debug for Postgres {
    /// Never the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Postgres { host, port, user, database, .. } = self;
        write!(f, "{user}@{host}:{port}/{database}")
    }
}

/// Why the environment and the files do not come to anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// `{ env = "NAME" }`, and no such variable.
    Unset {
        /// Which value is wanted: "the `url` of the sink `search`".
        what: String,
        /// The variable.
        name: String,
    },
    /// Neither the file nor `DATABASE_URL` says where Postgres is.
    NoConnection,
    /// A URL that is none.
    Url {
        /// Where it came from: "`DATABASE_URL`".
        from: String,
        /// What is wrong with it; it never quotes a password.
        reason: String,
    },
    /// A prefix that OpenSearch would refuse.
    Prefix {
        /// The prefix.
        prefix: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl std::fmt::Display for ResolveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ResolveError::Unset { what, name } => {
                write!(f, "{what} comes from the variable {name}, which is not set")
            }
            ResolveError::NoConnection => f.write_str(
                "nothing says where Postgres is: set DATABASE_URL, or `connection_url` of `[source]`",
            ),
            ResolveError::Url { from, reason } => write!(f, "{from} is not a usable URL: {reason}"),
            ResolveError::Prefix { prefix, reason } => {
                write!(f, "the index prefix `{prefix}` cannot be used: {reason}")
            }
        }
    }
}

impl std::error::Error for ResolveError {}

/// Where Postgres is.
pub fn connection(source: &Source, env: Environment<'_>) -> Result<Postgres, ResolveError> {
    if let Some(Connection::Url(Secret::Env(name))) = &source.connection {
        let url = variable("the `connection_url` of the source", name, env)?;
        return postgres(&url, &format!("the variable {name}"));
    }
    if let Some(url) = env("DATABASE_URL") {
        return postgres(&url, "the variable DATABASE_URL");
    }
    match &source.connection {
        None => Err(ResolveError::NoConnection),
        Some(Connection::Url(secret)) => {
            let from = "`connection_url`";
            postgres(&resolve(secret, from, env)?, from)
        }
        Some(Connection::Parts { host, port, user, password, database }) => Ok(Postgres {
            host: host.clone(),
            port: *port,
            user: user.clone(),
            password: match password {
                Some(secret) => Some(resolve(secret, "the `password` of the source", env)?),
                None => None,
            },
            database: database.clone(),
            sslmode: None,
        }),
    }
}

/// The prefix of all OpenSearch names: the one chosen by flag, else `FLUSSO_INDEX_PREFIX`, else
/// the file's.
pub fn prefix(
    flag: Option<&str>,
    written: &str,
    env: Environment<'_>,
) -> Result<String, ResolveError> {
    let prefix = match flag {
        Some(flag) => flag.to_string(),
        None => env("FLUSSO_INDEX_PREFIX").unwrap_or_else(|| written.to_string()),
    };
    match prefix_fault(&prefix) {
        Some(reason) => Err(ResolveError::Prefix { prefix, reason }),
        None => Ok(prefix),
    }
}

/// What keeps a prefix from being one.
fn prefix_fault(prefix: &str) -> Option<String> {
    let first = prefix.chars().next()?;
    if prefix.len() > MAX_PREFIX {
        return Some(format!("it has {} bytes, at most {MAX_PREFIX} are allowed", prefix.len()));
    }
    if let Some(bad) = prefix.chars().find(|character| NOT_IN_A_PREFIX.contains(*character)) {
        return Some(format!("OpenSearch allows no `{bad}` in a name"));
    }
    if prefix.chars().any(|character| character.is_ascii_uppercase()) {
        return Some("names in OpenSearch are in lower case".into());
    }
    if !first.is_ascii_alphanumeric() {
        return Some("it must begin with a letter or a digit".into());
    }
    None
}

pub(super) fn resolve(
    secret: &Secret,
    what: &str,
    env: Environment<'_>,
) -> Result<String, ResolveError> {
    match secret {
        Secret::Value(value) => Ok(value.clone()),
        Secret::Env(name) => variable(what, name, env),
    }
}

pub(super) fn variable(
    what: &str,
    name: &str,
    env: Environment<'_>,
) -> Result<String, ResolveError> {
    let unset = || ResolveError::Unset { what: what.into(), name: name.into() };
    env(name).ok_or_else(unset)
}

fn postgres(text: &str, from: &str) -> Result<Postgres, ResolveError> {
    url::postgres(text).map_err(|reason| ResolveError::Url { from: from.into(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An environment of the variables given.
    fn env<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    }

    fn source(connection: Option<Connection>) -> Source {
        Source { connection, manage_publication: true }
    }

    fn literal(host: &str) -> Option<Connection> {
        Some(Connection::Url(Secret::Value(format!("postgres://u@{host}/d"))))
    }

    fn reference() -> Option<Connection> {
        Some(Connection::Url(Secret::Env("MINE".into())))
    }

    fn parts(password: Option<Secret>) -> Option<Connection> {
        let (host, user, database) = ("parts".into(), "u:/@".into(), "d".into());
        Some(Connection::Parts { host, port: 1, user, password, database })
    }

    #[test]
    fn a_reference_beats_database_url_beats_what_is_written() {
        let both = [("MINE", "postgres://u@mine/d"), ("DATABASE_URL", "postgres://u@url/d")];
        let cases = [
            (reference(), &both[..], "mine"),
            (literal("file"), &both[..], "url"),
            (literal("file"), &both[..1], "file"),
            (parts(None), &both[..], "url"),
            (parts(Some(Secret::Env("UNSET".into()))), &both[1..], "url"),
            (parts(None), &[], "parts"),
            (None, &both[1..], "url"),
        ];
        for (written, set, host) in cases {
            assert_eq!(connection(&source(written), &env(set)).unwrap().host, host);
        }
    }

    #[test]
    fn what_is_not_set_is_named() {
        let url = [("DATABASE_URL", "postgres://u@url/d")];
        let error = connection(&source(reference()), &env(&url)).unwrap_err();
        assert!(matches!(&error, ResolveError::Unset { name, .. } if name == "MINE"));
        let written = parts(Some(Secret::Env("PASS".into())));
        let error = connection(&source(written), &env(&[])).unwrap_err();
        assert!(error.to_string().contains("PASS"));
        assert_eq!(connection(&source(None), &env(&[])), Err(ResolveError::NoConnection));
    }

    #[test]
    fn an_empty_variable_is_set() {
        let error = connection(&source(literal("file")), &env(&[("DATABASE_URL", "")]));
        assert!(error.unwrap_err().to_string().contains("DATABASE_URL"));
    }

    #[test]
    fn parts_need_no_escapes() {
        let written = parts(Some(Secret::Value("%20@".into())));
        let postgres = connection(&source(written), &env(&[])).unwrap();
        assert_eq!((postgres.user.as_str(), postgres.password.as_deref()), ("u:/@", Some("%20@")));
    }

    #[test]
    fn prefixes() {
        let set = [("FLUSSO_INDEX_PREFIX", "env-")];
        assert_eq!(prefix(Some("flag-"), "file-", &env(&set)).unwrap(), "flag-");
        assert_eq!(prefix(Some(""), "file-", &env(&set)).unwrap(), "");
        assert_eq!(prefix(None, "file-", &env(&set)).unwrap(), "env-");
        assert_eq!(prefix(None, "file-", &env(&[])).unwrap(), "file-");
        assert_eq!(prefix(None, &"p".repeat(50), &env(&[])).unwrap().len(), 50);
        for wrong in ["Dev_", "_x", "-x", "a b", "a,b", "a*", "a/b", "a#b", &"p".repeat(51)] {
            let error = prefix(None, wrong, &env(&[])).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("prefix"), "{error}");
        }
        assert!(
            prefix(Some(&"p".repeat(51)), "", &env(&[])).unwrap_err().to_string().contains("50")
        );
    }
}
