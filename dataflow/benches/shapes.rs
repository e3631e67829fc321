//! The shapes of the shop without Postgres: how long the dataflow itself takes.
//!
//!     cargo bench -p flusso-dataflow                     50 000 orders, one worker
//!     cargo bench -p flusso-dataflow -- 200000 2         orders, workers
//!
//! Orders with a customer, five items each with a product, a count and a sum. The first fill is
//! timed from the first row fed to the last document; a change from its commit to the moment all
//! workers have said that everything up to it has been emitted.

#![allow(clippy::print_stdout)] // what it is for

mod shop;

use std::time::Instant;

use flusso_dataflow::row::Row;

use shop::{Run, median, person, plan};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCHEMA: &str = "
table: orders
primary_key: id
fields:
  - keyword: status
  - belongs_to: customer
    column: user_id
    table: users
    primary_key: id
    fields:
      - text: name
  - has_many: items
    table: items
    foreign_key: order_id
    primary_key: id
    fields:
      - integer: quantity
      - decimal: price
      - belongs_to: product
        column: product_id
        table: products
        primary_key: id
        fields:
          - keyword: sku
  - count: lines
    table: items
    foreign_key: order_id
  - sum: total
    table: items
    foreign_key: order_id
    column: price
    value_type: decimal
";

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let orders = numbers.first().copied().unwrap_or(50_000);
    let workers = numbers.get(1).map_or(1, |workers| *workers as usize);
    let mut run = Run::start(plan("orders", SCHEMA), workers);

    // User 1 has a tenth of the orders, user 2 a thousand, user 3 ten.
    let users = 10 + orders / 50;
    let whale = orders / 10;
    let user = |order: u64| match order {
        n if n < whale => 1,
        n if n < whale + 1000 => 2,
        n if n < whale + 1010 => 3,
        n => 4 + n % (users - 3),
    };
    let rows = users + 1000 + orders * 6;
    let start = Instant::now();
    let people: Vec<Row> = (1..=users).map(|n| run.row("users", &person(n, "first"))).collect();
    run.copy("users", people.into_iter());
    let products = |n: u64| [("id", n.to_string()), ("sku", format!("SKU-{n:06}"))];
    let goods: Vec<Row> = (1..=1000).map(|n| run.row("products", &products(n))).collect();
    run.copy("products", goods.into_iter());
    let made: Vec<Row> = (0..orders).map(|n| run.order(n, user(n), "open")).collect();
    run.copy("orders", made.into_iter());
    let made: Vec<Row> = (0..orders * 5).map(|n| run.item(n, n / 5, 1 + n % 4)).collect();
    run.copy("items", made.into_iter());
    run.feeder.open(run.at, run.at, run.at);
    let fed = start.elapsed();
    let documents = run.wait(workers);
    println!("{workers} workers, {orders} orders, {rows} rows");
    let rate = rows as f64 / fed.as_secs_f64();
    println!("feed            {fed:>10.1?}   {:>9.0} rows/s", rate);
    let whole = start.elapsed();
    let rate = documents as f64 / whole.as_secs_f64();
    println!("first fill      {whole:>10.1?}   {:>9.0} documents/s of {documents}", rate);
    let held: usize = run.engine.measure().kept.iter().map(|(_, bytes)| bytes).sum();
    println!("kept            {:>8} kB   {:>9.0} B a row", held / 1000, held as f64 / rows as f64);

    for (who, fan) in [(3, 10), (2, 1000), (1, whale)] {
        let mut times = Vec::new();
        for round in 0..9 {
            let row = run.row("users", &person(who, &format!("round {round}")));
            run.change("users", row);
            let (documents, took) = run.commit();
            assert_eq!(documents as u64, fan, "one row under its documents");
            times.push(took);
        }
        let took = median(times);
        let each = took.as_secs_f64() * 1e6 / fan as f64;
        println!("one under {fan:<6}{took:>10.1?}   {each:>9.2} µs a document");
    }
    let mut times = Vec::new();
    for round in 0..2000 {
        let item = (round * 7919) % (orders * 5);
        let row = run.item(item, item / 5, 10 + round);
        run.change("items", row);
        times.push(run.commit().1);
    }
    println!("one child       {:>10.1?}   p50, each in its own closing", median(times));
    let start = Instant::now();
    for round in 0..20_000 {
        let item = (round * 7919 + 3) % (orders * 5);
        let row = run.item(item, item / 5, 5000 + round);
        run.change("items", row);
        run.at += 1;
        run.feeder.commit(run.at).expect("consistent");
        if round % 50 == 49 {
            run.feeder.close().expect("consistent");
        }
    }
    run.wait(0);
    let took = start.elapsed();
    let rate = 20_000.0 / took.as_secs_f64();
    println!("20000 children  {took:>10.1?}   {rate:>9.0} transactions/s, 50 a closing");
    drop(run.feeder);
    run.engine.join().expect("no worker panics");
}
