//! What is kept: all demands of all indexes first, then as few arrangements as answer them.
//!
//! Rows by one table and key are kept once, with the columns of all who read them. Only a head
//! (`limit`, `has_one`, `min`, `max`) needs its rows in order; whoever reads all of a group can
//! sort them and takes an arrangement that is there anyway.

use std::collections::BTreeSet;

use super::{
    Aggregate, ColumnId, Holds, Hop, Index, Kept, KeptId, KeyPart, Object, OrderPart, Path, Plan,
    Read, Table, TableId, Tally, Value,
};

/// All that something wants kept, in the order met.
#[derive(Default)]
pub(super) struct Demands(Vec<Demand>);

struct Demand {
    table: TableId,
    key: Vec<KeyPart>,
    wants: Wants,
}

enum Wants {
    Rows { columns: BTreeSet<ColumnId>, order: Vec<OrderPart>, stands: Stands },
    Tally(Tally),
}

/// Whether rows are read in the order they stand in.
#[derive(Clone, Copy, PartialEq)]
enum Stands {
    /// They must be.
    Must,
    /// If they happen to.
    May,
    /// They cannot: several groups are read as one.
    Never,
}

impl Demands {
    /// Rows of which all under a key are read.
    pub(super) fn rows(
        &mut self,
        table: TableId,
        key: Vec<KeyPart>,
        columns: BTreeSet<ColumnId>,
        order: Vec<OrderPart>,
    ) -> KeptId {
        self.demand(table, key, Wants::Rows { columns, order, stands: Stands::May })
    }

    /// Rows of which the first are read.
    pub(super) fn head(
        &mut self,
        table: TableId,
        key: Vec<KeyPart>,
        columns: BTreeSet<ColumnId>,
        order: Vec<OrderPart>,
    ) -> KeptId {
        self.demand(table, key, Wants::Rows { columns, order, stands: Stands::Must })
    }

    /// Rows read under several keys and then put in order.
    pub(super) fn gathered(
        &mut self,
        table: TableId,
        key: Vec<KeyPart>,
        columns: BTreeSet<ColumnId>,
        order: Vec<OrderPart>,
    ) -> KeptId {
        self.demand(table, key, Wants::Rows { columns, order, stands: Stands::Never })
    }

    /// A number per key.
    pub(super) fn tally(&mut self, table: TableId, key: Vec<KeyPart>, tally: Tally) -> KeptId {
        self.demand(table, key, Wants::Tally(tally))
    }

    /// What the demand is about.
    pub(super) fn table(&self, demand: KeptId) -> TableId {
        self.0[usize::from(demand.0)].table
    }

    fn demand(&mut self, table: TableId, key: Vec<KeyPart>, wants: Wants) -> KeptId {
        self.0.push(Demand { table, key, wants });
        KeptId((self.0.len() - 1) as u16)
    }
}

/// How a demand is met.
#[derive(Clone, Default)]
struct Met {
    kept: Option<KeptId>,
    /// Position among the tallies.
    tally: u16,
    /// The rows stand in the order asked for.
    sorted: bool,
    /// Columns that must be read to sort them.
    sorts: Vec<ColumnId>,
}

/// The plan in which each demand is met.
pub(super) fn settle(tables: Vec<Table>, demands: Demands, mut indexes: Vec<Index>) -> Plan {
    let mut kept: Vec<Kept> = Vec::new();
    let mut met = vec![Met::default(); demands.0.len()];
    // Heads first, so that the rest finds what they need.
    for must in [true, false] {
        for (demand, met) in demands.0.iter().zip(&mut met) {
            if matches!(&demand.wants, Wants::Rows { stands: Stands::Must, .. }) == must {
                *met = meet(&mut kept, demand);
            }
        }
    }
    for index in &mut indexes {
        settle_object(&mut index.shape, &met);
        index.root = met[usize::from(index.root.0)].id();
        settle_paths(&mut index.paths, &met);
    }
    for at in 0..kept.len() {
        let name = unique(&kept[..at], name(&tables, &kept[at]));
        kept[at].name = name;
    }
    Plan { tables, kept, indexes }
}

impl Met {
    fn id(&self) -> KeptId {
        self.kept.unwrap_or_else(|| unreachable!("every demand has been met"))
    }
}

fn meet(kept: &mut Vec<Kept>, demand: &Demand) -> Met {
    let same = |it: &Kept| it.table == demand.table && it.key == demand.key;
    let stands_in = |it: &Kept, wanted: &[OrderPart]| match &it.holds {
        Holds::Rows { order, .. } => order == wanted,
        Holds::Tallies(_) => false,
    };
    let is_rows = |it: &Kept| matches!(it.holds, Holds::Rows { .. });
    let fresh = |kept: &mut Vec<Kept>, holds: Holds| {
        let (table, key) = (demand.table, demand.key.clone());
        kept.push(Kept { name: String::new(), table, key, holds });
        kept.len() - 1
    };
    match &demand.wants {
        Wants::Tally(tally) => {
            let is_tallies = |it: &Kept| same(it) && !is_rows(it);
            let at = match kept.iter().position(is_tallies) {
                Some(at) => at,
                None => fresh(kept, Holds::Tallies(Vec::new())),
            };
            let mut position = 0;
            if let Holds::Tallies(tallies) = &mut kept[at].holds {
                position = match tallies.iter().position(|it| it == tally) {
                    Some(position) => position,
                    None => {
                        tallies.push(tally.clone());
                        tallies.len() - 1
                    }
                };
            }
            Met { kept: Some(KeptId(at as u16)), tally: position as u16, ..Met::default() }
        }
        Wants::Rows { columns, order, stands } => {
            let equal = kept.iter().position(|it| same(it) && stands_in(it, order));
            let other = || kept.iter().position(|it| same(it) && is_rows(it));
            let at = match (equal, stands) {
                (Some(at), _) => at,
                (None, Stands::Must) => {
                    fresh(kept, Holds::Rows { order: order.clone(), columns: Vec::new() })
                }
                (None, Stands::May | Stands::Never) => match other() {
                    Some(at) => at,
                    None => fresh(kept, Holds::Rows { order: Vec::new(), columns: Vec::new() }),
                },
            };
            let sorted = *stands != Stands::Never && stands_in(&kept[at], order);
            let mut sorts = Vec::new();
            if !sorted {
                sorts.extend(order.iter().map(|part| part.column));
            }
            if let Holds::Rows { columns: held, .. } = &mut kept[at].holds {
                let mut union: BTreeSet<ColumnId> = held.iter().copied().collect();
                union.extend(columns.iter().chain(&sorts));
                *held = union.into_iter().collect();
            }
            Met { kept: Some(KeptId(at as u16)), tally: 0, sorted, sorts }
        }
    }
}

fn settle_object(object: &mut Object, met: &[Met]) {
    for (_, value) in &mut object.fields {
        match value {
            Value::Scalar(..) | Value::Geo { .. } | Value::Constant(_) => {}
            Value::Object(object) => settle_object(object, met),
            Value::One(read, object) | Value::Many(read, object) => {
                settle_read(read, met);
                settle_object(object, met);
            }
            Value::Aggregate(Aggregate::Tallied { kept, tally, .. }) => {
                let met = &met[usize::from(kept.0)];
                (*kept, *tally) = (met.id(), met.tally);
            }
            Value::Aggregate(Aggregate::Gathered { read, .. }) => settle_read(read, met),
        }
    }
}

fn settle_read(read: &mut Read, met: &[Met]) {
    let rows = &met[usize::from(read.kept.0)];
    (read.kept, read.sorted) = (rows.id(), rows.sorted);
    read.through.iter_mut().for_each(|hop| settle_hop(hop, met));
}

fn settle_hop(hop: &mut Hop, met: &[Met]) {
    hop.kept = met[usize::from(hop.kept.0)].id();
}

/// Several aggregates may go one way up; it is walked once, under all their names.
fn settle_paths(paths: &mut Vec<Path>, met: &[Met]) {
    let mut settled: Vec<Path> = Vec::with_capacity(paths.len());
    for mut path in paths.drain(..) {
        let from = &met[usize::from(path.from.0)];
        path.from = from.id();
        let reads: BTreeSet<ColumnId> = path.reads.iter().chain(&from.sorts).copied().collect();
        path.reads = reads.into_iter().collect();
        path.hops.iter_mut().for_each(|hop| settle_hop(hop, met));
        let same = |it: &&mut Path| {
            !it.field.is_empty()
                && (it.from, &it.reads, &it.head, &it.hops)
                    == (path.from, &path.reads, &path.head, &path.hops)
        };
        match settled.iter_mut().find(same) {
            Some(known) if known.field == path.field => {}
            Some(known) => known.field = format!("{}, {}", known.field, path.field),
            None => settled.push(path),
        }
    }
    *paths = settled;
}

/// `orders[user_id] by created_at desc`, `orders[user_id] count, sum(total)`.
fn name(tables: &[Table], kept: &Kept) -> String {
    let table = &tables[usize::from(kept.table.0)];
    let column = |id: ColumnId| table.column(id).name.as_str();
    let key: Vec<&str> = kept.key.iter().map(|part| column(part.column)).collect();
    let name = format!("{}[{}]", table.name, key.join(", "));
    let parts: Vec<String> = match &kept.holds {
        Holds::Rows { order, .. } => {
            let part = |part: &OrderPart| {
                let direction = if part.descending { " desc" } else { "" };
                let nulls = if part.descending && !part.nulls_first { " nulls last" } else { "" };
                format!("{}{direction}{nulls}", column(part.column))
            };
            order.iter().map(part).collect()
        }
        Holds::Tallies(tallies) => {
            let tally = |tally: &Tally| {
                let what = match tally.of {
                    Some(of) => format!("sum({})", column(of)),
                    None => "count".to_owned(),
                };
                if tally.filter.is_some() { format!("{what} filtered") } else { what }
            };
            tallies.iter().map(tally).collect()
        }
    };
    match (&kept.holds, parts.is_empty()) {
        (_, true) => name,
        (Holds::Rows { .. }, false) => format!("{name} by {}", parts.join(", ")),
        (Holds::Tallies(_), false) => format!("{name} {}", parts.join(", ")),
    }
}

/// Keys of the same columns by another class have the same name.
fn unique(taken: &[Kept], name: String) -> String {
    let is_taken = |name: &str| taken.iter().any(|kept| kept.name == name);
    if !is_taken(&name) {
        return name;
    }
    let mut at = 2;
    while is_taken(&format!("{name} #{at}")) {
        at += 1;
    }
    format!("{name} #{at}")
}
