//! Floats as Postgres prints them with `extra_float_digits = 3`: the shortest digits that read back
//! as the same value, with an exponent where Postgres has one.
//!
//! Rust's shortest digits differ in two cases. Digits half way to the next float are read back as
//! the even one of the two; Rust takes them, Postgres (Ryu) takes none that lie on the edge. And of
//! two shortest that lie as near, Rust takes the upper, Postgres the one that ends even.

/// A `double precision`.
pub fn float8_text(value: f64) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let mantissa = bits & ((1 << 52) - 1) | u64::from(exponent > 0) << 52;
    let binary = (mantissa, exponent.max(1) - 1075);
    let longer = |digits: usize| format!("{value:.digits$e}");
    shown(&chosen(format!("{value:e}"), longer, |text| text.parse() == Ok(value), binary, 15), 15)
}

/// A `real`.
pub fn float4_text(value: f32) -> String {
    if let Some(special) = special(value.into()) {
        return special.to_owned();
    }
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) as i32;
    let mantissa = bits & ((1 << 23) - 1) | u32::from(exponent > 0) << 23;
    let binary = (mantissa.into(), exponent.max(1) - 150);
    let longer = |digits: usize| format!("{value:.digits$e}");
    shown(&chosen(format!("{value:e}"), longer, |text| text.parse() == Ok(value), binary, 7), 6)
}

/// The digits Postgres takes, from Rust's shortest, of a mantissa and its power of two. Texts of
/// fewer digits than `least` are exact.
fn chosen(
    shortest: String,
    longer: impl Fn(usize) -> String,
    same: impl Fn(&str) -> bool,
    (mantissa, exponent): (u64, i32),
    least: usize,
) -> String {
    let edge = |text: &str| on_edge(text, mantissa, exponent);
    match edge(&shortest) {
        true => inside(shortest, longer, |text| same(text) && !edge(text)),
        false => even(shortest, least, longer, same),
    }
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

/// Whether digits lie half way to the next float. They are read back as this one, being even.
fn on_edge(text: &str, mantissa: u64, exponent: i32) -> bool {
    if mantissa == 0 || mantissa % 2 == 1 {
        return false;
    }
    let (digits, power) = text.split_once('e').unwrap_or((text, "0"));
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

/// Of two shortest that lie as near, the one that ends even. Texts of fewer digits than `least`
/// are exact.
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

/// The nearest of so few more digits that it lies between the edges.
fn inside(
    shortest: String,
    longer: impl Fn(usize) -> String,
    is_inside: impl Fn(&str) -> bool,
) -> String {
    /// So many digits say any float.
    const MOST: usize = 17;
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit);
    (digits.count()..MOST).map(longer).find(|text| is_inside(text)).unwrap_or(shortest)
}

/// `-1.5e3` as Postgres writes it: plain from 1e-4 to below ten to the `plain`, else `-1.5e+20`.
fn shown(scientific: &str, plain: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (minus, unsigned) = match mantissa.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", mantissa),
    };
    if !(-4..plain).contains(&exponent) {
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{minus}{unsigned}e{direction}{:02}", exponent.unsigned_abs());
    }
    let (first, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if exponent < 0 {
        let zeros = "0".repeat((-1 - exponent) as usize);
        return format!("{minus}0.{zeros}{first}{rest}");
    }
    match rest.split_at_checked(exponent as usize) {
        Some((whole, "")) => format!("{minus}{first}{whole}"),
        Some((whole, fraction)) => format!("{minus}{first}{whole}.{fraction}"),
        None => {
            let zeros = "0".repeat(exponent as usize - rest.len());
            format!("{minus}{first}{rest}{zeros}")
        }
    }
}
