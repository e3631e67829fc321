//! What has changed about a table so that the rows that were read are no longer what it holds, or
//! no longer what a document means; and what to do about it.
//!
//! Two readings of the catalog are compared ([`compare`]), at every connection, every few seconds
//! and whenever the stream describes a table anew, before its next row is taken. Columns that no
//! document reads come and go unnoticed, and so do indexes, statistics, `VACUUM FULL`, `CLUSTER`,
//! and partitions that are made empty.

use std::fmt;

use flusso_compiler::plan::{Plan, TableId};
use flusso_compiler::types::Class;

use super::layout::{ColumnType, Layout, Member, Place};

/// What happened to a table; its `Display` goes behind the table's name and ends with the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is not there any more.
    Dropped,
    /// It has another name now.
    Renamed {
        /// That name.
        to: String,
    },
    /// It is another table of the same name.
    Remade,
    /// A column is not there any more, or not replicated.
    ColumnDropped {
        /// Which.
        column: String,
    },
    /// A column has another name now.
    ColumnRenamed {
        /// Its name in the schema file.
        column: String,
        /// Its name in the table.
        to: String,
    },
    /// A column was dropped, and another of that name made.
    ColumnRemade {
        /// Which.
        column: String,
    },
    /// A column's values print differently.
    ColumnRetyped {
        /// Which.
        column: String,
    },
    /// All rows were written anew by an `ALTER` of a column, maybe with other values.
    Rewritten {
        /// Which column.
        column: String,
    },
    /// A label of an enum has another name.
    Relabelled {
        /// The label as it was.
        label: String,
    },
    /// An enum whose order documents go by got another label.
    NewLabel {
        /// The label.
        label: String,
    },
    /// The primary key is made of other columns.
    Key,
    /// Rows that go are not told, or not by the primary key.
    Identity {
        /// The table or the partition of it, quoted.
        member: String,
    },
    /// A table that holds rows became a part of it.
    Attached {
        /// That table, quoted.
        member: String,
    },
    /// A part of it is not one any more.
    Detached {
        /// That part, quoted.
        member: String,
    },
    /// A part of it was emptied by itself.
    Emptied {
        /// That part, quoted.
        member: String,
    },
    /// Its changes are not published any more.
    Unpublished,
    /// It was taken out of the publication and put back, or put in differently.
    Republished,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const AGAIN: &str = "start again to copy it anew";
        match self {
            Changed::Dropped => f.write_str(
                "was dropped; take it out of the schema files or make it again, and start again",
            ),
            Changed::Renamed { to } => write!(
                f,
                "is called {to} now; write that into the schema files, or rename it back, and \
                 start again"
            ),
            Changed::Remade => write!(f, "was dropped and made again; {AGAIN}"),
            Changed::ColumnDropped { column } => write!(
                f,
                "has no column `{column}` any more, which a document reads; take it out of the \
                 schema file and start again"
            ),
            Changed::ColumnRenamed { column, to } => write!(
                f,
                "calls its column `{column}`, which a document reads, `{to}` now; write `column: \
                 {to}` into the schema file, or rename it back, and start again"
            ),
            Changed::ColumnRemade { column } => write!(
                f,
                "lost its column `{column}`, which a document reads, and got another of that \
                 name; {AGAIN}"
            ),
            Changed::ColumnRetyped { column } => write!(
                f,
                "has another type for its column `{column}`, which a document reads; adapt the \
                 schema file if `flusso check` says so, and {AGAIN}"
            ),
            Changed::Rewritten { column } => write!(
                f,
                "was rewritten by an ALTER of its column `{column}`, which a document reads and \
                 whose values may be others now; {AGAIN}"
            ),
            Changed::Relabelled { label } => {
                write!(f, "has an enum whose label '{label}' was renamed; {AGAIN}")
            }
            Changed::NewLabel { label } => write!(
                f,
                "has an enum that documents are ordered or found by, and it got the label \
                 '{label}'; {AGAIN}"
            ),
            Changed::Key => {
                write!(f, "has another primary key; adapt the schema files if need be, and {AGAIN}")
            }
            Changed::Identity { member } => write!(
                f,
                "no longer tells which rows go from {member}; run ALTER TABLE {member} REPLICA \
                 IDENTITY DEFAULT; and {AGAIN}"
            ),
            Changed::Attached { member } => {
                write!(f, "got the rows of {member}, which the stream does not tell; {AGAIN}")
            }
            Changed::Detached { member } => {
                write!(f, "lost the rows of {member}, which the stream does not tell; {AGAIN}")
            }
            Changed::Emptied { member } => {
                write!(
                    f,
                    "lost the rows of {member}, which was emptied or rewritten alone; {AGAIN}"
                )
            }
            Changed::Unpublished => write!(
                f,
                "was taken out of the publication; {AGAIN}, which also publishes it again where \
                 `manage_publication` allows"
            ),
            Changed::Republished => write!(
                f,
                "was taken out of the publication and put back, or got a row filter or a column \
                 list there, so that changes may be missing; {AGAIN}"
            ),
        }
    }
}

/// What happened to a publication; its `Display` goes behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicationChanged {
    /// It is not there any more.
    Dropped,
    /// It is another of the same name, or what it tells was altered, if only for a while.
    Altered,
    /// It leaves out kinds of changes.
    Operations,
}

impl fmt::Display for PublicationChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublicationChanged::Dropped => "was dropped, so that changes may be missing",
            PublicationChanged::Altered => "was altered, so that changes may be missing",
            PublicationChanged::Operations => {
                "leaves out some changes now; let it publish 'insert, update, delete, truncate'"
            }
        })
    }
}

/// Compares the publication's own row.
pub(crate) fn compare_publication(was: &Layout, is: &Layout) -> Option<PublicationChanged> {
    let (Some(was), Some(is)) = (&was.publication, &is.publication) else {
        return is.publication.is_none().then_some(PublicationChanged::Dropped);
    };
    if !is.all_operations {
        return Some(PublicationChanged::Operations);
    }
    (was != is).then_some(PublicationChanged::Altered)
}

/// The first table of which the rows read are no longer good.
pub(crate) fn compare(was: &Layout, is: &Layout, plan: &Plan) -> Option<(TableId, Changed)> {
    let via_root = is.publication.as_ref().is_some_and(|publication| publication.via_root);
    was.tables.iter().zip(&is.tables).enumerate().find_map(|(at, (was, is))| {
        let untold = || if via_root { emptied(was, is) } else { None };
        let changed = place(was, is, plan, at).or_else(untold)?;
        Some((TableId(at as u16), changed))
    })
}

fn place(was: &Place, is: &Place, plan: &Plan, at: usize) -> Option<Changed> {
    let table = &plan.tables[at];
    match is.oid {
        0 => return Some(Changed::Dropped),
        oid if oid != was.oid => return Some(Changed::Remade),
        _ => {}
    }
    let moved = was.members.iter().any(|member| {
        is.members.iter().any(|now| now.oid == member.oid && now.file != member.file)
    });
    for column in &table.columns {
        let name = || column.name.clone();
        let Some(now) = is.columns.get(&column.name) else {
            return Some(Changed::ColumnDropped { column: name() });
        };
        // What was not there before was refused before.
        let Some(before) = was.columns.get(&column.name) else { continue };
        if before.number != now.number {
            return Some(Changed::ColumnRemade { column: name() });
        }
        if !prints_alike(before, now.oid, now.typmod) {
            return Some(Changed::ColumnRetyped { column: name() });
        }
        if moved && before.xmin != now.xmin {
            return Some(Changed::Rewritten { column: name() });
        }
    }
    if was.key != is.key {
        return Some(Changed::Key);
    }
    labels(was, is, plan).or_else(|| members(was, is)).or_else(|| published(was, is))
}

fn labels(was: &Place, is: &Place, plan: &Plan) -> Option<Changed> {
    let renamed = was.labels.iter().find(|(oid, label)| is.labels.get(oid) != Some(label));
    if let Some((_, label)) = renamed {
        return Some(Changed::Relabelled { label: label.clone() });
    }
    let (_, label) = is.labels.iter().find(|(oid, _)| !was.labels.contains_key(oid))?;
    // A text that is merely shown may be any; what compares by order has the labels in it.
    let any = format!("{:?}", Class::Enum(Vec::new()));
    let by_order = any.trim_end_matches("[])");
    let orders = format!("{:?}{:?}", plan.kept, plan.indexes).contains(by_order);
    orders.then(|| Changed::NewLabel { label: label.clone() })
}

fn members(was: &Place, is: &Place) -> Option<Changed> {
    let none = |of: &Place, oid| !of.members.iter().any(|member| member.oid == oid);
    if let Some(member) = was.members.iter().find(|it| it.stores && none(is, it.oid)) {
        return Some(Changed::Detached { member: member.name.clone() });
    }
    if let Some(member) = is.members.iter().find(|it| it.stores && !it.born && none(was, it.oid)) {
        return Some(Changed::Attached { member: member.name.clone() });
    }
    let mute = is.members.iter().find(|it| it.stores && it.identity == 'n')?;
    Some(Changed::Identity { member: mute.name.clone() })
}

/// Speaking of the root, a publication does not tell that a partition was truncated by itself. All
/// of them get other files by a `TRUNCATE` of the root, which is told.
fn emptied(was: &Place, is: &Place) -> Option<Changed> {
    let parts = || was.members.iter().filter(|member| member.stores && member.oid != was.oid);
    let moved = |member: &&Member| {
        is.members.iter().any(|now| now.oid == member.oid && now.file != member.file)
    };
    let all = parts().count() > 1 && parts().all(|member| moved(&member));
    let member = parts().find(moved).filter(|_| !all)?;
    Some(Changed::Emptied { member: member.name.clone() })
}

fn published(was: &Place, is: &Place) -> Option<Changed> {
    if is.published.is_empty() {
        return Some(Changed::Unpublished);
    }
    // More of them are no harm: what was told is told still.
    (!was.published.is_subset(&is.published)).then_some(Changed::Republished)
}

/// Whether values print alike: the same type, and the same modifier where that shapes the text.
pub(crate) fn prints_alike(was: &ColumnType, oid: u32, typmod: i32) -> bool {
    const NUMERIC: u32 = 1700;
    const BPCHAR: u32 = 1042;
    /// The bits of the modifier that are the scale of a numeric.
    const SCALE: i32 = 0x7ff;
    let scale = |typmod: i32| (typmod >= 4).then(|| (typmod - 4) & SCALE);
    was.oid == oid
        && match oid {
            NUMERIC => scale(was.typmod) == scale(typmod),
            BPCHAR => was.typmod == typmod,
            _ => true,
        }
}
