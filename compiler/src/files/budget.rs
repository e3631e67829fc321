//! How much memory may be used: `4GiB`, `750MB` or `60%`, in `flusso.toml` and on the command line.

use std::fmt;
use std::str::FromStr;

/// A limit of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of what the machine or the container has, 1 to 100.
    Percent(u8),
}

impl Budget {
    /// What applies when nothing is said: room is left for the kernel and for sorting.
    pub const DEFAULT: Budget = Budget::Percent(75);

    /// In bytes, where there are so many in all.
    pub fn of(self, all: u64) -> u64 {
        match self {
            Budget::Bytes(bytes) => bytes,
            Budget::Percent(share) => all / 100 * u64::from(share),
        }
    }
}

/// A text that is no budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoBudget(String);

impl fmt::Display for NoBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no amount of memory; write 4GiB, 750MB or 60%", self.0)
    }
}

impl std::error::Error for NoBudget {}

/// Units, the longer name first where one ends with the other.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl FromStr for Budget {
    type Err = NoBudget;

    fn from_str(text: &str) -> Result<Budget, NoBudget> {
        let none = || NoBudget(text.to_owned());
        let count = |digits: &str| digits.trim_end().parse::<u64>().map_err(|_| none());
        let word = text.trim();
        if let Some(digits) = word.strip_suffix('%') {
            let share = u8::try_from(count(digits)?).map_err(|_| none())?;
            return if (1..=100).contains(&share) {
                Ok(Budget::Percent(share))
            } else {
                Err(none())
            };
        }
        let unit = UNITS.iter().find_map(|(unit, size)| Some((word.strip_suffix(unit)?, *size)));
        let (digits, size) = unit.unwrap_or((word, 1));
        let bytes = count(digits)?.checked_mul(size).filter(|bytes| *bytes > 0);
        bytes.map(Budget::Bytes).ok_or_else(none)
    }
}

impl fmt::Display for Budget {
    /// As it can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Budget::Bytes(bytes) => write!(f, "{bytes}B"),
            Budget::Percent(share) => write!(f, "{share}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_shares_are_read() {
        for (text, expected) in [
            ("4GiB", Budget::Bytes(4 << 30)),
            ("750 MB", Budget::Bytes(750_000_000)),
            ("1024", Budget::Bytes(1024)),
            ("60%", Budget::Percent(60)),
        ] {
            let budget: Budget = text.parse().unwrap();
            assert_eq!(budget, expected);
            assert_eq!(budget.to_string().parse(), Ok(expected));
        }
        for text in ["", "0", "0%", "101%", "4 gigs", "-1GB", "99999999999GiB", "GiB"] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
        assert_eq!(Budget::Percent(75).of(1000), 750);
    }
}
