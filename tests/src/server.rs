//! Servers as children: `dev/postgres` and `dev/opensearch` on a leash.
//!
//! The leash is the script's standard input. It closes when this process ends, however it ends,
//! so a server that lives in a `static` needs no destructor and never outlives its tests.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running server.
pub struct Server {
    /// Where it answers.
    pub url: String,
    /// Its folder, with `log` in it.
    pub folder: PathBuf,
    child: Child,
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// A path in the temporary folder that nobody else has; nothing is made.
pub fn fresh_path(what: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("flusso-{what}-{}-{count}", std::process::id()))
}

impl Server {
    /// A Postgres with `wal_level = logical` unless a setting (`name=value`) says otherwise.
    pub fn postgres(settings: &[&str]) -> Server {
        let arguments = settings.iter().flat_map(|setting| ["-c", setting]);
        Server::start("dev/postgres", fresh_path("postgres"), arguments)
    }

    /// An OpenSearch node over a folder, which stays if it was there before.
    pub fn opensearch(folder: PathBuf, settings: &[&str]) -> Server {
        let arguments = settings.iter().flat_map(|setting| ["-E", setting]);
        Server::start("dev/opensearch", folder, arguments)
    }

    /// The same, started again at its address when somebody kills it; its data goes with the test.
    pub fn opensearch_again() -> Server {
        Server::start("dev/opensearch", fresh_path("node"), ["--again"].into_iter())
    }

    /// The same of a chosen version; its data is left to nobody.
    pub fn opensearch_of(version: &str) -> Server {
        let arguments = ["--version", version].into_iter();
        Server::start("dev/opensearch", fresh_path("node"), arguments)
    }

    fn start<'a>(
        script: &str,
        folder: PathBuf,
        arguments: impl Iterator<Item = &'a str>,
    ) -> Server {
        let mut child = Command::new(repository().join(script))
            .arg(&folder)
            .arg("--leash")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{script}: {error}"));
        let mut url = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut url).expect("the script's output is text");
        let url = url.trim().to_owned();
        assert!(!url.is_empty(), "{script} did not start; its message stands above");
        Server { url, folder, child }
    }

    /// Ends Postgres, by `INT` fast or by `QUIT` at once, or a node that starts again, by `KILL`,
    /// and waits until it is there again on the same port.
    pub fn restart(&self, signal: &str) {
        let pid = || std::fs::read_to_string(self.folder.join("pid")).expect("it tells its pid");
        let before = pid();
        std::fs::write(self.folder.join("again"), "").expect("the folder can be written");
        let status = Command::new("kill").arg(format!("-{signal}")).arg(before.trim()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{signal}");
        let deadline = Instant::now() + Duration::from_secs(60);
        while pid() == before {
            assert!(Instant::now() < deadline, "it did not come back");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::fs::remove_file(self.folder.join("again")).expect("it was written here");
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).expect("the server has a log");
        String::from_utf8_lossy(&log).into_owned()
    }
}

/// Lets the leash go and waits for the end.
impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
