//! The table against itself.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_function_finds_its_own_row() {
    for (_, table) in families() {
        for entry in table {
            assert_eq!(entry.function.entry().function, entry.function);
        }
    }
}

#[test]
fn no_call_has_two_rows() {
    let mut seen = BTreeSet::new();
    for entry in families().into_iter().flat_map(|(_, table)| table) {
        let takes: &[&[Ty]] = if entry.takes.is_empty() { &[&[]] } else { entry.takes };
        for name in entry.names {
            for types in takes {
                let call = format!("{name}({types:?}; {:?})", entry.rest);
                assert!(seen.insert(call.clone()), "{call} stands there twice");
            }
        }
    }
}

#[test]
fn every_row_says_what_it_computes() {
    for entry in families().into_iter().flat_map(|(_, table)| table) {
        let what = entry.what;
        assert!(what.len() > 3 && !what.ends_with('.'), "{:?}: {what}", entry.function);
        let name = entry.names[0];
        assert_eq!(name, name.to_ascii_lowercase());
    }
}
