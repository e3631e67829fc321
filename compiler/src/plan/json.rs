//! The plan for machines: `flusso plan --format json`.
//!
//! Everything the [`Plan`] says, with the name of each table, column and kept thing beside its id,
//! so that a reader needs no second look-up, and expressions both as text and as a tree.

use serde_json::{Value as Json, json};

use crate::catalog::Catalog;
use crate::expr::Expr;
use crate::plan::join::Step;
use crate::plan::{
    Aggregate, ColumnId, Head, Holds, Hop, Index, Join, Kept, KeptId, KeyPart, Object, OrderPart,
    Path, Plan, Read, Table, TableId, Tally, Value, Walk, cost, names,
};

/// One JSON object; estimates stand in it when a catalog with statistics is at hand.
pub fn json(plan: &Plan, catalog: Option<&Catalog>) -> Json {
    let Plan { tables, kept, indexes } = plan;
    let tables = tables.iter().enumerate().map(|(id, table)| self::table(id, table));
    let kept = kept.iter().enumerate().map(|(id, kept)| self::kept(plan, id, kept, catalog));
    let indexes = indexes.iter().enumerate().map(|(id, of)| index(plan, id, of, catalog));
    json!({
        "tables": tables.collect::<Vec<_>>(),
        "kept": kept.collect::<Vec<_>>(),
        "indexes": indexes.collect::<Vec<_>>(),
    })
}

fn table(id: usize, table: &Table) -> Json {
    let Table { name, key, columns } = table;
    let columns = columns.iter().enumerate();
    let columns = columns.map(|(id, of)| json!({ "id": id, "name": of.name, "type": of.ty }));
    json!({
        "id": id,
        "schema": name.schema,
        "name": name.name,
        "key": self::key(table, key),
        "columns": columns.collect::<Vec<_>>(),
    })
}

fn kept(plan: &Plan, id: usize, kept: &Kept, catalog: Option<&Catalog>) -> Json {
    let Kept { name, table, key, holds } = kept;
    let of = plan.table(*table);
    let holds = match holds {
        Holds::Rows { order, columns } => json!({ "rows": {
            "order": self::order(of, order),
            "columns": columns.iter().map(|id| column(of, *id)).collect::<Vec<_>>(),
        }}),
        Holds::Tallies(tallies) => json!({ "tallies": self::tallies(of, tallies) }),
        Holds::Joined(join) => json!({ "joined": joined(plan, join) }),
    };
    let size = catalog.and_then(|catalog| cost::size(plan, catalog, KeptId(id as u16)));
    json!({
        "id": id,
        "name": name,
        "table": table_name(plan, *table),
        "key": self::key(of, key),
        "holds": holds,
        "estimate": size.map(|size| {
            json!({ "rows": size.rows, "bytes_per_row": size.width, "bytes": size.bytes() })
        }),
    })
}

fn tallies(of: &Table, tallies: &[Tally]) -> Json {
    let tally = |Tally { of: summed, filter }: &Tally| {
        json!({
            "of": summed.as_ref().map(|summed| expr(of, summed)),
            "filter": filter.as_ref().map(|filter| expr(of, filter)),
        })
    };
    tallies.iter().map(tally).collect()
}

/// Columns are those of a joined row.
fn joined(plan: &Plan, join: &Join) -> Json {
    let Join { relations, conditions, walks, tallies } = join;
    let row = &join.row(&plan.tables);
    let tested = |tested: &Option<Expr>| tested.as_ref().map(|tested| expr(row, tested));
    let step = |step: &Step| {
        let Step { relation, kept, key, tested: then } = step;
        json!({
            "relation": relation,
            "kept": kept_name(plan, *kept),
            "key": self::key(row, key),
            "tested": tested(then),
        })
    };
    let walk = |walk: &Walk| {
        let Walk { tested: first, steps } = walk;
        json!({ "tested": tested(first), "steps": steps.iter().map(step).collect::<Vec<_>>() })
    };
    json!({
        "relations": relations.iter().map(|id| table_name(plan, *id)).collect::<Vec<_>>(),
        "conditions": conditions.iter().map(|one| expr(row, one)).collect::<Vec<_>>(),
        "walks": walks.iter().map(walk).collect::<Vec<_>>(),
        "tallies": self::tallies(row, tallies),
    })
}

fn index(plan: &Plan, id: usize, index: &Index, catalog: Option<&Catalog>) -> Json {
    let Index { name, root, present, further, shape, paths } = index;
    let table = plan.table(plan.kept(*root).table);
    json!({
        "id": id,
        "name": name,
        "root": kept_name(plan, *root),
        "present": present.as_ref().map(|present| expr(table, present)),
        "further": further,
        "shape": object(plan, table, shape),
        "paths": paths.iter().map(|of| path(plan, of, catalog)).collect::<Vec<_>>(),
    })
}

fn path(plan: &Plan, path: &Path, catalog: Option<&Catalog>) -> Json {
    let Path { from, field, reads, head, hops } = path;
    let table = plan.table(plan.kept(*from).table);
    let head = head.as_ref().map(|Head { filter, limit }| {
        json!({ "filter": filter.as_ref().map(|filter| expr(table, filter)), "limit": limit })
    });
    let reaches = plan.reaches(path).into_iter().map(|reach| {
        json!({
            "table": table_name(plan, reach.table),
            "route": names::route(plan, &reach),
            "documents_per_row": catalog.and_then(|it| cost::fan_out(plan, it, &reach)),
        })
    });
    json!({
        "from": kept_name(plan, *from),
        "field": field,
        "reads": reads.iter().map(|id| column(table, *id)).collect::<Vec<_>>(),
        "head": head,
        "hops": hops.iter().map(|hop| self::hop(plan, hop)).collect::<Vec<_>>(),
        "reaches": reaches.collect::<Vec<_>>(),
    })
}

fn object(plan: &Plan, table: &Table, object: &Object) -> Json {
    let Object { fields } = object;
    let fields = fields.iter().map(|(name, of)| (name.clone(), value(plan, table, of)));
    Json::Object(fields.collect())
}

fn value(plan: &Plan, table: &Table, value: &Value) -> Json {
    let rows = |read: &Read, of: &Object| {
        let far = plan.table(plan.kept(read.kept).table);
        json!({ "read": self::read(plan, table, read), "fields": object(plan, far, of) })
    };
    match value {
        Value::Scalar(of, render, on_error) => json!({
            "scalar": { "value": expr(table, of), "render": render, "on_error": on_error }
        }),
        Value::Formula(formula, render, on_error) => json!({
            "formula": { "value": formula, "render": render, "on_error": on_error }
        }),
        Value::Geo { lat, lon } => {
            json!({ "geo": { "lat": column(table, *lat), "lon": column(table, *lon) } })
        }
        Value::Rows(rows) => {
            let crate::plan::Rows { query, text, object: of, one } = rows.as_ref();
            let far = query.first().map_or(table, |kept| plan.table(plan.kept(kept).table));
            let fields = object(plan, far, of);
            json!({ "rows": { "text": text, "query": query, "one": one, "fields": fields } })
        }
        Value::Constant(text) => json!({ "constant": text }),
        Value::Object(of) => json!({ "object": object(plan, table, of) }),
        Value::One(read, of) => json!({ "one": rows(read, of) }),
        Value::Many(read, of) => json!({ "many": rows(read, of) }),
        Value::Aggregate(Aggregate::Tallied { kept, key, tally, function, ty }) => json!({
            "tallied": {
                "kept": kept_name(plan, *kept),
                "key": self::key(table, key),
                "tally": tally,
                "function": function,
                "type": ty,
            }
        }),
        Value::Aggregate(Aggregate::Gathered { read, function, of, ty, render, separator }) => {
            let far = plan.table(plan.kept(read.kept).table);
            json!({
                "gathered": {
                    "read": self::read(plan, table, read),
                    "function": function,
                    "of": of.as_ref().map(|of| expr(far, of)),
                    "type": ty,
                    "render": render,
                    "separator": separator,
                }
            })
        }
    }
}

fn read(plan: &Plan, table: &Table, read: &Read) -> Json {
    let Read { key, through, kept, filter, further, order, sorted, limit } = read;
    let far = plan.table(plan.kept(*kept).table);
    json!({
        "key": self::key(table, key),
        "through": through.as_ref().map(|hop| self::hop(plan, hop)),
        "kept": kept_name(plan, *kept),
        "filter": filter.as_ref().map(|filter| expr(far, filter)),
        "further": further,
        "order": self::order(far, order),
        "sorted": sorted,
        "limit": limit,
    })
}

fn hop(plan: &Plan, hop: &Hop) -> Json {
    let Hop { kept, gives } = hop;
    let table = plan.table(plan.kept(*kept).table);
    json!({ "kept": kept_name(plan, *kept), "gives": key(table, gives) })
}

fn key(table: &Table, key: &[KeyPart]) -> Json {
    let parts = key.iter().map(
        |KeyPart { column: id, class }| json!({ "column": column(table, *id), "class": class }),
    );
    parts.collect()
}

fn order(table: &Table, order: &[OrderPart]) -> Json {
    let parts = order.iter().map(|part| {
        let OrderPart { column: id, class, descending, nulls_first } = part;
        json!({
            "column": column(table, *id),
            "class": class,
            "descending": descending,
            "nulls_first": nulls_first,
        })
    });
    parts.collect()
}

fn expr(table: &Table, of: &Expr) -> Json {
    json!({ "text": names::expr(table, of), "tree": of })
}

fn column(table: &Table, id: ColumnId) -> Json {
    json!({ "id": id, "name": table.column(id).name })
}

fn table_name(plan: &Plan, id: TableId) -> Json {
    json!({ "id": id, "name": plan.table(id).name.to_string() })
}

fn kept_name(plan: &Plan, id: KeptId) -> Json {
    json!({ "id": id, "name": plan.kept(id).name })
}
