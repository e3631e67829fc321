//! A binary under measurement: its lines counted as they come, and the moment of each marker.
//!
//! A marker is a note that begins with `~`. A change that must be recognised writes one into an
//! order; the line that carries it says when the change had become a document.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flusso_tests::database::Session;
use flusso_tests::server::fresh_path;
use flusso_tests::shop;

/// The running binary.
pub struct Subject {
    /// Its database.
    pub url: String,
    /// A session there.
    pub session: Session,
    /// When it was started.
    pub started: Instant,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    folder: PathBuf,
}

/// What has come out.
pub struct Seen {
    /// Lines.
    pub lines: u64,
    /// When the last one came.
    pub last: Instant,
    /// When each marker came first.
    pub markers: HashMap<String, Instant>,
}

/// How long a load may take to arrive before the measurement gives up.
const PATIENCE: Duration = Duration::from_secs(600);

impl Subject {
    /// Starts `run` over this form of the shop, with `more` arguments.
    pub fn start(name: &str, binary: &Path, form: &str, more: &[&str], url: &str) -> Subject {
        let folder = fresh_path(name);
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        for (file, form) in [("flusso.toml", "plain"), ("orders.schema.yml", form)] {
            let text = shop::file(&format!("{form}/{file}"));
            std::fs::write(folder.join(file), text).expect("the temporary folder can be written");
        }
        let stderr = std::fs::File::create(folder.join("messages")).expect("as above");
        let started = Instant::now();
        let mut child = Command::new(binary)
            .args(["run", "--config", "flusso.toml", "--slot", name, "--publication", name])
            .args(["--public-address", "127.0.0.1:0", "--private-address", "127.0.0.1:0"])
            .args(more)
            .current_dir(&folder)
            .env("DATABASE_URL", url)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let seen = Seen { lines: 0, last: started, markers: HashMap::new() };
        let seen = Arc::new(Mutex::new(seen));
        let stdout = child.stdout.take().expect("stdout is piped");
        let theirs = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut stdout = BufReader::with_capacity(1 << 20, stdout);
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let now = Instant::now();
                let marker = marker(&line);
                let mut seen = theirs.lock().expect("nobody panics while holding it");
                seen.lines += 1;
                seen.last = now;
                if let Some(marker) = marker {
                    seen.markers.entry(marker).or_insert(now);
                }
                drop(seen);
                line.clear();
            }
        });
        let session = Session::open(url);
        Subject { url: url.to_owned(), session, started, child, seen, folder }
    }

    /// A look at what has come out.
    pub fn look<T>(&self, at: impl FnOnce(&mut Seen) -> T) -> T {
        at(&mut self.seen.lock().expect("nobody panics while holding it"))
    }

    /// Waits until it holds.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Seen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.look(&mut holds) {
            let ended = self.child.try_wait().expect("the child is ours");
            assert!(ended.is_none() && Instant::now() < deadline, "{what}: {}", self.messages());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Writes a marker and gives the moment after its commit.
    pub fn mark(&self, marker: &str) -> Instant {
        self.session.run(&format!("UPDATE orders SET note = '{marker}' WHERE id = 1"));
        Instant::now()
    }

    /// Writes a marker, waits for it and gives the moment it came.
    pub fn passed(&mut self, marker: &str) -> Instant {
        self.mark(marker);
        self.until(marker, |seen| seen.markers.contains_key(marker));
        self.look(|seen| seen.markers[marker])
    }

    /// Writes markers until one comes: from then on it follows.
    pub fn live(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        for n in 0.. {
            let marker = format!("~live{n}");
            self.mark(&marker);
            std::thread::sleep(Duration::from_millis(300));
            if self.look(|seen| seen.markers.contains_key(&marker)) {
                return;
            }
            assert!(Instant::now() < deadline, "it does not follow: {}", self.messages());
        }
    }

    /// The most memory it has had, in bytes.
    pub fn peak(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or(0) * 1024
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").arg(format!("-{name}")).arg(pid).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Ends it.
    pub fn stop(mut self) {
        self.signal("TERM");
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn messages(&self) -> String {
        std::fs::read_to_string(self.folder.join("messages")).unwrap_or_default()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The note of a line when it is a marker.
fn marker(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let (_, rest) = line.split_once("\"note\":\"~")?;
    let (marker, _) = rest.split_once('"')?;
    Some(format!("~{marker}"))
}
