//! Binds the stream's relations to the plan's tables, and packs the stream's rows.
//!
//! A relation is described anew whenever anything about its table may have changed, also in the
//! middle of a transaction. Each time its columns are bound by name again; a column that is read
//! and is gone, or has another type, ends the run, since the rows held say something else now.

use std::collections::HashMap;

use flusso_compiler::plan::{Plan, Table, TableId};
use flusso_dataflow::row::{Datum, Packer, Row};

use super::changed::{Changed, prints_alike};
use super::decode::{Relation, Tuple};
use super::error::CaptureError;
use super::layout::Layout;
use super::quote;

/// The relations described so far.
#[derive(Default)]
pub(crate) struct Relations {
    /// By OID; none for those the plan does not read.
    bound: HashMap<u32, Option<Bound>>,
    packer: Packer,
}

/// A relation of a table of the plan.
struct Bound {
    table: TableId,
    /// For each column of the plan, where it stands in the stream's rows.
    positions: Vec<usize>,
    /// How many values the stream's rows have.
    width: usize,
}

impl Relations {
    /// Takes a description. `layout` tells which table the relation belongs to.
    pub(crate) fn describe(
        &mut self,
        relation: &Relation,
        plan: &Plan,
        layout: &Layout,
    ) -> Result<(), CaptureError> {
        let bound = match layout.table_of(relation.oid) {
            Some(table) => Some(bind(relation, table, plan, layout)?),
            None => None,
        };
        self.bound.insert(relation.oid, bound);
        Ok(())
    }

    /// Nothing that is told of a relation until it is described again is of use.
    pub(crate) fn pass_over(&mut self, oid: u32) {
        self.bound.insert(oid, None);
    }

    /// Whether a relation was described before.
    pub(crate) fn knows(&self, oid: u32) -> bool {
        self.bound.contains_key(&oid)
    }

    /// Which table a described relation belongs to; none when it is not read.
    pub(crate) fn table(&self, oid: u32) -> Result<Option<TableId>, CaptureError> {
        let unknown = || CaptureError::Protocol(format!("a row of the undescribed relation {oid}"));
        Ok(self.bound.get(&oid).ok_or_else(unknown)?.as_ref().map(|bound| bound.table))
    }

    /// Packs a row of a described relation in the order of the plan's columns.
    pub(crate) fn pack(&mut self, oid: u32, tuple: Tuple<'_>) -> Result<Row, CaptureError> {
        let malformed = || CaptureError::Protocol(format!("a malformed row of relation {oid}"));
        let bound = self.bound.get(&oid).and_then(Option::as_ref).ok_or_else(malformed)?;
        let values: Vec<Datum<'_>> = tuple.values().collect();
        if values.len() != bound.width {
            return Err(malformed());
        }
        for position in &bound.positions {
            self.packer.push(values[*position]);
        }
        Ok(self.packer.finish())
    }
}

fn bind(
    relation: &Relation,
    id: TableId,
    plan: &Plan,
    layout: &Layout,
) -> Result<Bound, CaptureError> {
    let at = usize::from(id.0);
    let table = &plan.tables[at];
    let types = &layout.tables[at].columns;
    let mut positions = Vec::with_capacity(table.columns.len());
    let changed = |how| CaptureError::Changed { table: table.name.to_string(), how };
    for column in &table.columns {
        let name = || column.name.clone();
        let found = relation.columns.iter().position(|it| it.name == column.name);
        let dropped = || changed(Changed::ColumnDropped { column: name() });
        let position = found.ok_or_else(dropped)?;
        let is = &relation.columns[position];
        let was = types.get(&column.name);
        if was.is_none_or(|was| !prints_alike(was, is.type_oid, is.typmod)) {
            return Err(changed(Changed::ColumnRetyped { column: name() }));
        }
        positions.push(position);
    }
    check_identity(relation, table)?;
    Ok(Bound { table: id, positions, width: relation.columns.len() })
}

/// Old rows must tell the primary key. `DEFAULT` and `FULL` do; an index may not.
fn check_identity(relation: &Relation, table: &Table) -> Result<(), CaptureError> {
    if relation.identity != b'i' {
        return Ok(());
    }
    let told = |name: &str| relation.columns.iter().any(|it| it.identity && it.name == name);
    let mut key = table.key.iter().map(|part| &table.columns[usize::from(part.column.0)].name);
    match key.find(|name| !told(name)) {
        None => Ok(()),
        Some(_) => Err(CaptureError::Changed {
            table: table.name.to_string(),
            how: Changed::Identity { member: quote::table(&table.name) },
        }),
    }
}
