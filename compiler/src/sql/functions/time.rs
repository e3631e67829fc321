//! Dates, times and intervals. The session's time zone is UTC.

use super::family;

family! {
    /// Functions of dates, times and intervals.
    Time;

    DatePlusDays "+" (Date, Int4) -> Date: "so many days later";
    DaysPlusDate "+" (Int4, Date) -> Date: "so many days later";
    DateMinusDays "-" (Date, Int4) -> Date: "so many days earlier";
    DateMinusDate "-" (Date, Date) -> Int4: "the days between";
    DatePlusTime "+" (Date, Time) -> Timestamp: "that day at that time";
    TimePlusDate "+" (Time, Date) -> Timestamp: "that day at that time";
    DatePlusTimeTz "+" (Date, TimeTz) -> TimestampTz: "that day at that time";
    TimeTzPlusDate "+" (TimeTz, Date) -> TimestampTz: "that day at that time";
    TimestampPlusInterval "+" (Timestamp, Interval | Date, Interval) -> Timestamp:
        "that much later";
    IntervalPlusTimestamp "+" (Interval, Timestamp | Interval, Date) -> Timestamp:
        "that much later";
    TimestampMinusInterval "-" (Timestamp, Interval | Date, Interval) -> Timestamp:
        "that much earlier";
    TimestampTzPlusInterval "+" (TimestampTz, Interval) -> TimestampTz:
        "that much later, days being those of UTC";
    IntervalPlusTimestampTz "+" (Interval, TimestampTz) -> TimestampTz:
        "that much later, days being those of UTC";
    TimestampTzMinusInterval "-" (TimestampTz, Interval) -> TimestampTz:
        "that much earlier, days being those of UTC";
    TimestampMinusTimestamp "-" (Timestamp, Timestamp) -> Interval: "the days and time between";
    TimestampTzMinusTimestampTz "-" (TimestampTz, TimestampTz) -> Interval:
        "the days and time between";
    TimePlusInterval "+" (Time, Interval) -> Time:
        "that much later, past midnight from the beginning";
    IntervalPlusTime "+" (Interval, Time) -> Time:
        "that much later, past midnight from the beginning";
    TimeMinusInterval "-" (Time, Interval) -> Time: "that much earlier, past midnight from the end";
    TimeMinusTime "-" (Time, Time) -> Interval: "the time between";
    TimeTzPlusInterval "+" (TimeTz, Interval) -> TimeTz:
        "that much later, past midnight from the beginning";
    IntervalPlusTimeTz "+" (Interval, TimeTz) -> TimeTz:
        "that much later, past midnight from the beginning";
    TimeTzMinusInterval "-" (TimeTz, Interval) -> TimeTz:
        "that much earlier, past midnight from the end";
    IntervalAdd "+" (Interval, Interval) -> Interval: "both together";
    IntervalSubtract "-" (Interval, Interval) -> Interval: "the first without the second";
    IntervalNegate "-" (Interval) -> Interval: "backwards";
    IntervalMultiply "*" (Interval, Float8) -> Interval: "so many times as long";
    Float8TimesInterval "*" (Float8, Interval) -> Interval: "so many times as long";
    IntervalDivide "/" (Interval, Float8) -> Interval: "a part of it";
    ExtractDate "extract" (Text, Date) -> Numeric: "the field of that name";
    ExtractTime "extract" (Text, Time) -> Numeric: "the field of that name";
    ExtractTimeTz "extract" (Text, TimeTz) -> Numeric: "the field of that name";
    ExtractTimestamp "extract" (Text, Timestamp) -> Numeric: "the field of that name";
    ExtractTimestampTz "extract" (Text, TimestampTz) -> Numeric: "the field of that name";
    ExtractInterval "extract" (Text, Interval) -> Numeric: "the field of that name";
    PartTime "date_part" (Text, Time) -> Float8: "the field of that name";
    PartTimeTz "date_part" (Text, TimeTz) -> Float8: "the field of that name";
    PartTimestamp "date_part" (Text, Timestamp | Text, Date) -> Float8: "the field of that name";
    PartTimestampTz "date_part" (Text, TimestampTz) -> Float8: "the field of that name";
    PartInterval "date_part" (Text, Interval) -> Float8: "the field of that name";
    TruncTimestamp "date_trunc" (Text, Timestamp) -> Timestamp: "cut off to that precision";
    TruncTimestampTz "date_trunc" (Text, TimestampTz) -> TimestampTz:
        "cut off to that precision, in UTC";
    TruncInterval "date_trunc" (Text, Interval) -> Interval: "cut off to that precision";
    TruncTimestampTzIn "date_trunc" (Text, TimestampTz, Text) -> TimestampTz:
        "cut off to that precision, in a time zone";
    BinTimestamp "date_bin" (Interval, Timestamp, Timestamp) -> Timestamp:
        "the beginning of its part of that length, counted from the third";
    BinTimestampTz "date_bin" (Interval, TimestampTz, TimestampTz) -> TimestampTz:
        "the beginning of its part of that length, counted from the third";
    AgeTimestamp "age" (Timestamp, Timestamp) -> Interval: "years, months and days between";
    AgeTimestampTz "age" (TimestampTz, TimestampTz) -> Interval: "years, months and days between";
    JustifyDays "justify_days" (Interval) -> Interval: "with 30 days as a month";
    JustifyHours "justify_hours" (Interval) -> Interval: "with 24 hours as a day";
    JustifyInterval "justify_interval" (Interval) -> Interval:
        "with 30 days as a month and 24 hours as a day, of one sign";
    MakeDate "make_date" (Int4, Int4, Int4) -> Date: "of year, month and day";
    MakeTime "make_time" (Int4, Int4, Float8) -> Time: "of hour, minute and second";
    MakeTimestamp "make_timestamp" (Int4, Int4, Int4, Int4, Int4, Float8) -> Timestamp:
        "of year, month, day, hour, minute and second";
    MakeTimestampTz "make_timestamptz" (Int4, Int4, Int4, Int4, Int4, Float8) -> TimestampTz:
        "of year, month, day, hour, minute and second, in UTC";
    MakeTimestampTzIn "make_timestamptz" (Int4, Int4, Int4, Int4, Int4, Float8, Text) -> TimestampTz:
        "of year, month, day, hour, minute and second, in a time zone";
    MakeInterval "make_interval" (Int4, Int4, Int4, Int4, Int4, Int4, Float8) -> Interval:
        "of years, months, weeks, days, hours, minutes and seconds";
    TimestampIn "timezone" (Text, Timestamp) -> TimestampTz:
        "`AT TIME ZONE`: that local time in the zone";
    TimestampTzIn "timezone" (Text, TimestampTz) -> Timestamp:
        "`AT TIME ZONE`: the local time in the zone";
    TimeTzIn "timezone" (Text, TimeTz) -> TimeTz: "`AT TIME ZONE`: the same time in the zone";
    TimestampAt "timezone" (Interval, Timestamp) -> TimestampTz:
        "`AT TIME ZONE`: that local time at the offset";
    TimestampTzAt "timezone" (Interval, TimestampTz) -> Timestamp:
        "`AT TIME ZONE`: the local time at the offset";
    TimeTzAt "timezone" (Interval, TimeTz) -> TimeTz: "`AT TIME ZONE`: the same time at the offset";
    IsFiniteDate "isfinite" (Date) -> Bool: "whether it is a moment that can be named";
    IsFiniteTimestamp "isfinite" (Timestamp) -> Bool: "whether it is a moment that can be named";
    IsFiniteTimestampTz "isfinite" (TimestampTz) -> Bool:
        "whether it is a moment that can be named";
    IsFiniteInterval "isfinite" (Interval) -> Bool: "true";
    FromEpoch "to_timestamp" (Float8) -> TimestampTz: "so many seconds after 1970";
}
