//! What was verified, for a person: a line for each index, then its wrong documents.

use flusso_runtime::postgres::moment;
use flusso_runtime::verify::{Difference, Report, Unequal, What};
use serde_json::Value;

use crate::output::{Ink, Paint};

/// Documents shown of an index.
const DOCUMENTS: usize = 20;
/// Differences shown of a document.
const PATHS: usize = 10;
/// Characters shown of a value.
const WIDTH: usize = 60;

/// All reports.
pub fn reports(reports: &[Report], paint: Paint) -> String {
    reports.iter().map(|it| report(it, paint)).collect()
}

fn report(report: &Report, paint: Paint) -> String {
    let Report { sink, index, at, compared, unsettled, wrong, repaired, differences } = report;
    let at = moment::text(*at);
    let documents = count(*compared, "document");
    let head = paint.ink(Ink::Bold, index);
    let mut text = match wrong {
        0 => {
            let tick = paint.ink(Ink::Green, "✓");
            let equal = if *compared == 1 { "equals" } else { "equal" };
            format!("{tick} {head} in `{sink}`: {documents} {equal} the database at {at}\n")
        }
        wrong => {
            let cross = paint.ink(Ink::Red, "✗");
            let are = if *wrong == 1 { "is" } else { "are" };
            format!("{cross} {head} in `{sink}`: {wrong} of {documents} {are} wrong at {at}\n")
        }
    };
    for difference in differences.iter().take(DOCUMENTS) {
        document(&mut text, difference, paint);
    }
    let more = wrong.saturating_sub(differences.len().min(DOCUMENTS) as u64);
    if more > 0 {
        text.push_str(&format!("    and {} of which nothing is shown\n", count(more, "document")));
    }
    if *repaired > 0 {
        text.push_str(&format!("    {} repaired\n", count(*repaired, "document")));
    }
    if *unsettled > 0 {
        let all = count(*unsettled, "document");
        text.push_str(&format!("    {all} went on changing and could not be compared\n"));
    }
    text
}

/// One wrong document.
pub fn document(text: &mut String, difference: &Difference, paint: Paint) {
    let id = paint.ink(Ink::Bold, &clip(&difference.id));
    match &difference.what {
        What::Missing => text.push_str(&format!("    {id} is missing in the sink\n")),
        What::Extra => text.push_str(&format!("    {id} is in the sink only\n")),
        What::Differs(unequal) => {
            text.push_str(&format!("    {id}\n"));
            for Unequal { path, database, sink } in unequal.iter().take(PATHS) {
                let (database, sink) = (value(database.as_ref()), value(sink.as_ref()));
                text.push_str(&format!("      {path}\n"));
                text.push_str(&format!("        database  {database}\n"));
                text.push_str(&format!("        sink      {sink}\n"));
            }
            if unequal.len() > PATHS {
                text.push_str(&format!("      and {} more values\n", unequal.len() - PATHS));
            }
        }
    }
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| clip(&value.to_string()))
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn count(n: u64, what: &str) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    format!("{grouped} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One report of each kind.
    fn samples() -> Vec<Report> {
        let report = |index: &str, compared, differences: Vec<Difference>| Report {
            sink: "search".into(),
            index: index.into(),
            at: 0x16_b374_d848,
            compared,
            unsettled: 0,
            wrong: differences.len() as u64,
            repaired: 0,
            differences,
        };
        let difference = |id: &str, what| Difference { id: id.into(), at: 0x16_b374_d848, what };
        let unequal = |path: &str, database, sink| Unequal { path: path.into(), database, sink };
        let wrong = vec![
            difference(
                "17",
                What::Differs(vec![
                    unequal("tier", Some(json!("gold")), Some(json!("silver"))),
                    unequal("orders[3].note", Some(json!("long ".repeat(30))), None),
                ]),
            ),
            difference("42", What::Missing),
            difference("9:x", What::Extra),
        ];
        vec![
            report("orders", 1_250_000, vec![]),
            Report { wrong: 31, repaired: 31, ..report("users", 5000, wrong) },
            Report { unsettled: 2, ..report("products", 1, vec![]) },
        ]
    }

    fn golden(name: &str, text: &str) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let path = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert!(expected == text, "{name} differs; it is now:\n{text}");
    }

    #[test]
    fn reports_for_people_and_for_programs() {
        let text = reports(&samples(), Paint::stdout());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        golden("verify.txt", &text);
        golden("verify.json", &format!("{:#}\n", crate::verify::json::reports(&samples())));
    }
}
