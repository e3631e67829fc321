//! The plan beside what a running server measures of it: `flusso plan --analyze`.
//!
//! ```text
//! measured              rows  B/row  memory   busy  share
//!   orders[id]          50 k    129    6 MB  0.2 s     4%
//!   assemble                                 1.9 s    38%
//!
//! documents  root rows   built  suppressed
//!   orders      50 000  61 204         112
//! ```
//!
//! A kept thing is known by its name, so what a server with another plan does not have is said to
//! be unknown there.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plan::layout::{Cell, Grid, Style, bytes, cell, figure, grouped, rounded};
use crate::plan::{IndexId, KeptId, Plan, names, text};

/// What a server measures, by the keys of its `/status`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Measured {
    /// By kept thing.
    pub kept: BTreeMap<String, Node>,
    /// Seconds worked by the parts that are no kept thing.
    pub busy_seconds: BTreeMap<String, f64>,
    /// By index.
    pub documents: BTreeMap<String, Made>,
}

/// One kept thing.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Node {
    /// Rows or groups held.
    pub records: u64,
    /// Bytes held.
    pub bytes: u64,
    /// Seconds worked on it.
    pub busy_seconds: f64,
}

/// One index.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Made {
    /// Root rows.
    pub roots: u64,
    /// Documents handed on, deletions included.
    pub built: u64,
    /// Documents assembled and found to be as before.
    pub suppressed: u64,
}

/// The whole plan, or one index of it, with what was measured.
pub fn analyze(plan: &Plan, of: Option<IndexId>, measured: &Measured, colour: bool) -> String {
    let mut out = text::shape(plan, of, None, colour);
    nodes(plan, of, measured).print(colour, &mut out);
    out.push('\n');
    documents(plan, of, measured).print(colour, &mut out);
    out
}

fn heading(text: &str) -> Cell {
    Cell { text: text.into(), style: Style::Strong, right: true }
}

/// What stands in memory, and where the time went.
fn nodes(plan: &Plan, of: Option<IndexId>, measured: &Measured) -> Grid {
    let all = measured.kept.values().map(|node| node.busy_seconds);
    let all: f64 = all.chain(measured.busy_seconds.values().copied()).sum();
    let busy = |seconds: f64| {
        let share = if all > 0.0 { seconds / all * 100.0 } else { 0.0 };
        [figure(format!("{seconds:.1} s")), figure(format!("{share:.0}%"))]
    };
    let mut grid = Grid::default();
    let headings = ["rows", "B/row", "memory", "busy", "share"].map(heading);
    grid.row([cell("measured", Style::Strong)].into_iter().chain(headings));
    let mut memory = 0;
    for (n, kept) in plan.kept.iter().enumerate() {
        let used =
            |index: &crate::plan::Index| names::used(plan, index).contains(&KeptId(n as u16));
        if of.is_some_and(|of| !used(&plan.indexes[usize::from(of.0)])) {
            continue;
        }
        let mut row = vec![cell(format!("  {}", kept.name), Style::Kept)];
        match measured.kept.get(&kept.name) {
            Some(node) => {
                memory += node.bytes;
                let width = node.bytes.checked_div(node.records);
                let width = width.map_or("–".to_owned(), |width| width.to_string());
                row.extend([rounded(node.records), width, bytes(node.bytes)].map(figure));
                row.extend(busy(node.busy_seconds));
            }
            None => {
                row.extend(["–"; 5].map(figure));
                row.push(cell("unknown there", Style::Faint));
            }
        }
        grid.row(row);
    }
    for (part, seconds) in &measured.busy_seconds {
        let name = cell(format!("  {part}"), Style::Plain);
        grid.row([name].into_iter().chain(["", "", ""].map(figure)).chain(busy(*seconds)));
    }
    let total = ["", "", &bytes(memory), &format!("{all:.1} s"), ""].map(figure);
    grid.row([cell("", Style::Plain)].into_iter().chain(total));
    grid
}

/// What became of documents.
fn documents(plan: &Plan, of: Option<IndexId>, measured: &Measured) -> Grid {
    let mut grid = Grid::default();
    let headings = ["root rows", "built", "suppressed"].map(heading);
    grid.row([cell("documents", Style::Strong)].into_iter().chain(headings));
    for (n, index) in plan.indexes.iter().enumerate() {
        if of.is_none_or(|of| usize::from(of.0) == n) {
            let made = measured.documents.get(&index.name);
            let figures = made.map_or_else(
                || ["–"; 3].map(figure),
                |made| [made.roots, made.built, made.suppressed].map(grouped).map(figure),
            );
            let name = cell(format!("  {}", index.name), Style::Plain);
            grid.row([name].into_iter().chain(figures));
        }
    }
    grid
}
