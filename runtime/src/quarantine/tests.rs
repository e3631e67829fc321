//! What comes, what goes, and what a file still knows after a crash.

use std::sync::Arc;

use super::*;

/// The indexes are `users` and `orders`.
fn name(index: IndexId) -> &'static str {
    ["users", "orders"][usize::from(index.0)]
}

fn rejected(id: &str, at: Lsn) -> Rejection {
    let (field, reason) = (Some("n".to_owned()), "no number".to_owned());
    Rejection { index: IndexId(0), id: id.into(), at, field, reason }
}

fn document(index: u16, id: &str) -> Document {
    Document { index: IndexId(index), id: id.into(), at: 30, body: None, fill: None }
}

fn kept_in(path: &Path) -> Quarantine {
    let quarantine = Quarantine::default();
    quarantine.keep_in(path).unwrap();
    quarantine
}

/// A file of its own in a folder of its own.
fn path(test: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("flusso-quarantine-{}-{test}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("quarantine.jsonl")
}

fn ids(quarantine: &Quarantine) -> Vec<(String, String, u64)> {
    let listed = quarantine.list(None, None).into_iter();
    listed.map(|it| (it.key.sink, it.key.id, it.times)).collect()
}

#[test]
fn a_document_stays_until_the_sink_takes_it() {
    let path = path("stays");
    let quarantine = kept_in(&path);
    quarantine.settle("a", name, &[], &[rejected("1", 10), rejected("2", 10)]).unwrap();
    quarantine.settle("b", name, &[], &[rejected("1", 10)]).unwrap();
    let batch = [document(0, "1"), document(0, "3"), document(1, "2")];
    quarantine.settle("a", name, &batch, &[rejected("1", 20)]).unwrap();
    let kept = [("a", "1", 2), ("a", "2", 1), ("b", "1", 1)];
    let kept: Vec<_> = kept.map(|(sink, id, n)| (sink.to_owned(), id.to_owned(), n)).into();
    assert_eq!(ids(&quarantine), kept);
    assert_eq!((quarantine.count("users"), quarantine.count("orders")), (3, 0));
    assert_eq!(quarantine.list(Some("users"), Some("1"))[0].at, 20);

    let again = kept_in(&path);
    assert_eq!(ids(&again), kept);
    again.settle("a", name, &[document(0, "1"), document(1, "2")], &[]).unwrap();
    assert_eq!(ids(&again), kept[1..]);
    assert_eq!(ids(&kept_in(&path)), kept[1..]);
}

#[test]
fn a_fill_drops_what_it_did_not_reject_again() {
    let path = path("fill");
    let before = kept_in(&path);
    let both = [rejected("1", 10), rejected("2", 10)];
    before.settle("a", name, &[], &both).unwrap();
    before.settle("b", name, &[], &both).unwrap();
    let after = kept_in(&path);
    after.settle("a", name, &[], &both[..1]).unwrap();
    after.filled("a", "orders").unwrap();
    assert_eq!(after.count("users"), 4);
    after.filled("a", "users").unwrap();
    assert_eq!(after.count("users"), 3);
    assert_eq!(ids(&kept_in(&path)), ids(&after));
}

#[test]
fn a_torn_line_is_cut_off_and_a_wrong_one_is_an_error() {
    let path = path("torn");
    let quarantine = kept_in(&path);
    quarantine.settle("a", name, &[], &[rejected("1", 10)]).unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"put\":{{\"sink\":")).unwrap();
    let again = kept_in(&path);
    again.settle("a", name, &[], &[rejected("2", 10)]).unwrap();
    assert_eq!(kept_in(&path).count("users"), 2);
    std::fs::write(&path, format!("{whole}what\n")).unwrap();
    let error = Quarantine::default().keep_in(&path).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn a_file_of_much_coming_and_going_stays_small() {
    let path = path("small");
    let quarantine = kept_in(&path);
    for at in 0..1500 {
        quarantine.settle("a", name, &[], &[rejected("1", at)]).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap().lines().count() <= 1002);
    let again = kept_in(&path);
    assert_eq!(again.list(None, None), quarantine.list(None, None));
    assert_eq!(again.list(None, None)[0].times, 1500);
}

#[test]
fn without_a_file_it_lasts_as_long_as_the_process() {
    let quarantine = Quarantine::default();
    quarantine.settle("a", name, &[], &[rejected("1", 10)]).unwrap();
    assert_eq!(quarantine.count("users"), 1);
    quarantine.settle("a", name, &[document(0, "1")], &[]).unwrap();
    assert_eq!(quarantine.count("users"), 0);
}

#[test]
fn another_try_asks_for_each_document_once() {
    let quarantine = Quarantine::default();
    let both = [rejected("1", 10), rejected("2", 10)];
    quarantine.settle("a", name, &[], &both).unwrap();
    quarantine.settle("b", name, &[], &both[..1]).unwrap();
    assert_eq!(quarantine.retry(None, None), None, "nothing can be sent yet");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&asked);
    quarantine.attach(move |index, ids| to.lock().unwrap().push((index.to_owned(), ids)));
    assert_eq!(quarantine.retry(None, None), Some(2));
    assert_eq!(quarantine.retry(Some("users"), Some("2")), Some(1));
    assert_eq!(quarantine.retry(Some("orders"), None), Some(0));
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], ("users".to_owned(), vec!["1".into(), "2".into()]));
    assert_eq!(asked[1..], [("users".to_owned(), vec!["2".into()])]);
}
