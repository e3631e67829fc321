//! Every sentence about a source that cannot be followed, as its reader sees it: what happened
//! and what to do.

// Whatever goes wrong in here is a failed test.
#![allow(clippy::unwrap_used)]

use flusso_compiler::catalog::TableName;
use flusso_runtime::postgres::CaptureError;
use flusso_runtime::postgres::changed::{Changed, PublicationChanged};
use flusso_runtime::postgres::error::{Gap, ServerMessage};
use flusso_runtime::postgres::preflight::Problem;
use flusso_runtime::postgres::progress::Retention;

fn changed() -> Vec<Changed> {
    let text = |text: &str| text.to_owned();
    let column = || text("name");
    let member = || text(r#""public"."users_2024""#);
    vec![
        Changed::Dropped,
        Changed::Renamed { to: text("people") },
        Changed::Remade,
        Changed::ColumnDropped { column: column() },
        Changed::ColumnRenamed { column: column(), to: text("full_name") },
        Changed::ColumnRemade { column: column() },
        Changed::ColumnRetyped { column: column() },
        Changed::Rewritten { column: column() },
        Changed::Relabelled { label: text("ok") },
        Changed::NewLabel { label: text("good") },
        Changed::Key,
        Changed::Identity { member: member() },
        Changed::Attached { member: member() },
        Changed::Detached { member: member() },
        Changed::Emptied { member: member() },
        Changed::Unpublished,
        Changed::Republished,
    ]
}

fn gaps() -> Vec<Gap> {
    let slot = || "flusso".to_owned();
    let said = |code: &str, message: &str| ServerMessage {
        code: code.to_owned(),
        message: message.to_owned(),
        ..ServerMessage::default()
    };
    let lost = |why: Option<&str>, limit, idle| Gap::SlotLost {
        slot: slot(),
        why: why.map(str::to_owned),
        limit,
        idle,
    };
    vec![
        Gap::SlotDropped { slot: slot() },
        lost(None, Some(4 << 30), None),
        lost(Some("wal_removed"), Some(4 << 30), None),
        lost(Some("idle_timeout"), None, Some(60)),
        lost(Some("rows_removed"), None, None),
        Gap::SlotMoved { slot: slot() },
        Gap::OtherServer,
        Gap::BackInTime,
        Gap::Timeline { now: 2, left: "0/3000060".to_owned(), read: "0/3000148".to_owned() },
        Gap::LeftOut(said("01000", "skipped loading publication \"flusso\"")),
        Gap::Refused(said("42704", "publication \"flusso\" does not exist")),
    ]
}

fn problems() -> Vec<Problem> {
    let table = || TableName { schema: "public".to_owned(), name: "users".to_owned() };
    let publication = || "flusso".to_owned();
    let cure = r#"ALTER PUBLICATION "flusso" ADD TABLE "public"."users";"#;
    vec![
        Problem::Version(13),
        Problem::WalLevel("replica".to_owned()),
        Problem::NoReplicationRight("reader".to_owned()),
        Problem::NoRoom { setting: "max_replication_slots", limit: 10, needed: 2 },
        Problem::NoTable(table()),
        Problem::NotReplicable { table: table(), is: "a view" },
        Problem::NoKey(table()),
        Problem::Identity { table: "public.users".to_owned() },
        Problem::NoSelect(table()),
        Problem::RowSecurity(table()),
        Problem::Generated { table: table(), column: "total".to_owned() },
        Problem::Filtered { publication: publication(), table: table() },
        Problem::Unpublished {
            publication: publication(),
            tables: vec![table()],
            because: Vec::new(),
            cure: cure.to_owned(),
        },
        Problem::Unpublished {
            publication: publication(),
            tables: vec![table()],
            because: vec!["this role does not own table users".to_owned()],
            cure: cure.to_owned(),
        },
        Problem::Operations { publication: publication() },
    ]
}

fn others() -> Vec<CaptureError> {
    let server = |code: &str, message: &str| CaptureError::Server {
        during: "streaming",
        said: ServerMessage {
            code: code.to_owned(),
            message: message.to_owned(),
            ..ServerMessage::default()
        },
    };
    let publication = |how| CaptureError::Publication { publication: "flusso".to_owned(), how };
    let slot = "flusso".to_owned();
    vec![
        publication(PublicationChanged::Dropped),
        publication(PublicationChanged::Altered),
        publication(PublicationChanged::Operations),
        CaptureError::SlotBusy { slot, holder: "process 4711 (flusso)".to_owned() },
        CaptureError::Blocked { by: vec!["prepared transaction 'x' of me".to_owned()] },
        server("28P01", "password authentication failed for user \"reader\""),
        server("3D000", "database \"shop\" does not exist"),
        server("42501", "must be superuser or replication role to use replication slots"),
        server("53100", "could not write to data file for XID 747: No space left on device"),
        server("53300", "sorry, too many clients already"),
        server("53400", "all replication slots are in use"),
        server("57P03", "the database system is starting up"),
        CaptureError::Lost { during: "streaming", cause: "the server closed it".to_owned() },
    ]
}

#[test]
fn every_sentence_says_what_to_do() {
    let mut said = Vec::new();
    for how in changed() {
        said.push(CaptureError::Changed { table: "users".to_owned(), how }.to_string());
    }
    said.extend(gaps().into_iter().map(|gap| CaptureError::Gap(gap).to_string()));
    said.push(CaptureError::Problems(problems()).to_string());
    said.extend(others().iter().map(ToString::to_string));
    let retention =
        Retention { held: Some(3500 << 20), left: Some(596 << 20), limit: Some(4 << 30) };
    said.push(retention.sentence("flusso"));
    let said = said.join("\n\n") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sentences.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(path).unwrap());
}
