//! The plan as a picture: tables, what is kept of them, how changes walk, the documents.
//!
//! One list of nodes and edges, written in the two languages that people paste it into.

use std::fmt::Write;

use crate::plan::{Holds, IndexId, KeptId, Plan, TableId, names};

/// A node of the picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Table(TableId),
    Kept(KeptId),
    Index(IndexId),
}

/// An arrow and what is handed along it.
struct Edge {
    from: Node,
    to: Node,
    label: String,
}

impl Node {
    fn id(self) -> String {
        match self {
            Node::Table(TableId(n)) => format!("t{n}"),
            Node::Kept(KeptId(n)) => format!("k{n}"),
            Node::Index(IndexId(n)) => format!("i{n}"),
        }
    }

    fn label(self, plan: &Plan) -> String {
        match self {
            Node::Table(id) => plan.table(id).name.to_string(),
            Node::Kept(id) => plan.kept(id).name.clone(),
            Node::Index(IndexId(n)) => plan.indexes[usize::from(n)].name.clone(),
        }
    }
}

/// Graphviz.
pub fn dot(plan: &Plan) -> String {
    let mut out =
        String::from("digraph flusso {\n  rankdir=LR;\n  node [fontname=\"monospace\"];\n");
    for node in nodes(plan) {
        let shape = match node {
            Node::Table(_) => "box",
            Node::Kept(id) => match plan.kept(id).holds {
                Holds::Rows { .. } => "cylinder",
                Holds::Tallies(_) | Holds::Joined(_) => "hexagon",
            },
            Node::Index(_) => "note",
        };
        let label = quoted(&node.label(plan));
        let _ = writeln!(out, "  {} [shape={shape}, label={label}];", node.id());
    }
    for Edge { from, to, label } in edges(plan) {
        let (from, to) = (from.id(), to.id());
        let _ = match label.is_empty() {
            true => writeln!(out, "  {from} -> {to};"),
            false => writeln!(out, "  {from} -> {to} [label={}];", quoted(&label)),
        };
    }
    out.push_str("}\n");
    out
}

/// Mermaid.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    for node in nodes(plan) {
        let label = escaped(&node.label(plan));
        let shape = match node {
            Node::Table(_) => format!("[\"{label}\"]"),
            Node::Kept(id) => match plan.kept(id).holds {
                Holds::Rows { .. } => format!("[(\"{label}\")]"),
                Holds::Tallies(_) | Holds::Joined(_) => format!("{{{{\"{label}\"}}}}"),
            },
            Node::Index(_) => format!("([\"{label}\"])"),
        };
        let _ = writeln!(out, "  {}{shape}", node.id());
    }
    for Edge { from, to, label } in edges(plan) {
        let (from, to) = (from.id(), to.id());
        let _ = match label.is_empty() {
            true => writeln!(out, "  {from} --> {to}"),
            false => writeln!(out, "  {from} -->|\"{}\"| {to}", escaped(&label)),
        };
    }
    out
}

fn nodes(plan: &Plan) -> impl Iterator<Item = Node> {
    let tables = (0..plan.tables.len()).map(|n| Node::Table(TableId(n as u16)));
    let kept = (0..plan.kept.len()).map(|n| Node::Kept(KeptId(n as u16)));
    let indexes = (0..plan.indexes.len()).map(|n| Node::Index(IndexId(n as u16)));
    tables.chain(kept).chain(indexes)
}

/// Each arrow once, its labels joined.
fn edges(plan: &Plan) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    let mut add = |from: Node, to: Node, label: String| match edges
        .iter_mut()
        .find(|edge| edge.from == from && edge.to == to)
    {
        Some(edge) if edge.label.split("; ").any(|known| known == label) => {}
        Some(edge) => edge.label = format!("{}; {label}", edge.label),
        None => edges.push(Edge { from, to, label }),
    };
    for (n, kept) in plan.kept.iter().enumerate() {
        let node = Node::Kept(KeptId(n as u16));
        match &kept.holds {
            Holds::Rows { .. } | Holds::Tallies(_) => {
                add(Node::Table(kept.table), node, String::new());
            }
            Holds::Joined(join) => {
                let tables = join.relations.iter().map(|table| Node::Table(*table));
                let read = join.reads().into_iter().map(Node::Kept);
                tables.chain(read).for_each(|from| add(from, node, String::new()));
            }
        }
    }
    for (n, index) in plan.indexes.iter().enumerate() {
        for path in &index.paths {
            let from = plan.kept(path.from);
            let mut at = Node::Kept(path.from);
            let mut label = names::key(plan.table(from.table), &from.key);
            for hop in &path.hops {
                add(at, Node::Kept(hop.kept), label);
                at = Node::Kept(hop.kept);
                label = names::key(plan.table(plan.kept(hop.kept).table), &hop.gives);
            }
            add(at, Node::Index(IndexId(n as u16)), label);
        }
    }
    edges
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
