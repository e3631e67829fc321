//! What is written is found by searches within the refresh interval.
//!
//! By itself a server begins a refresh an interval after the last one has *ended*: a change that
//! just misses one waits for the interval and for two refreshes. Here the oldest write is watched
//! that no refresh asked for from here has shown, and before it is an interval old, by as much as
//! refreshes lately took, one is asked for.
//!
//! ```text
//!  written ─────────────────────── interval ───────────────────────► found
//!                                                   ├─ ahead ─┤
//!                                              _refresh
//! ```
//!
//! Nobody says when the server has refreshed an index in between; it has little left to do then.
//! An index is asked for at most one refresh in three quarters of the interval.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::sync::mpsc;

use super::client::Client;
use super::errors::Whole;

/// How long a change may have been on its way before it is written.
const BEFORE: Duration = Duration::from_millis(10);
/// What a refresh may take as long as none has been seen.
const USUAL: Duration = Duration::from_millis(40);

/// Told of what is written, asks for refreshes in a task of its own. That ends with the last of
/// those who tell it.
#[derive(Clone, Debug)]
pub struct Fresh(mpsc::UnboundedSender<(String, Instant)>);

impl Fresh {
    /// With the interval as the server is given it. None when that is not a time: nothing is
    /// refreshed by itself then, or the server refuses the setting.
    pub fn start(client: Arc<Client>, interval: &str) -> Option<Fresh> {
        let interval = interval_of(interval).filter(|interval| !interval.is_zero())?;
        let (told, written) = mpsc::unbounded_channel();
        tokio::spawn(ask(client, Dues::new(interval), written));
        Some(Fresh(told))
    }

    /// Something came to be written to an index at this time, and now is.
    pub fn wrote(&self, index: &str, at: Instant) {
        // Nobody hears it once a server has refused to refresh.
        let _ = self.0.send((index.to_owned(), at));
    }
}

async fn ask(
    client: Arc<Client>,
    mut dues: Dues,
    mut written: mpsc::UnboundedReceiver<(String, Instant)>,
) {
    loop {
        let next = dues.next();
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What a refresh is going to show is counted as shown.
            biased;
            told = written.recv() => match told {
                Some((index, at)) => dues.wrote(index, at),
                None => return,
            },
            () = due => {
                let began = Instant::now();
                let indexes = dues.take(began);
                let answers = join_all(indexes.iter().map(|index| refresh(&client, index))).await;
                dues.took(began.elapsed());
                if answers.contains(&Answered::Never) {
                    return;
                }
            }
        }
    }
}

/// How a server takes being asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    /// It has refreshed, or may another time: its own refresh comes anyway.
    Taken,
    /// It does not know the call, or does not allow it.
    Never,
}

async fn refresh(client: &Client, index: &str) -> Answered {
    let path = format!("{index}/_refresh");
    let Ok(answer) = client.send(Method::POST, &path, None).await else { return Answered::Taken };
    match answer.whole() {
        Whole::Refused | Whole::Unclear if answer.status < 500 => {
            let words = answer.words();
            if words.starts_with("index_not_found_exception") {
                return Answered::Taken;
            }
            tracing::info!(sink = client.sink(), "refreshes are left to the server: {words}");
            Answered::Never
        }
        Whole::Accepted | Whole::Wait(_) | Whole::TooLarge | Whole::Refused | Whole::Unclear => {
            Answered::Taken
        }
    }
}

/// When which index is to be refreshed.
struct Dues {
    interval: Duration,
    /// The longest refresh, forgotten little by little.
    longest: Duration,
    indexes: HashMap<String, Due>,
}

#[derive(Default)]
struct Due {
    /// What no refresh has shown.
    oldest: Option<Instant>,
    /// The last refresh.
    asked: Option<Instant>,
}

impl Dues {
    fn new(interval: Duration) -> Dues {
        Dues { interval, longest: USUAL, indexes: HashMap::new() }
    }

    /// From a write, or the last refresh, to the next.
    fn pause(&self) -> Duration {
        self.interval - (BEFORE + self.longest).min(self.interval / 4)
    }

    fn wrote(&mut self, index: String, at: Instant) {
        let oldest = &mut self.indexes.entry(index).or_default().oldest;
        *oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
    }

    fn next(&self) -> Option<Instant> {
        let pause = self.pause();
        self.indexes.values().filter_map(|index| index.at(pause)).min()
    }

    /// Those whose time has come.
    fn take(&mut self, now: Instant) -> Vec<String> {
        let pause = self.pause();
        // One that was asked for so long ago that it does not matter is forgotten.
        let matters = |asked: Instant| now < asked + pause;
        self.indexes.retain(|_, it| it.oldest.is_some() || it.asked.is_some_and(matters));
        let due = |index: &Due| index.at(pause).is_some_and(|at| at <= now);
        let due = self.indexes.iter_mut().filter(|(_, index)| due(index));
        due.map(|(name, index)| {
            *index = Due { oldest: None, asked: Some(now) };
            name.clone()
        })
        .collect()
    }

    fn took(&mut self, time: Duration) {
        self.longest = time.max(self.longest * 7 / 8);
    }
}

impl Due {
    fn at(&self, pause: Duration) -> Option<Instant> {
        self.oldest.map(|at| self.asked.map_or(at, |asked| asked.max(at)) + pause)
    }
}

/// A time as OpenSearch writes it, like `10s` or `500ms`.
fn interval_of(text: &str) -> Option<Duration> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u32 = text[..text.len() - unit.len()].parse().ok()?;
    let unit = match unit {
        "nanos" => Duration::from_nanos(1),
        "micros" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(24 * 3600),
        _ => return None,
    };
    unit.checked_mul(number)
}

#[cfg(test)]
mod tests {
    use flusso_compiler::files::cluster::{Auth, Cluster};
    use flusso_compiler::files::config::{OpenSearch as Options, Secret};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MILLI: Duration = Duration::from_millis(1);

    /// Answers each request so, in turn, and gives the first line of each.
    async fn server(answers: Vec<&'static str>) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let mut lines = Vec::new();
            for answer in answers {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    assert!(stream.read_line(&mut head).await.unwrap() > 0, "{head}");
                }
                lines.extend(head.lines().next().map(str::to_owned));
                let close = "connection: close\r\ncontent-length:";
                let (status, body) = answer.split_once(' ').unwrap();
                let answer = format!("HTTP/1.1 {status} x\r\n{close} {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            lines
        });
        (url, asked)
    }

    #[tokio::test]
    async fn a_server_that_does_not_refresh_is_left_alone() {
        let gone = r#"404 {"error":{"type":"index_not_found_exception","reason":"no such index"}}"#;
        let busy = r#"429 {"error":{"type":"circuit_breaking_exception","reason":"too much"}}"#;
        let never = r#"400 {"error":{"type":"illegal_argument","reason":"no such call"}}"#;
        let (url, asked) = server(vec!["200 {}", gone, busy, never]).await;
        let options = Options::at(Secret::Value(String::new()));
        let cluster = Cluster { url, auth: Auth::Open };
        let client = Arc::new(Client::new("primary", &options, cluster).unwrap());
        let fresh = Fresh::start(client, "20ms").unwrap();
        while !fresh.0.is_closed() {
            fresh.wrote("users_1", Instant::now());
            tokio::time::sleep(MILLI).await;
        }
        assert_eq!(asked.await.unwrap(), ["POST /users_1/_refresh HTTP/1.1"; 4]);
    }

    #[tokio::test]
    async fn where_refreshes_are_not_timed_none_is_asked_for() {
        let options = Options::at(Secret::Value(String::new()));
        let cluster = Cluster { url: "http://127.0.0.1:1".into(), auth: Auth::Open };
        let client = Arc::new(Client::new("primary", &options, cluster).unwrap());
        for interval in ["-1", "0s", "banana"] {
            assert!(Fresh::start(client.clone(), interval).is_none(), "{interval}");
        }
    }

    #[test]
    fn an_index_is_refreshed_before_its_oldest_write_is_an_interval_old() {
        let start = Instant::now();
        let mut dues = Dues::new(SECOND);
        assert_eq!(dues.next(), None);
        dues.wrote("a".into(), start);
        dues.wrote("a".into(), start + 300 * MILLI);
        dues.wrote("b".into(), start + 200 * MILLI);
        let due = start + SECOND - BEFORE - USUAL;
        assert_eq!(dues.next(), Some(due));
        assert!(dues.take(due - MILLI).is_empty());
        assert_eq!(dues.take(due), ["a"]);
        assert_eq!(dues.next(), Some(due + 200 * MILLI));
        // Begun before the refresh was asked for, and there only afterwards.
        dues.wrote("a".into(), due - MILLI);
        assert_eq!(dues.take(due + 200 * MILLI), ["b"]);
        assert_eq!(dues.next(), Some(due + SECOND - BEFORE - USUAL), "no two within the time");
    }

    #[test]
    fn slow_refreshes_are_asked_for_sooner_but_not_much() {
        let start = Instant::now();
        let mut dues = Dues::new(SECOND);
        dues.wrote("a".into(), start);
        for (took, ahead) in [(100, 110), (3000, 250), (0, 250)] {
            dues.took(took * MILLI);
            assert_eq!(dues.next(), Some(start + SECOND - ahead * MILLI), "{took}");
        }
        for _ in 0..100 {
            dues.took(MILLI);
        }
        assert_eq!(dues.pause(), SECOND - BEFORE - MILLI);
    }

    #[test]
    fn what_is_no_longer_written_is_forgotten() {
        let start = Instant::now();
        let mut dues = Dues::new(SECOND);
        dues.wrote("old".into(), start);
        dues.take(start + SECOND);
        dues.wrote("new".into(), start + 10 * SECOND);
        assert_eq!(dues.take(start + 20 * SECOND), ["new"], "however late");
        assert_eq!(dues.indexes.len(), 1);
    }

    #[test]
    fn intervals_are_those_of_the_server() {
        for (text, millis) in [("10s", 10_000), ("500ms", 500), ("2m", 120_000), ("0ms", 0)] {
            assert_eq!(interval_of(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["-1", "", "s", "5", "1.5s", "10 s", "10S", "banana", "99999999999d"] {
            assert_eq!(interval_of(text), None, "{text}");
        }
    }
}
