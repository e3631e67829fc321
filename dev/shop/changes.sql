-- Named changes of the shop. Each stands after a line `-- change: NAME` and is one transaction.
-- What a change must send follows from the rows before and after it; the tests ask Postgres.

-- change: the big customer moves house: one address under many orders
update addresses set city = 'Reykjavik', country = 'is' where id = 2;

-- change: an order moves to another customer
update orders set user_id = 3, address_id = 5 where id = 7;

-- change: an item is deleted
delete from order_items where id = 81;

-- change: an item moves to another order
update order_items set order_id = 11 where id = 91;

-- change: a product gets a new price; items keep the price they were sold at
update products set price = price + 1 where id = 5;

-- change: an order gets two tags
insert into order_tags values (14, 2), (14, 9) on conflict do nothing;

-- change: an order loses its tags
delete from order_tags where order_id = 14;

-- change: a customer leaves and is gone from search
update users set deleted_at = '2026-01-01 00:00:00+00' where id = 20;

-- change: the customer comes back
update users set deleted_at = null where id = 20;

-- change: rows are written and stay as they are
update orders set status = status where id < 50;

-- change: a column changes that no document shows
update reviews set body = 'quite different' where id = 1;

-- change: a category is renamed, above itself and its children
update categories set name = 'Everything else' where id = 2;

-- change: a shop sells out: another database schema, a key of two columns
update stock.levels set quantity = 0 where shop_id = 2 and product_id = 4;

-- change: a new customer orders at once
begin;
insert into users values (900001, 'new@shop.example', 'Nia', 'gold', '2026-01-01', null);
insert into addresses values (900001, 900001, 'home', '1 New Street', 'Graz', 'at');
insert into orders values (900001, 900001, 900001, 1, 'open', null, '2026-01-01 10:00:00+00');
insert into order_items values (9000010, 900001, 5, 2, 19.99), (9000011, 900001, 6, 1, 5.00);
commit;

-- change: the new order gets a new number, and its items follow
begin;
insert into orders select 900002, user_id, address_id, shop_id, status, note, placed_at from orders where id = 900001;
update order_items set order_id = 900002 where order_id = 900001;
delete from orders where id = 900001;
commit;

-- change: an order and all that belongs to it is deleted
begin;
delete from order_tags where order_id = 10;
delete from order_items where order_id = 10;
delete from orders where id = 10;
commit;

-- change: all tags of orders go at once
truncate order_tags;
