//! `flusso preview`: the documents it shows are those of the query, and those that `run` sends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use flusso_tests::deployment::Deployment;
use flusso_tests::documents::{Documents, explain, normal};
use flusso_tests::flusso::{binary, command};
use flusso_tests::server::Server;
use flusso_tests::shop;
use serde_json::Value;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// The lines for a program, of a command that must end well.
fn lines(deployment: &Deployment, index: &str, ids: &[&str]) -> Vec<Value> {
    let arguments: Vec<&str> =
        ["preview", index, "--format", "json"].iter().chain(ids).copied().collect();
    let output = command(&deployment.folder, &arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// What it shows as documents by index and id; ids without a document are left out.
fn shown(deployment: &Deployment, index: &str, ids: &[&str]) -> Documents {
    let lines = lines(deployment, index, ids);
    let text = |value: &Value| value.as_str().expect("ids and names are texts").to_owned();
    let one = |line: Value| ((text(&line["index"]), text(&line["id"])), line["document"].clone());
    let found = lines.into_iter().map(one).filter(|(_, document)| !document.is_null());
    found.map(|(id, document)| (id, normal(document))).collect()
}

/// Every document of every index, a few ids at a time.
fn equals_the_query(deployment: &Deployment) {
    let expected = deployment.oracle();
    let mut found = Documents::new();
    for index in deployment.indexes() {
        let ids: Vec<&str> =
            expected.keys().filter(|(of, _)| of == index).map(|(_, id)| id.as_str()).collect();
        for few in ids.chunks(ids.len().div_ceil(3).max(1)) {
            found.extend(shown(deployment, index, few));
        }
    }
    assert!(!expected.is_empty());
    if let Some(difference) = explain(&expected, &found) {
        panic!("{}: {difference}", deployment.name);
    }
}

#[test]
fn the_shop() {
    let deployment = shop::deployment(&SERVER, "preview_shop", 150, "");
    equals_the_query(&deployment);
    // Deleted, filtered out, or never there.
    deployment.session.run("UPDATE users SET deleted_at = now() WHERE id = 1");
    assert_eq!(lines(&deployment, "users", &["1", "987654"])[0]["document"], Value::Null);
    assert_eq!(lines(&deployment, "users", &["987654", "1"])[0]["document"], Value::Null);
    let first = shown(&deployment, "users", &[]);
    let expected = deployment.oracle();
    assert_eq!(first.len(), 3);
    assert!(first.iter().all(|(id, document)| expected.get(id) == Some(document)));
}

const TABLES: &str = r#"
CREATE TABLE staff (tenant int, no text, boss text, name char(8), at timestamptz, on_duty boolean NOT NULL,
    PRIMARY KEY (tenant, no));
CREATE TABLE flags (id boolean PRIMARY KEY, label text);
CREATE TABLE notes (id int PRIMARY KEY, tenant bigint, no text, flag boolean, weight float8, body jsonb);
CREATE TABLE knows (tenant int, a text, b text, PRIMARY KEY (tenant, a, b));
CREATE TABLE parted (id numeric(6, 2), part int, staff text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO staff SELECT t, n, CASE n WHEN 'a' THEN NULL ELSE 'a' END, n, '2024-01-31', n <> 'c:\x'
    FROM generate_series(1, 3) t, unnest(ARRAY['a', 'b', 'c:\x', 'o''k']) n;
INSERT INTO flags VALUES (true, 'yes'), (false, 'no');
INSERT INTO notes SELECT n, 1 + n % 4, (ARRAY['a', 'b', 'c:\x', 'z'])[1 + n % 4], n % 3 = 0, n / 8.0, '{"n": [1]}'
    FROM generate_series(1, 40) n;
INSERT INTO knows VALUES (1, 'a', 'b'), (1, 'b', 'a'), (2, 'a', 'c:\x'), (3, 'a', 'zz');
INSERT INTO parted SELECT n, 1 + n % 2, 'a' FROM generate_series(1, 6) n;
"#;

const STAFF: &str = r#"
table: staff
primary_key: [tenant, no]
where: on_duty OR no LIKE 'c%'
fields:
  - keyword: name
  - timestamp: at
  - belongs_to: boss
    table: staff
    column: [tenant, boss]
    primary_key: [tenant, no]
    fields:
      - keyword: name
      - count: people
        table: staff
        foreign_key: [tenant, boss]
      - has_many: others
        table: staff
        foreign_key: [tenant, boss]
        primary_key: [tenant, no]
        fields: [{ keyword: no }]
  - has_many: notes
    table: notes
    foreign_key: [tenant, no]
    primary_key: id
    where: weight > 1
    order_by: [{ column: weight, direction: desc }]
    limit: 2
    fields:
      - double: weight
      - json: body
      - belongs_to: flag
        table: flags
        column: flag
        primary_key: id
        fields: [{ keyword: label }]
  - many_to_many: knows
    table: staff
    primary_key: [tenant, no]
    through: { table: knows, left_key: [tenant, a], right_key: [tenant, b] }
    fields: [{ keyword: no }]
  - sum: weight
    table: notes
    foreign_key: [tenant, no]
    column: weight
    value_type: double
  - max: last
    table: notes
    foreign_key: [tenant, no]
    column: id
    value_type: integer
"#;

const FLAGS: &str = "
table: flags
primary_key: id
fields:
  - keyword: label
  - count: notes
    table: notes
    foreign_key: flag
";

const PARTED: &str = "
table: parted
primary_key: [id, part]
fields:
  - keyword: staff
  - object: more
    fields:
      - integer: double
        sql: part * 2
";

/// SQL that reads further than the row: what it needs is found by the same ways.
const FURTHER: &str = "
table: flags
primary_key: id
where: EXISTS (SELECT 1 FROM notes n WHERE n.flag = flags.id)
fields:
  - long: notes
    sql: (SELECT count(*) FROM notes n WHERE n.flag = flags.id AND n.weight > 1)
  - long: all
    sql: (SELECT count(*) FROM notes)
  - has_many: staff
    join: notes n ON n.flag = flags.id JOIN staff s ON s.tenant = n.tenant AND s.no = n.no
    order_by: n.id
    fields:
      - keyword: no
        sql: s.no
  - has_many: tenants
    select: |
      SELECT n.tenant, count(*) AS notes FROM notes n WHERE n.flag = flags.id
      GROUP BY n.tenant ORDER BY n.tenant
    fields:
      - long: tenant
      - long: notes
";

#[test]
fn keys_of_every_sort_and_tables_that_meet_themselves() {
    let indexes = [("staff", STAFF), ("flags", FLAGS), ("parted", PARTED), ("further", FURTHER)];
    let deployment = Deployment::new(&SERVER, "preview_keys", TABLES, &indexes);
    equals_the_query(&deployment);
    let output = command(&deployment.folder, &["preview", "flags", "true", "maybe"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("maybe"), "{said}");
}

#[test]
fn for_a_person() {
    let deployment = Deployment::new(&SERVER, "preview_person", TABLES, &[("flags", FLAGS)]);
    let output = command(&deployment.folder, &["preview", "flags", "true", "false"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let expected = "flags/true\n{\n  \"label\": \"yes\",\n  \"notes\": 13\n}\n\n\
                    flags/false\n{\n  \"label\": \"no\",\n  \"notes\": 27\n}\n\nmade of 42 rows\n";
    assert_eq!(text, expected);
    let output = command(&deployment.folder, &["preview", "flags", "true", "--diff"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no sink keeps documents"), "{said}");
}

/// Reads pages until one has the text.
fn until(pages: &mut impl BufRead, text: &str) {
    let mut line = String::new();
    loop {
        line.clear();
        let read = pages.read_line(&mut line).expect("the output is text");
        assert!(read > 0, "it ended before it said {text}");
        if line.contains(text) {
            return;
        }
    }
}

#[test]
fn every_save_shows_it_again() {
    let deployment = Deployment::new(&SERVER, "preview_watch", TABLES, &[("flags", FLAGS)]);
    let mut child = Command::new(binary())
        .args(["preview", "flags", "true", "--watch"])
        .current_dir(&deployment.folder)
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let mut pages = BufReader::new(child.stdout.take().expect("stdout is piped"));
    until(&mut pages, "\"label\": \"yes\"");
    until(&mut pages, "rows");
    deployment.write("flags.schema.yml", &FLAGS.replace("keyword: label", "keywrd: label"));
    until(&mut pages, "did you mean `keyword`?");
    deployment.write("flags.schema.yml", &FLAGS.replace("label", "word\n    column: label"));
    until(&mut pages, "\"word\": \"yes\"");
    child.kill().expect("it runs until it is ended");
    child.wait().expect("it has been ended");
}
