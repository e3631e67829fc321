//! The documents as a sink holds them, and as one that came later holds those of its own fill.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::model::Documents;
use crate::Lsn;
use crate::emit::{Document, Emit};

type Name = (u16, String);

/// Takes what is emitted: changes and the first fill, as OpenSearch would with versions.
pub struct Sink {
    pub said: Receiver<(usize, Emit)>,
    pub closed: Vec<Lsn>,
    /// Workers' shares of fills that have not been said to be out.
    pub owed: usize,
    pub documents: Documents,
    pub takers: BTreeMap<u32, Taker>,
    /// Changes up to here may have been told of by an earlier run, whose versions win.
    told: Lsn,
    versions: BTreeMap<Name, Lsn>,
    /// Documents that were handed on as a change and were none.
    vain: BTreeSet<Name>,
    /// How many of a document are let pass: one where a run goes on from an earlier.
    may: usize,
    indexes: usize,
}

/// Takes one fill by its number, and all changes of the same documents.
pub struct Taker {
    pub index: u16,
    /// Only these; each must be told of.
    pub ids: Option<BTreeSet<String>>,
    pub documents: Documents,
    heard: BTreeSet<String>,
}

impl Taker {
    pub fn new(index: u16, ids: Option<BTreeSet<String>>) -> Taker {
        Taker { index, ids, documents: Documents::new(), heard: BTreeSet::new() }
    }

    fn wants(&self, name: &Name) -> bool {
        name.0 == self.index && self.ids.as_ref().is_none_or(|ids| ids.contains(&name.1))
    }

    /// Holds what it is to hold, all of it asked for having been told of.
    pub fn equals(&self, all: &Documents) {
        let wanted = all.iter().filter(|(name, _)| self.wants(name));
        let wanted: Documents = wanted.map(|(name, body)| (name.clone(), body.clone())).collect();
        assert_eq!(text(&self.documents), text(&wanted), "a fill of {:?}", self.ids);
        assert!(self.ids.as_ref().is_none_or(|ids| *ids == self.heard), "{:?}", self.heard);
    }
}

impl Sink {
    pub fn new(said: Receiver<(usize, Emit)>, workers: usize, indexes: usize) -> Sink {
        Sink {
            said,
            closed: vec![0; workers],
            owed: workers * indexes,
            documents: Documents::new(),
            takers: BTreeMap::new(),
            told: 0,
            versions: BTreeMap::new(),
            vain: BTreeSet::new(),
            may: 0,
            indexes,
        }
    }

    /// The same sink under the next run, with nothing of the indexes that are filled anew.
    pub fn restart(self, said: Receiver<(usize, Emit)>, anew: &BTreeSet<u16>, told: Lsn) -> Sink {
        let mut next = Sink::new(said, self.closed.len(), self.indexes);
        next.documents = self.documents;
        next.versions = self.versions;
        next.documents.retain(|name, _| !anew.contains(&name.0));
        next.versions.retain(|name, _| !anew.contains(&name.0));
        Sink { told, may: 1, ..next }
    }

    /// Takes what is emitted until every worker has said that `at` is complete and, if asked,
    /// that its share of all fills is out.
    pub fn until(&mut self, at: Lsn, fills: bool) {
        while (fills && self.owed > 0) || self.closed.iter().any(|closed| *closed < at) {
            let said = self.said.recv_timeout(Duration::from_secs(5));
            let (worker, emit) = said.expect("the engine says that it is done within 5 s");
            match emit {
                Emit::Closed(at) => self.closed[worker] = at,
                Emit::Hydrated(..) => self.owed -= 1,
                Emit::Documents(documents, room) => {
                    assert_eq!(room.bytes(), documents.iter().map(Document::size).sum::<usize>());
                    documents.into_iter().for_each(|document| self.take(document));
                }
            }
        }
    }

    fn take(&mut self, document: Document) {
        let name = (document.index.0, document.id.to_string());
        let number = document.fill.unwrap_or(0);
        let before = self.versions.get(&name).copied().unwrap_or(0);
        assert!(document.at >= before || document.at <= self.told, "{name:?} went back in time");
        self.versions.insert(name.clone(), document.at.max(before));
        for (of, taker) in &mut self.takers {
            if taker.wants(&name) && (number == *of || document.fill.is_none()) {
                put(&mut taker.documents, &name, &document);
                taker.heard.extend((number == *of).then(|| name.1.clone()));
            }
        }
        if number == 0 && document.at >= before {
            let old = put(&mut self.documents, &name, &document);
            let vain = document.fill.is_none() && old.as_deref() == document.body.as_deref();
            // Until the first fill is out, somebody may have a document that went.
            let may_be_there = document.body.is_none() && self.owed > 0;
            if vain && !may_be_there && document.at > self.told {
                assert!(self.may > 0 && self.vain.insert(name.clone()), "{name:?} again");
            }
        }
    }
}

fn put(documents: &mut Documents, name: &Name, document: &Document) -> Option<Vec<u8>> {
    match &document.body {
        Some(body) => documents.insert(name.clone(), body.to_vec()),
        None => documents.remove(name),
    }
}

/// Readable in a failure.
pub fn text(documents: &Documents) -> Vec<(u16, &str, String)> {
    let each = documents.iter();
    each.map(|((index, id), body)| (*index, &**id, String::from_utf8_lossy(body).into())).collect()
}
