//! Asks the private surface of a running flusso.

use std::time::Duration;

/// What it answered.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Whom to ask, and as whom.
pub struct Client {
    /// `host:port` or a URL.
    pub server: String,
    /// Login.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl Client {
    /// `GET path`.
    pub async fn get(&self, path: &str) -> Result<Answer, String> {
        self.ask(reqwest::Method::GET, path, &[]).await
    }

    /// `POST path?…`.
    pub async fn post(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, String> {
        self.ask(reqwest::Method::POST, path, query).await
    }

    async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let server = self.server.trim_end_matches('/');
        let url = match server.contains("://") {
            true => format!("{server}{path}"),
            false => format!("http://{server}{path}"),
        };
        let failed = |error: reqwest::Error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("cannot ask {url}: {error}{}", cause.unwrap_or_default())
        };
        let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(failed)?;
        let request = client.request(method, &url).query(query);
        let answer = request.basic_auth(&self.user, Some(&self.password)).send().await;
        let answer = answer.map_err(failed)?;
        let status = answer.status().as_u16();
        Ok(Answer { status, body: answer.text().await.map_err(failed)? })
    }
}
