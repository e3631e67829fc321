-- A freight operator: what every deployment under inputs/ reads. Values keep clear of what the reference renders wrongly.
create schema ops;
create type mood as enum ('calm', 'cross');

create table offices (id int primary key, city text not null, country varchar(2) not null, opened date);
create table staff (id int primary key, name text not null, email varchar(120), boss_id int, office_id int, salary numeric(12,2), hired date not null, active boolean not null);
create table customers (
  id int primary key, email text not null, full_name text, tier text not null, country varchar(2), vat varchar(20),
  credit numeric(12,2), active boolean not null, archived boolean, closed_at timestamptz, joined date not null, created_at timestamptz not null,
  manager_id int, lat double precision, lon double precision, home jsonb, spot text, notes text, profile jsonb, prefs json,
  rating smallint, points int not null, balance bigint, score real, ratio double precision, ref uuid not null, code char(4), photo bytea,
  names jsonb not null, prices jsonb, codes jsonb, seen jsonb, ip inet, host text, phone text);
create table contacts (customer_id int primary key, phone text, bio text, born date);
create table addresses (id int primary key, customer_id int not null, kind text not null, line1 text not null, city text, postal_code text, lat numeric(9,6), lon numeric(9,6), main boolean not null, since date);
create table shipments (
  id bigint primary key, customer_id int not null, status text not null, weight numeric(10,3), placed_at timestamptz not null, due date,
  insured boolean not null, note text, priority smallint not null, cost numeric(12,2) not null, origin_id int, target_id int, label text, kilos double precision, pieces bigint, share real);
create table parcels (id bigint primary key, shipment_id bigint not null, sku text not null, qty int not null, price numeric(10,2) not null, fragile boolean);
create table scans (id bigint primary key, parcel_id bigint not null, at timestamptz not null, place text, seq int not null);
create table labels (id int primary key, name text not null, weight int, hidden boolean not null);
create table customer_labels (customer_id int, label_id int, since date, primary key (customer_id, label_id));
create table stations (id uuid primary key, code text not null, name text, kind text, lat numeric(9,6), lon numeric(9,6));
create table articles (slug text primary key, title text not null, body text, published boolean not null, stars int);
create table ops.depots (id int primary key, name text not null, opened date, closed boolean);
create table ops.tracks (id int primary key, depot_id int not null, length_m int not null, kind text);
create table typed (id int primary key, m mood, v varchar(5), n numeric, r int4range, b bit(3), d date, nn text not null);

do $$ declare s text := 'create table wide (id int primary key'; begin
  for i in 1..60 loop s := s || format(', c%s int', lpad(i::text, 2, '0')); end loop; execute s || ')'; end $$;

insert into offices values (1, 'Turin', 'it', '1999-04-01'), (2, 'Graz', 'at', null), (3, 'Lyon', 'fr', '2015-09-30');
insert into staff values (1, 'Ines', 'ines@f.example', null, 1, 90000.00, '2001-05-02', true), (2, 'Bo', null, 1, 2, 52000.50, '2010-01-15', true),
  (3, 'Cy', 'cy@f.example', 1, null, 48000.00, '2018-07-07', false), (4, 'Dee', 'dee@f.example', 2, 9, null, '2022-02-22', true);
insert into customers values
  (1, '  Ada@Example.ORG ', 'Ada Lovelace', 'gold', 'gb', 'GB-0042', 1500.25, true, false, null, '2019-12-10', '2019-12-10 08:30:00+00', 1, 51.5074, -0.1278,
   '{"lat": 51.5, "lon": -0.12}', '51.5,-0.12', 'First. Likes engines.', '{"a": 1, "b": {"c": [1, 2, "x"]}}', '{"mail": true}', 5, 120, 9007199254740993, 0.5, 0.125,
   '11111111-1111-4111-8111-111111111111', 'ab  ', '\x00ff10', '{"en": "engine", "it": "motore"}', '{"eur": 12.5, "usd": 13}', '{"ean": "4006381333931"}', '{"eu": "2020-01-01"}', '10.0.0.1', 'a.example', '+44 1'),
  (2, 'bob@example.org', null, 'silver', 'at', null, 0.00, true, null, null, '2020-02-29', '2020-02-29 23:59:59.5+00', 2, null, null,
   null, null, null, null, null, null, 0, null, null, null,
   '22222222-2222-4222-8222-222222222222', null, null, '{}', null, null, null, null, null, null),
  (3, 'Cleo@Example.org', 'Cleopatra VII', 'bronze', 'eg', 'EG-7', 99.90, false, true, '2023-03-03 03:03:03+00', '2021-01-31', '2021-01-31 12:00:00.123456+02', null, 30.0444, 31.2357,
   '[31.2, 30.0]', '30.0,31.2', 'Tab	and "quotes"', '{"a": null, "list": []}', '{"mail": false, "n": 7}', 1, -3, -5, -2.25, 1e10,
   '33333333-3333-4333-8333-333333333333', 'wxyz', '\xdeadbeef', '{"en": "barge"}', '{"eur": 1}', '{}', '{"eu": "2021-05-05", "us": "2021-06-06"}', '2001:db8::1', 'c.example', null),
  (4, 'dan@example.org', 'Dan O''Neil', 'gold', 'ie', 'IE-9', null, true, false, '2024-06-01 00:00:00+00', '2022-06-15', '2022-06-15 00:00:00+00', 99, 53.35, null,
   '{"lat": 53.35, "lon": -6.26}', null, 'élan vital', '{}', '{}', 3, 77, 42, 1.5, 2.5,
   '44444444-4444-4444-8444-444444444444', 'd', null, '{"en": "tug"}', '{}', null, null, null, null, 'x');
insert into contacts values (1, '+44 20', 'Analyst', '1815-12-10'), (3, null, 'Queen', '1900-01-01');
insert into addresses values (10, 1, 'home', '1 St James', 'London', 'SW1', 51.507400, -0.127800, true, '2019-12-10'), (11, 1, 'work', '2 Dorset', 'London', null, null, null, false, '2020-01-01'),
  (12, 2, 'home', '3 Hauptplatz', 'Graz', '8010', 47.070700, 15.439500, true, null), (13, 3, 'home', '4 Canopus', 'Alexandria', null, 31.200100, null, true, '2021-02-01');
insert into shipments values
  (100, 1, 'delivered', 12.500, '2023-01-05 10:00:00+00', '2023-01-09', true, 'left at door', 1, 100.00, 1, 2, 'S-100', 12.5, 3, 0.25),
  (101, 1, 'in_transit', 3.250, '2023-02-01 09:30:00+00', null, false, null, 2, 19.99, 1, 3, 'S-101', 3.25, 1, 0.5),
  (102, 1, 'cancelled', null, '2023-03-01 00:00:00+00', '2023-03-04', false, 'void', 3, 5.00, null, null, null, null, null, null),
  (103, 2, 'delivered', 250.000, '2023-01-20 06:00:00+00', '2023-02-01', true, '50% off', 1, 999.95, 2, 1, 's-103', 250, 40, 0.75),
  (104, 3, 'booked', 1.125, '2024-04-04 04:04:04+00', '2024-04-10', false, 'a_b', 2, 12.34, 3, 1, 'T-104', 1.125, 2, 1),
  (105, 3, 'delivered', 7.000, '2022-11-11 11:11:11+00', '2022-11-12', true, null, 5, 70.00, 3, 2, 'T-105', 7, 7, 0.125);
insert into parcels values (1000, 100, 'box-a', 2, 40.00, false), (1001, 100, 'box-b', 1, 20.00, true), (1002, 101, 'env-1', 1, 19.99, null), (1003, 103, 'pal-9', 40, 24.99, false),
  (1004, 104, 'box-a', 1, 12.34, true), (1005, 105, 'tube', 7, 10.00, false);
insert into scans values (5000, 1000, '2023-01-06 01:00:00+00', 'TRN', 1), (5001, 1000, '2023-01-07 01:00:00+00', 'GRZ', 2), (5002, 1001, '2023-01-06 01:00:00+00', 'TRN', 1), (5003, 1003, '2023-01-21 00:00:00+00', null, 1);
insert into labels values (1, 'fragile', 10, false), (2, 'express', null, false), (3, 'internal', 3, true), (4, 'bulk', 7, false);
insert into customer_labels values (1, 1, '2020-01-01'), (1, 2, '2021-01-01'), (1, 3, null), (2, 4, '2020-03-01'), (3, 2, null);
insert into stations values ('a0000000-0000-4000-8000-000000000001', 'TRN', 'Torino Orbassano', 'hub', 45.006500, 7.571500), ('a0000000-0000-4000-8000-000000000002', 'GRZ', null, 'halt', 47.072000, 15.417000),
  ('a0000000-0000-4000-8000-000000000003', 'LYS', 'Lyon Sibelin', 'yard', null, 4.860000);
insert into articles values ('how-to-pack', 'How to pack', 'Use tape.', true, 5), ('draft one', 'Draft', null, false, null), ('tariffs/2024', 'Tariffs 2024', 'See table.', true, 4);
insert into ops.depots values (1, 'North', '1980-01-01', false), (2, 'South', null, null), (3, 'Old', '1950-01-01', true);
insert into ops.tracks values (1, 1, 750, 'siding'), (2, 1, 1200, 'main'), (3, 2, 90, null);
insert into typed values (1, 'calm', 'v', 1.5, '[1,3)', '101', '2024-01-01', 'x');
insert into wide (id, c01, c60) values (1, 11, 60), (2, null, null);
