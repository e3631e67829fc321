//! What is taken, and of what the ends are known.

use super::*;

fn ambiguous(pattern: &str) -> Option<&'static str> {
    read(pattern, false).unwrap().ambiguous
}

#[test]
fn one_way_only() {
    for pattern in [
        "abc",
        "^a*b$",
        r"(\d+)-(\d+)",
        r"^(\w+)\s(.*)$",
        "[^a-z0-9]+",
        "a{2,4}b",
        "(x|y)+z",
        "colou?r",
        r"^\s+",
        "(a|)b",
        "a(bc)?",
        "(ab)*c",
        "",
    ] {
        assert_eq!(ambiguous(pattern), None, "{pattern}");
    }
}

#[test]
fn several_ways() {
    for pattern in [
        "(a|ab)(c|bcd)",
        "a?(ab)?",
        "^(.*)@(.*)$",
        r"\d{1,3}\d",
        "a*a",
        "(a*)*",
        "(|a|)",
        "a||b",
        "(a?|b)c?",
        "a+?",
        "((a)|b)*",
        "(a|b*)*",
    ] {
        assert!(ambiguous(pattern).is_some(), "{pattern}");
    }
}

#[test]
fn what_is_refused() {
    let refused = |pattern| match read(pattern, false) {
        Err(error) => error,
        Ok(taken) => panic!("{pattern} is taken as {}", taken.regex),
    };
    for pattern in [r"(a)\1", "a(?=b)", "a(?<!b)", r"\mword\M", "[[:punct:]]", "***=a", "[[.a.]]"] {
        assert!(matches!(refused(pattern), PatternError::Unsupported(_)), "{pattern}");
    }
    for pattern in ["(", "a)", "[a", "a**", "*a", "a{300}", "a{2,1}", "[z-a]", r"\q", "[[:x:]]"] {
        assert!(matches!(refused(pattern), PatternError::Invalid(_)), "{pattern}");
    }
}

#[test]
fn cases_are_written_out() {
    assert_eq!(read("(?i)aß-", false).unwrap().regex, r"(?s)[aA]ß\x2d");
    assert_eq!(read("[a-c]", true).unwrap().regex, "(?s)[aAbBcCa-c]");
}
