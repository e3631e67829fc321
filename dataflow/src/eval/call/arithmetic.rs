//! Numbers.

use flusso_compiler::sql::functions::Arithmetic;

use super::Args;
use crate::eval::error::Evaluated;
use crate::eval::float::{self, Arithmetic as Operator};
use crate::eval::int::Width;
use crate::eval::numeric::Toward;
use crate::eval::value::Value;

pub(super) fn call<'a>(function: Arithmetic, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    use Arithmetic::*;
    let arena = args.arena;
    Ok(Some(match function {
        Int2Add => int(Width::Two, args, i64::checked_add)?,
        Int4Add => int(Width::Four, args, i64::checked_add)?,
        Int8Add => int(Width::Eight, args, i64::checked_add)?,
        Int2Subtract => int(Width::Two, args, i64::checked_sub)?,
        Int4Subtract => int(Width::Four, args, i64::checked_sub)?,
        Int8Subtract => int(Width::Eight, args, i64::checked_sub)?,
        Int2Multiply => int(Width::Two, args, i64::checked_mul)?,
        Int4Multiply => int(Width::Four, args, i64::checked_mul)?,
        Int8Multiply => int(Width::Eight, args, i64::checked_mul)?,
        Int2Divide => Value::Int(Width::Two.divide(args.int(0)?, args.int(1)?)?),
        Int4Divide => Value::Int(Width::Four.divide(args.int(0)?, args.int(1)?)?),
        Int8Divide => Value::Int(Width::Eight.divide(args.int(0)?, args.int(1)?)?),
        Int2Modulo | Int4Modulo | Int8Modulo => {
            Value::Int(Width::Eight.modulo(args.int(0)?, args.int(1)?)?)
        }
        Int2Negate => Value::Int(Width::Two.checked(args.int(0)?.checked_neg())?),
        Int4Negate => Value::Int(Width::Four.checked(args.int(0)?.checked_neg())?),
        Int8Negate => Value::Int(Width::Eight.checked(args.int(0)?.checked_neg())?),
        Int2Abs => Value::Int(Width::Two.checked(args.int(0)?.checked_abs())?),
        Int4Abs => Value::Int(Width::Four.checked(args.int(0)?.checked_abs())?),
        Int8Abs => Value::Int(Width::Eight.checked(args.int(0)?.checked_abs())?),
        Float4Add => float4(Operator::Add, args)?,
        Float8Add => float8(Operator::Add, args)?,
        Float4Subtract => float4(Operator::Subtract, args)?,
        Float8Subtract => float8(Operator::Subtract, args)?,
        Float4Multiply => float4(Operator::Multiply, args)?,
        Float8Multiply => float8(Operator::Multiply, args)?,
        Float4Divide => float4(Operator::Divide, args)?,
        Float8Divide => float8(Operator::Divide, args)?,
        Float4Negate => Value::Float4(-args.float4(0)?),
        Float8Negate => Value::Float8(-args.float8(0)?),
        Float4Abs => Value::Float4(args.float4(0)?.abs()),
        Float8Abs => Value::Float8(args.float8(0)?.abs()),
        Float8Sqrt => Value::Float8(float::sqrt(args.float8(0)?)?),
        Float8Ceil => Value::Float8(args.float8(0)?.ceil()),
        Float8Floor => Value::Float8(args.float8(0)?.floor()),
        Float8Round => Value::Float8(args.float8(0)?.round_ties_even()),
        Float8Trunc => Value::Float8(args.float8(0)?.trunc()),
        Float8Sign => Value::Float8(float::sign(args.float8(0)?)),
        Float8Degrees => {
            Value::Float8(float::apply8(Operator::Divide, args.float8(0)?, RADIANS_PER_DEGREE)?)
        }
        Float8Radians => {
            Value::Float8(float::apply8(Operator::Multiply, args.float8(0)?, RADIANS_PER_DEGREE)?)
        }
        Pi => Value::Float8(std::f64::consts::PI),
        NumericAdd => Value::Numeric(args.numeric(0)?.add(args.numeric(1)?, arena)?),
        NumericSubtract => Value::Numeric(args.numeric(0)?.subtract(args.numeric(1)?, arena)?),
        NumericMultiply => Value::Numeric(args.numeric(0)?.multiply(args.numeric(1)?, arena)?),
        NumericDivide => Value::Numeric(args.numeric(0)?.divide(args.numeric(1)?, arena)?),
        NumericModulo => Value::Numeric(args.numeric(0)?.modulo(args.numeric(1)?, arena)?),
        NumericNegate => Value::Numeric(args.numeric(0)?.negate(arena)?),
        NumericAbs => Value::Numeric(args.numeric(0)?.abs(arena)?),
        NumericSqrt => Value::Numeric(args.numeric(0)?.sqrt(arena)?),
        NumericCeil => Value::Numeric(args.numeric(0)?.round(0, Toward::Ceiling, arena)?),
        NumericFloor => Value::Numeric(args.numeric(0)?.round(0, Toward::Floor, arena)?),
        NumericRound => Value::Numeric(args.numeric(0)?.round(0, Toward::Nearest, arena)?),
        NumericTrunc => Value::Numeric(args.numeric(0)?.round(0, Toward::Zero, arena)?),
        NumericSign => Value::Numeric(args.numeric(0)?.sign()),
        NumericRoundTo => {
            Value::Numeric(args.numeric(0)?.round(args.int(1)?, Toward::Nearest, arena)?)
        }
        NumericTruncTo => {
            Value::Numeric(args.numeric(0)?.round(args.int(1)?, Toward::Zero, arena)?)
        }
        NumericDiv => Value::Numeric(args.numeric(0)?.quotient(args.numeric(1)?, arena)?),
        NumericScale => return scale(args.numeric(0)?.scale()),
        NumericMinScale => return scale(args.numeric(0)?.least_scale()),
        NumericTrimScale => Value::Numeric(args.numeric(0)?.trim_scale(arena)?),
        Int4Gcd => Value::Int(Width::Four.checked(gcd(args.int(0)?, args.int(1)?))?),
        Int8Gcd => Value::Int(Width::Eight.checked(gcd(args.int(0)?, args.int(1)?))?),
        Int4Lcm => Value::Int(Width::Four.checked(lcm(args.int(0)?, args.int(1)?))?),
        Int8Lcm => Value::Int(Width::Eight.checked(lcm(args.int(0)?, args.int(1)?))?),
        Int2BitAnd | Int4BitAnd | Int8BitAnd => Value::Int(args.int(0)? & args.int(1)?),
        Int2BitOr | Int4BitOr | Int8BitOr => Value::Int(args.int(0)? | args.int(1)?),
        Int2BitXor | Int4BitXor | Int8BitXor => Value::Int(args.int(0)? ^ args.int(1)?),
        Int2BitNot | Int4BitNot | Int8BitNot => Value::Int(!args.int(0)?),
        // The machine Postgres runs on takes the places of a shift modulo 32, of 64 bits modulo 64.
        Int2ShiftLeft => {
            let (value, places) = args.two_ints()?;
            Value::Int(((value as i32).wrapping_shl(places as u32) as i16).into())
        }
        Int2ShiftRight => {
            let (value, places) = args.two_ints()?;
            Value::Int(((value as i32).wrapping_shr(places as u32) as i16).into())
        }
        Int4ShiftLeft => {
            let (value, places) = args.two_ints()?;
            Value::Int((value as i32).wrapping_shl(places as u32).into())
        }
        Int4ShiftRight => {
            let (value, places) = args.two_ints()?;
            Value::Int((value as i32).wrapping_shr(places as u32).into())
        }
        Int8ShiftLeft => {
            let (value, places) = args.two_ints()?;
            Value::Int(value.wrapping_shl(places as u32))
        }
        Int8ShiftRight => {
            let (value, places) = args.two_ints()?;
            Value::Int(value.wrapping_shr(places as u32))
        }
    }))
}

/// NaN and the infinities have none.
fn scale<'a>(scale: Option<u16>) -> Evaluated<Option<Value<'a>>> {
    Ok(scale.map(|scale| Value::Int(scale.into())))
}

/// As Postgres has it in its sources.
const RADIANS_PER_DEGREE: f64 = 0.017_453_292_519_943_295;

fn int<'a>(
    width: Width,
    args: Args<'_, 'a>,
    operator: fn(i64, i64) -> Option<i64>,
) -> Evaluated<Value<'a>> {
    let (left, right) = args.two_ints()?;
    Ok(Value::Int(width.checked(operator(left, right))?))
}

fn float4<'a>(operator: Operator, args: Args<'_, 'a>) -> Evaluated<Value<'a>> {
    Ok(Value::Float4(float::apply4(operator, args.float4(0)?, args.float4(1)?)?))
}

fn float8<'a>(operator: Operator, args: Args<'_, 'a>) -> Evaluated<Value<'a>> {
    Ok(Value::Float8(float::apply8(operator, args.float8(0)?, args.float8(1)?)?))
}

/// Not negative; none when it does not fit.
fn gcd(a: i64, b: i64) -> Option<i64> {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).ok()
}

fn lcm(a: i64, b: i64) -> Option<i64> {
    if a == 0 || b == 0 {
        return Some(0);
    }
    (a / gcd(a, b)?).checked_mul(b)?.checked_abs()
}
