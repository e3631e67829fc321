//! Queries inside SQL: correlated, nested, in values and in conditions, over rows that change.

use crate::follow;

const TABLES: &str = "
CREATE TABLE users (id int PRIMARY KEY, name text, tenant int, boss int, limit_to int);
CREATE TABLE orders (id int PRIMARY KEY, user_id int, tenant int, status text, placed date, shop int, tags text[]);
CREATE TABLE items (id int PRIMARY KEY, order_id int, product bigint, quantity int, price numeric(10,2), note text);
CREATE TABLE products (id bigint PRIMARY KEY, name text, weight float8);
INSERT INTO users SELECT n, (array['Ada','bob',NULL,'Zoë'])[1 + n % 4], n % 2, nullif(n / 3, 0), n % 4 FROM generate_series(1, 20) n;
INSERT INTO orders SELECT n, nullif(1 + n % 22, 22), n % 2, (array['paid','open','cancelled',NULL])[1 + n % 4],
  date '2024-01-01' + n * 7 % 50, n % 5, array['t' || n % 3, 'x'] FROM generate_series(1, 90) n;
INSERT INTO items SELECT n, 1 + n * 7 % 95, nullif(n % 12, 11), n % 5, (n * 37 % 100) / 4.0, (array['a','b',NULL])[1 + n % 3]
  FROM generate_series(1, 260) n;
INSERT INTO products SELECT n, 'p' || n % 7, n / 8.0 FROM generate_series(0, 9) n";

const STEPS: [&str; 11] = [
    "UPDATE items SET quantity = quantity + 1, note = NULL WHERE id % 9 = 0",
    "UPDATE orders SET status = 'paid', placed = placed + 3 WHERE id % 7 = 1",
    "UPDATE orders SET user_id = 2 WHERE user_id IN (5, 6)",
    "UPDATE items SET order_id = 3 WHERE id % 31 = 0",
    "UPDATE products SET name = 'renamed', weight = -weight WHERE id IN (2, 5)",
    "UPDATE users SET name = name || '!', boss = 1, tenant = 1 - tenant WHERE id % 6 = 0",
    "DELETE FROM orders WHERE id % 8 = 3",
    "DELETE FROM products WHERE id = 4; UPDATE orders SET user_id = NULL WHERE user_id = 7",
    "INSERT INTO orders VALUES (200, 9, 1, 'paid', '2025-01-01', 1, '{}'); INSERT INTO items VALUES (900, 200, 5, 3, 0.25, 'new'); DELETE FROM users WHERE id = 10",
    "TRUNCATE items; INSERT INTO items VALUES (901, 200, 5, 0, 1.75, NULL)",
    "DELETE FROM orders WHERE user_id IS NULL; UPDATE orders SET user_id = 1 WHERE id = 200",
];

const VALUES: &str = r#"
table: users
primary_key: id
fields:
  - keyword: name
  - decimal: revenue
    sql: |
      (SELECT sum(i.quantity * i.price)
         FROM orders o JOIN items i ON i.order_id = o.id
        WHERE o.user_id = users.id AND o.status = 'paid')
  - long: orders
    sql: (SELECT count(*) FROM orders o WHERE o.user_id = users.id AND status <> 'cancelled')
  - decimal: mean
    sql: coalesce((SELECT avg(shop) FROM orders WHERE user_id = users.id), -1)
  - keyword: last
    sql: |
      (SELECT o.status FROM orders o WHERE o.user_id = users.id
        ORDER BY o.placed DESC, o.id LIMIT 1)
  - boolean: buyer
    sql: EXISTS (SELECT 1 FROM orders o WHERE o.user_id = users.id AND o.status = 'paid')
  - boolean: lightweight
    sql: |
      NOT EXISTS (SELECT 1 FROM orders o JOIN items i ON i.order_id = o.id
                    LEFT JOIN products p ON p.id = i.product
                   WHERE o.user_id = users.id AND (p.weight > 0.5 OR p.id IS NULL))
  - boolean: inShop
    sql: limit_to IN (SELECT shop FROM orders o WHERE o.user_id = users.id)
  - boolean: notInNote
    sql: "'a' NOT IN (SELECT i.note FROM orders o JOIN items i ON i.order_id = o.id WHERE o.user_id = users.id)"
  - boolean: above
    sql: limit_to > ANY (SELECT shop FROM orders o WHERE o.user_id = users.id)
  - boolean: aboveAll
    sql: limit_to >= ALL (SELECT shop FROM orders o WHERE o.user_id = users.id)
  - keyword: statuses
    sql: ARRAY(SELECT DISTINCT o.status FROM orders o WHERE o.user_id = users.id ORDER BY 1)
  - keyword: line
    sql: |
      (SELECT string_agg(p.name, ', ' ORDER BY p.name, i.id)
         FROM orders o JOIN items i ON i.order_id = o.id JOIN products p ON p.id = i.product
        WHERE o.user_id = users.id)
  - keyword: bossName
    sql: upper((SELECT b.name FROM users b WHERE b.id = users.boss))
  - long: bossTeam
    sql: |
      (SELECT (SELECT count(*) FROM users t WHERE t.boss = b.id) FROM users b WHERE b.id = users.boss)
  - long: sameTenant
    sql: (SELECT count(*) FROM orders o WHERE o.user_id = users.id AND o.tenant = users.tenant)
  - long: wide
    sql: |
      (SELECT count(*) FROM orders o
        WHERE o.user_id = users.id AND o.shop < users.limit_to
          AND EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id AND i.quantity > users.tenant))
  - keyword: tag
    sql: |
      (SELECT max(t) FROM orders o, unnest(o.tags) AS t WHERE o.user_id = users.id)
  - integer: busiest
    sql: |
      (SELECT x.shop FROM (SELECT o.shop, count(*) AS n FROM orders o WHERE o.user_id = users.id
                            GROUP BY o.shop HAVING count(*) > 0) x
        ORDER BY x.n DESC, x.shop LIMIT 1)
  - has_many: ordersOf
    table: orders
    foreign_key: user_id
    primary_key: id
    fields:
      - keyword: mark
        sql: users.name || ' ' || status
      - decimal: total
        sql: (SELECT sum(quantity * price) FROM items WHERE order_id = orders.id)
      - long: rank
        sql: (SELECT count(*) FROM orders o WHERE o.user_id = users.id AND o.placed < orders.placed)
"#;

#[test]
fn in_values() {
    follow("queries_values", TABLES, VALUES, &STEPS);
}

const CONDITIONS: &str = r#"
table: users
primary_key: id
where: |
  EXISTS (SELECT 1 FROM orders o WHERE o.user_id = users.id AND o.status = 'paid')
  OR boss = (SELECT min(b.id) FROM users b WHERE b.tenant = users.tenant)
fields:
  - keyword: name
  - has_many: orders
    table: orders
    foreign_key: user_id
    primary_key: id
    where: |
      shop >= users.limit_to
      AND id IN (SELECT i.order_id FROM items i WHERE i.order_id = orders.id AND i.quantity > 1)
    order_by: placed DESC
    limit: 3
    fields:
      - keyword: status
      - integer: id
  - belongs_to: boss
    table: users
    column: boss
    primary_key: id
    where: NOT EXISTS (SELECT 1 FROM users w WHERE w.boss = users.id AND w.name IS NULL)
    fields:
      - keyword: name
"#;

#[test]
fn in_conditions() {
    follow("queries_conditions", TABLES, CONDITIONS, &STEPS);
}

const JOINS: &str = r#"
table: users
primary_key: id
fields:
  - keyword: name
  - has_many: newest
    join: orders o ON o.user_id = users.id AND o.tenant = users.tenant
    where: o.status IS DISTINCT FROM 'cancelled'
    order_by: o.placed DESC, o.id
    limit: 2
    fields:
      - keyword: status
      - keyword: mark
        sql: users.name || '/' || o.status
      - has_many: items
        table: items
        primary_key: id
        foreign_key: order_id
        limit: 2
        order_by: price DESC
        fields:
          - decimal: price
          - keyword: both
            sql: o.status || ' ' || note
  - has_many: bought
    join: |
      orders o ON o.user_id = users.id AND o.status = 'paid'
        JOIN items i ON i.order_id = o.id
        LEFT JOIN products p ON p.id = i.product AND p.weight > 0.25
    order_by: i.price DESC NULLS LAST, lower(p.name)
    fields:
      - keyword: status
      - decimal: total
        sql: i.price * i.quantity
      - keyword: product
        sql: coalesce(p.name, 'none')
  - has_one: boss
    join: users b ON b.id = users.boss
    fields:
      - keyword: name
      - long: team
        sql: (SELECT count(*) FROM users t WHERE t.boss = b.id)
  - has_many: byStatus
    select: |
      SELECT o.status, count(*) AS n, sum(i.price) AS total, max(o.placed) AS last
        FROM orders o LEFT JOIN items i ON i.order_id = o.id
       WHERE o.user_id = users.id
       GROUP BY o.status
      HAVING count(*) > 1
       ORDER BY n DESC, o.status
       LIMIT 3
    fields:
      - keyword: status
      - long: count
        column: n
      - decimal: total
      - date: last
      - keyword: line
        sql: users.name || ' ' || n
  - has_many: tags
    select: |
      SELECT DISTINCT t AS tag FROM orders o, unnest(o.tags) AS t
       WHERE o.user_id = users.id ORDER BY tag
    fields:
      - keyword: tag
  - has_many: latestPerShop
    select: |
      SELECT DISTINCT ON (o.shop) o.shop, o.id, o.placed FROM orders o
       WHERE o.user_id = users.id ORDER BY o.shop, o.placed DESC, o.id
    fields:
      - integer: shop
      - integer: id
"#;

#[test]
fn as_relations() {
    follow("queries_joins", TABLES, JOINS, &STEPS);
}

const MEMBERSHIP: &str = r#"
table: users
primary_key: id
where: id IN (SELECT user_id FROM orders WHERE status IN ('paid', 'open')) OR tenant = 1
fields:
  - keyword: name
  - boolean: paid
    sql: id IN (SELECT o.user_id FROM orders o WHERE o.status = 'paid')
  - boolean: never
    sql: id NOT IN (SELECT user_id FROM orders)
  - boolean: known
    sql: boss IN (SELECT b.id FROM users b WHERE b.name IS NOT NULL)
  - boolean: unknown
    sql: CASE WHEN boss NOT IN (SELECT b.limit_to FROM users b) THEN true ELSE name = 'Ada' END
  - boolean: bought
    sql: |
      id IN (SELECT o.user_id FROM orders o JOIN items i ON i.order_id = o.id
              WHERE i.quantity > 3 AND o.user_id IS NOT NULL)
  - boolean: large
    sql: name IS NOT NULL AND limit_to IN (SELECT p.id FROM products p WHERE p.weight > 0.2)
  - long: all
    sql: (SELECT count(*) FROM orders)
  - double: share
    sql: |
      (SELECT count(*) FROM orders o WHERE o.user_id = users.id)::float8
        / nullif((SELECT count(*) FROM orders WHERE status = 'paid'), 0)
  - date: last
    sql: (SELECT max(placed) FROM orders o WHERE o.user_id = users.id AND o.status = 'paid')
  - date: firstOfAll
    sql: (SELECT min(placed) FROM orders)
  - keyword: newest
    sql: (SELECT status FROM orders ORDER BY placed DESC NULLS LAST, id LIMIT 1)
  - boolean: any
    sql: EXISTS (SELECT FROM orders WHERE status = 'cancelled')
  - has_many: orders
    table: orders
    foreign_key: user_id
    primary_key: id
    where: id NOT IN (SELECT order_id FROM items WHERE quantity = 0 AND order_id IS NOT NULL)
    fields:
      - keyword: status
  - has_many: both
    select: |
      SELECT u.what, u.n FROM (
          SELECT o.status AS what, o.shop AS n FROM orders o WHERE o.user_id = users.id
          UNION ALL
          SELECT b.name, b.id FROM users b WHERE b.boss = users.id
        ) u
       ORDER BY u.n, u.what
    fields:
      - keyword: what
      - integer: n
"#;

#[test]
fn of_membership() {
    follow("queries_membership", TABLES, MEMBERSHIP, &STEPS);
}

const AGGREGATES: &str = r#"
table: users
primary_key: id
fields:
  - keyword: name
  - sum: revenue
    join: orders o ON o.user_id = users.id JOIN items i ON i.order_id = o.id
    where: o.status = 'paid'
    sql: i.quantity * i.price
    value_type: decimal
  - count: paid
    join: orders o ON o.user_id = users.id AND o.tenant = users.tenant
    where: o.status = 'paid'
  - count_distinct: products
    join: |
      orders o ON o.user_id = users.id
        JOIN items i ON i.order_id = o.id LEFT JOIN products p ON p.id = i.product
    sql: p.name
  - string_agg: names
    join: |
      orders o ON o.user_id = users.id
        JOIN items i ON i.order_id = o.id JOIN products p ON p.id = i.product
    sql: p.name
    separator: "/"
    order_by: i.price DESC
  - array_agg: shops
    join: orders o ON o.user_id = users.id
    column: shop
    element_type: integer
    order_by: [{ column: placed, direction: desc }]
  - ids: open
    join: orders o ON o.user_id = users.id AND o.status = 'open'
    element_type: integer
  - max: dearest
    join: orders o ON o.user_id = users.id JOIN items i ON i.order_id = o.id
    sql: i.price
    value_type: decimal
  - bool_or: any
    join: orders o ON o.user_id = users.id
    where: EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id)
    sql: o.status = 'paid'
  - count: withItems
    table: orders
    foreign_key: user_id
    filters: [{ column: status, op: is_not_null }]
    where: EXISTS (SELECT 1 FROM items i WHERE i.order_id = orders.id AND i.quantity > 1)
  - sum: value
    table: orders
    foreign_key: user_id
    value_type: decimal
    sql: (SELECT sum(i.price) FROM items i WHERE i.order_id = orders.id) + users.limit_to
  - avg: meanOfTagged
    table: products
    through: { table: items, left_key: order_id, right_key: product }
    where: weight >= users.limit_to / 8.0
    sql: weight * 2
  - array_agg: marks
    table: products
    through: { table: items, left_key: order_id, right_key: product }
    where: id IN (SELECT i.product FROM items i WHERE i.product = products.id AND i.note = 'a')
    column: name
    element_type: keyword
    order_by: weight DESC
"#;

#[test]
fn in_aggregates() {
    follow("queries_aggregates", TABLES, AGGREGATES, &STEPS);
}
