//! The faults, each short: what lasts long is the time between them.

use std::time::Duration;

use flusso_tests::dice::Dice;
use flusso_tests::exact::Witness;
use flusso_tests::proxy::{FAIR, Way, Weather};

use super::World;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Cut,
    CutWithin,
    CutAfter,
    Stalled,
    Deaf,
    Slow,
    Dripping,
    Refused,
    Killed,
    Frozen,
    Stopped,
    Terminated,
    FastRestart,
    Crash,
}

/// All of them, the ones that cost most once.
pub const FAULTS: [Fault; 18] = [
    Fault::Cut,
    Fault::CutWithin,
    Fault::CutWithin,
    Fault::CutAfter,
    Fault::CutAfter,
    Fault::Stalled,
    Fault::Deaf,
    Fault::Slow,
    Fault::Dripping,
    Fault::Refused,
    Fault::Killed,
    Fault::Killed,
    Fault::Killed,
    Fault::Frozen,
    Fault::Stopped,
    Fault::Terminated,
    Fault::FastRestart,
    Fault::Crash,
];

impl Fault {
    /// As the table names it.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Cut => "connections cut",
            Fault::CutWithin => "cut before a message",
            Fault::CutAfter => "cut after some bytes",
            Fault::Stalled => "network silent, then cut",
            Fault::Deaf => "network silent in one direction",
            Fault::Slow => "network slow",
            Fault::Dripping => "network byte by byte",
            Fault::Refused => "connections refused",
            Fault::Killed => "flusso killed",
            Fault::Frozen => "flusso frozen",
            Fault::Stopped => "flusso stopped",
            Fault::Terminated => "walsender terminated",
            Fault::FastRestart => "Postgres restarted",
            Fault::Crash => "Postgres crashed",
        }
    }
}

/// Lets it happen and, but for the ends, waits until it is over.
pub fn inflict(world: &mut World, fault: Fault, dice: &mut Dice) {
    let moment = Duration::from_millis(200 + dice.below(1500) as u64);
    let weather = |up, down| Weather { up, down, refuse: false };
    match fault {
        Fault::Cut => world.proxy.cut(),
        Fault::CutWithin => {
            let message = *dice.pick(b"BUIDC");
            world.proxy.cut_before(message, 1 + dice.below(20) as u64);
            world.go_on(moment);
        }
        Fault::CutAfter => {
            world.proxy.cut_after(dice.below(100_000) as u64);
            world.go_on(moment);
        }
        Fault::Stalled => {
            world.proxy.weather(weather(Way::Stalled, Way::Stalled));
            world.go_on(3 * moment);
            world.proxy.cut();
        }
        Fault::Deaf => {
            let ways = [weather(Way::Stalled, Way::Open), weather(Way::Open, Way::Stalled)];
            world.proxy.weather(*dice.pick(&ways));
            world.go_on(4 * moment);
        }
        Fault::Slow => {
            world.proxy.weather(weather(Way::Slow(50_000), Way::Slow(50_000)));
            world.go_on(2 * moment);
        }
        Fault::Dripping => {
            world.proxy.weather(weather(Way::Dripping, Way::Dripping));
            world.go_on(moment);
        }
        Fault::Refused => {
            world.proxy.weather(Weather { refuse: true, ..FAIR });
            world.proxy.cut();
            world.go_on(moment);
        }
        Fault::Killed => {
            world.flusso.signal("KILL");
            world.flusso.end(Duration::from_secs(20));
            world.next_life();
        }
        Fault::Frozen => {
            world.flusso.signal("STOP");
            std::thread::sleep(3 * moment);
            world.flusso.signal("CONT");
        }
        Fault::Stopped => {
            world.flusso.signal("TERM");
            world.flusso.end(Duration::from_secs(30));
            world.next_life();
        }
        Fault::Terminated => {
            world.shop.session.run("SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
        }
        Fault::FastRestart | Fault::Crash => {
            world.server.restart(if fault == Fault::Crash { "QUIT" } else { "INT" });
            world.shop.reconnect();
            world.witness = Witness::new(&world.shop);
        }
    }
    world.proxy.weather(FAIR);
}
