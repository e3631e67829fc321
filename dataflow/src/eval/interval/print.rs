//! `1 year 2 mons -3 days +04:05:06.7`.

use super::Interval;
use crate::eval::int::{print as number, print_two as two};
use crate::eval::moment::print::fraction;
use crate::eval::moment::{HOUR, MINUTE, SECOND};
use crate::eval::value::Draft;

impl Interval {
    /// As Postgres prints it under `IntervalStyle = postgres`. After a negative part a positive
    /// one has its sign.
    pub fn print(self, out: &mut Draft<'_>) {
        let start = out.len();
        let mut negative = false;
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        for (value, unit) in parts {
            if value == 0 {
                continue;
            }
            if out.len() > start {
                out.push(' ');
            }
            if negative && value > 0 {
                out.push('+');
            }
            number(value.into(), out);
            out.push(' ');
            out.push_str(unit);
            if value != 1 {
                out.push('s');
            }
            negative = value < 0;
        }
        let empty = out.len() == start;
        if !empty && self.micros == 0 {
            return;
        }
        if !empty {
            out.push(' ');
        }
        if self.micros < 0 {
            out.push('-');
        } else if negative {
            out.push('+');
        }
        // Split before the sign is dropped: the least value has no counterpart.
        two((self.micros / HOUR).abs(), out);
        out.push(':');
        two((self.micros / MINUTE % 60).abs(), out);
        out.push(':');
        two((self.micros / SECOND % 60).abs(), out);
        fraction((self.micros % SECOND).abs(), out);
    }
}
