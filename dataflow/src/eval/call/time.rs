//! Dates, times and intervals.

use flusso_compiler::sql::functions::Time;

use super::Args;
use crate::eval::error::Evaluated;
use crate::eval::interval::Interval;
use crate::eval::moment::field::{self, Found};
use crate::eval::moment::zone::{self, Zone};
use crate::eval::moment::{DAY, SECOND, arithmetic as moment, bins, is_finite, make};
use crate::eval::value::{Arena, Value};

pub(super) fn call<'a>(function: Time, args: Args<'_, 'a>) -> Evaluated<Option<Value<'a>>> {
    use Time::*;
    let arena = args.arena;
    Ok(Some(match function {
        DatePlusDays => Value::Date(moment::date_plus(args.date(0)?, args.int(1)?)?),
        DaysPlusDate => Value::Date(moment::date_plus(args.date(1)?, args.int(0)?)?),
        DateMinusDays => Value::Date(moment::date_plus(args.date(0)?, -args.int(1)?)?),
        DateMinusDate => Value::Int(moment::date_minus(args.date(0)?, args.date(1)?)?),
        DatePlusTime => Value::Timestamp(moment::date_at(args.date(0)?, args.time(1)?, 0)?),
        TimePlusDate => Value::Timestamp(moment::date_at(args.date(1)?, args.time(0)?, 0)?),
        DatePlusTimeTz => {
            let (micros, west) = args.time_tz(1)?;
            Value::TimestampTz(moment::date_at(args.date(0)?, micros, west)?)
        }
        TimeTzPlusDate => {
            let (micros, west) = args.time_tz(0)?;
            Value::TimestampTz(moment::date_at(args.date(1)?, micros, west)?)
        }
        TimestampPlusInterval => {
            Value::Timestamp(moment::plus(args.timestamp(0)?, args.interval(1)?)?)
        }
        IntervalPlusTimestamp => {
            Value::Timestamp(moment::plus(args.timestamp(1)?, args.interval(0)?)?)
        }
        TimestampMinusInterval => {
            Value::Timestamp(moment::plus(args.timestamp(0)?, args.interval(1)?.negate()?)?)
        }
        TimestampTzPlusInterval => {
            Value::TimestampTz(moment::plus(args.timestamp(0)?, args.interval(1)?)?)
        }
        IntervalPlusTimestampTz => {
            Value::TimestampTz(moment::plus(args.timestamp(1)?, args.interval(0)?)?)
        }
        TimestampTzMinusInterval => {
            Value::TimestampTz(moment::plus(args.timestamp(0)?, args.interval(1)?.negate()?)?)
        }
        TimestampMinusTimestamp | TimestampTzMinusTimestampTz => {
            Value::Interval(moment::minus(args.timestamp(0)?, args.timestamp(1)?)?)
        }
        TimePlusInterval => Value::Time(moment::time_plus(args.time(0)?, args.interval(1)?.micros)),
        IntervalPlusTime => Value::Time(moment::time_plus(args.time(1)?, args.interval(0)?.micros)),
        TimeMinusInterval => {
            // The days go first: the least number of microseconds has no counterpart.
            let span = args.interval(1)?.micros % DAY;
            Value::Time(moment::time_plus(args.time(0)?, -span))
        }
        TimeMinusTime => {
            let micros = args.time(0)? - args.time(1)?;
            Value::Interval(Interval { micros, ..Interval::default() })
        }
        TimeTzPlusInterval => {
            let (micros, west) = args.time_tz(0)?;
            Value::TimeTz(moment::time_plus(micros, args.interval(1)?.micros), west)
        }
        IntervalPlusTimeTz => {
            let (micros, west) = args.time_tz(1)?;
            Value::TimeTz(moment::time_plus(micros, args.interval(0)?.micros), west)
        }
        TimeTzMinusInterval => {
            let (micros, west) = args.time_tz(0)?;
            Value::TimeTz(moment::time_plus(micros, -(args.interval(1)?.micros % DAY)), west)
        }
        IntervalAdd => Value::Interval(args.interval(0)?.plus(args.interval(1)?)?),
        IntervalSubtract => Value::Interval(args.interval(0)?.minus(args.interval(1)?)?),
        IntervalNegate => Value::Interval(args.interval(0)?.negate()?),
        IntervalMultiply => Value::Interval(args.interval(0)?.times(args.float8(1)?)?),
        Float8TimesInterval => Value::Interval(args.interval(1)?.times(args.float8(0)?)?),
        IntervalDivide => Value::Interval(args.interval(0)?.over(args.float8(1)?)?),
        ExtractDate => return extract(field::of_date(args.text(0)?, args.date(1)?)?, arena),
        ExtractTime => return extract(field::of_time(args.text(0)?, args.time(1)?, None)?, arena),
        ExtractTimeTz => {
            let (micros, west) = args.time_tz(1)?;
            return extract(field::of_time(args.text(0)?, micros, Some(west))?, arena);
        }
        ExtractTimestamp => {
            return extract(field::of_timestamp(args.text(0)?, args.timestamp(1)?, false)?, arena);
        }
        ExtractTimestampTz => {
            return extract(field::of_timestamp(args.text(0)?, args.timestamp(1)?, true)?, arena);
        }
        ExtractInterval => {
            return extract(field::of_interval(args.text(0)?, args.interval(1)?)?, arena);
        }
        PartTime => return part(field::of_time(args.text(0)?, args.time(1)?, None)?),
        PartTimeTz => {
            let (micros, west) = args.time_tz(1)?;
            return part(field::of_time(args.text(0)?, micros, Some(west))?);
        }
        PartTimestamp => {
            return part(field::of_timestamp(args.text(0)?, args.timestamp(1)?, false)?);
        }
        PartTimestampTz => {
            return part(field::of_timestamp(args.text(0)?, args.timestamp(1)?, true)?);
        }
        PartInterval => return part(field::of_interval(args.text(0)?, args.interval(1)?)?),
        TruncTimestamp => Value::Timestamp(bins::truncate(args.text(0)?, args.timestamp(1)?)?),
        TruncTimestampTz => Value::TimestampTz(bins::truncate(args.text(0)?, args.timestamp(1)?)?),
        TruncInterval => {
            Value::Interval(bins::truncate_interval(args.text(0)?, args.interval(1)?)?)
        }
        TruncTimestampTzIn => {
            let (name, at, zone) = (args.text(0)?, args.timestamp(1)?, args.text(2)?);
            Value::TimestampTz(bins::truncate_in(name, at, zone)?)
        }
        BinTimestamp => {
            let (stride, at, origin) = (args.interval(0)?, args.timestamp(1)?, args.timestamp(2)?);
            Value::Timestamp(bins::bin(stride, at, origin)?)
        }
        BinTimestampTz => {
            let (stride, at, origin) = (args.interval(0)?, args.timestamp(1)?, args.timestamp(2)?);
            Value::TimestampTz(bins::bin(stride, at, origin)?)
        }
        AgeTimestamp | AgeTimestampTz => {
            Value::Interval(moment::age(args.timestamp(0)?, args.timestamp(1)?)?)
        }
        JustifyDays => Value::Interval(args.interval(0)?.justify_days()?),
        JustifyHours => Value::Interval(args.interval(0)?.justify_hours()?),
        JustifyInterval => Value::Interval(args.interval(0)?.justify()?),
        MakeDate => Value::Date(make::date(args.int(0)?, args.int(1)?, args.int(2)?)?),
        MakeTime => Value::Time(make::time(args.int(0)?, args.int(1)?, args.float8(2)?)?),
        MakeTimestamp => Value::Timestamp(timestamp(args)?),
        MakeTimestampTz => Value::TimestampTz(timestamp(args)?),
        MakeTimestampTzIn => {
            let local = timestamp(args)?;
            Value::TimestampTz(zone::find(args.text(6)?)?.to_utc(local)?)
        }
        MakeInterval => {
            let mut parts = [0; 6];
            for (at, part) in parts.iter_mut().enumerate() {
                *part = args.int(at)?;
            }
            Value::Interval(make::interval(parts, args.float8(6)?)?)
        }
        TimestampIn | TimestampAt if !is_finite(args.timestamp(1)?) => {
            Value::TimestampTz(args.timestamp(1)?)
        }
        TimestampTzIn | TimestampTzAt if !is_finite(args.timestamp(1)?) => {
            Value::Timestamp(args.timestamp(1)?)
        }
        TimestampIn => Value::TimestampTz(zone::find(args.text(0)?)?.to_utc(args.timestamp(1)?)?),
        TimestampTzIn => Value::Timestamp(zone::find(args.text(0)?)?.to_local(args.timestamp(1)?)?),
        TimestampAt => Value::TimestampTz(zone::at(args.interval(0)?)?.to_utc(args.timestamp(1)?)?),
        TimestampTzAt => {
            Value::Timestamp(zone::at(args.interval(0)?)?.to_local(args.timestamp(1)?)?)
        }
        TimeTzAt => {
            let Zone::Fixed(ahead) = zone::at(args.interval(0)?)? else { return Ok(None) };
            let (micros, west) = args.time_tz(1)?;
            // The days go first, lest the sum overflow.
            let local = micros + i64::from(west) * SECOND + ahead % DAY;
            Value::TimeTz(local.rem_euclid(DAY), -(ahead / SECOND) as i32)
        }
        IsFiniteDate => Value::Bool(!matches!(args.date(0)?, i32::MIN | i32::MAX)),
        IsFiniteTimestamp | IsFiniteTimestampTz => Value::Bool(is_finite(args.timestamp(0)?)),
        IsFiniteInterval => Value::Bool(true),
        FromEpoch => Value::TimestampTz(make::from_epoch(args.float8(0)?)?),
    }))
}

fn extract<'a>(found: Found, arena: &'a Arena) -> Evaluated<Option<Value<'a>>> {
    Ok(found.numeric(arena)?.map(Value::Numeric))
}

fn part<'a>(found: Found) -> Evaluated<Option<Value<'a>>> {
    Ok(found.float().map(Value::Float8))
}

fn timestamp(args: Args<'_, '_>) -> Evaluated<i64> {
    let date = [args.int(0)?, args.int(1)?, args.int(2)?];
    make::timestamp(date, [args.int(3)?, args.int(4)?], args.float8(5)?)
}
