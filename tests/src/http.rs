//! Questions to flusso's own HTTP surfaces, down to single bytes: what a well-behaved client
//! never sends has to be written by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open connection.
pub struct Connection(TcpStream);

impl Connection {
    /// Opens one.
    pub fn open(address: &str) -> Connection {
        let stream = TcpStream::connect(address).expect("somebody listens there");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        Connection(stream)
    }

    /// Sends bytes; the other side may have hung up in the midst of them.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Everything until the other side hangs up.
    pub fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let mut some = [0; 4096];
        loop {
            match self.0.read(&mut some) {
                Ok(0) => break,
                Ok(read) => all.extend_from_slice(&some[..read]),
                // It was cut off with something of ours unread.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("it neither answers nor hangs up: {error}"),
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// Sends bytes on a connection of their own and gives the status of the first answer, 0 when
/// there was none.
pub fn status(address: &str, bytes: &[u8]) -> u16 {
    let mut connection = Connection::open(address);
    connection.send(bytes);
    status_of(&connection.rest())
}

/// The status in an answer.
pub fn status_of(answer: &str) -> u16 {
    let status = answer.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    status.unwrap_or(0)
}

/// Status and body of a GET.
pub fn get(address: &str, path: &str) -> (u16, String) {
    let mut connection = Connection::open(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    connection.send(request.as_bytes());
    let answer = connection.rest();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (status_of(head), body.to_owned())
}

/// `/status` as data.
pub fn told(public: &str) -> Value {
    let (status, body) = get(public, "/status");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}
