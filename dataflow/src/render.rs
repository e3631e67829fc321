//! From the plan to operators: one straight walk, the same on every worker.
//!
//! ```text
//!  feed ─┬─► encode KEPT ─► KEPT (arrange) ─► publish KEPT ─┐
//!        ├─► …                                              ├─► propagate ═► gather ─► done
//!        └─► encode KEPT ─► KEPT (arrange) ─► publish KEPT ─┘
//! ```
//!
//! A joined thing has `join` in the place of `encode`, which waits for what it looks up to be
//! published; the plan names that first.
//!
//! Operators carry the names of the plan's kept things, so that whatever timely reports can be
//! read beside `flusso plan`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use flusso_compiler::plan::query::Takes;
use flusso_compiler::plan::{
    Aggregate, Holds, IndexId, KeptId, KeyPart, Object, Path, Plan, Read, Value,
};
use timely::dataflow::operators::{Concatenate, Probe};
use timely::dataflow::{ProbeHandle, Scope, Stream};

use crate::Lsn;
use crate::assemble::{View, Views};
use crate::busy::Parts;
use crate::feed::{Input, Opening, Waiting, Wake};
use crate::gather::{self, gather};
use crate::join::{self, Joiner};
use crate::measure::Live;
use crate::propagate::{Carries, Seed, Watch, Way, changed_rows, changed_tallies, propagate};
use crate::publish::{Published, publish};
use crate::shape::scope as columns_of;
use crate::tally::{Tallies, TallyProgram};
use crate::value::Encoder;
use crate::{encode, source, spine};

/// The batches of every kept thing, for all workers.
pub struct Kept(Vec<Batches>);

#[derive(Clone)]
enum Batches {
    Rows(Arc<Published<i64>>),
    Tallies(Arc<Published<Tallies>>),
}

impl Kept {
    /// Nothing published yet.
    pub fn new(plan: &Plan, workers: usize) -> Kept {
        let each = plan.kept.iter().map(|kept| match kept.holds {
            Holds::Rows { .. } => Batches::Rows(Arc::new(Published::new(workers))),
            Holds::Tallies(_) | Holds::Joined(_) => {
                Batches::Tallies(Arc::new(Published::new(workers)))
            }
        });
        Kept(each.collect())
    }

    /// Everything as of a moment.
    pub fn read(&self, at: Lsn) -> Views {
        let view = |batches: &Batches| match batches {
            Batches::Rows(rows) => View::Rows(rows.read(at)),
            Batches::Tallies(tallies) => View::Tallies(tallies.read(at)),
        };
        Views(self.0.iter().map(view).collect())
    }
}

/// What all workers share.
pub struct Common {
    /// What is rendered.
    pub plan: Arc<Plan>,
    /// Where batches are published.
    pub kept: Arc<Kept>,
    /// What the gathers share.
    pub gather: Arc<gather::Shared>,
    /// Of what moment the copy is, once it is complete.
    pub opening: Arc<Opening>,
    /// Counters.
    pub live: Arc<Live>,
}

/// Builds the dataflow on one worker.
pub fn render(
    scope: Scope<'_, Lsn>,
    common: &Common,
    parts: &Parts,
    wake: &Wake,
    waiting: &Waiting,
    receiver: Receiver<Input>,
) {
    let plan = &*common.plan;
    let done = ProbeHandle::new();
    let whose = |part: Option<usize>| parts.built(scope.worker(), part);
    whose(None);
    let deltas = source::deltas(scope, wake, waiting, receiver);
    whose(Some(plan.kept.len()));
    let links = links(plan);
    let rows = common.kept.0.iter().map(|batches| match batches {
        Batches::Rows(rows) => Some(Arc::clone(rows)),
        Batches::Tallies(_) => None,
    });
    let rows: Arc<Vec<_>> = Arc::new(rows.collect());
    let mut seeds: Vec<Stream<'_, Lsn, Vec<Seed>>> = Vec::new();
    for (position, kept) in plan.kept.iter().enumerate() {
        let id = KeptId(position as u16);
        let encoder = encoder(plan, id, links.contains(&id));
        let named = |verb: &str| format!("{verb} {}", kept.name);
        let live = Arc::clone(&common.live);
        let (done, gauge) = (done.clone(), Arc::clone(&common.live.kept[position]));
        let (watches, opening) = (watches(plan, id), Arc::clone(&common.opening));
        let deltas = deltas.clone();
        seeds.push(match (&kept.holds, &common.kept.0[position]) {
            (Holds::Tallies(tallies), Batches::Tallies(published)) => {
                let program = TallyProgram::compile(tallies, plan.table(kept.table));
                let name = named("encode");
                let updates = encode::tallies(deltas, kept.table, &name, encoder, program, live);
                let arranged = spine::arrange(updates, &kept.name);
                let changed = changed_tallies(watches, opening);
                publish(arranged, &named("publish"), Arc::clone(published), done, gauge, changed)
            }
            (Holds::Joined(join), Batches::Tallies(published)) => {
                let read = join.reads().into_iter().map(|id| seeds[usize::from(id.0)].clone());
                let upto = scope.concatenate(read.collect::<Vec<_>>());
                let joiner = Joiner::new(plan, &kept.key, join);
                let rows = Arc::clone(&rows);
                let updates = join::join(deltas, upto, &named("join"), joiner, rows, live);
                let arranged = spine::arrange(updates, &kept.name);
                let changed = changed_tallies(watches, opening);
                publish(arranged, &named("publish"), Arc::clone(published), done, gauge, changed)
            }
            (Holds::Rows { .. }, Batches::Rows(published)) => {
                let updates = encode::rows(deltas, kept.table, &named("encode"), encoder, live);
                let arranged = spine::arrange(updates, &kept.name);
                let changed = changed_rows(watches, opening);
                publish(arranged, &named("publish"), Arc::clone(published), done, gauge, changed)
            }
            _ => unreachable!("batches are made by what the plan holds"),
        });
        whose(Some(position));
    }
    let seeds = scope.concatenate(seeds);
    whose(None);
    let opening = Arc::clone(&common.opening);
    let roots = propagate(seeds, Arc::new(ways(plan)), rows, opening);
    whose(Some(plan.kept.len() + 1));
    let assembled = gather(roots, Arc::clone(&common.gather));
    whose(Some(plan.kept.len() + 2));
    assembled.probe_with(&done);
}

fn encoder(plan: &Plan, id: KeptId, link: bool) -> Encoder {
    let kept = plan.kept(id);
    let (order, columns) = match &kept.holds {
        Holds::Rows { order, columns } => (order.clone(), columns.clone()),
        Holds::Tallies(_) | Holds::Joined(_) => (Vec::new(), Vec::new()),
    };
    let unique = if link { Vec::new() } else { plan.table(kept.table).key.clone() };
    Encoder { key: kept.key.clone(), order, unique, columns }
}

/// All paths with whose they are, in one order everywhere.
fn paths(plan: &Plan) -> impl Iterator<Item = (IndexId, KeptId, &Path)> {
    plan.indexes.iter().enumerate().flat_map(|(position, index)| {
        let whose = (IndexId(position as u16), index.root);
        index.paths.iter().map(move |path| (whose.0, whose.1, path))
    })
}

fn ways(plan: &Plan) -> Vec<Way> {
    let way = |(index, _, path): (IndexId, KeptId, &Path)| {
        let columns = columns_of(plan, path.from);
        let filter = |filter| columns.program(filter);
        let head = path.head.as_ref();
        let hop = |hop: &flusso_compiler::plan::Hop| -> (KeptId, Vec<KeyPart>) {
            (hop.kept, columns_of(plan, hop.kept).key(&hop.gives))
        };
        Way {
            index,
            from: path.from,
            head: head.map(|head| (head.limit, head.filter.as_ref().map(filter))),
            hops: path.hops.iter().map(hop).collect(),
        }
    };
    paths(plan).map(way).collect()
}

/// What of a kept thing's changes which way wants to hear.
fn watches(plan: &Plan, id: KeptId) -> Vec<Watch> {
    let columns = columns_of(plan, id);
    let watch = |(way, (_, root, path)): (usize, (IndexId, KeptId, &Path))| {
        let all = columns.columns.iter().all(|column| path.reads.contains(column));
        let positions = || path.reads.iter().map(|column| columns.position(*column)).collect();
        let carries = match &path.head {
            Some(head) => Carries::First(head.filter.as_ref().map(|it| columns.program(it))),
            None if root == id && path.field.is_empty() => Carries::Gone,
            None => Carries::Nothing,
        };
        Watch { way, shows: if all { None } else { Some(positions()) }, carries }
    };
    let mine = paths(plan).enumerate().filter(|(_, (_, _, path))| path.from == id);
    mine.map(watch).collect()
}

/// Kept things that only lead from one key to the next.
fn links(plan: &Plan) -> HashSet<KeptId> {
    let mut read = HashSet::new();
    for index in &plan.indexes {
        read.insert(index.root);
        reads(&index.shape, &mut |one: &Read| {
            read.insert(one.kept);
        });
        let mut reads = |kept, takes| read.extend((takes != Takes::Number).then_some(kept));
        index.each_formula(&mut |formula| formula.each_kept(&mut reads));
        index.shape.each_rows(&mut |rows| rows.query.each_kept(&mut reads));
    }
    (0..plan.kept.len()).map(|kept| KeptId(kept as u16)).filter(|id| !read.contains(id)).collect()
}

fn reads(object: &Object, each: &mut dyn FnMut(&Read)) {
    for (_, value) in &object.fields {
        match value {
            Value::Scalar(..) | Value::Formula(..) | Value::Geo { .. } | Value::Constant(_) => {}
            Value::Object(inner) => reads(inner, each),
            Value::Rows(rows) => reads(&rows.object, each),
            Value::One(read, inner) | Value::Many(read, inner) => {
                each(read);
                reads(inner, each);
            }
            Value::Aggregate(Aggregate::Tallied { .. }) => {}
            Value::Aggregate(Aggregate::Gathered { read, .. }) => each(read),
        }
    }
}
