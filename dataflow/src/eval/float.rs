//! `real` and `double precision`: IEEE arithmetic that refuses to overflow, and the shortest
//! digits that say a value.
//!
//! Only what IEEE rounds one way is here. Powers, logarithms and the functions of angles depend on
//! the C library of the server and have no place in an exact language.

use std::cmp::Ordering;

use super::error::{BAD_ROOT, EvalError, Evaluated, OUT_OF_RANGE};
use super::value::Draft;

/// Operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Postgres' order: one zero, and `NaN` equal to itself and greatest.
pub(crate) fn cmp(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// In 64 bits.
pub(crate) fn apply8(operator: Arithmetic, a: f64, b: f64) -> Evaluated<f64> {
    let result = match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
    };
    let result = Outcome {
        infinite: result.is_infinite(),
        zero: result == 0.0,
        a: (a.is_nan(), a.is_infinite(), a == 0.0),
        b: (b.is_nan(), b.is_infinite(), b == 0.0),
    }
    .check(operator)
    .map(|()| result)?;
    Ok(result)
}

/// In 32 bits.
pub(crate) fn apply4(operator: Arithmetic, a: f32, b: f32) -> Evaluated<f32> {
    let result = match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
    };
    Outcome {
        infinite: result.is_infinite(),
        zero: result == 0.0,
        a: (a.is_nan(), a.is_infinite(), a == 0.0),
        b: (b.is_nan(), b.is_infinite(), b == 0.0),
    }
    .check(operator)
    .map(|()| result)
}

/// What is to be known of an operation to say whether it left the range: of each operand whether
/// it is not a number, infinite, zero.
struct Outcome {
    infinite: bool,
    zero: bool,
    a: (bool, bool, bool),
    b: (bool, bool, bool),
}

impl Outcome {
    fn check(&self, operator: Arithmetic) -> Evaluated<()> {
        let (a_nan, a_infinite, a_zero) = self.a;
        let (_, b_infinite, b_zero) = self.b;
        if operator == Arithmetic::Divide && b_zero && !a_nan {
            return Err(EvalError::division_by_zero());
        }
        let over = self.infinite && !a_infinite && !b_infinite;
        let under = match operator {
            Arithmetic::Add | Arithmetic::Subtract => false,
            Arithmetic::Multiply => self.zero && !a_zero && !b_zero,
            Arithmetic::Divide => self.zero && !a_zero && !b_infinite,
        };
        match (over, under) {
            (true, _) => Err(overflow()),
            (_, true) => Err(underflow()),
            _ => Ok(()),
        }
    }
}

#[cold]
fn overflow() -> EvalError {
    EvalError::new(OUT_OF_RANGE, "value out of range: overflow")
}

#[cold]
fn underflow() -> EvalError {
    EvalError::new(OUT_OF_RANGE, "value out of range: underflow")
}

/// The square root.
pub(crate) fn sqrt(value: f64) -> Evaluated<f64> {
    if value < 0.0 {
        let message = "cannot take square root of a negative number";
        return Err(EvalError::new(BAD_ROOT, message));
    }
    Ok(value.sqrt())
}

/// -1, 0 or 1.
pub(crate) fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// As a `real` holds it.
pub(crate) fn narrow(value: f64) -> Evaluated<f32> {
    let narrow = value as f32;
    if narrow.is_infinite() && !value.is_infinite() {
        return Err(overflow());
    }
    if narrow == 0.0 && value != 0.0 {
        return Err(underflow());
    }
    Ok(narrow)
}

/// The `double precision` a text says.
pub(crate) fn parse8(text: &str) -> Evaluated<f64> {
    let ty = "double precision";
    let (word, zero) = word(ty, text)?;
    let value: f64 = word.parse().map_err(|_| EvalError::bad_text(ty, text))?;
    let finite = !word.ends_with(['y', 'Y', 'f', 'F']);
    if finite && value.is_infinite() || value == 0.0 && !zero {
        let message = format!("\"{word}\" is out of range for type {ty}");
        return Err(EvalError::new(OUT_OF_RANGE, message));
    }
    Ok(value)
}

/// The `real` a text says.
pub(crate) fn parse4(text: &str) -> Evaluated<f32> {
    let ty = "real";
    let (word, zero) = word(ty, text)?;
    let value: f32 = word.parse().map_err(|_| EvalError::bad_text(ty, text))?;
    let finite = !word.ends_with(['y', 'Y', 'f', 'F']);
    if finite && value.is_infinite() || value == 0.0 && !zero {
        let message = format!("\"{word}\" is out of range for type {ty}");
        return Err(EvalError::new(OUT_OF_RANGE, message));
    }
    Ok(value)
}

/// The number without blanks, and whether all its digits are zero.
fn word<'t>(ty: &str, text: &'t str) -> Evaluated<(&'t str, bool)> {
    let word = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned[1..].starts_with(['x', 'X']) {
        return Err(EvalError::unsupported("hexadecimal floats"));
    }
    let known = matches!(unsigned.as_bytes().first(), Some(b'0'..=b'9' | b'.'))
        || ["nan", "inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name));
    if !known {
        return Err(EvalError::bad_text(ty, text));
    }
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or("");
    Ok((word, mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'))))
}

/// Appends a `double precision`.
pub(crate) fn print8(value: f64, out: &mut Draft<'_>) {
    match special(value) {
        Some(special) => out.push_str(special),
        None => {
            let bits = value.to_bits();
            let exponent = (bits >> 52 & 0x7ff) as i32;
            let mantissa = bits & ((1 << 52) - 1) | u64::from(exponent > 0) << 52;
            let shortest = format!("{value:e}");
            let edge = on_edge(&shortest, mantissa, exponent.max(1) - 1075);
            let longer = |digits: usize| format!("{value:.digits$e}");
            let same = |text: &str| text.parse() == Ok(value);
            shown(
                &match edge {
                    true => inside(&shortest, longer),
                    false => even(shortest, 15, longer, same),
                },
                15,
                out,
            );
        }
    }
}

/// Appends a `real`.
pub(crate) fn print4(value: f32, out: &mut Draft<'_>) {
    match special(value.into()) {
        Some(special) => out.push_str(special),
        None => {
            let bits = value.to_bits();
            let exponent = (bits >> 23 & 0xff) as i32;
            let mantissa = bits & ((1 << 23) - 1) | u32::from(exponent > 0) << 23;
            let shortest = format!("{value:e}");
            let edge = on_edge(&shortest, mantissa.into(), exponent.max(1) - 150);
            let longer = |digits: usize| format!("{value:.digits$e}");
            let same = |text: &str| text.parse() == Ok(value);
            shown(
                &match edge {
                    true => inside(&shortest, longer),
                    false => even(shortest, 7, longer, same),
                },
                6,
                out,
            );
        }
    }
}

/// Whether digits lie half way to the next float. They are read back as this one, being even, and
/// so are the shortest to Rust; Postgres takes none on the edge.
fn on_edge(shortest: &str, mantissa: u64, exponent: i32) -> bool {
    if mantissa == 0 || mantissa % 2 == 1 {
        return false;
    }
    let (digits, power) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let places = digits.find('.').map_or(0, |point| digits.len() - point - 1) as i32;
    let power = power.parse::<i32>().unwrap_or(0) - places;
    let digits: u128 = digits
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0, |value, digit| value * 10 + u128::from(digit - b'0'));
    // A mantissa of all its bits and half of one, times a power of two, is as few digits times a
    // power of ten only for these.
    let (fives, twos) = match power {
        0..=24 => (digits * 5u128.pow(power as u32), power),
        -1 if digits.is_multiple_of(5) => (digits / 5, -1),
        _ => return false,
    };
    let zeros = fives.trailing_zeros();
    let (odd, twos) = (fives >> zeros, twos + zeros as i32);
    let mantissa = u128::from(mantissa);
    // Below a power of two floats lie twice as close.
    let below = match mantissa.is_power_of_two() {
        true => (4 * mantissa - 1, 2),
        false => (2 * mantissa - 1, 1),
    };
    [(2 * mantissa + 1, 1), below]
        .iter()
        .any(|(half, below)| odd == *half && twos == exponent - below)
}

/// Of two shortest that lie as near, the one that ends even: Rust takes the upper. Texts of fewer
/// digits than `least` are exact.
fn even(
    shortest: String,
    least: usize,
    rounded: impl Fn(usize) -> String,
    same: impl Fn(&str) -> bool,
) -> String {
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit);
    let (count, last) = digits.fold((0, b'0'), |(count, _), digit| (count + 1, digit));
    if count < least || last.is_multiple_of(2) {
        return shortest;
    }
    let even = rounded(count - 1);
    if same(&even) { even } else { shortest }
}

/// The nearest of one digit more, and of that what is not zero.
fn inside(shortest: &str, longer: impl Fn(usize) -> String) -> String {
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit);
    longer(digits.count())
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

/// `-1.5e3` as Postgres writes it: plain from 1e-4 to below ten to the `plain`, else `-1.5e+20`.
fn shown(scientific: &str, plain: i32, out: &mut Draft<'_>) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let unsigned = mantissa.strip_prefix('-');
    if unsigned.is_some() {
        out.push('-');
    }
    let unsigned = unsigned.unwrap_or(mantissa);
    if !(-4..plain).contains(&exponent) {
        out.push_str(unsigned);
        out.push_str(if exponent < 0 { "e-" } else { "e+" });
        super::int::print_two(exponent.unsigned_abs().into(), out);
        return;
    }
    let (first, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if exponent < 0 {
        out.push_str("0.");
        (exponent..-1).for_each(|_| out.push('0'));
        out.push_str(first);
        out.push_str(rest);
        return;
    }
    let exponent = exponent as usize;
    out.push_str(first);
    match rest.split_at_checked(exponent) {
        Some((whole, "")) => out.push_str(whole),
        Some((whole, fraction)) => {
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        None => {
            out.push_str(rest);
            (rest.len()..exponent).for_each(|_| out.push('0'));
        }
    }
}
