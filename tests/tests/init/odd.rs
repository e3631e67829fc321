//! Databases as they are: names that need quotes, reserved words, keys of several columns, every
//! type there is, tables that refer to themselves or twice to the same other.

use crate::runs;

const ODD: &str = r#"
CREATE SCHEMA "Sales Dept";
CREATE TABLE "Full Orders" (
    "Order No" int PRIMARY KEY, "fullName" text NOT NULL, "select" text, "null" int, "a.b" int,
    "it's" text, "say ""hi""" text, "Ünïcode" text, "1st" int, "a-b" int, "a b" int, "true" boolean);
CREATE TABLE "Sales Dept"."Order Lines" (
    "Order No" int NOT NULL REFERENCES "Full Orders", "Line No" int NOT NULL, "user" text,
    PRIMARY KEY ("Order No", "Line No"));
CREATE TABLE "user" (id int PRIMARY KEY, "order" int REFERENCES "Full Orders", "table" text, "yes" text);
INSERT INTO "Full Orders" VALUES (1, 'one', 's', 1, 2, 'x', 'hi', 'u', 1, 2, 3, true);
INSERT INTO "Full Orders" ("Order No", "fullName") VALUES (2, 'two');
INSERT INTO "Sales Dept"."Order Lines" VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, NULL);
INSERT INTO "user" VALUES (1, 1, 't', 'y'), (2, NULL, NULL, NULL);
"#;

const ODD_TABLES: [(&str, &str); 3] = [
    ("\"Full Orders\"", "full_orders"),
    ("\"Sales Dept\".\"Order Lines\"", "order_lines"),
    ("\"user\"", "user"),
];

const ODD_CHANGE: &str = r#"UPDATE "Full Orders" SET "fullName" = 'other', "a.b" = 9;
    DELETE FROM "Sales Dept"."Order Lines" WHERE "Line No" = 2; UPDATE "user" SET "order" = 2"#;

#[test]
fn names_that_need_quotes() {
    runs("odd_names", ODD, &ODD_TABLES, false, ODD_CHANGE);
    runs("odd_names_all", ODD, &ODD_TABLES, true, ODD_CHANGE);
}

const TYPES: &str = r#"
CREATE TYPE mood AS ENUM ('sad', 'ok', 'no: really', 'it''s');
CREATE TYPE weird AS ENUM ('a => b', '');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN amount AS numeric(10, 2) CHECK (value >= 0);
CREATE TABLE types (
    id uuid PRIMARY KEY, b boolean NOT NULL, s smallint, i integer, l bigint, r real, d double precision,
    n numeric(12, 3), dom amount, mo money, t text, v varchar(20), c char(4), na name,
    by bytea, da date, ti time(3), tz timetz, ts timestamp, tsz timestamptz, iv interval, u uuid,
    j json, jb jsonb, m mood NOT NULL, w weird, texts text[] NOT NULL, ints int[], moods mood[], dates date[],
    doms amount[], ir int4range, tr tstzrange, mr int4multirange, ip inet, ci cidr, mac macaddr, bits bit(4),
    p point, po polygon, x xml, tv tsvector, o oid, co pair, uuids uuid[], jbs jsonb[],
    total numeric GENERATED ALWAYS AS (n * 2) STORED,
    ident int GENERATED ALWAYS AS IDENTITY);
INSERT INTO types (id, b, s, i, l, r, d, n, dom, mo, t, v, c, na, by, da, ti, tz, ts, tsz, iv, u, j, jb, m, w,
    texts, ints, moods, dates, doms, ir, tr, mr, ip, ci, mac, bits, p, po, x, tv, o, co, uuids, jbs)
SELECT md5(k::text)::uuid, true, k, k, k, k / 3.0, k / 7.0, k, k, k, 'text', 'v', 'c', 'n', '\x00ff', '2024-01-31',
    '01:02:03.5', '01:02:03+02', '2024-01-31 01:02:03', '2024-01-31 01:02:03+01', '1 day 02:03', md5('u')::uuid,
    '{"a": 1}', '{"b": [1, null]}', 'no: really', '', '{a,NULL,"c d"}', '{1,2}', '{sad,ok}', '{2024-01-31}',
    '{1.50}', '[1,5)', '[2024-01-01,2024-02-01)', '{[1,2),[5,6)}', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03',
    '1010', '(1,2)', '((0,0),(1,1),(1,0))', '<a/>', 'a:1 b:2', k, row(k, 'x')::pair, ARRAY[md5('a')::uuid],
    ARRAY['{"a": 1}'::jsonb]
FROM generate_series(1, 3) k;
INSERT INTO types (id, b, m, texts) VALUES (md5('9')::uuid, false, 'sad', '{}');
"#;

#[test]
fn every_type() {
    let change = "UPDATE types SET s = s + 1, moods = NULL, ir = 'empty', m = 'ok'";
    runs("types", TYPES, &[("types", "types")], false, change);
}

const KEYS: &str = "
CREATE TABLE tenants (id int PRIMARY KEY, name text);
CREATE TABLE people (
    tenant int REFERENCES tenants, no bigint, name varchar(50) NOT NULL, boss_no bigint, mail text UNIQUE,
    PRIMARY KEY (tenant, no), FOREIGN KEY (tenant, boss_no) REFERENCES people (tenant, no));
CREATE TABLE profiles (id int PRIMARY KEY, tenant int, person bigint, bio text,
    UNIQUE (tenant, person), FOREIGN KEY (person, tenant) REFERENCES people (no, tenant));
CREATE TABLE matches (
    id int PRIMARY KEY, tenant int NOT NULL, home_no bigint, guest_no int, mail text REFERENCES people (mail),
    FOREIGN KEY (tenant, home_no) REFERENCES people, FOREIGN KEY (tenant, guest_no) REFERENCES people);
CREATE TABLE follows (
    tenant int, fan bigint, star_tenant int, star bigint, since date,
    PRIMARY KEY (tenant, fan, star_tenant, star),
    FOREIGN KEY (tenant, fan) REFERENCES people, FOREIGN KEY (star_tenant, star) REFERENCES people);
CREATE TABLE logs (tenant int, no bigint, line text, FOREIGN KEY (tenant, no) REFERENCES people);
CREATE TABLE nodes (id text PRIMARY KEY, parent_id text REFERENCES nodes, kind char(3));
CREATE TABLE edges (a text REFERENCES nodes, b text REFERENCES nodes, PRIMARY KEY (a, b));
CREATE TABLE parts (id int, at date, node text REFERENCES nodes, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
INSERT INTO tenants VALUES (1, 'one'), (2, 'two');
INSERT INTO people VALUES (1, 1, 'a', NULL, 'a@x'), (1, 2, 'b', 1, 'b@x'), (2, 1, 'c', NULL, NULL);
INSERT INTO profiles VALUES (1, 1, 1, 'hi'), (2, 2, 1, NULL);
INSERT INTO matches VALUES (1, 1, 1, 2, 'a@x'), (2, 1, 2, 1, NULL), (3, 2, 1, NULL, NULL);
INSERT INTO follows VALUES (1, 1, 1, 2, '2024-01-01'), (1, 2, 2, 1, NULL);
INSERT INTO logs VALUES (1, 1, 'x');
INSERT INTO nodes VALUES ('r', NULL, 'dir'), ('s', 'r', 'f');
INSERT INTO edges VALUES ('r', 's'), ('s', 'r');
INSERT INTO parts VALUES (1, '2010-01-01', 'r'), (1, '2030-01-01', 's');
";

const KEY_TABLES: [(&str, &str); 8] = [
    ("tenants", "tenants"),
    ("people", "people"),
    ("profiles", "profiles"),
    ("matches", "matches"),
    ("follows", "follows"),
    ("nodes", "nodes"),
    ("edges", "edges"),
    ("parts", "parts"),
];

const KEY_CHANGE: &str = "UPDATE people SET name = name || '!'; DELETE FROM follows WHERE fan = 1; \
    UPDATE nodes SET kind = 'x'; UPDATE matches SET home_no = 1; UPDATE parts SET node = 'r'";

#[test]
fn keys_of_several_columns_and_tables_that_meet_twice() {
    runs("keys", KEYS, &KEY_TABLES, false, KEY_CHANGE);
    runs("keys_all", KEYS, &KEY_TABLES, true, KEY_CHANGE);
}
