//! The physical plan: `flusso plan --verbose`, one numbered line an operator.
//!
//! Operators carry the names that metrics and `--analyze` carry: a kept thing its own, with the
//! number it has in the JSON and in the picture, then `propagate INDEX`, `gather INDEX` and
//! `emit INDEX`. The lines below an operator say what it walks or looks up.

use crate::plan::layout::{Grid, Style, cell, figure};
use crate::plan::query::Takes;
use crate::plan::{
    Aggregate, Formula, Holds, Index, Join, Kept, Object, Plan, Query, Read, Value, Walk, names,
    text,
};

/// The operators in the order a change meets them.
pub fn verbose(plan: &Plan, colour: bool) -> String {
    let mut grid = Grid::default();
    grid.row([
        figure("#"),
        cell("operator", Style::Strong),
        cell("what it holds or does", Style::Strong),
    ]);
    let mut list = List { grid, next: 0 };
    for kept in &plan.kept {
        let (verb, what) = held(plan, kept);
        list.operator(&format!("{verb} {}", kept.name), &what);
        if let Holds::Joined(join) = &kept.holds {
            list.walks(plan, join);
        }
    }
    for index in &plan.indexes {
        list.index(plan, index);
    }
    let mut out = String::new();
    list.grid.print(colour, &mut out);
    out
}

struct List {
    grid: Grid,
    next: usize,
}

impl List {
    fn operator(&mut self, name: &str, what: &str) {
        let number = figure(self.next.to_string());
        self.grid.row([number, cell(name, Style::Kept), cell(what, Style::Plain)]);
        self.next += 1;
    }

    fn detail(&mut self, name: &str, what: &str) {
        self.grid.row([
            figure(""),
            cell(format!("  {name}"), Style::Plain),
            cell(what, Style::Faint),
        ]);
    }

    fn walks(&mut self, plan: &Plan, join: &Join) {
        let row = join.row(&plan.tables);
        for (position, Walk { tested, steps }) in join.walks.iter().enumerate() {
            let mut what: Vec<String> = Vec::new();
            what.extend(tested.as_ref().map(|it| format!("where {}", names::expr(&row, it))));
            what.extend(steps.iter().map(|step| {
                let by = names::key(&row, &step.key);
                let tested = step.tested.as_ref().map(|it| names::expr(&row, it));
                let tested = tested.map(|it| format!(" where {it}")).unwrap_or_default();
                format!("{} by {by}{tested}", plan.kept(step.kept).name)
            }));
            self.detail(
                &format!("from {}", join.called(&plan.tables, position)),
                &what.join(" → "),
            );
        }
    }

    fn index(&mut self, plan: &Plan, index: &Index) {
        let root = plan.kept(index.root);
        let table = plan.table(root.table);
        self.operator(
            &format!("propagate {}", index.name),
            &format!("{} of {}", names::key(table, &table.key), table.name),
        );
        for path in &index.paths {
            let reaches = plan.reaches(path);
            let mut what: Vec<String> =
                reaches.iter().take(1).map(|reach| names::route(plan, reach)).collect();
            what.extend(names::only(plan, path));
            if !path.field.is_empty() {
                what.push(format!("for {}", path.field));
            }
            self.detail(&plan.kept(path.from).name, &what.join("; "));
        }
        let present = names::condition(plan, table, index.present.as_ref(), &index.further);
        self.operator(&format!("gather {}", index.name), present.trim_start());
        self.detail("lookup", &root.name);
        index.further.iter().for_each(|one| self.formula(plan, one, "presence"));
        self.lookups(plan, &index.shape, "");
        self.operator(&format!("emit {}", index.name), "");
    }

    fn lookups(&mut self, plan: &Plan, object: &Object, within: &str) {
        for (name, value) in &object.fields {
            let field = if within.is_empty() { name.clone() } else { format!("{within}.{name}") };
            match value {
                Value::Scalar(..) | Value::Geo { .. } | Value::Constant(_) => {}
                Value::Formula(formula, ..) => self.formula(plan, formula, &field),
                Value::Rows(rows) => {
                    self.query(plan, &rows.query, &field);
                    self.lookups(plan, &rows.object, &field);
                }
                Value::Object(object) => self.lookups(plan, object, &field),
                Value::One(read, object) | Value::Many(read, object) => {
                    self.read(plan, read, "lookup", &field);
                    self.lookups(plan, object, &field);
                }
                Value::Aggregate(Aggregate::Gathered { read, function, .. }) => {
                    let gathers = names::gathers_words(plan, *function, read);
                    self.read(plan, read, if gathers { "gather" } else { "lookup" }, &field);
                }
                Value::Aggregate(Aggregate::Tallied { kept, .. }) => {
                    let what = format!("{} for {field}", plan.kept(*kept).name);
                    self.detail("lookup", &what);
                }
            }
        }
    }

    fn formula(&mut self, plan: &Plan, formula: &Formula, field: &str) {
        formula.queries.iter().for_each(|query| self.query(plan, query, field));
    }

    fn query(&mut self, plan: &Plan, query: &Query, field: &str) {
        let gathers = names::gathers(plan, query);
        query.each_kept(&mut |kept, takes| {
            let word = match takes {
                Takes::First => "head",
                Takes::Rows if gathers => "gather",
                Takes::Rows | Takes::Number => "lookup",
            };
            self.detail(word, &format!("{} for {field}", plan.kept(kept).name));
        });
    }

    /// Rows that are shown are looked up, those that one value is made of are gathered.
    fn read(&mut self, plan: &Plan, read: &Read, word: &str, field: &str) {
        let Read { key: _, through, kept, filter, further, order, sorted, limit } = read;
        if let Some(hop) = through {
            self.detail("lookup", &format!("{} for {field}", names::hop(plan, hop)));
        }
        let kept = plan.kept(*kept);
        let table = plan.table(kept.table);
        let mut what = vec![format!("{} for {field}", kept.name)];
        let filter = names::condition(plan, table, filter.as_ref(), further);
        what.extend(Some(filter.trim_start().to_owned()).filter(|it| !it.is_empty()));
        if !order.is_empty() && !sorted {
            what.push(format!("sort by {}", names::order(table, order)));
        }
        what.extend(limit.map(|limit| format!("limit {limit}")));
        self.detail(if *sorted && limit.is_some() { "head" } else { word }, &what.join("; "));
        further.iter().for_each(|one| self.formula(plan, one, field));
    }
}

fn held(plan: &Plan, kept: &Kept) -> (&'static str, String) {
    let table = plan.table(kept.table);
    let by = names::key(table, &kept.key);
    match &kept.holds {
        Holds::Rows { order, columns } => {
            let mut what = vec![format!("by {by}")];
            if !order.is_empty() {
                what.push(format!("order {}", names::order(table, order)));
            }
            match columns.as_slice() {
                [] => what.push("keys only".into()),
                columns => what.push(names::columns(table, columns.iter().copied())),
            }
            ("arrange", what.join("; "))
        }
        Holds::Tallies(tallies) => {
            let tallies = tallies.iter().map(|of| text::tally(table, of)).collect::<Vec<_>>();
            ("reduce", format!("by {by}; {}", tallies.join(", ")))
        }
        Holds::Joined(join) => ("reduce", format!("by {by}; {}", text::joined(plan, join))),
    }
}
