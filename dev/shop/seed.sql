-- Rows for the shop, the same each time for the same size: `psql -v orders=50000 -f seed.sql`.
-- Everything else grows with the orders. User 1 is the big customer: a fiftieth of the orders go
-- to address 2.
\if :{?orders}
\else
\set orders 2000
\endif
begin;

insert into users
select n, 'user' || n || '@shop.example', (array['Ada','Bo','Cleo','Dan','Eve','Finn','Grete','Hal'])[1 + n % 8] || ' ' || n,
       (array['bronze','silver','gold'])[1 + n % 3], date '2015-01-01' + n % 3000,
       case when n % 41 = 40 then timestamptz '2023-05-05 05:05:05+00' end
  from generate_series(1, 10 + :orders / 10) n;

insert into addresses
select n, u, case when n % 3 = 0 then 'billing' else 'home' end, n % 97 || ' Main Street',
       (array['Turin','Graz','Lyon','Cork','Porto'])[1 + n % 5], (array['it','at','fr','ie','pt'])[1 + n % 5]
  from (select n, 1 + (n - 1) / 2 as u from generate_series(1, 2 * (10 + :orders / 10)) n) a;

insert into shops
select n, 'Shop ' || n, (array['Turin','Graz','Lyon'])[1 + n % 3] from generate_series(1, 20) n;

insert into categories
select n, case when n > 1 then n / 3 + case when n / 3 = 0 then 1 else 0 end end, 'Category ' || n
  from generate_series(1, 30) n;

insert into products
select n, case when n % 17 > 0 then 1 + n % 30 end, 'SKU-' || lpad(n::text, 6, '0'), 'Product ' || n,
       (n * 37 % 9000)::numeric / 100 + 1, case when n % 5 > 0 then n * 0.125 end, n % 19 > 0,
       jsonb_build_object('colour', (array['red','green','blue'])[1 + n % 3], 'size', n % 7),
       timestamp '2020-02-29 12:00:00' + n * interval '1 hour'
  from generate_series(1, 20 + :orders / 50) n;

insert into tags select n, (array['gift','rush','fragile','organic','bulk'])[1 + n % 5] || ' ' || n from generate_series(1, 20) n;

insert into product_tags
select p, 1 + (p * 7 + k * 3) % 20 from generate_series(1, 20 + :orders / 50) p, generate_series(0, 2) k where (p + k) % 4 > 0;

insert into orders
select n, u, case when n % 23 > 0 then 2 * u - n % 2 end,
       case when n <= 10 then 1 when n <= 1010 then 2 when n <= 101010 then 3 else 4 + n % 17 end,
       (array['open','paid','shipped','cancelled'])[1 + n % 4], case when n % 10 = 0 then 'Ring twice, order ' || n end,
       timestamptz '2024-01-01 00:00:00+00' + n * interval '7 minutes'
  from (select n, case when n % 50 = 0 then 1 else 2 + n * 31 % (8 + :orders / 10) end as u from generate_series(1, :orders) n) o;

insert into order_items
select 10 * n + k, n, 1 + (n * 13 + k * 29) % (20 + :orders / 50), 1 + (n + k) % 5, ((n * 37 + k * 11) % 9000)::numeric / 100 + 1
  from generate_series(1, :orders) n, generate_series(0, 3) k where k <= n % 5;

insert into order_tags
select n, 1 + (n * 3 + k * 7) % 20 from generate_series(1, :orders) n, generate_series(0, 1) k where (n + k) % 3 = 0;

insert into reviews
select n, 1 + n * 7 % (20 + :orders / 50), 1 + n * 11 % (10 + :orders / 10), 1 + n % 5, case when n % 3 > 0 then 'Review ' || n end
  from generate_series(1, 20 + :orders / 20) n;

insert into stock.levels
select s, p, (s * 31 + p * 17) % 100 from generate_series(1, 20) s, generate_series(1, 20 + :orders / 50) p where (s + p) % 6 = 0;

commit;
analyze;
