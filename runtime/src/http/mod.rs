//! The two HTTP surfaces: a public one that tells, a private one that is asked to do things.
//!
//! Both are bound before anything else happens, so that a taken port ends a start at once and
//! not after an hour of copying. There is no TLS here; put a proxy before what leaves the host.

mod auth;
pub mod client;
mod json;
mod memory;
mod metrics;
mod page;
mod private;
mod public;
mod quarantine;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::quarantine::Quarantine;
use crate::rebuild::Rebuilds;
use crate::status::Status;

/// Password of the private surface until one is chosen; good for loopback addresses only.
pub const DEFAULT_PASSWORD: &str = "flusso";

/// Where the surfaces listen and who may use the private one.
#[derive(Clone)]
pub struct Settings {
    /// `/healthz /readyz /status /metrics`.
    pub public: SocketAddr,
    /// `/indexes /reindex /quarantine /status`.
    pub private: SocketAddr,
    /// Login of the private surface.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// Why the surfaces cannot be opened.
#[derive(Debug)]
pub enum HttpError {
    /// The address is taken or not ours.
    Bind {
        /// `public` or `private`.
        surface: &'static str,
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Anyone who reads the manual could log in from elsewhere.
    DefaultPassword(SocketAddr),
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HttpError::Bind { surface, address, source } => write!(
                f,
                "cannot listen on {address} for the {surface} HTTP surface: {source}; choose \
                 another with --{surface}-address"
            ),
            HttpError::DefaultPassword(address) => write!(
                f,
                "the private HTTP surface would listen on {address} with the default password; \
                 set --admin-password or FLUSSO_ADMIN_PASSWORD, or listen on 127.0.0.1"
            ),
        }
    }
}

impl std::error::Error for HttpError {}

/// The listeners, bound and not yet answering.
pub struct Surfaces {
    public: TcpListener,
    private: TcpListener,
    settings: Settings,
}

impl Surfaces {
    /// Takes both addresses, or says which cannot be had.
    pub async fn bind(settings: Settings) -> Result<Surfaces, HttpError> {
        if settings.password == DEFAULT_PASSWORD && !settings.private.ip().is_loopback() {
            return Err(HttpError::DefaultPassword(settings.private));
        }
        let public = bind("public", settings.public).await?;
        let private = bind("private", settings.private).await?;
        Ok(Surfaces { public, private, settings })
    }

    /// The addresses that were taken, public and private.
    pub fn addresses(&self) -> std::io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.public.local_addr()?, self.private.local_addr()?))
    }

    /// Answers until the process ends.
    pub fn serve(self, status: Arc<Status>, quarantine: Arc<Quarantine>, rebuilds: Arc<Rebuilds>) {
        let login = auth::Login::new(&self.settings.user, &self.settings.password);
        let private = private::router(status.clone(), quarantine, rebuilds, login);
        tokio::spawn(server::serve(self.public, public::router(status)));
        tokio::spawn(server::serve(self.private, private));
    }
}

async fn bind(surface: &'static str, address: SocketAddr) -> Result<TcpListener, HttpError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| HttpError::Bind { surface, address, source })
}

#[cfg(test)]
mod tests;
