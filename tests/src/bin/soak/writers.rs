//! Writers that never tire, survive the server and can be asked to rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use flusso_tests::churn::shopping;
use flusso_tests::database::Session;
use flusso_tests::dice::Dice;

/// Threads that write until the process ends.
pub struct Writers {
    /// Held by each writer for the length of a transaction.
    busy: Arc<RwLock<()>>,
    done: Arc<AtomicU64>,
}

impl Writers {
    /// So many, on the shop of a database.
    pub fn start(url: &str, count: u64, orders: usize) -> Writers {
        let writers = Writers { busy: Arc::default(), done: Arc::default() };
        for seed in 1..=count {
            let (busy, done, url) = (writers.busy.clone(), writers.done.clone(), url.to_owned());
            std::thread::spawn(move || {
                let mut dice = Dice::new(seed);
                loop {
                    let Some(session) = Session::attempt_open(&url) else {
                        std::thread::sleep(Duration::from_millis(100));
                        continue;
                    };
                    while session.is_open() {
                        let turn = busy.read().expect("nobody panics while holding it");
                        done.fetch_add(
                            shopping(&session, &mut dice, orders).into(),
                            Ordering::Relaxed,
                        );
                        drop(turn);
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            });
        }
        writers
    }

    /// Does something while nobody writes.
    pub fn rest(&self, work: impl FnOnce()) {
        let _nobody = self.busy.write().expect("nobody panics while holding it");
        work();
    }

    /// Transactions so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}
