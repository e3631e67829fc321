//! The forms of SQL that are refused: each at its place, with a cure. The page of the manual is
//! the golden file. `UPDATE_GOLDEN=1` writes it.
#![allow(clippy::unwrap_used)]

mod golden;
mod tables;

use std::fmt::Write;

use flusso_compiler::diagnostics::{Diagnostic, Sources};
use flusso_compiler::files::load;
use flusso_compiler::plan;

/// Where a piece of SQL stands.
enum Place {
    /// `sql:` of a field of this type.
    Field(&'static str),
    /// `where:` of the root.
    Where,
    /// `join:` of an array.
    Join,
    /// `select:` of an array.
    Select,
}

use Place::{Field, Join, Select, Where};

/// By the headings of the page.
const FORMS: &[(&str, &[(Place, &str)])] = &[
    (
        "What is not a value of the rows",
        &[
            (Field("timestamp"), "now()"),
            (Where, "created_at > current_date - 30"),
            (Field("double"), "random()"),
            (Field("keyword"), "gen_random_uuid()::text"),
            (Where, "email = current_user"),
            (Select, "SELECT sku AS id FROM items TABLESAMPLE SYSTEM (10) ORDER BY id"),
        ],
    ),
    (
        "Names and types",
        &[
            (Field("keyword"), "uppr(name)"),
            (Field("keyword"), "public.slug(name)"),
            (Field("keyword"), "upper(age)"),
            (Field("keyword"), "nvl(name, email)"),
            (Field("keyword"), "name::slug"),
            (Field("boolean"), "name = age"),
            (Field("keyword"), "orders.note"),
            (Field("keyword"), "ROW(name, age)::text"),
            (Field("keyword"), "name AS n"),
            (Field("keyword"), "SELECT name FROM users"),
        ],
    ),
    (
        "Functions and operators that are left out",
        &[
            (Field("double"), "power(2, age)"),
            (Field("boolean"), "name SIMILAR TO '%(b|d)%'"),
            (Field("boolean"), "name ~ '(?<=a)b'"),
            (Field("boolean"), "name ~ '('"),
            (Field("timestamp"), "to_timestamp(name, 'DD.MM.YYYY')"),
            (Field("boolean"), "data @? '$.a'"),
            (Field("keyword"), "unnest(tags)"),
            (Field("integer"), "generate_series(1, 3)"),
            (Field("keyword"), "name COLLATE \"de_DE\""),
            (Field("json"), "(SELECT jsonb_agg(note) FROM orders WHERE user_id = users.id)"),
            (
                Field("double"),
                "(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders\n \
                 WHERE user_id = users.id)",
            ),
            (Field("decimal"), "(SELECT sum(total) OVER () FROM orders WHERE user_id = users.id)"),
        ],
    ),
    (
        "Queries whose one change would reach every document",
        &[
            (Field("long"), "(SELECT count(*) FROM orders o WHERE o.user_id > users.id)"),
            (Where, "EXISTS (SELECT 1 FROM orders o WHERE o.user_id <> users.id)"),
            (Where, "age > ALL (SELECT qty FROM items)"),
            (Join, "orders o ON o.user_id < users.id"),
            (Join, "orders o ON o.user_id = users.id JOIN items i ON i.qty > o.total"),
        ],
    ),
    (
        "Forms of queries",
        &[
            (Select, "SELECT note AS id FROM orders WHERE user_id = users.id"),
            (Field("keyword"), "(SELECT note FROM orders WHERE user_id = users.id LIMIT 1)"),
            (
                Field("keyword"),
                "(SELECT id, note FROM orders WHERE user_id = users.id ORDER BY id LIMIT 1)",
            ),
            (Select, "SELECT * FROM orders WHERE user_id = users.id ORDER BY id"),
            (Select, "SELECT note AS idea FROM orders WHERE user_id = users.id ORDER BY 1"),
            (Select, "SELECT id FROM orders WHERE user_id = users.id ORDER BY id LIMIT (1 + 1)"),
            (Select, "SELECT id FROM orders WHERE user_id = users.id ORDER BY id FOR UPDATE"),
            (
                Select,
                "SELECT note AS id FROM orders WHERE user_id = users.id\n\
                 UNION ALL SELECT sku FROM items WHERE order_id = users.id ORDER BY 1",
            ),
            (
                Select,
                "SELECT note AS id FROM orders WHERE user_id = users.id\n\
                 UNION SELECT sku FROM items WHERE order_id = users.id",
            ),
            (
                Select,
                "SELECT note AS id FROM orders WHERE user_id = users.id\n\
                 EXCEPT SELECT sku FROM items WHERE order_id = users.id",
            ),
            (
                Select,
                "WITH RECURSIVE up AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM up)\n\
                 SELECT id FROM up ORDER BY id",
            ),
            (
                Select,
                "SELECT note AS id FROM orders WHERE user_id = users.id\n\
                 GROUP BY ROLLUP (note) ORDER BY 1",
            ),
            (
                Select,
                "SELECT note AS id, total FROM orders WHERE user_id = users.id\n\
                 GROUP BY note ORDER BY 1",
            ),
            (
                Select,
                "SELECT DISTINCT ON (note) note AS id FROM orders WHERE user_id = users.id\n\
                 ORDER BY total",
            ),
            (
                Select,
                "SELECT o.id FROM orders o RIGHT JOIN items i ON i.order_id = o.id\n\
                 WHERE o.user_id = users.id ORDER BY 1",
            ),
            (
                Select,
                "SELECT o.id FROM orders o JOIN items i USING (id)\n\
                 WHERE o.user_id = users.id ORDER BY 1",
            ),
            (Select, "SELECT id FROM (SELECT id FROM orders WHERE user_id = users.id) ORDER BY 1"),
            (Select, "SELECT n AS id FROM generate_series(1, 3) AS n ORDER BY 1"),
            (Select, "VALUES (1), (2)"),
            (Select, "DELETE FROM orders RETURNING id"),
        ],
    ),
];

/// A schema file with the piece in its place.
fn schema(place: &Place, sql: &str) -> String {
    let indented = sql.replace('\n', "\n      ");
    let head = "table: users\nprimary_key: id\n";
    match place {
        Where => format!("{head}where: |\n      {indented}\nfields:\n  - integer: id\n"),
        Field(ty) => format!("{head}fields:\n  - {ty}: x\n    sql: |\n      {indented}\n"),
        Join | Select => {
            let key = if matches!(place, Join) { "join" } else { "select" };
            format!(
                "{head}fields:\n  - has_many: x\n    {key}: |\n      {indented}\n    fields:\n      \
                 - keyword: id\n"
            )
        }
    }
}

/// What is said of a schema file.
fn said(schema: &str) -> (Sources, Vec<Diagnostic>) {
    let folder = std::env::temp_dir().join(format!("flusso-refused-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let toml = "source = { type = 'postgres' }\n[[index]]\nname = 'users'\nschema = 'users.yml'\n";
    std::fs::write(folder.join("flusso.toml"), toml).unwrap();
    std::fs::write(folder.join("users.yml"), schema).unwrap();
    let (mut sources, config) = load(&folder.join("flusso.toml"));
    std::fs::remove_dir_all(&folder).unwrap();
    for (path, _) in &mut sources.files {
        *path = path.file_name().unwrap().into();
    }
    let found = match config {
        Err(found) => found,
        Ok(config) => plan::build(&config, Some(&tables::catalog())).err().unwrap_or_default(),
    };
    (sources, found)
}

#[test]
fn each_form_is_refused_once_at_its_place_with_a_cure() {
    let mut page = include_str!("docs/refused.md").to_owned();
    let mut wrong = Vec::new();
    for (heading, forms) in FORMS {
        write!(page, "\n## {heading}\n").unwrap();
        for (at, (place, sql)) in forms.iter().enumerate() {
            let (sources, found) = said(&schema(place, sql));
            let text = sources.render_all(&found, false);
            let good = |one: &Diagnostic| one.place.is_some() && one.help.is_some();
            if found.len() != 1 || !found.iter().all(good) || !text.contains('^') {
                wrong.push(format!("{sql}\n{text}"));
            }
            let before = if at == 0 { "\n```text\n" } else { "\n" };
            write!(page, "{before}{text}").unwrap();
        }
        page += "```\n";
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    golden::page("refused.md", &page);
}
