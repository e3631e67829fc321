CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE t (
  id integer PRIMARY KEY, i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision,
  n numeric, n2 numeric(10,2), b boolean, s text, v varchar(20), c character(4), by bytea,
  d date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, j json,
  jb jsonb, m mood, a4 integer[], a8 bigint[], sa text[], mo money
);
CREATE TABLE other (id integer PRIMARY KEY, t_id integer, label text, amount numeric(8,2), at timestamptz);
