//! What queries in schema files cost a change: `cargo bench -p flusso-dataflow --bench queries`.
//!
//! Users with fifty orders of five items each, every item with its share of the user's revenue, by a
//! query over two tables or more. A change is timed from its commit to the moment its document is
//! out, each in its own closing; then so many are closed together that the closing does not count.

#![allow(clippy::print_stdout)] // what it is for

mod shop;

use std::time::Instant;

use flusso_dataflow::row::Row;

use shop::{Run, median, person, plan};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What each index says beside the name.
const FIELDS: [(&str, &str); 7] = [
    ("a number by one table", "(SELECT count(*) FROM orders WHERE user_id = users.id)"),
    (
        "revenue, of every paid order",
        "(SELECT sum(i.quantity * i.price) FROM orders o JOIN items i ON i.order_id = o.id
           WHERE o.user_id = users.id AND o.status = 'open')",
    ),
    (
        "revenue, with what was bought",
        "(SELECT sum(i.quantity * i.price) FROM orders o JOIN items i ON i.order_id = o.id
           JOIN products p ON p.id = i.product_id
           WHERE o.user_id = users.id AND o.status = 'open' AND p.sku <> 'none')",
    ),
    (
        "revenue with its taxes, by five tables",
        "(SELECT sum(i.quantity * i.price * r.rate) FROM orders o JOIN items i ON i.order_id = o.id
           JOIN products p ON p.id = i.product_id JOIN categories c ON c.id = p.category_id
           JOIN rates r ON r.id = c.rate_id WHERE o.user_id = users.id AND o.status = 'open')",
    ),
    (
        "the same, gathered: with LEFT JOIN",
        "(SELECT sum(i.quantity * i.price * r.rate) FROM orders o JOIN items i ON i.order_id = o.id
           JOIN products p ON p.id = i.product_id JOIN categories c ON c.id = p.category_id
           LEFT JOIN rates r ON r.id = c.rate_id WHERE o.user_id = users.id AND o.status = 'open')",
    ),
    (
        "the last order",
        "(SELECT status FROM orders WHERE user_id = users.id ORDER BY id DESC LIMIT 1)",
    ),
    (
        "whether anything large was bought",
        "EXISTS (SELECT 1 FROM orders o JOIN items i ON i.order_id = o.id
                  WHERE o.user_id = users.id AND i.quantity > 3)",
    ),
];

/// Changes that are closed together.
const TOGETHER: u64 = 50;

fn main() {
    for (name, sql) in FIELDS {
        for orders_each in [8, 50] {
            measure(name, sql, orders_each);
        }
    }
}

fn measure(name: &str, sql: &str, orders_each: u64) {
    let schema = format!(
        "table: users\nprimary_key: id\nfields:\n  - keyword: name\n  - keyword: asked\n    sql: |\n      {}\n",
        sql.replace('\n', "\n      ")
    );
    let mut run = Run::start(plan("users", &schema), 1);
    let orders = 20_000;
    let users = orders / orders_each;
    let people: Vec<Row> = (1..=users).map(|n| run.row("users", &person(n, "first"))).collect();
    run.copy("users", people.into_iter());
    let has = |run: &Run, table: &str| run.plan.tables.iter().any(|one| one.name.name == table);
    let numbered = |n: u64, name, of: String| [("id", n.to_string()), (name, of)];
    if has(&run, "rates") {
        let rates = (1..=3).map(|n| run.row("rates", &numbered(n, "rate", format!("1.{n}0"))));
        let rates: Vec<Row> = rates.collect();
        run.copy("rates", rates.into_iter());
        let rate = |n: u64| numbered(n, "rate_id", (1 + n % 3).to_string());
        let categories: Vec<Row> = (1..=20).map(|n| run.row("categories", &rate(n))).collect();
        run.copy("categories", categories.into_iter());
    }
    if has(&run, "products") {
        let product = |n: u64| {
            let [id, sku] = numbered(n, "sku", format!("SKU-{n:06}"));
            run.row("products", &[id, sku, ("category_id", (1 + n % 20).to_string())])
        };
        let goods: Vec<Row> = (1..=1000).map(product).collect();
        run.copy("products", goods.into_iter());
    }
    let made: Vec<Row> = (0..orders).map(|n| run.order(n, 1 + n % users, "open")).collect();
    run.copy("orders", made.into_iter());
    let items = has(&run, "items");
    if items {
        let made: Vec<Row> = (0..orders * 5).map(|n| run.item(n, n / 5, 1 + n % 4)).collect();
        run.copy("items", made.into_iter());
    }
    run.feeder.open(run.at, run.at, run.at);
    let start = Instant::now();
    let documents = run.wait(1);
    let each = start.elapsed().as_secs_f64() * 1e6 / documents as f64;
    let change = |run: &mut Run, round: u64| {
        if items {
            let item = (round * 7919 + 3) % (orders * 5);
            let row = run.item(item, item / 5, 5000 + round);
            run.change("items", row);
        } else {
            let order = (round * 7919 + 3) % orders;
            let row = run.order(order, 1 + (order + round) % users, "open");
            run.change("orders", row);
        }
    };
    let changes = 20_000;
    let mut times = Vec::new();
    for round in 0..changes {
        change(&mut run, round);
        times.push(run.commit().1);
    }
    let start = Instant::now();
    for round in changes..2 * changes {
        change(&mut run, round);
        if round % TOGETHER == 0 {
            run.commit();
        }
    }
    run.commit();
    let took = start.elapsed().as_secs_f64() * 1e6 / changes as f64;
    println!(
        "{name:<38} {orders_each:>3} orders a user   fill {each:>7.1} µs a user   change {:>7.1?} p50, {took:>6.1} µs of many",
        median(times)
    );
    drop(run.feeder);
    run.engine.join().expect("no worker panics");
}
