//! `flusso check` for a person: what the deployment is, then what is wrong with it.

use std::fmt::Write;
use std::path::Path;

use flusso_compiler::diagnostics::Severity;
use flusso_compiler::files::config::{Connection, IndexEntry, Secret, Sink, Source};
use flusso_compiler::files::schema::Marker;
use flusso_runtime::postgres::publication::Coverage;

use super::fields::{Shown, fields};
use super::{Online, Report};
use crate::output::{Ink, Paint};

/// The whole report.
pub fn report(path: &Path, report: &Report<'_>, paint: Paint) -> String {
    let mut page = Page { text: String::new(), paint };
    page.line(&format!("{} config valid: {}", paint.ink(Ink::Green, "✓"), path.display()));
    page.config(report);
    for entry in report.indexes().into_iter().filter(|entry| entry.enabled) {
        page.heading(&format!("Index  {}", entry.name.value));
        page.fields(&fields(&entry.schema));
    }
    page.line("");
    match &report.online {
        Some(online) => page.online(online),
        None => page.line(&paint.ink(
            Ink::Dim,
            "[offline] skipped database validation — types and nullability not checked",
        )),
    }
    page.text
}

struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        let rule = "─".repeat(title.chars().count());
        self.line("");
        self.line(&self.paint.ink(Ink::Bold, title));
        self.line(&self.paint.ink(Ink::Dim, &rule));
    }

    fn config(&mut self, report: &Report<'_>) {
        let config = report.config;
        self.heading("Source");
        self.line(&format!("  postgres  {}", connection(&config.source)));
        self.heading("Sinks");
        if config.sinks.is_empty() {
            self.line("  (none — defaults to a stdout sink)");
        }
        let width = widest(config.sinks.keys());
        for (name, sink) in &config.sinks {
            let what = match sink {
                Sink::OpenSearch(sink) => {
                    let unverified = if sink.tls_verify { "" } else { "  tls-verify off" };
                    format!("opensearch  {}{unverified}", secret(&sink.url))
                }
                Sink::Stdout { pretty: true } => "stdout  pretty".to_owned(),
                // To the letter as the reference prints it.
                Sink::Stdout { pretty: false } => "stdout  ".to_owned(),
            };
            self.line(&format!("  {name:width$}  {what}"));
        }
        self.heading("Indexes");
        let width = widest(config.indexes.iter().map(|entry| &entry.name.value));
        for entry in report.indexes() {
            self.line(&format!("  {:width$}  {}", entry.name.value, index(entry)));
        }
    }

    fn fields(&mut self, fields: &[Shown<'_>]) {
        let (name, ty) = widths(fields, 0);
        self.level(fields, 0, name, ty);
    }

    fn level(&mut self, fields: &[Shown<'_>], indent: usize, name: usize, ty: usize) {
        for field in fields {
            let dots = ".".repeat(name - indent - field.name.len() + 1);
            let dots = self.paint.ink(Ink::Dim, &dots);
            let must = if field.nullable { "optional" } else { "required" };
            let blank = " ".repeat(indent + 2);
            self.line(&format!("{blank}{} {dots} {:ty$}  {must}", field.name, field.ty));
            self.level(&field.children, indent + 2, name, ty);
        }
    }

    fn online(&mut self, online: &Online) {
        self.text.pop();
        self.heading("Database validation");
        if online.findings.is_empty() {
            self.line("  (schema matches the database)");
        }
        for finding in &online.findings {
            let severity = match finding.severity {
                Severity::Error => self.paint.ink(Ink::Red, "[error]"),
                Severity::Warning => self.paint.ink(Ink::Yellow, "[warning]"),
            };
            let place = format!("{}.{}", finding.index, finding.field);
            self.line(&format!("  {severity} {place}  {}", finding.message));
        }
        self.heading("Publication coverage");
        self.coverage(&online.coverage, online.will_manage);
        self.line("");
        self.line(&match online.failed() {
            true => self.paint.ink(Ink::Red, "\n[failed] schema disagrees with database"),
            false => self.paint.ink(Ink::Green, "✓ check passed"),
        });
    }

    fn coverage(&mut self, coverage: &Coverage, will_manage: bool) {
        if coverage.satisfied() {
            let count = coverage.present.len();
            let tick = self.paint.ink(Ink::Green, "✓");
            self.line(&format!("  {tick} source streams all {count} required table(s)"));
            return;
        }
        let count = coverage.missing.len();
        self.line(&format!("  ! {count} table(s) the indexes read are not yet streamed:"));
        for table in &coverage.missing {
            self.line(&format!("    • {}.{}", table.schema, table.name));
        }
        self.line(match (coverage.manageable, will_manage) {
            (true, true) => "  → will be added automatically on the next `flusso run`",
            (true, false) => {
                "  → this role can add them, but manage_publication is off: run the SQL below"
            }
            (false, _) => "  → this role cannot add them: run the SQL below as one that can",
        });
        for blocker in &coverage.blockers {
            self.line(&format!("    - {blocker}"));
        }
        self.heading("Run to stream every table");
        for statement in &coverage.remediation {
            self.line(&format!("  {statement}"));
        }
    }
}

fn widest<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.map(String::len).max().unwrap_or(0)
}

/// Of the names with their indentation, and of the types.
fn widths(fields: &[Shown<'_>], indent: usize) -> (usize, usize) {
    fields.iter().fold((0, 0), |(name, ty), field| {
        let inner = widths(&field.children, indent + 2);
        (name.max(indent + field.name.len()).max(inner.0), ty.max(field.ty.len()).max(inner.1))
    })
}

/// `enabled  public.users   pk id   soft-delete column "deleted_at"`
fn index(entry: &IndexEntry) -> String {
    let schema = &entry.schema;
    let enabled = if entry.enabled { "enabled" } else { "disabled" };
    let mut line = format!("{enabled}  {}.{}", schema.table.schema, schema.table.name);
    if let Some(key) = &schema.primary_key {
        let _ = write!(line, "   pk {}", key.join(", "));
    }
    match schema.soft_delete.as_ref().map(|it| &it.marker) {
        Some(Marker::Column(name)) => {
            let _ = write!(line, "   soft-delete column \"{}\"", name.value);
        }
        Some(Marker::Field(name)) => {
            let _ = write!(line, "   soft-delete field \"{}\"", name.value);
        }
        None => {}
    }
    line
}

/// Where rows come from, with the password hidden and variables by name.
fn connection(source: &Source) -> String {
    match &source.connection {
        None => "(from DATABASE_URL at runtime)".to_owned(),
        Some(Connection::Url(url)) => hide_password(&secret(url)),
        Some(Connection::Parts { host, port, user, database, .. }) => {
            format!("{user}@{host}:{port}/{database}")
        }
    }
}

fn secret(secret: &Secret) -> String {
    match secret {
        Secret::Value(text) => text.clone(),
        Secret::Env(name) => format!("${{{name}}}"),
    }
}

/// `postgres://user:***@host/database`
fn hide_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some(at) = rest[..authority].rfind('@') else { return url.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::hide_password;

    #[test]
    fn a_password_is_never_shown() {
        let hidden = hide_password("postgres://me:p@ss@db:1/x?a=b@c");
        assert_eq!(hidden, "postgres://me:***@db:1/x?a=b@c");
        assert_eq!(hide_password("postgres://me@db/x:y@z"), "postgres://me@db/x:y@z");
    }
}
