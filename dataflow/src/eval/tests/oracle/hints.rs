//! Texts that mean something to an argument, which a value drawn at random would seldom do: lists
//! with `¦` between.

use flusso_compiler::sql::functions::{
    Arithmetic, Array, Format, Function, Json, Pattern, Text, Time,
};

const FIELDS: &str = "year¦month¦day¦hour¦minute¦second¦milliseconds¦microseconds¦week\
         ¦quarter¦decade¦century¦millennium¦dow¦isodow¦doy¦isoyear¦julian¦epoch\
         ¦timezone¦timezone_hour¦timezone_minute¦nonsense¦years¦MONTHS¦sec¦msec\
         ¦us¦mil¦cent¦dec¦qtr¦y¦d¦h¦m¦mon¦min¦w";

const ZONES: &str = "UTC¦Europe/Prague¦America/New_York¦Asia/Kolkata¦australia/lord_howe\
         ¦EST¦Europe/Dublin¦nowhere¦Pacific/Apia\
         ¦America/St_Johns¦Asia/Tehran¦America/Sao_Paulo¦Antarctica/Troll\
         ¦Europe/London¦GMT¦CET¦MST¦Etc/GMT+5¦America/Godthab¦CEST¦+02¦UTC+3¦";

const PATTERNS: &str = "b¦^a¦[a-c]+¦\\s+¦(\\w)(\\d)?¦,¦[^[:alnum:]]¦x*¦^(\\w+)\\s(.*)$¦ů|k\
         ¦\\d{2,}¦(¦$¦[[:upper:]]¦¦(?i)ABC¦a{2,3}¦a{0}¦(a|ab)(c|bcd)?¦(?:a)(b)\
         ¦[]a]¦[a-]¦\\Aa¦c\\Z¦***:a¦***=a.b¦.¦\\.¦\\u016f¦\\x61¦(a)|b¦(a)\\1¦^$\
         ¦(^|,)a¦a||b¦()¦a{,3}¦a{2¦*a¦^*¦a**¦(?=a)¦[b-a]¦[[:foo:]]¦\\¦[a¦a)\
         ¦(?#no)a¦[\\d_]¦[^\\s]¦\\S¦\\W+¦\\D¦é¦[à-ü]¦😀¦\\t|\\n¦a?¦(,)?b¦^^a¦$$\
         ¦a$b¦[.]¦[[:space:]]¦[a\\]]¦a{1}¦(a*)¦\\m¦(?n)a.b¦|¦a|¦[[:alpha:]]+¦{\
         ¦a{1,0}¦a{256}¦\\0";

const KEYS: &str = "a¦b¦long¦¦c¦0¦z¦-1";

const PATHS: &str = "{a}¦{b,0}¦{b,2,c}¦{a,b}¦{b,-1}¦{}¦{0}¦{3,0}¦{NULL}¦{a,x}¦{-1}¦{b,9}\
         ¦{\"\"}¦{a,0}¦{1,0}¦{b,+1}¦{z,y}¦{a,NULL}¦{2,a}¦{-9}¦{b, 1}";

const JSONS: &str = "null¦{}¦[]¦{\"k\": [1]}¦\"é\"¦-0.50¦true¦[1, {\"a\": 2}]¦{\"a\": null}";

const COUNTS: &str = "0¦1¦2¦3¦-1¦-2¦5¦10¦2147483647¦-2147483648";

const MOMENTS: &str = "YYYY-MM-DD HH24:MI:SS.US¦Day, DDth FMMonth YYYY¦FMDD.FMMM.YY hh:mi am\
         ¦IYYY-IW-ID¦Q CC J WW W D DDD SSSS MS¦\"quoted\" yyyy B.C. RM\
         ¦TZ TZH:TZM OF¦Mon MON mon DY FF3¦Y,YYY YYY Y FMWW¦HH12 P.M.¦\
         ¦IYY IY I IDDD¦FMRM rm FMrm¦AD a.d. BC bc¦SSSSS FF1 FF2 FF4 FF5 FF6\
         ¦DDTH MMth YYYYth HH24TH¦FMHH:FMMI:FMSS¦\\\"x\\\" \"\"¦DAY day Dy\
         ¦MONTH month¦YYYYMMDDHH24MISS¦FXYYYY¦FMYYYY FMYYY FMYY FMY¦cc Cc CCth\
         ¦A.M. pm¦tz¦FMDay|FMDAY|FMday¦D ID DDDth¦YYYY\"T\"HH24¦plain¦Jth FMJ\
         ¦FMMS FMUS¦FMTZH:FMTZM";

const NUMBERS: &str = "999.99¦FM999.99¦0000¦S999¦999MI¦FM9,999,990.00¦9G999D9¦999PR¦SG99\
         ¦FM000¦PL9.9¦B99¦99th¦FM0.00¦9¦¦.99¦FM9.9¦FM9990.0999¦999,999¦9 999\
         ¦\"text\"999¦999 \"x\"¦99TH¦9S¦S9¦MI9¦9PL¦9SG¦FM.999¦90.90¦00.00¦9.\
         ¦099¦FM9PR¦9.9.9¦SMI9¦PR9¦FMS999.9¦FM9999999999999999999.99¦D9¦G9¦0.9\
         ¦FM0¦FMPL9¦FM99MI¦9,9,9.9¦FM9,9¦x9¦9x9¦BMI9¦0FM9¦FM9.0¦FM09.90¦S.9¦SS9\
         ¦9FM.9";

/// Texts for an argument; none where any value will do.
pub(super) fn hint(function: Function, at: usize) -> Option<&'static str> {
    match function {
        Function::Pattern(function) => pattern(function, at),
        Function::Time(function) => time(function, at),
        Function::Text(function) => text(function, at),
        Function::Json(function) => json(function, at),
        Function::Array(function) => array(function, at),
        Function::Format(Format::TimestampToChar | Format::TimestampTzToChar) if at == 1 => {
            Some(MOMENTS)
        }
        Function::Format(Format::IntervalToChar) if at == 1 => Some(
            "HH24:MI:SS¦YYYY MM DD¦FMHH24 DDD SS.MS¦Day¦HH12 am¦FMDD FMMM\
         ¦SSSS US FF3¦J¦Q CC¦YYYth¦TZ¦W WW¦IYYY¦RM Mon",
        ),
        Function::Format(_) if at == 1 => Some(NUMBERS),
        Function::Arithmetic(Arithmetic::NumericRoundTo | Arithmetic::NumericTruncTo)
            if at == 1 =>
        {
            Some("0¦2¦-1¦-3¦5¦20¦-50¦2000¦-2147483648")
        }
        Function::Arithmetic(
            Arithmetic::Int2ShiftLeft
            | Arithmetic::Int2ShiftRight
            | Arithmetic::Int4ShiftLeft
            | Arithmetic::Int4ShiftRight
            | Arithmetic::Int8ShiftLeft
            | Arithmetic::Int8ShiftRight,
        ) if at == 1 => Some("0¦1¦7¦15¦16¦31¦32¦33¦63¦64¦-1"),
        _ => None,
    }
}

fn pattern(function: Pattern, at: usize) -> Option<&'static str> {
    match (function, at) {
        (_, 1) => Some(PATTERNS),
        (Pattern::ReplaceFlags, 3) => Some("g¦i¦gi¦¦c¦ic¦m"),
        (Pattern::LikeFlags | Pattern::MatchFlags, 2) => Some("i¦¦g¦z¦ci"),
        (Pattern::SplitToArrayFlags, 2) => Some("i¦¦g"),
        (Pattern::Replace | Pattern::ReplaceFlags, 2) => {
            Some("<\\1>¦\\&\\&¦¦x\\\\y¦\\¦\\0¦\\2é\\9¦$1")
        }
        _ => None,
    }
}

fn time(function: Time, at: usize) -> Option<&'static str> {
    use Time::*;
    match (function, at) {
        (
            ExtractDate | ExtractTime | ExtractTimeTz | ExtractTimestamp | ExtractTimestampTz
            | ExtractInterval | PartTime | PartTimeTz | PartTimestamp | PartTimestampTz
            | PartInterval | TruncTimestamp | TruncTimestampTz | TruncInterval | TruncTimestampTzIn,
            0,
        ) => Some(FIELDS),
        (TimestampIn | TimestampTzIn, 0) | (TruncTimestampTzIn, 2) | (MakeTimestampTzIn, 6) => {
            Some(ZONES)
        }
        (TimestampAt | TimestampTzAt | TimeTzAt, 0) => {
            Some("02:00:00¦-03:30:00¦00:00:00¦15:59:59¦1 day¦1 mon¦20:00:00")
        }
        (MakeDate | MakeTimestamp | MakeTimestampTz | MakeTimestampTzIn, 0) => {
            Some("2024¦1900¦2021¦-44¦0¦1¦9999¦294276¦2147483647")
        }
        (MakeDate | MakeTimestamp | MakeTimestampTz | MakeTimestampTzIn, 1) => {
            Some("1¦2¦3¦10¦12¦13¦0")
        }
        (MakeDate | MakeTimestamp | MakeTimestampTz | MakeTimestampTzIn, 2) => {
            Some("1¦14¦28¦29¦30¦31¦32")
        }
        (MakeTime, 0) | (MakeTimestamp | MakeTimestampTz | MakeTimestampTzIn, 3) => {
            Some("0¦2¦12¦23¦24¦-1")
        }
        (MakeTime, 1) | (MakeTimestamp | MakeTimestampTz | MakeTimestampTzIn, 4) => {
            Some("0¦30¦59¦60")
        }
        (MakeTime, 2) | (MakeTimestamp | MakeTimestampTz | MakeTimestampTzIn, 5) => {
            Some("0¦59.9999999¦59.999999¦60¦1e-7¦12.5¦61¦NaN¦0.0000005")
        }
        (MakeInterval, 0..6) => Some("0¦1¦-2¦100¦2147483647"),
        (BinTimestamp | BinTimestampTz, 0) => {
            Some("00:15:00¦1 day¦00:00:00¦-01:00:00¦1 mon¦7 days¦00:00:00.000003")
        }
        (IntervalMultiply | IntervalDivide, 1) | (Float8TimesInterval, 0) => {
            Some("2¦0.5¦-1.5¦0¦3¦7¦0.1¦1e10¦NaN¦Infinity¦1e-10")
        }
        (FromEpoch, 0) => Some("0¦1.5¦-0.0000005¦1e12¦NaN¦-Infinity¦1e15"),
        _ => None,
    }
}

fn text(function: Text, at: usize) -> Option<&'static str> {
    use Text::*;
    match (function, at) {
        (Encode | Decode, 1) => Some("hex¦base64¦escape¦rot13¦HEX"),
        (Decode, 0) => Some(
            "00ff¦YWJj¦\\000a¦zz¦YWJ¦YW Jj¦=¦YQ==¦0¦a\\\\b¦\\777¦YQ=¦YQ==YQ==¦¦ 0 0\
         ¦YWI=¦é¦Y¦\\1",
        ),
        (ConvertFrom | ConvertTo, 1) => Some("UTF8¦utf-8"),
        (FormatText, 0) => Some(
            "%s¦%I-%L¦%2$s %1$s¦%%¦%-5s|¦%5s¦%s %s %s¦plain¦%¦%*s¦%-*s|¦%1$*2$s\
         ¦%2$L¦%x¦%0$s¦%9$s¦%1$¦%-¦é%3sé¦%1$s%s¦%s%%%s¦% s¦%*1$s",
        ),
        (Repeat | Left | Right | Lpad | LpadWith | Rpad | RpadWith, 1)
        | (SplitPart, 2)
        | (SubstringFrom | SubstringFor | BytesSubstringFrom | BytesSubstringFor, 1)
        | (SubstringFor | BytesSubstringFor, 2)
        | (Overlay | OverlayFor, 2)
        | (OverlayFor, 3)
        | (GetByte, 1) => Some(COUNTS),
        (Chr, 0) => Some("65¦233¦8364¦128512¦0¦-1¦55296¦1114112¦1¦127"),
        (SplitPart, 1) => Some(",¦¦b¦a¦,,¦ "),
        (Translate, 1) => Some("abc¦aé¦¦aab¦ů "),
        (TrimOf | LtrimOf | RtrimOf, 1) => Some("a¦ a¦¦bé ¦cba¦%"),
        _ => None,
    }
}

fn json(function: Json, at: usize) -> Option<&'static str> {
    use Json::*;
    match (function, at) {
        (JsonGet | JsonGetText | JsonbGet | JsonbGetText | HasKey | DeleteKey, 1) => Some(KEYS),
        (JsonAt | JsonAtText | JsonbAt | JsonbAtText | DeleteAt, 1) => {
            Some("0¦1¦-1¦2¦-3¦9¦-2147483648")
        }
        (
            JsonPath | JsonPathText | JsonbPath | JsonbPathText | DeletePath | Set | SetOrNot
            | Insert | InsertAfter,
            1,
        ) => Some(PATHS),
        (Set | SetOrNot | Insert | InsertAfter, 2) => Some(JSONS),
        (HasAny | HasAll | DeleteKeys, 1) => Some("{a}¦{}¦{a,b}¦{NULL,a}¦{x}¦{0,\"\"}"),
        (Contains, 1) | (Contained, 0) | (JsonbConcat, 1) => Some(JSONS),
        (JsonObject | JsonbObject, 0) => {
            Some("{a,1,b,NULL}¦{}¦{{a,1},{b,2}}¦{a}¦{{a,b,c}}¦{NULL,1}¦{a,1,a,2}")
        }
        (JsonObjectOf | JsonbObjectOf, 0) => Some("{a,b}¦{}¦{b,a}¦{a,NULL}¦{{a}}"),
        _ => None,
    }
}

fn array(function: Array, at: usize) -> Option<&'static str> {
    use Array::*;
    match (function, at) {
        (Subscript | Length | Lower | Upper | Trim, 1) | (Slice, 1 | 2) | (PositionFrom, 2) => {
            Some("1¦2¦0¦3¦-1¦2147483647")
        }
        (FromText | FromTextNull, 1) => Some(",¦¦b¦ ¦,,"),
        (ToText | ToTextNull, 1) => Some(",¦¦é"),
        _ => None,
    }
}
