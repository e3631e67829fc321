//! The examples of the manual's page of queries, followed through changes.

use crate::follow;

const TABLES: &str = include_str!("../../../compiler/tests/docs/queries/tables.sql");

const ROWS: &str = "
INSERT INTO users SELECT n, 'user ' || n, ' U' || n || '@Example.org ' FROM generate_series(1, 12) n;
INSERT INTO orders SELECT n, 1 + n % 13, (array['paid','open','cancelled'])[1 + n % 3],
  CASE WHEN n % 7 > 0 THEN timestamp '2024-01-01' + n * 11 % 40 * interval '1 day' END, n * 1.25
  FROM generate_series(1, 60) n;
INSERT INTO order_items SELECT n, 1 + n * 7 % 64, nullif(n % 9, 8), n % 5, (n * 37 % 100) / 4.0
  FROM generate_series(1, 200) n;
INSERT INTO products SELECT n, 'product ' || n, 'c' || n % 3, array['t' || n % 2, 'x']
  FROM generate_series(0, 7) n;
INSERT INTO bans SELECT n, nullif(n, 3), 'no' FROM generate_series(2, 4) n;
INSERT INTO rates SELECT n, date '2024-01-01' + n, 1 + n / 8.0 FROM generate_series(1, 5) n";

const STEPS: [&str; 7] = [
    "UPDATE orders SET status = 'paid', placed_at = now() WHERE id % 9 = 0",
    "UPDATE order_items SET quantity = 7, order_id = 3 WHERE id % 13 = 0",
    "UPDATE products SET category = 'c9', tags = '{y,x}' WHERE id = 2; DELETE FROM bans WHERE user_id = 2",
    "INSERT INTO rates VALUES (9, '2025-01-01', 0.5); INSERT INTO bans VALUES (9, 7, 'late')",
    "DELETE FROM orders WHERE id % 6 = 1; UPDATE users SET deleted_at = now() WHERE id = 5",
    "UPDATE orders SET user_id = 1 WHERE user_id = 6; DELETE FROM users WHERE id = 8",
    "TRUNCATE order_items, bans; DELETE FROM rates",
];

fn example(name: &str, schema: &str) {
    follow(name, &format!("{TABLES}{ROWS}"), schema, &STEPS);
}

#[test]
fn values() {
    example("manual_values", include_str!("../../../compiler/tests/docs/queries/1-values.yml"));
}

#[test]
fn conditions() {
    let schema = include_str!("../../../compiler/tests/docs/queries/2-conditions.yml");
    example("manual_conditions", schema);
}

#[test]
fn joins() {
    example("manual_joins", include_str!("../../../compiler/tests/docs/queries/3-joins.yml"));
}

#[test]
fn selects() {
    example("manual_selects", include_str!("../../../compiler/tests/docs/queries/4-selects.yml"));
}

#[test]
fn of_all() {
    example("manual_all", include_str!("../../../compiler/tests/docs/queries/5-all.yml"));
}
