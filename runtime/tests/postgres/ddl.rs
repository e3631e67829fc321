//! Tables that change while they are followed: either it does not matter, or it is told by name.

use futures_util::future::join_all;

use crate::support::{Database, plan, table};

/// Tables, what happens to them, and what is said; nothing when it does not matter.
struct Case {
    name: &'static str,
    /// Beside `t (id int PRIMARY KEY, n int, note text, mood mood)` and the partitioned `p`.
    change: &'static str,
    says: Option<&'static str>,
}

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE t (id int PRIMARY KEY, n int, note text, mood mood);
    INSERT INTO t SELECT n, n, 'note', 'ok' FROM generate_series(1, 20) n;
    CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
    INSERT INTO p SELECT n, n FROM generate_series(0, 19) n;";

const CASES: &[Case] = &[
    Case { name: "unused_added", change: "ALTER TABLE t ADD more int", says: None },
    Case {
        name: "unused_random",
        change: "ALTER TABLE t ADD more float8 DEFAULT random()",
        says: None,
    },
    Case { name: "unused_dropped", change: "ALTER TABLE t DROP note", says: None },
    Case {
        name: "unused_renamed",
        change: "ALTER TABLE t RENAME note TO \"a note\"",
        says: None,
    },
    Case { name: "unused_retyped", change: "ALTER TABLE t ALTER note TYPE varchar(9)", says: None },
    Case { name: "indexed", change: "CREATE INDEX ON t (n); ANALYZE t", says: None },
    Case { name: "vacuumed", change: "CLUSTER t USING t_pkey", says: None },
    Case { name: "constrained", change: "ALTER TABLE t ALTER n SET NOT NULL", says: None },
    Case { name: "truncated", change: "TRUNCATE t RESTART IDENTITY", says: None },
    Case { name: "label_added", change: "ALTER TYPE mood ADD VALUE 'good'", says: None },
    Case { name: "told_whole", change: "ALTER TABLE t REPLICA IDENTITY FULL", says: None },
    Case {
        name: "born",
        change: "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20) TO (30);
                 INSERT INTO p VALUES (25, 1)",
        says: None,
    },
    Case {
        name: "published_more",
        change: "CREATE TABLE other (id int PRIMARY KEY);
                 ALTER PUBLICATION \"Pub published_more\" ADD TABLE other, p1",
        says: None,
    },
    Case {
        name: "dropped",
        change: "ALTER TABLE t DROP n",
        says: Some("table t has no column `n` any more"),
    },
    Case {
        name: "renamed",
        change: "ALTER TABLE t RENAME n TO m",
        says: Some("write `column: m` into the schema file"),
    },
    Case {
        name: "renamed_and_used",
        change: "ALTER TABLE t RENAME n TO m; INSERT INTO t VALUES (100, 1)",
        says: Some("write `column: m` into the schema file"),
    },
    Case {
        name: "retyped",
        change: "ALTER TABLE t ALTER n TYPE bigint",
        says: Some("another type for its column `n`"),
    },
    Case {
        name: "remade_column",
        change: "ALTER TABLE t DROP n; ALTER TABLE t ADD n int",
        says: Some("lost its column `n`, which a document reads, and got another"),
    },
    Case {
        name: "rewritten",
        change: "ALTER TABLE t ALTER n TYPE int USING n * 2",
        says: Some("was rewritten by an ALTER of its column `n`"),
    },
    Case {
        name: "relabelled",
        change: "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
        says: Some("label 'ok' was renamed"),
    },
    Case {
        name: "moved_away",
        change: "ALTER TABLE t RENAME TO u",
        says: Some("is called u now"),
    },
    Case {
        name: "moved_schema",
        change: "CREATE SCHEMA s; ALTER TABLE t SET SCHEMA s",
        says: Some("is called s.t now"),
    },
    Case { name: "gone", change: "DROP TABLE t", says: Some("table t was dropped") },
    Case {
        name: "remade",
        change: "DROP TABLE t;
                 CREATE TABLE t (id int PRIMARY KEY, n int, note text, mood mood)",
        says: Some("was dropped and made again"),
    },
    Case { name: "keyless", change: "ALTER TABLE t DROP CONSTRAINT t_pkey", says: Some("primary key") },
    Case {
        name: "mute",
        change: "ALTER TABLE t REPLICA IDENTITY NOTHING",
        says: Some("ALTER TABLE \"public\".\"t\" REPLICA IDENTITY DEFAULT;"),
    },
    Case {
        name: "attached",
        change: "CREATE TABLE late (id int PRIMARY KEY, n int); INSERT INTO late VALUES (25, 1);
                 ALTER TABLE p ATTACH PARTITION late FOR VALUES FROM (20) TO (30)",
        says: Some("got the rows of \"public\".\"late\""),
    },
    Case {
        name: "attached_at_once",
        change: "BEGIN; CREATE TABLE late (LIKE p INCLUDING ALL); INSERT INTO late VALUES (25, 1);
                 ALTER TABLE p ATTACH PARTITION late FOR VALUES FROM (20) TO (30); COMMIT",
        says: Some("got the rows of \"public\".\"late\""),
    },
    Case {
        name: "detached",
        change: "ALTER TABLE p DETACH PARTITION p2",
        says: Some("lost the rows of \"public\".\"p2\""),
    },
    Case {
        name: "emptied",
        change: "TRUNCATE p1",
        says: Some("\"public\".\"p1\", which was emptied or rewritten alone"),
    },
    Case {
        name: "emptied_untold",
        change: "ALTER PUBLICATION \"Pub emptied_untold\" SET (publish_via_partition_root = true)",
        says: Some("was altered"),
    },
    Case {
        name: "unpublished",
        change: "ALTER PUBLICATION \"Pub unpublished\" DROP TABLE t",
        says: Some("was taken out of the publication;"),
    },
    Case {
        name: "republished",
        change: "ALTER PUBLICATION \"Pub republished\" DROP TABLE t;
                 ALTER PUBLICATION \"Pub republished\" ADD TABLE t",
        says: Some("taken out of the publication and put back"),
    },
    Case {
        name: "filtered",
        change: "ALTER PUBLICATION \"Pub filtered\" SET TABLE t WHERE (id > 5), p",
        says: Some("got a row filter or a column list"),
    },
    Case {
        name: "operations",
        change: "ALTER PUBLICATION \"Pub operations\" SET (publish = 'insert')",
        says: Some("leaves out some changes"),
    },
    Case {
        name: "toggled",
        change: "ALTER PUBLICATION \"Pub toggled\" SET (publish = 'insert');
                 ALTER PUBLICATION \"Pub toggled\" SET (publish = 'insert, update, delete, truncate')",
        says: Some("was altered"),
    },
    Case {
        name: "no_publication",
        change: "DROP PUBLICATION \"Pub no_publication\"",
        says: Some("was dropped, so that changes may be missing"),
    },
];

impl Case {
    async fn holds(&'static self) {
        let database = Database::new(self.name, TABLES).await;
        let plan = plan(vec![table("t", &["id"], &["n", "mood"]), table("p", &["id"], &["n"])]);
        let mut reader = database.capture(&plan).await.unwrap();
        reader.open().await;
        database.run("INSERT INTO t VALUES (50, 50); UPDATE p SET n = -n").await;
        reader.agrees_with(&database).await;
        for statement in self.change.split_inclusive(';') {
            database.run(statement).await;
        }
        match self.says {
            None => {
                let after = "INSERT INTO t (id, n) VALUES (60, 60), (61, 61);
                             UPDATE t SET n = 0 WHERE id = 60; UPDATE p SET n = n * 3";
                database.run(after).await;
                reader.agrees_with(&database).await;
                // Long enough for a look.
                tokio::time::sleep(std::time::Duration::from_secs(6)).await;
                database.run("DELETE FROM t WHERE id = 60").await;
                reader.agrees_with(&database).await;
                reader.close().await;
            }
            Some(says) => {
                let error = reader.end().await.expect_err(self.name);
                let text = error.to_string();
                assert!(text.contains(says), "{}: {text}", self.name);
                assert!(!error.is_transient(), "{}: {text}", self.name);
            }
        }
        // There are more cases than slots; the server may take a moment to let one go.
        let name = self.name;
        let drop = format!("SELECT pg_drop_replication_slot('{name}')");
        while database.client.batch_execute(&drop).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matters_is_told_and_what_does_not_goes_unnoticed() {
    let mut failed = Vec::new();
    for some in CASES.chunks(9) {
        let ended = join_all(some.iter().map(|case| tokio::spawn(case.holds()))).await;
        let broken = some.iter().zip(ended).filter(|(_, ended)| ended.is_err());
        failed.extend(broken.map(|(case, _)| case.name));
    }
    assert!(failed.is_empty(), "{failed:?}; what went wrong stands above");
}
