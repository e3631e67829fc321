//! Demands become kept things: one per table and key, and per order where an order is needed.
//!
//! Only what reads the first rows of a group needs them in order. Every other reader of the same
//! table and key takes what is there, with its columns added, and sorts what it reads. Demands are
//! all seen before any is answered, so that sharing does not depend on which field came first.

use std::collections::{BTreeMap, BTreeSet};

use crate::expr::Expr;
use crate::plan::query::{Found, Query, Rows};
use crate::plan::{
    Aggregate, ColumnId, Formula, Holds, Index, Join, Kept, KeptId, Object, OrderPart, Plan, Read,
    Table, TableId, Tally, Value,
};

use super::demand::{Demand, Demands, Wants};
use crate::plan::names::{self, keyed};

/// The plan in which the demands are met.
pub fn share(tables: Vec<Table>, demands: Demands, mut indexes: Vec<Index>) -> Plan {
    let groups = groups(&demands.0);
    let mut kept: Vec<Kept> = Vec::new();
    let mut met: Vec<(KeptId, u16)> = vec![(KeptId(0), 0); demands.0.len()];
    for members in groups.values() {
        tallies(&tables, &demands.0, members, &mut kept, &mut met);
        rows(&tables, &demands.0, members, &mut kept, &mut met);
    }
    // What joins look up stands before them.
    for members in groups.values() {
        joins(&tables, &demands.0, members, &mut kept, &mut met);
    }
    number_namesakes(&mut kept);
    for index in &mut indexes {
        let answer = Answer { met: &met, kept: &kept };
        index.root = answer.kept(index.root);
        index.further.iter_mut().for_each(|one| answer.formula(one));
        answer.object(&mut index.shape);
        for path in &mut index.paths {
            path.from = answer.kept(path.from);
            path.hops.iter_mut().for_each(|hop| hop.kept = answer.kept(hop.kept));
        }
        let mut seen = Vec::new();
        index.paths.retain(|path| {
            let new = !seen.contains(path);
            seen.push(path.clone());
            new
        });
    }
    Plan { tables, kept, indexes }
}

/// Keys of the same columns that compare by other classes have the same name.
fn number_namesakes(kept: &mut [Kept]) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for one in kept {
        let times = times.entry(one.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            one.name = format!("{} #{times}", one.name);
        }
    }
}

/// Positions of demands by table and key, in a stable order.
fn groups(demands: &[Demand]) -> BTreeMap<(TableId, Vec<(ColumnId, String)>), Vec<usize>> {
    let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (position, demand) in demands.iter().enumerate() {
        let key = demand.key.iter().map(|part| (part.column, format!("{:?}", part.class)));
        groups.entry((demand.table, key.collect())).or_default().push(position);
    }
    groups
}

fn tallies(
    tables: &[Table],
    demands: &[Demand],
    members: &[usize],
    kept: &mut Vec<Kept>,
    met: &mut [(KeptId, u16)],
) {
    let wanted = members.iter().filter_map(|member| match &demands[*member].wants {
        Wants::Tally(tally) => Some((*member, tally)),
        Wants::Rows { .. } | Wants::Joined(_) => None,
    });
    let wanted: Vec<(usize, &Tally)> = wanted.collect();
    let Some((first, _)) = wanted.first() else { return };
    let Demand { table, key, .. } = &demands[*first];
    let of = &tables[usize::from(table.0)];
    let all = numbered(&wanted, KeptId(kept.len() as u16), met);
    let name = format!("{} {}", keyed(of, key), reduced(of, &all));
    kept.push(Kept { name, table: *table, key: key.clone(), holds: Holds::Tallies(all) });
}

/// The tallies that are wanted, each once and in a stable order, as those of one kept thing.
fn numbered(wanted: &[(usize, &Tally)], kept: KeptId, met: &mut [(KeptId, u16)]) -> Vec<Tally> {
    let mut all: Vec<Tally> = Vec::new();
    for (_, tally) in wanted {
        if !all.contains(tally) {
            all.push((*tally).clone());
        }
    }
    let column = |of: &Option<Expr>| match of {
        Some(Expr::Column(column)) => Some(*column),
        Some(_) | None => None,
    };
    let place = |tally: &Tally| (column(&tally.of), format!("{:?}", (&tally.of, &tally.filter)));
    all.sort_by_cached_key(place);
    for (member, tally) in wanted {
        let place = all.iter().position(|one| one == *tally).unwrap_or_default();
        met[*member] = (kept, place as u16);
    }
    all
}

/// `count, sum(total) filtered`.
fn reduced(of: &Table, all: &[Tally]) -> String {
    let what = |tally: &Tally| {
        let when = if tally.filter.is_some() { " filtered" } else { "" };
        match &tally.of {
            None => format!("count{when}"),
            Some(summed) => format!("sum({}){when}", names::expr(of, summed)),
        }
    };
    let mut names: Vec<String> = all.iter().map(what).collect();
    names.dedup();
    names.join(", ")
}

/// Joins of the same relations under the same conditions become one.
fn joins(
    tables: &[Table],
    demands: &[Demand],
    members: &[usize],
    kept: &mut Vec<Kept>,
    met: &mut [(KeptId, u16)],
) {
    let mut alike: BTreeMap<String, (Join, Vec<(usize, &Tally)>)> = BTreeMap::new();
    for member in members {
        let Wants::Joined(join) = &demands[*member].wants else { continue };
        let [tally] = join.tallies.as_slice() else { continue };
        let mut same = Join { tallies: Vec::new(), ..join.clone() };
        for step in same.walks.iter_mut().flat_map(|walk| &mut walk.steps) {
            step.kept = met[usize::from(step.kept.0)].0;
        }
        let (_, wanted) = alike.entry(format!("{same:?}")).or_insert((same, Vec::new()));
        wanted.push((*member, tally));
    }
    for (join, wanted) in alike.into_values() {
        let Demand { table, key, .. } = &demands[wanted[0].0];
        let tallies = numbered(&wanted, KeptId(kept.len() as u16), met);
        let others = (1..join.relations.len()).map(|position| join.called(tables, position));
        let others: Vec<String> = others.collect();
        let keyed = keyed(&tables[usize::from(table.0)], key);
        let what = reduced(&join.row(tables), &tallies);
        let name = format!("{keyed} join {} {what}", others.join(", "));
        let holds = Holds::Joined(Join { tallies, ..join });
        kept.push(Kept { name, table: *table, key: key.clone(), holds });
    }
}

fn rows(
    tables: &[Table],
    demands: &[Demand],
    members: &[usize],
    kept: &mut Vec<Kept>,
    met: &mut [(KeptId, u16)],
) {
    let mut heads: BTreeMap<String, Vec<OrderPart>> = BTreeMap::new();
    let mut others: BTreeMap<String, Vec<OrderPart>> = BTreeMap::new();
    let mut any = None;
    for member in members {
        if let Wants::Rows { order, head, .. } = &demands[*member].wants {
            any = Some(*member);
            if let Some(order) = order {
                let orders = if *head { &mut heads } else { &mut others };
                orders.insert(format!("{order:?}"), order.clone());
            }
        }
    }
    let Some(any) = any else { return };
    // Where nobody reads the first rows, one order does; the one wanted, if it is one.
    let orders = match (heads.is_empty(), others.len()) {
        (false, _) => heads,
        (true, 1) => others,
        (true, _) => BTreeMap::from([("[]".to_owned(), Vec::new())]),
    };
    let Demand { table, key, .. } = &demands[any];
    let of = &tables[usize::from(table.0)];
    let first = kept.len();
    let mut columns: Vec<BTreeSet<ColumnId>> = vec![BTreeSet::new(); orders.len()];
    for member in members {
        if let Wants::Rows { order, columns: wanted, .. } = &demands[*member].wants {
            let wanted_order = order.as_ref().map(|order| format!("{order:?}"));
            let place = wanted_order.and_then(|order| orders.keys().position(|one| *one == order));
            let place = place.unwrap_or_default();
            columns[place].extend(wanted);
            met[*member] = (KeptId((first + place) as u16), 0);
        }
    }
    for (order, columns) in orders.into_values().zip(columns) {
        let columns = columns.into_iter().collect();
        let name = format!("{}{}", keyed(of, key), ordered(of, &order));
        let holds = Holds::Rows { order, columns };
        kept.push(Kept { name, table: *table, key: key.clone(), holds });
    }
}

fn ordered(table: &Table, order: &[OrderPart]) -> String {
    let part = |part: &OrderPart| {
        let desc = if part.descending { " desc" } else { "" };
        let nulls = match (part.descending, part.nulls_first) {
            (true, false) => " nulls last",
            (false, true) => " nulls first",
            _ => "",
        };
        format!("{}{desc}{nulls}", table.column(part.column).name)
    };
    match order {
        [] => String::new(),
        order => format!(" by {}", order.iter().map(part).collect::<Vec<_>>().join(", ")),
    }
}

/// Puts kept things in the place of demands.
struct Answer<'a> {
    met: &'a [(KeptId, u16)],
    kept: &'a [Kept],
}

impl Answer<'_> {
    fn kept(&self, demand: KeptId) -> KeptId {
        self.met[usize::from(demand.0)].0
    }

    fn object(&self, object: &mut Object) {
        for (_, value) in &mut object.fields {
            match value {
                Value::Scalar(..) | Value::Geo { .. } | Value::Constant(_) => {}
                Value::Formula(formula, ..) => self.formula(formula),
                Value::Rows(rows) => {
                    self.query(&mut rows.query);
                    self.object(&mut rows.object);
                }
                Value::Object(inner) => self.object(inner),
                Value::One(read, inner) | Value::Many(read, inner) => {
                    self.read(read);
                    self.object(inner);
                }
                Value::Aggregate(Aggregate::Tallied { kept, tally, .. }) => {
                    (*kept, *tally) = self.met[usize::from(kept.0)];
                }
                Value::Aggregate(Aggregate::Gathered { read, .. }) => self.read(read),
            }
        }
    }

    fn formula(&self, formula: &mut Formula) {
        formula.queries.iter_mut().for_each(|query| self.query(query));
    }

    fn query(&self, query: &mut Query) {
        query.queries.iter_mut().chain(&mut query.union).for_each(|one| self.query(one));
        match &mut query.from {
            Found::Tallied { tallies, .. } => {
                tallies.iter_mut().for_each(|(kept, slot)| {
                    (*kept, *slot) = self.met[usize::from(kept.0)];
                });
            }
            Found::Rows { relations, .. } => {
                for relation in relations {
                    match &mut relation.rows {
                        Rows::Kept { kept, .. } => *kept = self.kept(*kept),
                        Rows::Query(inner) => self.query(inner),
                        Rows::Unnest(_) => {}
                    }
                }
            }
        }
    }

    fn read(&self, read: &mut Read) {
        read.kept = self.kept(read.kept);
        read.further.iter_mut().for_each(|one| self.formula(one));
        if let Some(hop) = &mut read.through {
            hop.kept = self.kept(hop.kept);
        }
        let stands = match &self.kept[usize::from(read.kept.0)].holds {
            Holds::Rows { order, .. } => *order == read.order,
            Holds::Tallies(_) | Holds::Joined(_) => false,
        };
        read.sorted = stands && read.through.is_none();
    }
}
