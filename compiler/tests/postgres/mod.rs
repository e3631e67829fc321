//! A Postgres of one's own for a test, and what its catalog says, by way of `psql`.

// Not every test asks for everything.
#![allow(dead_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flusso_compiler::catalog::{Catalog, Column, Table, TableName};
use flusso_compiler::plan::oracle::SETTINGS;
use flusso_compiler::types::SqlType;
use serde_json::Value as Json;

/// A server on a socket in a directory that goes when this does.
pub struct Server {
    bin: PathBuf,
    home: PathBuf,
}

impl Server {
    /// Started and empty; none, loudly, where no server is installed.
    pub fn start(name: &str) -> Option<Server> {
        let Some(bin) = binaries() else {
            eprintln!("NOT TESTED: no initdb on the PATH or under /usr/lib/postgresql");
            return None;
        };
        let home = std::env::temp_dir().join(format!("flusso-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let server = Server { bin, home };
        server.own();
        // A collation that orders otherwise than bytes do, where the server can have one.
        let data = server.home.join("data");
        let init = |locale: &[&str]| {
            let mut command = server.command("initdb");
            command.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "-D"]);
            run(command.arg(&data).args(locale)).is_some()
        };
        let icu = ["--locale=C", "--locale-provider=icu", "--icu-locale=en"];
        assert!(init(&icu) || init(&["--locale=C"]), "initdb failed");
        let options = format!("-k {} -c listen_addresses= -c fsync=off", server.home.display());
        let mut command = server.command("pg_ctl");
        command.args(["start", "--wait", "--options", &options, "-D"]).arg(&data);
        command.arg("--log").arg(server.home.join("log"));
        // Its output would stay open with the server.
        assert!(command.stdout(Stdio::null()).status().unwrap().success(), "pg_ctl failed");
        Some(server)
    }

    /// What a script prints, unaligned and without headings.
    pub fn psql(&self, script: &str) -> String {
        // Debian keeps its `psql` apart from the server.
        let own = self.bin.join("psql");
        let mut psql = Command::new(if own.exists() { own } else { "psql".into() });
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"]);
        psql.arg(&self.home).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let script = script.to_owned();
        let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The documents of a query as `[id, document]`, by id.
    pub fn documents(&self, query: &str) -> Vec<(String, Json)> {
        let mut script: String =
            SETTINGS.iter().map(|(name, value)| format!("SET {name} = '{value}';\n")).collect();
        script += &format!("SELECT jsonb_build_array(id, document) FROM (\n{query}) AS q;\n");
        let output = self.psql(&script);
        let documents = output.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut documents = documents.collect::<Vec<(String, Json)>>();
        documents.sort_by(|a, b| a.0.cmp(&b.0));
        documents
    }

    /// All tables outside the system schemas.
    pub fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::default();
        let script = "
            SELECT n.nspname, c.relname, a.attname, t.typname,
                   CASE WHEN i.indisprimary THEN array_position(i.indkey::int2[], a.attnum) END,
                   (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum
                     WHERE enumtypid = t.oid)
              FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              JOIN pg_type t ON t.oid = a.atttypid
              LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
             WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
             ORDER BY c.oid, a.attnum";
        for line in self.psql(script).lines() {
            let [schema, name, column, ty, key, labels] =
                line.split('|').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
            let table = TableName { schema, name };
            let table = catalog.tables.entry(table).or_insert(Table {
                oid: 0,
                kind: 'r',
                columns: vec![],
                primary_key: vec![],
                identity: 'd',
                rows: None,
            });
            if let Ok(position) = key.parse::<usize>() {
                let place = table.primary_key.len().max(position + 1);
                table.primary_key.resize(place, String::new());
                table.primary_key[position] = column.clone();
            }
            table.columns.push(Column {
                name: column,
                ty: sql_type(&ty, &labels),
                type_name: ty,
                not_null: false,
                width: None,
                distinct: None,
            });
        }
        catalog.names = catalog.tables.keys().cloned().collect();
        catalog
    }

    /// A server's command, which must not run as root.
    fn command(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "nobody", "--"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        command.current_dir(&self.home);
        command
    }

    fn own(&self) {
        if is_root() {
            assert!(run(Command::new("chown").arg("nobody").arg(&self.home)).is_some());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.home.join("data");
        let mut stop = self.command("pg_ctl");
        let _ = stop.args(["stop", "--mode=immediate", "-D"]).arg(data).output();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn run(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).as_deref() == Some("0")
}

/// The newest server installed.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions = versions.map(|version| version.path().join("bin")).collect::<Vec<_>>();
    versions.sort();
    places.extend(versions.into_iter().rev());
    places.into_iter().find(|place| Path::new(place).join("initdb").exists())
}

fn sql_type(name: &str, labels: &str) -> SqlType {
    match name {
        _ if !labels.is_empty() => SqlType::Enum(labels.split(',').map(str::to_owned).collect()),
        "bool" => SqlType::Bool,
        "int2" => SqlType::Int2,
        "int4" => SqlType::Int4,
        "int8" => SqlType::Int8,
        "oid" => SqlType::Oid,
        "float4" => SqlType::Float4,
        "float8" => SqlType::Float8,
        "numeric" => SqlType::Numeric(None),
        "money" => SqlType::Money,
        "text" | "varchar" | "name" => SqlType::Text,
        "bpchar" => SqlType::Bpchar,
        "citext" => SqlType::Citext,
        "bytea" => SqlType::Bytea,
        "date" => SqlType::Date,
        "time" => SqlType::Time,
        "timetz" => SqlType::TimeTz,
        "timestamp" => SqlType::Timestamp,
        "timestamptz" => SqlType::TimestampTz,
        "interval" => SqlType::Interval,
        "uuid" => SqlType::Uuid,
        "json" => SqlType::Json,
        "jsonb" => SqlType::Jsonb,
        array if array.starts_with('_') => SqlType::Array(Box::new(sql_type(&array[1..], ""))),
        other => SqlType::Other(other.to_owned()),
    }
}
