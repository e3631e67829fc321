//! What the state knows of itself beside the rows: whose it is and what its tables hold.
//!
//! One record, replaced whole in the same batch as the rows it describes, so that it never says
//! what is not so. It carries a checksum of its own: rows are checked block by block when they are
//! read, but a wrong word here would make right rows wrong.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use flusso_compiler::plan::{Plan, Table};
use flusso_compiler::types::SqlType;
use flusso_dataflow::Lsn;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The database that rows were copied from, and the slot that continues them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `pg_control_system().system_identifier`.
    pub system: String,
    /// The timeline.
    pub timeline: u32,
    /// When its postmaster started, in microseconds.
    pub life: String,
    /// `pg_database.oid`.
    pub database: u32,
    /// The replication slot.
    pub slot: String,
}

/// What is known of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Made at random with the state; sinks remember it.
    pub(crate) id: String,
    /// None until the first copy has begun.
    pub(crate) origin: Option<Origin>,
    /// The tables of the plan, in its order.
    pub(crate) tables: Vec<Held>,
    /// By index: how often rows under it were copied anew, so that what sinks have is void.
    pub(crate) renewals: BTreeMap<String, u32>,
    /// By sink and index: the schema's hash and renewals under which all documents were sent.
    pub(crate) filled: BTreeMap<String, String>,
    /// Of the next keyspace.
    pub(crate) next: u32,
}

/// A table and what of it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Where its rows are.
    pub(crate) keyspace: String,
    /// What the rows say.
    pub(crate) form: Form,
    /// Changes that ended before are in the rows already.
    pub(crate) from: Lsn,
    /// From here on the rows are what the stream makes of them; before, some may be newer.
    pub(crate) exact: Lsn,
    /// What is copied piece by piece; none when all is there.
    pub(crate) copying: Option<Copying>,
}

/// How the rows of a table are to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Its database schema and name.
    pub table: (String, String),
    /// The columns in their order.
    pub columns: Vec<FormColumn>,
    /// The key that rows stand under, by names and classes.
    pub key: String,
    /// The relations that hold its rows.
    pub members: Vec<FormMember>,
    /// Labels of the enums among its columns, by their OID.
    pub labels: BTreeMap<u32, String>,
    /// What else of the catalog must stay as it is: how it is published, its key.
    pub catalog: String,
}

/// A relation that holds rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FormMember {
    /// Its OID.
    pub relation: u32,
    /// Made as a part of the table, and so empty then.
    pub born: bool,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormColumn {
    /// Its name.
    pub name: String,
    /// Its type as the plan sees it.
    pub ty: String,
    /// Its place in the catalog, different after it was altered, or dropped and made again.
    pub attribute: String,
}

/// A copy that is not complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copying {
    /// The snapshots it was made of; the first decides from where changes are needed.
    pub(crate) snapshots: Vec<Lsn>,
    /// Into what it was cut, by the relations' physical blocks.
    pub(crate) pieces: Vec<Piece>,
}

/// A range of physical blocks of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The relation.
    pub relation: u32,
    /// Its file: another one after a rewrite, in which rows lie elsewhere.
    pub file: u32,
    /// The first block.
    pub first: u64,
    /// The block after the last; none for all that follow.
    pub end: Option<u64>,
}

impl Form {
    /// Of a table of a plan; `attribute` gives a column's place in the catalog.
    pub fn of(
        table: &Table,
        members: Vec<FormMember>,
        labels: BTreeMap<u32, String>,
        catalog: String,
        attribute: impl Fn(&str) -> String,
    ) -> Form {
        let column = |column: &flusso_compiler::plan::Column| FormColumn {
            name: column.name.clone(),
            // Labels are compared one by one.
            ty: match &column.ty {
                SqlType::Enum(_) => "Enum".to_owned(),
                ty => format!("{ty:?}"),
            },
            attribute: attribute(&column.name),
        };
        let key: Vec<_> =
            table.key.iter().map(|part| (&table.column(part.column).name, &part.class)).collect();
        Form {
            table: (table.name.schema.clone(), table.name.name.clone()),
            columns: table.columns.iter().map(column).collect(),
            key: format!("{key:?}"),
            members,
            labels,
            catalog,
        }
    }

    /// From now on no table has this form.
    pub(crate) fn doubt(&mut self) {
        self.catalog = "doubted".to_owned();
    }

    /// Whether rows of this form are still what `now` holds. Parts and labels may have been added.
    fn still(&self, now: &Form) -> bool {
        let Form { table, columns: _, key, members, labels, catalog } = self;
        let old = |member: &FormMember| members.iter().any(|it| it.relation == member.relation);
        let there =
            |member: &FormMember| now.members.iter().any(|it| it.relation == member.relation);
        *table == now.table
            && *key == now.key
            && *catalog == now.catalog
            && members.iter().all(there)
            && now.members.iter().all(|member| member.born || old(member))
            && labels.iter().all(|(oid, label)| now.labels.get(oid) == Some(label))
    }

    /// Where each column of `wanted` stands in rows of this form; none when they cannot be made
    /// from those.
    pub(crate) fn positions(&self, wanted: &Form) -> Option<Vec<usize>> {
        let find = |column| self.columns.iter().position(|held| held == column);
        self.still(wanted).then(|| wanted.columns.iter().map(find).collect()).flatten()
    }
}

impl Meta {
    /// Of a state with nothing in it.
    pub(crate) fn new() -> Meta {
        Meta {
            id: format!("{}{}", random(), random()),
            origin: None,
            tables: Vec::new(),
            renewals: BTreeMap::new(),
            filled: BTreeMap::new(),
            next: 0,
        }
    }

    /// With its checksum.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Text, numbers and lists of them are always JSON.
        sealed(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// None when it is not what was written.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Meta> {
        serde_json::from_slice(unsealed(bytes)?).ok()
    }

    /// The name of a keyspace that was never used.
    pub(crate) fn keyspace(&mut self) -> String {
        self.next += 1;
        format!("t{}", self.next)
    }

    /// The plan's tables that an index reads, by position.
    pub(crate) fn reads(plan: &Plan, index: &flusso_compiler::plan::Index) -> Vec<usize> {
        let reaches = index.paths.iter().flat_map(|path| plan.reaches(path));
        let read = reaches.flat_map(|reach| {
            std::iter::once(reach.table).chain(reach.links.into_iter().map(|link| link.table))
        });
        let read = read.chain([plan.kept(index.root).table]);
        let mut tables: Vec<usize> = read.map(|table| usize::from(table.0)).collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }
}

/// 16 hexadecimal digits that nobody has had before. Hashers are seeded by the system.
pub(crate) fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// A watermark with its checksum.
pub(crate) fn watermark_bytes(at: Lsn) -> Vec<u8> {
    sealed(&at.to_be_bytes())
}

/// None when it is not what was written.
pub(crate) fn watermark(bytes: &[u8]) -> Option<Lsn> {
    Some(Lsn::from_be_bytes(*unsealed(bytes)?.first_chunk()?))
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = xxh3_64(body).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, body) = bytes.split_first_chunk()?;
    (xxh3_64(body) == u64::from_be_bytes(*sum)).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(columns: &[&str]) -> Form {
        let column = |name: &&str| FormColumn {
            name: (*name).to_owned(),
            ty: "Int4".to_owned(),
            attribute: String::new(),
        };
        Form {
            table: ("public".into(), "t".into()),
            columns: columns.iter().map(column).collect(),
            key: "id".into(),
            members: vec![FormMember { relation: 1, born: false }],
            labels: BTreeMap::from([(9, "red".to_owned())]),
            catalog: String::new(),
        }
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let meta = Meta::new();
        let bytes = meta.to_bytes();
        assert_eq!(Meta::from_bytes(&bytes), Some(meta));
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert_eq!(Meta::from_bytes(&wrong), None, "byte {at}");
            assert_eq!(Meta::from_bytes(&bytes[..at]), None, "cut at {at}");
        }
        assert_eq!(watermark(&watermark_bytes(77)), Some(77));
        assert_eq!(watermark(&bytes[..16]), None);
    }

    #[test]
    fn two_states_have_two_ids() {
        assert_ne!(Meta::new().id, Meta::new().id);
    }

    #[test]
    fn fewer_columns_can_be_made_from_more() {
        let held = form(&["id", "a", "b"]);
        assert_eq!(held.positions(&form(&["b", "id"])), Some(vec![2, 0]));
        assert_eq!(held.positions(&form(&["id", "c"])), None);
        let of = |relation, born| FormMember { relation, born };
        let members = |members| Form { members, ..form(&["id"]) };
        assert_eq!(held.positions(&members(vec![of(2, true)])), None, "detached");
        assert_eq!(held.positions(&members(vec![of(1, false), of(2, false)])), None, "attached");
        assert_eq!(held.positions(&members(vec![of(1, false), of(2, true)])), Some(vec![0]));
        let labels = |all: &[(u32, &str)]| Form {
            labels: all.iter().map(|(oid, label)| (*oid, (*label).to_owned())).collect(),
            ..form(&["id"])
        };
        assert_eq!(held.positions(&labels(&[(9, "red"), (10, "blue")])), Some(vec![0]));
        assert_eq!(held.positions(&labels(&[(9, "crimson")])), None, "renamed");
    }
}
