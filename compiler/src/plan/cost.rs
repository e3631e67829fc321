//! What a plan will cost, from Postgres' own statistics, before anything runs.
//!
//! Rows and bytes of each kept thing, and how many documents one row may reach. Estimates: they
//! are as good as the last `ANALYZE`, know averages and no skew, and count what stands in memory
//! once merges have settled. Where a table was never analysed there is no figure at all.

use crate::catalog::{self, Catalog};
use crate::plan::join::Reach;
use crate::plan::{ColumnId, Holds, KeptId, KeyPart, Plan, Table, TableId, names};
use crate::types::{Class, SqlType};

/// Beside its own bytes, a row in an arrangement takes offsets, a time and a diff.
const ROW_OVERHEAD: f64 = 17.0;

/// A value ends with the lengths of its order and of its primary key.
const LENGTHS: f64 = 2.0;

/// A group of tallies: its key, a time and one wide diff.
const TALLY_GROUP: f64 = 60.0;

/// The width of a text of which nothing is known.
const UNKNOWN_WIDTH: f64 = 16.0;

/// The size of a kept thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Rows, or groups of tallies.
    pub rows: u64,
    /// Bytes a row, overhead included.
    pub width: u64,
}

impl Size {
    /// Bytes in all.
    pub fn bytes(self) -> u64 {
        self.rows * self.width
    }
}

/// The size of a kept thing; none when its table was never analysed.
pub fn size(plan: &Plan, catalog: &Catalog, id: KeptId) -> Option<Size> {
    let kept = plan.kept(id);
    let table = plan.table(kept.table);
    let known = catalog.table(&table.name)?;
    let rows = known.rows? as f64;
    let groups = distinct(table, known, &kept.key)?;
    match &kept.holds {
        Holds::Tallies(_) | Holds::Joined(_) => {
            Some(Size { rows: groups as u64, width: TALLY_GROUP as u64 })
        }
        Holds::Rows { order, columns } => {
            let shared = key_width(table, known, &kept.key) * groups / rows.max(1.0);
            let sorted: f64 =
                order.iter().map(|part| part_width(table, known, part.column, &part.class)).sum();
            // What only leads from one key to the next does without a primary key.
            let shown = plan.indexes.iter().any(|index| names::shown(index).contains(&id));
            let tie = if shown { key_width(table, known, &table.key) } else { 0.0 };
            let text: f64 = columns.iter().map(|id| 1.0 + text_width(table, known, *id)).sum();
            let width = ROW_OVERHEAD + LENGTHS + shared + sorted + tie + text;
            Some(Size { rows: rows as u64, width: width.round() as u64 })
        }
    }
}

/// About how many documents one changed row reaches; none without statistics on the way.
pub fn fan_out(plan: &Plan, catalog: &Catalog, reach: &Reach) -> Option<u64> {
    let mut reached = 1.0;
    for link in &reach.links {
        reached *= group(plan, catalog, link.table, &link.key)?.max(1.0);
    }
    Some(reached.round() as u64)
}

/// About how many rows of a table one key finds; none without statistics.
pub fn group(plan: &Plan, catalog: &Catalog, table: TableId, key: &[KeyPart]) -> Option<f64> {
    let table = plan.table(table);
    let known = catalog.table(&table.name)?;
    Some(known.rows? as f64 / distinct(table, known, key)?.max(1.0))
}

/// How many different values a key has: all rows for the primary key, else what Postgres counted,
/// taking the columns for independent.
pub fn distinct(table: &Table, known: &catalog::Table, key: &[KeyPart]) -> Option<f64> {
    let rows = known.rows? as f64;
    let has = |part: &KeyPart| key.iter().any(|have| have.column == part.column);
    if table.key.iter().all(has) {
        return Some(rows);
    }
    let mut groups = 1.0;
    for part in key {
        let name = &table.column(part.column).name;
        groups *= match known.column(name)?.distinct? {
            share if share < 0.0 => f64::from(-share) * rows,
            count => f64::from(count),
        };
    }
    Some(groups.min(rows))
}

fn key_width(table: &Table, known: &catalog::Table, key: &[KeyPart]) -> f64 {
    key.iter().map(|part| part_width(table, known, part.column, &part.class)).sum()
}

/// Bytes of a value in a form that sorts: a tag, then a fixed width or the text and its end.
fn part_width(table: &Table, known: &catalog::Table, column: ColumnId, class: &Class) -> f64 {
    let value = match class {
        Class::Bool => 0.0,
        Class::Enum(_) => 2.0,
        Class::Date => 4.0,
        Class::Int | Class::Float | Class::Time | Class::Timestamp => 8.0,
        Class::Uuid => 16.0,
        Class::Numeric => 4.0 + stored_width(table, known, column),
        Class::Text | Class::Bpchar | Class::Citext | Class::Bytes | Class::Opaque => {
            2.0 + stored_width(table, known, column)
        }
    };
    1.0 + value
}

/// Bytes of a value as the text Postgres prints.
fn text_width(table: &Table, known: &catalog::Table, column: ColumnId) -> f64 {
    let stored = stored_width(table, known, column);
    match &table.column(column).ty {
        SqlType::Bool => 1.0,
        SqlType::Int2 => 3.0,
        SqlType::Int4 | SqlType::Oid => 6.0,
        SqlType::Int8 => 9.0,
        SqlType::Float4 => 8.0,
        SqlType::Date => 10.0,
        SqlType::Float8 => 14.0,
        SqlType::Time | SqlType::TimeTz => 15.0,
        SqlType::Timestamp => 26.0,
        SqlType::TimestampTz => 29.0,
        SqlType::Uuid => 36.0,
        SqlType::Bytea => 2.0 + 2.0 * stored,
        SqlType::Enum(labels) => {
            labels.iter().map(String::len).sum::<usize>() as f64 / labels.len().max(1) as f64
        }
        SqlType::Numeric(_)
        | SqlType::Money
        | SqlType::Text
        | SqlType::Bpchar
        | SqlType::Citext
        | SqlType::Interval
        | SqlType::Json
        | SqlType::Jsonb
        | SqlType::Array(_)
        | SqlType::Other(_)
        | SqlType::Unknown => stored,
    }
}

fn stored_width(table: &Table, known: &catalog::Table, column: ColumnId) -> f64 {
    let column = known.column(&table.column(column).name);
    column.and_then(|column| column.width).map_or(UNKNOWN_WIDTH, f64::from)
}
