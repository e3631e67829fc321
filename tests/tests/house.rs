//! The rules of the house: short files with a word about themselves, arrows between crates as
//! drawn, one crate that names timely and differential, licences that may be passed on.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use flusso_tests::server::repository;
use serde_json::Value;

/// Who may use whom.
const ARROWS: [(&str, &[&str]); 5] = [
    ("flusso-compiler", &[]),
    ("flusso-dataflow", &["flusso-compiler"]),
    ("flusso-runtime", &["flusso-compiler", "flusso-dataflow"]),
    ("flusso", &["flusso-compiler", "flusso-dataflow", "flusso-runtime"]),
    ("flusso-tests", &["flusso-compiler", "flusso-dataflow", "flusso-runtime"]),
];

/// The output of a command in the repository.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every text file of the repository, with its text.
fn files() -> Vec<(PathBuf, String)> {
    let names = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = names.lines().map(|name| (PathBuf::from(name), repository().join(name)));
    files.filter_map(|(name, path)| Some((name, std::fs::read_to_string(path).ok()?))).collect()
}

#[test]
fn no_file_is_over_500_lines() {
    let long: Vec<_> = files()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("Cargo.lock") && !name.ends_with("LICENSE"))
        .filter(|(name, _)| name.extension().is_none_or(|kind| kind != "snap" && kind != "json"))
        .filter(|(_, text)| text.lines().count() > 500)
        .map(|(name, _)| name)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn every_rust_file_says_what_it_is() {
    let sources = files();
    let sources: Vec<_> = sources
        .iter()
        .filter(|(name, _)| name.extension().is_some_and(|kind| kind == "rs"))
        .collect();
    assert!(sources.len() > 30, "there are more than {} of them", sources.len());
    for (name, text) in sources {
        let header = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(header > 0, "{} opens without a header", name.display());
    }
}

/// Where the links of a page lead, and in which file they stand; the web is not looked at.
fn links(name: &Path, text: &str) -> Vec<PathBuf> {
    let folder = name.parent().unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let local = targets.map(|(target, _)| target).filter(|it| !it.contains("://"));
    local.map(|target| folder.join(target.split('#').next().unwrap())).collect()
}

#[test]
fn every_link_leads_somewhere_and_every_page_is_in_the_summary() {
    let pages: Vec<_> = files()
        .into_iter()
        .filter(|(name, _)| name.extension().is_some_and(|kind| kind == "md"))
        .collect();
    assert!(pages.len() > 5, "there are more than {} pages", pages.len());
    for (name, text) in &pages {
        for target in links(name, text) {
            let there = repository().join(&target).exists();
            assert!(there, "{} leads to {}, which is not there", name.display(), target.display());
        }
    }
    let summary = Path::new("docs/src/SUMMARY.md");
    let (_, text) = pages.iter().find(|(name, _)| name == summary).unwrap();
    let listed: BTreeSet<PathBuf> = links(summary, text).into_iter().collect();
    let pages = pages.iter().map(|(name, _)| name.clone());
    let manual = pages.filter(|name| name.starts_with("docs/src") && name != summary);
    assert_eq!(listed, manual.collect());
}

fn metadata(arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["metadata", "--format-version", "1", "--offline"];
    all.extend(arguments);
    let metadata: Value = serde_json::from_str(&output("cargo", &all)).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn arrows_are_as_drawn() {
    let packages = metadata(&["--no-deps"]);
    let names: BTreeSet<&str> =
        packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, ARROWS.iter().map(|(name, _)| *name).collect());
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let (_, may) = ARROWS.iter().find(|(drawn, _)| *drawn == name).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let uses = dependency["name"].as_str().unwrap();
            let ours = names.contains(uses);
            assert!(!ours || may.contains(&uses) || uses == name, "{name} uses {uses}");
            let engine = ["timely", "differential-dataflow"].contains(&uses);
            assert!(!engine || name == "flusso-dataflow", "{name} uses {uses}");
        }
    }
}

#[test]
fn nobody_but_the_dataflow_names_timely() {
    for (name, text) in files() {
        let source = name.extension().is_some_and(|kind| kind == "rs");
        if source && !name.starts_with("dataflow") && !name.starts_with("tests") {
            for word in ["timely::", "differential_dataflow"] {
                assert!(!text.contains(word), "{} names {word}", name.display());
            }
        }
    }
}

#[test]
fn licences_may_be_passed_on() {
    let rules = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    let (_, list) = rules.split_once("allow = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let allowed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let version = output("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let packages = metadata(&["--locked", "--filter-platform", host]);
    assert!(packages.len() > 50, "there are more than {} packages", packages.len());
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(permits(licence, &allowed), "{} is under {licence}", package["name"]);
    }
}

/// Whether an SPDX expression can be satisfied with these licences. `AND` binds closer.
fn permits(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut depth = 0;
    let mut parts = vec![("", String::new())];
    for word in expression.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
        match word {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        match word {
            "OR" if depth == 0 => parts.push(("OR", String::new())),
            "AND" if depth == 0 => parts.push(("AND", String::new())),
            word => {
                let (_, part) = parts.last_mut().unwrap();
                *part = format!("{part} {word}").trim().to_owned();
            }
        }
    }
    let one = |part: &str| match part.strip_prefix("( ").and_then(|part| part.strip_suffix(" )")) {
        Some(inner) => permits(inner, allowed),
        None => allowed.contains(&part),
    };
    let mut any = vec![true];
    for (joined, part) in &parts {
        match *joined {
            "OR" => any.push(one(part)),
            _ => {
                let last = any.last_mut().unwrap();
                *last = *last && one(part);
            }
        }
    }
    any.contains(&true)
}

#[test]
fn an_expression_of_licences_is_read_as_written() {
    let allowed = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"];
    for fits in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/Apache-2.0",
        "(MIT OR GPL-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(permits(fits, &allowed), "{fits}");
    }
    for unfit in
        ["GPL-3.0", "MIT AND GPL-3.0", "(MIT AND GPL-2.0) OR GPL-3.0", "none", "Apache-2.0"]
    {
        assert!(!permits(unfit, &allowed), "{unfit}");
    }
}
