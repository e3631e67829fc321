//! `flusso init`: what it writes is what a person would have, and it loads, passes `check` and runs
//! unedited, with every comment switched on too. Nothing is written over.

mod odd;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

use flusso_tests::deployment::Deployment;
use flusso_tests::flusso::{Flusso, HUMAN, binary, command};
use flusso_tests::server::{Server, fresh_path, repository};
use flusso_tests::shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::postgres(&[]));

/// Runs a command that must end well and gives what it printed.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}\n{printed}");
    printed
}

/// Runs a command that must end with 1 and gives what it complained of.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    said
}

/// The text with every comment that holds a field taken away.
fn switched_on(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("  # ") {
        Some(field) if field.starts_with(['-', ' ']) => format!("  {field}\n"),
        _ => format!(
            "{}\n",
            line.strip_prefix("# soft_delete")
                .map_or_else(|| line.to_owned(), |rest| format!("soft_delete{rest}"),)
        ),
    };
    text.lines().map(line).collect()
}

/// Compares with a file beside this one; `UPDATE_GOLDEN=1` writes it instead.
fn golden(name: &str, text: &str) {
    let path = repository().join("tests/tests/init/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the repository can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{name} differs; it is now:\n{text}");
}

/// Writes a schema for each table (with the name of its index), switches all comments on if
/// wanted, and runs: the documents are those of the queries, at the seed and after a change.
fn runs(name: &str, tables: &str, drafts: &[(&str, &str)], all: bool, change: &str) {
    let mut deployment = Deployment::new(&SERVER, name, tables, &[]);
    deployment.session.run("ANALYZE");
    for (table, index) in drafts {
        done(&deployment.folder, &["init", table, "--config", "flusso.toml"]);
        let file = format!("{index}.schema.yml");
        let text = std::fs::read_to_string(deployment.folder.join(&file)).expect("it was written");
        if all {
            deployment.write(&file, &switched_on(&text));
        } else {
            golden(&format!("{name}.{index}.schema.yml"), &text);
        }
        deployment.adopt(index);
    }
    let checked = done(&deployment.folder, &["check", "--config", "flusso.toml"]);
    assert!(!checked.contains("[error]"), "{checked}");
    let mut flusso = deployment.start(1);
    deployment.expect_equal(&mut flusso, "at seed");
    deployment.session.run(change);
    deployment.expect_equal(&mut flusso, "after a change");
}

const SHOP: [(&str, &str); 12] = [
    ("users", "users"),
    ("addresses", "addresses"),
    ("shops", "shops"),
    ("categories", "categories"),
    ("products", "products"),
    ("tags", "tags"),
    ("product_tags", "product_tags"),
    ("orders", "orders"),
    ("order_items", "order_items"),
    ("order_tags", "order_tags"),
    ("reviews", "reviews"),
    ("stock.levels", "levels"),
];

const SHOP_CHANGE: &str = "UPDATE users SET name = 'Other' WHERE id % 3 = 0; \
     UPDATE products SET price = price + 1; DELETE FROM order_tags; \
     UPDATE orders SET status = 'paid' WHERE id % 2 = 0";

#[test]
fn the_shop_as_it_is_written() {
    runs("shop_plain", &shop::rows(60), &SHOP, false, SHOP_CHANGE);
}

#[test]
fn the_shop_with_everything_switched_on() {
    runs("shop_all", &shop::rows(60), &SHOP, true, SHOP_CHANGE);
}

/// Runs it with `DATABASE_URL` alone.
fn alone(folder: &Path, arguments: &[&str], url: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder).env("DATABASE_URL", url).env("NO_COLOR", "1");
    command.output().expect("the binary can be run")
}

#[test]
fn without_a_config_one_is_written_and_runs() {
    let deployment = Deployment::new(&SERVER, "from_nothing", &shop::rows(20), &[]);
    let folder = fresh_path("nothing");
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    let output = alone(&folder, &["init"], &deployment.url);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // More foreign keys begin or end at orders and products than anywhere else.
    assert!(printed.contains("✓ orders.schema.yml   table orders: 7 fields"), "{printed}");
    assert!(printed.contains("flusso init TABLE"), "{printed}");
    golden("flusso.toml", &std::fs::read_to_string(folder.join("flusso.toml")).expect("written"));
    let output = alone(&folder, &["check"], &deployment.url);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let arguments = deployment.arguments(1);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let url = deployment.url.as_str();
    let mut flusso = Flusso::with(&folder, &arguments, &[HUMAN, ("DATABASE_URL", url)]);
    flusso.until("20 documents", flusso_tests::deployment::PATIENCE, |it| it.documents.len() == 20);
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn nothing_is_written_over() {
    let deployment = Deployment::new(&SERVER, "kept", &shop::rows(5), &[]);
    let read = |file: &str| std::fs::read_to_string(deployment.folder.join(file)).expect("there");
    let before = read("flusso.toml");
    done(&deployment.folder, &["init", "users"]);
    let (added, schema) = (read("flusso.toml"), read("users.schema.yml"));
    assert!(added.starts_with(&before) && added.contains("name = \"users\""), "{added}");
    deployment.write("users.schema.yml", "# mine\n");
    let said = refused(&deployment.folder, &["init", "users"]);
    assert!(
        said.contains("users.schema.yml is there already") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(read("users.schema.yml"), "# mine\n");
    done(&deployment.folder, &["init", "users", "--force"]);
    assert_eq!(read("users.schema.yml"), schema);
    assert_eq!(read("flusso.toml"), added, "an index that is named already is not named again");
}

#[test]
fn a_password_is_never_written_down() {
    let deployment = Deployment::new(&SERVER, "secret", "CREATE TABLE t (id int PRIMARY KEY)", &[]);
    let folder = fresh_path("secret");
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    // The server trusts everybody, whatever the password.
    let url = match deployment.url.split_once('@') {
        Some((user, rest)) => format!("{user}:hidden@{rest}"),
        None => panic!("no user in {}", deployment.url),
    };
    let printed = done(&folder, &["init", "t", "--database", &url]);
    let written = std::fs::read_to_string(folder.join("flusso.toml")).expect("it was written");
    assert!(
        written.contains("{ env = \"DATABASE_URL\" }") && !written.contains("hidden"),
        "{written}"
    );
    assert!(printed.contains("set DATABASE_URL"), "{printed}");
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn what_cannot_be_a_document_is_refused_with_the_cure() {
    let tables = "CREATE TABLE entries (at timestamptz, line text); \
        CREATE TABLE orders (id int PRIMARY KEY); CREATE VIEW open AS SELECT * FROM orders";
    let deployment = Deployment::new(&SERVER, "no_document", tables, &[]);
    let refused = |table: &str| refused(&deployment.folder, &["init", table]);
    assert!(refused("entries").contains("ALTER TABLE entries ADD PRIMARY KEY"));
    assert!(refused("open").contains("not an ordinary table"));
    assert!(refused("ordres").contains("did you mean orders?"));
    assert!(refused("zzzzzzzz").contains("there is no table zzzzzzzz"));
    deployment.write("flusso.toml", "[source]\ntype = \"mysql\"\n");
    assert!(refused("orders").contains("flusso.toml:2"));
    assert!(!deployment.folder.join("orders.schema.yml").exists());
}
