//! `+ − × ÷ %` with the scale Postgres gives each result.

use num_bigint::BigInt;

use super::round::divide;
use super::{MOST_SCALE, Numeric, raised, ten};
use crate::eval::error::{EvalError, Evaluated};
use crate::eval::value::Arena;

impl<'a> Numeric<'a> {
    /// The sum; the greater scale.
    pub fn add(self, other: Numeric<'a>, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        if let (
            Numeric::Small { digits: a, scale: left },
            Numeric::Small { digits: b, scale: right },
        ) = (self, other)
        {
            let scale = left.max(right);
            let sum = raised(a, (scale - left).into())
                .zip(raised(b, (scale - right).into()))
                .and_then(|(a, b)| a.checked_add(b));
            if let Some(digits) = sum {
                return Ok(Numeric::Small { digits, scale });
            }
        }
        let (Some((a, left)), Some((b, right))) = (self.whole(), other.whole()) else {
            return Ok(match (self, other) {
                (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
                (Numeric::Infinity, Numeric::NegativeInfinity)
                | (Numeric::NegativeInfinity, Numeric::Infinity) => Numeric::NaN,
                (Numeric::Infinity, _) | (_, Numeric::Infinity) => Numeric::Infinity,
                _ => Numeric::NegativeInfinity,
            });
        };
        let scale = left.max(right);
        Numeric::from_whole(
            a * ten((scale - left).into()) + b * ten((scale - right).into()),
            scale,
            arena,
        )
    }

    /// The difference; the greater scale.
    pub fn subtract(self, other: Numeric<'a>, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        self.add(other.negate(arena)?, arena)
    }

    /// The same on the other side of zero.
    pub fn negate(self, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        Ok(match self {
            Numeric::Small { digits, scale } => match digits.checked_neg() {
                Some(digits) => Numeric::Small { digits, scale },
                None => return Numeric::from_whole(-BigInt::from(digits), scale, arena),
            },
            Numeric::Big { negative, limbs, scale } => {
                Numeric::Big { negative: !negative, limbs, scale }
            }
            Numeric::NaN => Numeric::NaN,
            Numeric::Infinity => Numeric::NegativeInfinity,
            Numeric::NegativeInfinity => Numeric::Infinity,
        })
    }

    /// Without its sign.
    pub fn abs(self, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        if self.signum() < 0 { self.negate(arena) } else { Ok(self) }
    }

    /// −1, 0 or 1; `NaN` of itself.
    pub fn sign(self) -> Numeric<'a> {
        match self {
            Numeric::NaN => Numeric::NaN,
            other => Numeric::int(other.signum().into()),
        }
    }

    /// The product; the sum of the scales.
    pub fn multiply(self, other: Numeric<'a>, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        let (Some(left), Some(right)) = (self.scale(), other.scale()) else {
            return Ok(self.infinite(other, self.signum() * other.signum()));
        };
        let sum = u32::from(left) + u32::from(right);
        // Both are within 16 bits less two, so their sum is within 16.
        let scale = sum as u16;
        if let (Numeric::Small { digits: a, .. }, Numeric::Small { digits: b, .. }) = (self, other)
            && sum <= MOST_SCALE
            && let Some(digits) = a.checked_mul(b)
        {
            return Ok(Numeric::Small { digits, scale });
        }
        let whole = |of: Numeric<'_>| of.whole().map_or_else(BigInt::default, |(digits, _)| digits);
        let product = whole(self) * whole(other);
        if sum > MOST_SCALE {
            let product = divide(product, ten(sum - MOST_SCALE));
            return Numeric::from_whole(product, MOST_SCALE as u16, arena);
        }
        Numeric::from_whole(product, scale, arena)
    }

    /// The quotient, rounded half away from zero at the scale that gives it sixteen significant
    /// digits, or more when an operand has more after the point.
    pub fn divide(self, other: Numeric<'a>, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        self.check_divisor(other)?;
        let (Some((a, left)), Some((b, right))) = (self.whole(), other.whole()) else {
            return Ok(match (self, other) {
                (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
                (_, Numeric::Infinity | Numeric::NegativeInfinity) => match self.scale() {
                    Some(_) => Numeric::ZERO,
                    None => Numeric::NaN,
                },
                _ => self.infinite(other, self.signum() * other.signum()),
            });
        };
        let scale = quotient_scale((&a, left), (&b, right));
        // a·10^-left ÷ b·10^-right at the scale: the powers on whichever side they are positive.
        let power = i32::from(scale) + i32::from(right) - i32::from(left);
        let unit = ten(power.unsigned_abs());
        let (a, b) = if power < 0 { (a, b * unit) } else { (a * unit, b) };
        Numeric::from_whole(divide(a, b), scale, arena)
    }

    /// What a division to whole numbers leaves; the sign of the dividend.
    pub fn modulo(self, other: Numeric<'a>, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        self.check_divisor(other)?;
        if let (
            Numeric::Small { digits: a, scale: left },
            Numeric::Small { digits: b, scale: right },
        ) = (self, other)
        {
            let scale = left.max(right);
            if let Some((a, b)) =
                raised(a, (scale - left).into()).zip(raised(b, (scale - right).into()))
            {
                return Ok(Numeric::Small { digits: a.wrapping_rem(b), scale });
            }
        }
        let (Some((a, left)), Some((b, right))) = (self.whole(), other.whole()) else {
            return Ok(match (self.scale(), other) {
                (Some(_), Numeric::Infinity | Numeric::NegativeInfinity) => self,
                _ => Numeric::NaN,
            });
        };
        let scale = left.max(right);
        let left_over = (a * ten((scale - left).into())) % (b * ten((scale - right).into()));
        Numeric::from_whole(left_over, scale, arena)
    }

    /// The quotient without what follows the point.
    pub fn quotient(self, other: Numeric<'a>, arena: &'a Arena) -> Evaluated<Numeric<'a>> {
        self.check_divisor(other)?;
        let (Some((a, left)), Some((b, right))) = (self.whole(), other.whole()) else {
            return self.divide(other, arena);
        };
        let scale = left.max(right);
        let quotient = (a * ten((scale - left).into())) / (b * ten((scale - right).into()));
        Numeric::from_whole(quotient, 0, arena)
    }

    fn check_divisor(self, other: Numeric<'_>) -> Evaluated<()> {
        match self {
            Numeric::NaN => Ok(()),
            _ if other.signum() == 0 => Err(EvalError::division_by_zero()),
            _ => Ok(()),
        }
    }

    /// The product or quotient of what is not finite.
    fn infinite(self, other: Numeric<'a>, sign: i32) -> Numeric<'a> {
        match (self, other) {
            (Numeric::NaN, _) | (_, Numeric::NaN) => Numeric::NaN,
            _ => match sign {
                1 => Numeric::Infinity,
                -1 => Numeric::NegativeInfinity,
                _ => Numeric::NaN,
            },
        }
    }
}

/// Postgres counts in groups of four digits and takes the quotient's weight from the first groups
/// alone: sixteen digits after it, at least either operand's scale, at most a thousand.
fn quotient_scale((a, left): (&BigInt, u16), (b, right): (&BigInt, u16)) -> u16 {
    let (weight_a, first_a) = first_group(a, left);
    let (weight_b, first_b) = first_group(b, right);
    let mut weight = weight_a - weight_b;
    if first_a <= first_b {
        weight -= 1;
    }
    let scale = (16 - weight * 4).max(left.into()).max(right.into());
    scale.clamp(0, 1000) as u16
}

/// The power of ten thousand of the first group of four digits that is not zero, and the group.
fn first_group(digits: &BigInt, scale: u16) -> (i32, u64) {
    if let Ok(small) = i128::try_from(digits) {
        let Some(log) = small.unsigned_abs().checked_ilog10() else { return (0, 0) };
        let (weight, shown) = group_of(log as i32, scale);
        let drop = log as i32 + 1 - shown;
        let first = match u32::try_from(drop) {
            Ok(drop) => small.unsigned_abs() / 10u128.pow(drop),
            Err(_) => small.unsigned_abs() * 10u128.pow(drop.unsigned_abs()),
        };
        // At most four digits are shown.
        return (weight, first as u64);
    }
    let text = digits.magnitude().to_str_radix(10);
    let (weight, shown) = group_of(text.len() as i32 - 1, scale);
    (weight, text[..shown as usize].parse().unwrap_or(0))
}

/// For a first digit at a power of ten (before scaling): the weight of its group, and how many
/// digits of the group are left of its end.
fn group_of(log: i32, scale: u16) -> (i32, i32) {
    let power = log - i32::from(scale);
    (power.div_euclid(4), power.rem_euclid(4) + 1)
}
