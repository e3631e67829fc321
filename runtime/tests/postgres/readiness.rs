//! What must hold before a capture starts, and who may connect.

use flusso_runtime::postgres::Connection;
use flusso_runtime::postgres::publication::coverage;

use crate::support::{Database, Server, plan, table};

#[tokio::test(flavor = "multi_thread")]
async fn an_unmanaged_publication_is_asked_for_by_its_statement() {
    let database = Database::new(
        "unmanaged",
        "CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE two (id int PRIMARY KEY);",
    )
    .await;
    let plan = plan(vec![table("one", &["id"], &[]), table("two", &["id"], &[])]);
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let mut settings = database.settings();
    settings.manage_publication = false;
    let start = |settings| {
        flusso_runtime::postgres::capture::start(
            plan.clone().into(),
            settings,
            None,
            stopped.clone(),
        )
    };
    let text = start(settings.clone()).await.err().unwrap().to_string();
    let statement =
        r#"CREATE PUBLICATION "Pub unmanaged" FOR TABLE "public"."one", "public"."two";"#;
    assert!(text.contains(statement), "{text}");
    database.run(r#"CREATE PUBLICATION "Pub unmanaged" FOR TABLE one"#).await;
    let text = start(settings.clone()).await.err().unwrap().to_string();
    let statement = r#"ALTER PUBLICATION "Pub unmanaged" ADD TABLE "public"."two";"#;
    assert!(text.contains(statement), "{text}");
    database.run(statement).await;
    start(settings).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_at_once_and_with_its_cure() {
    let database = Database::new(
        "missing",
        "CREATE TABLE bare (id int); CREATE UNLOGGED TABLE fast (id int PRIMARY KEY);
         CREATE TABLE mute (id int PRIMARY KEY); ALTER TABLE mute REPLICA IDENTITY NOTHING;
         CREATE TABLE made (id int PRIMARY KEY, n int GENERATED ALWAYS AS (id * 2) STORED);
         CREATE VIEW seen AS SELECT 1 AS id;",
    )
    .await;
    let tables = ["bare", "fast", "mute", "seen", "gone"].map(|name| table(name, &["id"], &[]));
    let mut tables = tables.to_vec();
    tables.push(table("made", &["id"], &["n"]));
    let text = database.capture(&plan(tables)).await.err().unwrap().to_string();
    for part in [
        r#"ALTER TABLE "public"."bare" ADD PRIMARY KEY"#,
        "fast is an unlogged table",
        "ALTER TABLE public.mute REPLICA IDENTITY DEFAULT;",
        "seen is a view",
        "table gone does not exist",
        "column `n` of table made is generated",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Nothing was made.
    assert_eq!(database.value("SELECT count(*)::text FROM pg_publication").await, "0");
    let slots = "SELECT count(*)::text FROM pg_replication_slots WHERE slot_name = 'missing'";
    assert_eq!(database.value(slots).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_never_offers_to_break_the_owners_updates() {
    let database = Database::new(
        "coverage",
        "CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE keyless (id int);
         CREATE SCHEMA other; CREATE TABLE other.two (id int PRIMARY KEY);
         CREATE ROLE guest LOGIN; CREATE PUBLICATION flusso FOR TABLE one;",
    )
    .await;
    let mut two = table("two", &[], &[]).name;
    two.schema = "other".to_owned();
    let [one, keyless] = ["one", "keyless"].map(|name| table(name, &[], &[]).name);
    let wanted = [one.clone(), two.clone()];
    let covered = coverage(&database.client, "flusso", &wanted).await.unwrap();
    assert_eq!((&covered.present, &covered.missing), (&vec![one], &vec![two]));
    assert!(covered.manageable && !covered.satisfied());
    let statement = r#"ALTER PUBLICATION "flusso" ADD TABLE "other"."two";"#;
    assert_eq!(covered.remediation, [statement]);
    let covered = coverage(&database.client, "flusso", &[keyless]).await.unwrap();
    assert!(!covered.manageable);
    assert!(covered.blockers[0].contains("REPLICA IDENTITY"), "{:?}", covered.blockers);
    database.run("SET ROLE guest").await;
    let covered = coverage(&database.client, "flusso", &wanted).await.unwrap();
    assert!(!covered.manageable);
    assert_eq!(covered.blockers.len(), 2, "{:?}", covered.blockers);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_give_a_password_works() {
    let server = Server::start();
    let database = Database::on(
        &server,
        "auth",
        "CREATE TABLE t (id int PRIMARY KEY);
         SET password_encryption = 'scram-sha-256';
         CREATE ROLE by_scram LOGIN SUPERUSER PASSWORD 'p@ss: word';
         SET password_encryption = 'md5'; CREATE ROLE by_md5 LOGIN SUPERUSER PASSWORD 'p@ss: word';
         CREATE ROLE by_text LOGIN SUPERUSER PASSWORD 'p@ss: word';",
    )
    .await;
    let rules = "host all postgres all trust\nhost all by_scram all scram-sha-256\n\
                 host all by_md5 all md5\nhost all by_text all password\n";
    std::fs::write(server.folder.join("data/pg_hba.conf"), rules).unwrap();
    database.run("SELECT pg_reload_conf()").await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let plan = plan(vec![table("t", &["id"], &[])]);
    for user in ["by_scram", "by_md5", "by_text"] {
        let url = database.url.replace("postgres@", &format!("{user}:p%40ss%3A%20word@"));
        let database = Database { url, client: database.session().await, name: user.to_owned() };
        let mut reader = database.capture(&plan).await.unwrap();
        reader.open().await;
        reader.close().await;
    }
    let url = database.url.replace("postgres@", "by_scram:wrong@");
    let error = Connection::from_url(&url).unwrap().client().await.err().unwrap();
    assert!(!error.is_transient());
    assert!(error.to_string().contains("28P01"), "{error}");
    assert!(!error.to_string().contains("wrong"));
}
