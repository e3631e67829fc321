//! Where the cluster of a sink is, and how to get in, from the file and the environment together.

use super::config::{Aws, AwsService, OpenSearch, Secret};
use super::overrides::{Environment, ResolveError, variable};
use super::url;

/// An OpenSearch cluster and how to enter it. Its URL may hold a password too.
#[derive(Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Base URL, without a slash at the end.
    pub url: String,
    /// What a request shows.
    pub auth: Auth,
}

/// What a request shows to be let in.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    Open,
    /// A user, whose password is empty when there is none.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: String,
    },
    /// A key as the server printed it.
    ApiKey(String),
    /// A signature of the whole request.
    Aws(AwsKey),
}

/// What requests to Amazon are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsKey {
    /// For which service.
    pub service: AwsService,
    /// Where.
    pub region: String,
    /// Which key.
    pub id: String,
    /// The key.
    pub secret: String,
    /// Of a key that is lent.
    pub token: Option<String>,
}

impl std::fmt::Debug for Cluster {
    /// Not the URL.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a cluster by {:?}", self.auth)
    }
}

impl std::fmt::Debug for Auth {
    /// The way, never what is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Auth::Open => "open",
            Auth::Basic { .. } => "basic auth",
            Auth::ApiKey(_) => "an API key",
            Auth::Aws(_) => "a signature for Amazon",
        })
    }
}

/// Where the cluster of a sink is.
pub fn cluster(
    name: &str,
    sink: &OpenSearch,
    env: Environment<'_>,
) -> Result<Cluster, ResolveError> {
    let value = |secret: Option<&Secret>, key: &str| {
        let what = format!("the `{key}` of the sink `{name}`");
        let reserved = reserved(name, key);
        match secret {
            Some(Secret::Env(variable_name)) => {
                let from = format!("the variable {variable_name}");
                variable(&what, variable_name, env).map(|value| Some((value, from)))
            }
            _ => Ok(match (env(&reserved), secret) {
                (Some(value), _) => Some((value, format!("the variable {reserved}"))),
                (None, Some(Secret::Value(value))) => Some((value.clone(), what)),
                (None, _) => None,
            }),
        }
    };
    // A sink has a URL, so there is always one; without it the reason is that it is empty.
    let (url, from) = value(Some(&sink.url), "url")?.unwrap_or_default();
    let url = url::http(&url).map_err(|reason| ResolveError::Url { from, reason })?;
    let auth = match &sink.aws {
        Some(aws) => Auth::Aws(aws_key(name, aws, env)?),
        None => match value(sink.api_key.as_ref(), "api_key")? {
            Some((key, _)) => Auth::ApiKey(key),
            None => {
                let user = value(sink.username.as_ref(), "username")?;
                let password = value(sink.password.as_ref(), "password")?;
                match user {
                    Some((user, _)) => {
                        let password = password.map(|(text, _)| text).unwrap_or_default();
                        Auth::Basic { user, password }
                    }
                    None => Auth::Open,
                }
            }
        },
    };
    Ok(Cluster { url, auth })
}

fn aws_key(name: &str, aws: &Aws, env: Environment<'_>) -> Result<AwsKey, ResolveError> {
    let value = |secret: Option<&Secret>, key: &str, usual: &str| match secret {
        Some(Secret::Value(value)) => Ok(value.clone()),
        Some(Secret::Env(variable_name)) => {
            variable(&format!("the `aws.{key}` of the sink `{name}`"), variable_name, env)
        }
        None => variable(&format!("the `aws.{key}` of the sink `{name}`"), usual, env),
    };
    let token = aws.session_token.as_ref();
    // A token in the environment belongs to the key there.
    let lent =
        token.is_some() || (aws.access_key_id.is_none() && env("AWS_SESSION_TOKEN").is_some());
    Ok(AwsKey {
        service: aws.service,
        region: aws.region.clone(),
        id: value(aws.access_key_id.as_ref(), "access_key_id", "AWS_ACCESS_KEY_ID")?,
        secret: value(
            aws.secret_access_key.as_ref(),
            "secret_access_key",
            "AWS_SECRET_ACCESS_KEY",
        )?,
        token: match lent {
            true => Some(value(token, "session_token", "AWS_SESSION_TOKEN")?),
            false => None,
        },
    })
}

/// The variable that stands for a key of a sink: `SEARCH_OPENSEARCH_URL`.
fn reserved(sink: &str, key: &str) -> String {
    format!("{sink}_OPENSEARCH_{key}").to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An environment of the variables given.
    fn env<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    }

    fn value(text: &str) -> Secret {
        Secret::Value(text.into())
    }

    fn of(sink: &OpenSearch, set: &[(&str, &str)]) -> Cluster {
        cluster("main", sink, &env(set)).unwrap()
    }

    fn basic(user: &str, password: &str) -> Auth {
        Auth::Basic { user: user.into(), password: password.into() }
    }

    #[test]
    fn a_reference_beats_the_sinks_variable_beats_what_is_written() {
        let set = [
            ("MINE", "http://mine/"),
            ("MAIN_OPENSEARCH_URL", "http://reserved"),
            ("MAIN_OPENSEARCH_USERNAME", "reserved"),
            ("MAIN_OPENSEARCH_PASSWORD", "secret"),
        ];
        let mine = OpenSearch::at(Secret::Env("MINE".into()));
        assert_eq!(of(&mine, &set[..2]).url, "http://mine");
        let written =
            OpenSearch { username: Some(value("me")), ..OpenSearch::at(value("https://file//")) };
        assert_eq!(of(&written, &set[..2]).url, "http://reserved");
        assert_eq!(of(&written, &[]).url, "https://file");
        assert_eq!(of(&written, &[]).auth, basic("me", ""));
        assert_eq!(of(&written, &set).auth, basic("reserved", "secret"));
        let password_only =
            OpenSearch { password: Some(value("secret")), ..OpenSearch::at(value("http://file")) };
        assert!(matches!(of(&password_only, &[]).auth, Auth::Open));
        let unset = cluster("main", &mine, &env(&[])).unwrap_err();
        assert!(unset.to_string().contains("MINE") && unset.to_string().contains("main"));
        let wrong = [("MAIN_OPENSEARCH_URL", "file:9200")];
        let error = cluster("main", &written, &env(&wrong)).unwrap_err().to_string();
        assert!(error.contains("MAIN_OPENSEARCH_URL"), "{error}");
    }

    #[test]
    fn an_api_key() {
        let written =
            OpenSearch { api_key: Some(value("file")), ..OpenSearch::at(value("http://x")) };
        assert_eq!(of(&written, &[]).auth, Auth::ApiKey("file".into()));
        let set = [("MAIN_OPENSEARCH_API_KEY", "reserved")];
        assert_eq!(of(&written, &set).auth, Auth::ApiKey("reserved".into()));
    }

    #[test]
    fn a_key_of_amazon_and_its_token_come_from_one_place() {
        let aws = Aws {
            service: AwsService::Es,
            region: "eu-west-1".into(),
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
        };
        let set = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        let of = |aws: Aws, set: &[(&str, &str)]| {
            let sink = OpenSearch { aws: Some(aws), ..OpenSearch::at(value("https://x")) };
            cluster("main", &sink, &env(set)).map(|cluster| match cluster.auth {
                Auth::Aws(key) => (key.id, key.secret, key.token),
                _ => panic!("no key"),
            })
        };
        let lent = ("id".to_owned(), "secret".to_owned(), Some("token".to_owned()));
        assert_eq!(of(aws.clone(), &set), Ok(lent.clone()));
        assert_eq!(of(aws.clone(), &set[..2]), Ok((lent.0, lent.1, None)));
        let unset = of(aws.clone(), &set[..1]).unwrap_err().to_string();
        assert!(unset.contains("AWS_SECRET_ACCESS_KEY"), "{unset}");
        let own = Aws {
            access_key_id: Some(value("own")),
            secret_access_key: Some(value("its secret")),
            ..aws
        };
        assert_eq!(of(own, &set), Ok(("own".into(), "its secret".into(), None)));
    }
}
