//! How requests are let in: what each shows, and whom TLS trusts.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flusso_compiler::files::cluster::{Auth, AwsKey};
use flusso_compiler::files::config::{AwsService, OpenSearch as Options};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Identity, Method, Request, Url};

/// Longer than any load balancer of Amazon's would be surprised by, shorter than theirs: a
/// connection that the other end has closed costs an attempt.
const IDLE: Duration = Duration::from_secs(50);

/// What every request carries. Values are marked so that no log of headers shows them.
pub enum Credential {
    /// Nothing.
    None,
    /// `Authorization` as it is.
    Header(HeaderValue),
    /// A signature of each request.
    Signature(Box<AwsKey>),
}

impl Credential {
    /// Of a way in; the error says what about it cannot be sent.
    pub fn new(auth: Auth) -> Result<Credential, String> {
        let header = |text: String| {
            let mut value = HeaderValue::try_from(text)
                .map_err(|_| "the credentials hold a character that no header may".to_owned())?;
            value.set_sensitive(true);
            Ok(Credential::Header(value))
        };
        match auth {
            Auth::Open => Ok(Credential::None),
            Auth::Basic { user, password } => {
                header(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            Auth::ApiKey(key) => header(format!("ApiKey {key}")),
            Auth::Aws(key) => Ok(Credential::Signature(Box::new(key))),
        }
    }

    /// Makes a request carry it, as of now; nothing may change the request afterwards.
    pub fn attach(&self, request: &mut Request, body: &[u8]) -> Result<(), String> {
        match self {
            Credential::None => {}
            Credential::Header(value) => {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
            }
            Credential::Signature(key) => {
                let content = request.headers().get(CONTENT_TYPE);
                let content = content.and_then(|value| value.to_str().ok());
                let (method, url) = (request.method(), request.url());
                let aoss = key.service == AwsService::Aoss;
                let name = key.service.name();
                let now = SystemTime::now();
                for (name, value) in signature(key, name, aoss, method, url, content, body, now)? {
                    let mut value = HeaderValue::try_from(value).map_err(|e| e.to_string())?;
                    value.set_sensitive(true);
                    request.headers_mut().insert(name, value);
                }
            }
        }
        Ok(())
    }
}

/// The headers of a signature, version 4. Serverless wants the body's digest among them.
#[allow(clippy::too_many_arguments)]
fn signature(
    key: &AwsKey,
    service: &str,
    digest: bool,
    method: &Method,
    url: &Url,
    content: Option<&str>,
    body: &[u8],
    now: SystemTime,
) -> Result<Vec<(&'static str, String)>, String> {
    let (id, secret) = (key.id.as_str(), key.secret.as_str());
    let identity = Credentials::new(id, secret, key.token.clone(), None, "flusso").into();
    let mut settings = SigningSettings::default();
    if digest {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&key.region)
        .name(service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|e| e.to_string())?
        .into();
    let headers = content.map(|value| ("content-type", value));
    let body = SignableBody::Bytes(body);
    let request = SignableRequest::new(method.as_str(), url.as_str(), headers.into_iter(), body)
        .map_err(|e| e.to_string())?;
    let (instructions, _) = sign(request, &params).map_err(|e| e.to_string())?.into_parts();
    let (headers, _) = instructions.into_parts();
    Ok(headers.into_iter().map(|header| (header.name(), header.value().to_owned())).collect())
}

/// The HTTP client of a sink: how long it waits, and whom it trusts.
pub fn http(options: &Options) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .timeout(Duration::from_secs(options.timeout_secs.max(1)))
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(IDLE)
        .danger_accept_invalid_certs(!options.tls_verify);
    if let Some(path) = &options.tls_ca_file {
        let wrong = |why: String| format!("`tls_ca_file` {path}: {why}");
        let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|e| wrong(e.to_string()))?;
        if certificates.is_empty() {
            return Err(wrong("there is no certificate in it".into()));
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if let Some(path) = &options.tls_client_file {
        let wrong = |why: String| format!("`tls_client_file` {path}: {why}");
        let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        builder = builder.identity(Identity::from_pem(&pem).map_err(|e| wrong(e.to_string()))?);
    }
    builder.build().map_err(|e| super::client::chain(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key, place and moment of Amazon's own test suite for signatures.
    fn signed(method: Method, path: &str, content: Option<&str>, body: &str) -> String {
        let key = AwsKey {
            service: AwsService::Es,
            region: "us-east-1".into(),
            id: "AKIDEXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        let url = Url::parse(&format!("https://example.amazonaws.com{path}")).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let body = body.as_bytes();
        let headers = signature(&key, "service", false, &method, &url, content, body, now).unwrap();
        let (_, value) = headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let given =
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        assert!(value.starts_with(given), "{value}");
        value.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_published_vectors() {
        for (method, path, content, body, expected) in [
            // get-vanilla
            (
                Method::GET,
                "/",
                None,
                "",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            // post-vanilla
            (
                Method::POST,
                "/",
                None,
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            // get-vanilla-query-order-key-case
            (
                Method::GET,
                "/?Param2=value2&Param1=value1",
                None,
                "",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            // post-x-www-form-urlencoded
            (
                Method::POST,
                "/",
                Some("application/x-www-form-urlencoded"),
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            assert_eq!(signed(method.clone(), path, content, body), expected, "{method} {path}");
        }
    }

    #[test]
    fn what_a_request_shows() {
        let attached = |auth: Auth| {
            let mut request = Request::new(
                Method::POST,
                Url::parse("https://x.eu-west-1.aoss.amazonaws.com/_bulk").unwrap(),
            );
            Credential::new(auth).unwrap().attach(&mut request, b"{}\n").unwrap();
            request.headers().clone()
        };
        assert!(attached(Auth::Open).is_empty());
        let basic = attached(Auth::Basic { user: "u".into(), password: "p:q".into() });
        assert_eq!(basic[AUTHORIZATION], format!("Basic {}", STANDARD.encode("u:p:q")));
        assert!(!format!("{basic:?}").contains("Basic"), "{basic:?}");
        assert_eq!(attached(Auth::ApiKey("aWQ6a2V5".into()))[AUTHORIZATION], "ApiKey aWQ6a2V5");
        assert!(Credential::new(Auth::ApiKey("a\nb".into())).is_err());
        let aws = attached(Auth::Aws(AwsKey {
            service: AwsService::Aoss,
            region: "eu-west-1".into(),
            id: "id".into(),
            secret: "secret".into(),
            token: Some("lent".into()),
        }));
        assert_eq!(
            aws["x-amz-content-sha256"],
            "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
        );
        assert_eq!(aws["x-amz-security-token"], "lent");
        let authorization = aws[AUTHORIZATION].to_str().unwrap();
        assert!(authorization.contains("/eu-west-1/aoss/aws4_request"), "{authorization}");
        assert!(authorization.contains("x-amz-content-sha256"), "{authorization}");
    }
}
