//! `to_char` and its inverses: values written and read by a template.

use super::family;

family! {
    /// Functions that go by a template.
    Format;

    TimestampToChar "to_char" (Timestamp, Text) -> Text: "written by the template";
    TimestampTzToChar "to_char" (TimestampTz, Text) -> Text: "written by the template";
    IntervalToChar "to_char" (Interval, Text) -> Text: "written by the template";
    NumericToChar "to_char" (Numeric, Text) -> Text: "written by the template";
    Int4ToChar "to_char" (Int4, Text) -> Text: "written by the template";
    Int8ToChar "to_char" (Int8, Text) -> Text: "written by the template";
    Float4ToChar "to_char" (Float4, Text) -> Text: "written by the template";
    Float8ToChar "to_char" (Float8, Text) -> Text: "written by the template";
    ToDate "to_date" (Text, Text) -> Date: "read by the template";
    ToTimestamp "to_timestamp" (Text, Text) -> TimestampTz: "read by the template, in UTC";
    ToNumber "to_number" (Text, Text) -> Numeric: "read by the template";
}
