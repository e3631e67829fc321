//! The binary as a child: its lines folded into documents, its end and what it said.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::documents::{Changes, Documents, Id, normal};

/// What has been said of each document, in order: commits and what it became.
pub type History = BTreeMap<Id, Vec<(u64, Option<Value>)>>;

/// The variable that makes the lines tell the commit.
pub const WITH_LSN: (&str, &str) = ("FLUSSO_STDOUT_LSN", "true");

/// The variable that makes messages those for people.
pub const HUMAN: (&str, &str) = ("FLUSSO_LOG_FORMAT", "human");

/// A running `flusso run`.
pub struct Flusso {
    /// What its lines add up to.
    pub documents: Documents,
    /// Every operation since last taken, in the order of the lines.
    pub operations: Vec<(Id, Option<Value>)>,
    /// Every operation there was, with its commit, when the lines tell it: see [`WITH_LSN`].
    pub history: History,
    child: Child,
    lines: Receiver<String>,
    messages: Arc<Mutex<String>>,
    /// Takes the messages in until there can be no more.
    listener: Option<JoinHandle<()>>,
    sequence: u64,
}

/// Where the binary is: `FLUSSO_BIN`, else beside these tests.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("FLUSSO_BIN") {
        return path.into();
    }
    let here = std::env::current_exe().expect("a test knows its path");
    // Tests lie in the folder `deps`, programs beside it.
    let mut beside = here.ancestors().skip(1).take(2).map(|folder| folder.join("flusso"));
    beside.find(|path| path.exists()).expect("the binary is missing: cargo build -p flusso")
}

/// Runs a command of it to its end in a folder.
pub fn command(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary())
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("FLUSSO_LOG_FORMAT", "human")
        .output()
        .expect("the binary can be run")
}

impl Flusso {
    /// Starts it in a folder.
    pub fn start(folder: &Path, arguments: &[&str]) -> Flusso {
        Flusso::with(folder, arguments, &[HUMAN])
    }

    /// The same with these variables.
    pub fn with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Flusso {
        let mut command = Command::new(binary());
        command.args(arguments);
        Flusso::spawn(command, folder, variables)
    }

    /// Starts it where no file may grow over so many blocks of 512 bytes: a write ends in its midst
    /// there, as on a disk that is full.
    pub fn limited(folder: &Path, arguments: &[&str], blocks: u32) -> Flusso {
        let mut command = Command::new("sh");
        let limit = "trap '' XFSZ; ulimit -f $0; exec \"$@\"";
        command.args(["-c", limit, &blocks.to_string()]).arg(binary()).args(arguments);
        Flusso::spawn(command, folder, &[HUMAN])
    }

    fn spawn(mut command: Command, folder: &Path, variables: &[(&str, &str)]) -> Flusso {
        let mut child = command
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let (send, lines) = channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            // The tail that a kill has left comes again in the next life.
            while stdout.read_line(&mut line).is_ok() && line.ends_with('\n') {
                if send.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        let messages = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("stderr is piped");
        let said = Arc::clone(&messages);
        let listener = std::thread::spawn(move || {
            let mut stderr = BufReader::new(stderr);
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                said.lock().expect("nobody panics while holding it").push_str(&line);
                line.clear();
            }
        });
        let (documents, operations) = (Documents::new(), Vec::new());
        let history = History::new();
        let listener = Some(listener);
        Flusso { documents, operations, history, child, lines, messages, listener, sequence: 0 }
    }

    /// The next life of one that has ended, for a reader that has kept what it was sent.
    pub fn after(mut self, before: &mut Flusso) -> Flusso {
        self.documents = std::mem::take(&mut before.documents);
        self.history = std::mem::take(&mut before.history);
        self
    }

    /// What it has said on standard error.
    pub fn said(&self) -> String {
        self.messages.lock().expect("nobody panics while holding it").clone()
    }

    /// Where it answers over HTTP, in public and in private; waits until it says so.
    pub fn addresses(&self) -> (String, String) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let said = self.said();
            let after = |mark: &str| {
                let (_, rest) = said.split_once(mark)?;
                rest.split_whitespace().next().map(str::to_owned)
            };
            // The last of the line, so that both are whole.
            if let (Some(public), Some(private)) = (after("public="), after("private="))
                && said.contains('\n')
            {
                return (public, private);
            }
            assert!(Instant::now() < deadline, "it does not say where it answers:\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes one more line in, waiting at most so long; false when none came or it has ended.
    pub fn read(&mut self, patience: Duration) -> bool {
        match self.lines.recv_timeout(patience) {
            Ok(line) => {
                self.take(&line);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Reads until what has been folded satisfies, or panics after `patience`.
    pub fn until(&mut self, what: &str, patience: Duration, mut done: impl FnMut(&Flusso) -> bool) {
        let deadline = Instant::now() + patience;
        while !done(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            if !self.read(left.min(Duration::from_millis(100))) {
                let ended = self.ended();
                assert!(ended.is_none(), "it ended with {ended:?} before {what}:\n{}", self.said());
                assert!(!left.is_zero(), "{what} did not come; it said:\n{}", self.said());
            }
        }
    }

    /// Folds an envelope, whose keys are those of the format, in its order.
    fn take(&mut self, line: &str) {
        let envelope: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let keys = envelope.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        let keys: Vec<&str> = keys.filter(|key| *key != "lsn").collect();
        let text = |key: &str| envelope[key].as_str().unwrap_or_else(|| panic!("{key}: {line}"));
        self.sequence += 1;
        assert_eq!(envelope["seq"].as_u64(), Some(self.sequence), "{line}");
        let id = (text("index").to_owned(), text("id").to_owned());
        let document = match text("op") {
            "upsert" => {
                assert_eq!(
                    keys,
                    ["document", "id", "index", "meta", "op", "seq", "sink", "ts", "version"]
                );
                assert!(line.starts_with(r#"{"document":"#), "{line}");
                Some(normal(envelope["document"].clone()))
            }
            "delete" => {
                assert_eq!(keys, ["id", "index", "op", "seq", "sink", "ts", "version"]);
                None
            }
            other => panic!("{other} is no operation: {line}"),
        };
        match &document {
            Some(document) => self.documents.insert(id.clone(), document.clone()),
            None => self.documents.remove(&id),
        };
        if let Some(lsn) = envelope["lsn"].as_u64() {
            self.history.entry(id.clone()).or_default().push((lsn, document.clone()));
        }
        self.operations.push((id, document));
    }

    /// The operations since the last call as changes; an id that came twice is an error.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::new();
        for (id, document) in self.operations.drain(..) {
            let before = changes.insert(id.clone(), document);
            assert!(before.is_none(), "{id:?} was sent twice for one transaction");
        }
        changes
    }

    /// Its exit code when it has ended; -1 for a signal.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.child.try_wait().expect("the child is ours");
        status.map(|status| status.code().unwrap_or(-1))
    }

    /// Waits for the end, reading on, and gives the exit code.
    pub fn end(&mut self, patience: Duration) -> i32 {
        let deadline = Instant::now() + patience;
        loop {
            self.read(Duration::from_millis(20));
            if let Some(code) = self.ended() {
                while self.read(Duration::from_millis(200)) {}
                if let Some(listener) = self.listener.take() {
                    listener.join().expect("it only listens");
                }
                return code;
            }
            assert!(Instant::now() < deadline, "it did not end; it said:\n{}", self.said());
        }
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`, `STOP`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Flusso {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("flusso said:\n{}", self.said());
        }
    }
}

/// Runs it with standard output closed after the first `bytes`, and gives code and messages.
pub fn closed_early(folder: &Path, arguments: &[&str], bytes: usize) -> (i32, String) {
    let mut child = Command::new(binary())
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("FLUSSO_LOG_FORMAT", "human")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    stdout.read_exact(&mut vec![0; bytes]).expect("it writes so much");
    drop(stdout);
    let deadline = Instant::now() + Duration::from_secs(20);
    let code = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break status.code().unwrap_or(-1);
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it did not end when standard output was closed");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut said = String::new();
    let _ = child.stderr.take().expect("stderr is piped").read_to_string(&mut said);
    (code, said)
}
