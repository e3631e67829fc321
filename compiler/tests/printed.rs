//! The printed forms of a plan, word for word.

mod shop;

use flusso_compiler::plan::{IndexId, graph, json::json, text::text, verbose::verbose};

#[test]
fn text_without_a_database() {
    insta::assert_snapshot!(text(&shop::plan(), None, None, false));
}

#[test]
fn text_with_statistics() {
    insta::assert_snapshot!(text(&shop::plan(), Some(IndexId(0)), Some(&shop::catalog()), false));
}

#[test]
fn colour_only_adds_escapes() {
    let plain = text(&shop::plan(), None, Some(&shop::catalog()), false);
    let mut bare = text(&shop::plan(), None, Some(&shop::catalog()), true);
    assert!(bare.contains('\x1b'));
    for code in ["1", "2", "36", "0"] {
        bare = bare.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(plain, bare);
}

#[test]
fn no_line_is_wider_than_100_columns() {
    for printed in
        [text(&shop::plan(), None, Some(&shop::catalog()), false), verbose(&shop::plan(), false)]
    {
        for line in printed.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

#[test]
fn operators() {
    insta::assert_snapshot!(verbose(&shop::plan(), false));
}

#[test]
fn for_machines() {
    let json = json(&shop::plan(), Some(&shop::catalog()));
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn pictures() {
    insta::assert_snapshot!("dot", graph::dot(&shop::plan()));
    insta::assert_snapshot!("mermaid", graph::mermaid(&shop::plan()));
}
