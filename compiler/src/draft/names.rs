//! What fields and indexes are called, after the columns and tables they show.

use std::collections::BTreeSet;

/// The names that an object has already.
#[derive(Debug, Default)]
pub struct Taken(BTreeSet<String>);

impl Taken {
    /// The first of the proposals that is free, made a field's name; else the last with a number.
    pub fn take(&mut self, proposals: &[&str]) -> String {
        let names: Vec<String> = proposals.iter().map(|name| field(name)).collect();
        let free = names.iter().find(|name| !self.0.contains(*name)).cloned();
        let name = free.unwrap_or_else(|| {
            let base = names.last().map_or("field", String::as_str);
            let numbered = (2_u32..).map(|n| format!("{base}_{n}"));
            numbered.into_iter().find(|name| !self.0.contains(name)).unwrap_or_default()
        });
        self.0.insert(name.clone());
        name
    }
}

/// Letters, digits and underscores, not a digit first, short enough to take a number.
fn field(name: &str) -> String {
    const LONGEST: usize = 56;
    let mut field = String::new();
    for letter in name.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() => field.push(letter),
            _ if field.ends_with('_') => {}
            _ => field.push('_'),
        }
    }
    field.truncate(LONGEST);
    let bare = field.trim_end_matches('_');
    match bare.bytes().next() {
        None => "field".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{bare}"),
        Some(_) => bare.to_owned(),
    }
}

/// The name of an index over a table.
pub fn index(table: &str) -> String {
    field(table).to_lowercase()
}

/// What a column leads to: `user_id` to `user`.
pub fn referred(column: &str) -> &str {
    let endings = ["_id", "_uuid", "_code", "_key", "_no", "_fk", "Id", "ID"];
    let bare = endings.iter().find_map(|ending| column.strip_suffix(ending));
    bare.filter(|bare| !bare.is_empty()).unwrap_or(column)
}

/// One of many: `categories` to `category`.
pub fn singular(table: &str) -> String {
    for (many, one) in [("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ss", "ss"), ("s", "")] {
        if let Some(stem) = table.strip_suffix(many).filter(|stem| !stem.is_empty()) {
            return format!("{stem}{one}");
        }
    }
    table.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_that_a_field_can_have() {
        let names = ["Full Name", "a-b", "1st", "ü", "  ", "_x", "trailing_"];
        let fields: Vec<_> = names.iter().map(|name| field(name)).collect();
        assert_eq!(fields, ["Full_Name", "a_b", "n1st", "field", "field", "_x", "trailing"]);
    }

    #[test]
    fn a_name_is_taken_once() {
        let mut taken = Taken::default();
        assert_eq!(taken.take(&["a b"]), "a_b");
        assert_eq!(taken.take(&["a-b"]), "a_b_2");
        assert_eq!(taken.take(&["a_b", "c"]), "c");
    }

    #[test]
    fn one_of_many() {
        let names = ["users", "categories", "addresses", "boxes", "address", "people", "s"];
        let one: Vec<_> = names.iter().map(|name| singular(name)).collect();
        assert_eq!(one, ["user", "category", "address", "box", "address", "people", "s"]);
        assert_eq!(
            [referred("user_id"), referred("_id"), referred("userId")],
            ["user", "_id", "user"]
        );
    }
}
