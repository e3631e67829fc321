create type mood as enum ('calm', 'cross');
create table specimens (
  id char(4) primary key, bit boolean, small smallint, big bigint, sys oid, single real, dbl double precision,
  exact numeric, price money, word text, padded char(5), bytes bytea, day date, clock time, zoned timetz,
  moment timestamp, instant timestamptz, span interval, ref uuid, raw json, doc jsonb, state mood, ip inet,
  floats double precision[], prices money[], blobs bytea[], days date[], instants timestamptz[], words text[],
  ips inet[], grid int[], lat numeric(9,6), lon double precision);
insert into specimens values
  ('a', true, -5, 9007199254740993, 4294967295, 0.1, 1e300,
   12345678901234567890.1250, '$1,234.50', E'Tab\t"q" \\ ''x''', 'ab', '\x00ff10', '2024-02-29', '03:04:05.120', '03:04:05+02',
   '2024-01-02 03:04:05.12', '2024-01-02 03:04:05.5+02', '1 day 02:03:00', 'A0000000-0000-4000-8000-000000000001',
   '{"b": 1, "a": 2, "b": 3}', '[1.50, null]', 'cross', '10.0.0.1/8',
   '{1.5,NaN,null}', '{$2.50}', '{"\\x0102",null}', '{2024-01-01,infinity}', '{"2024-01-02 03:04:05+02"}',
   '{a,"b,c",null}', '{::1}', '{{1,2},{3,4}}', 51.5, -0.125),
  ('b', null, null, null, null, 'NaN', '-Infinity', 'NaN', null, '', '', '', 'infinity', null, null,
   '-infinity', 'infinity', null, null, null, null, null, null,
   '{}', null, '{}', '{}', null, '{}', null, '{}', null, 1);
