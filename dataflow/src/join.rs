//! Updates of a reduction over several tables.
//!
//! ```text
//!  ±rows@t ─► wait until t is published ─► walk: lookups as of t, or just before ─► ± tallies@t
//! ```
//!
//! A changed row is completed by the rows of the other relations, and what the joined rows come to
//! goes into the diff of their key; none of them is kept. The relations before the changed one are
//! read as of its time and those behind as of the moment before, so that of several changes of one
//! time each pair meets once. Any worker can look up everything, so a walk stays where it began.
//!
//! While this operator holds a time, the end of the dataflow has not come to it, and traces are
//! compacted no further than that end: the moment before can always be read.

use std::rc::Rc;
use std::sync::Arc;

use differential_dataflow::difference::Semigroup;
use flusso_compiler::plan::{Join, KeptId, KeyPart, Plan, TableId};
use hashbrown::HashMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use crate::Lsn;
use crate::encode::Message;
use crate::eval::{Place, Program, Scratch};
use crate::lookup::Shards;
use crate::measure::Live;
use crate::order;
use crate::propagate::Seed;
use crate::publish::Published;
use crate::row::{self, Datum, Row};
use crate::shape;
use crate::spine::Update;
use crate::tally::{Tallies, TallyProgram};
use crate::value::split;

/// A join, compiled.
pub struct Joiner {
    walks: Vec<Walk>,
    /// What makes the key, of a joined row.
    key: Vec<KeyPart>,
    tallies: TallyProgram,
    /// Columns of a joined row.
    width: usize,
}

/// See [`flusso_compiler::plan::Walk`].
struct Walk {
    /// Whose rows begin it, and where their columns stand in a joined row.
    table: TableId,
    offset: usize,
    /// Which of its columns decide anything.
    reads: Vec<usize>,
    tested: Option<Program>,
    steps: Vec<Step>,
}

struct Step {
    kept: KeptId,
    /// Whether its rows count as they stood before the change.
    before: bool,
    key: Vec<KeyPart>,
    /// Where the columns of a row that is found stand in a joined row.
    places: Vec<usize>,
    tested: Option<Program>,
}

/// What is kept as rows, for lookups.
pub type Rows = Vec<Option<Arc<Published<i64>>>>;

impl Joiner {
    /// Compiles the join of a kept thing by this key.
    pub fn new(plan: &Plan, key: &[KeyPart], join: &Join) -> Joiner {
        let row = join.row(&plan.tables);
        let program = |expr: &_| Program::new(expr, &|column| Place::whole(&row, column));
        let offset = |relation: usize| join.offset(&plan.tables, relation);
        let read = join.columns_read(key);
        let walk = |(relation, walk): (usize, &flusso_compiler::plan::Walk)| {
            let table = join.relations[relation];
            let step = |step: &flusso_compiler::plan::join::Step| {
                let other = usize::from(step.relation);
                let columns = shape::scope(plan, step.kept).columns.iter();
                Step {
                    kept: step.kept,
                    before: other > relation,
                    key: step.key.clone(),
                    places: columns.map(|one| offset(other) + usize::from(one.0)).collect(),
                    tested: step.tested.as_ref().map(program),
                }
            };
            let own = offset(relation)..offset(relation + 1);
            Walk {
                table,
                offset: own.start,
                reads: read
                    .iter()
                    .filter(|at| own.contains(*at))
                    .map(|at| at - own.start)
                    .collect(),
                tested: walk.tested.as_ref().map(program),
                steps: walk.steps.iter().map(step).collect(),
            }
        };
        Joiner {
            walks: join.walks.iter().enumerate().map(walk).collect(),
            key: key.to_vec(),
            tallies: TallyProgram::compile(&join.tallies, &row),
            width: row.columns.len(),
        }
    }

    /// What the changes of one time come to, by key.
    fn carry(
        &self,
        messages: &[Message],
        views: &Views,
        scratch: &mut Scratch,
    ) -> HashMap<Row, Tallies> {
        let mut sums = HashMap::new();
        let mut joined = vec![Datum::Null; self.width];
        for message in messages {
            for walk in self.walks.iter().filter(|walk| walk.table == message.table) {
                for delta in &message.deltas {
                    let [old, new] = [&delta.old, &delta.new]
                        .map(|row| row.as_ref().map(|row| row::split(&row.0)));
                    if let (Some(old), Some(new)) = (&old, &new)
                        && walk.reads.iter().all(|at| old.get(*at) == new.get(*at))
                    {
                        continue;
                    }
                    for (row, count) in
                        old.iter().map(|old| (old, -1)).chain(new.iter().map(|new| (new, 1)))
                    {
                        joined[walk.offset..walk.offset + row.len()].copy_from_slice(row);
                        if walk.tested.as_ref().is_none_or(|it| it.passes(&joined, scratch)) {
                            self.along(&walk.steps, &mut joined, count, views, scratch, &mut sums);
                        }
                    }
                }
            }
        }
        sums
    }

    /// Completes a joined row by what the steps find, and counts it in.
    fn along<'a>(
        &self,
        steps: &[Step],
        joined: &mut [Datum<'a>],
        count: i64,
        views: &'a Views,
        scratch: &mut Scratch,
        sums: &mut HashMap<Row, Tallies>,
    ) {
        let mut key = Vec::new();
        let Some((step, rest)) = steps.split_first() else {
            // What cannot be a key is found by nobody.
            if order::key(&self.key, joined, &mut key).unwrap_or(false) {
                let mut tallies = self.tallies.of(joined, scratch);
                tallies.times(count);
                sums.entry(Row::from(key.as_slice())).or_default().plus_equals(&tallies);
            }
            return;
        };
        if !order::key(&step.key, joined, &mut key).unwrap_or(false) {
            return;
        }
        for (value, times) in views.of(step).into_iter().flat_map(|rows| rows.group(&key)) {
            for (place, datum) in step.places.iter().zip(row::columns(split(value).packed)) {
                joined[*place] = datum;
            }
            if step.tested.as_ref().is_none_or(|it| it.passes(joined, scratch)) {
                self.along(rest, joined, count * times, views, scratch, sums);
            }
        }
    }
}

/// What the steps of a join read, as of a time and as of the moment before.
struct Views(HashMap<(KeptId, bool), Shards<i64>>);

impl Views {
    fn new(joiner: &Joiner, kept: &Rows, at: Lsn) -> Views {
        let mut views = HashMap::new();
        for step in joiner.walks.iter().flat_map(|walk| &walk.steps) {
            if let Some(rows) = &kept[usize::from(step.kept.0)] {
                let of = if step.before { at - 1 } else { at };
                views.entry((step.kept, step.before)).or_insert_with(|| rows.read(of));
            }
        }
        Views(views)
    }

    fn of(&self, step: &Step) -> Option<&Shards<i64>> {
        self.0.get(&(step.kept, step.before))
    }
}

/// Renders the operator. `published` is closed where all that the join looks up can be read.
pub fn join<'scope>(
    deltas: Stream<'scope, Lsn, Vec<Message>>,
    published: Stream<'scope, Lsn, Vec<Seed>>,
    name: &str,
    joiner: Joiner,
    kept: Arc<Rows>,
    live: Arc<Live>,
) -> Stream<'scope, Lsn, Vec<Update<Tallies>>> {
    type Out = CapacityContainerBuilder<Vec<Update<Tallies>>>;
    let mut scratch = Scratch::default();
    deltas.binary_frontier::<_, Out, _, _, _, _>(published, Pipeline, Pipeline, name, |_, _| {
        let mut stash: Vec<(Capability<Lsn>, Message)> = Vec::new();
        move |(input, _), (others, frontier), output| {
            input.for_each(|capability, messages| {
                let is_joined =
                    |message: &Message| joiner.walks.iter().any(|walk| walk.table == message.table);
                for message in messages.drain(..).filter(is_joined) {
                    stash.push((capability.retain(0), message));
                }
            });
            others.for_each(|_, seeds| seeds.clear());
            let closed = |at: Lsn| !frontier.less_equal(&at);
            let mut ready: Vec<(Capability<Lsn>, Message)> =
                stash.extract_if(.., |(_, message)| closed(message.at)).collect();
            ready.sort_by_key(|(_, message)| message.at);
            for same in ready.chunk_by(|a, b| a.1.at == b.1.at) {
                let at = same[0].1.at;
                let messages: Vec<Message> = same.iter().map(|one| Rc::clone(&one.1)).collect();
                let views = Views::new(&joiner, &kept, at);
                let sums = joiner.carry(&messages, &views, &mut scratch);
                let Some(first) = same.iter().map(|one| &one.0).min_by_key(|it| *it.time()) else {
                    continue;
                };
                let mut session = output.session(first);
                for (key, tallies) in sums.into_iter().filter(|(_, sum)| !sum.is_zero()) {
                    session.give(((key, Row::default()), at, tallies));
                }
            }
            if let Some(failures) = scratch.failures() {
                live.failed(&failures);
            }
        }
    })
}
