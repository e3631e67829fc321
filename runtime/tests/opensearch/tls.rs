//! TLS with an authority of one's own, and what requests show to be let in. A small proxy that
//! ends TLS and looks at the first request's header stands before the node.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::{Mutex, OnceLock};

use flusso_compiler::files::cluster::{Auth, AwsKey};
use flusso_compiler::files::config::{AwsService, OnError, OpenSearch as Options};
use flusso_runtime::sinks::SinkError;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::*;

/// In every secret, and in nothing that is printed.
const MARKER: &str = "m4rk3r";

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A file of PEM texts.
fn pem(name: &str, texts: &[String]) -> String {
    let path: PathBuf = std::env::temp_dir().join(format!("flusso-{}-{name}", std::process::id()));
    std::fs::write(&path, texts.concat()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Ends TLS before the node for whoever shows `expected`; with `clients`, only for those it vouches
/// for. Gives its address.
async fn guard(node: &str, issuer: &Issuer, expected: String, clients: Option<&Issuer>) -> String {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let node = node.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, node, expected) = (acceptor.clone(), node.clone(), expected.clone());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    if client.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let text = String::from_utf8_lossy(&head);
                if !text.contains(&format!("authorization: {expected}")) {
                    let body = r#"{"error":{"type":"security_exception","reason":"who are you"}}"#;
                    let answer = format!(
                        "HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = client.write_all(answer.as_bytes()).await;
                    let _ = client.shutdown().await;
                    return;
                }
                let mut server = TcpStream::connect(&node).await.unwrap();
                server.write_all(&head).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    format!("https://localhost:{port}")
}

fn basic(password: &str) -> Auth {
    Auth::Basic { user: "writer".into(), password: password.into() }
}

fn shown(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_it_is_given() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "tls");
    let issuer = authority();
    let expected = format!("Basic {}", shown("writer:right"));
    let guarded = guard(&bench.url, &issuer, expected, None).await;
    let mut sink = bench.sink_as(&guarded, &options(), basic("right"));
    let error = sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap_err();
    let SinkError::Options { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("certificate") && reason.contains("tls_ca_file"), "{reason}");

    let file = Some(pem("ca.pem", &[issuer.pem()]));
    let trusting = Options { tls_ca_file: file, ..options() };
    let mut sink = bench.sink_as(&guarded, &trusting, basic("right"));
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap();
    assert_eq!(bench.document("1").await, (json!(10), json!({"n": 1})));
    bench.clean().await;
}

#[tokio::test]
async fn a_client_shows_its_own_certificate() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let bench = Bench::new(url, "mtls");
    let (issuer, clients) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(Vec::new()).unwrap();
    let certificate = params.signed_by(&key, &clients).unwrap();
    let guarded = guard(&bench.url, &issuer, "ApiKey aWQ6a2V5".into(), Some(&clients)).await;
    let trusting = Options {
        tls_ca_file: Some(pem("mca.pem", &[issuer.pem()])),
        tls_client_file: Some(pem("client.pem", &[certificate.pem(), key.serialize_pem()])),
        ..options()
    };
    let mut sink = bench.sink_as(&guarded, &trusting, Auth::ApiKey("aWQ6a2V5".into()));
    sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap();
    sink.write(&[document("1", 10, Some(json!({"n": 1})))]).await.unwrap();
    assert_eq!(bench.document("1").await, (json!(10), json!({"n": 1})));
    bench.clean().await;
}

/// Everything logged by this process, every level of every crate.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<&'static Mutex<Vec<u8>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let log: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        struct Into(&'static Mutex<Vec<u8>>);
        impl std::io::Write for Into {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let to = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        to.with_writer(move || Into(log)).init();
        log
    })
}

#[tokio::test]
async fn secrets_are_in_no_log_and_no_error() {
    let Some(url) = node("FLUSSO_TEST_OPENSEARCH") else { return };
    let log = log();
    let bench = Bench::new(url, "secrets");
    let issuer = authority();
    let guarded = guard(&bench.url, &issuer, "nobody".into(), None).await;
    let trusting = Options { tls_ca_file: Some(pem("sca.pem", &[issuer.pem()])), ..options() };
    let key = AwsKey {
        service: AwsService::Es,
        region: "eu-west-1".into(),
        id: "id".into(),
        secret: MARKER.into(),
        token: Some(MARKER.into()),
    };
    let in_url = guarded.replace("localhost", &format!("writer:{MARKER}@localhost"));
    let ways = [
        (guarded.clone(), basic(MARKER)),
        (guarded.clone(), Auth::ApiKey(MARKER.into())),
        (guarded.clone(), Auth::Aws(key)),
        (in_url.clone(), Auth::Open),
    ];
    let mut printed = String::new();
    for (url, auth) in ways {
        let mut sink = bench.sink_as(&url, &trusting, auth.clone());
        let error = sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap_err();
        assert!(matches!(error, SinkError::Refused { status: 401, .. }), "{error}");
        printed += &format!("{error} {error:?} {:?} {sink:?} {auth:?}", error.cure());
    }
    let mut sink = bench.sink_as(&in_url, &options(), Auth::Open);
    let error = sink.prepare(&[target(OnError::Stop)], PATIENCE).await.unwrap_err();
    printed += &format!("{error} {error:?}");
    let logged = String::from_utf8_lossy(&log.lock().unwrap()).into_owned();
    assert!(logged.contains("localhost"), "nothing was logged: this proved nothing");
    for text in [&printed, &logged] {
        for secret in [MARKER, &shown(&format!("writer:{MARKER}"))] {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None);
        }
    }
    bench.clean().await;
}
