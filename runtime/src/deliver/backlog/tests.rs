//! What waits for a sink: nothing lost, nothing overtaken, and bounded.

use super::*;
use flusso_dataflow::Lsn;

fn said(id: &str, at: Lsn, fill: Option<u32>, bytes: usize) -> Emit {
    let body = Some(Arc::from(vec![b' '; bytes]));
    let document = Document { index: IndexId(0), id: id.into(), at, body, fill };
    Emit::Documents(vec![document], Room::take(bytes, &Arc::default(), &Arc::default()))
}

fn two() -> Vec<Arc<Backlog>> {
    vec![Arc::default(), Arc::default()]
}

/// What is there, without waiting.
fn load(backlog: &Backlog) -> (Vec<String>, Vec<String>, Vec<(usize, Mark)>) {
    let Load { documents, shed, marks, .. } = backlog.lock().take().unwrap_or_default();
    let named = documents.iter().map(|it| format!("{}@{}", it.id, it.at)).collect();
    let mut shed: Vec<String> = shed.into_iter().map(|(_, id)| id.into()).collect();
    shed.sort();
    (named, shed, marks)
}

#[test]
fn every_sink_gets_changes_and_the_fills_it_asked_for() {
    let sinks = two();
    assert_eq!(sinks[1].expect(|| 3), 3);
    spread(&sinks, 0, said("a", 1, None, 1));
    spread(&sinks, 0, said("b", 2, Some(3), 1));
    spread(&sinks, 0, Emit::Hydrated(IndexId(0), 3));
    assert_eq!(load(&sinks[0]), (vec!["a@1".into()], vec![], vec![]));
    let hydrated = vec![(0, Mark::Hydrated(IndexId(0), 3))];
    assert_eq!(load(&sinks[1]), (vec!["a@1".into(), "b@2".into()], vec![], hydrated));
    sinks[1].done(3);
    spread(&sinks, 0, said("b", 2, Some(3), 1));
    assert!(sinks[1].lock().take().is_none());
}

#[test]
fn more_of_a_fill_ends_where_something_else_comes_first() {
    let sinks = two();
    let backlog = &sinks[0];
    backlog.expect(|| 1);
    backlog.expect(|| 2);
    let held = |said: Vec<Emit>| {
        said.into_iter().for_each(|said| spread(&sinks, 0, said));
        let load = backlog.lock().take_of(1);
        load.map(|load| load.documents.iter().map(|it| it.id.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(held(vec![]), Some(vec![]), "there may be more");
    let both = vec![said("a", 1, Some(1), 1), said("b", 1, Some(1), 1)];
    assert_eq!(held(both), Some(vec!["a".into(), "b".into()]));
    let change = vec![said("c", 1, Some(1), 1), said("a", 2, None, 1)];
    assert_eq!(held(change), Some(vec!["c".into()]));
    assert_eq!(held(vec![said("d", 1, Some(1), 1)]), None, "a change comes first");
    backlog.lock().take();
    assert_eq!(held(vec![said("e", 1, Some(2), 1)]), None, "another fill comes first");
    backlog.lock().take();
    assert_eq!(held(vec![Emit::Hydrated(IndexId(0), 1)]), None, "a mark comes first");
}

#[test]
fn the_end_of_a_fill_is_seen_before_it_comes_up() {
    let sinks = two();
    sinks[0].expect(|| 1);
    sinks[0].expect(|| 2);
    spread(&sinks, 0, said("a", 1, Some(1), 1));
    spread(&sinks, 0, Emit::Hydrated(IndexId(5), 2));
    assert_eq!(sinks[0].ending(1), None);
    spread(&sinks, 0, Emit::Hydrated(IndexId(4), 1));
    assert_eq!(sinks[0].ending(1), Some(IndexId(4)));
    assert_eq!(sinks[1].ending(1), None, "it takes no such fill");
}

#[test]
fn of_what_is_above_the_share_the_names_stay_and_stand_first() {
    let sinks = two();
    sinks[0].expect(|| 1);
    spread(&sinks, 0, said("a", 1, None, SHARE));
    sinks[0].shed();
    assert_eq!(sinks[0].waiting(), (SHARE, 0), "the share is kept");
    spread(&sinks, 0, said("b", 2, Some(1), 8));
    spread(&sinks, 0, Emit::Closed(2));
    spread(&sinks, 0, said("a", 3, None, 8));
    spread(&sinks, 1, Emit::Closed(3));
    spread(&sinks, 0, Emit::Closed(3));
    sinks[0].shed();
    assert_eq!(sinks[0].waiting(), (0, 1));
    assert_eq!(sinks[1].waiting().0, SHARE + 8, "the other keeps its own");
    spread(&sinks, 0, said("c", 4, None, 8));
    assert_eq!(load(&sinks[0]), (vec![], vec!["a".into()], vec![]));
    let marks = [(0, Mark::Closed(3)), (1, Mark::Closed(3))];
    let rest = load(&sinks[0]);
    assert_eq!(rest.0, ["b@2", "c@4"]);
    let mut said = rest.2;
    said.sort_by_key(|(worker, _)| *worker);
    assert_eq!(said.last(), marks.last());
    assert!(said.contains(&marks[0]));
}

#[test]
fn a_batch_in_flight_is_given_back_when_the_last_sink_has_it() {
    let (sinks, of) = (two(), Arc::default());
    let documents = vec![];
    spread(&sinks, 0, Emit::Documents(documents, Room::take(9, &of, &Arc::default())));
    drop(sinks[0].lock().take());
    assert_eq!(of.load(std::sync::atomic::Ordering::Relaxed), 9);
    drop(sinks[1].lock().take());
    assert_eq!(of.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn who_has_nothing_says_so_and_hears_of_more() {
    let backlog = Arc::new(Backlog::default());
    let (mut dry, all) = (0, [backlog.clone()]);
    let next = backlog.next(|| {
        dry += 1;
        spread(&all, 0, Emit::Closed(7));
    });
    assert_eq!(next.await.marks, [(0, Mark::Closed(7))]);
    assert_eq!(dry, 1);
}
