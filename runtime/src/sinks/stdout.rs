//! Documents as lines on standard output.
//!
//! Each operation is one JSON object whose keys stand in alphabetical order. The document goes in
//! as its own bytes, not read again: it is our own JSON without line breaks, so a line costs
//! little more than copying it. A batch is one write and one flush on a blocking thread; a reader
//! that goes away ends the run quietly, as it does for any other program in a pipe.

use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use flusso_compiler::plan::IndexId;
use flusso_dataflow::emit::Document;

use super::{SinkError, Target, Written};
use crate::failpoint;
use crate::instant::timestamp;

/// Standard output, or what stands in for it.
pub struct Stdout {
    name: String,
    pretty: bool,
    /// Number of the last line.
    seq: AtomicU64,
    targets: HashMap<IndexId, Target>,
    out: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl std::fmt::Debug for Stdout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stdout({}, pretty: {}, seq: {:?})", self.name, self.pretty, self.seq)
    }
}

impl Stdout {
    /// The process's standard output. `pretty`: several indented lines a document.
    pub fn new(name: &str, pretty: bool) -> Stdout {
        Stdout::to(name, pretty, Box::new(std::io::stdout()))
    }

    /// The same lines somewhere else.
    pub fn to(name: &str, pretty: bool, out: Box<dyn Write + Send>) -> Stdout {
        let out = Arc::new(Mutex::new(out));
        Stdout {
            name: name.to_owned(),
            pretty,
            seq: AtomicU64::new(0),
            targets: HashMap::new(),
            out,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn prepare(&mut self, targets: &[Target]) {
        self.targets = targets.iter().map(|target| (target.index, target.clone())).collect();
    }

    pub(super) async fn write(&self, batch: &[Document]) -> Result<Written, SinkError> {
        if batch.is_empty() {
            return Ok(Written::default());
        }
        let mut text = Vec::with_capacity(
            batch.iter().map(|d| 192 + d.body.as_ref().map_or(0, |body| body.len())).sum(),
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ts = timestamp(now);
        for document in batch {
            let Some(target) = self.targets.get(&document.index) else {
                let index = document.index.0;
                return Err(SinkError::Unprepared { sink: self.name.clone(), index });
            };
            let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
            let start = text.len();
            line(&mut text, document, target, seq, &ts);
            if self.pretty {
                indent(&mut text, start)?;
            }
            text.push(b'\n');
        }
        let written = Written {
            delivered: batch.len() as u64,
            bytes: text.len() as u64,
            ..Written::default()
        };
        self.blocking(move |out| out.write_all(&text).and_then(|()| out.flush())).await?;
        Ok(written)
    }

    /// Every batch was flushed; this reports to nobody.
    pub(super) async fn close(&mut self) {
        if let Err(error) = self.blocking(|out| out.flush()).await {
            tracing::debug!("closing: {error}");
        }
    }

    async fn blocking(
        &self,
        work: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), SinkError> {
        let out = Arc::clone(&self.out);
        let done = tokio::task::spawn_blocking(move || {
            work(out.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
        });
        match done.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Err(SinkError::Closed),
            Ok(Err(error)) => Err(SinkError::Output { reason: error.to_string() }),
            Err(error) => Err(SinkError::Output { reason: error.to_string() }),
        }
    }
}

/// One operation without its line end.
fn line(text: &mut Vec<u8>, document: &Document, target: &Target, seq: u64, ts: &str) {
    text.push(b'{');
    if let Some(body) = &document.body {
        text.extend_from_slice(b"\"document\":");
        text.extend_from_slice(body);
        text.push(b',');
    }
    text.extend_from_slice(b"\"id\":");
    super::opensearch::bulk::quote(text, &document.id);
    text.extend_from_slice(b",\"index\":\"");
    text.extend_from_slice(target.name.as_bytes());
    text.push(b'"');
    if failpoint::shows_lsn() {
        text.extend_from_slice(format!(",\"lsn\":{}", document.at).as_bytes());
    }
    let op = match &document.body {
        Some(body) => {
            text.extend_from_slice(b",\"meta\":{\"bytes\":");
            text.extend_from_slice(body.len().to_string().as_bytes());
            text.extend_from_slice(b",\"fields\":");
            text.extend_from_slice(target.fields.to_string().as_bytes());
            text.push(b'}');
            "upsert"
        }
        None => "delete",
    };
    text.extend_from_slice(b",\"op\":\"");
    text.extend_from_slice(op.as_bytes());
    text.extend_from_slice(b"\",\"seq\":");
    text.extend_from_slice(seq.to_string().as_bytes());
    text.extend_from_slice(b",\"sink\":\"stdout\",\"ts\":\"");
    text.extend_from_slice(ts.as_bytes());
    text.extend_from_slice(b"\",\"version\":\"");
    text.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
    text.extend_from_slice(b"\"}");
}

/// Rewrites the line from `start` on as several indented lines.
fn indent(text: &mut Vec<u8>, start: usize) -> Result<(), SinkError> {
    let wrong = |error: serde_json::Error| SinkError::Output { reason: error.to_string() };
    let value: serde_json::Value = serde_json::from_slice(&text[start..]).map_err(wrong)?;
    text.truncate(start);
    serde_json::to_writer_pretty(text, &value).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use flusso_compiler::files::config::OnError;

    fn document(id: &str, body: Option<&str>) -> Document {
        let body = body.map(|b| b.as_bytes().into());
        Document { index: IndexId(0), id: id.into(), at: 7, body, fill: None }
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn users() -> Target {
        Target {
            index: IndexId(0),
            name: "users".into(),
            hash: "0123abcd".into(),
            body: serde_json::Value::Null,
            fields: 2,
            on_error: OnError::Stop,
            token: None,
        }
    }

    fn prepared(pretty: bool, out: Box<dyn Write + Send>) -> Stdout {
        let mut sink = Stdout::to("out", pretty, out);
        sink.prepare(&[users()]);
        sink
    }

    #[test]
    fn the_envelope_byte_for_byte() {
        let ts = timestamp(Duration::from_millis(1_709_251_199_042));
        let mut text = Vec::new();
        line(&mut text, &document("a\"b", Some(r#"{"n":1.50,"o":{"x":"}"}}"#)), &users(), 1, &ts);
        text.push(b'\n');
        line(&mut text, &document("2", None), &users(), 2, &ts);
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "{}{version}\"}}\n{}{version}\"}}",
            r#"{"document":{"n":1.50,"o":{"x":"}"}},"id":"a\"b","index":"users","meta":{"bytes":24,"fields":2},"op":"upsert","seq":1,"sink":"stdout","ts":"2024-02-29T23:59:59.042Z","version":""#,
            r#"{"id":"2","index":"users","op":"delete","seq":2,"sink":"stdout","ts":"2024-02-29T23:59:59.042Z","version":""#,
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[tokio::test]
    async fn lines_are_numbered_across_batches_and_pretty_ones_are_indented() {
        let shared = Shared::default();
        let sink = prepared(false, Box::new(shared.clone()));
        sink.write(&[document("1", Some("{}")), document("2", None)]).await.unwrap();
        let written = sink.write(&[document("3", None)]).await.unwrap();
        assert_eq!(written.delivered, 1);
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().nth(2).unwrap().contains("\"seq\":3,"), "{text}");

        let shared = Shared::default();
        let sink = prepared(true, Box::new(shared.clone()));
        sink.write(&[document("1", Some(r#"{"n":1.50}"#))]).await.unwrap();
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert!(
            text.starts_with("{\n  \"document\": {\n    \"n\": 1.50\n  },\n  \"id\""),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_reader_that_left_is_no_fault() {
        let sink = prepared(false, Box::new(Gone));
        let error = sink.write(&[document("1", None)]).await.unwrap_err();
        assert_eq!(error, SinkError::Closed);
    }
}
