//! The way to a server, for a test to cut: everything that is sent to it is handed on.

use std::net::{SocketAddr, TcpListener};

use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::database::RUNTIME;

/// An open way. Dropped, all connections are cut, and new ones refused.
pub struct Forward(JoinHandle<()>);

impl Forward {
    /// From an address to a server's URL.
    pub fn open(from: SocketAddr, url: &str) -> Forward {
        let to = url.trim_start_matches("http://").to_owned();
        let listener = RUNTIME.block_on(Listener::bind(from)).expect("the address is free");
        Forward(RUNTIME.spawn(async move {
            let mut ways = JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                let to = to.clone();
                ways.spawn(async move {
                    if let Ok(mut there) = TcpStream::connect(to).await {
                        let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                    }
                });
            }
        }))
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.0.abort();
        let _ = RUNTIME.block_on(&mut self.0);
    }
}

/// An address that was free a moment ago.
pub fn free() -> SocketAddr {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    address.expect("a port is free")
}
