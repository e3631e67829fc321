//! The store as its users see it, over crashes: a copy of the folder made while it is in use is
//! what a killed process leaves.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flusso_compiler::catalog::TableName;
use flusso_compiler::plan::{Column, ColumnId, KeyPart, Plan, Table, TableId};
use flusso_compiler::types::{Class, SqlType};
use flusso_dataflow::Lsn;
use flusso_dataflow::row::{Datum, Packer, Row};
use flusso_dataflow::rows::{Changes, Rows, key_of};
use proptest::prelude::*;

use super::{
    Behind, Form, FormMember, Opening, Origin, Overlaid, Piece, Settings, Start, StateError, Store,
    Todo,
};

/// A folder of a test, gone with it.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("flusso-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Scratch(path)
    }

    fn settings(&self) -> Settings {
        Settings { folder: self.0.clone(), sync: false, rebuild: false }
    }

    fn open(&self) -> Arc<Store> {
        Arc::new(Store::open(&self.settings()).unwrap())
    }

    /// What a process that is killed now leaves.
    fn killed(&self, name: &str) -> Scratch {
        let copy = Scratch::new(name);
        copy_folder(&self.0, &copy.0);
        copy
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            // Merging may throw files away that it has replaced.
            let _ = std::fs::copy(entry.path(), to);
        }
    }
}

fn table(name: &str, columns: &[&str]) -> Table {
    let column = |name: &&str| Column { name: (*name).to_owned(), ty: SqlType::Text };
    Table {
        name: TableName { schema: "public".into(), name: name.into() },
        key: vec![KeyPart { column: ColumnId(0), class: Class::Text }],
        columns: columns.iter().map(column).collect(),
    }
}

fn plan(tables: Vec<Table>) -> Plan {
    Plan { tables, kept: Vec::new(), indexes: Vec::new() }
}

fn two() -> Plan {
    plan(vec![table("a", &["id", "n"]), table("b", &["id", "n"])])
}

fn forms(plan: &Plan) -> Vec<Form> {
    let members = vec![FormMember { relation: 1, born: false }];
    let of =
        |table| Form::of(table, members.clone(), BTreeMap::new(), String::new(), |_| String::new());
    plan.tables.iter().map(of).collect()
}

fn origin() -> Origin {
    Origin { system: "7".into(), timeline: 1, life: "1".into(), database: 5, slot: "s".into() }
}

fn begin(store: &Store, plan: &Plan, confirmed: Lsn) -> Start {
    let files = HashMap::from([(1, 1)]);
    store.begin(plan, &origin(), forms(plan), &files, Some(confirmed)).unwrap()
}

fn row(values: &[&str]) -> Row {
    let mut packer = Packer::default();
    values.iter().for_each(|value| packer.push(Datum::Text(value.as_bytes())));
    packer.finish()
}

/// What a table holds on disk.
fn held(store: &Store, table: TableId) -> Vec<Row> {
    let mut all = Vec::new();
    let count = store.load(table, |rows| {
        all.extend(rows);
        true
    });
    assert_eq!(count.unwrap(), all.len() as u64);
    all
}

/// A first copy of all tables at 100.
fn copied(scratch: &Scratch, plan: &Plan, rows: &[&[&str]]) -> Arc<Store> {
    let store = scratch.open();
    let start = begin(&store, plan, 50);
    let todo = vec![Todo::Copy; plan.tables.len()];
    assert_eq!(start, Start { watermark: None, tables: todo });
    store.snapshot(100).unwrap();
    let rows: Vec<Row> = rows.iter().map(|values| row(values)).collect();
    for at in 0..plan.tables.len() {
        store.ingest(plan, TableId(at as u16), &rows).unwrap();
    }
    store.complete(100).unwrap();
    store
}

type Model = BTreeMap<(TableId, Row), Row>;

#[derive(Clone, Debug)]
enum Op {
    Apply(Vec<(bool, u8, u8)>, bool),
    Deliver(u8),
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let changes = prop::collection::vec((any::<bool>(), 0..20u8, 0..6u8), 0..12);
    prop_oneof![
        6 => (changes, prop::bool::weighted(0.1)).prop_map(|(all, empty)| Op::Apply(all, empty)),
        4 => any::<u8>().prop_map(Op::Deliver),
        1 => Just(Op::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..Default::default() })]

    #[test]
    fn after_any_crash_the_rows_are_those_of_the_watermark(
        ops in prop::collection::vec(op(), 1..60),
    ) {
        let plan = two();
        let mut scratch = Scratch::new("model-0");
        let mut store = copied(&scratch, &plan, &[]);
        let mut behind = Behind::new(store.clone());
        let mut rows = Overlaid(behind.clone());
        let mut history = vec![(100, Model::new())];
        for (life, op) in ops.into_iter().enumerate() {
            let (at, now) = history.last().cloned().unwrap();
            match op {
                Op::Apply(all, emptied) => {
                    let mut now = now;
                    let mut changes = Changes::default();
                    if emptied {
                        changes.emptied.push(TableId(0));
                        now.retain(|(table, _), _| *table != TableId(0));
                    }
                    let all: BTreeMap<(bool, u8), u8> =
                        all.into_iter().map(|(table, key, value)| ((table, key), value)).collect();
                    for ((table, key), value) in all {
                        let table = TableId(u16::from(table));
                        let new = row(&[&key.to_string(), &value.to_string()]);
                        let key = key_of(&plan.table(table).key, &new).unwrap();
                        let new = (value > 0).then_some(new);
                        match &new {
                            Some(new) => drop(now.insert((table, key.clone()), new.clone())),
                            None => drop(now.remove(&(table, key.clone()))),
                        }
                        changes.rows.push((table, key, new));
                    }
                    rows.apply(at + 10, changes).unwrap();
                    history.push((at + 10, now.clone()));
                    for table in [TableId(0), TableId(1)] {
                        let mut found = Model::new();
                        let each = &mut |key, row| assert!(found.insert((table, key), row).is_none());
                        rows.scan(table, each).unwrap();
                        let mine = now.iter().filter(|((it, _), _)| *it == table);
                        prop_assert_eq!(&found, &mine.map(|(k, v)| (k.clone(), v.clone())).collect());
                        let keys: Vec<Row> = (0..20u8).map(|key| {
                            key_of(&plan.table(table).key, &row(&[&key.to_string()])).unwrap()
                        }).collect();
                        let got = rows.get(table, &keys).unwrap();
                        for (key, got) in keys.into_iter().zip(got) {
                            prop_assert_eq!(got.as_ref(), now.get(&(table, key)));
                        }
                    }
                }
                Op::Deliver(part) => {
                    let delivered = 100 + (at - 100) * Lsn::from(part) / 255;
                    if let Some(watermark) = behind.commit(delivered).unwrap() {
                        prop_assert!(watermark <= delivered);
                        prop_assert_eq!(store.watermark().unwrap(), Some(watermark));
                    }
                }
                Op::Crash => {
                    let left = scratch.killed(&format!("model-{}", life + 1));
                    drop((store, behind, rows));
                    scratch = left;
                    store = scratch.open();
                    let start = begin(&store, &plan, 0);
                    let watermark = start.watermark.unwrap();
                    prop_assert_eq!(start.tables, vec![Todo::Held; 2]);
                    history.retain(|(at, _)| *at <= watermark);
                    let (_, then) = history.last().unwrap();
                    let found: Vec<Row> =
                        [0, 1].into_iter().flat_map(|it| held(&store, TableId(it))).collect();
                    prop_assert_eq!(found, then.values().cloned().collect::<Vec<_>>());
                    behind = Behind::new(store.clone());
                    rows = Overlaid(behind.clone());
                    // What follows is as of the watermark, which may be past the last change.
                    let then = then.clone();
                    history.push((watermark, then));
                }
            }
        }
    }
}

/// A write that a kill or a full disk cut short at any byte, with and without the zeros of the room
/// that a journal takes ahead.
#[test]
fn a_torn_journal_is_read_up_to_the_commit_before() {
    let (scratch, plan) = (Scratch::new("torn"), two());
    drop(copied(&scratch, &plan, &[&["1", "x"]]));
    // Opened again it has no room ahead, and is quickly copied.
    let store = scratch.open();
    begin(&store, &plan, 100);
    let journal = scratch.0.join("rows/0.jnl");
    let length = || std::fs::metadata(&journal).unwrap().len() as usize;
    let behind = Behind::new(store.clone());
    let key = |key| key_of(&plan.table(TableId(0)).key, &row(&[key])).unwrap();
    let before = length();
    let rows = vec![
        (TableId(0), key("1"), Some(row(&["1", "as of the commit after"]))),
        (TableId(0), key("2"), Some(row(&["2", "y"]))),
        (TableId(1), key("1"), None),
    ];
    Overlaid(behind.clone()).apply(110, Changes { rows, ..Changes::default() }).unwrap();
    assert_eq!(behind.commit(110).unwrap(), Some(110));
    let (whole, after) = (std::fs::read(&journal).unwrap(), length());
    assert!(after > before + 100, "{before} to {after}");
    for cut in before..=after {
        for room in [0, 4096] {
            let left = scratch.killed("torn-left");
            let torn = [&whole[..cut], &vec![0; room]].concat();
            std::fs::write(left.0.join("rows/0.jnl"), torn).unwrap();
            let (watermark, found) = read(&left).unwrap();
            let expected = match cut == after {
                false => (Some(100), vec![row(&["1", "x"]); 2]),
                true => {
                    let rows = vec![row(&["1", "as of the commit after"]), row(&["2", "y"])];
                    (Some(110), rows)
                }
            };
            assert_eq!((watermark, found), expected, "cut at {cut} of {before} to {after}");
        }
    }
}

#[test]
fn reading_waits_for_what_came_before_and_never_for_itself() {
    let scratch = Scratch::new("room");
    let behind = Behind::bounded(copied(&scratch, &two(), &[]), 1);
    let change = |key: &str| Changes {
        rows: vec![(TableId(0), row(&[key]), Some(row(&[key, "too much by itself"])))],
        ..Changes::default()
    };
    let mut rows = Overlaid(behind.clone());
    rows.apply(110, change("1")).unwrap();
    let second = change("2");
    let waiting = std::thread::spawn(move || rows.apply(120, second).map(|()| rows));
    assert_eq!(behind.commit(110).unwrap(), Some(110));
    let mut rows = waiting.join().unwrap().unwrap();
    assert_eq!(behind.commit(120).unwrap(), Some(120));
    rows.apply(130, change("3")).unwrap();
    behind.end();
    assert!(rows.apply(140, change("4")).is_err(), "nobody makes room any more");
}

#[test]
fn a_plan_that_reads_less_copies_nothing() {
    let scratch = Scratch::new("less");
    let wide = plan(vec![table("a", &["id", "n", "m"]), table("b", &["id"])]);
    let store = scratch.open();
    begin(&store, &wide, 50);
    store.snapshot(100).unwrap();
    store.ingest(&wide, TableId(0), &[row(&["2", "x", "y"]), row(&["1", "v", "w"])]).unwrap();
    store.complete(100).unwrap();
    drop(store);
    let narrow = plan(vec![table("a", &["id", "m"])]);
    let store = scratch.open();
    let start = begin(&store, &narrow, 100);
    assert_eq!(start, Start { watermark: Some(100), tables: vec![Todo::Held] });
    assert_eq!(held(&store, TableId(0)), [row(&["1", "w"]), row(&["2", "y"])]);
}

#[test]
fn a_plan_that_reads_more_copies_that_table_alone() {
    let scratch = Scratch::new("more");
    let store = copied(&scratch, &two(), &[&["1", "x"]]);
    drop(store);
    let more = plan(vec![table("b", &["id", "n"]), table("a", &["id", "n", "m"])]);
    let store = scratch.open();
    let start = begin(&store, &more, 100);
    assert_eq!(start, Start { watermark: Some(100), tables: vec![Todo::Held, Todo::Copy] });
    assert_eq!(held(&store, TableId(0)), [row(&["1", "x"])]);
    store.snapshot(300).unwrap();
    store.ingest(&more, TableId(1), &[row(&["1", "x", "y"])]).unwrap();
    let opening = store.complete(300).unwrap();
    // The other goes on from the watermark; changes of the new one up to its copy are in it.
    assert_eq!(opening, Opening { at: 100, whole: 300, from: vec![100, 300] });
    drop(store);
    let store = scratch.open();
    assert_eq!(begin(&store, &more, 100).tables, [Todo::Held, Todo::Held]);
    assert_eq!(store.resume(100), opening);
    assert_eq!(store.exact(TableId(1)), 300);
}

#[test]
fn a_copy_that_was_cut_short_goes_on() {
    let scratch = Scratch::new("pieces");
    let (plan, a, b) = (two(), TableId(0), TableId(1));
    let piece = |first, end| Piece { relation: 1, file: 1, first, end };
    let pieces = vec![piece(0, Some(10)), piece(10, None)];
    let store = scratch.open();
    begin(&store, &plan, 50);
    store.cut(a, pieces.clone()).unwrap();
    store.cut(b, pieces.clone()).unwrap();
    store.snapshot(100).unwrap();
    store.ingest(&plan, a, &[row(&["1", "x"])]).unwrap();
    store.copied(a, 0).unwrap();
    let left = scratch.killed("pieces-left");
    drop(store);
    let store = left.open();
    let rest = Todo::Resume(vec![(1, pieces[1].clone())]);
    assert_eq!(begin(&store, &plan, 50).tables, [rest, Todo::Copy]);
    store.cut(b, pieces.clone()).unwrap();
    store.snapshot(200).unwrap();
    store.ingest(&plan, a, &[row(&["2", "y"])]).unwrap();
    let opening = store.complete(200).unwrap();
    assert_eq!(opening, Opening { at: 100, whole: 200, from: vec![100, 200] });
    assert_eq!(held(&store, a), [row(&["1", "x"]), row(&["2", "y"])]);
    drop(store);
    // A slot that was made anew, or moved, has not all changes since the first snapshot.
    let store = scratch.open();
    assert_eq!(begin(&store, &plan, 150).tables, [Todo::Copy, Todo::Copy]);
}

#[test]
fn a_rewritten_table_is_not_resumed() {
    let scratch = Scratch::new("rewritten");
    let (plan, a) = (two(), TableId(0));
    let store = scratch.open();
    begin(&store, &plan, 50);
    store.cut(a, vec![Piece { relation: 1, file: 1, first: 0, end: None }; 2]).unwrap();
    store.snapshot(100).unwrap();
    store.copied(a, 0).unwrap();
    let files = HashMap::from([(1, 2)]);
    let start = store.begin(&plan, &origin(), forms(&plan), &files, Some(50)).unwrap();
    assert_eq!(start.tables, [Todo::Copy, Todo::Copy]);
}

#[test]
fn a_doubted_table_is_copied_again() {
    let scratch = Scratch::new("doubt");
    let store = copied(&scratch, &two(), &[&["1", "x"]]);
    store.doubt(TableId(1)).unwrap();
    drop(store);
    let store = scratch.open();
    assert_eq!(begin(&store, &two(), 100).tables, [Todo::Held, Todo::Copy]);
}

#[test]
fn a_state_of_another_database_is_refused() {
    let scratch = Scratch::new("elsewhere");
    let store = copied(&scratch, &two(), &[]);
    for other in [
        Origin { system: "8".into(), ..origin() },
        Origin { database: 6, ..origin() },
        Origin { slot: "t".into(), ..origin() },
    ] {
        let error = store.check(&other).unwrap_err();
        assert!(matches!(error, StateError::Elsewhere { .. }), "{error}");
    }
    store.check(&origin()).unwrap();
}

#[test]
fn a_rebuilt_state_is_another() {
    let scratch = Scratch::new("rebuilt");
    let store = copied(&scratch, &two(), &[]);
    let id = store.id();
    drop(store);
    assert_eq!(scratch.open().id(), id);
    let store = Store::open(&Settings { rebuild: true, ..scratch.settings() }).unwrap();
    assert_ne!(store.id(), id);
    assert_eq!(store.watermark().unwrap(), None);
}

/// Every file in turn with one byte changed: refused, or nothing of it is wrong.
#[test]
fn damage_is_found_before_it_is_believed() {
    let scratch = Scratch::new("damage");
    let rows: Vec<Vec<String>> = (0..2000).map(|n| vec![n.to_string(), "x".repeat(50)]).collect();
    let rows: Vec<Vec<&str>> =
        rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let store = copied(&scratch, &two(), &rows);
    let whole = [held(&store, TableId(0)), held(&store, TableId(1))].concat();
    drop(store);
    let mut files = Vec::new();
    list(&scratch.0.join("rows"), &mut files);
    let (mut refused, mut tried) = (0, 0);
    for file in &files {
        let file = file.strip_prefix(&scratch.0).unwrap();
        let length = std::fs::metadata(scratch.0.join(file)).unwrap().len() as usize;
        let places = [0, length / 3, length / 2, length.saturating_sub(5)];
        for at in places.into_iter().filter(|at| *at < length) {
            let copy = scratch.killed("damage-copy");
            let mut bytes = std::fs::read(copy.0.join(file)).unwrap();
            bytes[at] ^= 0x55;
            std::fs::write(copy.0.join(file), &bytes).unwrap();
            tried += 1;
            match read(&copy) {
                Ok((watermark, found)) => {
                    assert_eq!(watermark, Some(100), "{} at {at}", file.display());
                    assert!(found == whole, "{} at {at} is believed", file.display());
                }
                Err(error) => {
                    assert!(error.to_string().contains("--rebuild-state"), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused * 3 > tried, "{refused} of {tried} were refused");
}

fn read(scratch: &Scratch) -> Result<(Option<Lsn>, Vec<Row>), StateError> {
    let store = Store::open(&scratch.settings())?;
    store.begin(&two(), &origin(), forms(&two()), &HashMap::new(), Some(100))?;
    let mut found = Vec::new();
    for table in [TableId(0), TableId(1)] {
        store.load(table, |rows| {
            found.extend(rows);
            true
        })?;
    }
    Ok((store.watermark()?, found))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}
