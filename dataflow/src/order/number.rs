//! Numbers and truth in order. Integers and floats are their bits, arranged; a `numeric` of any size is its
//! sign, its exponent and its digits two to a byte.

/// Appends `f` or `t`, also written out.
pub(super) fn bool(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.push(match text {
        b"f" | b"false" => 0,
        b"t" | b"true" => 1,
        _ => return None,
    });
    Some(())
}

/// Appends an integer: eight bytes, greatest first, the sign bit flipped.
pub(super) fn int(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&signed(parse_int(text)?));
    Some(())
}

/// The eight bytes of an integer, in order.
pub(super) fn signed(value: i64) -> [u8; 8] {
    (value ^ i64::MIN).to_be_bytes()
}

/// The integer a text of digits says.
pub(crate) fn parse_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // Eighteen digits always fit, so the usual case needs no check for overflow.
    if digits.len() <= 18 {
        let value = digits.iter().try_fold(0i64, |value, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit < 10).then(|| value * 10 + i64::from(digit))
        })?;
        return Some(if negative { -value } else { value });
    }
    // The least integer has no positive counterpart, so all are summed below zero.
    let value = digits.iter().try_fold(0i64, |value, byte| {
        let digit = Some(byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_sub(i64::from(digit))
    })?;
    if negative { Some(value) } else { value.checked_neg() }
}

/// Appends a float: the sign bit flipped, or all bits when negative; one zero, one NaN.
pub(super) fn float(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let bits = if value.is_nan() {
        u64::MAX
    } else {
        let bits = (value + 0.0).to_bits();
        if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
    };
    out.extend_from_slice(&bits.to_be_bytes());
    Some(())
}

// The first byte of a numeric.
const NEGATIVE_INFINITY: u8 = 1;
const NEGATIVE: u8 = 2;
const ZERO: u8 = 3;
const POSITIVE: u8 = 4;
const INFINITY: u8 = 5;
const NAN: u8 = 6;

/// Appends a numeric, also one written with an exponent. Digits carry neither leading nor trailing
/// zeros, so 1.0 is 1.00; each pair is a byte above zero, and zero ends them. All after the sign
/// is inverted below zero.
pub(super) fn numeric(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let special = match text {
        b"NaN" => Some(NAN),
        b"Infinity" => Some(INFINITY),
        b"-Infinity" => Some(NEGATIVE_INFINITY),
        _ => None,
    };
    if let Some(special) = special {
        out.push(special);
        return Some(());
    }
    let (negative, unsigned) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&unsigned[..at], i32::try_from(parse_int(&unsigned[at + 1..])?).ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match memchr::memchr(b'.', mantissa) {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &[][..]),
    };
    let digits = || whole.iter().chain(fraction).copied();
    if mantissa.len() == usize::from(mantissa.len() > whole.len())
        || !digits().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    let Some(leading) = digits().position(|digit| digit != b'0') else {
        out.push(ZERO);
        return Some(());
    };
    let length = whole.len() + fraction.len();
    let trailing = digits().rev().take_while(|digit| *digit == b'0').count();

    out.push(if negative { NEGATIVE } else { POSITIVE });
    let start = out.len();
    // The value is 0.d₁d₂d₃… × 10 to this.
    let point = i32::try_from(whole.len()).ok()? - i32::try_from(leading).ok()?;
    let power = exponent.checked_add(point)?;
    out.extend_from_slice(&(power ^ i32::MIN).to_be_bytes());
    let mut significant = digits().take(length - trailing).skip(leading);
    while let Some(tens) = significant.next() {
        let ones = significant.next().unwrap_or(b'0');
        out.push((tens - b'0') * 10 + (ones - b'0') + 1);
    }
    out.push(0);
    if negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Some(())
}
