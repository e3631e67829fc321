//! Writers that go on while something else happens.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::database::Session;
use crate::dice::Dice;

/// Runs `work` over and over in so many threads while `during` runs, and says how often it
/// succeeded.
pub fn while_writing(
    url: &str,
    writers: usize,
    work: impl Fn(&Session, &mut Dice) -> bool + Sync,
    during: impl FnOnce(),
) -> u64 {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (stop, done, work) = (&stop, &done, &work);
            scope.spawn(move || {
                let session = Session::open(url);
                let mut dice = Dice::new(writer as u64 + 1);
                while !stop.load(Ordering::Relaxed) {
                    done.fetch_add(work(&session, &mut dice).into(), Ordering::Relaxed);
                }
            });
        }
        // the writers end with a panic in here as well
        let stopper = Stopper(&stop);
        during();
        drop(stopper);
    });
    done.into_inner()
}

struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One random transaction on the shop; false when a key or another writer stood in its way.
pub fn shopping(session: &Session, dice: &mut Dice, orders: usize) -> bool {
    let (order, other) = (1 + dice.below(orders), 1 + dice.below(orders));
    session.attempt(&match dice.below(7) {
        0 => format!("UPDATE orders SET status = 'paid', user_id = {} WHERE id = {order}", 1 + other % 50),
        1 => format!("UPDATE order_items SET order_id = {other} WHERE order_id = {order}"),
        2 => format!("DELETE FROM order_items WHERE order_id = {order}"),
        3 => format!("UPDATE products SET name = name || '.' WHERE id = {}", 1 + order % 40),
        4 => format!("DELETE FROM order_tags WHERE order_id = {order}; DELETE FROM order_items WHERE order_id = {order}; DELETE FROM orders WHERE id = {order}"),
        5 => format!(
            "INSERT INTO orders VALUES ({}, 1, 1, 1, 'open', NULL, now()) ON CONFLICT DO NOTHING",
            orders + order
        ),
        _ => format!("UPDATE addresses SET city = 'City {other}' WHERE id = {}", 1 + order % 100),
    })
}
