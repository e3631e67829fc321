//! A bad network: a TCP proxy that cuts, stalls, slows and drips, and changes its mind at any time.
//!
//! Bytes are never reordered or altered. Of Postgres' replication stream it knows so much that it
//! can cut before the n-th message of a kind: between `BEGIN` and `COMMIT` is a place where losing
//! a connection is harder than elsewhere.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::database::RUNTIME;

/// What happens to bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Open,
    /// They stay where they are, and the connection stays open.
    Stalled,
    /// So many pass in a second.
    Slow(u32),
    /// They pass one by one.
    Dripping,
}

/// How the network is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Towards the server.
    pub up: Way,
    /// Towards the client.
    pub down: Way,
    /// New connections are closed at once.
    pub refuse: bool,
}

/// Everything passes.
pub const FAIR: Weather = Weather { up: Way::Open, down: Way::Open, refuse: false };

/// When a connection is to be cut, by what comes from the server.
#[derive(Clone, Copy, Debug)]
enum Fuse {
    /// After so many more bytes.
    Bytes(u64),
    /// Before the n-th more of these pgoutput messages: `B`, `I`, `U`, `D`, `C`, …
    Message(u8, u64),
}

struct Shared {
    target: SocketAddr,
    weather: watch::Sender<Weather>,
    /// A number that grows with each cut.
    cut: watch::Sender<u64>,
    fuse: Mutex<Option<Fuse>>,
    accepted: AtomicU64,
}

/// A proxy in front of a server on loopback; it ends with the process.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// In front of `127.0.0.1:port`.
    pub fn new(port: u16) -> Proxy {
        let shared = Arc::new(Shared {
            target: (Ipv4Addr::LOCALHOST, port).into(),
            weather: watch::channel(FAIR).0,
            cut: watch::channel(0).0,
            fuse: Mutex::new(None),
            accepted: AtomicU64::new(0),
        });
        let listener = RUNTIME
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let accepting = shared.clone();
        RUNTIME.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, accepting.clone()));
            }
        });
        Proxy { port, shared }
    }

    /// In front of the server of a URL, and that URL through the proxy; without TLS, which would
    /// hide the messages.
    pub fn before(url: &str) -> (Proxy, String) {
        let (before, rest) = url.split_once("127.0.0.1:").expect("servers listen on loopback");
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let proxy = Proxy::new(rest[..digits].parse().expect("a port is a number"));
        let through = format!("{before}127.0.0.1:{}{}", proxy.port, &rest[digits..]);
        (proxy, through)
    }

    /// From now on.
    pub fn weather(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Cuts every connection, with a reset.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Cuts every connection after so many more bytes from the server.
    pub fn cut_after(&self, bytes: u64) {
        *self.shared.fuse() = Some(Fuse::Bytes(bytes));
    }

    /// Cuts every connection before the n-th more of these pgoutput messages, the first being 1.
    pub fn cut_before(&self, message: u8, n: u64) {
        *self.shared.fuse() = Some(Fuse::Message(message, n));
    }

    /// Whether a cut that was asked for is still to come.
    pub fn is_armed(&self) -> bool {
        self.shared.fuse().is_some()
    }

    /// Connections so far.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    fn fuse(&self) -> MutexGuard<'_, Option<Fuse>> {
        self.fuse.lock().expect("nobody panics while holding it")
    }

    /// How many of these bytes may pass before the fuse burns; all when it does not.
    fn burn(&self, bytes: &[u8], messages: &mut Messages) -> Option<usize> {
        let starts = messages.starts(bytes);
        let mut fuse = self.fuse();
        match &mut *fuse {
            None => return None,
            Some(Fuse::Bytes(left)) if *left > bytes.len() as u64 => {
                *left -= bytes.len() as u64;
                return None;
            }
            Some(Fuse::Bytes(left)) => {
                let pass = *left as usize;
                *fuse = None;
                return Some(pass);
            }
            Some(Fuse::Message(kind, left)) => {
                for (at, message) in starts {
                    if message == *kind {
                        *left -= 1;
                        if *left == 0 {
                            *fuse = None;
                            return Some(at);
                        }
                    }
                }
            }
        }
        None
    }
}

async fn connection(client: TcpStream, shared: Arc<Shared>) {
    shared.accepted.fetch_add(1, Ordering::Relaxed);
    if shared.weather.borrow().refuse {
        return;
    }
    let Ok(server) = TcpStream::connect(shared.target).await else { return };
    let mut cut = shared.cut.subscribe();
    for socket in [&client, &server] {
        let _ = socket.set_nodelay(true);
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        () = pump(&mut from_client, &mut to_server, &shared, Direction::Up) => {}
        () = pump(&mut from_server, &mut to_client, &shared, Direction::Down) => {}
        _ = cut.changed() => {
            // A reset, not an end of the stream.
            for socket in [to_client.as_ref(), to_server.as_ref()] {
                let _ = socket.set_zero_linger();
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    shared: &Shared,
    direction: Direction,
) {
    let mut weather = shared.weather.subscribe();
    let mut buffer = vec![0; 16 << 10];
    let mut messages = Messages::default();
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        let burned = match direction {
            Direction::Up => None,
            Direction::Down => shared.burn(&buffer[..read], &mut messages),
        };
        let mut left = &buffer[..burned.unwrap_or(read)];
        while !left.is_empty() {
            let way = {
                let now = weather.borrow_and_update();
                if direction == Direction::Up { now.up } else { now.down }
            };
            let (size, pause) = match way {
                Way::Open => (left.len(), Duration::ZERO),
                Way::Dripping => (1, Duration::ZERO),
                Way::Slow(rate) => {
                    let size = left.len().min((rate as usize / 20).max(1));
                    (size, Duration::from_secs_f64(size as f64 / f64::from(rate)))
                }
                Way::Stalled => {
                    if weather.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            tokio::time::sleep(pause).await;
            if to.write_all(&left[..size]).await.is_err() {
                return;
            }
            left = &left[size..];
        }
        if burned.is_some() {
            shared.cut();
        }
    }
}

/// Finds the messages of the replication stream in what a server sends.
#[derive(Default)]
struct Messages {
    /// Of the message under way: the header so far, up to its pgoutput kind.
    head: Vec<u8>,
    /// Bytes of it that are still to come once the head is known.
    rest: usize,
}

/// Tag, length, `w`, three positions: then the kind.
const KIND_AT: usize = 1 + 4 + 1 + 24;

impl Messages {
    /// Where in these bytes a message's kind stands, and which it is. The message itself may have
    /// begun before them.
    fn starts(&mut self, bytes: &[u8]) -> Vec<(usize, u8)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if self.rest > 0 {
                let skipped = self.rest.min(bytes.len() - at);
                (self.rest, at) = (self.rest - skipped, at + skipped);
                continue;
            }
            self.head.push(bytes[at]);
            at += 1;
            let Some(length) = self.head.get(1..5) else { continue };
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let whole = (length + 1).max(5);
            let is_wal = self.head[0] == b'd' && self.head.get(5).is_none_or(|kind| *kind == b'w');
            if is_wal && whole > KIND_AT && self.head.len() <= KIND_AT {
                continue;
            }
            if is_wal && whole > KIND_AT {
                found.push((at - 1, self.head[KIND_AT]));
            }
            self.rest = whole - self.head.len();
            self.head.clear();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_however_they_are_cut() {
        let mut bytes = b"Z\0\0\0\x05I".to_vec();
        for kind in [b'B', b'I', b'C'] {
            bytes.extend([b'd', 0, 0, 0, 4 + 25 + 3, b'w']);
            bytes.extend([0; 24]);
            bytes.extend([kind, 1, 2]);
        }
        bytes.extend(b"d\0\0\0\x08k\0\0\0");
        for size in 1..bytes.len() {
            let mut messages = Messages::default();
            let found: Vec<u8> = bytes
                .chunks(size)
                .flat_map(|chunk| messages.starts(chunk))
                .map(|(_, kind)| kind)
                .collect();
            assert_eq!(found, [b'B', b'I', b'C'], "in pieces of {size}");
        }
    }
}
