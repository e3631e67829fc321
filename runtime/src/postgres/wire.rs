//! A replication session: Postgres' wire protocol as far as a walsender speaks it.
//!
//! tokio-postgres knows neither `replication=database` nor `CopyBoth`, so frames are cut here.
//! What is easily done wrong, SCRAM and the encoders, is postgres-protocol's. Reading is split in
//! two, [`fill`](Walsender::fill) and [`buffered`](Walsender::buffered), so that a caller can
//! handle all that has come before it waits, and can drop the wait without losing bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes, BytesMut};
use flusso_dataflow::Lsn;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};

use super::connect::{self, Connection, Ssl};
use super::error::{CaptureError, DECODING, ServerMessage};
use super::tls;

/// Largest message taken. Postgres' own limit of a value is 1 GiB.
const MESSAGE_LIMIT: usize = 1 << 30;
/// Room made for a read.
const READ_SIZE: usize = 128 << 10;
/// Microseconds from 1970 to 2000, where Postgres' clock starts.
const EPOCH_2000_US: u64 = 946_684_800_000_000;

const CONNECTING: &str = "connecting for replication";
const STREAMING: &str = "streaming";

trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for S {}

/// A message as it came: its tag and what follows the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) tag: u8,
    pub(crate) body: Bytes,
}

/// A session of the replication protocol.
pub(crate) struct Walsender {
    socket: Box<dyn Socket>,
    incoming: BytesMut,
}

impl Walsender {
    /// Connects, authenticates and waits until the server is ready.
    pub(crate) async fn connect(to: &Connection) -> Result<Walsender, CaptureError> {
        let connecting = async {
            let socket = open(to).await?;
            let mut session = Walsender { socket, incoming: BytesMut::new() };
            session.start_up(to).await?;
            Ok(session)
        };
        let late = |_| CaptureError::Lost { during: CONNECTING, cause: "no answer".to_owned() };
        timeout(connect::CONNECT_TIMEOUT, connecting).await.map_err(late)?
    }

    async fn start_up(&mut self, to: &Connection) -> Result<(), CaptureError> {
        let mut out = BytesMut::new();
        let parameters = [
            ("user", to.user.as_str()),
            ("database", &to.database),
            ("replication", "database"),
            ("application_name", "flusso"),
            ("options", connect::OPTIONS),
        ];
        frontend::startup_message(parameters, &mut out).map_err(CaptureError::io(CONNECTING))?;
        self.send(&out).await?;
        let mut scram = None;
        loop {
            let frame = self.frame(CONNECTING).await?;
            match frame.tag {
                b'R' => self.authenticate(to, frame.body, &mut scram).await?,
                b'Z' => return Ok(()),
                b'E' => return Err(refused(CONNECTING, &frame.body)),
                _ => {}
            }
        }
    }

    /// Answers one `Authentication…` message.
    async fn authenticate(
        &mut self,
        to: &Connection,
        mut body: Bytes,
        scram: &mut Option<ScramSha256>,
    ) -> Result<(), CaptureError> {
        let failed = CaptureError::io(CONNECTING);
        let kind = body.try_get_i32().map_err(|_| malformed("authentication request"))?;
        let password = || {
            to.password.as_deref().ok_or_else(|| {
                CaptureError::Settings("Postgres asks for a password and none is set".to_owned())
            })
        };
        let mut out = BytesMut::new();
        match (kind, scram.as_mut()) {
            (0, _) => return Ok(()),
            (3, _) => frontend::password_message(password()?.as_bytes(), &mut out),
            (5, _) => {
                let salt = body.as_ref().try_into().map_err(|_| malformed("password salt"))?;
                let hash = md5_hash(to.user.as_bytes(), password()?.as_bytes(), salt);
                frontend::password_message(hash.as_bytes(), &mut out)
            }
            (10, _) if body.split(|b| *b == 0).any(|name| name == SCRAM_SHA_256.as_bytes()) => {
                let binding = ChannelBinding::unsupported();
                let exchange = scram.insert(ScramSha256::new(password()?.as_bytes(), binding));
                frontend::sasl_initial_response(SCRAM_SHA_256, exchange.message(), &mut out)
            }
            (11, Some(exchange)) => {
                exchange.update(&body).map_err(&failed)?;
                frontend::sasl_response(exchange.message(), &mut out)
            }
            (12, Some(exchange)) => return exchange.finish(&body).map_err(&failed),
            (other, _) => {
                return Err(CaptureError::Settings(format!(
                    "Postgres asks for an authentication method ({other}) that is not supported; \
                     use scram-sha-256, md5 or password in pg_hba.conf"
                )));
            }
        }
        .map_err(&failed)?;
        self.send(&out).await
    }

    /// Runs one command and gives its rows as text.
    pub(crate) async fn query(
        &mut self,
        during: &'static str,
        sql: &str,
    ) -> Result<Vec<Vec<Option<String>>>, CaptureError> {
        self.send_query(sql).await?;
        let mut rows = Vec::new();
        let mut refusal = None;
        loop {
            let frame = self.frame(during).await?;
            match frame.tag {
                b'D' => rows.push(row(frame.body).ok_or_else(|| malformed("row"))?),
                b'E' => refusal = Some(refused(during, &frame.body)),
                b'Z' => return refusal.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    /// Starts streaming: after this only `CopyData` in both directions.
    pub(crate) async fn start_streaming(&mut self, sql: &str) -> Result<(), CaptureError> {
        self.send_query(sql).await?;
        loop {
            let frame = self.frame(STREAMING).await?;
            match frame.tag {
                b'W' => return Ok(()),
                b'E' => return Err(refused(STREAMING, &frame.body)),
                b'Z' => return Err(malformed("no stream")),
                _ => {}
            }
        }
    }

    /// Tells how far we are. A `flush` of 0 confirms nothing and lets a server that is stopping
    /// go by `write` instead.
    pub(crate) async fn send_status(
        &mut self,
        write: Lsn,
        flush: Lsn,
        want_reply: bool,
    ) -> Result<(), CaptureError> {
        self.send(&status(write, flush, want_reply)).await
    }

    /// Ends the stream as politely as a second allows.
    pub(crate) async fn close(mut self) {
        let mut out = BytesMut::new();
        frontend::copy_done(&mut out);
        frontend::terminate(&mut out);
        // The server notices a closed socket as well, so that a failure here changes nothing.
        let _ = timeout(Duration::from_secs(1), self.send(&out)).await;
    }

    /// The next whole message that has already been read.
    pub(crate) fn buffered(&mut self) -> Result<Option<Frame>, CaptureError> {
        cut(&mut self.incoming)
    }

    /// Waits for bytes. May be dropped at any time.
    pub(crate) async fn fill(&mut self, during: &'static str) -> Result<(), CaptureError> {
        self.incoming.reserve(READ_SIZE);
        match self.socket.read_buf(&mut self.incoming).await.map_err(CaptureError::io(during))? {
            0 => Err(CaptureError::Lost { during, cause: "the server closed it".to_owned() }),
            _ => Ok(()),
        }
    }

    async fn frame(&mut self, during: &'static str) -> Result<Frame, CaptureError> {
        loop {
            match self.buffered()? {
                Some(frame) => return Ok(frame),
                None => self.fill(during).await?,
            }
        }
    }

    async fn send_query(&mut self, sql: &str) -> Result<(), CaptureError> {
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out).map_err(CaptureError::io(STREAMING))?;
        self.send(&out).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        self.socket.write_all(bytes).await.map_err(CaptureError::io(STREAMING))?;
        self.socket.flush().await.map_err(CaptureError::io(STREAMING))
    }
}

/// Opens the socket, with TLS as the mode asks.
async fn open(to: &Connection) -> Result<Box<dyn Socket>, CaptureError> {
    let failed = CaptureError::io(CONNECTING);
    if to.is_local() {
        let path = format!("{}/.s.PGSQL.{}", to.host, to.port);
        return Ok(Box::new(UnixStream::connect(path).await.map_err(failed)?));
    }
    let mut socket = TcpStream::connect((to.host.as_str(), to.port)).await.map_err(&failed)?;
    socket.set_nodelay(true).map_err(&failed)?;
    let options = socket2::SockRef::from(&socket);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(connect::KEEPALIVE_IDLE)
        .with_interval(connect::KEEPALIVE_INTERVAL);
    options.set_tcp_keepalive(&keepalive).map_err(&failed)?;
    #[cfg(target_os = "linux")]
    options.set_tcp_user_timeout(Some(connect::USER_TIMEOUT)).map_err(&failed)?;
    if to.ssl == Ssl::Disable {
        return Ok(Box::new(socket));
    }
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    socket.write_all(&request).await.map_err(&failed)?;
    match (socket.read_u8().await.map_err(&failed)?, to.ssl) {
        (b'S', _) => {
            let mut maker = tls::connector(to)?;
            let refused = |why: String| CaptureError::Settings(format!("TLS: {why}"));
            let connector = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut maker, &to.host)
                .map_err(|error| refused(error.to_string()))?;
            let stream = connector.connect(socket).await.map_err(|e| refused(e.to_string()))?;
            Ok(Box::new(stream))
        }
        (_, Ssl::Prefer) => Ok(Box::new(socket)),
        (_, _) => Err(CaptureError::Settings(
            "sslmode asks for TLS and the server does not offer it".to_owned(),
        )),
    }
}

/// Takes one message off the front when all of it is there.
fn cut(incoming: &mut BytesMut) -> Result<Option<Frame>, CaptureError> {
    let Some((&tag, rest)) = incoming.split_first() else { return Ok(None) };
    let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if !(4..=MESSAGE_LIMIT).contains(&length) {
        return Err(CaptureError::Protocol(format!("a message of {length} bytes")));
    }
    if rest.len() < length {
        incoming.reserve(length + 1 - incoming.len());
        return Ok(None);
    }
    let mut body = incoming.split_to(length + 1).freeze();
    body.advance(5);
    Ok(Some(Frame { tag, body }))
}

/// The fields of `ErrorResponse` and `NoticeResponse`; a truncated one gives what there was.
pub(crate) fn server_message(body: &[u8]) -> ServerMessage {
    let mut said = ServerMessage::default();
    for field in body.split(|byte| *byte == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            b'C' => said.code = text,
            b'M' => said.message = text,
            b'D' => said.detail = Some(text),
            b'H' => said.hint = Some(text),
            b'R' => said.decoding = text == DECODING,
            _ => {}
        }
    }
    said
}

fn refused(during: &'static str, body: &[u8]) -> CaptureError {
    CaptureError::Server { during, said: server_message(body) }
}

fn malformed(what: &str) -> CaptureError {
    CaptureError::Protocol(format!("a malformed message: {what}"))
}

/// The columns of a `DataRow`.
fn row(mut body: Bytes) -> Option<Vec<Option<String>>> {
    let columns = body.try_get_u16().ok()?;
    let mut values = Vec::with_capacity(usize::from(columns));
    for _ in 0..columns {
        let length = body.try_get_i32().ok()?;
        values.push(match usize::try_from(length) {
            Err(_) => None,
            Ok(length) if length > body.remaining() => return None,
            Ok(length) => Some(String::from_utf8_lossy(&body.split_to(length)).into_owned()),
        });
    }
    Some(values)
}

/// A standby status update inside `CopyData`.
fn status(write: Lsn, flush: Lsn, want_reply: bool) -> [u8; 39] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let now = (now as u64).saturating_sub(EPOCH_2000_US);
    let mut out = [0; 39];
    out[0] = b'd';
    out[1..5].copy_from_slice(&38u32.to_be_bytes());
    out[5] = b'r';
    out[6..14].copy_from_slice(&write.to_be_bytes());
    out[14..22].copy_from_slice(&flush.to_be_bytes());
    out[22..30].copy_from_slice(&flush.to_be_bytes());
    out[30..38].copy_from_slice(&now.to_be_bytes());
    out[38] = u8::from(want_reply);
    out
}

/// `16/B374D848` as a number.
pub(crate) fn parse_lsn(text: &str) -> Option<Lsn> {
    let (high, low) = text.split_once('/')?;
    let high = u32::from_str_radix(high, 16).ok()?;
    let low = u32::from_str_radix(low, 16).ok()?;
    Some(u64::from(high) << 32 | u64::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_at_any_split() {
        let bytes = b"Z\0\0\0\x05Id\0\0\0\x07abc";
        for split in 0..bytes.len() {
            let mut incoming = BytesMut::new();
            let mut frames = Vec::new();
            for part in [&bytes[..split], &bytes[split..]] {
                incoming.extend_from_slice(part);
                while let Some(frame) = cut(&mut incoming).unwrap() {
                    frames.push((frame.tag, frame.body));
                }
            }
            let expected = [(b'Z', Bytes::from_static(b"I")), (b'd', Bytes::from_static(b"abc"))];
            assert_eq!(frames, expected, "split at {split}");
        }
    }

    #[test]
    fn a_length_out_of_bounds_is_an_error_and_allocates_nothing() {
        for length in [0u32, 3, u32::MAX] {
            let mut incoming = BytesMut::from(&b"d"[..]);
            incoming.extend_from_slice(&length.to_be_bytes());
            assert!(cut(&mut incoming).is_err(), "{length}");
        }
    }

    #[test]
    fn a_notice_gives_its_fields() {
        let said = server_message(b"SERROR\0C42704\0Mno such slot\0Hmake one\0\0");
        assert_eq!(said.code, "42704");
        assert_eq!(said.message, "no such slot");
        assert_eq!(said.hint.as_deref(), Some("make one"));
        assert_eq!(said.detail, None);
    }

    #[test]
    fn rows_are_checked() {
        let body = Bytes::from_static(b"\0\x02\0\0\0\x01a\xff\xff\xff\xff");
        assert_eq!(row(body), Some(vec![Some("a".into()), None]));
        assert_eq!(row(Bytes::from_static(b"\0\x01\0\0\0\x09a")), None);
    }

    #[test]
    fn positions_parse() {
        assert_eq!(parse_lsn("16/B374D848"), Some(0x16_B374_D848));
        assert_eq!(parse_lsn("16-1"), None);
    }
}
