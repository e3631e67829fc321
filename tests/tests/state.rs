//! The state on disk: a restart copies nothing and sends nothing again, a changed plan copies what
//! it lacks, and a folder that cannot be used is refused with the cure.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flusso_tests::database::Session;
use flusso_tests::deployment::{Deployment, PATIENCE};
use flusso_tests::dice::Dice;
use flusso_tests::docs::STDOUT;
use flusso_tests::flusso::Flusso;
use flusso_tests::server::{Server, fresh_path};
use flusso_tests::shop;

static SERVER: LazyLock<Server> =
    LazyLock::new(|| Server::postgres(&["log_statement=all", "log_line_prefix=%a|%d|"]));

const TABLES: &str = "CREATE TABLE docs (id int PRIMARY KEY, name text, note text); INSERT INTO docs VALUES (1, 'a'), (2, 'b')";
const SCHEMA: &str = "table: docs\nprimary_key: id\nfields:\n  - text: name\n";

/// The rows that a database was asked to copy since a mark: one line a command.
fn copies(database: &str, mark: &str) -> Vec<String> {
    let log = SERVER.log();
    let (_, log) = log.rsplit_once(mark).expect("the mark is logged");
    let ours = format!("flusso|{database}|LOG:");
    let lines = log.lines().filter(|line| line.starts_with(&ours) && line.contains("COPY ("));
    lines.map(str::to_owned).collect()
}

fn mark(session: &Session, mark: &str) {
    session.run(&format!("SELECT '{mark}'"));
}

/// Ends with 1, with a sentence.
fn refused(flusso: &mut Flusso) -> String {
    let code = flusso.end(PATIENCE);
    let said = flusso.said();
    assert_eq!(code, 1, "{said}");
    assert!(!said.contains("panicked") && !said.contains("defect"), "{said}");
    said
}

fn end(flusso: &mut Flusso) {
    flusso.signal("TERM");
    assert_eq!(flusso.end(PATIENCE), 0, "{}", flusso.said());
}

#[test]
fn a_restart_copies_nothing_and_sends_nothing() {
    let shop = shop::deployment(&SERVER, "rested", 1000, STDOUT);
    let mut first = shop.start(2);
    shop.expect_equal(&mut first, "at seed");
    shop.session.run("UPDATE users SET name = name || '!' WHERE id % 2 = 0");
    shop.expect_equal(&mut first, "in the first life");
    end(&mut first);
    mark(&shop.session, "rested from here");
    let mut second = shop.restart(&mut first, 1);
    shop.settle(&mut second);
    shop.quiet(&mut second);
    assert_eq!(second.operations, [], "nothing had changed");
    assert_eq!(copies("rested", "rested from here"), [""; 0]);
    end(&mut second);
    // What happens while nobody listens is all that is sent.
    shop.session.run("UPDATE orders SET status = 'while away' WHERE id = 7");
    let mut third = shop.restart(&mut second, 2);
    shop.expect_equal(&mut third, "in the third life");
    shop.follow(
        &mut third,
        "an update in the third life",
        "UPDATE users SET name = 'x' WHERE id = 3",
    );
    shop.session.run("TRUNCATE order_items");
    shop.expect_equal(&mut third, "after a truncate");
    end(&mut third);
    let mut fourth = shop.restart(&mut third, 2);
    shop.expect_equal(&mut fourth, "in the fourth life");
    assert_eq!(copies("rested", "rested from here"), [""; 0]);
}

/// Ends the writer.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn kills_under_load_lose_nothing_and_copy_nothing() {
    let shop = shop::deployment(&SERVER, "slain", 3000, STDOUT);
    let mut flusso = shop.start(2);
    shop.expect_equal(&mut flusso, "at seed");
    let seeded = flusso.documents.len();
    mark(&shop.session, "slain from here");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let session = Session::open(&shop.url);
            let mut dice = Dice::new(3);
            while !stop.load(Ordering::Relaxed) {
                let (order, user) = (1 + dice.below(3000), 1 + dice.below(50));
                session.attempt(&match dice.below(4) {
                    0 => format!("UPDATE orders SET user_id = {user} WHERE id = {order}"),
                    1 => format!("DELETE FROM order_items WHERE order_id = {order}"),
                    2 => format!("UPDATE orders SET note = 'n{user}' WHERE id = {order}"),
                    _ => format!("UPDATE addresses SET city = 'C{order}' WHERE id = {user}"),
                });
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        // The writer ends with a panic in here as well.
        let _ended = Ended(&stop);
        for life in 0..5 {
            std::thread::sleep(Duration::from_millis(400 + 150 * life));
            flusso.signal("KILL");
            flusso.end(Duration::from_secs(10));
            flusso = shop.restart(&mut flusso, 2);
            flusso.operations.clear();
            shop.settle(&mut flusso);
            let sent = flusso.operations.len();
            assert!(sent < seeded / 2, "life {life} sent {sent} of {seeded} documents again");
        }
    });
    shop.expect_equal(&mut flusso, "after five kills");
    assert_eq!(copies("slain", "slain from here"), [""; 0]);
}

#[test]
fn a_changed_plan_copies_what_it_lacks() {
    let tables = "
CREATE TABLE docs (id int PRIMARY KEY, name text, note text);
CREATE TABLE parts (id int PRIMARY KEY, doc_id int, name text);
CREATE TABLE others (id int PRIMARY KEY, name text);
INSERT INTO docs SELECT n, 'doc ' || n, 'note ' || n FROM generate_series(1, 500) n;
INSERT INTO parts SELECT n, 1 + n % 500, 'part ' || n FROM generate_series(1, 2000) n;
INSERT INTO others SELECT n, 'other ' || n FROM generate_series(1, 300) n";
    let others = "table: others\nprimary_key: id\nfields:\n  - text: name\n";
    let indexes = [("docs", SCHEMA), ("others", others)];
    let mut deployment = Deployment::new(&SERVER, "growing", tables, &indexes);
    let mut first = deployment.start(2);
    deployment.expect_equal(&mut first, "at seed");
    end(&mut first);
    // Changes of all three while nobody listens.
    deployment.session.run(
        "UPDATE docs SET name = name || '!' WHERE id < 10; UPDATE others SET name = 'x' WHERE id < 5; \
         DELETE FROM parts WHERE id % 7 = 0",
    );
    let docs = "
table: docs
primary_key: id
fields:
  - text: name
  - text: note
  - has_many: parts
    table: parts
    foreign_key: doc_id
    primary_key: id
    fields: [{ text: name }]
";
    deployment.reshape("docs", docs);
    mark(&deployment.session, "growing from here");
    let mut second = deployment.restart(&mut first, 2);
    deployment.expect_equal(&mut second, "with a wider plan");
    let sent = second.operations.iter().filter(|((index, _), _)| index == "others").count();
    assert_eq!(sent, 4, "of the index that is as it was, what changed");
    let copied = copies("growing", "growing from here");
    assert_eq!(copied.len(), 2, "{copied:#?}");
    assert!(copied.iter().all(|line| !line.contains("others")), "{copied:#?}");
    deployment.follow(&mut second, "a change after", "UPDATE parts SET name = 'y' WHERE id < 9");
    end(&mut second);
    // Back to less: what is read no more is dropped without asking Postgres.
    deployment.reshape("docs", SCHEMA);
    mark(&deployment.session, "growing back");
    let mut third = deployment.restart(&mut second, 2);
    deployment.expect_equal(&mut third, "with a narrower plan");
    assert_eq!(copies("growing", "growing back"), [""; 0]);
    deployment.follow(&mut third, "a change at last", "UPDATE docs SET name = 'z' WHERE id = 400");
}

/// Rows move between pieces, change values stored out of line, and go, while the copy is away.
#[test]
fn a_copy_that_was_killed_goes_on() {
    let tables = "
CREATE TABLE docs (id int PRIMARY KEY, n int, name text, wide text, unread text);
ALTER TABLE docs ALTER wide SET STORAGE EXTERNAL, ALTER unread SET STORAGE PLAIN;
INSERT INTO docs SELECT n, 0, md5(n::text), CASE WHEN n % 5000 = 0
    THEN repeat(md5(n::text), 200) END, repeat('x', 3900) FROM generate_series(1, 100000) n";
    let schema = "table: docs\nprimary_key: id\nfields: [{ integer: n }, { text: wide }, { keyword: name }]\n";
    let deployment = Deployment::new(&SERVER, "halved", tables, &[("docs", schema)]);
    mark(&deployment.session, "halved first");
    let mut first = deployment.start(2);
    let mut begun = 0;
    first.until("a part of the copy", PATIENCE, |_| {
        begun = copies("halved", "halved first").len();
        begun > 3
    });
    first.signal("KILL");
    first.end(PATIENCE);
    // Two sessions copy: of the pieces that were begun, all but two are on disk.
    let complete = begun - 2;
    deployment.session.run(
        "DELETE FROM docs WHERE id % 1000 = 1; \
         UPDATE docs SET n = n + 1 WHERE id % 300 = 2; \
         UPDATE docs SET wide = 'short' WHERE id % 10000 = 0; \
         INSERT INTO docs SELECT n, 5, 'new', NULL, NULL FROM generate_series(100001, 101000) n",
    );
    mark(&deployment.session, "halved then");
    let mut second = deployment.restart(&mut first, 2);
    deployment.expect_equal(&mut second, "after the copy went on");
    let rest = copies("halved", "halved then").len();
    let pieces = pieces(&first);
    assert!(rest + complete <= pieces, "{rest} of {pieces} pieces, {complete} were complete");
    deployment.follow(&mut second, "a change after", "UPDATE docs SET n = 9 WHERE id < 20");
}

/// Into how many pieces the tables were cut, as the log tells.
fn pieces(flusso: &Flusso) -> usize {
    let said = flusso.said();
    let pieces = said.split_once("pieces=").and_then(|(_, rest)| rest.split_once(' '));
    pieces.and_then(|(pieces, _)| pieces.parse().ok()).expect("the log tells it")
}

#[test]
fn one_folder_is_of_one_process() {
    let one = Deployment::new(&SERVER, "one", TABLES, &[("docs", SCHEMA)]);
    let two = Deployment::new(&SERVER, "two", TABLES, &[("docs", SCHEMA)]);
    let folder = one.folder.join("flusso-state");
    let folder = folder.to_str().expect("the path is text");
    let mut first = one.start(1);
    one.expect_equal(&mut first, "at seed");
    let said = refused(&mut two.start_with(1, &["--state-dir", folder]));
    assert!(said.contains("another flusso") && said.contains("--state-dir"), "{said}");
    end(&mut first);
    // It is free now, and of another database.
    let said = refused(&mut two.start_with(1, &["--state-dir", folder]));
    assert!(said.contains("not of this database") && said.contains("--rebuild-state"), "{said}");
    let mut second = two.start_with(1, &["--state-dir", folder, "--rebuild-state"]);
    two.expect_equal(&mut second, "with the state of another rebuilt");
}

#[test]
fn a_damaged_state_is_refused_and_rebuilt() {
    let deployment = Deployment::new(&SERVER, "damaged", TABLES, &[("docs", SCHEMA)]);
    let mut first = deployment.start(1);
    deployment.expect_equal(&mut first, "at seed");
    end(&mut first);
    let rows = deployment.folder.join("flusso-state/rows");
    let journal = std::fs::read_dir(&rows).expect("it was made");
    let journal = journal.flatten().find(|it| it.file_name().to_string_lossy().ends_with(".jnl"));
    let journal = journal.expect("there is a journal").path();
    std::fs::remove_file(&journal).expect("it is ours");
    std::fs::write(rows.join("version"), "nonsense").expect("it is ours");
    let said = refused(&mut deployment.start(1));
    assert!(said.contains("damaged") && said.contains("--rebuild-state"), "{said}");
    let mut second = deployment.start_with(1, &["--rebuild-state"]);
    deployment.expect_equal(&mut second, "after it was rebuilt");
}

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let deployment = Deployment::new(&SERVER, "cluttered", TABLES, &[("docs", SCHEMA)]);
    let said = refused(&mut deployment.start_with(1, &["--state-dir", "."]));
    assert!(said.contains("something else") && said.contains("--state-dir"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written() {
    let deployment = Deployment::new(&SERVER, "unwritable", TABLES, &[("docs", SCHEMA)]);
    let said = refused(&mut deployment.start_with(1, &["--state-dir", "/proc/flusso"]));
    assert!(said.contains("/proc/flusso") && said.contains("--state-dir none"), "{said}");
    let mut without = deployment.start_with(1, &["--state-dir", "none"]);
    deployment.expect_equal(&mut without, "without state");
    assert!(!deployment.folder.join("flusso-state").exists());
}

/// A limit on the size of files stands for the disk: the write that meets it is cut short in the
/// midst of a commit. Everything but the system's word for it is as on a full one.
#[test]
fn a_full_disk_ends_the_run_and_loses_nothing() {
    let tables = "CREATE TABLE docs (id int PRIMARY KEY, name text, note text); \
                  INSERT INTO docs SELECT n, 'doc ' || n FROM generate_series(1, 2000) n";
    let deployment = Deployment::new(&SERVER, "brimful", tables, &[("docs", SCHEMA)]);
    let mut flusso = deployment.start(2);
    deployment.expect_equal(&mut flusso, "at seed");
    end(&mut flusso);
    mark(&deployment.session, "brimful from here");
    // Opened again, the journal ends where it was written up to.
    flusso = deployment.restart(&mut flusso, 2);
    deployment.settle(&mut flusso);
    end(&mut flusso);
    let journal = deployment.folder.join("flusso-state/rows/0.jnl");
    for room in [300, 601, 1003] {
        let used = std::fs::metadata(&journal).expect("there is a journal").len().div_ceil(512);
        let mut full = deployment.start_limited(2, used as u32 + room).after(&mut flusso);
        deployment.settle(&mut full);
        let grow = format!("UPDATE docs SET name = repeat(md5('{room} ' || id), 20)");
        deployment.session.run(&grow);
        let said = refused(&mut full);
        assert!(said.contains("cannot be kept") && said.contains("make room"), "{said}");
        deployment.session.run(&format!("DELETE FROM docs WHERE id % 10 = {room} % 10"));
        flusso = deployment.restart(&mut full, 2);
        deployment.expect_equal(&mut flusso, &format!("with room after {room} blocks"));
        end(&mut flusso);
    }
    assert_eq!(copies("brimful", "brimful from here"), [""; 0]);
}

#[test]
fn a_slot_that_is_gone_or_was_moved_is_a_gap() {
    let deployment = Deployment::new(&SERVER, "gap", TABLES, &[("docs", SCHEMA)]);
    let mut first = deployment.start(1);
    deployment.expect_equal(&mut first, "at seed");
    end(&mut first);
    deployment.session.run("UPDATE docs SET name = 'missed'");
    let advance = "SELECT pg_replication_slot_advance('gap', pg_current_wal_flush_lsn())";
    // The server may take a moment to notice that nobody streams any more.
    while !deployment.session.attempt(advance) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let said = refused(&mut deployment.start(1));
    assert!(said.contains("moved") && said.contains("--rebuild-state"), "{said}");
    deployment.session.run("SELECT pg_drop_replication_slot('gap')");
    let said = refused(&mut deployment.start(1));
    assert!(said.contains("gone") && said.contains("--rebuild-state"), "{said}");
    let mut second = deployment.start_with(1, &["--rebuild-state"]);
    deployment.expect_equal(&mut second, "after it was rebuilt");
}

/// The folder is named by flag, by variable and by the file, and `fresh_path` is nobody's.
#[test]
fn the_file_names_the_folder() {
    let deployment = Deployment::new(&SERVER, "named", TABLES, &[("docs", SCHEMA)]);
    let elsewhere = fresh_path("named-state");
    deployment.edit(|text| format!("{text}\n[state]\ndir = \"{}\"\n", elsewhere.display()));
    let mut first = deployment.start(1);
    deployment.expect_equal(&mut first, "at seed");
    end(&mut first);
    assert!(elsewhere.join("format").exists() && !deployment.folder.join("flusso-state").exists());
    std::fs::remove_dir_all(&elsewhere).expect("it is ours");
}
