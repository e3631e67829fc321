//! Relations: each verb, nested, through junctions, into other database schemas, by keys of
//! several columns, into the table they came from, and the same table along several ways.

use crate::follow;

const LIBRARY: &str = "
CREATE TABLE authors (id int PRIMARY KEY, name text, mentor_id int);
CREATE TABLE bios (id int PRIMARY KEY, author_id int, text text, rank int);
CREATE TABLE books (id bigint PRIMARY KEY, author_id int, editor_id int, title text, year int);
CREATE TABLE chapters (id int PRIMARY KEY, book_id bigint, no int, title text);
CREATE TABLE genres (id uuid PRIMARY KEY, name text);
CREATE TABLE book_genres (id serial PRIMARY KEY, book_id bigint, genre_id uuid);
INSERT INTO authors SELECT n, 'Author ' || n, NULLIF(n / 2, 0) FROM generate_series(1, 8) n;
INSERT INTO bios SELECT n, 1 + n % 5, 'Bio ' || n, n % 3 FROM generate_series(1, 12) n;
INSERT INTO books SELECT n, 1 + n % 6, CASE WHEN n % 4 > 0 THEN 1 + n % 9 END, 'Book ' || n, 1990 + n % 7 FROM generate_series(1, 24) n;
INSERT INTO chapters SELECT n, 1 + n % 20, n / 20, 'Chapter ' || n FROM generate_series(1, 70) n;
INSERT INTO genres SELECT md5(n::text)::uuid, 'Genre ' || n FROM generate_series(1, 5) n;
INSERT INTO book_genres (book_id, genre_id) SELECT 1 + n % 24, md5((1 + n % 6)::text)::uuid FROM generate_series(1, 50) n";

#[test]
fn belongs_to_and_has_one() {
    let schema = "
table: books
primary_key: id
fields:
  - text: title
  - belongs_to: author
    column: author_id
    table: authors
    primary_key: id
    fields:
      - text: name
      - has_one: bio
        table: bios
        foreign_key: author_id
        primary_key: id
        order_by: [{ column: rank, direction: desc }, { column: id }]
        filters: [{ column: rank, op: gt, value: 0 }]
        fields: [{ text: text }, { integer: rank }]
  - belongs_to: editor
    column: editor_id
    table: authors
    primary_key: id
    filters: [{ column: name, op: neq, value: Author 3 }]
    fields: [{ text: name }]
";
    let steps = [
        "UPDATE authors SET name = 'Renamed' WHERE id = 2",
        "UPDATE authors SET name = 'Author 3' WHERE id = 4",
        "UPDATE books SET author_id = 7, editor_id = NULL WHERE id = 3",
        "UPDATE books SET author_id = 99 WHERE id = 4",
        "INSERT INTO authors VALUES (99, 'Late', NULL)",
        "UPDATE bios SET rank = 9 WHERE id = 6",
        "UPDATE bios SET author_id = 6 WHERE id = 6",
        "DELETE FROM bios WHERE author_id = 2",
        "DELETE FROM authors WHERE id = 1",
        "UPDATE authors SET id = 1 WHERE id = 5",
    ];
    follow("to_one", LIBRARY, schema, &steps);
}

#[test]
fn has_many_ordered_limited_and_nested() {
    let schema = "
table: authors
primary_key: id
fields:
  - text: name
  - has_many: all
    table: books
    foreign_key: author_id
    primary_key: id
    fields:
      - text: title
      - has_many: chapters
        table: chapters
        foreign_key: book_id
        primary_key: id
        order_by: [{ column: no }, { column: title, direction: desc }]
        fields: [{ text: title }]
  - has_many: newest
    table: books
    foreign_key: author_id
    primary_key: id
    order_by: [{ column: year, direction: desc }, { column: title }]
    limit: 2
    fields:
      - text: title
      - integer: year
      - has_many: first
        table: chapters
        foreign_key: book_id
        primary_key: id
        order_by: [{ column: no, direction: asc }]
        limit: 1
        fields: [{ text: title }]
  - has_many: none
    table: books
    foreign_key: author_id
    primary_key: id
    limit: 0
    fields: [{ text: title }]
";
    let steps = [
        "UPDATE books SET year = 2030 WHERE id = 1",
        "UPDATE books SET year = NULL WHERE id = 2",
        "UPDATE books SET year = 1900 WHERE author_id = 3",
        "UPDATE chapters SET title = 'Deep' WHERE id = 21",
        "UPDATE chapters SET book_id = 5 WHERE id = 21",
        "UPDATE chapters SET no = -1 WHERE id = 65",
        "DELETE FROM books WHERE id = 1",
        "DELETE FROM chapters WHERE no = 0",
        "INSERT INTO authors VALUES (20, 'Empty', NULL)",
    ];
    follow("to_many", LIBRARY, schema, &steps);
}

#[test]
fn many_to_many_and_links_that_come_twice() {
    let schema = "
table: books
primary_key: id
fields:
  - many_to_many: genres
    table: genres
    primary_key: id
    through: { table: book_genres, left_key: book_id, right_key: genre_id }
    order_by: [{ column: name, direction: desc }]
    fields:
      - keyword: name
      - count: books
        through: { table: book_genres, left_key: genre_id, right_key: book_id }
        table: books
  - many_to_many: some
    table: genres
    primary_key: id
    through: { table: book_genres, left_key: book_id, right_key: genre_id }
    filters: [{ column: name, op: neq, value: Genre 2 }]
    order_by: [{ column: name }]
    limit: 1
    fields: [{ uuid: id }]
";
    let steps = [
        "INSERT INTO book_genres (book_id, genre_id) VALUES (1, md5('2')::uuid), (1, md5('2')::uuid)",
        "UPDATE genres SET name = 'Renamed' WHERE name = 'Genre 3'",
        "DELETE FROM book_genres WHERE id % 5 = 0",
        "UPDATE book_genres SET book_id = 2 WHERE book_id = 3",
        "DELETE FROM genres WHERE name = 'Genre 1'",
        "INSERT INTO genres VALUES (md5('6')::uuid, 'Genre 6')",
    ];
    follow("junction", LIBRARY, schema, &steps);
}

#[test]
fn a_table_that_refers_to_itself() {
    let schema = "
table: authors
primary_key: id
fields:
  - text: name
  - belongs_to: mentor
    column: mentor_id
    table: authors
    primary_key: id
    fields:
      - text: name
      - belongs_to: mentor
        column: mentor_id
        table: authors
        primary_key: id
        fields: [{ text: name }]
  - has_many: pupils
    table: authors
    foreign_key: mentor_id
    primary_key: id
    order_by: [{ column: name }]
    fields:
      - text: name
      - count: pupils
        table: authors
        foreign_key: mentor_id
";
    let steps = [
        "UPDATE authors SET name = 'Root' WHERE id = 1",
        "UPDATE authors SET mentor_id = 3 WHERE id = 4",
        "UPDATE authors SET mentor_id = id WHERE id = 5",
        "UPDATE authors SET mentor_id = 5 WHERE id = 1",
        "DELETE FROM authors WHERE id = 2",
        "UPDATE authors SET id = 2, name = 'Heir' WHERE id = 3",
    ];
    follow("itself", LIBRARY, schema, &steps);
}

#[test]
fn one_table_along_several_ways() {
    let schema = "
table: authors
primary_key: id
fields:
  - has_many: written
    table: books
    foreign_key: author_id
    primary_key: id
    fields:
      - text: title
      - belongs_to: editor
        column: editor_id
        table: authors
        primary_key: id
        fields: [{ text: name }]
  - has_many: edited
    table: books
    foreign_key: editor_id
    primary_key: id
    order_by: [{ column: year }]
    limit: 3
    fields: [{ text: title }, { integer: year }]
  - count: writtenCount
    table: books
    foreign_key: author_id
  - max: lastEdited
    table: books
    foreign_key: editor_id
    column: year
    value_type: integer
";
    let steps = [
        "UPDATE books SET author_id = editor_id, editor_id = author_id WHERE id < 8",
        "UPDATE books SET title = 'Both' WHERE author_id = editor_id",
        "UPDATE authors SET name = name || '!' WHERE id IN (1, 2, 3)",
        "DELETE FROM books WHERE editor_id = 4",
    ];
    follow("ways", LIBRARY, schema, &steps);
}

#[test]
fn keys_of_several_columns_and_other_database_schemas() {
    let tables = "
CREATE SCHEMA depot;
CREATE TABLE docs (tenant text, no int, name text, bin_row int, bin_col text, PRIMARY KEY (tenant, no));
CREATE TABLE depot.bins (row int, col text, label text, PRIMARY KEY (col, row));
CREATE TABLE depot.lines (id int PRIMARY KEY, doc_tenant text, doc_no int, amount numeric(8,2));
CREATE TABLE depot.marks (tenant text, no int, col text, row int, PRIMARY KEY (tenant, no, col, row));
INSERT INTO docs SELECT (array['a','b:c','d\\e'])[1 + n % 3], n / 3, 'Doc ' || n, n % 4, chr(65 + n % 3) FROM generate_series(0, 20) n;
INSERT INTO depot.bins SELECT r, chr(65 + c), 'Bin ' || r || c FROM generate_series(0, 2) r, generate_series(0, 2) c;
INSERT INTO depot.lines SELECT n, (array['a','b:c','d\\e'])[1 + n % 3], n % 5, n * 1.25 FROM generate_series(1, 30) n;
INSERT INTO depot.marks SELECT (array['a','b:c'])[1 + n % 2], n % 5, chr(65 + n % 3), n % 3 FROM generate_series(1, 12) n ON CONFLICT DO NOTHING";
    let schema = "
table: docs
primary_key: [tenant, no]
fields:
  - text: name
  - belongs_to: bin
    column: [bin_col, bin_row]
    table: depot.bins
    primary_key: [col, row]
    fields: [{ keyword: label }]
  - has_many: lines
    table: depot.lines
    foreign_key: [doc_tenant, doc_no]
    primary_key: id
    order_by: [{ column: amount, direction: desc }]
    fields: [{ decimal: amount }]
  - sum: amount
    table: depot.lines
    foreign_key: [doc_tenant, doc_no]
    column: amount
    value_type: decimal
  - many_to_many: marked
    table: depot.bins
    primary_key: [col, row]
    through: { table: depot.marks, left_key: [tenant, no], right_key: [col, row] }
    order_by: [{ column: label }]
    fields: [{ keyword: label }]
";
    let steps = [
        "UPDATE depot.bins SET label = 'Renamed' WHERE row = 1 AND col = 'B'",
        "UPDATE docs SET tenant = 'x' WHERE tenant = 'a' AND no = 2",
        "UPDATE docs SET bin_row = NULL WHERE no = 3",
        "UPDATE depot.lines SET doc_no = 1 WHERE doc_tenant = 'b:c'",
        "DELETE FROM depot.marks WHERE row = 0",
        "UPDATE depot.bins SET row = 7 WHERE row = 2 AND col = 'C'",
        "DELETE FROM docs WHERE no > 4",
    ];
    follow("composite", tables, schema, &steps);
}

#[test]
fn the_schema_key_says_where_tables_are() {
    let tables = "
CREATE SCHEMA depot;
CREATE TABLE depot.docs (id int PRIMARY KEY, n int);
CREATE TABLE docs (id int PRIMARY KEY, n int);
CREATE TABLE depot.parts (id int PRIMARY KEY, doc_id int);
INSERT INTO depot.docs VALUES (1, 1), (2, 2);
INSERT INTO docs VALUES (1, 10), (3, 30);
INSERT INTO depot.parts VALUES (1, 1), (2, 1)";
    let schema = "
table: docs
schema: depot
primary_key: id
fields:
  - integer: n
  - count: parts
    table: parts
    foreign_key: doc_id
  - has_one: twin
    table: public.docs
    foreign_key: id
    primary_key: id
    fields: [{ integer: n }]
";
    let steps = [
        "UPDATE docs SET n = 11 WHERE id = 1",
        "UPDATE docs SET n = 31 WHERE id = 3",
        "UPDATE depot.docs SET n = 0",
        "DELETE FROM depot.parts WHERE id = 2",
    ];
    follow("elsewhere", tables, schema, &steps);
}

/// Keys whose types differ and whose values are equal meet.
#[test]
fn keys_of_different_types_meet() {
    let tables = "
CREATE TABLE docs (id int PRIMARY KEY, code varchar(9));
CREATE TABLE parts (id bigint PRIMARY KEY, doc_id bigint, doc_no numeric);
CREATE TABLE codes (code text PRIMARY KEY, n int);
INSERT INTO docs VALUES (1, 'a'), (2, 'b'), (3, NULL);
INSERT INTO parts VALUES (1, 1, 1.0), (2, 1, 2.00), (3, 2, 2.5), (4, NULL, 3);
INSERT INTO codes VALUES ('a', 1), ('c', 3)";
    let schema = "
table: docs
primary_key: id
fields:
  - count: parts
    table: parts
    foreign_key: doc_id
  - ids: numbered
    table: parts
    foreign_key: doc_no
    element_type: long
  - belongs_to: code
    column: code
    table: codes
    primary_key: code
    fields: [{ integer: n }]
";
    let steps = [
        "UPDATE parts SET doc_id = 3, doc_no = 1 WHERE id = 4",
        "UPDATE parts SET doc_no = 2 WHERE id = 3",
        "INSERT INTO codes VALUES ('b', 2)",
        "UPDATE docs SET code = 'c' WHERE id = 3",
        "UPDATE parts SET doc_no = 1.00 WHERE id = 1",
    ];
    follow("classes", tables, schema, &steps);
}
