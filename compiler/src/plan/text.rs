//! The plan as its author reads it: `flusso plan`.
//!
//! ```text
//! users                            one document per users.id
//!   email, name                    users[id]
//!   orders [5, created_at desc]    orders[user_id]
//!
//! a change in  reaches users through
//!   orders     user_id             only when in the first 5
//!
//! keeps               rows  B/row  memory
//!   orders[user_id]  8.2 M     64  525 MB  ordered by created_at desc
//! ```
//!
//! Nouns of the schema, brackets for keys, arrows for hops. Figures stand there when a catalog
//! with statistics is at hand.

use crate::catalog::Catalog;
use crate::expr::{Expr, OnFailure};
use crate::plan::layout::{Cell, Grid, Style, bytes, cell, figure, grouped, rounded, wrap};
use crate::plan::{
    Aggregate, Holds, Index, IndexId, Join, Kept, KeptId, KeyPart, Object, Plan, Read, Table,
    Tally, Value, cost, names,
};

/// A path that reaches at least so many documents is worth a remark.
const WIDE: u64 = 1_000;

/// How wide a list of plain fields grows before it breaks.
const LIST: usize = 40;

/// The whole plan, or one index of it and what that keeps.
pub fn text(plan: &Plan, of: Option<IndexId>, catalog: Option<&Catalog>, colour: bool) -> String {
    let mut out = shape(plan, of, catalog, colour);
    keeps(plan, of, catalog).print(colour, &mut out);
    out
}

/// What documents are, and how changes find them: all but what is kept.
pub(super) fn shape(
    plan: &Plan,
    of: Option<IndexId>,
    catalog: Option<&Catalog>,
    colour: bool,
) -> String {
    let mut out = String::new();
    for (n, index) in plan.indexes.iter().enumerate() {
        if of.is_none_or(|of| usize::from(of.0) == n) {
            documents(plan, index).print(colour, &mut out);
            out.push('\n');
            changes(plan, index, catalog).print(colour, &mut out);
            out.push('\n');
        }
    }
    out
}

/// What a document says and where that is read.
fn documents(plan: &Plan, index: &Index) -> Grid {
    let mut grid = Grid::default();
    let root = plan.kept(index.root);
    let table = plan.table(root.table);
    let present = names::condition(plan, table, index.present.as_ref(), &index.further);
    let per = table.key.iter().map(|part| &table.column(part.column).name);
    let per = per.map(|column| format!("{}.{column}", table.name)).collect::<Vec<_>>().join(", ");
    grid.row([
        cell(&index.name, Style::Strong),
        cell(format!("one document per {per}{present}"), Style::Plain),
    ]);
    let mut tree = Tree { plan, grid };
    tree.object(table, &index.shape, 1, &root.name);
    tree.grid
}

struct Tree<'a> {
    plan: &'a Plan,
    grid: Grid,
}

impl Tree<'_> {
    fn line(&mut self, depth: usize, left: &str, right: &str) {
        let left = format!("{}{left}", "  ".repeat(depth));
        self.grid.row([cell(left, Style::Plain), cell(right, Style::Kept)]);
    }

    /// The columns of the row first, then what is computed from it, then other blocks. `from` is
    /// said once, beside the first line.
    fn object(&mut self, table: &Table, object: &Object, depth: usize, from: &str) {
        let mut plain = Vec::new();
        for (name, value) in &object.fields {
            if let Value::Scalar(of, ..) = value
                && names::expr(table, of) == *name
            {
                plain.push(name.as_str());
            }
        }
        let mut from = from;
        if !plain.is_empty() {
            let list = plain.join(", ");
            for line in wrap(&list, LIST, LIST) {
                self.line(depth, &line, std::mem::take(&mut from));
            }
        }
        for (name, value) in &object.fields {
            if !plain.contains(&name.as_str()) {
                let reads_row = !matches!(
                    value,
                    Value::One(..)
                        | Value::Many(..)
                        | Value::Aggregate(_)
                        | Value::Object(_)
                        | Value::Formula(..)
                        | Value::Rows(_)
                );
                let from = if reads_row { std::mem::take(&mut from) } else { "" };
                self.field(table, name, value, depth, from);
            }
        }
    }

    fn field(&mut self, table: &Table, name: &str, value: &Value, depth: usize, from: &str) {
        match value {
            Value::Scalar(of, _, on_error) => {
                let needed = needed(*on_error);
                self.line(depth, &format!("{name} = {}{needed}", names::expr(table, of)), from);
            }
            Value::Formula(formula, _, on_error) => {
                let left = format!("{name} = {}{}", formula.text, needed(*on_error));
                self.line(depth, &left, &names::read_by(self.plan, formula));
            }
            Value::Geo { lat, lon } => {
                let columns = names::columns(table, [*lat, *lon]);
                self.line(depth, &format!("{name} = point of {columns}"), from);
            }
            Value::Constant(json) => self.line(depth, &format!("{name} = {json}"), from),
            Value::Object(object) => {
                self.line(depth, &format!("{name} {{}}"), "");
                self.object(table, object, depth + 1, "");
            }
            Value::One(read, object) => {
                let order =
                    names::order(self.plan.table(self.plan.kept(read.kept).table), &read.order);
                let first =
                    if order.is_empty() { String::new() } else { format!(" [first by {order}]") };
                self.line(depth, &format!("{name}{first}"), &source(self.plan, table, read));
                self.object(
                    self.plan.table(self.plan.kept(read.kept).table),
                    object,
                    depth + 1,
                    "",
                );
            }
            Value::Many(read, object) => {
                let far = self.plan.table(self.plan.kept(read.kept).table);
                let limit = read.limit.map(|limit| limit.to_string());
                let order = Some(names::order(far, &read.order)).filter(|order| !order.is_empty());
                let bracket = limit.into_iter().chain(order).collect::<Vec<_>>().join(", ");
                self.line(depth, &format!("{name} [{bracket}]"), &source(self.plan, table, read));
                self.object(far, object, depth + 1, "");
            }
            Value::Rows(rows) => {
                let bracket = match (rows.one, rows.query.limit) {
                    (false, Some(limit)) => format!(" [{limit}]"),
                    (false, None) => " []".into(),
                    (true, _) => String::new(),
                };
                let left = format!("{name}{bracket} = {}", rows.text);
                self.line(depth, &left, &names::read_by_query(self.plan, &rows.query));
                let first = rows.query.first().map(|kept| self.plan.kept(kept).table);
                let far = first.map_or(table, |first| self.plan.table(first));
                self.object(far, &rows.object, depth + 1, "");
            }
            Value::Aggregate(of) => {
                let (left, right) = aggregate(self.plan, table, of);
                self.line(depth, &format!("{name} = {left}"), &right);
            }
        }
    }
}

fn needed(on_error: OnFailure) -> &'static str {
    match on_error {
        OnFailure::Null => "",
        OnFailure::Skip => ", or no document",
    }
}

/// `revenue = sum(orders.total)`, and where that comes from.
fn aggregate(plan: &Plan, table: &Table, of: &Aggregate) -> (String, String) {
    match of {
        Aggregate::Tallied { kept, key, tally, function, ty: _ } => {
            let kept = plan.kept(*kept);
            let far = plan.table(kept.table);
            let Tally { of, filter } = match &kept.holds {
                Holds::Tallies(tallies) => tallies[usize::from(*tally)].clone(),
                Holds::Rows { .. } | Holds::Joined(_) => Tally { of: None, filter: None },
            };
            let of = match of {
                Some(of) => summed(far, &of),
                None => far.name.to_string(),
            };
            let filter = filter.map(|filter| format!(" where {}", names::expr(far, &filter)));
            let right = format!("{}{}", enter(table, key), kept.name);
            (format!("{}({of})", names::function(*function)) + &filter.unwrap_or_default(), right)
        }
        Aggregate::Gathered { read, function, of, ty: _, render: _, separator: _ } => {
            let far = plan.table(plan.kept(read.kept).table);
            let of = match of {
                Some(of) => summed(far, of),
                None => far.name.to_string(),
            };
            let from = source(plan, table, read);
            let right = match read.sorted && read.limit == Some(1) {
                true => format!("{from}, the first row"),
                false if names::gathers_words(plan, *function, read) => names::gathered(&from),
                false => from,
            };
            (format!("{}({of})", names::function(*function)), right)
        }
    }
}

/// Where a block's rows are found: `product_id → products[id] where …`.
fn source(plan: &Plan, table: &Table, read: &Read) -> String {
    let kept = plan.kept(read.kept);
    let far = plan.table(kept.table);
    let through = read.through.as_ref().map(|hop| format!("{} → ", names::hop(plan, hop)));
    let filter = names::condition(plan, far, read.filter.as_ref(), &read.further);
    format!("{}{}{}{}", enter(table, &read.key), through.unwrap_or_default(), kept.name, filter)
}

/// The enclosing row's side of a key, unless it is its primary key, which goes without saying.
fn enter(table: &Table, key: &[KeyPart]) -> String {
    let own = table.key.iter().map(|part| part.column).eq(key.iter().map(|part| part.column));
    if own { String::new() } else { format!("{} → ", names::key(table, key)) }
}

/// How a change in each table finds the documents.
fn changes(plan: &Plan, index: &Index, catalog: Option<&Catalog>) -> Grid {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for path in &index.paths {
        for reach in plan.reaches(path) {
            let mut remarks = names::only(plan, path);
            match catalog.and_then(|catalog| cost::fan_out(plan, catalog, &reach)) {
                Some(n) if n >= WIDE => {
                    remarks.push(format!("one row may reach about {} documents", grouped(n)));
                }
                Some(_) | None => {}
            }
            let table = format!("  {}", plan.table(reach.table).name);
            let row = [table, names::route(plan, &reach), remarks.join("; ")];
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    let mut grid = Grid::default();
    let reaches = format!("reaches {} through", index.name);
    grid.row([cell("a change in", Style::Strong), cell(reaches, Style::Strong)]);
    for [table, route, remarks] in rows {
        let style = Style::Faint;
        grid.row([cell(table, Style::Plain), cell(route, Style::Kept), cell(remarks, style)]);
    }
    grid
}

/// What stands in memory, once for all that read it.
fn keeps(plan: &Plan, of: Option<IndexId>, catalog: Option<&Catalog>) -> Grid {
    let mut grid = Grid::default();
    let heading = |text: &str| Cell { text: text.into(), style: Style::Strong, right: true };
    let mut head = vec![cell("keeps", Style::Strong)];
    if catalog.is_some() {
        head.extend([heading("rows"), heading("B/row"), heading("memory")]);
    }
    grid.row(head);
    let users = users(plan);
    let (mut total, mut complete) = (0, true);
    for (n, kept) in plan.kept.iter().enumerate() {
        let mine = of.is_none_or(|of| users[n].contains(&usize::from(of.0)));
        if !mine {
            continue;
        }
        let mut row = vec![cell(format!("  {}", kept.name), Style::Kept)];
        if let Some(catalog) = catalog {
            match cost::size(plan, catalog, KeptId(n as u16)) {
                Some(size) => {
                    total += size.bytes();
                    row.extend([rounded(size.rows), size.width.to_string()].map(figure));
                    row.push(figure(bytes(size.bytes())));
                }
                None => {
                    complete = false;
                    row.extend(["–", "–", "–"].map(figure));
                }
            }
        }
        row.push(cell(remarks(plan, KeptId(n as u16), &users[n], of), Style::Faint));
        grid.row(row);
    }
    if catalog.is_some() {
        let note = if complete { "" } else { "at least: not every table was analysed" };
        grid.row([
            cell("", Style::Plain),
            figure(""),
            figure(""),
            figure(bytes(total)),
            cell(note, Style::Faint),
        ]);
    }
    grid
}

/// For each kept thing the indexes that use it.
fn users(plan: &Plan) -> Vec<Vec<usize>> {
    let used = plan.indexes.iter().map(|index| names::used(plan, index)).collect::<Vec<_>>();
    let using = |id: KeptId| (0..used.len()).filter(|n| used[*n].contains(&id)).collect();
    (0..plan.kept.len()).map(|id| using(KeptId(id as u16))).collect()
}

fn remarks(plan: &Plan, id: KeptId, users: &[usize], of: Option<IndexId>) -> String {
    let kept = plan.kept(id);
    let table = plan.table(kept.table);
    let mut remarks = Vec::new();
    match &kept.holds {
        Holds::Rows { order, columns: _ } => {
            if !order.is_empty() {
                remarks.push(format!("ordered by {}", names::order(table, order)));
            }
            let is_joined = |kept: &Kept| match &kept.holds {
                Holds::Joined(join) => join.reads().contains(&id),
                Holds::Rows { .. } | Holds::Tallies(_) => false,
            };
            if !plan.indexes.iter().any(|index| names::shown(index).contains(&id)) {
                let joined = plan.kept.iter().any(is_joined);
                remarks.push(if joined { "for joins" } else { "keys only" }.into());
            }
        }
        Holds::Tallies(tallies) => {
            remarks.push(tallies.iter().map(|of| tally(table, of)).collect::<Vec<_>>().join(", "));
        }
        Holds::Joined(join) => remarks.push(joined(plan, join)),
    }
    let others = users.iter().filter(|n| of.is_some_and(|of| usize::from(of.0) != **n));
    let others = others.map(|n| plan.indexes[*n].name.as_str()).collect::<Vec<_>>();
    if !others.is_empty() {
        remarks.push(format!("shared with {}", others.join(", ")));
    }
    remarks.join("; ")
}

/// `orders.total`, or the expression over its columns.
fn summed(table: &Table, of: &Expr) -> String {
    match of {
        Expr::Column(column) => format!("{}.{}", table.name, table.column(*column).name),
        of => names::expr(table, of),
    }
}

/// `sum(items.price) where orders.id = items.order_id`.
pub(super) fn joined(plan: &Plan, join: &Join) -> String {
    let row = join.row(&plan.tables);
    let tallies = join.tallies.iter().map(|of| tally(&row, of)).collect::<Vec<_>>().join(", ");
    let conditions = join.conditions.iter().map(|one| names::expr(&row, one)).collect::<Vec<_>>();
    format!("{tallies} of joined rows where {}", conditions.join(" and "))
}

/// `sum(total) where status = 'paid'`.
pub(super) fn tally(table: &Table, tally: &Tally) -> String {
    let Tally { of, filter } = tally;
    let of = match of {
        Some(of) => format!("sum({})", names::expr(table, of)),
        None => "count".into(),
    };
    match filter {
        Some(filter) => format!("{of} where {}", names::expr(table, filter)),
        None => of,
    }
}
