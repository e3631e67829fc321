//! How the parts of a plan read in every printed form: keys, orders, expressions, routes.
//!
//! One place, so that a reader who has seen `orders[user_id]` in the text finds the same words in
//! the JSON, in the picture and in the metrics.

use crate::expr::Expr;
use crate::plan::join::{Link, Reach};
pub(super) use crate::plan::phrase::expr;
use crate::plan::query::{Found, Rows, Takes};
use crate::plan::{
    Aggregate, AggregateFunction, ColumnId, Formula, Head, Holds, Hop, Index, KeptId, KeyPart,
    Object, OrderPart, Path, Plan, Query, Read, Table, Value,
};
use crate::sql::block::Asks;

/// `a, b`.
pub(super) fn columns(table: &Table, ids: impl IntoIterator<Item = ColumnId>) -> String {
    let names = ids.into_iter().map(|id| table.column(id).name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// `tenant, no`.
pub(super) fn key(table: &Table, key: &[KeyPart]) -> String {
    columns(table, key.iter().map(|part| part.column))
}

/// `orders[user_id]`.
pub(super) fn keyed(table: &Table, key: &[KeyPart]) -> String {
    format!("{}[{}]", table.name, self::key(table, key))
}

/// `created_at desc, id`; where NULLs stand only when it is not Postgres' default.
pub(super) fn order(table: &Table, order: &[OrderPart]) -> String {
    let parts = order.iter().map(|part| {
        let OrderPart { column, class: _, descending, nulls_first } = part;
        let name = &table.column(*column).name;
        let direction = if *descending { " desc" } else { "" };
        let nulls = match (descending, nulls_first) {
            (true, true) | (false, false) => "",
            (true, false) => " nulls last",
            (false, true) => " nulls first",
        };
        format!("{name}{direction}{nulls}")
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// `sum`.
pub(super) fn function(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Avg => "avg",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::Ids => "ids",
        AggregateFunction::CountDistinct => "count distinct",
        AggregateFunction::BoolAnd => "bool_and",
        AggregateFunction::BoolOr => "bool_or",
        AggregateFunction::StringAgg => "string_agg",
        AggregateFunction::ArrayAgg => "array_agg",
    }
}

/// How a change walks up: `order_id → orders[id].user_id`.
pub(super) fn route(plan: &Plan, reach: &Reach) -> String {
    let start = match reach.key.as_slice() {
        [] => "any of them".to_owned(),
        by => key(plan.table(reach.table), by),
    };
    let links = reach.links.iter().map(|link| {
        let Link { table, key: _, gives, name } = link;
        match gives.as_slice() {
            [] => name.clone(),
            gives => format!("{name}.{}", key(plan.table(*table), gives)),
        }
    });
    std::iter::once(start).chain(links).collect::<Vec<_>>().join(" → ")
}

/// `orders[id].user_id`.
pub(super) fn hop(plan: &Plan, hop: &Hop) -> String {
    let kept = plan.kept(hop.kept);
    let table = plan.table(kept.table);
    format!("{}.{}", kept.name, key(table, &hop.gives))
}

/// Which changes along a path are of consequence, when not all are.
pub(super) fn only(plan: &Plan, path: &Path) -> Vec<String> {
    let kept = plan.kept(path.from);
    let table = plan.table(kept.table);
    let mut only = Vec::new();
    if kept.key.is_empty() {
        only.push("every document".into());
    }
    if let Holds::Tallies(_) | Holds::Joined(_) = kept.holds {
        only.push("only when a count or sum changes".into());
        return only;
    }
    if let Some(Head { filter, limit }) = &path.head {
        let of = filter.as_ref().map(|filter| format!(" where {}", expr(table, filter)));
        only.push(format!("only when in the first {limit}{}", of.unwrap_or_default()));
    }
    let is_key = |id: &ColumnId| table.key.iter().chain(&kept.key).any(|part| part.column == *id);
    let all = (0..table.columns.len()).map(|n| ColumnId(n as u16));
    let (rest, shown): (Vec<_>, Vec<_>) =
        all.filter(|id| !is_key(id)).partition(|id| !path.reads.contains(id));
    match (rest.is_empty(), shown.is_empty()) {
        (true, _) => {}
        (false, true) => only.push("only keys".into()),
        (false, false) => only.push(format!("only {}", columns(table, shown))),
    }
    only
}

/// The kept things whose rows a document shows, the root's among them.
pub(super) fn shown(index: &Index) -> Vec<KeptId> {
    let mut shown = vec![index.root];
    reads(&index.shape, &mut |read| shown.push(read.kept));
    let mut show = |kept, takes| shown.extend((takes != Takes::Number).then_some(kept));
    index.each_formula(&mut |formula| formula.each_kept(&mut show));
    index.shape.each_rows(&mut |rows| rows.query.each_kept(&mut show));
    shown
}

/// The kept things that a formula reads, each once; those it gathers rows of are told as such.
pub(super) fn read_by(plan: &Plan, formula: &Formula) -> String {
    let (gathering, others): (Vec<&Query>, Vec<&Query>) =
        formula.queries.iter().partition(|query| gathers(plan, query));
    let parts = [each_once(plan, &others), gathered(&each_once(plan, &gathering))];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The kept things that a query reads, each once.
pub(super) fn read_by_query(plan: &Plan, query: &Query) -> String {
    let names = each_once(plan, &[query]);
    if gathers(plan, query) { gathered(&names) } else { names }
}

/// `gathered from orders[user_id], items[order_id]`: each row behind the value is looked up again
/// whenever the document is made.
pub(super) fn gathered(from: &str) -> String {
    if from.is_empty() { String::new() } else { format!("gathered from {from}") }
}

/// Whether a value is made of rows that are looked up one by one, as many as there are. Rows that
/// are shown are not meant: they cost what they are.
pub(super) fn gathers(plan: &Plan, query: &Query) -> bool {
    let shown = query.group.is_none() && query.asks == Asks::Array;
    let inner = || query.queries.iter().chain(&query.union).any(|one| gathers(plan, one));
    !shown && reads_many(plan, query) || inner()
}

/// Whether a query reads rows of which there may be many.
fn reads_many(plan: &Plan, query: &Query) -> bool {
    let Found::Rows { relations, .. } = &query.from else { return false };
    relations.iter().any(|relation| match &relation.rows {
        Rows::Kept { kept, head, .. } => !head && !is_one(plan, *kept),
        Rows::Query(inner) => reads_many(plan, inner),
        Rows::Unnest(_) => false,
    })
}

/// Whether an aggregate in words is made of rows that are looked up one by one. Lists show them.
pub(super) fn gathers_words(plan: &Plan, function: AggregateFunction, read: &Read) -> bool {
    let list = matches!(function, AggregateFunction::Ids | AggregateFunction::ArrayAgg);
    let head = read.sorted && read.limit == Some(1);
    !list && !head && (read.through.is_some() || !is_one(plan, read.kept))
}

/// Whether a key has one row at most.
fn is_one(plan: &Plan, kept: KeptId) -> bool {
    let kept = plan.kept(kept);
    let has = |part: &KeyPart| kept.key.iter().any(|by| by.column == part.column);
    let key = &plan.table(kept.table).key;
    !key.is_empty() && key.iter().all(has)
}

fn each_once(plan: &Plan, queries: &[&Query]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for query in queries {
        query.each_kept(&mut |kept, _| {
            let name = plan.kept(kept).name.as_str();
            if !names.contains(&name) {
                names.push(name);
            }
        });
    }
    names.join(", ")
}

/// ` where a and b`, or nothing.
pub(super) fn condition(
    plan: &Plan,
    table: &Table,
    filter: Option<&Expr>,
    further: &[Formula],
) -> String {
    let own = filter.map(|filter| expr(table, filter));
    let further = further.iter().map(|one| {
        let gathering = one.queries.iter().filter(|query| gathers(plan, query));
        match each_once(plan, &gathering.collect::<Vec<_>>()) {
            from if from.is_empty() => one.text.clone(),
            from => format!("{} ({})", one.text, gathered(&from)),
        }
    });
    match own.into_iter().chain(further).collect::<Vec<_>>() {
        all if all.is_empty() => String::new(),
        all => format!(" where {}", all.join(" and ")),
    }
}

/// The kept things that an index reads, walks through or starts from, in their order.
pub(super) fn used(plan: &Plan, index: &Index) -> Vec<KeptId> {
    let mut used = shown(index);
    for path in &index.paths {
        used.push(path.from);
        if let Holds::Joined(join) = &plan.kept(path.from).holds {
            used.extend(join.reads());
        }
        used.extend(path.hops.iter().map(|hop| hop.kept));
    }
    reads(&index.shape, &mut |read| used.extend(read.through.as_ref().map(|hop| hop.kept)));
    tallied(&index.shape, &mut used);
    index.each_formula(&mut |formula| formula.each_kept(&mut |kept, _| used.push(kept)));
    index.shape.each_rows(&mut |rows| rows.query.each_kept(&mut |kept, _| used.push(kept)));
    used.sort();
    used.dedup();
    used
}

/// Each block that an object reads, outermost first.
fn reads(object: &Object, each: &mut impl FnMut(&Read)) {
    for (_, value) in &object.fields {
        match value {
            Value::Scalar(..) | Value::Formula(..) | Value::Geo { .. } | Value::Constant(_) => {}
            Value::Object(object) => reads(object, each),
            Value::Rows(rows) => reads(&rows.object, each),
            Value::One(read, object) | Value::Many(read, object) => {
                each(read);
                reads(object, each);
            }
            Value::Aggregate(Aggregate::Gathered { read, .. }) => each(read),
            Value::Aggregate(Aggregate::Tallied { .. }) => {}
        }
    }
}

fn tallied(object: &Object, used: &mut Vec<KeptId>) {
    for (_, value) in &object.fields {
        match value {
            Value::Scalar(..) | Value::Formula(..) | Value::Geo { .. } | Value::Constant(_) => {}
            Value::Object(object) | Value::One(_, object) | Value::Many(_, object) => {
                tallied(object, used);
            }
            Value::Rows(rows) => tallied(&rows.object, used),
            Value::Aggregate(Aggregate::Tallied { kept, .. }) => used.push(*kept),
            Value::Aggregate(Aggregate::Gathered { .. }) => {}
        }
    }
}
