//! One HTTP request to the server.
//!
//! A request that got no answer may have been carried out all the same; everything sent through
//! here can be sent again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flusso_compiler::files::cluster::Cluster;
use flusso_compiler::files::config::OpenSearch as Options;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;

use super::access::{self, Credential};
use super::bulk::Fault;
use super::errors::{self, Awaited, Whole};
use super::wait::{Backoff, Trouble};
use crate::sinks::SinkError;
use crate::waits::Waits;

/// The server.
pub struct Client {
    sink: String,
    http: reqwest::Client,
    base: String,
    credential: Credential,
    /// The base without credentials, to be shown.
    address: String,
    max_retries: u32,
    waits: Arc<Waits>,
}

/// An answer of any status.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// All of it.
    pub body: Bytes,
}

/// A request that got no answer.
#[derive(Debug)]
pub struct Lost {
    /// What the network said.
    pub words: String,
    /// Nothing was said for the whole time that a request may take.
    pub timed_out: bool,
    /// The other end showed a certificate that nobody trusted vouches for.
    pub untrusted: bool,
}

impl From<Lost> for Trouble {
    fn from(lost: Lost) -> Trouble {
        Trouble { awaited: Awaited::Answer, words: lost.words }
    }
}

impl From<reqwest::Error> for Lost {
    fn from(error: reqwest::Error) -> Lost {
        let (timed_out, untrusted) = (error.is_timeout(), is_untrusted(&error));
        Lost { words: chain(&error.without_url()), timed_out, untrusted }
    }
}

/// An error of a whole request: `{"error":{"type":…,"reason":…}}`, or `{"error":"text"}`.
#[derive(Deserialize)]
struct Failed<'a> {
    #[serde(borrow)]
    error: Fault<'a>,
}

impl Answer {
    /// How to go on.
    pub fn whole(&self) -> Whole {
        if (200..300).contains(&self.status) {
            return Whole::Accepted;
        }
        let failed: Option<Failed<'_>> = serde_json::from_slice(&self.body).ok();
        let error = failed.as_ref().map(|f| {
            let Fault { kind, reason } = &f.error;
            (kind.as_ref(), reason.as_deref().unwrap_or_default())
        });
        errors::request(self.status, error)
    }

    /// The server's words, or the beginning of whatever it said.
    pub fn words(&self) -> String {
        match serde_json::from_slice::<Failed<'_>>(&self.body) {
            Ok(Failed { error: Fault { kind, reason } }) => {
                errors::words(&format!("{kind}: {}", reason.unwrap_or_default()))
            }
            Err(_) => String::from_utf8_lossy(&self.body).chars().take(200).collect(),
        }
    }
}

impl Client {
    /// Opens nothing yet.
    pub fn new(sink: &str, options: &Options, cluster: Cluster) -> Result<Client, SinkError> {
        let wrong = |reason: String| SinkError::Options { sink: sink.to_owned(), reason };
        let base = cluster.url.trim().trim_end_matches('/').to_owned();
        let mut address = Url::parse(&base).map_err(|e| wrong(format!("`url`: {e}")))?;
        if !matches!(address.scheme(), "http" | "https") {
            return Err(wrong("`url` must begin with http:// or https://".into()));
        }
        // Neither fails for a URL that has a host, as every http URL has.
        let _ = address.set_username("");
        let _ = address.set_password(None);
        let http = access::http(options).map_err(wrong)?;
        let credential = Credential::new(cluster.auth).map_err(wrong)?;
        Ok(Client {
            sink: sink.to_owned(),
            http,
            base,
            credential,
            address: address.as_str().trim_end_matches('/').to_owned(),
            max_retries: options.max_retries,
            waits: Arc::default(),
        })
    }

    /// The name of the sink.
    pub fn sink(&self) -> &str {
        &self.sink
    }

    /// Where it is told what is waited for.
    pub fn waits(&self) -> Arc<Waits> {
        self.waits.clone()
    }

    /// Attempts after the first that a request gets whose failure is not known to pass.
    pub fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// One attempt.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content: Option<(&'static str, Bytes)>,
    ) -> Result<Answer, Lost> {
        let mut request = self.http.request(method.clone(), format!("{}/{path}", self.base));
        let mut sent = Bytes::new();
        if let Some((kind, body)) = content {
            sent = body.clone();
            request = request.header(reqwest::header::CONTENT_TYPE, kind).body(body);
        }
        let mut request = request.build()?;
        let unsigned = |words| Lost { words, timed_out: false, untrusted: false };
        self.credential.attach(&mut request, &sent).map_err(unsigned)?;
        let answer = self.http.execute(request).await?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await?;
        tracing::debug!(sink = self.sink, %method, path, status, bytes = body.len(), "answered");
        Ok(Answer { status, body })
    }

    /// A request about an index, repeated until it is answered with success or with one of
    /// `expected`. With `patience` it gives up on a server that is away so long.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        content: Option<&Value>,
        expected: &[u16],
        patience: Option<Duration>,
    ) -> Result<Answer, SinkError> {
        let content =
            content.map(|value| ("application/json", Bytes::from(value.to_string().into_bytes())));
        let mut backoff = Backoff::default();
        let mut unclear = 0;
        loop {
            let trouble = match self.send(method.clone(), path, content.clone()).await {
                Err(lost) if lost.untrusted && patience.is_some() => {
                    let reason = format!(
                        "{} at {}; give its authority as `tls_ca_file`",
                        lost.words, self.address
                    );
                    return Err(SinkError::Options { sink: self.sink.clone(), reason });
                }
                Err(lost) => lost.into(),
                Ok(answer) => {
                    let awaited = match answer.whole() {
                        _ if expected.contains(&answer.status) => None,
                        Whole::Accepted => None,
                        Whole::Wait(awaited) => Some(awaited),
                        Whole::Unclear if answer.status >= 500 && unclear < self.max_retries => {
                            unclear += 1;
                            Some(Awaited::Recovery)
                        }
                        Whole::Unclear | Whole::TooLarge | Whole::Refused => {
                            return Err(self.refused(format!("{method} /{path}"), &answer));
                        }
                    };
                    let Some(awaited) = awaited else {
                        self.over(&mut backoff);
                        return Ok(answer);
                    };
                    Trouble { awaited, words: format!("{} {}", answer.status, answer.words()) }
                }
            };
            if patience.is_some_and(|patience| backoff.waited() > patience) {
                return Err(SinkError::Down {
                    sink: self.sink.clone(),
                    address: self.address.clone(),
                    last: trouble.words,
                    waited: backoff.waited(),
                });
            }
            self.pause(&mut backoff, &trouble).await;
        }
    }

    /// The error of an answer that will not get better.
    pub fn refused(&self, what: String, answer: &Answer) -> SinkError {
        let (sink, reason) = (self.sink.clone(), answer.words());
        SinkError::Refused { sink, what, status: answer.status, reason }
    }

    /// Waits before the next attempt.
    pub async fn pause(&self, backoff: &mut Backoff, trouble: &Trouble) {
        backoff.pause(&self.sink, &self.address, trouble, &self.waits).await;
    }

    /// An attempt came through.
    pub fn over(&self, backoff: &mut Backoff) {
        backoff.over(&self.sink, &self.waits);
    }
}

impl std::fmt::Debug for Client {
    /// Without credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({} at {})", self.sink, self.address)
    }
}

/// Whether TLS found nobody to vouch for the other end. Waiting would not help, but while the run
/// goes on a certificate may be renewed.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let tls = match inner {
        Some(inner) => inner.downcast_ref::<rustls::Error>(),
        None => error.downcast_ref::<rustls::Error>(),
    };
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
        || inner.is_some_and(|inner| is_untrusted(inner))
        || error.source().is_some_and(is_untrusted)
}

/// An error with what caused it: the first sentence alone never says why.
pub fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use flusso_compiler::files::cluster::Auth;
    use flusso_compiler::files::config::Secret;

    fn client(url: &str) -> Result<Client, SinkError> {
        let options = Options {
            timeout_secs: 1,
            max_retries: 0,
            ..Options::at(Secret::Value(String::new()))
        };
        let cluster = Cluster { url: url.to_owned(), auth: Auth::Open };
        Client::new("primary", &options, cluster)
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_down() {
        // Bound and dropped: nobody listens there.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = client(&format!("http://user:secret@{free}/")).unwrap();
        let patience = Some(Duration::from_millis(50));
        let error = client.call(Method::GET, "x", None, &[], patience).await.unwrap_err();
        let SinkError::Down { address, last, waited, .. } = &error else { panic!("{error}") };
        assert_eq!(*address, format!("http://{free}"));
        assert!(last.contains("refused") && *waited > Duration::from_millis(50), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn an_address_must_be_one() {
        for url in ["", "ftp://x", "localhost:9200"] {
            assert!(matches!(client(url), Err(SinkError::Options { .. })), "{url}");
        }
    }
}
